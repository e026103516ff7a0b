"""R15: no input gets a 5xx. schemathesis with all its checks, and bytes that are hardly HTTP."""

import random
import re
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.proof_load import post
from benchmarks.proving import Finding, Plan, Service, running

SCHEMATHESIS: Final = Path(__file__).with_name("schemathesis.toml")
SEED: Final = 20261127
RAW_TRIES: Final = 3_000
SOCKET_SECONDS: Final = 3
INSERTED: Final = (b"\r\n", b"\x00", b"\xff\xfe", b"Transfer-Encoding: chunked\r\n", b"\r\n\r\n", b"{")
"""What a request is damaged with: ends of lines and of heads, bytes that are no text, a second framing."""


def prove(plan: Plan, texts: Sequence[str]) -> list[Finding]:
    """The findings on R15."""
    with running(plan.model, log_level="warning", receive_seconds=1) as service:
        return [by_schema(service, plan.fuzz_examples), by_bytes(service, texts)]


def by_schema(service: Service, n_examples: int) -> Finding:
    """What schemathesis finds, all checks on, all its phases."""
    with tempfile.TemporaryDirectory() as folder:  # it keeps its examples where it runs
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(SCHEMATHESIS), "--no-color", "run"),
                *("--checks", "all", "--max-examples", str(n_examples), "--seed", str(SEED), "--continue-on-failure"),
                f"{service.address}/openapi.json",
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=1_200,
            check=False,
        )
    cases = re.search(r"([\d,]+) generated", done.stdout)
    failures = re.search(r"found ([\d,]+) unique failures?", done.stdout)
    if done.returncode:
        print(done.stdout[-8_000:], done.stderr[-2_000:], file=sys.stderr)
    ready = service.status("/health/ready") == 200
    return Finding(
        "R15 no input yields a 5xx",
        f"schemathesis, all checks and phases, {n_examples} examples for each operation and phase",
        f"{cases[1] if cases else 'no'} cases, {failures[1] if failures else 'no'} failures, exit {done.returncode}",
        done.returncode == 0 and cases is not None and ready,
    )


def by_bytes(service: Service, texts: Sequence[str]) -> Finding:
    """Requests damaged at random: bytes changed, cut out, doubled; sockets half-closed, cut, or trickled."""
    chance = random.Random(SEED)
    statuses: Counter[int] = Counter()
    for number in range(RAW_TRIES):
        request = bytearray(post(chance.choice(("/classify", "/classify/batch")), {"text": texts[number % len(texts)]}))
        for _ in range(chance.choice((1, 1, 2, 8))):
            _damage(request, chance)
        statuses[_status(service.port, bytes(request), chance)] += 1
    n_5xx = sum(n for status, n in statuses.items() if status >= 500)
    ready = service.status("/health/ready") == 200
    shown = ", ".join(f"{status or 'closed'}: {n:,}" for status, n in sorted(statuses.items()))
    return Finding(
        "R15 no input yields a 5xx",
        f"{RAW_TRIES:,} damaged requests over raw sockets",
        f"{n_5xx} of 5xx ({shown})",
        not n_5xx and ready and len(statuses) > 1,
    )


def _damage(request: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(request) or 1)
    kind = chance.randrange(4)
    if kind == 0:
        request[at : at + 1] = bytes([chance.randrange(256)])
    elif kind == 1:
        del request[at : at + chance.randrange(1, 20)]
    elif kind == 2:
        request[at:at] = request[at : at + chance.randrange(1, 40)]
    else:
        request[at:at] = chance.choice(INSERTED)


def _status(port: int, request: bytes, chance: random.Random) -> int:
    """The status of the first answer; 0 for a connection closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=SOCKET_SECONDS) as connection:
        try:
            cut = chance.randrange(len(request) + 1)
            connection.sendall(request[:cut])
            connection.sendall(request[cut:])
            if chance.random() < 0.7:  # the rest waits for the receive deadline, or for a whole answer
                connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65_536)
        except (ConnectionError, TimeoutError):
            return 0
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0
