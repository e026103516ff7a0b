"""Reading: every record is a row or a refused row with its place and cause; a file that cannot be read is one error."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import csv_source, jsonl_source
from training import rows as rows_module
from training.input import open_source
from training.rows import BadRow, InputError, Row, chunks, excerpt, printable


def read(path: Path, **options: Any) -> list[Row | BadRow]:
    """All rows of a file."""
    return list(open_source(path, **options).rows())


def texts(rows: Iterable[Row | BadRow]) -> list[str]:
    """The text of each row, or the code of its refusal."""
    return [row.code if isinstance(row, BadRow) else row.values["text"] for row in rows]


def file(tmp_path: Path, name: str, content: bytes | str) -> Path:
    """A file with that content."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("delimiter", [b",", b";", b"\t", b"|"], ids=["comma", "semicolon", "tab", "pipe"])
def test_csv_dialects(tmp_path: Path, bom: bytes, newline: bytes, delimiter: bytes) -> None:
    """Byte order mark, line ends and delimiter are found out; quoted line breaks belong to the cell."""
    lines = [b"id@text", b'007@"We will talk,\nsoon."', b"", b"008@Never.", b""]
    path = file(tmp_path, "a.csv", bom + newline.join(lines).replace(b"@", delimiter))
    assert [row.values for row in read(path)] == [
        {"id": "007", "text": "We will talk,\nsoon."},
        {"id": "008", "text": "Never."},
    ]


def test_csv_places(tmp_path: Path) -> None:
    """A row knows its number among records and the line on which it starts; blank lines count as lines only."""
    path = file(tmp_path, "a.csv", 'text,n\n"one\ntwo",1\n\nthree,2\n')
    assert [(row.number, row.line) for row in read(path)] == [(1, 2), (2, 5)]


def test_csv_delimiter_given(tmp_path: Path) -> None:
    """A delimiter that is given is not found out."""
    path = file(tmp_path, "a.csv", "text~a;b\nYes~1;2\n")
    assert read(path, delimiter="~")[0].values == {"text": "Yes", "a;b": "1;2"}


def test_csv_wrong_cell_counts(tmp_path: Path) -> None:
    """Too few or too many cells cost that row; all of its cells are kept."""
    few, many, good = read(file(tmp_path, "a.csv", "id,text\n1\n2,a,b,c\n3,We agree.\n"), delimiter=",")
    assert isinstance(few, BadRow)
    assert isinstance(many, BadRow)
    assert (few.code, few.line, dict(few.values)) == ("wrong_cell_count", 2, {"id": "1"})
    assert many.values == {"id": "2", "text": "a", "cell 3": "b", "cell 4": "c"}
    assert "4 cells where the header has 2" in many.cause
    assert good.values["text"] == "We agree."


def test_csv_stray_quote_costs_one_row(tmp_path: Path) -> None:
    """A quote that is never closed costs its own row; the rows that it would swallow are read."""
    rows = read(file(tmp_path, "a.csv", 'id,text\n1,a\n2,"b\n3,c\n4,d "quoted"\n5,e\n6,"f"\n7,"g\n8,h\n'))
    assert texts(rows) == ["a", "malformed_csv", "c", 'd "quoted"', "e", "f", "malformed_csv", "h"]
    assert [row.line for row in rows] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert isinstance(rows[1], BadRow)
    assert rows[1].raw == '2,"b'


