"""Articles cut into statements: nothing lost, sentences whole, and what stands around running sentences told apart."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.segmentation import MAX_SEGMENT_CHARS, SegmentKind, label_of, segment

PIECES = st.sampled_from(
    [
        *(
            "“We will talk. ",
            'He said, "No." ',
            "Mr. Kim left.",
            " ",
            "\n",
            "\n\n",
            "\r\n",
            "\x85",
            "Q: Why? ",
            "A: So.\n",
            "• point\n",
        ),
        *(
            "THE CHAIR: Order.\n",
            "[...] ",
            "”",
            "’",
            "'",
            "…",
            "***\n",
            "12:30\n",
            "U.S. ",
            "p.m. The ",
            "\u2028",
            "\ufeff",
            "\xa0",
        ),
    ]
)
ANY_TEXT = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=30).map("".join))


def cut(text: str) -> list[str]:
    """The words of each segment."""
    return [text[one.start : one.end] for one in segment(text)]


def kinds(text: str) -> list[SegmentKind]:
    """The kind of each segment."""
    return [one.kind for one in segment(text)]


@given(ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_every_character_is_in_one_segment_or_in_a_gap_without_words(text: str) -> None:
    """Segments are in order, apart and within the text; each holds a letter or digit, and no gap does."""
    segments = segment(text)
    edges = [0, *(edge for one in segments for edge in (one.start, one.end)), len(text)]
    assert edges == sorted(edges)
    assert all(any(map(str.isalnum, text[one.start : one.end])) for one in segments)
    gaps = [text[end:start] for end, start in zip(edges[::2], edges[1::2], strict=True)]
    assert not any(character.isalnum() for gap in gaps for character in gap)


@given(ANY_TEXT)
@settings(max_examples=100, deadline=None)
def test_paragraphs_count_up(text: str) -> None:
    """Numbers of paragraphs never fall and leave none out."""
    numbers = [one.paragraph for one in segment(text)]
    assert not numbers or numbers[0] == 0
    assert all(after - before in (0, 1) for before, after in pairwise(numbers))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Gov. Hadrian stepped out. He smiled.", ["Gov. Hadrian stepped out.", "He smiled."]),
        ('"We paid. Twice," Doln said. He left.', ['"We paid.', 'Twice," Doln said.', "He left."]),
        ("“It is over,” she said. “Go home.”", ["“It is over,” she said.", "“Go home.”"]),
        ('He said "no talks [...] We are done." All left.', ['He said "no talks [...]', 'We are done."', "All left."]),
        ("Kelan wants three; Rasala wants nine.", ["Kelan wants three; Rasala wants nine."]),
        ("She asked: 'Are we alone?'\u2009\"", ["She asked: 'Are we alone?'\u2009\""]),
        ("I thank my hon. Friend. He is right.", ["I thank my hon. Friend.", "He is right."]),
        ("No. 14 was read. No. We refuse.", ["No. 14 was read.", "No.", "We refuse."]),
        ("The U.S. envoy met Mr. Kim at 9 a.m. on Monday.", ["The U.S. envoy met Mr. Kim at 9 a.m. on Monday."]),
    ],
)
def test_sentences_are_whole(text: str, sentences: list[str]) -> None:
    """A sentence with its quotation is one, a quotation of several is cut, abbreviations and late marks are no ends."""
    assert cut(text) == sentences


def test_wrapped_lines_are_one_paragraph() -> None:
    """Lines that a program broke at its margin are joined; a sentence may go over the break."""
    text = (
        "The government said on Monday that it would send its\n"
        "delegation to the capital and that talks would begin\n"
        "within a week of its arrival. The rebels agreed.\n"
    )
    assert len(cut(text)) == 2
    assert {one.paragraph for one in segment(text)} == {0}


def test_lines_of_their_own_stay_apart() -> None:
    """Without a wrapped sentence, each line is a paragraph."""
    assert cut("Date and place: 17 January, laundry room, at the usual hour\nPresent: nobody of any weight at all") == [
        "Date and place: 17 January, laundry room, at the usual hour",
        "Present: nobody of any weight at all",
    ]


def test_what_stands_around_sentences_is_told() -> None:
    """A headline, a byline, a date alone, bullets and sentences have kinds of their own."""
    text = "Talks fail in Orrin\n\nBy Mara Venn\n\nFriday, January 4, 2019\n\nThe talks failed.\n\n• Boats stay out."
    assert kinds(text) == ["headline", "byline", "dateline", "sentence", "bullet"]


@pytest.mark.parametrize(
    "text",
    [
        "Q: Will you pay?\n\nA: No. We never pay.\n\nQ: Why?",
        "MR. INGRAM: Order.\n\nMS. LOWE: I come from the Delta.\nMR. INGRAM: Sir.",
        "MR. INGRAM: Go ahead.\n\nQ  \xa0Why now?\n\nMR. INGRAM: It is time.",
    ],
)
def test_turns_of_a_transcript_are_told(text: str) -> None:
    """Each labelled paragraph begins a turn, its label included, and what follows in it are sentences."""
    turns = [text[one.start : one.end] for one in segment(text) if one.kind is SegmentKind.TURN]
    assert len(turns) == 3
    assert all(label_of(turn) is not None for turn in turns)


def test_headings_of_a_transcript_are_told() -> None:
    """A short line of its own between turns is a heading; one in the middle of a wrapped sentence is speech."""
    text = "MR. ORR: We met.\n\nRIVER TOLLS\n\nLower Delta (Dredging)\n\nMS. LOWE: When?\n\nMR. ORR: In May."
    assert kinds(text) == ["turn", "headline", "headline", "turn", "turn"]
    wrapped = "MR. ORR: We met.\n\nThe ministers of both\ncountries came too.\n\nMS. LOWE: When?\n\nMR. ORR: In May."
    assert "headline" not in kinds(wrapped)


@pytest.mark.parametrize("line", ["18 Apr 02", "2021-11-29 21:38", "1:37 P.M. EDT", "Friday, January 4, 2019"])
def test_dates_and_hours_alone_are_datelines(line: str) -> None:
    """A line of a date or an hour alone is told, however it is written."""
    assert kinds(f"Talks fail\n\n{line}\n\nThe talks failed.")[1] == "dateline"


def test_a_long_title_is_a_headline() -> None:
    """A long line without a full stop is a headline where its words begin with capitals, and a sentence otherwise."""
    title = (
        "Parties to Orrin Conflict Must Settle Their Differences, Special Envoy and Other Officials Tell River Council"
    )
    assert kinds(f"In progress\n\n{title}\n\nTalks go on.")[1] == "headline"
    assert kinds(f"In progress\n\n{title.lower()}\n\nTalks go on.")[1] == "sentence"


def test_one_label_makes_no_transcript() -> None:
    """A colon after a word at the beginning of a line is a label only where labels come again."""
    assert SegmentKind.TURN not in kinds("Reminder: the river has fallen.\n\nThe last pact lasted eleven days.")


def test_long_stretches_are_cut() -> None:
    """What has no full stop is cut at white space, so that no segment is longer than a model can be asked for."""
    text = "word " * 2_000
    assert max(map(len, cut(text))) <= MAX_SEGMENT_CHARS
    assert " ".join(cut(text)).split() == text.split()


def test_nothing_comes_of_nothing() -> None:
    """A text without a letter or digit has no segments."""
    assert segment("") == segment(" \n*** \n—") == ()
