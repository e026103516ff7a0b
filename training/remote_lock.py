"""One run at a time on one output in an object store, as far as a store allows.

Stores have no locks that end with their process. A note says who is at work, and is renewed; one that was not renewed
for LEASE_SECONDS is stale, and so is one of a process of this machine that is gone. Two runs that begin in the same
second both write the note and look again: the one whose note is there goes on. Weaker than a lock: a run that was cut
off from the store for longer than the lease learns only when it next renews that another has taken over. Nothing is
lost then: both write the same bytes, whole objects each.
"""

import json
import os
import socket
import time
import uuid
from contextlib import suppress
from typing import Final

from training.durable import remove
from training.output_lock import LEASE_SECONDS, RENEW_SECONDS
from training.places import RemotePath
from training.rows import Busy

SETTLE_SECONDS: Final = 1.0
"""Between writing the note and looking again; stores show a write to all within that."""


class RemoteLock:
    """The note of a run in its folder, held from ``acquire`` to ``release``."""

    def __init__(self, folder: RemotePath) -> None:
        self._folder = folder
        self._note = folder / "owner.json"
        self._token = uuid.uuid4().hex
        self._renewed = 0.0

    def acquire(self, *, force: bool = False) -> None:
        """Take the lock; ``force``: also from a run that may be alive. Raises: Busy, OSError."""
        holder = self._read()
        if holder and not force and not _is_gone(holder) and self._age_seconds() < LEASE_SECONDS:
            raise Busy(
                f"{self._folder}: {_named(holder)} was at work on this output less than {LEASE_SECONDS} seconds ago; "
                "wait for it, or give --force if it is dead"
            )
        self._write()
        time.sleep(SETTLE_SECONDS)
        self._check()

    def renew(self) -> None:
        """Show that this run is alive; cheap enough to be called every second. Raises: Busy, OSError."""
        if time.monotonic() - self._renewed > RENEW_SECONDS:
            self._check()
            self._write()

    def release(self) -> None:
        """Let go; removes the folder too where nothing else is in it. Raises: OSError."""
        if self._read().get("token") == self._token:
            self._note.unlink(missing_ok=True)
            if not any(item.is_file() for item in self._folder.rglob("*")):
                remove(self._folder)

    def _check(self) -> None:
        holder = self._read()
        if holder.get("token") != self._token:
            raise Busy(f"{self._folder}: {_named(holder)} has taken over this output")

    def _write(self) -> None:
        self._renewed = time.monotonic()
        note = {"pid": os.getpid(), "host": socket.gethostname(), "token": self._token}
        self._note.write_bytes(json.dumps(note).encode() + b"\n")

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads(self._note.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _age_seconds(self) -> float:
        """How long ago the note was renewed, by the clock of the store."""
        probe = self._folder / f"clock-{self._token}"
        probe.write_bytes(b"?")
        age = probe.stat().st_mtime_ns - self._note.stat().st_mtime_ns
        probe.unlink(missing_ok=True)
        return age / 1e9


def _named(holder: dict[str, object]) -> str:
    return f"process {holder.get('pid', 'unknown')} on {holder.get('host', 'an unknown machine')}"


def _is_gone(holder: dict[str, object]) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    if holder.get("host") != socket.gethostname() or not isinstance(holder.get("pid"), int):
        return False
    with suppress(PermissionError):
        try:
            os.kill(int(str(holder["pid"])), 0)
        except ProcessLookupError:
            return True
    return False