def test_csv_bad_utf8(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 cost their row, which says which byte of which column; other columns are kept."""
    bad, good = read(file(tmp_path, "a.csv", b"id,text\n\xc3\xa9,caf\xe9 talks\n2,caf\xc3\xa9 talks\n"))
    assert isinstance(bad, BadRow)
    assert (bad.code, bad.column, bad.raw, bad.values) == ("invalid_utf8", "text", "caf\\xe9 talks", {"id": "é"})
    assert "0xe9 at character 4" in bad.cause
    assert good.values["text"] == "café talks"


def test_csv_huge_cell(tmp_path: Path) -> None:
    """A cell of 30 MB is read whole; the rows around it are not disturbed."""
    path = file(tmp_path, "a.csv", b"text,id\na,1\n" + b"x" * 30_000_000 + b",2\nb,3\n")
    assert [len(text) for text in texts(read(path))] == [1, 30_000_000, 1]


def test_lines_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than the limit is refused without being held, and costs one row."""
    monkeypatch.setattr(csv_source, "MAX_LINE_CHARS", 50)
    monkeypatch.setattr(jsonl_source, "MAX_LINE_CHARS", 50)
    long = "x" * 170
    assert texts(read(file(tmp_path, "a.csv", f"text,id\na,1\n{long},2\nb,3\n"))) == ["a", "malformed_csv", "b"]
    lines = [json.dumps({"text": text}) for text in ("a", long, "b")]
    assert texts(read(file(tmp_path, "a.jsonl", "\n".join(lines)))) == ["a", "line_too_long", "b"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "\n\n", "empty"),
        ("a.csv", "text,id,text\n", "'text' names more than one column; the columns are 'text', 'id', 'text'"),
        ("a.csv", b"t\xe9xt,id\n", "not UTF-8"),
        ("a.csv", '"text,id\n1,2\n', "first line"),
        ("a.csv", "text,id\n".encode("utf-16"), "UTF-16"),
        ("a.jsonl", "", "empty"),
        ("a.jsonl", "\n \n", "empty"),
        ("a.jsonl", "nonsense\n[1]\n", "no line is a JSON object"),
        ("a.parquet", "", "Parquet"),
        ("a.parquet", "PAR1 not at all", "Parquet"),
        ("a.xlsx", "x", "suffix '.xlsx'"),
    ],
)
def test_unusable_files(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    """A file that cannot be read at all is one error that says why."""
    with pytest.raises(InputError, match=message):
        open_source(file(tmp_path, name, content))


@pytest.mark.parametrize("name", ["no.csv", "no.jsonl", "no.parquet"])
def test_absent_file(tmp_path: Path, name: str) -> None:
    """A file that is not there is an InputError in every format."""
    with pytest.raises(InputError, match="cannot be read"):
        open_source(tmp_path / name)


def test_csv_header_only(tmp_path: Path) -> None:
    """A header without rows is a file with columns and no rows."""
    source = open_source(file(tmp_path, "a.csv", "text,id\n"))
    assert (list(source.columns), list(source.rows())) == (["text", "id"], [])


def test_jsonl_bad_lines(tmp_path: Path) -> None:
    """Each broken line costs one row with its line and cause; blank lines are skipped."""
    lines = [
        b'\xef\xbb\xbf{"text": "a"}',
        b"",
        b'{"text": "b"',
        b"[1, 2]",
        b'{"text": "\xff"}',
        b"  \r",
        b'{"text": "c", "text": "d"}',
        b'{"text": "\\ud800", "id": 1}',
        b'{"text": "\\ud83d\\ude00"}',
        b'{"text": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"text": ' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"text": "e"}\r',
    ]
    rows = read(file(tmp_path, "a.jsonl", b"\n".join(lines)))
    assert texts(rows) == [
        "a",
        "invalid_json",
        "not_an_object",
        "invalid_utf8",
        "invalid_json",
        "unreadable_text",
        "😀",
        "invalid_json",
        "invalid_json",
        "e",
    ]
    assert [row.line for row in rows] == [1, 3, 4, 5, 7, 8, 9, 10, 11, 12]
    broken, surrogate = rows[1], rows[5]
    assert isinstance(broken, BadRow)
    assert "at character" in broken.cause  # of this line: lines are counted in the file alone
    assert "line" not in broken.cause
    assert isinstance(surrogate, BadRow)
    assert (surrogate.column, surrogate.raw, surrogate.values) == ("text", "\\ud800", {"id": 1})


def test_jsonl_types(tmp_path: Path) -> None:
    """The first pass finds every column, also late ones, and the type that holds all of its values unchanged."""
    first = {"text": "a", "int": 1, "long": 2**60, "number": 1, "flag": True, "mixed": 1, "huge": 2**70, "none": None}
    second = {"text": "b", "int": None, "number": 0.5, "mixed": "x", "late": [1]}
    source = open_source(file(tmp_path, "a.jsonl", f"{json.dumps(first)}\n{json.dumps(second)}\n"))
    assert list(source.columns) == [*first, "late"]
    assert source.as_json == {"mixed", "huge", "late"}
    types = {field.name: field.type for field in source.schema}
    assert (types["int"], types["long"], types["number"]) == (pa.int64(), pa.int64(), pa.float64())
    assert (types["flag"], types["none"], types["late"]) == (pa.bool_(), pa.string(), pa.string())
    assert source.n_rows == 2


