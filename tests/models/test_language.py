"""Language: English of every register passes, other languages are named. All sentences were written for this test."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.language import (
    MAX_CHARS,
    MIN_PROBABILITY,
    ForeignLanguage,
    _identifier,
    _is_plain_english,
    foreign_language,
    read_detector,
)

ENGLISH = [
    "The delegation will return to the table on Monday.",
    "Union rejects latest pay offer",
    "Talks resume",
    "Ceasefire holds for second day",
    "No deal.",
    "MINISTRY SAYS TALKS WITH REBELS WILL RESUME NEXT WEEK",
    "URGENT - UNION REJECTS OFFER, STRIKE TO GO AHEAD - SPOKESMAN",
    "GOVT, REBELS TO MEET SUN; VENUE TBC",
    "BREAKING: both sides agree to a truce!! #peace #talks https://example.org/a1",
    "@newsdesk they say they're 'open to dialogue' lol. we'll see 🙄",
    "We won't sign, we can't sign, and we're not going to sign.",
    "“We are ready,” she said – “but only if the guns fall silent.”",
    "Q: Will you attend? A: If invited, yes.",
    "The wage offer of 3.5% plus 400 a month stays on the table until 30 June.",
]
FOREIGN = [
    ("de", "Wir sind zu Gesprächen bereit, wenn die Gegenseite ihre Drohungen zurücknimmt."),
    ("de", "Die Gewerkschaft lehnt das Angebot der Arbeitgeber ab und kündigt einen Streik an."),
    ("ru", "Мы не видим смысла в переговорах, пока продолжаются обстрелы."),
    ("ru", "Стороны договорились продолжить консультации на следующей неделе."),
    ("ar", "نحن مستعدون للعودة إلى المفاوضات دون شروط مسبقة."),
    ("ar", "ترفض الحكومة أي حوار مع المتمردين قبل تسليم السلاح."),
    ("zh", "我们愿意在没有任何先决条件的情况下重返谈判桌。"),
    ("zh", "工会拒绝了公司的最新提议，并宣布下周罢工。"),
    ("es", "Estamos dispuestos a volver a la mesa de negociación sin condiciones previas."),
    ("es", "El sindicato rechaza la oferta de la empresa y convoca una huelga."),
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_passes(text: str) -> None:
    """Headlines, capitals of the wires, tweets and speech in English are not called foreign."""
    assert foreign_language(text) is None


@pytest.mark.parametrize(("code", "text"), FOREIGN)
def test_other_languages_are_named(code: str, text: str) -> None:
    """A sentence in another language is named by its ISO 639-1 code, with a probability."""
    found = foreign_language(text)
    assert found == ForeignLanguage(code, found.probability if found else 0)
    assert found is not None
    assert 0.3 <= found.probability <= 1


def test_only_the_beginning_is_looked_at() -> None:
    """A long text costs no more than its first thousand characters, and is named by them."""
    english = "The delegation will return to the table on Monday. " * (MAX_CHARS // 50 + 1)
    assert foreign_language(english + "Wir sind zu Gesprächen bereit. " * 1_000) is None


@settings(max_examples=30)
@given(st.text(max_size=100))
def test_any_text_gets_an_answer(text: str) -> None:
    """No text, empty or strange, makes the detector fail; what it finds is never English."""
    found = foreign_language(text)
    assert found is None or (found.code != "en" and 0 < found.probability <= 1)


@pytest.mark.parametrize("text", [*ENGLISH, *(text for _, text in FOREIGN)])
def test_what_passes_without_the_detector_would_pass_it(text: str) -> None:
    """A text that its words alone show to be English is one that the detector calls English too."""
    found = _identifier().classify(text)
    assert not _is_plain_english(text) or found[0] == "en" or found[1] < MIN_PROBABILITY


def test_the_short_way_is_taken_and_is_narrow() -> None:
    """Plain English takes it; a few English words in another language, in two words or among accents do not."""
    assert _is_plain_english("We will return to the talks only once the sanctions have been lifted.")
    assert not _is_plain_english("The who")
    assert not _is_plain_english(
        "Das Ministerium zitiert: the end of it; danach folgten lange Beratungen in Genf und Wien."
    )
    assert not _is_plain_english("The minister said that the café would be closed by the end of this month.")


def test_the_detector_can_be_read_beforehand() -> None:
    """Once it was read, the first text that needs it does not wait for it."""
    _identifier.cache_clear()
    read_detector()
    assert _identifier.cache_info().currsize == 1
