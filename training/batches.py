"""From examples to what the Trainer eats: token ids, label, loss weight; padded to the longest of the batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from models.encoding import TextEncoder
from models.labels import STANCES
from training.config import TrainingConfig
from training.examples import Example, Origin, labels_of


def to_dataset(examples: Sequence[Example], encoder: TextEncoder, *, config: TrainingConfig) -> Dataset:
    """One row for each example: input_ids, length, labels, weight. Texts go through the encoder that serves."""
    encodings = encoder.encode([example.text or "" for example in examples])
    return Dataset.from_dict(
        {
            "input_ids": [list(encoding.ids) for encoding in encodings],
            "length": [encoding.n_tokens for encoding in encodings],
            "labels": labels_of(examples).tolist(),
            "weight": [example_weight(example, config) for example in examples],
        }
    )


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
    """A padded batch. Shapes: input_ids and attention_mask [B, T], labels [B], weight [B]."""
    width = max(len(row["input_ids"]) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
        mask[index, : len(row["input_ids"])] = 1
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "labels": torch.tensor([row["labels"] for row in rows]),
        "weight": torch.tensor([row["weight"] for row in rows], dtype=torch.float32),
    }
