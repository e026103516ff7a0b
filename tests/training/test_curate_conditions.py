"""Curating conditions: spans in every form become those of the examples; one that is none of its text costs its row."""

import json
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from models.feedback import Correction, append, open_store
from models.given_conditions import GivenCondition
from models.labels import ConditionKind, Stance
from training.examples import Condition, read_examples

HEADER = ("text", "correction", "reviewer", "conditions", "correct_conditions")
A = "We shall come back to the table tomorrow morning with a new proposal."
B = "Nothing that they have offered so far is worth another hour of our time."
C = "The delegation will be received by the governor in the old town hall."

Desk = Any  # of conftest: the program, its inputs and its outputs


D = "We come back once the sanctions are lifted, and not before  Friday; the sanctions are unjust."
DEMAND = Condition(18, 42, ConditionKind.PRECONDITION)


def test_conditions_of_a_sheet(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines, JSON and ok give spans in the example's text, whose white space is folded; an empty cell gives none."""
    texts = [f"{n}  {D}" for n in range(5)]
    cells = [
        "Precondition: the sanctions are lifted\n\ndeadline: before  Friday",
        json.dumps([{"kind": "deadline", "text": "before  Friday"}, {"kind": "precondition", "start": 21, "end": 46}]),
        "OK",
        "",
        "exchange:",
    ]
    model = json.dumps([{"start": 21, "end": 45, "text": D[18:42], "kind": "precondition"}])
    rows = [[text, "conditional", "", model, cell] for text, cell in zip(texts, cells, strict=True)]
    found = [example.conditions for example in desk.run(desk.sheet(*rows, header=HEADER))]
    demand, friday = replace(DEMAND, start=20, end=44), Condition(54, 67, ConditionKind.DEADLINE)
    longer = replace(DEMAND, start=20, end=45)  # its comma with it
    assert found == [(demand, friday), (longer, friday), (demand,), (), (Condition(0, 0, ConditionKind.EXCHANGE),)]
    example = next(read_examples(desk.output))
    assert example.text is not None
    assert [example.text[one.start : one.end] for one in example.conditions] == [D[18:42], "before Friday"]
    assert desk.lines(".votes.jsonl")[2]["conditions"] == [{"start": 20, "end": 44, "kind": "precondition"}]
    assert "with conditions: 4 of 5 conditional ones" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("correction", "cell", "cause"),
    [
        ("conditional", "precondition: the sanctions were lifted", "letter by letter"),
        ("conditional", "precondition: The sanctions are lifted", "letter by letter"),
        ("conditional", "precondition: the sanctions", "more than once"),
        ("conditional", "wish: the sanctions are lifted", "none of precondition, exchange, deadline, reciprocity"),
        ("conditional", "the sanctions are lifted", "a kind, a colon and words"),
        ("conditional", '[{"kind": "deadline"', "neither JSON"),
        ("conditional", '[{"kind": "deadline", "start": 5, "end": 400}]', "no characters of the text"),
        ("conditional", '[{"kind": "deadline", "start": 5, "end": 9, "text": "four"}]', "other words stand"),
        ("conditional", '[{"kind": "deadline", "start": 5}]', "go together"),
        ("conditional", '[{"kind": "deadline", "start": "5", "end": "9"}]', "whole numbers"),
        ("conditional", '["deadline"]', "an object with kind"),
        ("conditional", "deadline: not before\nprecondition: before  Friday", "overlap"),
        ("conditional", "ok", "not there"),
        ("hostile", "deadline: before  Friday", "this is hostile"),
    ],
)
def test_conditions_that_do_not_fit(desk: Desk, correction: str, cell: str, cause: str) -> None:
    """A condition that is none of the text costs its row, which is refused with line and cause; others are taken."""
    sheet = desk.sheet([A, "none", "", "", ""], [D, correction, "", "", cell], header=HEADER)
    (example,) = desk.run(sheet, status=3)
    assert example.text == A
    (bad,) = desk.lines(".errors.jsonl")
    assert (bad["line"], bad["code"]) == (3, "bad_conditions")
    assert cause in bad["cause"]


def test_reviewers_who_give_other_conditions(desk: Desk) -> None:
    """The conditions are those of most voters for the label, of equally many the last; those of others do not count."""
    demand = "precondition: the sanctions are lifted"
    said = [("ann", "conditional", "deadline: Friday"), ("bob", "conditional", demand), ("cy", "hostile", ""),
            ("di", "conditional", "")]  # fmt: skip
    rows = [[D, stance, who, "", cell] for who, stance, cell in said]
    (example,) = desk.run(desk.sheet(*rows, header=HEADER))
    assert example.conditions == (DEMAND,)
    more = [D, "conditional", "eve", "", "deadline: Friday"]
    (example,) = desk.run(desk.sheet(*rows, more, header=HEADER))
    assert [one.kind for one in example.conditions] == [ConditionKind.DEADLINE]


def test_conditions_of_label_studio(desk: Desk) -> None:
    """Spans of a conditional annotation are conditions, counted in code points or as browsers do; beside another stance
    they are the model's, left over; a span whose words are others costs its annotation.
    """

    def task(text: str, stance: str, words: str, *, start: int, end: object) -> dict[str, Any]:
        value = {"start": start, "end": end, "text": words, "labels": ["deadline"]}
        result = [
            {"from_name": "stance", "to_name": "text", "type": "choices", "value": {"choices": [stance]}},
            {"from_name": "conditions", "to_name": "text", "type": "labels", "value": value},
        ]
        return {"data": {"text": text}, "annotations": [{"completed_by": 1, "result": result}]}

    with_emoji = f"\N{GRINNING FACE} {B} By  Friday."
    at = with_emoji.index("By")
    tasks = [
        task(A, "conditional", "table", start=A.index("table"), end=str(A.index("table") + 5)),
        task(with_emoji, "conditional", "By  Friday", start=at + 1, end=at + 11),
        task(C, "hostile", "gone", start=0, end=4),
        task(D, "conditional", "gone", start=0, end=4),
    ]
    path = desk.folder / "project.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    found = desk.run(path, status=3)
    spans = [[example.text[c.start : c.end] for c in example.conditions] for example in found if example.text]
    assert spans == [["table"], ["By Friday"], []]
    assert [(bad["number"], bad["code"]) for bad in desk.lines(".errors.jsonl")] == [(4, "bad_conditions")]


def test_conditions_of_the_service(desk: Desk) -> None:
    """Conditions of stored corrections are checked against the text, wherever it came from."""
    store = desk.folder / "feedback.sqlite"
    common: dict[str, Any] = {"received": "2026-11-27T12:00:00+00:00", "stance": Stance.CONDITIONAL}
    place = GivenCondition(ConditionKind.PRECONDITION, start=18, end=42)
    wrong = GivenCondition(ConditionKind.DEADLINE, text="by Monday")
    with closing(open_store(store, max_bytes=2**20, busy_seconds=1)) as connection:
        append(connection, Correction(prediction_id="x", conditions=(place,), **common))
        append(connection, Correction(prediction_id="y", text=A, conditions=(wrong,), **common))
    scored = desk.sheet(("x", D), name="scored.csv", header=("id", "text"))
    (example,) = desk.run("--from-feedback", store, "--scored", scored, status=3)
    assert example.conditions == (DEMAND,)
    (bad,) = desk.lines(".errors.jsonl")
    assert (bad["number"], bad["code"]) == (2, "bad_conditions")
    assert bad["values"]["conditions"] == [{"kind": "deadline", "text": "by Monday"}]
