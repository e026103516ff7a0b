"""training.standoff: annotation without text, made from annotated rows with text."""

import json
from pathlib import Path
from typing import Any

import pytest

from models.labels import ConditionKind, Stance
from training import standoff
from training.examples import Condition, CorpusError, Example, Origin, read_examples, sha256_of_text
from training.record_sources import RECORD_SOURCES, group_of, place_of, register_of
from training.splits import paragraph

TEXT = "We return once the ferries sail."


def row(**changes: Any) -> dict[str, Any]:
    """An annotated row, changed; the sha256 follows the text."""
    text = changes.get("text", TEXT)
    return {
        "id": "train-1",
        "text": text,
        "label": "conditional",
        "confidence": 3,
        "conditions": [{"start": 15, "end": 31, "text": "the ferries sail", "kind": "precondition"}],
        "source": "ufal/europarlmin",
        "commit": "c" * 40,
        "path": "train/a.txt",
        "locator": "line 7",
        "sentence": 2,
        "sha256": sha256_of_text(text),
        "licence": "open",
        **changes,
    }


def run(folder: Path, *rows: dict[str, Any] | str) -> tuple[int, Path]:
    """The exit status over these rows (or raw lines), and the output's path."""
    annotated = folder / "annotated.jsonl"
    lines = (line if isinstance(line, str) else json.dumps(line) for line in rows)
    annotated.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    output = folder / "record.jsonl"
    return standoff.main([str(annotated), "--output", str(output)]), output


def one(folder: Path, **changes: Any) -> Example:
    """The one example that is written for a row."""
    status, output = run(folder, row(**changes))
    assert status == 0
    (example,) = read_examples(output)
    return example


def test_a_row_becomes_an_example_without_text(tmp_path: Path) -> None:
    """Everything but the text is kept; register, group, votes and origin are added."""
    example = one(tmp_path)
    assert example == Example(
        id="train-1",
        label=Stance.CONDITIONAL,
        origin=Origin.RECORD,
        group="ufal/europarlmin:train/a.txt",
        text=None,
        conditions=(Condition(15, 31, ConditionKind.PRECONDITION),),
        register="parliament_debate",
        confidence=3,
        votes={"conditional": 1},
        repository="ufal/europarlmin",
        revision="c" * 40,
        path="train/a.txt",
        locator="line 7",
        sentence=2,
        sha256=sha256_of_text(TEXT),
        licence="open",
    )
    assert TEXT not in (tmp_path / "record.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("votes", "expected"),
    [(2, {"conditional": 2}), ({"conditional": 2, "hostile": 1, "none": 0}, {"conditional": 2, "hostile": 1})],
)
def test_votes_are_kept(tmp_path: Path, votes: object, expected: dict[str, int]) -> None:
    """A bare number of votes is for the label; votes by label stay as they are."""
    assert one(tmp_path, votes=votes).votes == expected


def test_an_unsaid_condition_is_an_empty_span(tmp_path: Path) -> None:
    """A kind without a span is kept as an empty condition."""
    example = one(tmp_path, conditions=[], condition_kind="reciprocity")
    assert [(c.start, c.end, c.kind) for c in example.conditions] == [(0, 0, "reciprocity")]


def test_a_row_without_commit_gets_the_revision_of_its_source(tmp_path: Path) -> None:
    """The dev set states no commit: that of the other statements of the same repository stands for it."""
    changes = row()
    del changes["commit"], changes["sentence"], changes["confidence"]
    status, output = run(tmp_path, changes)
    (example,) = read_examples(output)
    assert status == 0
    assert example.revision == "7e8a0ddf2cb4f94085579ea971290416a98550ba"
    assert (example.sentence, example.confidence) == (None, None)


