"""From examples to what the Trainer eats: token ids, targets of both heads, loss weight; padded to the longest."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from datasets import Dataset

from models.conditions import KINDS
from models.encoding import Encoding, TextEncoder
from models.labels import STANCES
from models.token_spans import Tag
from training.config import TrainingConfig
from training.examples import Condition, Example, Origin, labels_of

IGNORED: Final = -100
"""The target of a token that has none: torch's cross-entropy leaves it out."""


def to_dataset(examples: Sequence[Example], encoder: TextEncoder, *, config: TrainingConfig) -> Dataset:
    """One row for each example: input_ids, length, labels, target, tags, kinds, weight; encoded as for serving."""
    encodings = encoder.encode([example.text or "" for example in examples])
    targets = [token_targets(example, encoding) for example, encoding in zip(examples, encodings, strict=True)]
    return Dataset.from_dict(
        {
            "input_ids": [list(encoding.ids) for encoding in encodings],
            "length": [encoding.n_tokens for encoding in encodings],
            "labels": labels_of(examples).tolist(),
            "target": [stance_target(example) for example in examples],
            "tags": [tags for tags, _ in targets],
            "kinds": [kinds for _, kinds in targets],
            "weight": [example_weight(example, config) for example in examples],
        }
    )


def stance_target(example: Example) -> list[float]:
    """The stance as a distribution: half the label, half the share of the votes. Shapes: [L].

    One annotator, or several of one mind, give the label alone; a disputed one teaches its doubt. Source: docs/log.md,
    "Soft labels".
    """
    votes = np.array([example.votes.get(stance, 0) for stance in STANCES], dtype=np.float64)
    label = np.eye(len(STANCES))[STANCES.index(example.label)]
    target = label if votes.sum() < 2 else (label + votes / votes.sum()) / 2
    return [float(share) for share in target]


def token_targets(example: Example, encoding: Encoding) -> tuple[list[int], list[int]]:
    """The tag and the kind of each token, IGNORED where there is none to learn. Shapes: T and T.

    Markers have none, and no token of a statement without a span: spans are asked for where the stance is conditional,
    and there a condition left unsaid is often implied, so that "outside" would be wrong. Only tokens in a span have a
    kind. Source: docs/log.md, "Condition spans".
    """
    spans = [condition for condition in example.conditions if condition.end > condition.start]
    tags: list[int] = []
    kinds: list[int] = []
    for start, end in encoding.offsets:
        span = next((span for span in spans if start < span.end and end > span.start), None)
        known = end > start and bool(spans)
        tags.append(_tag(span, start, previous=tags[-1] if tags else IGNORED) if known else IGNORED)
        kinds.append(KINDS.index(span.kind) if known and span else IGNORED)
    return tags, kinds


def _tag(span: Condition | None, start: int, *, previous: int) -> int:
    if span is None:
        return int(Tag.OUTSIDE)
    begins = start <= span.start or previous in (IGNORED, Tag.OUTSIDE)
    return int(Tag.BEGIN if begins else Tag.INSIDE)


def example_weight(example: Example, config: TrainingConfig) -> float:
    """The loss weight of an example: its annotator's confidence, times the factor of its origin."""
    factor = config.written_weight if example.origin is Origin.WRITTEN else 1.0
    return factor * config.confidence_weight(example.confidence)


def class_weights(dataset: Dataset, *, power: float) -> torch.Tensor:
    """Loss weights by class, (1 / weighted frequency) ** power, scaled so that their mean over examples is 1.

    Shapes: [L].
    """
    weight = np.asarray(dataset["weight"])
    frequency = np.bincount(dataset["labels"], weights=weight, minlength=len(STANCES)) / weight.sum()
    raw = np.where(frequency > 0, np.maximum(frequency, 1e-9) ** -power, 0.0)
    return torch.tensor(raw / (raw * frequency).sum(), dtype=torch.float32)


def collate(rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """A padded batch. Shapes: input_ids, attention_mask, tags, kinds [B, T], target [B, L], labels and weight [B]."""
    width = max(len(row["input_ids"]) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    tags = torch.full((len(rows), width), IGNORED, dtype=torch.long)
    kinds = torch.full((len(rows), width), IGNORED, dtype=torch.long)
    for index, row in enumerate(rows):
        n_tokens = len(row["input_ids"])
        ids[index, :n_tokens] = torch.tensor(row["input_ids"])
        mask[index, :n_tokens] = 1
        tags[index, :n_tokens] = torch.tensor(row["tags"])
        kinds[index, :n_tokens] = torch.tensor(row["kinds"])
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "tags": tags,
        "kinds": kinds,
        "target": torch.tensor([row["target"] for row in rows], dtype=torch.float32),
        "labels": torch.tensor([row["labels"] for row in rows]),
        "weight": torch.tensor([row["weight"] for row in rows], dtype=torch.float32),
    }
