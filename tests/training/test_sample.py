"""Sampling: what the model is unsure of, no two alike, and a random share; the same for the same seed."""

import csv
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.labels import STANCES, ConditionKind
from training import sample
from training.label_studio import CONFIG, Task, read_tasks
from training.near_duplicates import NearDuplicates
from training.rows import Row
from training.sampling import MEASURES, Sampler
from training.scored_rows import ScoredRow

SUBJECTS = (
    "harbour",
    "ceasefire",
    "fisheries",
    "pensions",
    "border",
    "tariffs",
    "prisoners",
    "water",
    "wages",
    "grain",
)
FLAT = [f"probability_{stance}" for stance in STANCES]


def text_of(number: int) -> str:
    """A statement that shares few words in a row with any other."""
    words = [f"{SUBJECTS[(number * step + step) % len(SUBJECTS)]}{number * step % 97}" for step in range(1, 10)]
    return f"Statement {number}: " + " ".join(words)


def scored_row(number: int, top: float = 0.9, *, text: str | None = None, set_size: int = 1) -> dict[str, Any]:
    """A row as training.score writes it, whose likeliest stance has that probability, the second the rest."""
    probabilities = dict.fromkeys(FLAT, 0.0)
    probabilities[FLAT[number % 4]], probabilities[FLAT[(number + 1) % 4]] = top, round(1 - top, 6)
    members = ";".join(str(STANCES[(number + step) % 4]) for step in range(set_size))
    return {
        "id": f"row-{number}",
        "text": text if text is not None else text_of(number),
        "stance": str(STANCES[number % 4]),
        **probabilities,
        "prediction_set": members,
        "model": "stance-minilm@1.1.0",
    }


