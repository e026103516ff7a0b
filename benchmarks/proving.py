"""What every proof shares: the real service on loopback in a process of its own, and the record of what was found."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

START_SECONDS: Final = 60
END_SECONDS: Final = 90
PAGE_MIB: Final = os.sysconf("SC_PAGE_SIZE") / 2**20


class ProofError(Exception):
    """Raised when a proof could not be carried out at all; the message says why."""


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was promised, done and found."""

    promise: str
    done: str
    figure: str
    passed: bool


@dataclass(frozen=True)
class Plan:
    """How long the long proofs take, and over which artifact."""

    model: Path
    overload_seconds: float
    shared_cores: bool
    soak_seconds: float
    fuzz_examples: int


class Service:
    """A running ``python -m service``."""

    def __init__(self, model: Path, **settings: object) -> None:
        variables = {f"STANCE_{name.upper()}": str(value) for name, value in settings.items()}
        environment = {**os.environ, "STANCE_PORT": "0", "STANCE_MODEL": str(model), **variables}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        if not found:
            raise ProofError("the service did not start")
        self.port = int(found[1])
        self.address = f"http://127.0.0.1:{self.port}"

    def status(self, path: str) -> int:
        """The status of a GET; 0 when there is no answer."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        with urllib.request.urlopen(self.address + "/metrics", timeout=10) as response:
            text = response.read().decode()
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        if not found:
            raise ProofError(f"no metric {name}")
        return float(found[1])

    def resident_mib(self) -> float:
        """Resident memory now, in MiB."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE_MIB

    def peak_mib(self) -> float:
        """The largest resident memory so far, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def n_descriptors(self) -> int:
        """How many files and connections are open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self, sent: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """The exit status after a signal, and the seconds to the end. Raises: ProofError when it does not end."""
        started = time.monotonic()
        self.process.send_signal(sent)
        return self.wait(), time.monotonic() - started

    def wait(self) -> int:
        """The exit status, at its end. Raises: ProofError."""
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            raise ProofError("the service did not end") from None


@contextmanager
def running(model: Path, **settings: object) -> Iterator[Service]:
    """A service, ready; ended afterwards if it has not ended by then."""
    service = Service(model, **settings)
    try:
        until = time.monotonic() + START_SECONDS
        while service.status("/health/ready") != 200:
            if time.monotonic() > until:
                raise ProofError("the service was not ready in time")
            time.sleep(0.05)
        yield service
    finally:
        if service.process.poll() is None:
            service.process.terminate()
            try:
                service.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                service.process.kill()


@contextmanager
def cores_shared_out(*, wanted: bool = True) -> Iterator[tuple[Callable[[], None], str]]:
    """What to call once the service runs, which then keeps all cores but the last, and in words who has which.

    A load generator on the service's own cores takes from it what a generator elsewhere would not.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or not wanted:
        yield lambda: None, f"service and load together on {len(cores)}"
        return
    os.sched_setaffinity(0, cores[:-1])  # which the service inherits
    try:
        yield lambda: os.sched_setaffinity(0, cores[-1:]), f"service on {len(cores) - 1}, load on another"
    finally:
        os.sched_setaffinity(0, cores)


def table(findings: Sequence[Finding]) -> str:
    """The findings as a Markdown table."""
    lines = ["| promise | what was done | found | pass |", "|---|---|---|---|"]
    lines += [f"| {f.promise} | {f.done} | {f.figure} | {'yes' if f.passed else '**no**'} |" for f in findings]
    return "\n".join(lines)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
