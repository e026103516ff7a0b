"""Who says what: each way of reporting speech, quotations that run on, transcripts, the voice of an issuer."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.attribution import Attribution, attribute
from models.labels import Speech
from models.segmentation import segment
from models.speech import SpeechSpan, SpeechSpans


def read(text: str) -> list[Attribution]:
    """The attribution of each segment of a text, by rules."""
    return list(attribute(text, segment(text)))


def speakers(text: str) -> list[str | None]:
    """The speaker of each segment of a text."""
    return [one.speaker for one in read(text)]


@pytest.mark.parametrize(
    ("sentence", "speech", "source", "cue"),
    [
        ("Foreign Minister Anara Doln said that talks would begin.", "indirect", "Foreign Minister Anara Doln", "said"),
        ("Nine boats are out, according to the coast guard.", "indirect", "the coast guard", "according to"),
        ("According to wildlife officials, the fire is out.", "indirect", "wildlife officials", "According to"),
        ("Spokesman Ilan Tor told reporters the road was closed.", "indirect", "Spokesman Ilan Tor", "told reporters"),
        ("“We are ready to sign it tonight,” Doln said.", "direct", "Doln", "said"),
        ('"These people took sixty of my men," said Onwure.', "direct", "Onwure", "said"),
        ("“I think it is the first,” said Prye, “and I would be a fool.”", "direct", "Prye", "said"),
        ('Doln called the plan "a bad joke" and left for the coast.', "mixed", "Doln", "called"),
        ("The new devices, investigators have said, were not safe.", "indirect", "investigators", "have said"),
        (
            "Tomas Kubik, a fire service spokesman, told them to wait.",
            "indirect",
            "Tomas Kubik, a fire service spokesman",
            "told",
        ),
        ("The city council rejected the offer.", "act", "The city council", "rejected"),
        (
            "HALVIK, Nov. 4 — Rebels of the Upland Council freed 14 soldiers.",
            "act",
            "Rebels of the Upland Council",
            "freed",
        ),
        ("He was described by the regent as too tired to travel.", "indirect", "the regent", "described"),
    ],
)
def test_each_way_of_reporting(sentence: str, speech: str, source: str, cue: str) -> None:
    """The kind of speech, the words that name the source and the cue are found for each way of reporting."""
    (found,) = read(sentence)
    assert found.source is not None
    assert found.cue is not None
    assert (found.speech, found.source.of(sentence), found.cue.of(sentence)) == (Speech(speech), source, cue)


def test_narration_is_nobodys() -> None:
    """A sentence that reports nothing has no speech, source or speaker."""
    assert read("The boat lay at the quay under floodlights.") == [Attribution()]


def test_reports_that_name_nobody_have_no_speaker() -> None:
    """A passive report is indirect speech of somebody unknown."""
    (found,) = read("Two hundred men were reported to have left the valley.")
    assert (found.speech, found.source, found.speaker) == (Speech.INDIRECT, None, None)


def test_a_quotation_runs_on_over_sentences() -> None:
    """Sentences of one quotation share the source that stands before or after them."""
    text = "Anara Doln said, “We asked for nothing. We wait. We sign.”\n\n“Boats first. Ink after,” Ilan Peshko said."
    assert speakers(text) == ["Anara Doln"] * 3 + ["Ilan Peshko"] * 2
    assert {one.source.of(text) for one in read(text) if one.source} == {"Anara Doln", "Ilan Peshko"}


def test_a_quotation_runs_on_over_paragraphs() -> None:
    """A paragraph whose quotation never closes is gone on with by the next one that opens."""
    text = "“We asked for nothing,” said Anara Doln. “We wait.\n\n“We have waited nine years.\n\n“We sign.”"
    assert speakers(text) == ["Anara Doln"] * 4


@pytest.mark.parametrize(("opening", "closing"), ['""', "“”", "‘’", "''", "«»"])
def test_every_kind_of_mark_quotes(opening: str, closing: str) -> None:
    """Straight and curly, double and single marks hold quoted words."""
    (found,) = read(f"{opening}We aren't afraid of talks,{closing} said Mara Venn.")
    assert (found.speech, found.speaker) == (Speech.DIRECT, "Mara Venn")


def test_apostrophes_quote_nothing() -> None:
    """Possessives and contractions in single quotes' clothes leave a sentence indirect."""
    (found,) = read("The miners' leader said the company's offer wasn't enough.")
    assert found.speech is Speech.INDIRECT


