"""Settings from the environment, and a start that fails with one line."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from models.artifact import MANIFEST
from models.text import MAX_TEXT_CHARS
from service.settings import PREFIX, RELEASED_MODEL, Settings, SettingsError

DEFAULTS: dict[str, Any] = {
    "model": RELEASED_MODEL,
    "engine": "openvino",
    "threads": 0,
    "host": "127.0.0.1",
    "port": 8000,
    "max_body_bytes": 4_194_304,
    "max_text_chars": MAX_TEXT_CHARS,
    "max_batch_items": 256,
    "max_article_chars": 400_000,
    "max_article_statements": 4_000,
    "max_queued_tokens": 100_000,
    "deadline_seconds": 15.0,
    "stream_seconds": 60.0,
    "receive_seconds": 15.0,
    "max_held_bytes": 33_554_432,
    "max_connections": 1_000,
    "hang_seconds": 60.0,
    "notice_seconds": 1.0,
    "drain_seconds": 10.0,
    "keys_file": None,
    "keys": "",
    "key_tokens_per_second": 0.0,
    "key_burst_tokens": 50_000,
    "insecure": False,
    "feedback": None,
    "feedback_max_bytes": 2**30,
    "cors_origins": "",
    "docs": True,
    "page": True,
    "tracing": False,
    "log_format": "text",
    "log_level": "info",
}
OTHERS: dict[str, Any] = {
    "model": Path("/elsewhere"),
    "engine": "torch",
    "threads": 3,
    "host": "::1",
    "port": 0,
    "max_body_bytes": 50_000,
    "max_text_chars": 99,
    "max_batch_items": 2,
    "max_article_chars": 9_000,
    "max_article_statements": 90,
    "max_queued_tokens": 5_000,
    "deadline_seconds": 0.5,
    "stream_seconds": 99.0,
    "receive_seconds": 2.5,
    "max_held_bytes": 5_000_000,
    "max_connections": 10,
    "hang_seconds": 5.0,
    "notice_seconds": 0.0,
    "drain_seconds": 30.0,
    "keys_file": Path("/run/keys"),
    "keys": "desk " + "0" * 64,
    "key_tokens_per_second": 12.5,
    "key_burst_tokens": 7,
    "insecure": True,
    "feedback": Path("/var/lib/parley/feedback.sqlite"),
    "feedback_max_bytes": 2**20,
    "cors_origins": "https://desk.example,http://localhost:3000",
    "docs": False,
    "page": False,
    "tracing": True,
    "log_format": "json",
    "log_level": "error",
}


def test_defaults() -> None:
    """An empty environment gives the documented defaults."""
    assert Settings.read({}).model_dump() == DEFAULTS


def test_the_given_environment_is_the_only_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from what read is given and from nowhere else, so that tests and programs agree."""
    monkeypatch.setenv("STANCE_PORT", "1")
    assert Settings.read({}).port == 8000
    assert Settings().port == 8000


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_each_setting_comes_from_the_environment(name: str, case: Any) -> None:
    """STANCE_ and the name of a setting, in any case, sets it and nothing else."""
    settings = Settings.read({case(PREFIX + name): str(OTHERS[name]), "PATH": "/bin"})
    assert settings.model_dump() == {**DEFAULTS, name: OTHERS[name]}


@pytest.mark.parametrize("name", ["STANCE_MAX_BODY", "STANCE_", "stance_modle", "STANCE_API_KEY"])
def test_an_unknown_setting_is_refused_by_name(name: str) -> None:
    """A misspelt setting stops the start, and the message names it and those that exist."""
    with pytest.raises(SettingsError) as error:
        Settings.read({name: "secret-value", "STANCE_PORT": "1"})
    assert f"unknown setting {name};" in str(error.value)
    assert "STANCE_MAX_BODY_BYTES" in str(error.value)
    assert "secret-value" not in str(error.value)


