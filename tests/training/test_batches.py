"""Batches: token ids from the encoder that serves, weights by confidence, origin and class, padding by the longest."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from datasets import Dataset

from models.conditions import KINDS
from models.encoding import TextEncoder
from models.labels import STANCES, ConditionKind, Stance
from models.token_spans import Tag
from training.batches import IGNORED, class_weights, collate, example_weight, stance_target, to_dataset, token_targets
from training.config import TrainingConfig
from training.examples import Condition, Example, Origin

Invent = Callable[..., list[Example]]


def test_rows_are_what_serving_reads(invent: Invent, tiny_base: Path) -> None:
    """A row has the token ids that the serving encoder gives, their number, the label's index and the weight."""
    encoder = TextEncoder.from_file(str(tiny_base / "tokenizer.json"), max_tokens=6)
    examples = [replace(example, confidence=1) for example in invent(4)]
    rows = to_dataset(examples, encoder, config=TrainingConfig())
    encodings = encoder.encode([example.text or "" for example in examples])
    assert rows["input_ids"] == [list(encoding.ids) for encoding in encodings]
    assert rows["length"] == [6] * 4
    assert [STANCES[index] for index in rows["labels"]] == [example.label for example in examples]
    assert rows["weight"] == [TrainingConfig().guess_weight] * 4


@pytest.mark.parametrize(
    ("origin", "confidence", "weight"),
    [
        (Origin.RECORD, 1, 0.1),
        (Origin.RECORD, 2, 0.7),
        (Origin.RECORD, 3, 1.0),
        (Origin.RECORD, None, 1.0),
        (Origin.WRITTEN, None, 0.5),
        (Origin.WRITTEN, 1, 0.05),
    ],
)
def test_an_example_weighs_by_confidence_and_origin(
    invent: Invent, origin: Origin, confidence: int | None, weight: float
) -> None:
    """A guess weighs less than a certainty, and the written statements' factor comes on top."""
    example = replace(invent(1, origin=origin)[0], confidence=confidence)
    assert example_weight(example, TrainingConfig(written_weight=0.5)) == pytest.approx(weight)


def test_class_weights_by_hand() -> None:
    """Weights are inverse frequencies to the power, scaled to a mean of 1 over examples; an absent class has 0."""
    rows = Dataset.from_dict({"labels": [0, 0, 0, 1, 3, 3], "weight": [1.0, 1.0, 2.0, 1.0, 1.0, 2.0]})
    frequency = torch.tensor([4 / 8, 1 / 8, 0.0, 3 / 8])
    weights = class_weights(rows, power=0.5)
    assert float((weights * frequency).sum()) == pytest.approx(1.0)
    assert float(weights[1] / weights[0]) == pytest.approx(2.0)  # a quarter of the frequency
    assert float(weights[2]) == 0.0
    assert class_weights(rows, power=0.0).tolist() == pytest.approx([1.0, 1.0, 0.0, 1.0])


def test_a_batch_is_padded_to_its_longest() -> None:
    """Shorter rows are filled up with 0 and masked; labels and weights stay beside their rows; twins come last."""
    rows = [
        {"input_ids": [2, 7, 3], "length": 3, "labels": 1, "target": [0, 1, 0, 0], "weight": 0.4}
        | {"tags": [IGNORED, 1, IGNORED], "kinds": [IGNORED, 2, IGNORED], "twin": []}
        | {"sources": [IGNORED] * 3, "cues": [IGNORED] * 3},
        {"input_ids": [2, 7, 8, 9, 3], "length": 5, "labels": 3, "target": [0, 0, 0, 1], "weight": 1.0}
        | {"tags": [IGNORED, 0, 0, 0, IGNORED], "kinds": [IGNORED] * 5, "twin": [2, 6, 3]}
        | {"sources": [IGNORED, 1, 2, 0, IGNORED], "cues": [IGNORED, 0, 0, 1, IGNORED]},
    ]
    batch = collate(rows)
    assert batch["input_ids"].tolist() == [[2, 7, 3, 0, 0], [2, 7, 8, 9, 3], [2, 6, 3, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert batch["twin_of"].tolist() == [1]
    assert batch["sources"].tolist() == [[IGNORED] * 5, [IGNORED, 1, 2, 0, IGNORED]]
    assert batch["cues"].tolist() == [[IGNORED] * 5, [IGNORED, 0, 0, 1, IGNORED]]
    assert batch["labels"].tolist() == [1, 3]
    assert batch["target"].tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    assert batch["tags"].tolist() == [[IGNORED, 1, IGNORED, IGNORED, IGNORED], [IGNORED, 0, 0, 0, IGNORED]]
    assert batch["kinds"].tolist() == [[IGNORED, 2, IGNORED, IGNORED, IGNORED], [IGNORED] * 5]
    assert batch["weight"].tolist() == pytest.approx([0.4, 1.0])
    assert batch["weight"].dtype == torch.float32


@pytest.mark.parametrize(
    ("label", "votes", "target"),
    [
        (Stance.HOSTILE, {}, [0, 1, 0, 0]),
        (Stance.HOSTILE, {"hostile": 1}, [0, 1, 0, 0]),
        (Stance.HOSTILE, {"hostile": 1, "none": 1}, [0, 0.75, 0, 0.25]),
        (Stance.NONE, {"conditional": 1, "none": 2}, [0, 0, 1 / 6, 5 / 6]),
    ],
)
def test_a_disputed_statement_teaches_its_doubt(
    invent: Invent, label: Stance, votes: dict[str, int], target: list[float]
) -> None:
    """The stance's target is half the label and half the votes, so that one mind gives the label alone."""
    assert stance_target(replace(invent(1)[0], label=label, votes=votes)) == pytest.approx(target)


def test_tokens_learn_where_the_condition_stands(invent: Invent, tiny_base: Path) -> None:
    """Markers learn nothing, a span's first token is its beginning, only tokens in it have a kind."""
    encoder = TextEncoder.from_file(str(tiny_base / "tokenizer.json"), max_tokens=16)
    text = "we refuse unless the island 12"
    span = Condition(text.index("the"), len(text), ConditionKind.EXCHANGE)
    example = replace(invent(1)[0], text=text, label=Stance.CONDITIONAL, conditions=(span,))
    (encoding,) = encoder.encode([text])
    tags, kinds = token_targets(example, encoding)
    n_inside = sum(start >= span.start for start, end in encoding.offsets if end)
    assert tags[0] == tags[-1] == IGNORED
    assert tags[1:4] == [Tag.OUTSIDE] * 3
    assert tags[4:-1] == [Tag.BEGIN, *[Tag.INSIDE] * (n_inside - 1)]
    assert kinds == [*[IGNORED] * 4, *[KINDS.index(ConditionKind.EXCHANGE)] * n_inside, IGNORED]


def test_an_unsaid_condition_teaches_no_tags(invent: Invent, tiny_base: Path) -> None:
    """A statement without a span has no tags to learn, whatever its stance."""
    encoder = TextEncoder.from_file(str(tiny_base / "tokenizer.json"), max_tokens=16)
    example = replace(invent(1)[0], text="we refuse", conditions=(Condition(0, 0, ConditionKind.RECIPROCITY),))
    (encoding,) = encoder.encode(["we refuse"])
    assert token_targets(replace(example, label=Stance.CONDITIONAL), encoding)[0] == [IGNORED] * 4
    tags, kinds = token_targets(replace(example, label=Stance.HOSTILE, conditions=()), encoding)
    assert tags == kinds == [IGNORED] * 4
