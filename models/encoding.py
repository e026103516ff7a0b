"""From texts to token ids: the length policy and the padding of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from models.errors import ArtifactCorrupt
from models.text import normalise

CHARS_PER_TOKEN: Final = 250
"""Characters handed to the tokeniser per token allowed: it encodes all before it truncates, so text is cut first."""

WIDTH_STEP: Final = 8
"""Texts are padded to a multiple of this, and only texts of one width share a batch. The int8 graph rounds, and what it
rounds differs in the last bit with the width: this way the int8 layers give a text the same alone and in any batch, for
four tokens of padding a text. Source: docs/log.md, "int8", "Widths" and "Neighbours, to the bit"."""

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Encoding:
    """One text as the model reads it. ``offsets`` are characters of the caller's ``text``; markers have (0, 0)."""

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    truncated: bool
    text: str = ""  # only condition spans need it

    @property
    def n_tokens(self) -> int:
        """How many tokens the model reads, its two markers included."""
        return len(self.ids)

    @property
    def width(self) -> int:
        """The tokens it is padded to: the next multiple of WIDTH_STEP, whatever else is in its batch."""
        return -(-len(self.ids) // WIDTH_STEP) * WIDTH_STEP


class TextEncoder:
    """A tokeniser under one length policy: clamp characters, encode, keep the first ``max_tokens`` tokens, say so."""

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int) -> None:
        tokenizer.no_padding()  # MiniLM's own file pads every text to 128 tokens
        tokenizer.no_truncation()
        tokenizer.enable_truncation(max_tokens)
        tokenizer.encode_special_tokens = True  # "[SEP]" in a text is five characters, never the model's marker
        self._tokenizer = tokenizer
        self.max_tokens = max_tokens

    @classmethod
    def from_file(cls, path: str, *, max_tokens: int) -> Self:
        """The encoder of a tokenizer.json. Raises: ArtifactCorrupt."""
        try:
            tokenizer = Tokenizer.from_file(path)
        except Exception as error:  # tokenizers raises bare Exception for a file that it cannot read
            raise ArtifactCorrupt(f"tokenizer.json: not readable: {error}") from error
        return cls(tokenizer, max_tokens=max_tokens)

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """One encoding for each text, in order. The text must have passed models.text.check."""
        clamp = self.max_tokens * CHARS_PER_TOKEN
        clamped = [normalise(text[:clamp]) for text in texts]
        encoded = self._tokenizer.encode_batch(clamped)
        return [
            Encoding(tuple(item.ids), tuple(item.offsets), bool(item.overflowing) or len(text) > clamp, text)
            for item, text in zip(encoded, texts, strict=True)
        ]


def pad(encodings: Sequence[Encoding]) -> tuple[IntArray, IntArray]:
    """Token ids and attention mask of a batch, padded with 0 to its greatest width. Shapes: ids [B, T], mask [B, T]."""
    width = max(encoding.width for encoding in encodings)
    ids = np.zeros((len(encodings), width), dtype=np.int64)
    mask = np.zeros((len(encodings), width), dtype=np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : encoding.n_tokens] = encoding.ids
        mask[row, : encoding.n_tokens] = 1
    return ids, mask


def plan_batches(widths: Sequence[int], *, max_batch: int, max_padded_tokens: int) -> list[list[int]]:
    """Indices grouped into batches of one width each: none has more rows, or more rows x width, than allowed.

    A batch has 1, 2, 4, 8, ... rows: an engine prepares itself for each shape that it meets and keeps what it prepared,
    which costs time once and memory for good, so there must be few. Source: docs/log.md, "Shapes".
    A single text wider than ``max_padded_tokens`` still gets a batch of its own.
    """
    by_width: dict[int, list[int]] = {}
    for index in sorted(range(len(widths)), key=widths.__getitem__):
        by_width.setdefault(widths[index], []).append(index)
    batches: list[list[int]] = []
    for width, indices in by_width.items():
        limit = max(1, min(max_batch, max_padded_tokens // width))
        start = 0
        while start < len(indices):
            n_rows = 1 << (min(limit, len(indices) - start).bit_length() - 1)
            batches.append(indices[start : start + n_rows])
            start += n_rows
    return batches
