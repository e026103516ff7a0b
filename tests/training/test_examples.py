"""Examples: one schema in and out of a file, errors with file and line, a digest that stands for the data."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from models.labels import STANCES, ConditionKind, Stance
from training.examples import (
    Condition,
    CorpusError,
    Example,
    Origin,
    digest,
    labels_of,
    read_examples,
    sha256_of_text,
    write_examples,
)

Invent = Callable[..., list[Example]]


def test_an_example_survives_the_file(invent: Invent, tmp_path: Path) -> None:
    """What is written is read back the same, with every field of the schema on every line."""
    condition = Condition(0, 2, ConditionKind.EXCHANGE)
    full = replace(invent(1)[0], rules=("R1",), conditions=(condition,), votes={"none": 2}, text="„Wir“\u2028 reden")
    examples = [full, *invent(8, origin=Origin.WRITTEN)]
    assert write_examples(tmp_path / "deep" / "e.jsonl", examples) == 9
    assert list(read_examples(tmp_path / "deep" / "e.jsonl")) == examples
    names = {field.name for field in fields(Example)}
    lines = (tmp_path / "deep" / "e.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert all(set(json.loads(line)) == names for line in lines)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["e.jsonl"]


@pytest.mark.parametrize(
    ("line", "cause"),
    [("{", "JSONDecodeError"), ("[]", "AttributeError"), ('{"label": "angry"}', "ValueError"), ("{}", "KeyError")],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, cause: str) -> None:
    """A line that is no example gives an error with file, line number and cause."""
    path = tmp_path / "e.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"e\.jsonl:2: not an example: {cause}"):
        list(read_examples(path))


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    """A file that is not there, or is not UTF-8, gives an error that names it."""
    with pytest.raises(CorpusError, match=r"none\.jsonl: no such file"):
        list(read_examples(tmp_path / "none.jsonl"))
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(CorpusError, match=r"latin\.jsonl: not UTF-8"):
        list(read_examples(tmp_path / "latin.jsonl"))


def test_labels_are_indices_of_the_stances(invent: Invent) -> None:
    """Gold labels come as positions in STANCES, in the order of the examples; none give an empty array."""
    examples = invent(8)
    assert [STANCES[index] for index in labels_of(examples)] == [example.label for example in examples]
    assert labels_of([]).shape == (0,)


def test_a_digest_stands_for_ids_texts_labels_and_order(invent: Invent) -> None:
    """The digest changes with any of them, and with nothing that training does not see."""
    examples = invent(4)
    digests = {
        digest(examples),
        digest(examples[::-1]),
        digest(examples[:-1]),
        digest([replace(examples[0], text="Other"), *examples[1:]]),
        digest([replace(examples[0], label=Stance.NONE), *examples[1:]]),
        digest([replace(examples[0], id="other"), *examples[1:]]),
    }
    assert len(digests) == 6
    assert digest([replace(examples[0], licence="none"), *examples[1:]]) == digest(examples)


def test_only_the_annotated_text_is_taken(invent: Invent) -> None:
    """A text with the annotated sha256 enters the example; any other is refused by id."""
    example = replace(invent(1)[0], text=None)
    text = invent(1)[0].text or ""
    assert example.with_text(text).text == text
    assert example.sha256 == sha256_of_text(text)
    with pytest.raises(CorpusError, match=example.id):
        example.with_text(text + " ")
