"""The base encoder: what is on this machine is checked, what cannot be had ends in one line."""

import hashlib
import shutil
from pathlib import Path

import pytest

from training import base
from training.base import DEFAULT_BASE, DEFAULT_REVISION, BaseError, find_base

huggingface_hub = pytest.importorskip("huggingface_hub")


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the package of the default base."""
    monkeypatch.setattr(base, "PACKAGE", "no-such-package")


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of a hub that cannot be reached."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def put_into(cache: Path, name: str, *, revision: str, source: Path) -> None:
    """Put a base into the hub's cache, as a download leaves it."""
    repository = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(source, repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision, encoding="utf-8")


def sha256(path: Path) -> str:
    """The sha256 of a file in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_directory_is_taken_as_it_is(tiny_base: Path) -> None:
    """A local base has its folder's name, no revision, and the sha256 of its weights."""
    found = find_base(str(tiny_base))
    assert (found.id, found.location) == ("tiny", str(tiny_base))
    assert found.provenance() == {
        "id": "tiny",
        "revision": "unknown",
        "sha256": sha256(tiny_base / "model.safetensors"),
    }


def test_a_directory_without_an_encoder_is_refused(tmp_path: Path) -> None:
    """A folder that lacks files ends in a message that names them."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BaseError, match=r"not an encoder: model\.safetensors, tokenizer\.json missing"):
        find_base(str(tmp_path))


def test_the_packaged_base_is_the_published_one() -> None:
    """Where the package is installed, its files are those whose hashes are written down here."""
    if base.packaged_folder() is None:
        pytest.skip(f"{base.PACKAGE} is not installed")
    found = find_base()
    assert (found.id, found.revision, found.sha256) == (DEFAULT_BASE, DEFAULT_REVISION, base.DEFAULT_WEIGHTS_SHA256)
    assert Path(found.location).is_dir()


@pytest.mark.parametrize("changed", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_changed_package_is_refused(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """Weights, configuration or tokeniser of the package with another sha256 are refused by name."""
    folder = Path(shutil.copytree(tiny_base, tmp_path / "model"))
    monkeypatch.setattr(base, "packaged_folder", lambda: folder)
    monkeypatch.setattr(base, "PACKAGED_SHA256", {name: sha256(folder / name) for name in base.PACKAGED_SHA256})
    assert find_base().location == str(folder)
    with (folder / changed).open("ab") as file:
        file.write(b" ")
    with pytest.raises(BaseError, match=f"{base.PACKAGE}: {changed} has sha256 "):
        find_base()


def test_an_unreachable_hub_ends_in_one_line(no_package: None, hub_cache: Path) -> None:
    """Without package, cache and network the message names the base, on one line."""
    with pytest.raises(BaseError, match=f"^{DEFAULT_BASE}: neither a directory nor to be had from the hub: ") as raised:
        find_base()
    assert "\n" not in str(raised.value)


def test_a_name_that_is_none_ends_in_one_line(hub_cache: Path) -> None:
    """A mistyped path, which is no repository's name either, is said to be neither."""
    with pytest.raises(BaseError, match="neither a directory nor"):
        find_base("runs/no/such/folder")


def test_what_the_hub_gave_is_hashed(hub_cache: Path, tiny_base: Path) -> None:
    """The sha256 of a base from the hub is that of the file received, not one that was only published."""
    put_into(hub_cache, "someone/encoder", revision="a" * 40, source=tiny_base)
    found = find_base("someone/encoder")
    assert (found.location, found.sha256) == ("someone/encoder", sha256(tiny_base / "model.safetensors"))


def test_a_default_base_with_other_weights_is_refused(no_package: None, hub_cache: Path, tiny_base: Path) -> None:
    """Weights that come under the default's name and revision, but are others, are refused."""
    put_into(hub_cache, DEFAULT_BASE, revision=DEFAULT_REVISION, source=tiny_base)
    with pytest.raises(BaseError, match=r"model\.safetensors has sha256 "):
        find_base()
