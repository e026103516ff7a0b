"""Rows whose texts say nearly the same, in groups, so that ten copies of a wire report need not count as ten.

MinHash finds the candidates (datasketch); whether one is a near-duplicate is then decided exactly, by the share of
three-word sequences that the two texts have in common. A text joins the group of the earliest representative that it
resembles, or becomes a representative. Members never become one, so groups do not drift along a chain of small changes.
The name of a group depends on its representative's words alone.

Memory grows by about 2 KB for each group: what is grouped must be remembered.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt
from datasketch import MinHash, MinHashLSH

from training.rows import BadRow, Row, Source

COLUMN: Final = "duplicate_group"
THRESHOLD: Final = 0.8
"""The share of word sequences in common from which texts are near-duplicates, unless the caller gives another."""
N_WORDS: Final = 3
N_PERMUTATIONS: Final = 64
CANDIDATE_MARGIN: Final = 0.15
"""How far below the threshold candidates are looked for: MinHash only estimates, the decision is exact."""
GROUP_DIGITS: Final = 16

Shingles = npt.NDArray[np.uint64]


class DuplicateGroups:
    """Texts seen so far, by group."""

    def __init__(self, *, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._index = MinHashLSH(threshold=max(threshold - CANDIDATE_MARGIN, 0.1), num_perm=N_PERMUTATIONS)
        self._representatives: list[tuple[str, Shingles]] = []
        self._by_words: dict[str, str] = {}
        self._empty = MinHash(num_perm=N_PERMUTATIONS, hashfunc=int, scheme="affine32")

    def group_of(self, text: str) -> str:
        """The name of the text's group. The same texts in the same order give the same names."""
        words = re.findall(r"\w+", text.casefold())
        name = hashlib.sha256(" ".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:GROUP_DIGITS]
        if name in self._by_words:
            return self._by_words[name]
        shingles = _shingles(words)
        sketch = self._empty.copy()
        sketch.update_batch((shingles & np.uint64(0xFFFFFFFF)).tolist())
        for number in sorted(self._index.query(sketch)):
            group: str = self._representatives[number][0]
            if _overlap(shingles, self._representatives[number][1]) >= self._threshold:
                return group
        self._index.insert(len(self._representatives), sketch)
        self._representatives.append((name, shingles))
        self._by_words[name] = name
        return name


class GroupedSource:
    """A source whose rows say their group in one more column."""

    def __init__(self, source: Source, *, text_column: str, threshold: float, column: str = COLUMN) -> None:
        self._source = source
        self._text_column = text_column
        self._threshold = threshold
        self._column = column
        self.columns, self.schema, self.as_json = source.columns, source.schema, source.as_json
        self.n_rows = source.n_rows
        self.added: Sequence[str] = (*source.added, column)

    def rows(self, *, after: int = 0) -> Iterator[Row | BadRow]:
        """Every record but the first ``after``; those are read too, as a later one may be their duplicate."""
        groups = DuplicateGroups(threshold=self._threshold)
        yield from islice((self._grouped(row, groups) for row in self._source.rows()), after, None)

    def share_read(self) -> float:
        """The share of the input's bytes that were read."""
        return self._source.share_read()

    def _grouped(self, row: Row | BadRow, groups: DuplicateGroups) -> Row | BadRow:
        if isinstance(row, BadRow):
            return row
        text = row.values.get(self._text_column)
        group = groups.group_of(text) if isinstance(text, str) else ""  # such a row will be refused
        return Row(row.number, row.values, row.line, row.record, row.file, {**row.added, self._column: group})


def _shingles(words: Sequence[str]) -> Shingles:
    """The sequences of N_WORDS words as sorted numbers; of a shorter text the whole."""
    sequences = {" ".join(words[start : start + N_WORDS]) for start in range(max(len(words) - N_WORDS + 1, 1))}
    digests = (hashlib.blake2b(s.encode("utf-8", "surrogatepass"), digest_size=8).digest() for s in sequences)
    return np.unique(np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.uint64))


def _overlap(left: Shingles, right: Shingles) -> float:
    """The Jaccard similarity of two sets."""
    n_common = len(np.intersect1d(left, right, assume_unique=True))
    return n_common / (len(left) + len(right) - n_common)
