"""Loading the model directory: every way in which it can be broken is refused by name."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from models import artifact as artifacts
from models.errors import ArtifactCorrupt, ArtifactError, ArtifactIncompatible, ArtifactMissing
from models.labels import CODEBOOK_VERSION, STANCES
from models.text import MAX_TEXT_CHARS

FILES = [
    "README.md",
    "config.json",
    "decision.json",
    "model.safetensors",
    "openvino/model.bin",
    "openvino/model.xml",
    "tokenizer.json",
]
NAMES = [str(stance) for stance in STANCES]


def edit(path: Path, **fields: Any) -> None:
    """Replace fields of an artifact's manifest, without sealing it again."""
    manifest = path / artifacts.MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | fields), encoding="utf-8")


def add_file(path: Path, name: str, sha256: str) -> None:
    """Name one more file in an artifact's manifest."""
    edit(path, files={**artifacts.load(path).manifest.files, name: sha256})


def test_a_sealed_artifact_loads(tiny: Path) -> None:
    """What was sealed comes back: manifest, decision rule, and a path for each file that the manifest names."""
    loaded = artifacts.load(tiny)
    assert sorted(loaded.manifest.files) == FILES
    assert loaded.manifest.labels == tuple(NAMES)
    assert loaded.manifest.codebook == CODEBOOK_VERSION
    assert loaded.manifest.model_id == "tiny@0.1.0"
    assert loaded.decision.temperature == 1.5
    assert all(loaded.file(name).is_file() for name in FILES)


def test_only_named_files_are_handed_out(tiny: Path) -> None:
    """A file that lies in the directory, but is not in the manifest, was not verified and is not handed out."""
    (tiny / "extra.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ArtifactMissing, match=r"extra\.json"):
        artifacts.load(tiny).file("extra.json")


def test_no_directory_is_missing(tmp_path: Path) -> None:
    """A path where nothing is raises the error of a missing artifact, with the path."""
    with pytest.raises(ArtifactMissing, match="nowhere"):
        artifacts.load(tmp_path / "nowhere")


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """A path to a file raises an artifact error, not an error of the system."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ArtifactError):
        artifacts.load(tmp_path / "file")


def test_no_manifest_is_missing(tiny: Path) -> None:
    """A directory without a manifest was never finished."""
    (tiny / artifacts.MANIFEST).unlink()
    with pytest.raises(ArtifactMissing, match=r"manifest\.json"):
        artifacts.load(tiny)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"7", b"{}", b'{"format_version": 2}', b"\xff\xfe\x00", b'{"format_version": 2} tail'],
)
def test_a_broken_manifest_is_corrupt(tiny: Path, content: bytes) -> None:
    """A manifest that is not JSON, not UTF-8 or lacks fields is refused."""
    (tiny / artifacts.MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactCorrupt, match="manifest"):
        artifacts.load(tiny)


@pytest.mark.parametrize(
    "fields",
    [
        {"files": None},
        {"files": ["decision.json", "tokenizer.json"]},
        {"files": {"decision.json": 1, "tokenizer.json": 2}},
        {"labels": None},
        {"max_tokens": "256"},
        {"max_tokens": 0},
        {"max_tokens": True},
        {"name": 3},
        {"version": None},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_manifest_of_other_types_is_corrupt(tiny: Path, fields: dict[str, Any]) -> None:
    """A field of the wrong type, or one that this code does not know, is refused at load, not at first use."""
    edit(tiny, **fields)
    with pytest.raises(ArtifactCorrupt, match="manifest"):
        artifacts.load(tiny)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_missing(tiny: Path, name: str) -> None:
    """Each file that the manifest names must be there; the error names it."""
    (tiny / name).unlink()
    with pytest.raises(ArtifactMissing, match=name):
        artifacts.load(tiny)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_flipped_bit_is_corrupt(tiny: Path, name: str, place: str) -> None:
    """One bit changed at either end of any file is noticed."""
    content = bytearray((tiny / name).read_bytes())
    content[0 if place == "first" else -1] ^= 1
    (tiny / name).write_bytes(content)
    with pytest.raises(ArtifactCorrupt, match=f"{name}: sha256"):
        artifacts.load(tiny)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_corrupt(tiny: Path, name: str) -> None:
    """A file cut short, as by a broken download, is noticed."""
    os.truncate(tiny / name, (tiny / name).stat().st_size - 1)
    with pytest.raises(ArtifactCorrupt, match=name):
        artifacts.load(tiny)


def test_a_directory_in_a_files_place_is_corrupt(tiny: Path) -> None:
    """A directory where a file should be raises our error, not the system's."""
    (tiny / "config.json").unlink()
    (tiny / "config.json").mkdir()
    with pytest.raises(ArtifactCorrupt, match=r"config\.json"):
        artifacts.load(tiny)


@pytest.mark.parametrize("escape", ["../outside.json", "openvino/../../outside.json", "{absolute}"])
def test_a_path_that_leaves_the_directory_is_refused(tiny: Path, escape: str) -> None:
    """A manifest cannot name a file outside its directory, even with the right hash."""
    outside = tiny.parent / "outside.json"
    outside.write_text("{}", encoding="utf-8")
    add_file(tiny, escape.format(absolute=outside), artifacts.sha256_of(outside))
    with pytest.raises(ArtifactCorrupt, match="outside the model directory"):
        artifacts.load(tiny)


def test_a_link_that_leaves_the_directory_is_refused(tiny: Path) -> None:
    """A symbolic link to a file outside the directory is refused, even where the bytes are the same."""
    outside = tiny.parent / "outside.json"
    shutil.move(tiny / "config.json", outside)
    (tiny / "config.json").symlink_to(outside)
    with pytest.raises(ArtifactCorrupt, match="outside the model directory"):
        artifacts.load(tiny)


def test_a_path_with_a_nul_is_refused(tiny: Path) -> None:
    """A path that no file system takes raises our error."""
    add_file(tiny, "a\x00.json", "0" * 64)
    with pytest.raises(ArtifactCorrupt):
        artifacts.load(tiny)


@pytest.mark.parametrize(
    "name", ["pytorch_model.pt", "weights.pkl", "model.pickle", "modelling.py", "weights", "a.bin.pt"]
)
def test_a_format_that_can_run_code_is_refused(tiny: Path, name: str) -> None:
    """A pickle, a program or a file without a known suffix is refused, even when its hash is right."""
    (tiny / name).write_bytes(b"x")
    artifacts.seal(tiny, artifacts.Manifest.from_json((tiny / artifacts.MANIFEST).read_text()))
    with pytest.raises(ArtifactCorrupt, match="safe to load"):
        artifacts.load(tiny)


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": [*NAMES[:3], "neutral"]},
        {"labels": NAMES[:3]},
        {"labels": [*NAMES, "neutral"]},
        {"labels": NAMES[::-1]},
        {"codebook": "0"},
        {"codebook": CODEBOOK_VERSION + ".1"},
        {"format_version": 0},
        {"format_version": 1},
        {"format_version": "3"},
        {"format_version": 4},
    ],
    ids=str,
)
def test_other_labels_codebooks_and_formats_are_incompatible(tiny: Path, fields: dict[str, Any]) -> None:
    """An artifact for other labels, another label order, another codebook or another format version is refused."""
    edit(tiny, **fields)
    with pytest.raises(ArtifactIncompatible):
        artifacts.load(tiny)


