"""Writing: pass-through columns come back unchanged in every format, and parts become the whole file."""

import csv
import datetime
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.labels import STANCES, Stance
from models.prediction import Prediction
from training import parquet_writer
from training.answers import FLAT, AnswerColumns, Scored
from training.input import open_source
from training.layout import Layout
from training.rows import BadRow, InputError, OutputError, Row, Source
from training.run_folder import check_place, errors_path
from training.scoring import error_line
from training.writers import Format, open_format

PREDICTION = Prediction(Stance.NONE, dict.fromkeys(STANCES, 0.25), (Stance.NONE,), False, 5)


def scored(rows: Sequence[Row | BadRow]) -> list[Scored]:
    """Each good row with a prediction."""
    return [Scored(row, PREDICTION, None) for row in rows if isinstance(row, Row)]


def format_for(source: Source, format: str) -> Format:
    """The format with all answers behind all columns of a source."""
    return open_format(replace(Layout.of(source, format=format, answers=AnswerColumns()), model="fake@1"))


def convert(source: Source, output: Path, *, format: str | None = None) -> dict[str, str]:
    """Write every row of a source, two to a part; the notes."""
    rows, notes, parts = scored(list(source.rows())), {}, []
    writer = format_for(source, format or output.suffix[1:])
    for start in range(0, len(rows), 2):
        data, new = writer.part(rows[start : start + 2])
        notes |= new
        parts.append(output.with_name(f"{output.name}.{start}"))
        parts[-1].write_bytes(data)
    with output.open("wb") as file:
        writer.merge(parts, file)
    for part in parts:
        part.unlink()
    return notes


def passed_through(path: Path, n_columns: int) -> list[list[Any]]:
    """The first columns of a file, read without this project's readers."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return [cells[:n_columns] for cells in csv.reader(file)][1:]
    if path.suffix == ".jsonl":
        lines = path.read_bytes().decode().split("\n")[:-1]
        return [list(json.loads(line).values())[:n_columns] for line in lines]
    return [list(row.values())[:n_columns] for row in pq.read_table(path).to_pylist()]


TABLE = [
    ["007", "We will talk.", ""],
    ["1e5", 'They said "no",\nand left;\ttwice.\r\nThen again.', " spaced "],
    ["", "Grüße 和平 😀 \u2028 e\u0301", "\r"],
    ["NA", "=1+1", "nul\x00 and \x1b"],
    ["null", "true", "\ufeff"],
]


@pytest.mark.parametrize("output", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("input", ["csv", "jsonl", "parquet"])
def test_strings_come_back_unchanged(tmp_path: Path, input: str, output: str) -> None:
    """From every format to every format, strings, their order and the columns' order are as they were."""
    path = tmp_path / f"in.{input}"
    columns = ["id", "text", "note with, comma"]
    if input == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *TABLE])
    elif input == "jsonl":
        path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in TABLE))
    else:
        pq.write_table(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in TABLE]), path)
    result = tmp_path / f"out.{output}"
    assert convert(open_source(path), result) == {}
    assert passed_through(result, 3) == TABLE
    assert list(open_source(result).columns) == columns + list(FLAT)
    assert [row.values["n_tokens"] for row in open_source(result).rows()] == ["5" if output == "csv" else 5] * 5


def test_csv_bytes(tmp_path: Path) -> None:
    """CSV has one line feed per record, true and false, full precision, and an empty cell for null."""
    (tmp_path / "a.csv").write_text("text\nWe agree.\n")
    convert(open_source(tmp_path / "a.csv"), tmp_path / "b.csv")
    header, line, end = (tmp_path / "b.csv").read_bytes().split(b"\n")
    assert header.startswith(b"text,stance,confidence,probability_conciliatory,probability_hostile,")
    assert line == b"We agree.,none,0.25,0.25,0.25,0.25,0.25,true,none,[],false,5,,fake@1"
    assert end == b""


def test_parquet_types_stay(tmp_path: Path) -> None:
    """Parquet to Parquet keeps every type, null and value, nanoseconds and dictionaries included."""
    table = pa.table(
        {
            "text": pa.array(["a", "b", "a"]).dictionary_encode(),
            "tiny": pa.array([1, None, 3], pa.int8()),
            "large": pa.array(["x", None, ""], pa.large_string()),
            "when": pa.array([1, None, 2**60 + 1], pa.timestamp("ns", tz="UTC")),
            "far": pa.array([2**45, 0, None], pa.timestamp("ms")),
            "time": pa.array([1, 2, None], pa.time64("ns")),
            "money": pa.array([Decimal("1.10"), None, Decimal("2.00")], pa.decimal128(9, 2)),
            "nan": pa.array([float("nan"), None, -0.0], pa.float32()),
            "list": pa.array([[1, None], None, []], pa.list_(pa.int16())),
            "struct": pa.array([{"a": 1}, None, {"a": None}], pa.struct([("a", pa.int32())])),
            "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
            "bytes": pa.array([b"\xff", None, b""]),
            "nothing": pa.nulls(3),
        }
    ).replace_schema_metadata({"owner": "kept"})
    pq.write_table(table, tmp_path / "a.parquet")
    before = pq.read_table(tmp_path / "a.parquet")
    assert convert(open_source(tmp_path / "a.parquet"), tmp_path / "b.parquet") == {}
    after = pq.read_table(tmp_path / "b.parquet").select(table.column_names)
    assert after.schema.equals(before.schema, check_metadata=True)
    for name in table.column_names:
        assert str(after[name].combine_chunks()) == str(before[name].combine_chunks()), name


