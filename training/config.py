"""The configuration of a fine-tuning run: one flat record, every number with its source, every field a flag."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from training.base import DEFAULT_BASE


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that determines a run besides data and code.

    Source of the numbers: docs/log.md, "Recipe" and "After 1.1.0".
    """

    base: str = DEFAULT_BASE  #: hub id or local path of the encoder to start from
    start_from: str = ""  #: finished run whose weights, of all heads, to start from; none if empty
    seed: int = 0  #: seed of weights, shuffling and dropout
    epochs: int = 4  #: passes over the training examples
    batch_size: int = 32  #: statements per step and device
    learning_rate: float = 1e-4  #: peak rate of the encoder
    head_learning_rate: float = 1e-3  #: peak rate of the pooler and of all heads, which start from nothing
    condition_weight: float = 1.0  #: weight of the condition head's loss beside the stance's
    attribution_weight: float = 4.0  #: weight of the attribution head's loss, over the statements of articles
    consistency_weight: float = 4.0  #: weight of how far the answers to a statement and its swapped copy differ
    warmup_share: float = 0.1  #: share of the steps in which the rate rises, before it falls along a cosine
    weight_decay: float = 0.01  #: decay of all weights but biases and norms
    label_smoothing: float = 0.05  #: share of the target spread over all labels
    class_weight_power: float = 0.5  #: class weights are (1 / frequency) to this power: 0 ignores imbalance
    guess_weight: float = 0.1  #: loss weight of an annotator's guess (confidence 1)
    fairly_sure_weight: float = 0.7  #: loss weight at confidence 2; certain and written statements weigh 1
    written_weight: float = 1.0  #: factor on the loss weight of the statements written here; 0 leaves them out
    article_weight: float = 0.5  #: factor on the stance's loss for statements of articles; 0 leaves articles out
    swap_share: float = 1.0  #: share of the statements with swappable names that are trained on with names swapped too
    keep_near_duplicates: bool = False  #: train on near-duplicates of what is measured on too, as 1.1.0 did
    train_share: float = 1.0  #: share of the training groups to train on, for learning curves; shares are nested
    freeze_word_embeddings: bool = True  #: keep the word embeddings of the base: half of the weights, faster steps
    max_tokens: int = 256  #: tokens that the model reads of a text

    def confidence_weight(self, confidence: int | None) -> float:
        """The loss weight of an example by its annotator's confidence."""
        return {1: self.guess_weight, 2: self.fairly_sure_weight}.get(confidence or 3, 1.0)

    @classmethod
    def add_flags(cls, parser: argparse.ArgumentParser) -> None:
        """Give the parser one flag for each field, with its default and its help from this file."""
        helps = _field_comments()
        for item in fields(cls):
            flag = "--" + item.name.replace("_", "-")
            options: dict[str, Any] = {"default": item.default, "help": f"{helps[item.name]} (default: {item.default})"}
            if isinstance(item.default, bool):
                parser.add_argument(flag, action=argparse.BooleanOptionalAction, **options)
            else:
                parser.add_argument(flag, type=type(item.default), metavar=item.name.split("_")[-1].upper(), **options)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        """The configuration that a run or a manifest recorded, as far as this code knows its fields.

        Runs from before near-duplicates were looked for, 1.1.0 among them, kept them and knew no articles.
        Raises: TypeError.
        """
        known = {item.name for item in fields(cls)}
        earlier = {"keep_near_duplicates": True, "article_weight": 0.0, "consistency_weight": 0.0}
        return cls(**{**earlier, **{name: record[name] for name in record if name in known}})

    @classmethod
    def from_flags(cls, flags: argparse.Namespace) -> Self:
        """The configuration that the flags ask for."""
        return cls(**{item.name: getattr(flags, item.name) for item in fields(cls)})


def _field_comments() -> dict[str, str]:
    """The ``#:`` comment of each field, so that a field is explained in one place only."""
    import inspect

    lines = (line.split("#:") for line in inspect.getsource(TrainingConfig).splitlines() if "#:" in line)
    return {declaration.split(":")[0].strip(): comment.strip().replace("%", "%%") for declaration, comment in lines}
