"""Which example is used for what: by a hash of its group, so that no document and no setting crosses splits.

Nor does a near-duplicate: what nearly repeats a statement of a split that is measured on is left out of the others.
Reviewed statements are for training only, whatever their group.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from training.articles import Article
from training.examples import CorpusError, Example, Origin, sha256_of_text
from training.near_duplicates import without_near_duplicates
from training.spoken import SpokenExample, spoken_examples


class Split(StrEnum):
    """The use of an example. The dev set of the public record is a file of its own and in none of these."""

    TRAIN = "train"  # fits the weights
    VALIDATION = "validation"  # chooses the epoch and the seed
    CALIBRATION = "calibration"  # fits temperature and conformal floors
    CONTRAST = "contrast"  # held-out settings of the written statements: the public contrast test
    ELSEWHERE = "elsewhere"  # whole repositories of which nothing is trained on: what to expect of sources of one's own


RECORD_SHARES: Final = ((Split.VALIDATION, 0.05), (Split.CALIBRATION, 0.08))
WRITTEN_SHARES: Final = ((Split.CONTRAST, 0.5),)
"""Half of the written statements, by setting, stay out of training: their pairs are the contrast test."""

SOURCE_SHARES: Final = ((Split.ELSEWHERE, 0.25),)
"""Of the sources whose statements stay together, in one group for each repository, a quarter only measures.

A choice: with a third, the largest source, a fifth of these statements, would not be trained on."""

MOST_PROTECTED_FIRST: Final = (Split.ELSEWHERE, Split.CONTRAST, Split.VALIDATION, Split.CALIBRATION, Split.TRAIN)
"""Each split is without near-duplicates of those before it, and of the dev set, which comes before all."""


class ArticleSplit(StrEnum):
    """The use of an annotated article."""

    TRAIN = "train"  # fits the attribution
    HELD_OUT = "held_out"  # measures it


ARTICLE_SHARES: Final = {Origin.RECORD: 0.35, Origin.WRITTEN: 0.15}
"""The share of annotated articles, by group, that stays out of training: larger where the measure counts."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Hydrated examples by split. ``train_with_repeats`` also has the near-duplicates that ``train`` leaves out, but
    for those among what users reviewed.

    ``spoken`` are the statements of the annotated articles that are not held out.
    """

    train: list[Example]
    validation: list[Example]
    calibration: list[Example]
    contrast: list[Example]
    elsewhere: list[Example] = field(default_factory=list)
    train_with_repeats: list[Example] = field(default_factory=list)
    spoken: list[SpokenExample] = field(default_factory=list)


def position(group: str) -> float:
    """A number in [0, 1) that depends on the group alone."""
    return int.from_bytes(hashlib.sha256(group.encode("utf-8")).digest()[:8]) / 2**64


def split_of(example: Example) -> Split:
    """The split of an example; all examples of a group have the same. Nothing is measured on what users reviewed."""
    if example.origin is Origin.REVIEWED:
        return Split.TRAIN
    shares = RECORD_SHARES if example.origin is Origin.RECORD else WRITTEN_SHARES
    if example.group == example.repository:
        shares = SOURCE_SHARES
    upper = 0.0
    for split, share in shares:
        upper += share
        if position(example.group) < upper:
            return split
    return Split.TRAIN


def split_of_article(article: Article) -> ArticleSplit:
    """The split of an annotated article; all articles of a group have the same."""
    is_held_out = position(article.group) < ARTICLE_SHARES[article.origin]
    return ArticleSplit.HELD_OUT if is_held_out else ArticleSplit.TRAIN


def paragraph(example: Example) -> tuple[str | None, str | None, str | None]:
    """Where a statement of the record stands, to the paragraph."""
    return example.repository, example.path, example.locator


def make_corpus(
    examples: Sequence[Example], *, dev: Sequence[Example] = (), articles: Sequence[Article] = ()
) -> Corpus:
    """The examples by split, without those that share a paragraph or a text with ``dev``, which must stay unseen.

    Near-duplicates never cross splits; with ``dev`` they are told only where its texts are there. A reviewed text that
    another origin has too is left out: the corpus' own label stays.

    Raises: CorpusError for an example without text, or a text that stands twice with different labels.
    """
    dev_ids, dev_paragraphs = {e.sha256 for e in dev}, {paragraph(e) for e in dev}
    splits: dict[Split, list[Example]] = {split: [] for split in Split}
    labels: dict[str, str] = {}
    ours = {example.text for example in examples if example.origin is not Origin.REVIEWED}
    for example in examples:
        if example.text is None:
            raise CorpusError(f"{example.id}: has no text; run `python -m training.hydrate` first")
        if example.origin is Origin.RECORD and (example.sha256 in dev_ids or paragraph(example) in dev_paragraphs):
            continue
        if example.origin is Origin.REVIEWED and (sha256_of_text(example.text) in dev_ids or example.text in ours):
            continue
        if labels.setdefault(example.text, example.label) != example.label:
            raise CorpusError(f"{example.id}: its text stands twice, with different labels")
        splits[split_of(example)].append(example)
    with_repeats, seen = splits[Split.TRAIN], list(dev)
    for split in MOST_PROTECTED_FIRST:
        splits[split] = without_near_duplicates(splits[split], of=seen)
        seen += splits[split]
    kept = {example.id for example in splits[Split.TRAIN]}
    with_repeats = [e for e in with_repeats if e.origin is not Origin.REVIEWED or e.id in kept]
    spoken = spoken_examples(a for a in articles if split_of_article(a) is ArticleSplit.TRAIN)
    return Corpus(
        **{str(split): members for split, members in splits.items()},
        train_with_repeats=with_repeats,
        spoken=without_near_duplicates(spoken, of=seen),
    )
