"""Named parts of the evaluation data: by source, register, length, rule and origin; and the contrast pairs."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from models.labels import STANCES
from training import intervals
from training.examples import Example
from training.intervals import Estimate
from training.metrics import IntVector

SMALL: Final = 30
"""Below this many statements a slice's numbers are marked as too few to lean on."""
LENGTHS_TOKENS: Final = ((16, "up to 16 tokens"), (32, "17 to 32 tokens"), (64, "33 to 64 tokens"))
LONGER: Final = "more than 64 tokens"
NOT_GIVEN: Final = "not given"


def length_name(n_tokens: int) -> str:
    """The length slice of a text of so many tokens, the two markers included."""
    return next((name for limit, name in LENGTHS_TOKENS if n_tokens <= limit), LONGER)


def slices(examples: Sequence[Example], lengths: Sequence[int]) -> dict[str, dict[str, list[int]]]:
    """Row numbers by kind and value of slice; a statement with several rules is in several. ``lengths`` in tokens."""
    readers: Mapping[str, Callable[[Example, int], Sequence[str]]] = {
        "source": lambda example, _: [example.source],
        "register": lambda example, _: [example.register or NOT_GIVEN],
        "length": lambda _, n_tokens: [length_name(n_tokens)],
        "rule": lambda example, _: example.rules or [NOT_GIVEN],
        "origin": lambda example, _: [str(example.origin)],
    }
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
    examples: Sequence[Example], *, labels: IntVector, predicted: IntVector, draws: int
) -> dict[str, int | Estimate] | None:
    """The share of contrast pairs with every member right; None without pairs. A pair that is not whole is left out."""
    members: dict[str, list[int]] = defaultdict(list)
    for row, example in enumerate(examples):
        if example.pair:
            members[example.pair].append(row)
    whole = [rows for rows in members.values() if len(rows) > 1]
    if not whole:
        return None
    right = np.array([bool((labels[rows] == predicted[rows]).all()) for rows in whole])
    share = intervals.bootstrap(intervals.of_share(right), len(whole), draws=draws)["share"]
    return {"n_pairs": len(whole), "both_right": share}
