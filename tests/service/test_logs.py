"""How log lines look, and what is measured of a request."""

import json
import logging
import sys
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from starlette.testclient import TestClient

from models.errors import EngineFailed
from service.logs import TEXT_FORMAT, JsonFormatter, TextFormatter
from service.telemetry import STAGES

MARK = "-".join(["Quetzal", "coatlus"])  # not as it stands in a line of this file, which a trace may quote
FORMATTERS = (TextFormatter(TEXT_FORMAT), JsonFormatter())


def record(message: str, *arguments: object, fails: bool = False, **extra: object) -> logging.LogRecord:
    """A log record, of an exception that came from another where it fails."""
    try:
        try:
            raise ValueError(MARK)
        except ValueError as error:
            raise EngineFailed("a forward pass failed") from error
    except EngineFailed:
        made = logging.getLogger("parley.x").makeRecord(
            "parley.x", logging.ERROR, __file__, 1, message, arguments, sys.exc_info() if fails else None, extra=extra
        )
    return made


def test_a_json_line_is_one_object() -> None:
    """A record is one line of JSON with its time in UTC and its fields; None is left out, line breaks are escaped."""
    line = JsonFormatter().format(record("took %d\nms", 3, fields={"route": "/info", "status": 200, "key": None}))
    assert "\n" not in line
    parsed = json.loads(line)
    assert datetime.fromisoformat(parsed.pop("time")).utcoffset() == timedelta(0)
    assert parsed == {
        "level": "error", "logger": "parley.x", "message": "took 3\nms", "route": "/info", "status": 200,
    }  # fmt: skip


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_an_exception_is_logged_without_foreign_messages(formatter: logging.Formatter) -> None:
    """Where an exception is logged, by whatever library, its place is there, and messages of our own errors alone."""
    line = formatter.format(record("it failed", fails=True))
    assert "EngineFailed: a forward pass failed" in line
    assert "ValueError" in line
    assert "test_logs.py" in line
    assert MARK not in line


def test_every_stage_is_measured(client: TestClient) -> None:
    """One statement leaves one observation in each stage; a refused one in those that it reached."""

    def counts() -> dict[str, float]:
        lines = client.get("/metrics").text.splitlines()
        return {s: float(x.rpartition(" ")[2]) for x in lines for s in STAGES if f'_count{{stage="{s}"' in x}

    client.get("/health/live")  # metrics and probes only respond
    before = counts()
    client.post("/classify", json={"text": "We will talk."})
    client.post("/classify", json={"text": ""})
    grown = {stage: value - before[stage] for stage, value in counts().items()}
    assert grown == {"receive": 2, "encode": 1, "queue": 1, "engine": 1, "respond": 3}


def test_the_access_log_names_the_key(make_client: Callable[..., TestClient], caplog: pytest.LogCaptureFixture) -> None:
    """Under keys a line ends with the name of the key, and its fields have it; a refused request has none."""
    from service.auth import fingerprint

    client = make_client(keys=f"desk {fingerprint(b'parley_x')}")
    with caplog.at_level(logging.INFO, logger="parley"):
        client.get("/info", headers={"Authorization": "Bearer parley_x"})
        client.get("/info")
    let_in, refused = [r for r in caplog.records if r.name == "parley.requests"]
    assert let_in.getMessage().endswith(" key=desk")
    assert let_in.fields["key"] == "desk"  # type: ignore[attr-defined]  # set by our own extra
    assert "key=" not in refused.getMessage()
    assert refused.fields["key"] is None  # type: ignore[attr-defined]  # as above