@pytest.mark.parametrize("name", ["tokenizer.json", "decision.json"])
def test_a_manifest_without_a_needed_file_is_missing(tiny: Path, name: str) -> None:
    """An artifact sealed without its tokeniser or its decision rule cannot answer."""
    (tiny / name).unlink()
    artifacts.seal(tiny, artifacts.Manifest.from_json((tiny / artifacts.MANIFEST).read_text()))
    with pytest.raises(ArtifactMissing, match=name):
        artifacts.load(tiny)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{}", ArtifactCorrupt),
        (b"\xff\xfe", ArtifactCorrupt),
        (json.dumps({"temperature": 1, "coverage": 0.9, "floors": {"for": 0.5}}).encode(), ArtifactIncompatible),
    ],
    ids=["empty", "not UTF-8", "other labels"],
)
def test_a_sealed_decision_is_still_read_with_care(tiny: Path, content: bytes, error: type[ArtifactError]) -> None:
    """A decision file with the right hash, but for other labels or not readable, is refused."""
    (tiny / "decision.json").write_bytes(content)
    artifacts.seal(tiny, artifacts.Manifest.from_json((tiny / artifacts.MANIFEST).read_text()))
    with pytest.raises(error, match="decision"):
        artifacts.load(tiny)


def test_the_released_artifact_is_whole(released: Path) -> None:
    """The released directory verifies, reads whole statements and holds no file that its manifest does not name."""
    manifest = artifacts.load(released).manifest
    present = {file.relative_to(released).as_posix() for file in released.rglob("*") if file.is_file()}
    assert present == {*manifest.files, artifacts.MANIFEST}
    assert 64 <= manifest.max_tokens < MAX_TEXT_CHARS
