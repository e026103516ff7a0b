"""The text of a file that was sent, read in a process of its own: what a hostile file can do is die alone.

The process has its own limits of memory and time (service/readers/__main__.py), so a bomb costs what any file may cost;
the event loop and the engine's threads go on meanwhile. Bytes and text go through pipes: nothing is written to a disk.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.errors import BadRequest, ServiceError, Unavailable

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
KINDS: Final[Mapping[str, str]] = {
    "text/plain": "txt",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    DOCX: "docx",
}
"""What can be read, by media type."""
STARTS: Final[Mapping[bytes, tuple[str, str]]] = {
    b"%PDF-": ("pdf", "a PDF"),
    b"PK\x03\x04": ("docx", "a zip, as Word documents (.docx) are"),
    b"\xd0\xcf\x11\xe0": ("doc", "an old Word file (.doc); save it as .docx"),
    b"{\\rtf": ("rtf", "an RTF file; save it as .docx"),
}
"""How files begin that are taken for others: the kind, and what the file is."""
MAX_READERS: Final = 2
"""Files read at a time: one for each of two cores."""
READ_SECONDS: Final = 20.0
"""On the clock, twice what the process may have of the processor (readers.__main__.CPU_SECONDS): it stands back for the
engine."""
ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Documents:
    """Reads files, a few at a time."""

    max_chars: int
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_READERS))

    async def text(self, body: bytes, *, kind: str, charset: str, deadline: float) -> str:
        """The text of the file. Raises: BadRequest, which says why there is none; Unavailable."""
        check_start(body, kind)
        async with self._slot(deadline):
            seconds = min(READ_SECONDS, deadline - time.monotonic())
            answer = await _read(body, kind, str(self.max_chars), charset, seconds=seconds)
        if "text" in answer:
            return answer["text"]
        raise BadRequest(answer["code"], answer["message"])

    @asynccontextmanager
    async def _slot(self, deadline: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await self.slots.acquire()
        except TimeoutError:
            raise Unavailable("deadline_exceeded", "no answer within the deadline") from None
        try:
            yield
        finally:
            self.slots.release()


def check_start(body: bytes, kind: str) -> None:
    """Raise the BadRequest of a file that is another than it is said to be; the first bytes tell."""
    is_kind, what = next((found for start, found in STARTS.items() if body[:1024].lstrip().startswith(start)), ("", ""))
    if is_kind and is_kind != kind:
        raise BadRequest("unreadable_file", f"the file is {what}")
    if kind in ("pdf", "docx") and not is_kind:
        raise BadRequest("unreadable_file", "the file is no " + {"pdf": "PDF", "docx": "Word document (.docx)"}[kind])


async def _read(body: bytes, *arguments: str, seconds: float) -> dict[str, str]:
    """What the reading process answers; it is ended when nobody waits for it any more."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-B", "-E", "-s", "-m", "service.readers", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT, env={}, start_new_session=True,  # Ctrl-C in a terminal is for the service alone
    )  # fmt: skip
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            output, _ = await process.communicate(body)
    except TimeoutError:
        raise BadRequest("file_too_complex", "reading the file takes longer than it may") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:  # killed at one of its limits
        raise BadRequest("file_too_complex", "reading the file takes longer, or more memory, than it may")
    answer = json.loads(output)
    if not isinstance(answer, dict):
        raise ServiceError("internal", "the file was not read")
    return answer
