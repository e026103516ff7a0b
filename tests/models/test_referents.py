"""Which words of a phrase name the actor, and which phrases are joined."""

import pytest

from models.actors import Cast
from models.attribution import attribute
from models.referents import joined_in, named_in, owner_of
from models.segmentation import segment


@pytest.mark.parametrize(
    ("phrase", "named"),
    [
        ("A spokesman for the dockers' league", "the dockers' league"),
        ("a Teel Harbour spokeswoman", "Teel Harbour"),
        ("a hospital spokesperson", "a hospital spokesperson"),
        ("One site, Varr.example", "Varr.example"),
        ("the sponsor, the watchmaker Corvane Sons", "Corvane Sons"),
        ("Piet Holm, the sponsor of Teel", "Piet Holm, the sponsor of Teel"),
        ("its sergeant, a man named Osei", "Osei"),
        ("firms including Corvane and Teel", "firms"),
        ("gunmen of the Upland Council", "the Upland Council"),
        ("a May 4, 2031 Teel Harbour press release", "a Teel Harbour"),
        ("a statement released by the Upland Council", "the Upland Council"),
        ("officials from both countries", "officials from both countries"),
    ],
)
def test_a_phrase_has_the_words_that_name_the_actor(phrase: str, named: str) -> None:
    """Who speaks for somebody, a description before a name and a document lead on; who has no name stays as written."""
    assert named_in(phrase) == named


@pytest.mark.parametrize(
    ("phrase", "pronoun"),
    [("its envoy", "it"), ("their spokesman", "they"), ("Her office", "she"), ("a statement", "it")],
)
def test_a_mouth_has_an_owner(phrase: str, pronoun: str) -> None:
    """The pronoun before a spokesman or an office says whose; without one it is the body's that was named last."""
    assert owner_of(phrase) == pronoun


def test_a_person_of_their_own_has_no_owner() -> None:
    """His sister and its prime minister stand for themselves."""
    assert owner_of("his sister") is None
    assert owner_of("its prime minister") is None


def test_phrases_come_apart_at_and() -> None:
    """Each part of a joined phrase stands alone, without "both"; without "and" nothing is joined."""
    assert joined_in("both Teel, Osmir and the company") == ["Teel", "Osmir", "the company"]
    assert joined_in("Teel, the capital") == ["Teel, the capital"]


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("Darvan and Osmir agreed to talk. Osmir is small, Darvan is not.", ["Darvan", "Osmir"]),
        ("Both Ana Ruiz and the company rejected it. Ana Ruiz left.", ["Ana Ruiz", "company"]),
        ("The Law and Order Party rejected it.", ["Law and Order Party"]),
        ("The government of Velm and the Lake Army agreed.", ["government of Velm", "Lake Army"]),
        ("The Department of Water and Forests rejected it. Forests burn.", ["Department of Water and Forests"]),
    ],
)
def test_all_who_act_together_are_named(sentence: str, names: list[str]) -> None:
    """The first is the speaker and the others stand beside; a name with "and" in it is one."""
    found = attribute(sentence, segment(sentence))[0]
    assert [found.speaker, *found.others] == names


def test_initials_of_two_bodies_belong_to_the_last() -> None:
    """Initials after two joined names stand for the second, whole or with an adjective before it."""
    text = (
        "The Inquiry Board and the Federal Safety Service (FSB) met, and the Teel-led Upland Dock Front (UDF) did not."
    )
    cast = Cast(text)
    assert cast.resolve("The FSB", 100) == "Federal Safety Service"
    assert cast.resolve("the Teel-led Upland Dock Front (UDF)", 76) == "Upland Dock Front"


def test_it_is_the_subject_of_its_sentence() -> None:
    """Whoever a sentence begins with is "it" or "they" at its end, before whoever spoke earlier."""
    text = "The police said no. State prosecutors charged him with theft, they said on Sunday."
    assert [one.speaker for one in attribute(text, segment(text))] == ["police", "State prosecutors"]


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("The premier herself", "Mara Venn"),
        ("the Steel Makers' League in Orland", "Steel Makers' League"),
        ("the Institute of Rivers, Lakes and Mara Venn", "Institute of Rivers"),
    ],
)
def test_what_stands_behind_a_name_is_none_of_it(phrase: str, name: str) -> None:
    """A reflexive, a place and the rest of a list lead nowhere else."""
    text = "Premier Mara Venn met the Steel Makers' League. It was late."
    assert Cast(text).resolve(phrase, len(text)) == name


def test_whoever_may_be_a_person_is_better_than_nobody() -> None:
    """Without anybody who surely is a person, "she" is a name of two words."""
    text = "The kitchen of Mara Venn is warm. “Sit down,” she says."
    assert [one.speaker for one in attribute(text, segment(text))][1] == "Mara Venn"


def test_an_office_belongs_to_whom_its_sentence_describes() -> None:
    """Her office speaks for the president whom the sentence begins with, and one of them for all of them."""
    text = (
        "President Mara Venn of Teel met Oded Varr. Varr said no. "
        "The Teel president has yet to decide, her office said. "
        "Villagers on both banks heard shots. “We slept,” one of them said."
    )
    assert [one.speaker for one in attribute(text, segment(text))][2:] == ["Mara Venn", None, "Villagers"]
