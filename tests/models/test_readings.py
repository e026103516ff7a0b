"""One sentence read: where the rules and a model's spans agree, and where they do not."""

import pytest

from models.candidates import best_candidate
from models.readings import reading_of
from models.speech import SpeechSpan, SpeechSpans


def spans(words: str, *found: str, probability: float = 0.9) -> tuple[SpeechSpan, ...]:
    """A span for each of these words."""
    return tuple(SpeechSpan(words.find(one), words.find(one) + len(one), one, probability) for one in found)


@pytest.mark.parametrize(
    ("sentence", "source", "cue"),
    [
        ("The deal was rejected by the Upland Council within the hour.", "the Upland Council", "rejected"),
        ("After the rebels refused to leave, Darvan closed two crossings.", "Darvan", "closed"),
        ("On Sunday morning, the company accepted her offer.", "the company", "accepted"),
        ("The court has twice postponed a hearing.", "The court", "has twice postponed"),
        ("Both the trust and the league have called for a vote.", "the trust and the league", "have called"),
    ],
)
def test_whoever_acts_is_found(sentence: str, source: str, cue: str) -> None:
    """Passives, main clauses after others and adverbs between the parts of a verb do not hide the actor."""
    found = best_candidate(sentence)
    assert found is not None
    assert found.source is not None
    assert found.cue is not None
    assert (found.source.of(sentence), found.cue.of(sentence), found.is_act) == (source, cue, True)


def test_a_date_is_no_actor() -> None:
    """Nobody is whoever stands behind "by" where a time does."""
    assert best_candidate("The paper is to be signed by Dec. 15.") is None


def test_faint_spans_speak_for_a_reading_of_the_rules() -> None:
    """What neither rules nor a model are sure of stands where both see the same source and the same cue."""
    words = "Some called for younger leaders."
    faint = SpeechSpans((), (), spans(words, "Some", probability=0.3), spans(words, "called", probability=0.3))
    found = reading_of(words, faint)
    assert found is not None
    assert found.source is not None
    assert found.source.of(words) == "Some"


@pytest.mark.parametrize(("sources", "cues"), [(("Some",), ()), ((), ("called",)), ((), ())])
def test_one_faint_span_is_not_enough(sources: tuple[str, ...], cues: tuple[str, ...]) -> None:
    """A source without a cue, or a cue without a source, leaves the sentence narration."""
    words = "Some called for younger leaders."
    assert reading_of(words, SpeechSpans((), (), spans(words, *sources), spans(words, *cues))) is None


def test_a_faint_source_goes_with_a_sure_cue() -> None:
    """Where the model is sure of the cue alone and the rules find no subject, its faint source is taken."""
    words = "Reportedly concerned, over the tolls, were the boatmen."
    found = reading_of(words, SpeechSpans((), spans(words, "concerned"), spans(words, "the boatmen"), ()))
    assert found is not None
    assert found.source is not None
    assert found.source.of(words) == "the boatmen"


def test_whoever_is_relayed_speaks() -> None:
    """Of a report in a report the inner speaker is taken."""
    words = "CNN Teel reported the governor said that nobody was hurt."
    found = reading_of(words, SpeechSpans(spans(words, "CNN Teel", "the governor"), spans(words, "reported", "said")))
    assert found is not None
    assert found.source is not None
    assert found.source.of(words) == "the governor"


def test_the_subject_beside_the_verb_comes_first() -> None:
    """Of two sources before a cue the one right before it acts, though the other is more probable."""
    words = "Per request of Premier Oded Varr, the Queen suspended parliament."
    sources = (*spans(words, "Premier Oded Varr"), *spans(words, "the Queen", probability=0.75))
    found = reading_of(words, SpeechSpans(sources, spans(words, "suspended")))
    assert found is not None
    assert found.source is not None
    assert found.source.of(words) == "the Queen"


@pytest.mark.parametrize(
    ("words", "sources", "cue", "source"),
    [
        (
            "Teel Dockers, along with the Lake League, have announced a suit.",
            ("Teel", "the Lake League"),
            "have announced",
            "Teel Dockers",
        ),
        (
            "It rains, according to a tweet on Monday by Oded Varr.",
            ("a tweet", "Oded Varr"),
            "according to",
            "Oded Varr",
        ),
        (
            "The Lake Front, which is near the Teel Army, claimed it.",
            ("The Lake Front", "the Teel Army"),
            "claimed",
            "The Lake Front",
        ),
        ("The guidelines also list a river as shut.", ("The",), "list", "The guidelines"),
        ("She further stated that it rains.", ("She further",), "stated", "She"),
        (
            "The Lake League broke off what its leader called talks.",
            ("The Lake League broke off what its leader",),
            "called",
            "The Lake League",
        ),
        ("Mara Venn said it rains.", ("Mara Venn said",), "said", "Mara Venn"),
        ("Two hundred men of Teel left it.", ("Two hundred men of Teel",), "left", "Two hundred men of Teel"),
        (
            "VELM CITY — Velm's opposition withdrew.",
            ("VELM CITY — Velm's opposition",),
            "withdrew",
            "Velm's opposition",
        ),
    ],
)
def test_a_source_is_mended(words: str, sources: tuple[str, ...], cue: str, source: str) -> None:
    """Of two joined the first, of a paper its author, not whom an aside names; grown to a phrase, cut to a name."""
    found = reading_of(words, SpeechSpans(spans(words, *sources), spans(words, cue)))
    assert found is not None
    assert found.source is not None
    assert found.source.of(words) == source


def test_a_verb_may_begin_the_sentence() -> None:
    """A verb of saying before a name and a quotation says who speaks."""
    words = "Remarked Teel scientist Mara Venn, \x00\x00\x00\x00\x00\x00\x00\x00"
    found = best_candidate(words)
    assert found is not None
    assert found.source is not None
    assert found.source.of(words) == "Teel scientist Mara Venn"
