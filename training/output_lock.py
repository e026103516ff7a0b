"""One run at a time on one output: a lock that ends with its process, and a note of who holds it.

The lock itself is the operating system's, so that the lock of a process that was killed is nobody's. The note says
process and machine. On a shared file system whose locks do not reach other machines the note stands in for the lock:
it is renewed while the run lives, and one of another machine that was not renewed for LEASE_SECONDS is stale.
"""

import json
import os
import socket
import time
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from training.rows import Busy

LEASE_SECONDS: Final = 120
RENEW_SECONDS: Final = 10


class OutputLock:
    """The lock of a run folder, held from ``acquire`` to ``release`` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._note = folder / "owner.json"
        self._lock = FileLock(folder / "lock")
        self._renewed = 0.0

    def acquire(self, *, force: bool = False) -> None:
        """Take the lock; ``force``: also from a machine that may be alive. Raises: Busy, which says who holds it."""
        self._folder.mkdir(exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise Busy(f"{self._folder}: another run is at work on this output, {self._holder()}") from error
        holder = self._read()
        elsewhere = holder.get("host") not in (None, socket.gethostname())
        if elsewhere and not force and self._age_seconds() < LEASE_SECONDS:
            self._lock.release()
            raise Busy(
                f"{self._folder}: {self._holder()} was at work on this output less than {LEASE_SECONDS} seconds ago; "
                "wait for it, or give --force if it is dead"
            )
        self._note.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}) + "\n", encoding="utf-8")

    def renew(self) -> None:
        """Show that this run is alive; cheap enough to be called every second."""
        if time.monotonic() - self._renewed > RENEW_SECONDS:
            self._renewed = time.monotonic()
            os.utime(self._note)

    def release(self) -> None:
        """Let go; removes the note, and the folder where nothing else is in it."""
        self._note.unlink(missing_ok=True)
        self._lock.release()
        (self._folder / "lock").unlink(missing_ok=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _holder(self) -> str:
        holder = self._read()
        return f"process {holder.get('pid', 'unknown')} on {holder.get('host', 'an unknown machine')}"

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _age_seconds(self) -> float:
        """How long ago the note was renewed, by the clock of the file system, which both machines share."""
        probe = self._folder / "clock"
        probe.touch()
        age = probe.stat().st_mtime - self._note.stat().st_mtime
        probe.unlink()
        return age
