"""The program: what it prints, what it leaves on the disk, and its exit status."""

import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import ArtifactMissing
from models.labels import STANCES, Stance
from models.prediction import Prediction
from training.run_folder import errors_path
from training.score import main
from training.scoring_run import Model

Run = Callable[..., int]


class Fake:
    """A classifier that tells texts apart by their length; it is interrupted by a marker."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction for each text."""
        if "CTRL-C" in texts:
            raise KeyboardInterrupt
        return [
            Prediction(Stance.HOSTILE, dict.fromkeys(STANCES, 0.25), (Stance.HOSTILE,), False, len(t)) for t in texts
        ]

    def warm_up(self) -> None:
        """Nothing to warm."""


def open_fake(flags: Namespace) -> Model:
    """The fake, under a name."""
    return Model([Fake()], "fake@1", "digest", "fake")


def run(*arguments: str | Path) -> int:
    """The program with a fake model; its exit status."""
    return main([str(argument) for argument in arguments], open_model=open_fake)


def names(folder: Path) -> list[str]:
    """What is in a folder, hidden files included."""
    return sorted(os.listdir(folder))


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A CSV file with four good rows and two bad ones."""
    path = tmp_path / "in.csv"
    path.write_bytes(b"id,text\n1,We agree.\n2,\n3,No.\n4,\xff\n5,Perhaps.\n6,Never again.\n")
    return path


def test_all_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When every row is scored: status 0, the account as the last line of stdout, table and bar on stderr."""
    (tmp_path / "in.csv").write_text("id,quote\n007,We agree.\n008,No.\n")
    assert run(tmp_path / "in.csv", "--text-column", "quote", "--output", tmp_path / "out.jsonl") == 0
    printed = capsys.readouterr()
    assert printed.out == f"2 rows in, 2 scored, 0 refused -> {tmp_path / 'out.jsonl'}\n"
    assert "hostile                2   100.0%   100.0%" in printed.err
    assert "rows/s" in printed.err
    assert " left" in printed.err
    assert names(tmp_path) == ["in.csv", "out.jsonl", "out.jsonl.manifest.json"]
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert (first["id"], first["quote"], first["stance"], first["model"]) == ("007", "We agree.", "hostile", "fake@1")


