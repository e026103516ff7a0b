"""Whose voice a text is in: communiques, press releases and editorials, and none for news."""

import pytest

from models.attribution import attribute
from models.labels import Speech
from models.segmentation import segment
from models.voice import has_voice, issuer_of


@pytest.mark.parametrize(
    ("text", "issuer"),
    [
        ("COMMUNIQUE OF THE ASSEMBLY OF SALT TOWNS\n\nThe delegates met in Ebbe.", "Assembly of Salt Towns"),
        ("We met in Ebbe and we wait.\n\nDone at Ebbe, for the Assembly of Salt Towns", "Assembly of Salt Towns"),
        ("Communique No. 4\n\nThe road stays shut.\n\nThe Command of the Upland Guard", "Upland Guard"),
        ("We, the members of the Lake Council, declare that the boats are ours.", "the Lake Council"),
        ("The Corrow Lantern: Open the schools\n\nWe wait. Our children wait, and we ask.", "The Corrow Lantern"),
        ("The strike drags on. The Harbour Gazette supports nobody, and says so.", "Harbour Gazette"),
        ("Brayholm welcomes the ruling of the regulator and will lower its prices.", "Brayholm"),
        ("Valley Health informs its patients that its contract ends at midnight.", "Valley Health"),
    ],
)
def test_the_issuer_is_found(text: str, issuer: str) -> None:
    """Headings, signatures, names of papers and the first sentence of a release name whoever speaks in the text."""
    assert has_voice(text)
    assert issuer_of(text, [one.span.of(text) for one in segment(text)]) == issuer


@pytest.mark.parametrize(
    "text",
    [
        "Rebels freed two nurses on Sunday. The Harbour Gazette reported it first, police said.",
        "The council met. It adopted a statement. Officials said that nobody was hurt, and police told reporters so.",
        "Let it rain, she said. We are here, he said. Our boats wait, they said.",
    ],
)
def test_news_has_no_voice(text: str) -> None:
    """A report that names a paper, speaks of a statement or quotes "we" is nobody's own text."""
    assert not has_voice(text)


def test_whoever_a_voice_reports_speaks_for_himself() -> None:
    """In a text that has a voice, what an actor says or does is the actor's, and "he" is never the issuer."""
    text = (
        "The Corrow Lantern: Open the schools\n\nWe wait. Our children wait, and we ask.\n\n"
        "Minister Oded Varr says that there is no money. He was away. “No money,” he said."
    )
    found = attribute(text, segment(text))
    assert [one.speaker for one in found[1:]] == [*["Corrow Lantern"] * 2, "Oded Varr", "Corrow Lantern", "Oded Varr"]
    assert found[1].speech is Speech.VOICE
