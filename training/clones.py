"""Reading files of public repositories from a folder of clones, at the revision that was annotated."""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from training.examples import CorpusError

File = tuple[str | None, str]
"""The revision and the path of a file in its repository."""


def folder_name(repository: str) -> str:
    """The name under which a repository lies in the folder of clones: owner+name."""
    return repository.replace("/", "+")


def find_clone(clones: Path, repository: str) -> Path | None:
    """The folder of a repository: an ordinary or a bare clone, there or in repo/ below, or plain files; or None."""
    folder = clones / folder_name(repository)
    nested = folder / "repo"
    if git_folder(folder) is None and git_folder(nested) is not None:
        return nested
    return folder if folder.is_dir() else None


def git_folder(folder: Path) -> Path | None:
    """Where git keeps the history of a clone; None for a folder of plain files."""
    if (folder / ".git").exists():
        return folder / ".git"
    return folder if (folder / "HEAD").is_file() and (folder / "objects").is_dir() else None


def read_files(folder: Path, files: Iterable[File]) -> Iterator[bytes | None]:
    """The contents of files, in order; None for one that is not there. Plain files are taken as they are.

    Raises: CorpusError when git cannot be run or cannot read the clone.
    """
    history = git_folder(folder)
    if history is not None:
        yield from _read_history(history, files)
        return
    for _, path in files:
        file = folder / path
        yield file.read_bytes() if file.is_file() else None


def _read_history(history: Path, files: Iterable[File]) -> Iterator[bytes | None]:
    command = ["git", f"--git-dir={history}", "cat-file", "--batch"]  # one process for all files of a repository
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as git:
            assert git.stdin is not None
            assert git.stdout is not None
            for revision, path in files:
                git.stdin.write(f"{revision}:{path}\n".encode())
                git.stdin.flush()
                answer = git.stdout.readline().split()  # "<hash> blob <size>" or "<name> missing"
                if not answer:
                    raise CorpusError(f"{history}: git cannot read this clone")
                is_there = answer[-1].isdigit()
                content = git.stdout.read(int(answer[-1]) + 1)[:-1] if is_there else None
                yield content if answer[-2] == b"blob" else None
    except OSError as error:
        raise CorpusError(f"{history}: git failed: {error}") from error
