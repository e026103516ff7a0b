"""Whether a text is in another language than the one the model was trained on. Detected by py3langid, locally."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

TRAINED_LANGUAGE: Final = "en"
MIN_PROBABILITY: Final = 0.3
"""Below this, a guess at a short text is noise: 3 of 6,000 statements of the record were wrongly called foreign at 0.3.
Source: docs/log.md, "Language"."""
MAX_CHARS: Final = 1_000
"""Characters that are looked at: enough to tell a language, and a bound on the work for one text."""

ENGLISH_WORDS: Final = frozenset(
    "the and that with which have been would their this from they were will should between what when there these than "  # noqa: SIM905 - words are easier to read than a list of them
    "because before about must could its after until our".split()
)
"""Frequent words of English that are rare in other languages of Latin script, as `of` and `was` are not."""
ENGLISH_SHARE: Final = 1 / 8
MIN_ENGLISH_WORDS: Final = 3
"""An ASCII text with so many of these words, and such a share of them, is English without asking the detector. So are
70 % of 14,520 statements, and the detector calls none of them foreign. Source: docs/log.md, "Language, again"."""


@dataclass(frozen=True, slots=True)
class ForeignLanguage:
    """A language other than English: its ISO 639-1 code and the detector's probability."""

    code: str
    probability: float


def foreign_language(text: str) -> ForeignLanguage | None:
    """The language of the text when it is probably not English, else None."""
    beginning = text[:MAX_CHARS]
    if _is_plain_english(beginning):
        return None
    code, probability = _identifier().classify(beginning)
    if code == TRAINED_LANGUAGE or probability < MIN_PROBABILITY:
        return None
    return ForeignLanguage(code, round(float(probability), 3))


def read_detector() -> None:
    """Read the detector's model, which the first text that needs it would wait for."""
    _identifier()


def _is_plain_english(text: str) -> bool:
    """Whether the words alone show it, in a thirtieth of the detector's time."""
    if not text.isascii():
        return False
    words = text.lower().split()
    n_english = sum(word in ENGLISH_WORDS for word in words)
    return n_english >= max(MIN_ENGLISH_WORDS, ENGLISH_SHARE * len(words))


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
