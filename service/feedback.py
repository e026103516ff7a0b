"""The store of corrections behind POST /feedback: a thread of its own, so that a slow disk holds up nobody else."""

import asyncio
import logging
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from models.feedback import Correction, FeedbackError, append, open_store
from service.errors import Unavailable
from service.settings import PREFIX, Settings, SettingsError

log = logging.getLogger("parley.feedback")

BUSY_SECONDS: Final = 0.5
"""How long a write waits for another process that holds the store: a commit takes milliseconds. Below the second in
which the process ends when it is told to (service.batching, CLOSE_SECONDS)."""
MAX_WAITING: Final = 64
"""Corrections that may wait for the disk; each holds at most one body."""
RETRY_SECONDS: Final = 5


class FeedbackStore:
    """Appends corrections one after the other, in one thread. Open it with ``open``, close it in the end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feedback")
        self._n_waiting = 0

    @classmethod
    def open(cls, settings: Settings) -> "FeedbackStore | None":
        """The store that the settings name, None where they name none. Raises: SettingsError."""
        if settings.feedback is None:
            return None
        try:
            connection = open_store(settings.feedback, max_bytes=settings.feedback_max_bytes, busy_seconds=BUSY_SECONDS)
        except FeedbackError as error:
            raise SettingsError(f"{PREFIX}FEEDBACK: {error}") from error
        return cls(connection)

    async def append(self, correction: Correction, *, deadline: float) -> int:
        """The correction's number in the store, once it is durably there. Raises: Unavailable.

        When it raises, nothing was stored; but for deadline_exceeded, which says that this is not known.
        """
        if self._n_waiting >= MAX_WAITING:
            raise Unavailable("overloaded", "too many corrections wait; try again in 1 seconds", retry_after_seconds=1)
        self._n_waiting += 1
        writing = asyncio.wrap_future(self._thread.submit(self._write, correction, deadline))
        writing.add_done_callback(self._forget)
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await asyncio.shield(writing)
        except TimeoutError:
            message = "no answer within the deadline; send the same correction again, it counts once"
            raise Unavailable("deadline_exceeded", message) from None

    async def close(self) -> None:
        """Finish the write under way, give up what waits for it, and close the file."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)
        self._connection.close()

    def _forget(self, writing: asyncio.Future[int]) -> None:
        self._n_waiting -= 1  # here, on the event loop, which counted it
        if not writing.cancelled():
            writing.exception()  # seen, also where nobody waits for it any more

    def _write(self, correction: Correction, deadline: float) -> int:
        if time.monotonic() > deadline:
            raise Unavailable("deadline_exceeded", "no answer within the deadline; nothing was stored")
        try:
            return append(self._connection, correction)
        except sqlite3.Error as error:
            # SQLite's message names causes such as a full disk or a lock, never a value.
            log.error("a correction was not stored: %s", getattr(error, "sqlite_errorname", type(error).__name__))
            message = "the correction could not be stored, and nothing of it was kept; try again later"
            raise Unavailable("storage_failed", message, retry_after_seconds=RETRY_SECONDS) from None
