"""The statements that are sent: real ones of 8 to 256 tokens where the record was hydrated, else those written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.encoding import TextEncoder
from training.corpus import HYDRATED_FOLDER, RECORD, WRITTEN
from training.examples import DATA, read_examples

TOKENS: Final = range(8, 257)
"""The lengths in tokens that are sent, markers included."""
N_STATEMENTS: Final = 2_048
"""Enough that no length, and no repetition, decides the outcome; each side gets the same ones in the same order."""


@dataclass(frozen=True, slots=True)
class Statements:
    """What is sent, where it comes from, and its tokens."""

    origin: str
    texts: tuple[str, ...]
    n_tokens: tuple[int, ...]

    @property
    def mean_tokens(self) -> float:
        """Tokens of a statement, markers included."""
        return sum(self.n_tokens) / len(self.n_tokens)


def evenly(items: Sequence[str], n: int) -> list[str]:
    """At most n items, as far apart as can be, so that every part of a corpus is among them; no chance in it."""
    return [items[index * len(items) // n] for index in range(n)] if len(items) > n else list(items)


def read_statements(encoder: TextEncoder, *, data: Path = DATA) -> Statements:
    """The statements, those of other lengths left out. Raises: CorpusError."""
    record = data / HYDRATED_FOLDER / RECORD
    origin, file = ("public record", record) if record.is_file() else ("written here", data / WRITTEN)
    texts = [example.text or "" for example in read_examples(file)]
    kept = [text for text in evenly(texts, 2 * N_STATEMENTS) if len(encoder.encode([text])[0].ids) in TOKENS]
    chosen = evenly(kept, N_STATEMENTS)
    return Statements(origin, tuple(chosen), tuple(encoding.n_tokens for encoding in encoder.encode(chosen)))


def groups(texts: Sequence[str], n: int) -> list[list[str]]:
    """The texts in groups of n, what is left over dropped."""
    return [list(texts[start : start + n]) for start in range(0, len(texts) - n + 1, n)]