def test_a_paragraph_has_one_name(tmp_path: Path) -> None:
    """Notes in a locator go, so that statements of one paragraph are known as such; a revision in it is taken out."""
    assert paragraph(one(tmp_path, locator="line 7 (with preceding sentence)")) == paragraph(one(tmp_path))
    example = one(tmp_path, source="anjackson/hansard", locator="p id X-7 @abc123 (with following sentence)")
    assert (example.locator, example.revision) == ("p id X-7", "abc123")
    assert place_of("p id X-7 @e5c1ffa")[1] == "e5c1ffa000a479c7db64718533b37c6034c9cc41"


def test_several_files_are_read_in_order(tmp_path: Path) -> None:
    """The rows of all inputs stand in the output, in the order of the command line."""
    paths = [tmp_path / "b.jsonl", tmp_path / "a.jsonl"]
    for path, text in zip(paths, ("No.", "Never."), strict=True):
        content = row(id=path.stem, text=text, label="hostile", conditions=[])
        path.write_text(json.dumps(content) + "\n\n", encoding="utf-8")
    assert standoff.main([*map(str, paths), "--output", str(tmp_path / "out.jsonl")]) == 0
    assert [example.id for example in read_examples(tmp_path / "out.jsonl")] == ["b", "a"]


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        (row(id="x", sha256="0" * 64), "the sha256 is not that of the text"),
        (row(id="x", text="Another text."), "are not the condition's text"),
        (row(id="x", text="No.", label="hostile"), "a hostile statement has no condition"),
        (row(id="x", text="No.", label="angry"), "'angry' is not a valid Stance"),
        (row(id="x", text="No.", conditions=[], condition_kind="whim"), "'whim' is not a valid ConditionKind"),
        (row(id="x", text="No.", conditions=[], votes={"angry": 1}), "'angry' is not a valid Stance"),
        (row(id="x", text="No.", conditions=[], source="no/such"), "belongs to no source"),
        (row(text="No.", conditions=[]), "its id or its text stands twice"),
        (row(id="x"), "its id or its text stands twice"),
        ({"id": "x", "text": "No."}, "KeyError: 'sha256'"),
        ("not json", "JSONDecodeError"),
        ("[]", "TypeError"),
    ],
)
def test_bad_rows_are_reported_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: dict[str, Any] | str, cause: str
) -> None:
    """One bad row: file, line and cause are told, the status is 1 and nothing is written."""
    status, output = run(tmp_path, row(), bad)
    report = capsys.readouterr().err
    assert status == 1
    assert f"{tmp_path / 'annotated.jsonl'}:2: " in report
    assert cause in report
    assert not output.exists()


def test_all_bad_rows_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report does not end at the first bad row."""
    status, _ = run(tmp_path, "not json", row(), "not json")
    assert status == 1
    assert "2 bad rows" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    """An input that cannot be read ends with status 2."""
    assert standoff.main([str(tmp_path / "none.jsonl"), "--output", str(tmp_path / "out.jsonl")]) == 2


@pytest.mark.parametrize(
    ("repository", "path", "locator", "document"),
    [
        ("ufal/europarlmin", "a.txt", "line 7", ""),
        ("linatal/UNSCon", "a.csv", "row 149", "#rows 100"),
        ("plantologist/Trump_tweets_1_October_2019", "a.csv", "row 3 id 9", "#row 3"),
        ("eventdata/ConfliBERT", "data/muc4/a.json", "DEV-9 para 2", "#DEV-9"),
        ("eventdata/ConfliBERT", "data/re3d/a.txt", "line 1200", "#lines 1000"),
        ("vanatteveldt/wikinews", "a.csv", "row 3 para 9", "#row 3"),
    ],
)
def test_groups_are_documents(repository: str, path: str, locator: str, document: str) -> None:
    """A group is a file where a file is a document, and else the document in it that the locator names."""
    assert group_of(repository, path, locator=locator) == f"{repository}:{path}{document}"


def test_every_source_has_a_register_and_strangers_have_none() -> None:
    """The register of a statement follows from its source; an unknown source is refused, not guessed."""
    assert all(register_of(source.repository, source.folder) for source in RECORD_SOURCES)
    with pytest.raises(CorpusError, match="belongs to no source"):
        register_of("no/such", "a.txt")
