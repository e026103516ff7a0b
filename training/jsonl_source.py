"""JSONL, streamed as rows: a corrupt line costs one row.

The codes that it gives: invalid_json, invalid_utf8, not_an_object, line_too_long, unreadable_text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO, Final

import pyarrow as pa

from models.errors import UnreadableText
from training.byte_stream import ByteStream, check_encoding
from training.places import Place
from training.rows import EXCERPT_CHARS, MAX_LINE_CHARS, BadRow, InputError, Row, excerpt, printable

BOM: Final = b"\xef\xbb\xbf"
MAX_DEPTH: Final = 100
"""Levels of nesting; deeper ones exhaust Python's stack when they are written again."""


class JsonlSource:
    """A file with one JSON object a line. A first pass finds all columns and the kinds of their values."""

    def __init__(self, path: Place, *, limit: int | None = None) -> None:
        check_encoding(path)
        self._path = path
        self._stream: ByteStream | None = None
        self.kinds: dict[str, set[str]] = {}
        self.n_rows: int | None = 0
        for row in islice(self.rows(), limit):
            self.n_rows += 1
            for name, value in row.values.items() if isinstance(row, Row) else ():
                self.kinds.setdefault(name, set()).add(_kind(value))
        if not self.n_rows:
            raise InputError(f"{path}: the file is empty; each line must be a JSON object")
        if not self.kinds:
            raise InputError(f"{path}: no line is a JSON object with columns, such as {{'text': '...'}}")
        self.columns: Sequence[str] = list(self.kinds)
        self.added: Sequence[str] = ()
        self.schema, self.as_json = types_of(self.kinds)

    def rows(self, *, after: int = 0) -> Iterator[Row | BadRow]:
        """Every line that is not blank, but the first ``after`` of them."""
        number = 0
        with ByteStream(self._path) as self._stream:
            for line, raw in enumerate(_byte_lines(self._stream.file), start=1):
                raw = raw.removeprefix(BOM) if line == 1 else raw
                if raw.strip():
                    number += 1
                    if number > after:
                        yield _parse_line(raw, number=number, line=line)

    def share_read(self) -> float:
        """The share of the file's bytes that were read."""
        return 1.0 if self._stream is None else self._stream.share_read()


def types_of(kinds: Mapping[str, set[str]]) -> tuple[pa.Schema, frozenset[str]]:
    """The types that hold values of these kinds by column, and the columns that only JSON text can hold."""
    types = {name: _arrow_type(found - {"null"}) for name, found in kinds.items()}
    schema = pa.schema([(name, found or pa.string()) for name, found in types.items()])
    return schema, frozenset(name for name, found in types.items() if found is None)


def _byte_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines; of one longer than MAX_LINE_CHARS only that many bytes and one more."""
    while line := file.readline(MAX_LINE_CHARS + 1):
        rest = line
        while len(rest) > MAX_LINE_CHARS and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_CHARS + 1)
        yield line


def _parse_line(raw: bytes, *, number: int, line: int) -> Row | BadRow:
    """The row that a line holds. json's own errors quote positions, never the text."""
    start = raw[: 4 * EXCERPT_CHARS].decode("utf-8", "backslashreplace").strip()
    if len(raw) > MAX_LINE_CHARS:
        cause = f"a line of more than {MAX_LINE_CHARS:,} bytes"
        return BadRow(number, line, None, "line_too_long", cause, excerpt(start))
    try:
        values = json.loads(raw.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        cause = f"the byte 0x{raw[error.start]:02x} at position {error.start + 1} of the line is not UTF-8"
        return BadRow(number, line, None, "invalid_utf8", cause, excerpt(start))
    except (ValueError, RecursionError) as error:
        # a JSONDecodeError counts lines within this one
        where = f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else str(error)
        return BadRow(number, line, None, "invalid_json", f"not readable as JSON: {where}", excerpt(start))
    if not isinstance(values, dict):
        kind = type(values).__name__
        return BadRow(number, line, None, "not_an_object", f"a JSON {kind} where an object is needed", excerpt(start))
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _deeper_than(values, MAX_DEPTH):
        return BadRow(number, line, None, "invalid_json", f"nested more than {MAX_DEPTH} levels deep", excerpt(start))
    if b"\\ud" in raw.lower():  # only an escape can smuggle a surrogate into valid UTF-8
        return _without_surrogates(values, number=number, line=line, start=start)
    return Row(number, values, line)


def _without_surrogates(values: dict[str, Any], *, number: int, line: int, start: str) -> Row | BadRow:
    for column, value in values.items():
        text = json.dumps({column: value}, ensure_ascii=False)
        if printable(text) != text:
            others = {name: other for name, other in values.items() if name != column}
            cause = f"column {printable(column)!r} contains an unpaired surrogate, which no UTF-8 file can hold"
            raw = excerpt(value) or excerpt(start)
            return BadRow(number, line, printable(column), UnreadableText.code, cause, raw, others)
    return Row(number, values, line)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("an object has the same name twice")
    return values


def _deeper_than(value: object, levels: int) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels == 0 or _deeper_than(child, levels - 1) for child in children)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "int" if abs(value) <= 2**53 else "long" if -(2**63) <= value < 2**63 else "huge"
        case float():
            return "float"
        case str():
            return "str"
        case _:
            return "nested"


def _arrow_type(kinds: set[str]) -> pa.DataType | None:
    """The type that holds values of these kinds unchanged; None where there is none."""
    if kinds <= {"str"}:
        return pa.string()
    if kinds <= {"bool"}:
        return pa.bool_()
    if kinds <= {"int", "long"}:
        return pa.int64()
    return pa.float64() if kinds <= {"int", "float"} else None  # up to 2**53 a double holds every integer
