"""Which words carry an answer: how far the stance's probability drops when a clause or a group of words is taken out.

The text falls into groups at punctuation, before conjunctions and, where a clause is long, between its parts. Each is
removed in turn, what remains is read like any text, and the drop says how much the answer stood on that group: more
than 0 where it spoke for the stance, less where it spoke against. Source: occlusion, Zeiler and Fergus 2014,
"Visualizing and understanding convolutional networks"; how faithful it is here: docs/log.md, "Explanations".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from models.encoding import Encoding
from models.prediction import Prediction
from models.text import normalise

MAX_GROUPS: Final = 16
"""Each group costs one more reading of the text; a statement of three sentences has fewer than sixteen clauses."""
MIN_GROUPS: Final = 3
"""A short text is split into words rather than into fewer groups than this: one clause alone would explain nothing."""
MAX_WORDS: Final = 8
"""A longer group is split while there is room: a clause has about eight words."""
NOTHING: Final = "."
"""What is read when the only group was removed: the model's answer to no words at all."""

_CONJUNCTION_WORD: Final = re.compile(
    "(?:although|and|as|because|before|but|except|if|lest|nor|once|only|or|otherwise|pending|provided|providing|since|so"
    "|that|though|unless|until|when|whenever|whereas|whether|which|while|who|whose|yet),?",
    re.IGNORECASE,
)
_LINK_WORD: Final = re.compile(
    "about|after|against|among|at|between|by|during|for|from|in|into|of|on|over|than|through|to|toward|towards|under"
    "|upon|with|within|without",
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"[.!?;:]['\")\]]*$")
_CLAUSE_END: Final = re.compile(r"[,)\]\"-]$")
_OPENING: Final = re.compile(r"[(\[\"-]")
_ABBREVIATION: Final = re.compile(r"(?:[A-Z][a-z]{0,2}|(?:[A-Za-z]\.)*[A-Za-z])\.$")  # Mr. Gen. U.S. e.g.
_FINAL_MARK: Final = re.compile(r"[.!?]['\")\]]*$")
_SENTENCE, _CLAUSE, _CONJUNCTION, _NONE = 3, 2, 1, 0  # strengths of the boundaries between two words


class Span(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) of a text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """A group of words of the caller's text, and the drop of the stance's probability without it; from -1 to 1."""

    start: int
    end: int
    text: str
    drop: float


def read_to(text: str, encoding: Encoding) -> int:
    """The character behind the last that the model read of the text."""
    return max((end for _, end in encoding.offsets), default=0) if encoding.truncated else len(text)


def occlude(text: str, encoding: Encoding) -> tuple[list[Span], list[str]]:
    """The groups of what the model reads of a text, in its order, and for each what remains without it."""
    read = text[: read_to(text, encoding)]
    groups = word_groups(read)
    return groups, [without(read, group) for group in groups]


def contributions(
    text: str, groups: Sequence[Span], *, whole: Prediction, remainders: Sequence[Prediction]
) -> tuple[Contribution, ...]:
    """The contribution of each group to the stance of the whole, given the predictions for the remainders."""
    return tuple(
        Contribution(*group, text[slice(*group)], whole.confidence - remainder.probabilities[whole.stance])
        for group, remainder in zip(groups, remainders, strict=True)
    )


def without(text: str, group: Span) -> str:
    """The text without a group, as one would write it: one space at the gap, and its sentence ended as it was."""
    before, after = text[: group.start].rstrip(), text[group.end :].lstrip()
    mark = _FINAL_MARK.search(normalise(text[slice(*group)]))
    if before and mark and not _FINAL_MARK.search(normalise(before)):
        before = before.rstrip(" ,;:-–—") + text[group.end - len(mark[0]) : group.end]
    return " ".join(filter(None, (before, after))) or NOTHING


def word_groups(text: str) -> list[Span]:
    """The groups of a text, in its order; each word is in exactly one, and each group begins and ends with a word.

    A word is what stands between white space; one without a letter or digit goes with the word before it.
    """
    words = _words(text)
    plain = normalise(text)
    strengths = [
        _NONE,
        *(_strength(plain[slice(*a)], plain[slice(*b)]) for a, b in pairwise(words)),
    ]
    starts = [index for index, strength in enumerate(strengths) if index == 0 or strength] if words else []
    edges = _split(_merge([*starts, len(words)], strengths), [plain[slice(*word)] for word in words])
    return [Span(words[a].start, words[b - 1].end) for a, b in pairwise(edges)]


def _words(text: str) -> list[Span]:
    words: list[Span] = []
    for match in re.finditer(r"\S+", normalise(text)):
        if words and not any(map(str.isalnum, match[0])):
            words[-1] = Span(words[-1].start, match.end())
        elif len(words) == 1 and not any(map(str.isalnum, text[slice(*words[0])])):
            words[0] = Span(words[0].start, match.end())  # the text begins with a dash or the like
        else:
            words.append(Span(*match.span()))
    return words


def _strength(word: str, following: str) -> int:
    """How strongly two neighbouring words are parted."""
    if _SENTENCE_END.search(word) and not _ABBREVIATION.match(word):
        return _SENTENCE
    if _CLAUSE_END.search(word) or _OPENING.match(following):
        return _CLAUSE
    is_second = _CONJUNCTION_WORD.fullmatch(word)  # "only if", "but when": one boundary, before the first
    return _CONJUNCTION if _CONJUNCTION_WORD.fullmatch(following) and not is_second else _NONE


def _merge(edges: list[int], strengths: Sequence[int]) -> list[int]:
    """The edges of at most MAX_GROUPS groups: the weakest boundary goes first, of equals that between the shortest."""
    while len(edges) - 1 > MAX_GROUPS:
        inner = range(1, len(edges) - 1)
        edges.pop(min(inner, key=lambda i: (strengths[edges[i]], edges[i + 1] - edges[i - 1])))
    return edges


def _split(edges: list[int], words: Sequence[str]) -> list[int]:
    """The edges after the longest groups were halved while they are too long, or too few, and there is room."""
    while len(edges) - 1 < MAX_GROUPS:
        longest = max(range(len(edges) - 1), key=lambda i: edges[i + 1] - edges[i], default=None)
        if longest is None:
            break
        start, end = edges[longest], edges[longest + 1]
        if end - start < 2 or (end - start <= MAX_WORDS and len(edges) > MIN_GROUPS):
            break
        edges.insert(longest + 1, _middle(start, end, words))
    return edges


def _middle(start: int, end: int, words: Sequence[str]) -> int:
    """Where to halve a group: near its middle, and there rather before a preposition than after one."""

    def cost(index: int) -> float:
        linked = _LINK_WORD.fullmatch(words[index])
        return abs(index - (start + end) / 2) - (2.5 if linked else 0)  # a link may pull the cut two words aside

    return min(range(start + 1, end), key=cost)
