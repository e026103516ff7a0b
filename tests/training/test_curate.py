"""Curating: corrections in every form become examples for training alone; nothing is lost, nothing measured on."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from models.feedback import Correction, append, open_store, text_sha256
from models.labels import Stance
from training import curate
from training.corpus import read_corpus
from training.examples import Example, Origin, write_examples
from training.splits import Split

A = "We shall come back to the table tomorrow morning with a new proposal."
B = "Nothing that they have offered so far is worth another hour of our time."
C = "The delegation will be received by the governor in the old town hall."
HEADER = ("id", "text", "stance", "model", "drawn", "correction", "note", "reviewer")

Invent = Callable[..., list[Example]]
Desk = Any  # of conftest: the program, its inputs and its outputs


def row(text: str, correction: str, *, stance: str = "none", reviewer: str = "", **more: str) -> list[str]:
    """A reviewed row in the order of HEADER."""
    values = {"id": "x", "model": "stance-minilm@1.1.0", "drawn": "uncertain", "note": "", **more}
    values.update(text=text, stance=stance, correction=correction, reviewer=reviewer)
    return [values[name] for name in HEADER]


def test_corrections_become_examples(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A stance, or ok for the model's own, becomes a label with its own origin; empty rows are not reviewed."""
    sheet = desk.sheet(row(A, " Conciliatory "), row(B, "OK", stance="hostile", note="clear"), row(C, ""))
    one, other = desk.run(sheet)
    assert [(e.text, e.label) for e in (one, other)] == [(A, Stance.CONCILIATORY), (B, Stance.HOSTILE)]
    assert one.origin is other.origin is Origin.REVIEWED
    assert one.votes == {"conciliatory": 1}
    assert one.sha256 == text_sha256(A)
    assert "3 rows in: 2 reviewed, 1 not reviewed, 0 refused" in capsys.readouterr().out
    votes = desk.lines(".votes.jsonl")
    assert [(v["outcome"], v["predicted"], v["model"], v["note"], v["row"], v["line"]) for v in votes] == [
        ("counted", "none", "stance-minilm@1.1.0", None, 1, 2),
        ("counted", "hostile", "stance-minilm@1.1.0", "clear", 2, 3),
    ]
    assert desk.lines(".errors.jsonl") == []


def test_the_loop_closes(desk: Desk) -> None:
    """What was curated is read beside the corpus, all of it for training and none for anything else."""
    examples = desk.run(desk.sheet(row(A, "conciliatory"), row(B, "hostile")))
    plain, with_reviewed = read_corpus(desk.data), read_corpus(desk.data, reviewed=[desk.output])
    assert [e for e in with_reviewed.train if e not in plain.train] == examples
    for split in ("validation", "calibration", "contrast"):
        assert getattr(with_reviewed, split) == getattr(plain, split)


