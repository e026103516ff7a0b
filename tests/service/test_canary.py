"""Texts and keys that are unlike anything else go in by every door; nothing that the program writes has them in it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from service.auth import fingerprint
from service.documents import KINDS
from service.errors import TABLE

TEXT = "Quetzalcoatlus"
KEY = "parley_Archaeopteryx-one"
OTHER_KEY = "parley_Archaeopteryx-two"
EXPIRED_KEY = "parley_Archaeopteryx-old"
MARKS = ("Quetzalcoatlus", "Archaeopteryx")
PROGRAM = """
import importlib.util, sys
from models.classifier import StanceClassifier
spec = importlib.util.spec_from_file_location("fakes", sys.argv[1])
fakes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fakes)
StanceClassifier.open = lambda *_, **__: fakes.FakeClassifier()
from service.__main__ import main
raise SystemExit(main())
"""
SETTINGS = {
    "STANCE_PORT": "0", "STANCE_LOG_LEVEL": "debug", "STANCE_DEADLINE_SECONDS": "1", "STANCE_RECEIVE_SECONDS": "0.5",
    "STANCE_MAX_BODY_BYTES": "200000", "STANCE_MAX_QUEUED_TOKENS": "1024", "STANCE_KEY_TOKENS_PER_SECOND": "1",
    "STANCE_KEY_BURST_TOKENS": "60000", "STANCE_DRAIN_SECONDS": "1", "STANCE_FEEDBACK_MAX_BYTES": "65536",
}  # fmt: skip


def bearer(key: str) -> dict[str, str]:
    """The header that carries a key."""
    return {"Authorization": f"Bearer {key}"}


class Program:
    """The service over a fake classifier, as a process that writes to files, and what was answered so far."""

    def __init__(self, root: Path, folder: Path, log_format: str, **environment: str) -> None:
        self.written = folder / "output"
        keys = (
            f"desk {fingerprint(KEY.encode())}, wire {fingerprint(OTHER_KEY.encode())},"
            f"old {fingerprint(EXPIRED_KEY.encode())} 2020-01-01"
        )
        with self.written.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-X", "dev", "-c", PROGRAM, str(root / "tests" / "service" / "conftest.py")],
                cwd=root,
                env={
                    **os.environ,
                    **SETTINGS,
                    "STANCE_KEYS": keys,
                    "STANCE_LOG_FORMAT": log_format,
                    "STANCE_FEEDBACK": str(folder / "feedback.sqlite"),
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + 120
        while "-d '" not in self.written.read_text() and time.monotonic() < until:
            time.sleep(0.05)
        self.port = int(self.written.read_text().partition("127.0.0.1:")[2].partition(" ")[0])
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self.answers: list[str] = []
        self.codes: set[str] = set()

    def ask(self, method: str, path: str, *, key: str = KEY, **options: Any) -> httpx.Response:
        """Send a request with a key, and keep what came back."""
        headers = {**bearer(key), **options.pop("headers", {})}
        response = self.http.request(method, path, headers=headers, **options)
        self.keep(response.text + str(response.headers.raw))
        return response

    def ask_quietly(self, method: str, path: str, **options: Any) -> None:
        """Send a request whose answer may say what was sent, as an analysis does; its headers may not."""
        response = self.http.request(
            method, path, **{**options, "headers": {**bearer(KEY), **options.get("headers", {})}}
        )
        self.keep(str(response.headers.raw))

    def send(self, raw: bytes) -> None:
        """Send bytes on a connection of their own, and keep what came back until it was closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(raw)
            self.keep(b"".join(iter(lambda: connection.recv(65_536), b"")).decode("latin-1"))

    def keep(self, answer: str) -> None:
        """Note what came back, and the codes in it."""
        self.answers.append(answer)
        self.codes |= {kind.code for kind in TABLE if f'"{kind.code}"' in answer}