lines_of_bytes = st.lists(
    st.one_of(
        st.binary(max_size=30).filter(lambda line: b"\n" not in line),
        st.text(max_size=20).map(lambda text: json.dumps({"text": text}).encode()),
        st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=4).map(
            lambda value: json.dumps({"text": "x", "other": value}).encode()
        ),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(lines=lines_of_bytes)
def test_jsonl_loses_no_line(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """Whatever bytes are in a line, it is one row or one refused row; only blank lines are neither."""
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_bytes(b'{"text": "first"}\n' + b"\n".join(lines))
    rows = read(path)
    assert len(rows) == 1 + sum(bool(line.strip()) for line in lines)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))


@settings(max_examples=150, deadline=None)
@given(table=st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=8), st.text('a,";\r\n', max_size=6))))
def test_csv_reads_what_csv_writes(tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]]) -> None:
    """Rows written by Python's csv module come back as they were, whatever is in their cells."""
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as output:
        csv.writer(output).writerows([("id", "text"), *table])
    assert [tuple(row.values.values()) for row in read(path, delimiter=",")] == table


def test_parquet_rows(tmp_path: Path) -> None:
    """Parquet rows have a number and no line; their values are Python's; the total is known before reading."""
    table = pa.table({"text": ["a", None, ""], "n": pa.array([1, 2, 3], pa.int8())})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    source = open_source(tmp_path / "a.parquet")
    assert source.n_rows == 3
    assert [(row.number, row.line, row.values) for row in source.rows()] == [
        (1, None, {"text": "a", "n": 1}),
        (2, None, {"text": None, "n": 2}),
        (3, None, {"text": "", "n": 3}),
    ]


def test_parquet_bad_values(tmp_path: Path) -> None:
    """A string that is not UTF-8 costs its row; a time beyond Python's calendar does not."""
    broken = pa.array([b"fine", b"caf\xe9"], pa.binary()).view(pa.string())
    far = pa.array([2**45, 0], pa.timestamp("s"))
    pq.write_table(pa.table({"text": broken, "when": far}), tmp_path / "a.parquet")
    good, bad = read(tmp_path / "a.parquet")
    assert isinstance(good, Row)
    assert str(2**45) in good.values["when"]  # Arrow's own words for it
    assert isinstance(bad, BadRow)
    assert (bad.code, bad.column, bad.raw) == ("invalid_utf8", "text", "caf\\xe9")


def test_parquet_cut_or_damaged(tmp_path: Path) -> None:
    """A Parquet file that was cut off, or whose pages were overwritten, is one clear error."""
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"text": [f"text {i}" for i in range(5_000)]}), path, compression="gzip", use_dictionary=False
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cut off"):
        open_source(path)
    path.write_bytes(whole[:100] + b"\x00" * 2_000 + whole[2_100:])
    with pytest.raises(InputError, match="damaged after row"):
        read(path)


def test_parquet_duplicate_columns(tmp_path: Path) -> None:
    """Two Parquet columns of one name are refused, as in CSV."""
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, names=["text", "text"]), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="more than one"):
        open_source(tmp_path / "a.parquet")


def test_chunks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk ends at its size, or earlier when its strings are huge; no row is lost between chunks."""
    monkeypatch.setattr(rows_module, "MAX_CHUNK_CHARS", 100)
    rows = [Row(number, {"text": "x" * (90 if number == 3 else 10)}) for number in range(1, 11)]
    sizes = [[row.number for row in chunk] for chunk in chunks(rows, 4)]
    assert sizes == [[1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]


@given(st.text(st.characters(), max_size=300))
def test_excerpts_are_utf8(text: str) -> None:
    """An excerpt has at most 200 characters and can be written as UTF-8; readable text is left as it is."""
    assert len(excerpt(text).encode("utf-8").decode()) <= 200
    assert printable("Grüße, 和平 😀") == "Grüße, 和平 😀"
