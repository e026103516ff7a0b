"""The labels: a frozen order, spelled in one place."""

import ast
from pathlib import Path

import pytest

from models.labels import STANCES, ConditionKind, Stance

ROOMS = ("models", "service", "training")
HOME = "models/labels.py"
ALLOWED = {
    ("training/finetune.py", "none"),  # Trainer's report_to="none"
    ("training/trainer.py", "none"),  # torch's reduction="none"
    ("training/score_report.py", "none"),  # matplotlib's svg.fonttype
    ("training/articles.py", "none"),  # no speech: the reporter's own narration
    ("service/__main__.py", "none"),  # uvicorn's ws="none": no websockets
    *(("service/schemas.py", str(stance)) for stance in Stance),  # the examples of the OpenAPI document, as sent
}
"""Where a string equals a label by accident; each entry is a file and the string."""


def spelled_labels(source: str) -> set[str]:
    """The string constants of a program that are labels; docstrings and longer strings that mention one are not."""
    constants = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    return {value for value in constants if isinstance(value, str)} & set(map(str, Stance))


def test_the_order_is_frozen() -> None:
    """The order of the labels is the order of the logits of every released artifact: members are only appended."""
    assert list(map(str, STANCES))[:4] == ["conciliatory", "hostile", "conditional", "none"]
    assert tuple(Stance) == STANCES


def test_a_stance_is_its_name() -> None:
    """A stance prints, compares and reads back as the word of the codebook."""
    assert [Stance(str(stance)) for stance in STANCES] == list(STANCES)
    assert f"{Stance.NONE}" == Stance.NONE == "none"


def test_the_kinds_of_condition_are_the_codebooks() -> None:
    """The kinds are the four of the codebook."""
    assert list(map(str, ConditionKind)) == ["precondition", "exchange", "deadline", "reciprocity"]


def test_labels_are_spelled_in_one_file(root: Path) -> None:
    """No program but models/labels.py writes a label as a string, except where the word means something else."""
    spelled = {
        (file.relative_to(root).as_posix(), label)
        for room in ROOMS
        for file in (root / room).rglob("*.py")
        for label in spelled_labels(file.read_text(encoding="utf-8"))
    }
    assert {(name, label) for name, label in spelled if name != HOME} <= ALLOWED
    assert {label for name, label in spelled if name == HOME} == set(map(str, Stance))


@pytest.mark.parametrize(
    ("source", "labels"),
    [
        ('if stance == "hostile": pass', {"hostile"}),
        ("ORDER = ['none', 'conditional']", {"none", "conditional"}),
        ('"""Answers hostile or none."""', set()),
        ("x = None", set()),
    ],
)
def test_the_search_for_labels_can_fail(source: str, labels: set[str]) -> None:
    """The search finds a label in any quotes, and none in a docstring or in None."""
    assert spelled_labels(source) == labels
