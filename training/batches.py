"""From examples to what the Trainer eats: token ids, targets of all heads, loss weight; padded to the longest."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from datasets import Dataset

from models.conditions import KINDS
from models.encoding import Encoding, TextEncoder
from models.labels import STANCES
from models.span import Span
from models.token_spans import Tag
from training.config import TrainingConfig
from training.examples import Condition, Example, Origin, labels_of
from training.spoken import SpokenExample

IGNORED: Final = -100
"""The target of a token that has none: torch's cross-entropy leaves it out."""


def to_dataset(
    examples: Sequence[Example],
    encoder: TextEncoder,
    *,
    config: TrainingConfig,
    twins: Sequence[Example | None] | None = None,
) -> Dataset:
    """One row for each example: its ids, length, the targets of all heads and its weight; encoded as for serving.

    ``twins`` are copies with other names, whose answers should be the same; a row without one has an empty ``twin``.
    """
    encodings = encoder.encode([example.text or "" for example in examples])
    targets = [token_targets(example, encoding) for example, encoding in zip(examples, encodings, strict=True)]
    spoken = [speech_targets(example, encoding) for example, encoding in zip(examples, encodings, strict=True)]
    return Dataset.from_dict(
        {
            "input_ids": [list(encoding.ids) for encoding in encodings],
            "length": [encoding.n_tokens for encoding in encodings],
            "labels": labels_of(examples).tolist(),
            "target": [stance_target(example) for example in examples],
            "tags": [tags for tags, _ in targets],
            "kinds": [kinds for _, kinds in targets],
            "sources": [tags for tags, _ in spoken],
            "cues": [tags for _, tags in spoken],
            "twin": twin_ids(twins, encoder) if twins else [[]] * len(examples),
            "weight": [example_weight(example, config) for example in examples],
        }
    )


def twin_ids(twins: Sequence[Example | None], encoder: TextEncoder) -> list[list[int]]:
    """The token ids of each copy, none where there is no copy."""
    encodings = encoder.encode([(twin.text or "") if twin else "" for twin in twins])
    return [list(encoding.ids) if twin else [] for twin, encoding in zip(twins, encodings, strict=True)]


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


def speech_targets(example: Example, encoding: Encoding) -> tuple[list[int], list[int]]:
    """The tags of source and cue of each token, IGNORED where nobody annotated them. Shapes: T and T."""
    is_spoken = isinstance(example, SpokenExample)
    spans = (example.source_span, example.cue_span) if isinstance(example, SpokenExample) else (None, None)
    sources, cues = ([_tag_in(span, *offset, known=is_spoken) for offset in encoding.offsets] for span in spans)
    return sources, cues


def _tag_in(span: Span | None, start: int, end: int, *, known: bool) -> int:
    if not known or end <= start:
        return IGNORED
    if span is None or end <= span.start or start >= span.end:
        return int(Tag.OUTSIDE)
    return int(Tag.BEGIN if start <= span.start else Tag.INSIDE)


def _tag(span: Condition | None, start: int, *, previous: int) -> int:
    if span is None:
        return int(Tag.OUTSIDE)
    begins = start <= span.start or previous in (IGNORED, Tag.OUTSIDE)
    return int(Tag.BEGIN if begins else Tag.INSIDE)


def example_weight(example: Example, config: TrainingConfig) -> float:
    """The loss weight of an example: its annotator's confidence, times the factor of its origin."""
    factor = config.written_weight if example.origin is Origin.WRITTEN else 1.0
    factor *= config.article_weight if isinstance(example, SpokenExample) else 1.0
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
    """A padded batch, with C twins below its B rows; ``twin_of`` tells whose they are.

    Shapes: input_ids, attention_mask [B + C, T], tags, kinds, sources, cues [B, T], target [B, L], labels, weight [B],
    twin_of [C].
    """
    twin_of = [index for index, row in enumerate(rows) if row["twin"]]
    ids = [row["input_ids"] for row in rows] + [rows[index]["twin"] for index in twin_of]
    width = max(map(len, ids))
    targets = {
        name: _padded([row[name] for row in rows], width, filler=IGNORED)
        for name in ("tags", "kinds", "sources", "cues")
    }
    return {
        "input_ids": _padded(ids, width, filler=0),
        "attention_mask": _padded([[1] * len(row) for row in ids], width, filler=0),
        **targets,
        "target": torch.tensor([row["target"] for row in rows], dtype=torch.float32),
        "labels": torch.tensor([row["labels"] for row in rows]),
        "weight": torch.tensor([row["weight"] for row in rows], dtype=torch.float32),
        "twin_of": torch.tensor(twin_of, dtype=torch.long),
    }


def _padded(rows: Sequence[Sequence[int]], width: int, *, filler: int) -> torch.Tensor:
    """The rows as one tensor, what is missing filled up. Shapes: B rows -> [B, width]."""
    padded = torch.full((len(rows), width), filler, dtype=torch.long)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = torch.tensor(row, dtype=torch.long)
    return padded