def test_a_transcript_names_each_speaker() -> None:
    """Labels give the speaker of their turn to its end; whoever asks under Q is unknown."""
    text = "Q: Will you pay?\n\nTHE SPOKESPERSON: No. We never pay.\n\nQ: Why?\n\nTHE SPOKESPERSON: It is the law."
    assert speakers(text) == [None, *["THE SPOKESPERSON"] * 2, None, "THE SPOKESPERSON"]
    assert {one.speech for one in read(text)} == {Speech.TRANSCRIPT}


def test_a_quotation_in_a_transcript_is_of_whom_it_quotes() -> None:
    """A speaker who quotes another gives the other's stance."""
    text = 'CHAIR: They wrote to us. The rebels say, "We shall never negotiate with you."\n\nTEEL: Ah.\n\nCHAIR: Yes.'
    assert "rebels" in speakers(text)


def test_he_in_a_transcript_is_neither_of_those_who_talk() -> None:
    """Whoever speaks says "I" of himself and "you" to the other: quoted words that "he said" are a third person's."""
    text = (
        "MR. ORR: I am here.\n\nQ  He said, “The whole world is at war.” Is it?\n\nMR. ORR: He said “no, never at all.”"
    )
    assert speakers(text) == ["ORR", None, None, None]


def test_a_name_in_brackets_holds_the_office() -> None:
    """An office with its holder in brackets is the holder, under the office alone too; a country is no holder."""
    text = (
        "The Minister for River Affairs (Mr. Karim Bord): No.\n\nMs. Lowe (Delta): Why?\n\n"
        "The Minister for River Affairs: It floods.\n\nMs. Lowe (Delta): Often?\n\nMr. Bord: Often."
    )
    assert speakers(text) == ["Karim Bord", "Lowe", "Karim Bord", "Lowe", "Karim Bord"]


def test_what_nobody_says_in_a_transcript_is_nobodys() -> None:
    """Headings, hours and asides between turns have no speaker; a numbered question under a heading is its asker's."""
    text = (
        "MR. ORR: We met.\n\n(Laughter.)\n\nIt rained.\n\nRIVER TOLLS\n\n"
        "3. Mr. Teel asked the Minister of Tolls whether he will pay.\n\nMS. LOWE: He will.\n\n1:37 P.M. EDT"
    )
    found = read(text)
    assert [one.speaker for one in found] == ["ORR", None, "ORR", None, "Teel", "LOWE", None]
    assert found[4].addressee == "Minister of Tolls"


def test_the_one_who_answers_is_introduced_before_the_first_question() -> None:
    """Under A speaks whoever surely is a person and is named before the first question, not a menu in capitals."""
    text = "Contact Us Links\n\nPress Conference of Spokesman Ode Varr\n\nQ: Will Mara Venn pay?\n\nA: No.\n\nQ: Why?"
    assert speakers(text)[-3:] == [None, "Ode Varr", None]


def test_a_word_alone_reports_nothing() -> None:
    """A place, an address or a link on a line of its own is narration, whatever a model marks in it."""
    text = "Moscow:\n\nhttps://delta.example/varr"
    spans = [SpeechSpans((SpeechSpan(0, 6, text[:6], 0.9),), ()), SpeechSpans((SpeechSpan(8, 13, "delta", 0.9),), ())]
    assert [one.speech for one in attribute(text, segment(text), spans)] == [Speech.NONE] * 2


def test_a_communique_has_its_issuers_voice() -> None:
    """Sentences of a communique that report nobody are its issuer's; whom it reports speaks for himself."""
    text = (
        "Statement of the Highland Assembly\n\nThe Assembly met in Sevrin. It deplores the fire. We wait.\n\n"
        "We ask for nothing.\n\nThe governor said that he would not come."
    )
    found = read(text)
    assert {(one.speech, one.speaker) for one in found[1:5]} == {(Speech.VOICE, "Highland Assembly")}
    assert (found[5].speech, found[5].speaker) == (Speech.INDIRECT, "governor")


