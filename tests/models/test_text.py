"""Preprocessing: length and offsets are kept for any string, and what cannot be answered is refused with its reason."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import EmptyText, ParleyError, TextError, TextTooLong, UnreadableText
from models.text import MAX_TEXT_CHARS, check, normalise

ANY_CHARACTER = st.characters()  # every code point, unpaired surrogates included
AWKWARD = st.sampled_from(
    "\x00\x07\x1b\x7f\x85\xa0\xad\u061c\u200b\u200d\u200f\u202e\u2028\u2066\ud800\udfff\ufeff🕊👩🏽\u0301İß"
)
ANY_TEXT = st.text(ANY_CHARACTER | AWKWARD, max_size=200)
SECRET = "the harbour ledger"


@given(ANY_TEXT)
def test_normalise_keeps_length(text: str) -> None:
    """Any string keeps its number of characters: controls, bidi marks, astral characters and lone surrogates too."""
    assert len(normalise(text)) == len(text)


@given(ANY_TEXT, ANY_TEXT)
def test_normalise_works_character_by_character(before: str, after: str) -> None:
    """What stands around a character never changes what becomes of it, so an offset means the same in both strings."""
    assert normalise(before + after) == normalise(before) + normalise(after)


@given(ANY_TEXT)
def test_normalise_is_idempotent(text: str) -> None:
    """Normalising twice is normalising once."""
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(st.characters(codec="utf-8", categories=["L", "N"])))
def test_normalise_leaves_words_alone(text: str) -> None:
    """Letters and digits of any script come back unchanged; no word is dropped, lowered or folded."""
    assert normalise(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u201cNo talks\u201d, they said", '"No talks", they said'),
        ("\u00abNo talks\u00bb", '"No talks"'),
        ("we won\u2019t, we can\u00b4t", "we won't, we can't"),
        ("talks \u2013 or \u2014 war", "talks - or - war"),
        ("a\u00a0b\u2009c\u3000d\u202fe", "a b c d e"),
        ("one\r\ntwo\tthree\u2028four", "one  two three four"),
        ("bell\x07 escape\x1b next\x85line", "bell  escape  next line"),
    ],
    ids=["double quotes", "guillemets", "apostrophes", "dashes", "spaces", "line breaks", "controls"],
)
def test_normalise_folds_typography(text: str, expected: str) -> None:
    """Typographic quotes, dashes, spaces, line breaks and controls become their plain forms."""
    assert normalise(text) == expected


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200b", "\u200d", "\u200e", "\u2060", "\ufeff"])
def test_normalise_splits_no_word_at_an_invisible_character(invisible: str) -> None:
    """A soft hyphen or a zero-width character inside a word becomes no space; the tokeniser's own cleaning drops it."""
    assert normalise(f"nego{invisible}tiate") == f"nego{invisible}tiate"


@pytest.mark.parametrize(
    "text",
    ["Talks resume.", "7", "½", "переговоры", "会談", "🕊 peace 🕊", "a" * MAX_TEXT_CHARS, "line\nbreak", "\x07 bell"],
)
def test_check_accepts(text: str) -> None:
    """A text with one letter or digit of any script, up to the limit, can be answered."""
    check(text)


@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        ("", EmptyText, "empty_text"),
        (" \t\r\n\u00a0\u200b", EmptyText, "empty_text"),
        ("...?!", EmptyText, "empty_text"),
        ("🕊🕊🕊", EmptyText, "empty_text"),
        ("a" * (MAX_TEXT_CHARS + 1), TextTooLong, "text_too_long"),
        ("🕊" * (MAX_TEXT_CHARS + 1), TextTooLong, "text_too_long"),
        (f"{SECRET}\x00", UnreadableText, "unreadable_text"),
        (f"{SECRET}\ud83d", UnreadableText, "unreadable_text"),
        (f"\udc00{SECRET}", UnreadableText, "unreadable_text"),
        ("\x00", UnreadableText, "unreadable_text"),
    ],
    ids=[
        "empty",
        "blank",
        "marks",
        "emoji",
        "long",
        "long astral",
        "NUL",
        "high surrogate",
        "low surrogate",
        "only NUL",
    ],
)
def test_check_refuses_with_a_code(text: str, error: type[TextError], code: str) -> None:
    """Each unanswerable text raises the error that names its cause, under the code that callers see."""
    with pytest.raises(error) as caught:
        check(text)
    assert type(caught.value) is error
    assert caught.value.code == code
    assert isinstance(caught.value, ParleyError)


@given(ANY_TEXT)
def test_check_refuses_or_accepts_any_text(text: str) -> None:
    """No string makes check raise anything but a TextError, and what it accepts can be sent as UTF-8."""
    try:
        check(text)
    except TextError:
        return
    assert text.encode("utf-8").decode("utf-8") == text


@pytest.mark.parametrize(
    "text", [f"{SECRET}\x00", f"{SECRET}\ud800", SECRET * MAX_TEXT_CHARS], ids=["NUL", "surrogate", "long"]
)
def test_check_never_quotes_the_text(text: str) -> None:
    """Neither the message nor the printed traceback of a refused text has any of it."""
    with pytest.raises(TextError) as caught:
        check(text)
    printed = "".join(traceback.format_exception(caught.value))
    assert SECRET not in str(caught.value)
    assert SECRET not in printed


def test_check_says_where_the_damage_is() -> None:
    """The message of an unpaired surrogate gives its position, which tells the caller what to mend."""
    with pytest.raises(UnreadableText, match="character 3"):
        check("abc\ud800")


@pytest.mark.parametrize("n_chars", [1, 10, 1_000])
def test_check_limit_is_exact(n_chars: int) -> None:
    """A text of exactly the limit is accepted, one character more is refused; characters count, not bytes."""
    check("é" * n_chars, max_chars=n_chars)
    with pytest.raises(TextTooLong, match=f"{n_chars:,} are allowed"):
        check("é" * (n_chars + 1), max_chars=n_chars)