def rows_for(n: int) -> list[dict[str, Any]]:
    """Rows of which every tenth is uncertain, the more the later."""
    return [scored_row(number, 0.9 if number % 10 else 0.6 - 0.05 * number / n) for number in range(n)]


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A scored file in CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def picked(path: Path) -> list[dict[str, str]]:
    """The rows of a sample in CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., list[dict[str, str]]]:
    """Runs the program on rows and gives what it picked."""

    def run(rows: Sequence[dict[str, Any]], *flags: str, name: str = "review.csv") -> list[dict[str, str]]:
        scored = write_csv(tmp_path / "scored.csv", rows)
        assert sample.main([str(scored), "--output", str(tmp_path / name), *flags]) == 0
        return picked(tmp_path / name)

    return run


def test_the_uncertain_are_picked_and_a_share_at_random(draw: Callable[..., list[dict[str, str]]]) -> None:
    """One fifth is drawn at random and says so; the others are among the least certain; columns stay as they were."""
    rows = rows_for(400)
    found = draw(rows, "--n", "20")
    assert Counter(row["drawn"] for row in found) == {"random": 4, "uncertain": 16}
    assert all(int(row["id"].removeprefix("row-")) % 10 == 0 for row in found if row["drawn"] == "uncertain")
    assert all(int(row["row"]) == int(row["id"].removeprefix("row-")) + 1 for row in found)
    assert list(found[0]) == [*rows[0], *sample.ADDED]
    assert {row["correction"] + row["note"] + row["reviewer"] for row in found} == {""}
    by_id = {row["id"]: row for row in rows}
    assert all(row["text"] == by_id[row["id"]]["text"] for row in found)


def test_the_same_seed_gives_the_same(draw: Callable[..., list[dict[str, str]]]) -> None:
    """A sample depends on the file, the options and the seed; another seed draws another random share."""
    rows = rows_for(300)
    one, same, other = (
        draw(rows, "--n", "40", "--seed", seed, name=f"{index}.csv") for index, seed in enumerate(("3", "3", "4"))
    )
    assert one == same
    drawn = [{row["id"] for row in found if row["drawn"] == "random"} for found in (one, other)]
    assert drawn[0] != drawn[1]


def test_the_random_share_is_of_all_rows(draw: Callable[..., list[dict[str, str]]]) -> None:
    """Rows drawn at random have the stances and the certainty of the whole file, not of the hard rows."""
    rows = [scored_row(0 if number % 4 else 1, 0.9, text=text_of(number)) for number in range(600)]
    found = draw(rows, "--n", "300", "--random-share", "1")
    share = sum(row["stance"] == str(STANCES[0]) for row in found) / len(found)
    assert share == pytest.approx(0.75, abs=0.07)
    assert {row["drawn"] for row in found} == {"random"}


def test_near_duplicates_are_picked_once(draw: Callable[..., list[dict[str, str]]]) -> None:
    """Of wire copies that differ by a word one is picked, however uncertain all are."""
    copies = [
        scored_row(4 * n, 0.5, text=f"We will return to the talks once the sanctions against our ports are lifted {n}")
        for n in range(50)
    ]
    found = draw([*copies, *rows_for(100)], "--n", "10", "--random-share", "0")
    assert sum("sanctions against" in row["text"] for row in found) == 1


def test_unlike_rows_are_preferred(draw: Callable[..., list[dict[str, str]]]) -> None:
    """Among equally uncertain rows the sample spreads over subjects, where one subject has most of the rows."""
    words = [
        "grain",
        "export",
        "corridor",
        "ships",
        "port",
        "inspectors",
        "insurance",
        "cargo",
        "harvest",
        "silos",
        "customs",
        "mines",
    ]
    shuffled = [" ".join(random.Random(n).sample(words, len(words))) for n in range(45)]
    others = [" ".join(f"{subject}{n}" for n in range(12)) for subject in SUBJECTS[:5]]
    rows = [scored_row(4 * n, 0.55, text=text) for n, text in enumerate([*shuffled, *others])]
    found = draw(rows, "--n", "6", "--random-share", "0")
    assert sum("corridor" in row["text"] for row in found) == 1


@pytest.mark.parametrize("by", sorted(MEASURES))
def test_measures_of_uncertainty_agree_on_the_extremes(by: str) -> None:
    """Whatever the measure, a row of equal probabilities is least certain and a sure one most; all lie in [0, 1]."""

    def scored(probabilities: tuple[float, ...], size: int) -> float:
        return MEASURES[by](ScoredRow(Row(1, {}), "x", STANCES[0], probabilities, size, None))

    values = [scored((1, 0, 0, 0), 1), scored((0.8, 0.2, 0, 0), 1), scored((0.5, 0.5, 0, 0), 2), scored((0.25,) * 4, 4)]
    assert values == sorted(values)
    assert 0 <= values[0] < values[1] < values[2] <= values[3] <= 1


def test_what_was_reviewed_is_not_picked_again() -> None:
    """The very words are never picked, near-duplicates of them only at random."""
    near = text_of(1) + " again"
    sampler = Sampler(1, 5, 0, MEASURES["margin"], NearDuplicates([text_of(1)]))
    for number, text in enumerate([text_of(1), near, text_of(2)], start=1):
        sampler.add(ScoredRow(Row(number, {}), text, STANCES[0], (0.5, 0.5, 0, 0), 2, None))
    picks = sampler.picks()
    assert sampler.n_reviewed == 1
    assert text_of(1) not in [pick.scored.text for pick in picks]
    assert [pick.drawn for pick in picks if pick.scored.text == near] in ([], ["random"])


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "csv"])
def test_every_format_of_scored_files_is_read(tmp_path: Path, suffix: str) -> None:
    """Nested probabilities and sets are read from JSONL, Parquet and CSV, and passed through as they were."""
    rows = [
        {**scored_row(number), "probabilities": {str(s): 0.25 for s in STANCES}, "prediction_set": ["none", "hostile"]}
        for number in range(30)
    ]
    for row in rows:
        for name in FLAT:
            del row[name]
    path = tmp_path / f"scored.{suffix}"
    if suffix == "csv":  # lists and objects as JSON text, as training.score --nested writes them
        nested = ("probabilities", "prediction_set")
        write_csv(path, [{**row, **{name: json.dumps(row[name]) for name in nested}} for row in rows])
    elif suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    output = tmp_path / "review.jsonl"
    assert sample.main([str(path), "--output", str(output), "--n", "10", "--by", "set"]) == 0
    found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len(found) == 10
    assert {row["uncertainty"] for row in found} == {0.5}
    wanted = [rows[row["row"] - 1]["probabilities"] for row in found]
    assert [json.loads(row["probabilities"]) if suffix == "csv" else row["probabilities"] for row in found] == wanted


def test_tasks_for_label_studio(tmp_path: Path) -> None:
    """A .json output is a list of tasks with the text as data and the model's stance, version and score as prediction,
    whose names are those of the labelling interface beside it.
    """
    scored = write_csv(tmp_path / "scored.csv", rows_for(50))
    output = tmp_path / "tasks.json"
    assert sample.main([str(scored), "--output", str(output), "--n", "5"]) == 0
    tasks = json.loads(output.read_text(encoding="utf-8"))
    assert (tmp_path / "tasks.json.config.xml").read_text(encoding="utf-8") == CONFIG
    assert len(tasks) == 5
    for task in tasks:
        (prediction,) = task["predictions"]
        (result,) = prediction["result"]
        assert prediction["model_version"] == "stance-minilm@1.1.0"
        assert prediction["score"] == max(float(task["data"][name]) for name in FLAT)
        assert result["value"] == {"choices": [task["data"]["stance"]]}
        assert result["type"] == "choices"
        assert f'<Choices name="{result["from_name"]}" toName="{result["to_name"]}"' in CONFIG
        assert task["data"]["text"]
        assert task["data"]["drawn"] in ("random", "uncertain")
    assert all(f'value="{stance}"' in CONFIG for stance in STANCES)
    exported = tmp_path / "exported.json"
    exported.write_text(json.dumps([{**task, "annotations": []} for task in tasks]), encoding="utf-8")
    assert [task.model for task in read_tasks(exported) if isinstance(task, Task)] == ["stance-minilm@1.1.0"] * 5


def test_tasks_show_the_conditions_of_the_model(tmp_path: Path) -> None:
    """The model's conditions are spans of the prediction; those that do not fit their text are left out."""
    rows = rows_for(2)
    good = [{"start": 0, "end": 4, "text": rows[0]["text"][:4].strip(), "kind": "deadline"}]
    good[0]["end"] = len(str(good[0]["text"]))
    for row, conditions in zip(rows, (good, [{**good[0], "text": "gone"}]), strict=True):
        row["conditions"] = json.dumps(conditions)
    output = tmp_path / "tasks.json"
    assert sample.main([str(write_csv(tmp_path / "scored.csv", rows)), "--output", str(output), "--n", "2"]) == 0
    tasks = sorted(json.loads(output.read_text(encoding="utf-8")), key=lambda task: task["data"]["row"])
    spans = [task["predictions"][0]["result"][1:] for task in tasks]
    assert [[one["value"] for one in found] for found in spans] == [
        [{"start": 0, "end": good[0]["end"], "text": good[0]["text"], "labels": ["deadline"]}],
        [],
    ]
    assert f'<Labels name="{spans[0][0]["from_name"]}" toName="{spans[0][0]["to_name"]}"' in CONFIG
    assert all(f'<Label value="{kind}"/>' in CONFIG for kind in ConditionKind)


