"""Read one file: its bytes on standard input, its text as JSON on standard output.

    python -m service.readers KIND MAX_CHARS [CHARSET] < FILE

The answer is {"text": ...}, or {"code": ..., "message": ...} where there is none. service/documents.py starts it.
"""

import json
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from service.readers import Unreadable, reader_of, tidy

MEMORY_BYTES: Final = 512 * 2**20
"""Of address space; Python with the PDF library takes 60 MiB, a hundred dense pages as much again."""
CPU_SECONDS: Final = 10
"""A page of a PDF takes some 20 ms to read: room for the longest text that is answered."""
NICENESS: Final = 5
"""The engine goes first."""


def confine() -> None:
    """Take from this process what reading a file does not need: memory, time, and writing any file at all."""
    os.nice(NICENESS)
    with suppress(OSError):  # where memory runs out all the same, this process is the one to go
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def answer(kind: str, max_chars: int, charset: str, body: bytes) -> dict[str, str]:
    """The text of the file, or why there is none."""
    try:
        text = tidy(reader_of(kind)(body, charset))
        if len(text) > max_chars:
            message = f"the text has {len(text):,} characters; at most {max_chars:,} are allowed"
            raise Unreadable(message, code="text_too_long")
        if not any(map(str.isalnum, text)):
            raise Unreadable("there is no text in the file", code="empty_text")
    except Unreadable as error:
        return {"code": error.code, "message": str(error)}
    except (MemoryError, RecursionError):
        return {"code": "file_too_complex", "message": "reading the file takes more memory than it may"}
    except Exception:  # noqa: BLE001  # a parser may raise anything at a file made to break it; its words stay here
        return {"code": "unreadable_file", "message": "the file is damaged"}
    return {"text": text}


def main() -> None:
    """Read the file and write the answer."""
    confine()
    kind, max_chars, charset = [*sys.argv[1:], ""][:3]
    body = sys.stdin.buffer.read()
    sys.stdout.buffer.write(json.dumps(answer(kind, int(max_chars), charset, body)).encode())


if __name__ == "__main__":
    main()