def test_some_refused(tmp_path: Path, mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused rows: status 3, the rest in order, each refused row in the report with line and cause."""
    assert run(mixed, "--output", tmp_path / "out.csv", "--chunk-rows", 2) == 3
    printed = capsys.readouterr()
    assert printed.out.endswith(f"6 rows in, 4 scored, 2 refused -> {tmp_path / 'out.csv'}\n")
    assert "1 empty_text" in printed.err
    report = [json.loads(line) for line in errors_path(tmp_path / "out.csv").read_text().splitlines()]
    assert [(bad["number"], bad["line"], bad["code"], bad["values"]) for bad in report] == [
        (2, 3, "empty_text", {"id": "2"}),
        (4, 5, "invalid_utf8", {"id": "4"}),
    ]
    ids = [line.split(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert ids == ["id", "1", "3", "5", "6"]


@pytest.mark.parametrize("options", [["--strict"], ["--max-errors", "1"], ["--max-errors", "0"]])
def test_too_many_errors(tmp_path: Path, mixed: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    """--strict, and one row more than --max-errors: status 2, the culprit named, no output; going on is possible."""
    assert run(mixed, "--output", tmp_path / "out.parquet", *options) == 2
    culprit = "row 4 (line 5)" if options[-1] == "1" else "row 2 (line 3)"
    printed = capsys.readouterr().err
    assert culprit in printed
    assert "6 finished rows are kept" in printed
    assert names(tmp_path) == ["in.csv", "out.parquet.run"]
    assert run(mixed, "--output", tmp_path / "out.parquet", "--max-errors", 2) == 3
    assert "out.parquet" in names(tmp_path)


def test_max_errors_not_reached(tmp_path: Path, mixed: Path) -> None:
    """As many refused rows as allowed end as usual."""
    assert run(mixed, "--output", tmp_path / "out.parquet", "--max-errors", 2) == 3


def test_limit(tmp_path: Path, mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--limit counts rows that are read, refused ones included."""
    assert run(mixed, "--output", tmp_path / "out.csv", "--limit", 3) == 3
    assert "3 rows in, 2 scored, 1 refused" in capsys.readouterr().out


def test_order_with_mixed_lengths(tmp_path: Path) -> None:
    """Rows keep their order over chunks, whatever the lengths of their texts."""
    texts = ["a" * (1 + (index * 7919) % 400) for index in range(300)]
    pq.write_table(pa.table({"text": texts, "n": range(300)}), tmp_path / "in.parquet")
    assert run(tmp_path / "in.parquet", "--output", tmp_path / "out.parquet", "--chunk-rows", 7) == 0
    out = pq.read_table(tmp_path / "out.parquet")
    assert out["n"].to_pylist() == list(range(300))
    assert out["n_tokens"].to_pylist() == [len(text) for text in texts]


def test_huge_cell(tmp_path: Path) -> None:
    """A cell of 30 MB costs its row, not the run, and its report stays small."""
    (tmp_path / "in.csv").write_bytes(b"text,id\nYes.,1\n" + b"x" * 30_000_000 + b",2\nNo.,3\n")
    assert run(tmp_path / "in.csv", "--output", tmp_path / "out.csv") == 3
    (report,) = errors_path(tmp_path / "out.csv").read_text().splitlines()
    assert json.loads(report)["code"] == "text_too_long"
    assert len(report) < 1_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text-column", "quote"], "no column 'quote' (--text-column) in the input; there is 'id', 'text'"),
        (["--output", "nowhere/out.csv"], "no directory"),
        (["--output", "in.csv", "--force"], "the input itself"),
        (["--output", "out.xlsx"], "suffix '.xlsx'"),
        (["--output", "old.csv"], "--force replaces it"),
        (["--format", "parquet"], "not a whole Parquet file"),
    ],
)
def test_usage_errors(
    tmp_path: Path,
    mixed: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    """What cannot be done is status 2, one line that says what to change, and nothing written."""
    monkeypatch.chdir(tmp_path)
    Path("old.csv").write_text("old")
    assert run("in.csv", *(["--output", "out.csv"] if "--output" not in options else []), *options) == 2
    assert message in capsys.readouterr().err
    assert names(tmp_path) == ["in.csv", "old.csv"]
    assert Path("old.csv").read_text() == "old"


@pytest.mark.parametrize(
    "options", [["--limit", "0"], ["--chunk-rows", "x"], ["--delimiter", ",,"], ["--threads", "-1"]]
)
def test_option_values(tmp_path: Path, options: list[str]) -> None:
    """Values that make no sense are refused by the parser with status 2."""
    with pytest.raises(SystemExit) as exit_info:
        run("in.csv", "--output", "out.csv", *options)
    assert exit_info.value.code == 2


def test_unwritable_directory(tmp_path: Path, mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that does not allow writing is status 2; access is faked, as root may write anywhere."""
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert run(mixed, "--output", tmp_path / "out.csv") == 2


def test_force(tmp_path: Path, mixed: Path) -> None:
    """--force replaces an output and its report."""
    assert run(mixed, "--output", tmp_path / "out.csv") == 3
    mixed.write_text("text\nWe agree.\n")
    assert run(mixed, "--output", tmp_path / "out.csv") == 2
    assert run(mixed, "--output", tmp_path / "out.csv", "--force") == 0
    assert names(tmp_path) == ["in.csv", "out.csv", "out.csv.manifest.json"]


def test_clash_and_prefix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An output can be scored again with a prefix; without one the clash is named."""
    (tmp_path / "in.csv").write_text("text,stance\nWe agree.,mine\n")
    assert run(tmp_path / "in.csv", "--output", tmp_path / "out.jsonl") == 2
    assert "'stance'" in capsys.readouterr().err
    assert run(tmp_path / "in.csv", "--output", tmp_path / "out.jsonl", "--prefix", "new_") == 0
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert (row["stance"], row["new_stance"]) == ("mine", "hostile")


def test_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column that had to be kept in another form is named on stderr."""
    (tmp_path / "in.jsonl").write_text('{"text": "Yes.", "tags": ["a"]}\n')
    assert run(tmp_path / "in.jsonl", "--output", tmp_path / "out.csv") == 0
    assert "note: column 'tags': lists and objects are kept as JSON text" in capsys.readouterr().err


def test_format_overrides(tmp_path: Path) -> None:
    """Formats that are given outrank suffixes; a delimiter can be called tab."""
    (tmp_path / "in.txt").write_text("text\tid\nWe agree.\t1\n")
    options = ["--format", "csv", "--delimiter", "tab", "--output-format", "jsonl"]
    assert run(tmp_path / "in.txt", "--output", tmp_path / "out.txt", *options) == 0
    assert json.loads((tmp_path / "out.txt").read_text())["id"] == "1"


def test_interrupt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is status 130; there is no output, finished chunks are kept, and without one nothing is left behind."""
    (tmp_path / "in.csv").write_text("text\nWe agree.\nCTRL-C\n")
    assert run(tmp_path / "in.csv", "--output", tmp_path / "out.parquet", "--chunk-rows", 1) == 130
    assert "interrupted; 1 finished rows are kept in" in capsys.readouterr().err
    assert names(tmp_path) == ["in.csv", "out.parquet.run"]
    assert run(tmp_path / "in.csv", "--output", tmp_path / "new.csv") == 130
    assert "interrupted; nothing was written" in capsys.readouterr().err
    assert names(tmp_path) == ["in.csv", "out.parquet.run"]


def test_model_errors(tmp_path: Path, mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that cannot be used is status 2 with its cause."""

    def open_nothing(flags: Namespace) -> Model:
        raise ArtifactMissing("no manifest")

    assert main([str(mixed), "--output", str(tmp_path / "out.csv")], open_model=open_nothing) == 2
    assert "score: no manifest" in capsys.readouterr().err
    assert names(tmp_path) == ["in.csv"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.one_of(st.binary(max_size=20), st.text(max_size=9).map(lambda t: json.dumps({"text": t}).encode()))
    )
)
def test_counts_add_up(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], lines: list[bytes]
) -> None:
    """For arbitrary lines: rows in = rows scored + rows refused, in the account and on the disk."""
    folder = tmp_path_factory.mktemp("counts")
    content = b'{"text": "first"}\n' + b"\n".join(lines)
    (folder / "in.jsonl").write_bytes(content)
    assert run(folder / "in.jsonl", "--output", folder / "out.jsonl", "--chunk-rows", 3) in (0, 3)
    n_in = sum(bool(line.strip()) for line in content.split(b"\n"))
    n_scored = (folder / "out.jsonl").read_bytes().count(b"\n")
    report = errors_path(folder / "out.jsonl")
    n_refused = report.read_bytes().count(b"\n") if report.exists() else 0
    assert n_in == n_scored + n_refused
    assert f"{n_in} rows in, {n_scored} scored, {n_refused} refused" in capsys.readouterr().out


def test_help() -> None:
    """--help shows a line to copy, what is added, and the exit statuses."""
    shown = subprocess.run(
        [sys.executable, "-m", "training.score", "--help"], capture_output=True, text=True, check=True
    )
    for phrase in (
        "python -m training.score statements.csv --output",
        "prediction_set",
        "conditions",
        ".errors.jsonl",
        "Exit status",
    ):
        assert phrase in shown.stdout


def test_ctrl_c_while_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before anything is loaded ends with the status of Ctrl-C too, and without a traceback."""

    class Interrupting:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "training.score_command":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "training.score_command", raising=False)
    monkeypatch.delattr("training.score_command", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert main(["in.csv", "--output", str(tmp_path / "out.csv")]) == 130
