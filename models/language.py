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


@dataclass(frozen=True, slots=True)
class ForeignLanguage:
    """A language other than English: its ISO 639-1 code and the detector's probability."""

    code: str
    probability: float


def foreign_language(text: str) -> ForeignLanguage | None:
    """The language of the text when it is probably not English, else None."""
    code, probability = _identifier().classify(text[:MAX_CHARS])
    if code == TRAINED_LANGUAGE or probability < MIN_PROBABILITY:
        return None
    return ForeignLanguage(code, round(float(probability), 3))


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
