"""training.clones: files of repositories, at a revision, from whatever kind of copy there is."""

import shutil
import subprocess
from pathlib import Path

import pytest

from training.clones import find_clone, read_files
from training.examples import CorpusError

PATH = "a folder/f.txt"


def git(folder: Path, *arguments: str) -> str:
    """What a git command prints; the commit's author is given here, for machines where none is configured."""
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *author, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository's folder with one file in it, not yet under git."""
    folder = tmp_path / "owner+name"
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(b"first\n")
    return folder


@pytest.fixture
def revisions(folder: Path) -> list[str]:
    """Two revisions of that file, "first" and "second"."""
    git(folder, "init", "--quiet")
    made = []
    for content in (b"first\n", b"second\n\n"):
        (folder / PATH).write_bytes(content)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "-m", "test")
        made.append(git(folder, "rev-parse", "HEAD"))
    return made


def read(clones: Path, *files: tuple[str | None, str]) -> list[bytes | None]:
    """The contents of files of owner/name."""
    found = find_clone(clones, "owner/name")
    assert found is not None
    return list(read_files(found, files))


@pytest.mark.parametrize("layout", ["ordinary", "nested", "bare"])
def test_every_kind_of_clone_is_read(folder: Path, revisions: list[str], layout: str) -> None:
    """An ordinary clone, one in repo/ below and a bare one give the bytes of the revision that is asked for."""
    moved = folder.with_name("moved")
    if layout != "ordinary":
        folder.rename(moved)
    if layout == "nested":
        folder.mkdir()
        moved.rename(folder / "repo")
    if layout == "bare":
        shutil.move(moved / ".git", folder)
    wanted = [(revision, PATH) for revision in revisions]
    assert read(folder.parent, *wanted, (revisions[0][:7], PATH)) == [b"first\n", b"second\n\n", b"first\n"]


def test_what_a_clone_lacks_is_none(folder: Path, revisions: list[str]) -> None:
    """A path or a revision that is not there, no revision at all, and a folder give None, and reading goes on."""
    lacking = [(revisions[0], "no such.txt"), ("0" * 40, PATH), (None, PATH), (revisions[0], "a folder")]
    assert read(folder.parent, *lacking, (revisions[0], PATH)) == [None, None, None, None, b"first\n"]


def test_plain_files_are_taken_as_they_are(folder: Path) -> None:
    """Where there is no history the revision is not asked."""
    assert read(folder.parent, ("0" * 40, PATH), (None, "other.txt")) == [b"first\n", None]


def test_no_folder_no_clone(tmp_path: Path) -> None:
    """A repository without a folder is told apart from one without the file."""
    assert find_clone(tmp_path, "owner/name") is None


def test_a_clone_that_git_cannot_read_is_an_error(folder: Path) -> None:
    """A damaged clone is an error, not a missing file."""
    (folder / "objects").mkdir()
    (folder / "HEAD").write_text("damaged", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"owner\+name"):
        read(folder.parent, ("0" * 40, PATH))