def test_rows_without_a_prediction_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row without a text or with numbers that are no probabilities goes to the report whole, with its line."""
    rows = rows_for(20)
    rows[2][FLAT[0]], rows[5]["text"], rows[7][FLAT[1]] = "much", "", "0.9"
    scored = write_csv(tmp_path / "scored.csv", rows)
    output = tmp_path / "review.csv"
    assert sample.main([str(scored), "--output", str(output), "--n", "50"]) == 3
    refused = [json.loads(line) for line in (tmp_path / "review.csv.errors.jsonl").read_text().splitlines()]
    assert [(bad["line"], bad["code"]) for bad in refused] == [
        (4, "bad_prediction"), (7, "bad_text"), (9, "bad_prediction"),
    ]  # fmt: skip
    assert refused[0]["values"]["id"] == "row-2"
    assert len(picked(output)) == 17
    assert "row 3 (line 4)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("columns", "message"),
    [({"text": "a", "stance": "none"}, "probability_conciliatory"), ({"quote": "a"}, "'text'")],
)
def test_what_is_no_scored_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], columns: dict[str, str], message: str
) -> None:
    """A file without the columns that are needed ends in one line that names them and those that there are."""
    scored = write_csv(tmp_path / "scored.csv", [columns])
    assert sample.main([str(scored), "--output", str(tmp_path / "r.csv")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "r.csv").exists()


def test_a_sample_with_corrections_is_not_overwritten(
    draw: Callable[..., list[dict[str, str]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An output that exists is refused unless forced; a sample of a sample is refused too."""
    draw(rows_for(10), "--n", "2")
    review = str(tmp_path / "review.csv")
    assert sample.main([str(tmp_path / "scored.csv"), "--output", review]) == 2
    assert "corrections" in capsys.readouterr().err
    assert sample.main([review, "--output", str(tmp_path / "again.csv")]) == 2
    assert "sample itself" in capsys.readouterr().err
    assert len(draw(rows_for(10), "--n", "3", "--force")) == 3
