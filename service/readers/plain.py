"""The text of a plain text file, whatever encoding it has."""

import codecs
from typing import Final

from service.readers import Unreadable

MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
LAST_RESORT: Final = "windows-1252"
"""What bytes that are no UTF-8 most likely are, and what browsers take them for. Source: the HTML standard."""
MAX_CONTROLS: Final = 0.05
"""A file with more control characters than this, by share, is no text."""


def read(body: bytes, charset: str) -> str:
    """The text: by its mark, else as declared, else as UTF-8, else as Windows has it. Raises: Unreadable."""
    for mark, encoding in MARKS:
        if body.startswith(mark):
            return _checked(body[len(mark) :].decode(encoding, "replace"))
    for encoding in filter(None, (charset, "utf-8")):
        try:
            return _checked(body.decode(encoding))
        except (UnicodeDecodeError, LookupError):
            continue
    return _checked(body.decode(LAST_RESORT, "replace"))


def _checked(text: str) -> str:
    n_controls = sum(character < " " and character not in "\t\n\r\f" for character in text)
    if n_controls > MAX_CONTROLS * len(text):
        raise Unreadable("this is no text file")
    return text