def test_addressees_are_told_where_the_text_says_so() -> None:
    """Whom a speaker urges or accuses is the addressee; reporters, and the media that they write for, are none."""
    assert read("Doln urged the Island Front to sign.")[0].addressee == "Island Front"
    assert read("Doln told reporters that the boats stay.")[0].addressee is None
    assert read("Doln told the Teel Herald that the boats stay.")[0].addressee is None
    assert read("Doln urged the Teel Herald to print it.")[0].addressee == "Teel Herald"


def test_spans_of_a_model_come_before_rules() -> None:
    """With spans given, they decide: a sentence without any is narration, even where rules would find an act."""
    text = "The council rejected it. Anger reached her from Teel: boats must go."
    segments = segment(text)
    source, cue = (SpeechSpan(23, 27, "Teel", 0.9), SpeechSpan(0, 5, "Anger", 0.8))
    first, second = attribute(text, segments, [SpeechSpans(), SpeechSpans((source,), (cue,))])
    assert first.speech is Speech.NONE
    assert second.source is not None
    assert second.source.of(text) == "Teel"
    assert second.speaker == "Teel"


def spans_of(text: str, sources: Sequence[str], cues: Sequence[str] = ()) -> SpeechSpans:
    """The spans of these words, each as probable as the other."""
    found = [[SpeechSpan(text.find(one), text.find(one) + len(one), one, 0.8) for one in of] for of in (sources, cues)]
    return SpeechSpans(tuple(found[0]), tuple(found[1]))


@pytest.mark.parametrize(
    ("text", "sources", "cues", "source", "cue"),
    [
        (
            "The envoy of Teel, hoping for a just settlement of the old river question, said that it rains.",
            ["The envoy of Teel", "of the old river question"],
            ["said"],
            "The envoy of Teel",
            "said",
        ),
        ("River Chief Warns That Boats Must Go", ["River Chief"], ["Warns"], "River Chief", "Warns"),
        ("Mara Venn met him to talk over the issues at hand", ["Mara Venn"], [], "Mara Venn", None),
    ],
)
def test_spans_of_a_model_are_read_as_a_sentence(
    text: str, sources: list[str], cues: list[str], source: str, cue: str | None
) -> None:
    """A part of a phrase is no subject, a title's verb no name, a noun no verb."""
    (found,) = attribute(text, segment(text), [spans_of(text, sources, cues)])
    assert found.source is not None
    assert (found.source.of(text), found.cue.of(text) if found.cue else None) == (source, cue)


def test_a_source_that_says_nothing_acts() -> None:
    """Where a model marks a source without a verb of saying, an act is reported; a possessor does nothing."""
    text = "Rebels extend the truce. Mara Venn's visit was short."
    found = attribute(
        text, segment(text), [spans_of("Rebels extend", ["Rebels"]), spans_of("Mara Venn", ["Mara Venn"])]
    )
    assert [one.speech for one in found] == [Speech.ACT, Speech.NONE]


@given(st.text(alphabet="Aab .,:;\n\"“”‘’'()—Q", max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_has_one_attribution_a_segment(text: str) -> None:
    """Whatever the marks, there is one for each segment, and its cue lies in it."""
    segments = segment(text)
    found = attribute(text, segments)
    assert len(found) == len(segments)
    assert all(
        one.cue is None or piece.span.holds(one.cue.start, one.cue.end)
        for one, piece in zip(found, segments, strict=True)
    )


def test_rules_fill_up_what_a_model_left_open() -> None:
    """A cue alone gets the rules' source, half a name its rest, and where nothing was found a sure reading stands."""
    text = "Ilan Tor said no. Mara Venn said yes. Ode Varr said so."
    segments = segment(text)
    cue, half = SpeechSpan(9, 13, "said", 0.9), SpeechSpan(0, 4, "Mara", 0.9)
    found = attribute(text, segments, [SpeechSpans((), (cue,)), SpeechSpans((half,), ()), SpeechSpans()])
    assert [one.speaker for one in found] == ["Ilan Tor", "Mara Venn", "Ode Varr"]
    assert [one.cue.of(text) if one.cue else None for one in found] == ["said"] * 3
