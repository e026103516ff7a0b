"""The text of a PDF document. A PDF knows lines and not paragraphs: those are put together again here."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError, PyPdfError

from service.readers import Unreadable

SENTENCE_END: Final = re.compile(r"[.!?:][\"'”’»)\]]*$")
FULL_LINE: Final = 0.8
"""A line that ends a sentence and is shorter than this share of the usual one ends its paragraph."""
BULLET: Final = re.compile(r"^(?:[•▪‣–—*-]\s|\(?\d{1,3}[.)]\s)")
SPEAKER: Final = re.compile(r"^[A-Z][A-Z.'’ -]{1,40}:|^[QA][.:]\s")
PAGE_NUMBER: Final = re.compile(r"^(?:page\s+)?[-–\s]*\d{1,4}[-–\s]*(?:(?:of|/)\s*\d{1,4})?$", re.IGNORECASE)
HYPHEN: Final = re.compile(r"(?<=[a-z])[-\u00ad]$")
MIN_REPEATS: Final = 3
"""A first or last line that comes on so many pages, and on half of them, is their head or foot."""


def read(body: bytes, charset: str) -> str:  # noqa: ARG001  # every reader is called alike, a PDF says its charset itself
    """The text, a blank line between paragraphs. Raises: Unreadable."""
    try:
        reader = PdfReader(io.BytesIO(body))
        if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
            raise Unreadable("the PDF is protected by a password; save it without one")
        pages = [page.extract_text().splitlines() for page in reader.pages]
    except DependencyError:
        raise Unreadable("the PDF is protected by a password; save it without one") from None
    except (PyPdfError, ValueError, KeyError, IndexError, TypeError, AttributeError, OSError):
        raise Unreadable("the PDF is damaged") from None
    if not any(map(str.isalpha, "".join(line for page in pages for line in page))):
        raise Unreadable("no page of the PDF has text: it is a scan; recognise its text first", code="empty_text")
    return paragraphs(line for page in without_margins(pages) for line in page)


def without_margins(pages: Sequence[Sequence[str]]) -> list[list[str]]:
    """The lines of each page without page numbers, and without a head or foot that most pages repeat."""
    bare = [[line.strip() for line in page] for page in pages]
    edges = Counter(edge for page in bare for edge in {line for line in (*page[:1], *page[-1:]) if line})
    repeated = {line for line, n in edges.items() if n >= MIN_REPEATS and n * 2 >= len(pages)}

    def is_margin(index: int, page: Sequence[str]) -> bool:
        at_edge = index in (0, 1, len(page) - 1, len(page) - 2)
        return at_edge and (page[index] in repeated or bool(PAGE_NUMBER.match(page[index])))

    return [[line for index, line in enumerate(page) if not is_margin(index, page)] for page in bare]


def paragraphs(lines: Iterable[str]) -> str:
    """The lines put together: a paragraph ends at an empty line, or at a sentence's end before the usual line's."""
    kept = list(lines)
    usual = median([len(line) for line in kept if line] or [0])
    text = ""
    for line in kept:
        if not line:
            text = text.rstrip() + "\n\n"
            continue
        if BULLET.match(line) or SPEAKER.match(line):
            text = text.rstrip() + "\n\n"
        text = HYPHEN.sub("", text.rstrip(" ")) + line if HYPHEN.search(text.rstrip(" ")) else text + line
        text += "\n\n" if SENTENCE_END.search(line) and len(line) < FULL_LINE * usual else " "
    return text
