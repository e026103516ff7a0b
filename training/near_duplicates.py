"""Statements that say nearly the same in nearly the same words: found exactly, by the word trigrams that they share."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from models.text import normalise
from training.examples import Example

GRAM_WORDS: Final = 3
"""Long enough to be rare by chance, short enough that a changed word leaves most of them."""
MIN_SHARED: Final = 0.5
"""Share of the trigrams of the shorter statement that the other has too. Source: docs/log.md, "Near-duplicates"."""
MIN_WORDS: Final = 8
"""Shorter statements are phrases ("I welcome this agreement."): they repeat only what they equal, word for word."""

AnyExample = TypeVar("AnyExample", bound=Example)
Words = tuple[str, ...]
_WORD: Final = re.compile(r"\w+")


def words_of(text: str) -> Words:
    """The words of a text in small letters, without punctuation."""
    return tuple(_WORD.findall(normalise(text).lower()))


def grams_of(words: Words) -> set[Words]:
    """The trigrams of the words; none of fewer than MIN_WORDS."""
    return set(zip(*(words[start:] for start in range(GRAM_WORDS)), strict=False)) if len(words) >= MIN_WORDS else set()


class NearDuplicates:
    """Texts that others can be compared with. Exact and quick enough for tens of thousands of statements."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._whole: set[Words] = set()
        self._sizes: list[int] = []
        self._postings: dict[Words, list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Take one text more."""
        words = words_of(text)
        grams = grams_of(words)
        self._whole.add(words)
        for gram in grams:
            self._postings[gram].append(len(self._sizes))
        self._sizes.append(len(grams))

    def have_words(self, text: str) -> bool:
        """Whether one of the texts is the same words."""
        return words_of(text) in self._whole

    def have(self, text: str) -> bool:
        """Whether one of the texts is the same words, or shares MIN_SHARED of the trigrams of the shorter of both."""
        words = words_of(text)
        if words in self._whole:
            return True
        grams = grams_of(words)
        shared = Counter(place for gram in grams for place in self._postings.get(gram, ()))
        return any(n >= MIN_SHARED * min(len(grams), self._sizes[place]) for place, n in shared.items())


def without_near_duplicates(examples: Sequence[AnyExample], *, of: Iterable[Example]) -> list[AnyExample]:
    """The examples that do not nearly repeat one of the others; texts that are not there repeat nothing."""
    others = NearDuplicates(example.text for example in of if example.text)
    return [example for example in examples if not others.have(example.text or "")]
