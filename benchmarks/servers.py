"""The servers that are measured, as processes of their own: how each is started, asked, watched and stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

START_SECONDS: Final = 180
STOP_SECONDS: Final = 30
OURS: Final = "parley"
INFINITY: Final = "infinity"
PLAIN: Final = "plain"


class StartError(Exception):
    """Raised when a server to measure has ended or is not ready in time; the message names it."""


@dataclass(frozen=True)
class Side:
    """A server to measure: how to start it, where it listens, and how it is asked for one statement and for several."""

    name: str
    command: tuple[str, ...]
    port: int
    health: str
    one: Callable[[str], tuple[str, Any]]
    several: Callable[[Sequence[str]], tuple[str, Any]]
    environment: dict[str, str] = field(default_factory=dict)


def sides(model: Path, *, infinity: Path | None) -> list[Side]:
    """The plain server with both kinds of handler, infinity's where its program is given, and ours."""
    ports = free_ports(4)
    python = sys.executable
    found = [
        Side(
            f"{PLAIN}, {style}",
            (python, "-m", "benchmarks.plain_server", str(model), "--port", str(port), "--style", style),
            port,
            "/health/ready",
            lambda text: ("/classify", {"text": text}),
            lambda texts: ("/classify/batch", {"texts": list(texts)}),
        )
        for style, port in zip(("def", "async"), ports, strict=False)
    ]
    if infinity:
        found.append(_infinity(infinity, model, port=ports[2]))
    ours = {"STANCE_MODEL": str(model), "STANCE_PORT": str(ports[3]), "STANCE_LOG_LEVEL": "warning"}
    found.append(
        Side(
            OURS,
            (python, "-m", "service"),
            ports[3],
            "/health/ready",
            lambda text: ("/classify", {"text": text}),
            lambda texts: ("/classify/batch", {"items": [{"text": text} for text in texts]}),
            ours,
        )
    )
    return found


def _infinity(program: Path, model: Path, *, port: int) -> Side:
    """infinity-emb with its torch engine, in fp32 on the CPU, as its documentation starts it."""
    flags = (
        "--engine",
        "torch",
        "--device",
        "cpu",
        "--dtype",
        "float32",
        "--no-bettertransformer",
        "--port",
        str(port),
    )
    name = model.name

    def ask(texts: Sequence[str]) -> tuple[str, Any]:
        return "/classify", {"model": name, "input": list(texts)}

    return Side(
        INFINITY,
        (str(program), "v2", "--model-id", str(model), "--served-model-name", name, *flags),
        port,
        "/health",
        lambda text: ask([text]),
        ask,
        {
            "INFINITY_ANONYMOUS_USAGE_STATS": "0",
            "DO_NOT_TRACK": "1",
            "HF_HUB_OFFLINE": "1",
            "INFINITY_LOG_LEVEL": "error",
        },
    )


def free_ports(n: int) -> list[int]:
    """As many ports on which nobody listens now, all different."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [one.getsockname()[1] for one in found]


@contextmanager
def running(side: Side) -> Iterator[tuple[int, float]]:
    """The process id of a side that is ready, and the seconds until it was; stopped at the end. Raises: StartError."""
    started = time.monotonic()
    process = subprocess.Popen(side.command, env={**os.environ, **side.environment}, stdout=subprocess.DEVNULL)
    try:
        _wait_until_ready(side, process)
        yield process.pid, time.monotonic() - started
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(side: Side, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"{side.name}: ended at its start with exit status {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{side.port}{side.health}", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise StartError(f"{side.name}: not ready within {START_SECONDS} seconds")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, user and system, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int, *, peak: bool) -> float:
    """The resident memory of a process, now or at its largest so far, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:" if peak else "VmRSS:")[2].split()[0]) / 1024


def padding(port: int) -> float | None:
    """Padded tokens for each real one since the start, as our /metrics tells; None where there is nothing to tell."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return padding_of(answer.read().decode())


def padding_of(metrics: str) -> float | None:
    """Padded tokens for each real one in a text of metrics."""
    values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line.startswith("parley_engine_"))
    real, padded = (float(values.get(f"parley_engine_{name}_total", 0)) for name in ("tokens", "padded_tokens"))
    return padded / real if real else None
