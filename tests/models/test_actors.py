"""One name for all the ways in which an article writes an actor, and none where it cannot be told."""

import time

import pytest

from models.actors import Cast
from models.attribution import attribute
from models.segmentation import segment

TEXT = (
    "US Secretary of State Mike Pomfret met Emergencies Minister Yevgeny Zinich on Monday. "
    "The Federal Safety Service (FSS) was there, and so were the Island Front and Northline Shipping. "
    "Mr. Zinich said little. Dr. Lena Oder of the University of Ammat, an engineer, said more."
)


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("US Secretary of State Mike Pomfret", "Mike Pomfret"),
        ("Pomfret", "Mike Pomfret"),
        ("Mr. Zinich", "Yevgeny Zinich"),
        ("the minister", "Yevgeny Zinich"),
        ("the FSS", "Federal Safety Service"),
        ("the Front", "Island Front"),
        ("the U.S.", "U.S."),
        ("Northline", "Northline Shipping"),
        ("Dr. Lena Oder of the University of Ammat", "Lena Oder"),
        ("data from the Federal Safety Service", "Federal Safety Service"),
        ("some of her opponents", "some of her opponents"),
    ],
)
def test_phrases_lead_to_one_name(phrase: str, name: str) -> None:
    """Titles fall away, short forms and initials lead to the fuller name, descriptions stand for themselves."""
    assert Cast(TEXT).resolve(phrase, len(TEXT)) == name


@pytest.mark.parametrize("phrase", ["he", "it", "who", "we", ""])
def test_what_nobody_can_tell_stays_unknown(phrase: str) -> None:
    """A pronoun with nothing before it, and words that stand for nobody in particular, have no name."""
    assert Cast("The rain fell.").resolve(phrase, 3) is None


def test_pronouns_stand_for_the_one_who_spoke() -> None:
    """The pronoun "he" is the person who spoke or was named before, "it" the body."""
    text = "Minister Boro Tamsin said no. He said it twice. The Lake Council said yes. It said more."
    speakers = [one.speaker for one in attribute(text, segment(text))]
    assert speakers == ["Boro Tamsin", "Boro Tamsin", "Lake Council", "Lake Council"]


def test_two_of_one_family_name_are_kept_apart() -> None:
    """A family name alone is the one of two who was named last; a title or a first name tells them apart."""
    text = "Mr. Olin Bekar said no. Ms. Sarra Bekar said yes. Bekar said more. Mr. Bekar said less. Olin said no."
    speakers = [one.speaker for one in attribute(text, segment(text))]
    assert speakers == ["Olin Bekar", "Sarra Bekar", "Sarra Bekar", "Olin Bekar", "Olin Bekar"]


def test_a_family_name_may_end_like_an_occupation() -> None:
    """Lindqvist is no occupation where it ends a name; an economist without a name stays one."""
    cast = Cast("Marta Lindqvist met reporters. Chief Economist Ola Brandt did not. Lindqvist left.")
    assert cast.resolve("Lindqvist", 70) == "Marta Lindqvist"
    assert cast.resolve("Chief Economist Ola Brandt", 31) == "Ola Brandt"


def test_a_verb_in_a_headline_is_no_family_name() -> None:
    """A title and a verb with a capital name nobody, though a title and a family name do."""
    cast = Cast("Harbour Chief Warns of Floods. Chief Orrin left.")
    assert cast.resolve("Harbour Chief", 0) == "Harbour Chief"
    assert cast.resolve("Chief Orrin", 31) == "Orrin"


def test_a_text_of_one_word_costs_no_more_than_its_length() -> None:
    """A hundred thousand capitals that name nobody take a moment, where their square would take half a minute."""
    started = time.process_time()
    assert Cast("The " * 100_000).resolve("he", 0) is None
    assert time.process_time() - started < 5


def test_a_place_is_no_person() -> None:
    """A country in another's title does not become a person's name."""
    text = "US Ambassador to Germany Richard Grenel spoke. Germany banned the airline."
    assert [one.speaker for one in attribute(text, segment(text))][1] == "Germany"
