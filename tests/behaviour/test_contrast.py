"""Contrast: pairs that differ in little but the deciding words, from settings that training never saw."""

from collections import defaultdict
from collections.abc import Callable

import pytest

from models.classifier import StanceClassifier
from models.prediction import Prediction
from training.examples import DATA, Example, read_examples
from training.splits import Split, split_of

MIN_PAIRS = 100
"""Pairs that make the share worth stating: at 100 its standard error is at most five points."""
MIN_BOTH_RIGHT = 0.51
"""Share of pairs with both statements right; 0.57 measured of stance-minilm@1.3.0, with a standard error of 0.03. A
model that ignores the deciding words gets at most one of each pair."""

Pair = tuple[Example, Example]


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    """The pairs of the held-out settings."""
    by_name: dict[str, list[Example]] = defaultdict(list)
    for example in read_examples(DATA / "written.jsonl"):
        if example.pair and split_of(example) is Split.CONTRAST:
            by_name[example.pair].append(example)
    return [(first, second) for first, second in by_name.values()]


@pytest.fixture(scope="module")
def both_right(pairs: list[Pair], ask: Callable[[list[str]], list[Prediction]]) -> list[tuple[bool, bool]]:
    """For each pair, whether its first and its second statement were given their labels."""
    examples = [example for pair in pairs for example in pair]
    right = [
        prediction.stance is example.label
        for prediction, example in zip(ask([example.text or "" for example in examples]), examples, strict=True)
    ]
    return list(zip(right[::2], right[1::2], strict=True))


def test_there_are_enough_pairs(pairs: list[Pair]) -> None:
    """The held-out settings hold enough pairs for a share, and the two statements of each have different labels."""
    assert len(pairs) >= MIN_PAIRS
    assert [pair for pair in pairs if pair[0].label is pair[1].label] == []


def test_no_setting_was_trained_on(pairs: list[Pair], classifier: StanceClassifier) -> None:
    """No setting of a held-out pair is among those that the model's own manifest says it was trained on."""
    trained = set(classifier.artifact.manifest.data["written_groups_trained"])
    assert trained
    assert {example.group for pair in pairs for example in pair}.isdisjoint(trained)


def test_both_statements_of_a_pair_are_right(
    pairs: list[Pair], both_right: list[tuple[bool, bool]], report: list[str]
) -> None:
    """The deciding words are read: of enough pairs both statements are given their labels. Reported by rule."""
    share = sum(map(all, both_right)) / len(both_right)
    report.append(f"contrast: both right in {sum(map(all, both_right))} of {len(both_right)} pairs ({share:.1%})")
    by_rule: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for pair, right in zip(pairs, both_right, strict=True):
        by_rule[pair[0].rules[0] if pair[0].rules else "-"].append(right)
    report.append("rule   pairs  both right  statements right")
    for rule in sorted(by_rule, key=lambda name: (len(name), name)):
        rows = by_rule[rule]
        report.append(f"{rule:<5} {len(rows):>6} {sum(map(all, rows)) / len(rows):>10.0%} {_mean(rows):>16.0%}")
    assert share >= MIN_BOTH_RIGHT


def _mean(rows: list[tuple[bool, bool]]) -> float:
    return sum(map(sum, rows)) / (2 * len(rows))
