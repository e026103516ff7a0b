"""Sealing the model directory: all or nothing, and a digest that stands for the files and for nothing else."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models import artifact as artifacts
from models.errors import ArtifactCorrupt, ArtifactMissing

MakeArtifact = Callable[..., Path]


def test_a_crash_while_sealing_leaves_nothing_loadable(
    make_artifact: MakeArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seal that dies before its last step leaves no manifest, and a second attempt succeeds."""
    path = make_artifact()
    manifest = artifacts.load(path).manifest
    (path / artifacts.MANIFEST).unlink()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            artifacts.seal(path, manifest)
    with pytest.raises(ArtifactMissing):
        artifacts.load(path)
    assert artifacts.seal(path, manifest) == artifacts.load(path).manifest


def test_a_crash_while_sealing_anew_keeps_the_old_record(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seal over changed files that dies leaves the old manifest, which then refuses the changed files."""
    manifest = artifacts.load(tiny).manifest
    (tiny / "README.md").write_text("Changed.\n", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        artifacts.seal(tiny, manifest)
    with pytest.raises(ArtifactCorrupt, match=r"README\.md"):
        artifacts.load(tiny)


def test_sealing_leaves_no_partial_file(tiny: Path) -> None:
    """After a seal the directory holds the files, the manifest and nothing else."""
    present = {file.relative_to(tiny).as_posix() for file in tiny.rglob("*") if file.is_file()}
    assert present == {*artifacts.load(tiny).manifest.files, artifacts.MANIFEST}


def test_digest_is_the_same_for_the_same_files(make_artifact: MakeArtifact) -> None:
    """Two artifacts of the same files have one digest, whatever their names, dates and places."""
    one, two = make_artifact("one"), make_artifact("two", name="other", created="2026-02-02")
    assert artifacts.load(one).manifest.digest == artifacts.load(two).manifest.digest


@pytest.mark.parametrize(
    "name", ["README.md", "config.json", "model.safetensors", "openvino/model.bin", "openvino/model.xml"]
)
def test_digest_changes_with_any_file(tiny: Path, name: str) -> None:
    """A changed, renamed or removed file gives another digest."""
    manifest = artifacts.load(tiny).manifest
    digests = {manifest.digest}
    (tiny / name).write_bytes((tiny / name).read_bytes() + b" ")
    digests.add(artifacts.seal(tiny, manifest).digest)
    (tiny / name).rename(tiny / "renamed.txt")
    digests.add(artifacts.seal(tiny, manifest).digest)
    (tiny / "renamed.txt").unlink()
    digests.add(artifacts.seal(tiny, manifest).digest)
    assert len(digests) == 4


def test_digest_does_not_depend_on_the_order_of_files(tiny: Path) -> None:
    """The order in which a manifest lists its files means nothing."""
    manifest = artifacts.load(tiny).manifest
    assert replace(manifest, files=dict(reversed(manifest.files.items()))).digest == manifest.digest