def test_bad_rows_are_reported_and_lost_nowhere(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown stance, a confirmation of nothing, no text and a broken row are refused with line and cause, whole."""
    sheet = desk.sheet(
        row(A, "angry"), row(B, "ok", stance=""), row(" ", "none"), ["x", C], row(C, "none"), row("a\0b", "none")
    )
    (example,) = desk.run(sheet, status=3)
    assert example.text == C
    refused = desk.lines(".errors.jsonl")
    assert [(bad["line"], bad["code"]) for bad in refused] == [
        (2, "unknown_stance"), (3, "no_prediction"), (4, "empty_text"), (5, "wrong_cell_count"), (7, "unreadable_text"),
    ]  # fmt: skip
    assert (refused[0]["file"], refused[0]["values"]["text"]) == (str(sheet), A)
    said = capsys.readouterr()
    assert "6 rows in: 1 reviewed, 0 not reviewed, 5 refused" in said.out
    assert "'angry' is none of conciliatory, hostile, conditional, none" in said.err


def test_null_is_no_stance(desk: Desk) -> None:
    """In JSONL a null correction is not reviewed, and ok confirms no null."""
    rows = [{"text": A, "correction": None}, {"text": B, "correction": "ok", "stance": None}]
    path = desk.folder / "review.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert desk.run(path, status=3) == []
    assert [bad["code"] for bad in desk.lines(".errors.jsonl")] == ["no_prediction"]


def test_reviewers_who_differ_are_votes(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Most votes decide, all are kept; a tie gives no example; both are reported."""
    sheets = [
        desk.sheet(row(A, first), row(B, second), name=f"{name}.csv")
        for name, first, second in (("a", "hostile", "none"), ("b", "hostile", "hostile"), ("c", "conditional", ""))
    ]
    (example,) = desk.run(*sheets, status=3)
    assert (example.text, example.label, example.votes) == (A, Stance.HOSTILE, {"hostile": 2, "conditional": 1})
    assert [vote["outcome"] for vote in desk.lines(".votes.jsonl")] == ["counted"] * 3 + ["tied"] * 2
    said = capsys.readouterr().out
    assert "reviewers differ: 1 decided by most votes, 1 tied and left out" in said
    assert "2 hostile, 1 conditional" in said


def test_of_one_reviewer_the_last_word_counts(desk: Desk) -> None:
    """A named reviewer has one vote on a text, however its blanks are set; the earlier one stays in the ledger."""
    named = desk.sheet(row(A, "hostile", reviewer="ann"), row(f"  {A.replace(' ', '  ')}\n", "none", reviewer="ann"))
    unnamed = desk.sheet(row(A, "hostile"), row(A, "none"), name="unnamed.csv")
    (example,) = desk.run(named, unnamed, "--reviewer", "bob")
    assert (example.label, example.votes) == (Stance.NONE, {"none": 2})
    assert [vote["outcome"] for vote in desk.lines(".votes.jsonl")] == ["replaced", "counted"] * 2


@pytest.mark.parametrize("split", [Split.VALIDATION, Split.CALIBRATION, Split.CONTRAST])
@pytest.mark.parametrize("is_hydrated", [True, False])
def test_what_is_measured_on_is_left_out(desk: Desk, invent: Invent, split: Split, is_hydrated: bool) -> None:
    """A text of a test split never becomes an example, known by its words or by its sha256 alone."""
    origin = Origin.WRITTEN if split is Split.CONTRAST else Origin.RECORD
    if not is_hydrated:
        for name in ("record.jsonl", "dev.jsonl"):
            (desk.data / "hydrated" / name).unlink()
    held_out = invent(1, split=split, origin=origin)[0].text or ""
    (example,) = desk.run(desk.sheet(row(held_out, "none"), row(A, "none")))
    assert example.text == A
    assert [vote["outcome"] for vote in desk.lines(".votes.jsonl")] == ["counted", "measured_on"]


def test_near_duplicates_of_dev_are_left_out_twice(desk: Desk) -> None:
    """What nearly repeats a statement of dev is left out here, and again when a file that has it is trained on."""
    near = "It will not be signed before the last prisoner is home again, he said."
    assert desk.run(desk.sheet(row(near, "conditional"))) == []
    smuggled = Example(
        id="r", label=Stance.NONE, origin=Origin.REVIEWED, group="r", text=near, votes={}, sha256=text_sha256(near)
    )
    write_examples(desk.output, [smuggled, replace(smuggled, id="s", text=A)])
    corpus = read_corpus(desk.data, reviewed=[desk.output])
    for examples in (corpus.train, corpus.train_with_repeats):
        assert [e.id for e in examples if e.origin is Origin.REVIEWED] == ["s"]


def test_the_labels_of_the_corpus_stay(desk: Desk, invent: Invent) -> None:
    """A text that is trained on already gives no example, here and where a file has it all the same."""
    trained = invent(1)[0]
    assert desk.run(desk.sheet(row(trained.text or "", "hostile"))) == []
    assert [vote["outcome"] for vote in desk.lines(".votes.jsonl")] == ["in_corpus"]
    again = replace(trained, id="r", label=Stance.HOSTILE, origin=Origin.REVIEWED, group="r")
    write_examples(desk.output, [again])
    assert read_corpus(desk.data, reviewed=[desk.output]).train == read_corpus(desk.data).train


def test_annotations_of_label_studio(desk: Desk) -> None:
    """An export gives one vote for each annotation, with annotator, note and the model's version; skipped ones none."""

    def annotation(stance: str | None, who: object, **more: Any) -> dict[str, Any]:
        result = [{"from_name": "note", "to_name": "text", "type": "textarea", "value": {"text": ["so"]}, "id": "n"}]
        if stance:
            result.append({"from_name": "stance", "to_name": "text", "type": "choices", "value": {"choices": [stance]}})
        return {"id": 1, "completed_by": who, "result": result, "was_cancelled": False, "updated_at": "1", **more}

    prediction = {"model_version": "stance-minilm@1.1.0", "score": 0.5, "result": annotation("none", 1)["result"]}
    texts = ((A, [annotation("hostile", 3), annotation("conditional", {"id": 4, "email": "d@x.org"}),
                  annotation("hostile", 3, updated_at="0"), annotation("hostile", 5)]),
             (B, [annotation("none", 3, was_cancelled=True)]), (C, [annotation(None, 3)]), (C, []))  # fmt: skip
    tasks: list[Any] = [
        {"id": n, "data": {"text": text, "drawn": "random"}, "annotations": given, "predictions": [prediction]}
        for n, (text, given) in enumerate(texts)
    ]
    path = desk.folder / "project.json"
    path.write_text(json.dumps([*tasks, {"id": 9}, 5]), encoding="utf-8")
    (example,) = desk.run(path, status=3)
    assert (example.text, example.label, example.votes) == (A, Stance.HOSTILE, {"hostile": 2, "conditional": 1})
    votes = desk.lines(".votes.jsonl")
    assert [(vote["reviewer"], vote["outcome"]) for vote in votes] == [
        ("3", "replaced"), ("3", "counted"), ("d@x.org", "counted"), ("5", "counted"),
    ]  # fmt: skip
    known = {(v["model"], v["predicted"], v["note"], v["drawn"]) for v in votes}
    assert known == {("stance-minilm@1.1.0", "none", "so", "random")}
    assert [(bad["number"], bad["code"]) for bad in desk.lines(".errors.jsonl")] == [
        (3, "no_choice"), (5, "bad_task"), (6, "bad_task"),
    ]  # fmt: skip


def test_feedback_finds_its_texts(desk: Desk) -> None:
    """Corrections of the service bring their text, or are joined by sha256 or id; what is not found is reported."""
    store = desk.folder / "feedback.sqlite"
    common: dict[str, Any] = {"received": "2026-11-27T12:00:00+00:00"}
    with closing(open_store(store, max_bytes=2**20, busy_seconds=1)) as connection:
        for correction in (
            Correction(prediction_id="q/0", stance=Stance.NONE, text=A, text_sha256=text_sha256(A), **common),
            Correction(prediction_id="q/0", stance=Stance.HOSTILE, text=A, text_sha256=text_sha256(A), **common),
            Correction(prediction_id="other", stance=Stance.HOSTILE, text_sha256=text_sha256(B), **common),
            Correction(prediction_id="x", stance=Stance.NONE, reviewer="desk", model="m@1", note="n", **common),
            Correction(prediction_id="x", stance=Stance.NONE, text_sha256="0" * 64, **common),
            Correction(prediction_id="gone", stance=Stance.NONE, **common),
        ):
            append(connection, correction)
    header = ("id", "text", "stance", "model")
    scored = desk.sheet(("y", B, "none", "m@2"), ("x", C, "hostile", "m@2"), name="scored.csv", header=header)
    examples = desk.run("--from-feedback", store, "--scored", scored, status=3)
    assert [(e.text, e.label, e.votes) for e in examples] == [
        (A, Stance.HOSTILE, {"hostile": 1}), (B, Stance.HOSTILE, {"hostile": 1}), (C, Stance.NONE, {"none": 1}),
    ]  # fmt: skip
    votes = {vote["row"]: vote for vote in desk.lines(".votes.jsonl")}
    assert votes[1]["outcome"] == "replaced"
    assert votes[2]["predicted"] is None  # nobody said, which is not the stance none
    assert (votes[3]["predicted"], votes[3]["model"]) == ("none", "m@2")
    assert (votes[4]["reviewer"], votes[4]["note"], votes[4]["model"]) == ("desk", "n", "m@1")
    assert [(bad["number"], bad["code"]) for bad in desk.lines(".errors.jsonl")] == [
        (5, "text_not_found"), (6, "text_not_found"),
    ]  # fmt: skip


def test_the_random_rows_say_how_good_the_model_is(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Rightness and class balance are told for the rows drawn at random alone, with intervals."""
    rows = [row(f"{A} {n}", "ok" if n < 3 else "hostile", drawn="random") for n in range(4)]
    desk.run(desk.sheet(*rows, *(row(f"{B} {n}", "hostile") for n in range(6))))
    said = capsys.readouterr().out
    assert "of the 4 drawn at random (95 % intervals): the model right for 3 of 4, 75% [30%, 95%]" in said
    assert "hostile 25% [5%, 70%]" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "none.csv"),
        (["broken.json"], "not readable as JSON"),
        (["object.json"], "list of tasks"),
        (["plain.csv"], "'correction'"),
        (["--from-feedback", "none.sqlite"], "no such file"),
        (["--from-feedback", "plain.csv"], "not a database"),
    ],
)
def test_what_cannot_be_read_ends_in_one_line(
    desk: Desk, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """A file that is not there or not what its name says gives exit status 2, one line, and no output."""
    (desk.folder / "broken.json").write_text("[{")
    (desk.folder / "object.json").write_text("{}")
    desk.sheet((A,), name="plain.csv", header=("text",))
    named = [str(desk.folder / one) if "." in one else one for one in arguments]
    assert curate.main([*named, "--output", str(desk.output), "--data", str(desk.data)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not desk.output.exists()


def test_an_output_that_exists_is_kept(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --force an output is not replaced."""
    desk.run(sheet := desk.sheet(row(A, "none")))
    before = desk.output.read_bytes()
    assert curate.main([str(sheet), "--output", str(desk.output), "--data", str(desk.data)]) == 2
    assert "--force" in capsys.readouterr().err
    assert desk.output.read_bytes() == before
