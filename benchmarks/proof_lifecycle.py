"""R1, R2 and R14: the end under load, the end that somebody holds up, and a start that fails closed."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from benchmarks.proof_load import Answer, Tally, closed_loop, probe, run, singles
from benchmarks.proving import Finding, Plan, Service, running

CONNECTIONS: Final = 64
BEFORE_SECONDS: Final = 5
ENDS: Final = 3
NOTICE_SECONDS: Final = 1
DRAIN_SECONDS: Final = 3
MAX_START_SECONDS: Final = 10


def prove(plan: Plan, texts: Sequence[str]) -> list[Finding]:
    """The findings on R1, R2 and R14."""
    return [sigterm_under_load(plan, texts), bounded_end(plan), *failed_starts(plan)]


def sigterm_under_load(plan: Plan, texts: Sequence[str]) -> Finding:
    """R1: closed-loop clients while the service is told to end."""
    requests = singles(texts)
    answered = refused = lost = late = 0
    statuses, first_503 = set(), True
    for _ in range(ENDS):
        with running(plan.model, log_level="warning", notice_seconds=NOTICE_SECONDS) as service:
            tally, ready, status = _end_under_load(service, requests)
        answered += tally.n(200)
        refused += tally.n(429, 503) + tally.refused_connections
        lost += tally.n(0)
        late += len(tally.answers) - tally.n(200, 429, 503, 0)
        statuses.add(status)
        seen = [answer.status for answer in ready]
        first_503 = first_503 and 503 in seen and 0 not in seen[: seen.index(503)]
    return Finding(
        "R1 SIGTERM under load loses no accepted request",
        f"{CONNECTIONS} closed-loop clients, SIGTERM at {BEFORE_SECONDS} s, {ENDS} times",
        f"{answered:,} answered, {refused:,} refused, {lost} lost, {late} other; readiness 503 first: {first_503}; "
        f"exit {sorted(statuses)}",
        not lost and not late and first_503 and statuses == {0} and answered > 0,
    )


def _end_under_load(service: Service, requests: Sequence[bytes]) -> tuple[Tally, list[Answer], int]:
    ended = False

    async def everything() -> tuple[Tally, list[Answer]]:
        nonlocal ended
        load = asyncio.create_task(
            closed_loop(service.port, requests, connections=CONNECTIONS, seconds=60, stop=lambda: ended)
        )
        asking = asyncio.create_task(probe(service.port, "/health/ready", every_seconds=0.05, stop=lambda: ended))
        await asyncio.sleep(BEFORE_SECONDS)
        service.process.send_signal(signal.SIGTERM)
        while service.process.poll() is None:
            await asyncio.sleep(0.02)
        ended = True
        return await load, await asking

    tally, ready = run(everything())
    return tally, ready, service.wait()


def bounded_end(plan: Plan) -> Finding:
    """R2: one client that never reads and one that trickles its body, while the service is told to end."""
    with running(
        plan.model, log_level="warning", notice_seconds=NOTICE_SECONDS, drain_seconds=DRAIN_SECONDS
    ) as service:
        deaf = socket.create_connection(("127.0.0.1", service.port))
        deaf.setblocking(False)
        for _ in range(200):
            try:
                deaf.send(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 30)
            except BlockingIOError:
                break
        slow = socket.create_connection(("127.0.0.1", service.port))
        slow.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        service.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        while service.process.poll() is None and time.monotonic() - started < 60:
            with suppress(OSError):  # it may be closed by now
                slow.send(b"x")
            time.sleep(0.02)
        seconds, status = time.monotonic() - started, service.wait()
        deaf.close()
        slow.close()
    grace = NOTICE_SECONDS + DRAIN_SECONDS
    return Finding(
        "R2 shutdown is bounded",
        "one client that never reads, one that trickles its body",
        f"ended after {seconds:.2f} s of {grace} + 1, exit {status}",
        seconds <= grace + 1 and status == 0,
    )


def failed_starts(plan: Plan) -> list[Finding]:
    """R14: damaged artifacts, each in its own way."""
    findings = []
    for what, cause, damage in DAMAGES:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "model"
            shutil.copytree(plan.model, copy)
            damage(copy)
            started = time.monotonic()
            process = subprocess.Popen(
                [sys.executable, "-m", "service"],
                env={**os.environ, "STANCE_MODEL": str(copy), "STANCE_PORT": "0"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                output, errors = process.communicate(timeout=2 * MAX_START_SECONDS)
            except subprocess.TimeoutExpired:  # it serves what it should refuse
                process.kill()
                output, errors = process.communicate()
            seconds = time.monotonic() - started
        line = errors.strip()
        named = cause in line and len(line.splitlines()) == 1
        passed = process.returncode == 1 and seconds < MAX_START_SECONDS and named and not output
        shown = textwrap.shorten(line.replace(str(copy), "model"), 90, placeholder=" ...")
        figure = f"exit {process.returncode} in {seconds:.1f} s: {shown}"
        findings.append(Finding("R14 start-up fails closed", what, figure.replace("|", "/"), passed))
    return findings


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1_000])


def _wrong_hash(manifest: dict[str, Any]) -> None:
    manifest["files"]["tokenizer.json"] = "0" * 64


def _other_labels(manifest: dict[str, Any]) -> None:
    manifest["labels"] = ["friendly", *manifest["labels"][1:]]


def _edit(model: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = model / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


DAMAGES: Final[tuple[tuple[str, str, Callable[[Path], None]], ...]] = (
    ("one bit of the weights flipped", "openvino/model.bin", lambda model: _flip(model / "openvino/model.bin")),
    ("the weights cut short", "openvino/model.bin", lambda model: _cut(model / "openvino/model.bin")),
    ("a wrong hash in the manifest", "tokenizer.json", lambda model: _edit(model, _wrong_hash)),
    ("other labels", "label", lambda model: _edit(model, _other_labels)),
    ("no tokenizer", "tokenizer.json", lambda model: (model / "tokenizer.json").unlink()),
)
