"""The program, started where others could reach it: refused with one line unless keys are set or it is meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.auth import fingerprint
from service.settings import PREFIX

GOOD = f"desk {fingerprint(b'parley_x')}\n"
NO_MODEL = "the model cannot be served"


def start(root: Path, folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The program, run to its end over no model: where it complains of that, it would have served."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    own = {"STANCE_HOST": "0.0.0.0", "STANCE_PORT": "0", "STANCE_MODEL": str(folder / "nowhere"), **settings}
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=root, env={**inherited, **own}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "keys", "status", "line"),
    [
        ((), None, 2, "STANCE_HOST: 0.0.0.0 can be reached from other machines, and no keys are set"),
        ((), f"{GOOD}parley_secret\n", 2, "STANCE_KEYS_FILE: line 2: must be NAME SHA256"),
        (("--key=parley_secret",), GOOD, 2, "there is no argument but --insecure"),
        ((), GOOD, 1, NO_MODEL),
        (("--insecure",), None, 1, NO_MODEL),
    ],
)
def test_a_start_for_others_needs_keys_or_the_word(
    root: Path, tmp_path: Path, arguments: tuple[str, ...], keys: str | None, status: int, line: str
) -> None:
    """Without keys, with a malformed file or an unknown argument it ends with 2 before it looks at the model; with keys
    or --insecure it goes on to the model. One line says why, and no key is in it.
    """
    settings = {}
    if keys:
        (tmp_path / "keys").write_text(keys)
        settings["STANCE_KEYS_FILE"] = str(tmp_path / "keys")
    done = start(root, tmp_path, *arguments, **settings)
    assert done.returncode == status
    (written,) = done.stderr.splitlines()
    assert written.startswith(f"parley: {line}")
    assert "parley_secret" not in written
    assert done.stdout == ""


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_help_is_given_before_anything_is_looked_at(root: Path, tmp_path: Path, asked: str) -> None:
    """Who asks for help gets it, and status 0, whatever the settings are."""
    done = start(root, tmp_path, asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert "python -m service --insecure" in done.stdout


def test_the_setting_is_the_same_word(root: Path, tmp_path: Path) -> None:
    """STANCE_INSECURE=true lets it start as --insecure does."""
    assert NO_MODEL in start(root, tmp_path, STANCE_INSECURE="true").stderr
