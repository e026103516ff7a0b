"""The same statement about somebody else: names of countries, sides and offices swapped, both ways at once.

``SWAPS`` lists the pairs. A swap replaces each word of either side by its counterpart, in its case, with the article
and possessive that the new word needs. It is its own inverse: where swapping back would not give the original to the
letter, or where the result would be no English (see ``Form.followed_by`` and ``Swap.blocked``), there is no swap.

For training: ``augmented(example)`` gives the swapped copies of an example, with the conditions at their new places.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Final, NamedTuple

from training.examples import Condition, Example
from training.swap_pairs import SWAPS, Form, Swap

_BEFORE: Final = r"(?<![\w@/])"
_AFTER: Final = r"(?![\w@]|\.\w)"  # no address such as russia.example
_ARTICLE: Final = re.compile(r"(?<!\w)(an?)\s+$", re.IGNORECASE)
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?:][\"”’')\]]*\s+)[\"“‘'(\[]*$")
_SOUNDS_LIKE_CONSONANT: Final = re.compile(r"(?:eu|uk|uni|us\b)", re.IGNORECASE)  # "a European", "a union"


class Edit(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) of a text, and what stands there after the swap."""

    start: int
    end: int
    new: str


def swap_text(text: str, swap: Swap) -> str | None:
    """The text with the sides of the pair swapped; None where neither occurs or it cannot be done cleanly."""
    edits = edits_of(text, swap)
    return applied(text, edits) if edits else None


def swaps_of(text: str) -> Iterator[tuple[Swap, str]]:
    """The swaps that apply to a text, each with the swapped text; at most one for each name of a pair."""
    done: set[str] = set()
    for swap in SWAPS:
        if swap.name not in done and (swapped := swap_text(text, swap)) is not None:
            done.add(swap.name)
            yield swap, swapped


def swapped(example: Example, swap: Swap) -> Example | None:
    """The example about the other side: same label, its conditions where their words now stand; None without a swap.

    A condition that begins or ends inside a replaced name has no exact place any more: then there is no swap either.
    The sha256 is left out, for this is no text of the record; the group stays, so that no copy can cross splits.
    """
    text = example.text or ""
    edits = edits_of(text, swap)
    if not edits:
        return None
    conditions = [_moved(condition, edits) for condition in example.conditions]
    if None in conditions:
        return None
    return replace(
        example,
        id=f"{example.id} ({swap.name})",
        text=applied(text, edits),
        conditions=tuple(condition for condition in conditions if condition),
        sha256=None,
    )


def augmented(example: Example) -> list[Example]:
    """The swapped copies of an example, one for each pair that it names, in the order of SWAPS; often none."""
    copies = (swapped(example, swap) for swap, _ in swaps_of(example.text or ""))
    return [copy for copy in copies if copy is not None]


def edits_of(text: str, swap: Swap) -> list[Edit]:
    """What a swap changes, in the order of the text; nothing where it does not apply."""
    edits = _edits(text, swap)
    if not edits:
        return []
    result = applied(text, edits)
    return edits if applied(result, _edits(result, swap)) == text else []


def applied(text: str, edits: Sequence[Edit]) -> str:
    """The text after the edits, which are in order and apart."""
    pieces, end = [], 0
    for edit in edits:
        pieces += [text[end : edit.start], edit.new]
        end = edit.end
    return "".join([*pieces, text[end:]])


def moved(offset: int, edits: Sequence[Edit]) -> int | None:
    """Where a character of the text stands after the edits; None inside a replaced stretch."""
    shift = 0
    for edit in edits:
        if offset <= edit.start:
            break
        if offset < edit.end:
            return None
        shift += len(edit.new) - (edit.end - edit.start)
    return offset + shift


def _moved(condition: Condition, edits: Sequence[Edit]) -> Condition | None:
    start, end = moved(condition.start, edits), moved(condition.end, edits)
    return None if start is None or end is None else replace(condition, start=start, end=end)


def _edits(text: str, swap: Swap) -> list[Edit]:
    """The edits of a swap without the look at its inverse; nothing where a name stands in a place that forbids it."""
    if any(re.search(pattern, text) for pattern in swap.blocked):
        return []
    pattern, counterparts = _pattern(swap)
    edits: list[Edit] = []
    for match in pattern.finditer(text):
        form, other, render = counterparts[match[0]]
        if form.followed_by and not re.match(form.followed_by, text[match.end() :]):
            return []
        edits += _edits_at(text, match.start(), match.end(), _opened(text, match, render(other)))
    return edits


def _opened(text: str, match: re.Match[str], new: str) -> str:
    """The new words; with a capital article where they open a sentence that the old ones opened without one."""
    opens = new.startswith("the ") and not match[0].lower().startswith("the ")
    return f"T{new[1:]}" if opens and _SENTENCE_START.search(text[: match.start()]) else new


def _edits_at(text: str, start: int, end: int, new: str) -> list[Edit]:
    """The edit of one name, with the article before it and the possessive behind it made to fit."""
    edits = []
    article = _ARTICLE.search(text[:start])
    if article and takes_an(text[start:end]) != takes_an(new):
        fitting = "an" if takes_an(new) else "a"
        capital = article[1][0].isupper()
        shouted = capital and text[start:end].isupper()
        edits.append(Edit(*article.span(1), fitting.upper() if shouted else fitting.title() if capital else fitting))
    had_s, has_s = (word[-1] in "sS" for word in (text[start:end], new))
    possessive = re.match(r"(['’])([sS]\b)?", text[end:])
    if possessive and had_s != has_s and bool(possessive[2]) != had_s:
        mark = possessive[1] if has_s else f"{possessive[1]}{'S' if new.isupper() else 's'}"
        return [*edits, Edit(start, end + possessive.end(), new + mark)]
    kept = 4 if text[start : start + 4].lower() == new[:4].lower() == "the " else 0
    return [*edits, Edit(start + kept, end, new[kept:])]


def takes_an(word: str) -> bool:
    """Whether the indefinite article before the word is "an"."""
    return word[0].lower() in "aeiou" and not _SOUNDS_LIKE_CONSONANT.match(word)


Render = Callable[[str], str]


@cache
def _pattern(swap: Swap) -> tuple[re.Pattern[str], dict[str, tuple[Form, str, Render]]]:
    """A pattern of every spelling of the swap's names, longest first, and for each its form, counterpart and case."""
    counterparts: dict[str, tuple[Form, str, Render]] = {}
    for render in (
        str.upper,
        _title,
        _named,
        _capital,
        str,
    ):  # the last one that fits counts: as listed before any other case
        for form in swap.forms:
            for name, other in ((form.one, form.other), (form.other, form.one)):
                counterparts[render(name)] = form, other, render
    longest_first = sorted(counterparts, key=len, reverse=True)
    return re.compile(f"{_BEFORE}(?:{'|'.join(map(re.escape, longest_first))}){_AFTER}"), counterparts


def _title(name: str) -> str:
    """The name as in a headline or before a surname: Prime Minister."""
    return " ".join(word[0].upper() + word[1:] for word in name.split(" "))


def _named(name: str) -> str:
    """The name as parliaments write it: the Government."""
    return f"the {_title(name[4:])}" if name.startswith("the ") else name


def _capital(name: str) -> str:
    """The name at the beginning of a sentence; a name of two words without article has its title's case there."""
    return name[0].upper() + name[1:] if name.startswith("the ") else _title(name)