def test_parquet_values_in_text_formats(tmp_path: Path) -> None:
    """What CSV and JSON cannot hold as it is becomes text, and the notes say in which columns."""
    row = {
        "text": "a",
        "when": datetime.datetime(2020, 1, 2, 3, 4, 5),
        "day": datetime.date(2020, 1, 2),
        "money": Decimal("1.10"),
        "nan": float("nan"),
        "list": [1, 2],
        "bytes": b"\xff",
        "none": None,
        "whole": 2**60,
    }
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    source = open_source(tmp_path / "a.parquet")
    assert set(convert(source, tmp_path / "b.csv")) == {"list", "bytes"}
    stamps = ["2020-01-02T03:04:05", "2020-01-02", "1.10"]
    assert passed_through(tmp_path / "b.csv", 9) == [["a", *stamps, "NaN", "[1, 2]", "/w==", "", str(2**60)]]
    assert set(convert(source, tmp_path / "b.jsonl")) == {"when", "day", "money", "nan", "bytes"}
    assert passed_through(tmp_path / "b.jsonl", 9) == [["a", *stamps, "NaN", [1, 2], "/w==", None, 2**60]]


def test_jsonl_values(tmp_path: Path) -> None:
    """JSONL to JSONL leaves rows as they are, names included; columnar files hold mixed columns as JSON text."""
    rows: list[dict[str, Any]] = [
        {"text": "a", "n": 1, "mixed": 1, "share": 0.1, "deep": {"é": [1, None]}},
        {"text": "b", "n": None, "mixed": "1", "flag": False},
        {"late": "x", "text": "c", "mixed": None, "share": 1},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = open_source(path)
    assert convert(source, tmp_path / "b.jsonl") == {}
    lines = (tmp_path / "b.jsonl").read_text().splitlines()
    ours = list(FLAT)
    assert [{k: v for k, v in json.loads(line).items() if k not in ours} for line in lines] == rows
    assert set(convert(source, tmp_path / "b.parquet")) == {"mixed", "deep"}
    assert passed_through(tmp_path / "b.parquet", 7) == [
        ["a", 1, "1", 0.1, '{"é": [1, null]}', None, None],
        ["b", None, '"1"', None, None, False, None],
        ["c", None, None, 1.0, None, None, "x"],
    ]
    assert set(convert(source, tmp_path / "b.csv")) == {"deep"}
    assert passed_through(tmp_path / "b.csv", 7)[1] == ["b", "", "1", "", "", "false", ""]


def test_a_column_that_appears_later_is_an_error(tmp_path: Path) -> None:
    """A column that was not there when the file was opened is never dropped silently."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n')
    source = open_source(path)
    path.write_text('{"text": "a", "new": 1}\n')
    for suffix in ("csv", "parquet"):
        with pytest.raises(InputError, match="'new': did the file change"):
            convert(source, tmp_path / f"b.{suffix}")
    assert not list(tmp_path.glob("b.*.*"))


def test_parquet_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small chunks are gathered into row groups, and no row is left behind at the end."""
    monkeypatch.setattr(parquet_writer, "ROW_GROUP_ROWS", 4)
    (tmp_path / "a.csv").write_text("text\n" + "a\n" * 9)
    convert(open_source(tmp_path / "a.csv"), tmp_path / "b.parquet")
    metadata = pq.ParquetFile(tmp_path / "b.parquet").metadata
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [4, 4, 1]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_no_rows(tmp_path: Path, suffix: str) -> None:
    """An input without rows gives an output without rows, readable by its format."""
    (tmp_path / "a.csv").write_text("text\n")
    convert(open_source(tmp_path / "a.csv"), tmp_path / f"b.{suffix}")
    assert passed_through(tmp_path / f"b.{suffix}", 1) == []


def test_refused_rows_are_one_line_each() -> None:
    """A refused row is one JSON line, whatever it holds."""
    values = {"when": datetime.date(2020, 1, 2), "odd": "\ud800", "n": float("inf")}
    assert json.loads(error_line(BadRow(1, 2, "text", "null_text", "the text is null", "", values))) == {
        "number": 1,
        "line": 2,
        "column": "text",
        "code": "null_text",
        "cause": "the text is null",
        "raw": "",
        "values": {"when": "2020-01-02", "odd": "\ud800", "n": "Infinity"},
    }


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    """An output that has no directory, is one, or is an input, is refused before any work."""
    source = tmp_path / "in.csv"
    source.write_text("text\n")
    check_place(tmp_path / "new.csv", inputs=[source])
    with pytest.raises(OutputError, match="input itself"):
        check_place(source, inputs=[source])
    (tmp_path / "link.csv").symlink_to(source)
    with pytest.raises(OutputError, match="input itself"):
        check_place(tmp_path / "link.csv", inputs=[source])
    errors_path(tmp_path / "new.csv").symlink_to(source)
    with pytest.raises(OutputError, match="input itself"):
        check_place(tmp_path / "new.csv", inputs=[source])
    with pytest.raises(OutputError, match="no directory"):
        check_place(source / "below.csv", inputs=[source])
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(OutputError, match="not a file"):
        check_place(tmp_path / "dir.csv", inputs=[source])


def test_what_arrow_refuses_is_an_error_of_the_run(tmp_path: Path) -> None:
    """A value that its Parquet column cannot hold ends the run with an OutputError."""
    (tmp_path / "a.csv").write_text("text\nTalks are off.\n")
    source = open_source(tmp_path / "a.csv")
    (row,) = source.rows()
    assert isinstance(row, Row)
    with pytest.raises(OutputError, match="Parquet cannot hold"):
        format_for(source, "parquet").part(scored([replace(row, values={"text": 5})]))
