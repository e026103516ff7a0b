"""Named parts of the evaluation data, such as those of one source, length or rule; and the contrast pairs."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np

from models.labels import STANCES
from training import intervals
from training.examples import Example
from training.metrics import IntVector

SMALL: Final = 30
"""Below this many statements a slice's numbers are marked as too few to lean on."""
LENGTHS_TOKENS: Final = ((16, "up to 16 tokens"), (32, "17 to 32 tokens"), (64, "33 to 64 tokens"))
LONGER: Final = "more than 64 tokens"
NOT_GIVEN: Final = "not given"
SEEN: Final = "also in training, by other statements"
UNSEEN: Final = "unseen in training"


def length_name(n_tokens: int) -> str:
    """The length slice of a text of so many tokens, the two markers included."""
    return next((name for limit, name in LENGTHS_TOKENS if n_tokens <= limit), LONGER)


def slices(
    examples: Sequence[Example], lengths: Sequence[int], *, trained_groups: Collection[str] | None = None
) -> dict[str, dict[str, list[int]]]:
    """Row numbers by kind and value of slice; a statement with several rules is in several. ``lengths`` in tokens.

    ``trained_groups`` are the documents and settings of the training examples; without them, no slices by document.
    """
    readers: dict[str, Callable[[Example, int], Sequence[str]]] = {
        "source": lambda example, _: [example.source],
        "register": lambda example, _: [example.register or NOT_GIVEN],
        "length": lambda _, n_tokens: [length_name(n_tokens)],
        "rule": lambda example, _: example.rules or [NOT_GIVEN],
        "origin": lambda example, _: [str(example.origin)],
    }
    if trained_groups is not None:
        readers["document"] = lambda example, _: [SEEN if example.group in trained_groups else UNSEEN]
    found: dict[str, dict[str, list[int]]] = {}
    for kind, values_of in readers.items():
        rows: dict[str, list[int]] = defaultdict(list)
        for row, (example, n_tokens) in enumerate(zip(examples, lengths, strict=True)):
            for value in dict.fromkeys(values_of(example, n_tokens)):
                rows[value].append(row)
        found[kind] = dict(sorted(rows.items(), key=lambda item: (-len(item[1]), item[0])))
    return found


def measure_slices(
    parts: Mapping[str, Mapping[str, Sequence[int]]], *, labels: IntVector, predicted: IntVector, draws: int
) -> dict[str, list[dict[str, Any]]]:
    """Count, accuracy and macro-F1 (of the stances that occur) of each slice. Shapes: labels [N], predicted [N]."""
    measured: dict[str, list[dict[str, Any]]] = {}
    for kind, values in parts.items():
        measured[kind] = []
        for value, rows in values.items():
            own, answers = labels[list(rows)], predicted[list(rows)]
            estimates = intervals.bootstrap(intervals.of_slice(own, answers), len(rows), draws=draws)
            present = [str(stance) for index, stance in enumerate(STANCES) if index in own]
            entry = {"value": value, "n": len(rows), "small": len(rows) < SMALL, "stances": present}
            measured[kind].append({**entry, **estimates})
    return measured


def measure_pairs(
    examples: Sequence[Example], *, labels: IntVector, predicted: Mapping[str, Sequence[IntVector]], draws: int
) -> dict[str, Any] | None:
    """The share of contrast pairs with every member right, overall and by rule; None without pairs.

    ``predicted`` maps each system to its answers, one [N] for each seed: its share is the mean over the seeds. A pair
    that is not whole is left out; one with several rules counts in each. Shapes: labels [N].
    """
    members: dict[str, list[int]] = defaultdict(list)
    for row, example in enumerate(examples):
        if example.pair:
            members[example.pair].append(row)
    whole = [rows for rows in members.values() if len(rows) > 1]
    if not whole:
        return None
    both = {
        name: np.mean([[(labels[rows] == answers[rows]).all() for rows in whole] for answers in seeds], axis=0)
        for name, seeds in predicted.items()
    }  # [pairs] each
    by_rule: dict[str, list[int]] = defaultdict(list)
    for pair, rows in enumerate(whole):
        for rule in {rule for row in rows for rule in examples[row].rules} or {NOT_GIVEN}:
            by_rule[rule].append(pair)
    ordered = sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0]))

    def share(pairs: Sequence[int]) -> dict[str, Any]:
        chosen = {name: hits[list(pairs)] for name, hits in both.items()}
        estimates = intervals.bootstrap(intervals.of_shares(chosen), len(pairs), draws=draws)
        return {"n_pairs": len(pairs), "both_right": estimates}

    return {**share(range(len(whole))), "rules": [{"rule": rule, **share(pairs)} for rule, pairs in ordered]}
