"""Invariance: what means the same is answered the same, however it is typed and whoever the two sides are."""

from collections.abc import Callable

import numpy as np
import pytest

from models.labels import Stance
from models.prediction import Prediction

MIN_SAME = 0.95
"""Share of statements whose stance must stay: one on the border may tip over on a changed token, no more."""
MAX_MEAN_CHANGE = 0.05
"""Mean over statements of the largest change of a probability: what a caller would see as the same answer."""

Ask = Callable[[list[str]], list[Prediction]]


def typographic(text: str) -> str:
    """The text with curly quotes and apostrophes, as word processors write them."""
    curly, opening = [], True
    for character in text:
        if character == '"':
            curly.append("\u201c" if opening else "\u201d")
            opening = not opening
        else:
            curly.append("\u2019" if character == "'" else character)
    return "".join(curly)


REWRITES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "small letters": str.lower,
    "headline capitals": str.title,
    "typographic quotes": typographic,
    "trailing spaces": lambda text: text + "   ",
    "leading line break": lambda text: "\n" + text,
    "line breaks for spaces": lambda text: text.replace(" ", "\n"),
    "Windows line breaks": lambda text: text.replace(" ", "\r\n"),
    "two spaces for one": lambda text: text.replace(" ", "  "),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "byte order mark": lambda text: "\ufeff" + text,
    "soft hyphens": lambda text: text.replace("ea", "e\u00ada").replace("in", "i\u00adn"),
    "no full stop": lambda text: text.rstrip("."),
}

SIDES = (
    ("the government", "the rebels"),
    ("the rebels", "the government"),
    ("the union", "the company"),
    ("the company", "the union"),
    ("the opposition", "the ruling party"),
    ("the northern council", "the southern council"),
    ("the Varnian delegation", "the Ostreian delegation"),
    ("the club", "the league"),
)
TEMPLATES = (
    "{a} is ready to meet {b} at any time, without preconditions.",
    "{a} agreed to resume the talks with {b}.",
    "{a} thanked {b} for a constructive round of talks and hopes for an agreement soon.",
    "{a} has accepted the compromise that {b} proposed.",
    "{a} ruled out any talks with {b}, now or in the future.",
    "{a} walked out of the negotiations and called {b} a liar.",
    "{a} rejected the offer of {b} outright.",
    "{a} said that there is nothing left to discuss with {b}.",
    "{a} will return to the table only if {b} apologises.",
    "{a} will not talk to {b} until the prisoners are released.",
    "{a} offered a deal in return for guarantees from {b}.",
    "{a} gave {b} until Friday to sign, or the offer is off the table.",
    "{a} moved its office to another floor last week, and {b} did the same.",
    "{a} and {b} have their offices in the same street.",
    "{a} published its yearly figures a day before {b}.",
    "{a} was founded forty years ago, ten years before {b}.",
)


def filled(template: str, sides: tuple[str, str]) -> str:
    """A template about two sides, beginning with a capital."""
    text = template.format(a=sides[0], b=sides[1])
    return text[0].upper() + text[1:]


def compare(before: list[Prediction], after: list[Prediction]) -> tuple[float, float]:
    """The share of stances that stayed, and the mean over statements of the largest change of a probability."""
    same = [one.stance is two.stance for one, two in zip(before, after, strict=True)]
    changes = [
        max(abs(one.probabilities[stance] - two.probabilities[stance]) for stance in Stance)
        for one, two in zip(before, after, strict=True)
    ]
    return float(np.mean(same)), float(np.mean(changes))


@pytest.mark.parametrize("rewrite", REWRITES)
def test_typing_does_not_matter(
    ask: Ask, clear: dict[Stance, tuple[str, ...]], report: list[str], rewrite: str
) -> None:
    """Case, quotes, spaces, line breaks and invisible characters leave stances and probabilities as they were."""
    texts = [text for members in clear.values() for text in members]
    rewritten = [REWRITES[rewrite](text) for text in texts]
    assert rewritten != texts
    same, change = compare(ask(texts), ask(rewritten))
    report.append(f"invariance, {rewrite}: {same:.1%} same, mean change {change:.3f}")
    assert same >= MIN_SAME
    assert change <= MAX_MEAN_CHANGE


@pytest.mark.xfail(reason="1.3.0: 103 of 112 the same, 95 % wanted; change 0.042; in the model card", strict=True)
def test_the_sides_do_not_matter(ask: Ask, report: list[str]) -> None:
    """Government or rebels, union or company, real or invented: a stance does not depend on who the two sides are."""
    reference = ask([filled(template, SIDES[0]) for template in TEMPLATES])
    others = [ask([filled(template, sides) for template in TEMPLATES]) for sides in SIDES[1:]]
    same, change = compare(reference * len(others), [prediction for answers in others for prediction in answers])
    report.append(f"invariance, other sides: {same:.1%} same, mean change {change:.3f}")
    assert same >= MIN_SAME
    assert change <= MAX_MEAN_CHANGE
