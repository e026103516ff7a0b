"""Who is "he" and who is "she" where no title says so."""

import pytest

from models.actors import Cast
from models.attribution import attribute
from models.gender import tell_genders
from models.names import people_of
from models.segmentation import segment


@pytest.mark.parametrize(
    ("text", "name", "gender"),
    [
        ("Its chairwoman, Inga Sarre, said no.", "Inga Sarre", "she"),
        ("Oded Varr, a father of two, said no.", "Oded Varr", "he"),
        ("Inga Sarre said she would come. Oded Varr left.", "Inga Sarre", "she"),
        ("Angela Teel said no.", "Angela Teel", "she"),
        ("Oded Varr said no to Inga Sarre, and she left.", "Oded Varr", None),
        ("The harbour was shut, and with Oded Varr her brother left.", "Oded Varr", None),
    ],
)
def test_a_text_tells_who_is_he_or_she(text: str, name: str, gender: str | None) -> None:
    """Apposition, the pronoun of a sentence's subject and given names tell; what stands behind others tells nothing."""
    people = people_of(text)
    tell_genders(text, people)
    assert people[name].gender == gender


def test_she_is_not_the_man_who_spoke_last() -> None:
    """A pronoun passes over whom it cannot mean, and over whom a quotation names."""
    text = (
        "Inga Sarre said she would wait. Oded Varr, a father of two, said no. “Varr and Ilan Tor are wrong,” she said."
        " Ilan Tor, his brother, was away."
    )
    assert [one.speaker for one in attribute(text, segment(text))][:3] == ["Inga Sarre", "Oded Varr", "Inga Sarre"]


def test_a_word_of_capitals_and_a_country_are_nobody() -> None:
    """An acronym or an adjective of a country makes no person of a name, and falls away before one."""
    assert Cast("The Turkish EEZ was crossed. Egyptian Sameh Orr said no. Orr left.").resolve("Orr", 60) == "Sameh Orr"
    text = "Sameh Orr said no. The Turkish EEZ was crossed. “Nobody may fish there,” he said."
    assert attribute(text, segment(text))[-1].speaker == "Sameh Orr"


def test_an_office_in_small_letters_makes_a_person_of_a_word() -> None:
    """A lone name behind "president" is a person's, whom "he" may mean."""
    text = "The Teelish president Erdem met the council. “No project can be begun,” he said."
    assert [one.speaker for one in attribute(text, segment(text))][1] == "Erdem"


def test_they_are_not_one_person() -> None:
    """The plural passes over a farmer who spoke last, to those with whom its sentence or one before begins."""
    text = (
        "A farmer said no. The researchers used pictures of places that, they said, were wet. They added that it rains."
    )
    assert [one.speaker for one in attribute(text, segment(text))] == ["farmer", "researchers", "researchers"]
