"""What the corpus knows of a text that a user has reviewed: measured on, trained on already, or new."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from models.labels import Stance
from training.corpus import DEV, ELSEWHERE, HYDRATED_FOLDER, RECORD, WRITTEN
from training.examples import Example, read_examples, sha256_of_text
from training.near_duplicates import NearDuplicates
from training.reviews import folded
from training.splits import Split, split_of


@dataclass
class KnownTexts:
    """The texts of a corpus folder. Without the public record's own words, its statements are known by sha256 alone."""

    is_hydrated: bool
    _measured: NearDuplicates = field(default_factory=NearDuplicates)
    _measured_sums: set[str] = field(default_factory=set)
    _trained: dict[str, Stance] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Path) -> "KnownTexts":
        """What the folder has. Raises: CorpusError."""
        known = cls((data / HYDRATED_FOLDER / RECORD).is_file())
        for is_dev, example in _examples(data):
            digest = example.sha256 or sha256_of_text(folded(example.text or ""))
            if not is_dev and split_of(example) is Split.TRAIN:
                known._trained[digest] = example.label
                continue
            known._measured_sums.add(digest)
            if example.text is not None:
                known._measured.add(example.text)
        return known

    def is_measured_on(self, text: str) -> bool:
        """Whether a split that is measured on has this text, or nearly this one."""
        return sha256_of_text(text) in self._measured_sums or self._measured.have(text)

    def label_of(self, text: str) -> Stance | None:
        """The label of the text where it is trained on already."""
        return self._trained.get(sha256_of_text(text))


def _examples(data: Path) -> Iterator[tuple[bool, Example]]:
    """Every example of the folder, those of the record without and with their text, and whether it is of dev."""
    for example in read_examples(data / WRITTEN):
        yield False, example
    for name in (RECORD, ELSEWHERE, DEV):
        for path in (data / name, data / HYDRATED_FOLDER / name):
            if path.is_file():
                for example in read_examples(path):
                    yield name == DEV, example