def test_two_spellings_of_a_setting_are_refused_by_name() -> None:
    """A setting given in capitals and in small letters stops the start, though both agree: neither wins by chance."""
    with pytest.raises(SettingsError, match=r"^STANCE_PORT and stance_port are the same setting"):
        Settings.read({"stance_port": "1", "STANCE_PORT": "1", "STANCE_THREADS": "2"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"), ("PORT", "65536"), ("PORT", "-1"), ("PORT", "80.5"), ("PORT", ""),
        ("THREADS", "-1"), ("ENGINE", "tensorflow"), ("HOST", ""), ("LOG_LEVEL", "loud"),
        ("MAX_BODY_BYTES", "0"), ("MAX_TEXT_CHARS", "0"), ("MAX_BATCH_ITEMS", "0"), ("MAX_QUEUED_TOKENS", "1"),
        ("DEADLINE_SECONDS", "0"), ("DEADLINE_SECONDS", "nan"), ("DEADLINE_SECONDS", "inf"),
        ("RECEIVE_SECONDS", "-5"), ("DRAIN_SECONDS", "soon"),
        ("KEY_TOKENS_PER_SECOND", "-1"), ("KEY_BURST_TOKENS", "0"), ("INSECURE", "perhaps"), ("DOCS", "2"),
        ("TRACING", "maybe"),
        ("CORS_ORIGINS", "desk.example"), ("CORS_ORIGINS", "https://desk.example/page"), ("LOG_FORMAT", "xml"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    """A value of the wrong kind or out of range stops the start, and the message names the setting."""
    with pytest.raises(SettingsError) as error:
        Settings.read({PREFIX + name: value})
    assert str(error.value).startswith(f"STANCE_{name}: ")
    assert "\n" not in str(error.value)


def test_every_bad_value_is_named_at_once() -> None:
    """Two mistakes are reported together."""
    with pytest.raises(SettingsError, match=r"STANCE_PORT: .*; STANCE_THREADS: |STANCE_THREADS: .*; STANCE_PORT: "):
        Settings.read({"STANCE_PORT": "x", "STANCE_THREADS": "y"})


def test_contradictory_limits_are_refused() -> None:
    """Limits that cannot both hold stop the start, and the message names both."""
    with pytest.raises(SettingsError, match="max_text_chars is larger than max_body_bytes") as error:
        Settings.read({"STANCE_MAX_BODY_BYTES": "1024", "STANCE_MAX_TEXT_CHARS": "2000"})
    assert not str(error.value).startswith(PREFIX)
    with pytest.raises(SettingsError, match="max_body_bytes is larger than max_held_bytes"):
        Settings.read({"STANCE_MAX_BODY_BYTES": "4000000", "STANCE_MAX_HELD_BYTES": "3000000"})


def test_settings_cannot_be_changed() -> None:
    """Settings are a value: nothing changes them while the service runs."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1


def start(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program, run to its end with these variables."""
    inherited: Mapping[str, str] = {k: v for k, v in os.environ.items() if not k.upper().startswith(PREFIX)}
    return subprocess.run(
        [sys.executable, "-m", "service"],
        cwd=root,
        env={**inherited, "STANCE_PORT": "0", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def broken_models(folder: Path) -> dict[str, Path]:
    """Model directories that cannot be served, by what must be named."""
    truncated = folder / "truncated"
    truncated.mkdir()
    (truncated / MANIFEST).write_text('{"format_version": 1, "name": "x"')
    other_format = folder / "other-format"
    other_format.mkdir()
    (other_format / MANIFEST).write_text(json.dumps({"format_version": 99}))
    return {f"no {MANIFEST}": folder / "nowhere", "not readable": truncated, "format 99": other_format}


def test_the_program_ends_with_one_line(root: Path, tmp_path: Path) -> None:
    """Bad settings end the program with 2, a model that cannot be served with 1: one line, no traceback."""
    unknown = start(root, STANCE_PROT="1")
    assert unknown.returncode == 2
    assert_one_line(unknown, "unknown setting STANCE_PROT")
    for cause, path in broken_models(tmp_path).items():
        broken = start(root, STANCE_MODEL=str(path))
        assert broken.returncode == 1
        assert_one_line(broken, cause)


def assert_one_line(process: subprocess.CompletedProcess[str], cause: str) -> None:
    """Check that standard error is one line that begins with our name and holds the cause."""
    assert process.stdout == ""
    (line,) = process.stderr.splitlines()
    assert line.startswith("parley: ")
    assert cause in line
