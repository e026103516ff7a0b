"""The text of a Word document (.docx): the paragraphs of its body, those of tables too, changes accepted.

A .docx is a zip with XML in it, and its text is in one element; the standard library reads it, with the guard of
defusedxml against entities. A library for Word would bring a second XML parser for what forty lines do.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from service.readers import Unreadable

DOCUMENT: Final = "word/document.xml"
MAX_XML_BYTES: Final = 32 * 2**20
"""Unpacked: a book of a thousand pages has half of it; what is larger is a bomb."""
_WORD: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SIGNS: Final = {f"{_WORD}tab": "\t", f"{_WORD}br": "\n", f"{_WORD}cr": "\n", f"{_WORD}noBreakHyphen": "-"}
_LEFT_OUT: Final = frozenset({_FALLBACK, f"{_WORD}del", f"{_WORD}moveFrom", f"{_WORD}instrText"})
"""What a reader does not see: second versions of a drawing, deleted words, field codes."""


def read(body: bytes, charset: str) -> str:  # noqa: ARG001  # every reader is called alike, XML says its charset itself
    """The text, a blank line between paragraphs. Raises: Unreadable."""
    try:
        root = fromstring(_document(body), forbid_dtd=True)
    except (ParseError, DefusedXmlException):
        raise Unreadable("the Word document is damaged") from None
    return "".join(_pieces(root))


def _document(body: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive, archive.open(DOCUMENT) as part:
            xml = part.read(MAX_XML_BYTES + 1)  # what the archive says of its size need not be true
    except KeyError:
        raise Unreadable("this is no Word document (.docx)") from None
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError):
        raise Unreadable("the Word document is damaged, or protected by a password") from None
    if len(xml) > MAX_XML_BYTES:
        raise Unreadable("the Word document is too large when it is unpacked", code="file_too_complex")
    return xml


def _pieces(element: Element) -> Iterator[str]:
    if element.tag == f"{_WORD}t":
        yield element.text or ""
    elif element.tag in _SIGNS:
        yield _SIGNS[element.tag]
    elif element.tag not in _LEFT_OUT:
        for child in element:
            yield from _pieces(child)
    if element.tag == f"{_WORD}p":
        yield "\n\n"
