"""The program that makes keys."""

import re
import stat
from pathlib import Path

import pytest

from service.auth import KeyRing, fingerprint
from service.keys import main
from service.settings import Settings


def test_a_key_is_shown_once_and_kept_as_a_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key goes to the terminal, its hash alone to the file, which its owner alone can read; the key then opens."""
    path = tmp_path / "keys"
    assert main(["desk", "--file", str(path)]) == 0
    secret = capsys.readouterr().out.strip()
    assert re.fullmatch(r"parley_[\w-]{43}", secret)
    assert path.read_text() == f"desk {fingerprint(secret.encode())}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = KeyRing(Settings(keys_file=path)).find(secret.encode())
    assert found
    assert found.name == "desk"


def test_keys_are_added_to_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second key leaves the first, comments and the file's mode alone; an expiry is kept; no two keys are equal."""
    path = tmp_path / "keys"
    main(["first", "--file", str(path)])
    path.write_text("# ours\n" + path.read_text().rstrip())
    path.chmod(0o640)
    assert main(["second", "--file", str(path), "--expires", "2100-01-31"]) == 0
    comment, first, second = path.read_text().splitlines()
    assert comment == "# ours"
    assert first.startswith("first ")
    assert re.fullmatch(r"second [0-9a-f]{64} 2100-01-31T00:00:00\+00:00", second)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert len(set(capsys.readouterr().out.split())) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys"]


def test_what_a_crash_left_behind_is_not_written_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file, or a link, under the name of a half-written one keeps its content; the new file is its owner's alone."""
    other = tmp_path / "other"
    other.write_text("precious")
    (tmp_path / ".keys.partial").symlink_to(other)
    assert main(["desk", "--file", str(tmp_path / "keys")]) == 0
    assert capsys.readouterr().out
    assert other.read_text() == "precious"
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600
    assert not (tmp_path / "keys").is_symlink()


def test_without_a_file_the_line_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """For a secret store, the line comes after the key, and is what STANCE_KEYS takes."""
    assert main(["desk"]) == 0
    secret, line = capsys.readouterr().out.splitlines()
    assert KeyRing(Settings(keys=line)).find(secret.encode())


@pytest.mark.parametrize("options", [["desk"], ["a b"], [""], ["ok", "--expires", "soon"]])
def test_what_cannot_be_a_key_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    """A name that is taken or that is no name, or a bad expiry, ends the program with 2 and leaves the file alone."""
    path = tmp_path / "keys"
    main(["desk", "--file", str(path)])
    before = path.read_text()
    capsys.readouterr()
    assert main([*options, "--file", str(path)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("parley: ")
    assert path.read_text() == before
