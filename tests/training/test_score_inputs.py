"""What can be scored: compressed files, several files, patterns and directories; and what is chosen of it."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.kills import open_free
from training.input import open_source, open_sources
from training.rows import InputError, Row
from training.score import main

CSV = "id,text\n1,We agree.\n2,No.\n"
JSONL = '{"id": 1, "text": "We agree."}\n{"id": 2, "text": "No."}\n'


def run(*arguments: str | Path) -> int:
    """The program with a free model; its exit status."""
    return main([str(argument) for argument in arguments], open_model=open_free)


def table(path: Path) -> list[dict[str, str]]:
    """A CSV file as rows."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def compress(data: bytes, kind: str) -> bytes:
    """The bytes as one stream of .gz or .zst."""
    return gzip.compress(data) if kind == ".gz" else bytes(pa.compress(data, "zstd", asbytes=True))


@pytest.mark.parametrize("kind", [".gz", ".zst"])
@pytest.mark.parametrize(("name", "content"), [("a.csv", CSV), ("a.jsonl", JSONL)])
def test_compressed(tmp_path: Path, name: str, content: str, kind: str) -> None:
    """A compressed file gives what the plain one gives, also when it is several streams one after the other."""
    (tmp_path / name).write_text(content)
    half = len(content) // 2
    packed = tmp_path / (name + kind)
    packed.write_bytes(compress(content[:half].encode(), kind) + compress(content[half:].encode(), kind))
    assert run(tmp_path / name, "--output", tmp_path / "plain.csv") == 0
    assert run(packed, "--output", tmp_path / "packed.csv") == 0
    assert (tmp_path / "packed.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


@pytest.mark.parametrize("kind", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_compressed_and_cut_off(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str) -> None:
    """A compressed file that was cut off, or is no such file, is one clear error and no output (B4)."""
    lines = [f'{{"id": {n}, "text": "statement {n * 7919 % 10007}"}}' for n in range(3_000)]
    text = "\n".join(lines if name == "a.jsonl" else ["id,text", *(f"{n},x {n * 7919 % 10007}" for n in range(3_000))])
    packed = compress(text.encode(), kind)
    for content in (packed[: len(packed) // 2], packed[:-3], b"no such thing at all, really not"):
        (tmp_path / (name + kind)).write_bytes(content)
        assert run(tmp_path / (name + kind), "--output", tmp_path / "out.csv", "--force") == 2
        printed = capsys.readouterr().err
        assert "cannot be read" in printed or "damaged or cut off" in printed
        assert not (tmp_path / "out.csv").exists()


def test_several_files(tmp_path: Path) -> None:
    """Files become one output, in order; a column names each row's file; a column that a file lacks is empty."""
    (tmp_path / "b").mkdir()
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b" / "c.csv").write_text("text;note\nNever.;x\n\n;y\n")
    assert run(tmp_path / "b" / "c.csv", tmp_path / "a.csv", "--output", tmp_path / "out.csv") == 3
    rows = table(tmp_path / "out.csv")
    assert [(row["source_file"], row["text"], row["note"], row["id"]) for row in rows] == [
        ("b/c.csv", "Never.", "x", ""),
        ("a.csv", "We agree.", "", "1"),
        ("a.csv", "No.", "", "2"),
    ]
    refused = json.loads((tmp_path / "out.csv.errors.jsonl").read_text())
    assert (refused["file"], refused["number"], refused["line"]) == ("b/c.csv", 2, 4)


def test_directories_and_patterns(tmp_path: Path) -> None:
    """A directory stands for the files below it, a pattern for what it matches; earlier outputs are no inputs."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.csv", "a.csv.gz", "deep/c.csv"):
        content = CSV.encode()
        (folder / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    for name in (".hidden.csv", "notes.txt", "x.csv.errors.jsonl"):
        (folder / name).write_text("not an input\n")
    for _ in range(2):
        assert run(folder, "--output", folder / "out.csv", "--source-column", "file", "--force") == 0
        assert [row["file"] for row in table(folder / "out.csv")] == [
            name for name in ("a.csv.gz", "b.csv", "deep/c.csv") for _ in range(2)
        ]
    assert run(folder / "*" / "*.csv", "--output", tmp_path / "out.jsonl") == 0
    assert (tmp_path / "out.jsonl").read_text().count('"source_file": "c.csv"') == 2


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["a.csv", "b.jsonl"], [], "of one format together"),
        (["a.csv", "a.csv"], ["--source-column", "id"], "name the column of files by --source-column"),
        (["*.parquet"], [], "no file to score"),
        (["a.csv"], ["--columns", "stance,mood"], "there is no 'mood' to add"),
        (["a.csv"], ["--keep", "mood"], "--keep: there is no column 'mood'"),
        (["a.csv"], ["--output", "o.csv.gz"], "not compressed"),
        (["a.csv"], ["--output", "o.tsv"], "ends in .csv"),
        (["hidden.csv"], [], "compressed; give it the suffix .gz"),
        (["hidden.jsonl"], [], "compressed; give it the suffix .zst"),
        (["a.csv"], ["--report", "r.html", "--time-column", "mood"], "--report needs 'mood'"),
        (["a.csv"], ["--time-column", "id"], "are for --report"),
        (["a.csv"], ["--report", "r.html", "--columns", "certain"], "--report needs 'stance'"),
    ],
)
def test_what_cannot_be(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    options: list[str],
    message: str,
) -> None:
    """Inputs and options that do not go together are status 2 and one message."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.jsonl").write_text(JSONL)
    (tmp_path / "hidden.csv").write_bytes(compress(CSV.encode(), ".gz"))
    (tmp_path / "hidden.jsonl").write_bytes(compress(JSONL.encode(), ".zst"))
    others = ["b.jsonl"] if names == ["a.csv", "a.csv"] else []
    if others:
        (tmp_path / "b.csv").write_text(CSV)
        names = ["a.csv", "b.csv"]
    assert run(*names, *([] if "--output" in options else ["--output", "out.csv"]), *options) == 2
    assert message in capsys.readouterr().err


def test_parquet_projection_and_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the columns that are needed are read, and row groups that are finished are skipped."""
    columns = {"text": [f"t {n}" for n in range(40)], "id": range(40), "big": ["x" * 100] * 40}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=10)
    source = open_source(tmp_path / "a.parquet", only={"text", "id"})
    assert (list(source.columns), source.n_rows) == (["text", "id"], 40)
    asked: list[Any] = []
    real = pq.ParquetFile.iter_batches

    def watch(self: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(options)
        return real(self, *arguments, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watch)
    rows = list(source.rows(after=25))
    assert asked == [{"row_groups": [2, 3], "columns": ["text", "id"]}]
    assert [(row.number, row.values["id"]) for row in rows] == [(n + 1, n) for n in range(25, 40)]
    assert run(tmp_path / "a.parquet", "--output", tmp_path / "o.parquet", "--keep", "id", "--columns", "stance") == 0
    assert pq.read_table(tmp_path / "o.parquet").column_names == ["id", "stance"]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_rows_after(tmp_path: Path, name: str) -> None:
    """Reading can begin after any row, in every format, with the same numbers and lines."""
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(pa.table({"text": [str(n) for n in range(9)]}), path, row_group_size=2)
    else:
        lines = [f'{{"text": "{n}"}}' if name == "a.jsonl" else str(n) for n in range(9)]
        path.write_text("\n\n".join((["text"] if name == "a.csv" else []) + lines))
    whole = [(row.number, row.line, row.values["text"]) for row in open_source(path).rows() if isinstance(row, Row)]
    assert len(whole) == 9
    for after in range(11):
        found = [(row.number, row.line, row.values["text"]) for row in open_source(path).rows(after=after)]
        assert found == whole[after:]


def test_nested_answers(tmp_path: Path) -> None:
    """Nested: probabilities are a struct, sets and conditions lists; in CSV they are JSON text."""
    (tmp_path / "a.jsonl").write_text(JSONL)
    chosen = ["--nested", "--columns", "probabilities,prediction_set,conditions", "--keep", "id"]
    assert run(tmp_path / "a.jsonl", "--output", tmp_path / "o.parquet", *chosen) == 0
    assert run(tmp_path / "a.jsonl", "--output", tmp_path / "o.jsonl", *chosen) == 0
    assert run(tmp_path / "a.jsonl", "--output", tmp_path / "o.csv", *chosen) == 0
    rows = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()] == rows
    assert json.loads(table(tmp_path / "o.csv")[1]["probabilities"]) == rows[1]["probabilities"]
    assert list(rows[0]) == ["id", "probabilities", "prediction_set", "conditions"]
    assert sum(rows[0]["probabilities"].values()) == pytest.approx(1)


def test_parquet_files_that_differ(tmp_path: Path) -> None:
    """Parquet files of other columns or types are not scored together."""
    pq.write_table(pa.table({"text": ["a"], "n": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["a"], "n": [1.5]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="the first file"):
        open_sources([tmp_path / "a.parquet", tmp_path / "b.parquet"], source_column="file")


def test_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--dry-run says rows, columns, time and room from a sample that it measures, and writes nothing."""
    (tmp_path / "a.csv").write_text("id,text\n" + "".join(f"{n},{n if n % 9 else ''}\n" for n in range(2_000)))
    assert run(tmp_path / "a.csv", "--output", tmp_path / "out.csv", "--dry-run") == 0
    printed = capsys.readouterr().out
    refused = "455 scored, 57 refused (57 empty_text)"
    for said in (", 2,000 rows", refused, "rows/s", "MiB", "stance, confidence", "nothing was written"):
        assert said in printed
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


MEASURED = """
import sys, tracemalloc
import pyarrow as pa
from benchmarks.kills import open_free
from training import parquet_writer, rows
from training.score import main
rows.MAX_CHUNK_CHARS = parquet_writer.ROW_GROUP_BYTES = int(sys.argv[1])
source, format, folder = sys.argv[2:]
main([source, "--output", f"{folder}/first.{format}", "--limit", "1"], open_model=open_free)  # what is loaded once
pool = pa.proxy_memory_pool(pa.default_memory_pool())
pa.set_memory_pool(pool)
tracemalloc.start()
status = main([source, "--output", f"{folder}/out.{format}", "--columns", "stance"], open_model=open_free)
print(tracemalloc.get_traced_memory()[1] + (pool.max_memory() or 0))
sys.exit(status)
"""
"""Measures in an interpreter of its own: in one that has done much else, a table of its strings may grow meanwhile."""


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_memory_is_bounded_by_chunks(tmp_path: Path, root: Path, format: str) -> None:
    """However large the input, a run holds at most nine times what a chunk may hold, in every format (B6)."""
    chunk = 2**19
    words = "".join(chr(97 + n * n % 23) for n in range(20_000))
    source = tmp_path / "in.csv"
    source.write_text("id,text,note\n" + "".join(f"{n},statement {n},{words}\n" for n in range(1_200)))
    assert source.stat().st_size > 40 * chunk
    command = [sys.executable, "-c", MEASURED, str(chunk), str(source), format, str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    peak = int(done.stdout.split()[-1])
    assert peak < 9 * chunk, f"{peak / chunk:.1f} chunks"
