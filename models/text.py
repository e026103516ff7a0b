"""The only preprocessing, for training and serving alike; one character for one character, so that offsets hold."""

from typing import Final

from models.errors import EmptyText, TextTooLong, UnreadableText

MAX_TEXT_CHARS: Final = 20_000
"""A statement is one to three sentences; 20,000 characters leave room for a pasted page and bound the work."""

_SPACE = (
    [chr(code) for code in range(0x01, 0x20)]  # C0 controls, tab and line breaks among them
    + [chr(code) for code in range(0x7F, 0xA1)]  # DEL, C1 controls, no-break space
    + [chr(code) for code in range(0x2000, 0x200B)]  # typographic spaces
    + ["\u2028", "\u2029", "\u202f", "\u205f"]  # line and paragraph separators, narrow and mathematical space
    + ["\u1680", "\u3000"]  # ogham and ideographic space
)
# Soft hyphens, zero-width characters and direction marks stay: a space would split the word that they stand in, and the
# tokeniser's own cleaning drops them (Unicode category Cf).
_QUOTES = {"\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u02bc": "'", "\u0060": "'", "\u00b4": "'"}
_DOUBLE_QUOTES = {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u201f": '"', "\u00ab": '"', "\u00bb": '"'}
_DASHES = {chr(code): "-" for code in range(0x2010, 0x2016)} | {"\u2212": "-"}

_TABLE: Final = str.maketrans({**dict.fromkeys(_SPACE, " "), **_QUOTES, **_DOUBLE_QUOTES, **_DASHES})


def normalise(text: str) -> str:
    """The text with typographic quotes, dashes, spaces and controls folded to their plain forms.

    Shapes: the result has exactly as many characters as ``text``, so an offset into one is an offset into the other.
    """
    return text.translate(_TABLE)


def check(text: str, *, max_chars: int = MAX_TEXT_CHARS) -> None:
    """Raise the TextError that says why this text cannot be answered; return nothing when it can.

    Raises: TextTooLong, UnreadableText, EmptyText. The message never quotes the text.
    """
    if len(text) > max_chars:
        raise TextTooLong(f"the text has {len(text):,} characters; at most {max_chars:,} are allowed")
    if "\x00" in text:
        raise UnreadableText("the text contains a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnreadableText(f"the text contains an unpaired surrogate at character {error.start}") from None
    if not any(character.isalnum() for character in text):
        raise EmptyText("the text contains no letter and no digit")
