"""How the text is got out of a file: one module for each kind, run in a process of its own (service/documents.py).

Files come from anybody. What reads them therefore sits in a process with little memory, little time and no right to
write a file; it is given the bytes on its standard input, so that neither they nor their text touch the disk.
"""

import re
from collections.abc import Callable
from typing import Final

BLANK_LINES: Final = re.compile(r"\n{3,}")
UNREADABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
LINE_END: Final = re.compile(r"[ \t\u00a0]*\r?\n|\r")


class Unreadable(Exception):
    """Raised where no text can be got out of a file; says why, for the caller, and quotes nothing of it."""

    def __init__(self, message: str, *, code: str = "unreadable_file") -> None:
        super().__init__(message)
        self.code = code


def tidy(text: str) -> str:
    """The text with plain line ends, at most one blank line at a time, and nothing that no text should hold."""
    return BLANK_LINES.sub("\n\n", LINE_END.sub("\n", UNREADABLE.sub(" ", text))).strip()


def reader_of(kind: str) -> Callable[[bytes, str], str]:
    """The function that gives the text of a file of this kind, given its bytes and its declared charset."""
    if kind == "pdf":
        from service.readers.pdf import read
    elif kind == "docx":
        from service.readers.docx import read
    elif kind == "html":
        from service.readers.html import read
    else:
        from service.readers.plain import read
    return read