@pytest.fixture(params=["text", "json"])
def program(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Iterator[Program]:
    """The program, logging everything in that format; killed at the end."""
    started = Program(root, tmp_path, request.param)
    yield started
    started.http.close()
    started.process.kill()
    started.process.wait()


def send_good_and_bad_bodies(program: Program) -> None:
    """Texts in every route that takes one, and in every way that is refused for what it is."""
    batch: list[Any] = [{"id": "a", "text": TEXT}, {"text": f"POISON {TEXT}"}, {"text": f"{TEXT}\0"}, {TEXT: 1}, TEXT]
    program.ask("POST", "/classify/batch", json={"items": batch})
    bodies: list[Any] = [
        {"text": TEXT}, {"text": f"POISON {TEXT}"}, {"text": f"BUG {TEXT}"}, {"text": f"{TEXT}\0"}, {"text": [TEXT]},
        {"text": TEXT * 2_000}, {TEXT: TEXT}, {"text": "", "id": TEXT}, [TEXT], TEXT, {"text": " "},
    ]  # fmt: skip
    for body in bodies:
        program.ask("POST", "/classify", json=body)
    program.ask("POST", "/classify/batch", json={"items": [{"text": TEXT}] * 300})
    mark = TEXT.encode()
    program.ask("POST", "/classify", content=b'{"' + mark, headers={"content-type": "application/json"})
    program.ask("POST", "/classify", content=mark + b"\xff", headers={"content-type": "text/plain"})
    program.ask("POST", "/classify", content=mark, headers={"content-type": TEXT})
    program.ask("POST", "/classify", content=mark, headers={"content-encoding": TEXT})
    program.ask("POST", "/classify", content=mark * 20_000, headers={"content-type": "text/plain"})
    for path in (f"/{TEXT}", f"/docs/{TEXT}", f"/info?{TEXT}={TEXT}", "/info", "/docs", "/openapi.json"):
        program.ask("GET", path, headers={"X-Request-ID": f"{TEXT} {KEY}", "User-Agent": TEXT, "Referer": TEXT})
    program.ask("DELETE", "/classify", params={"text": TEXT})


def send_corrections(program: Program) -> None:
    """Corrections with marked texts, good ones and bad ones, and then until the store is full."""
    good = {"prediction_id": TEXT, "stance": "hostile", "note": TEXT * 100, "model": TEXT}
    bad = ({"prediction_id": f"{TEXT} ?"}, {"stance": TEXT}, {TEXT: TEXT}, {"text": f"{TEXT}\0"}, {"text_sha256": TEXT})
    assert program.ask("POST", "/feedback", json={**good, "text": TEXT}).status_code == 200
    for change in bad:
        program.ask("POST", "/feedback", json={**good, **change})
    while program.ask("POST", "/feedback", json=good).status_code == 200:
        pass


def send_articles_and_files(program: Program) -> None:
    """Texts and files, good and bad, with the mark in what they say and in what some say of a file's name."""
    plain, lines = {"content-type": "text/plain"}, {"content-type": "text/plain", "accept": "application/x-ndjson"}
    article = f"{TEXT} will talk. “We will talk,” {TEXT} said. The POISON of {TEXT}.".encode()
    for headers in (plain, lines):
        program.ask_quietly("POST", "/analyze", content=article, headers=headers)
        program.ask("POST", "/analyze", content=article * 8_000, headers=headers)
    program.ask_quietly("POST", "/analyze", json={"text": f"{TEXT} will talk.", "title": TEXT, "date": TEXT})
    program.ask("POST", "/analyze", json={"text": TEXT, "title": TEXT * 30})
    named = {"content-disposition": f'attachment; filename="{TEXT}.txt"'}
    for kind in KINDS:
        program.ask_quietly("POST", "/analyze/file", content=article, headers={"content-type": kind, **named})
    program.ask("POST", "/analyze/file", content=article, headers={"content-type": f"image/{TEXT}", **named})
    program.ask_quietly(
        "POST", "/analyze/file", content=article, headers={"content-type": f"text/plain; charset={TEXT}"}
    )
    program.ask(
        "POST", f"/analyze/file?name={TEXT}", content=b"%PDF-" + article, headers={"content-type": "application/pdf"}
    )
    program.ask("GET", f"/page/{TEXT}")


def send_keys_by_every_door(program: Program) -> None:
    """Right, wrong and expired keys, in their header and wherever else somebody may put one."""
    for key in (EXPIRED_KEY, "parley_Archaeopteryx-unknown", f" {KEY} {KEY}"):
        for path in ("/info", "/metrics", "/nothing"):
            program.ask("GET", path, key=key)
        program.ask("POST", "/classify", key=key, json={"text": TEXT})
    program.ask("GET", f"/{KEY}?key={KEY}", headers={"X-API-Key": KEY, "Cookie": f"key={KEY}"})
    program.ask("POST", "/classify", json={"text": "We will talk.", "key": KEY})
    program.ask("GET", "/info", headers={"X-Request-ID": KEY})
    head = f"Host: x\r\nAuthorization: Bearer {KEY}\r\n"
    program.send(f"POST /classify HTTP/1.1\r\n{head}Content-Length: 100\r\n\r\n{TEXT}".encode())  # never completed
    program.send(f"{KEY} {TEXT}\r\n\r\n".encode())
    program.send(f"GET /info HTTP/1.1\r\n{head}bad header {KEY}\r\n\r\n".encode())
    program.send(f"GET /info HTTP/1.1\r\n{head}X: {KEY * 5_000}\r\n\r\n".encode())
    program.send(f"POST /classify HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n{TEXT}\r\n".encode())


def send_too_much(program: Program) -> None:
    """What is refused for the state of the service: tokens used up, engine hung, queue full, not ready."""
    long = {"items": [{"text": f"{number} {TEXT}" * 20} for number in range(200)]}
    for _ in range(2):
        program.ask("POST", "/classify/batch", json=long)
    with ThreadPoolExecutor(4) as pool:
        hung = pool.submit(program.ask, "POST", "/classify", key=OTHER_KEY, json={"text": f"HANG {TEXT}"})
        time.sleep(0.2)
        waiting = {"items": [{"text": TEXT * 20}] * 5}
        calls = [pool.submit(program.ask, "POST", "/classify/batch", key=OTHER_KEY, json=waiting) for _ in range(3)]
        for call in (hung, *calls):
            call.result()
    until = time.monotonic() + 15  # the engine hangs for twenty seconds
    while "not_ready" not in program.codes and time.monotonic() < until:
        time.sleep(0.1)
        program.ask("GET", "/health/ready")


def files_with(mark: bytes, folder: Path) -> list[Path]:
    """The files below a folder that hold these bytes, in their names or in what they say."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if mark in bytes(path) or mark in path.read_bytes()]


def test_nothing_touches_the_disk(root: Path, tmp_path: Path) -> None:
    """In its temporary folder and its home no file is made while texts and files are read, not even for a moment, and
    none that is there has them in it.
    """
    for name in ("tmp", "home"):
        (tmp_path / name).mkdir()
    folders = {name: str(tmp_path / "tmp") for name in ("TMPDIR", "TEMP", "TMP")} | {"HOME": str(tmp_path / "home")}
    program = Program(root, tmp_path, "json", **folders)
    try:
        program.ask("GET", "/health/ready")  # it has started: Python tries its temporary folder once when it does
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_dir()}
        send_articles_and_files(program)
        assert {path: path.stat().st_mtime_ns for path in before} == before
        assert files_with(TEXT.encode(), tmp_path) == []
    finally:
        program.http.close()
        program.process.kill()
        program.process.wait()


def test_nothing_written_has_a_text_or_a_key(program: Program) -> None:
    """Every route and every error of the table is provoked with marked texts and keys, all logging on: no mark is in
    what was logged, measured or answered, while the lines that should be there are.
    """
    send_good_and_bad_bodies(program)
    send_corrections(program)
    send_articles_and_files(program)
    send_keys_by_every_door(program)
    program.process.send_signal(1)  # read keys and model again
    send_too_much(program)
    program.keep(program.ask("GET", "/metrics", key=OTHER_KEY).text)
    assert program.codes == {kind.code for kind in TABLE}
    program.process.terminate()
    program.process.wait(120)
    written = program.written.read_text()
    assert "/classify/batch" in written
    assert "desk" in written
    for mark in MARKS:
        for text in (written, *program.answers):
            where = text.find(mark)
            assert where < 0, text[max(0, where - 300) : where + 100]
    log_lines = [line for line in written.splitlines() if line.startswith("{")]
    if log_lines:
        parsed = [json.loads(line) for line in log_lines]
        (line,) = [entry for entry in parsed if entry.get("status") == 405]
        assert line.keys() == {
            "time",
            "level",
            "logger",
            "message",
            "method",
            "route",
            "status",
            "ms",
            "request_id",
            "key",
        }
        assert (line["route"], line["key"], line["level"]) == ("/classify", "desk", "info")
