"""Swaps of sides: whole words in their case, grammar kept, reversible to the letter, conditions carried along."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.labels import ConditionKind, Stance
from training.examples import Condition, Example, Origin
from training.swap_pairs import SWAPS, Swap
from training.swaps import augmented, edits_of, moved, swap_text, swapped, swaps_of, takes_an

TEXT = "Ukraine said on Monday that it will sign only if Russian troops leave Ukraine, and not before."
EXAMPLE = Example(
    id="r1",
    label=Stance.CONDITIONAL,
    origin=Origin.RECORD,
    group="document 1",
    text=TEXT,
    conditions=(Condition(TEXT.index("Russian"), TEXT.index(", and"), ConditionKind.PRECONDITION),),
    votes={Stance.CONDITIONAL: 1},
    sha256="0" * 64,
)


def named(name: str) -> list[Swap]:
    """The swaps of that name."""
    return [swap for swap in SWAPS if swap.name == name]


def swap(text: str, name: str) -> str | None:
    """The text after the first swap of that name that applies."""
    return next((new for one in named(name) if (new := swap_text(text, one)) is not None), None)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Russia / Ukraine", "Russia attacked Ukraine.", "Ukraine attacked Russia."),
        ("Russia / Ukraine", "RUSSIAN and Ukrainians", "UKRAINIAN and Russians"),
        ("Russia / Ukraine", "The anti-Russian mood, Russia’s gas", "The anti-Ukrainian mood, Ukraine’s gas"),
        ("Israel / Palestine", "an Israeli envoy, a Palestinian one", "a Palestinian envoy, an Israeli one"),
        ("Israel / Palestine", "An Israeli. AN ISRAELI!", "A Palestinian. A PALESTINIAN!"),
        ("Israel / Hamas", "Israel's offer to Hamas", "Hamas' offer to Israel"),
        ("Israel / Hamas", "Hamas’ offer to Israel", "Israel’s offer to Hamas"),
        ("Iran / Iraq", "IRAN'S TALKS WITH IRAQ", "IRAQ'S TALKS WITH IRAN"),
        ("United States / China", "China will talk. China and the United States met.",
         "The United States will talk. The United States and China met."),
        ("United States / China", "The US wants Chinese help, and China said no.",
         "China wants American help, and the US said no."),
        ("United States / European Union", "the U.S. and an American", None),
        ("United States / European Union", "an American in the US", "a European in the EU"),
        ("North Korea / South Korea", "North Koreans and South Korea", "South Koreans and North Korea"),
        ("president / prime minister", "President Diaz met the prime minister.",
         "Prime Minister Diaz met the president."),
        ("president / prime minister", "THE PRESIDENT'S OFFICE", "THE PRIME MINISTER'S OFFICE"),
        ("minister / ambassador", "A minister met an ambassador.", "An ambassador met a minister."),
        ("government / rebels", "The government rejected what the rebels offered.",
         "The rebels rejected what the government offered."),
        ("government / rebels", "The Government will free rebel leaders.", "The Rebels will free government leaders."),
        ("union / company", "The union accepted the company's offer.", "The company accepted the union's offer."),
        ("union / company", "Trade unions met companies.", None),
        ("workers / employers", "a worker and an employer", "an employer and a worker"),
        ("Democrats / Republicans", "Democrats blamed a Republican.", "Republicans blamed a Democrat."),
    ],
)  # fmt: skip
def test_names_are_swapped_in_their_case_and_grammar(name: str, text: str, expected: str | None) -> None:
    """Both directions at once, with capitals, adjective, article and possessive that fit the new name."""
    assert swap(text, name) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Russia / Ukraine", "Belorussia, russia.example, @Russia, Russiagate and Prussian lands"),
        ("Iran / Iraq", "Iranologists in Tehrangeles"),
        ("government / opposition", "the governmental offices"),
        ("president / prime minister", "the presidential seat, the presidency"),
        ("union / company", "reunion, communion and companyless"),
        ("workers / employers", "coworkers"),
    ],
)
def test_nothing_is_swapped_inside_words(name: str, text: str) -> None:
    """A name that is part of a longer word, an address or a handle is none."""
    assert swap(text, name) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("United States / China", "The US delegation left."),  # "China delegation" would be no English
        ("government / rebels", "The government is ready."),  # nor would "the rebels is"
        ("government / rebels", "The government and its army fight."),  # "the rebels and its army"
        ("Israel / Hamas", "Israel and the Israelis"),  # no adjective of the other side
        ("president / prime minister", "the vice president"),
        ("union / company", "the European Union and the customs union"),
        ("Israel / Palestine", "a Israeli"),  # the way back would mend the article
    ],
)
def test_what_would_be_no_english_is_left_alone(name: str, text: str) -> None:
    """Where the other name does not fit the place of even one occurrence, the text is not swapped."""
    assert swap(text, name) is None


NAMES = sorted({name for one in SWAPS for form in one.forms for name in (form.one, form.other)})
FILLING = ["talks with", "a", "an", "the", "The", "will", "is", "'s", ",", ".", "and", "offer", "’"]


@given(st.lists(st.sampled_from([*NAMES, *FILLING]), max_size=12), st.sampled_from([str, str.upper, str.title]))
def test_a_double_swap_gives_the_original_back(words: list[str], case: type[str]) -> None:
    """Whatever the text: where a swap applies it changes something, and applied again it undoes itself."""
    text = case(" ".join(words))
    for one in SWAPS:
        if (new := swap_text(text, one)) is not None:
            assert new != text
            assert swap_text(new, one) == text


def test_each_form_has_one_counterpart() -> None:
    """No name stands in two forms of a swap, or the way back would be unclear."""
    for one in SWAPS:
        names = [name for form in one.forms for name in (form.one, form.other)]
        assert len(names) == len(set(names)), one.name


def test_a_pair_under_several_names_counts_once() -> None:
    """Of the spellings of one pair, the first that applies is taken."""
    found = [one.name for one, _ in swaps_of("China and the United States met; the American envoy spoke.")]
    assert found.count("United States / China") == 1
    assert len(found) == len(set(found))


def test_conditions_move_with_their_words() -> None:
    """The copy has the same label, its condition at the new place of its words, and no claim to the record."""
    (russia,) = named("Russia / Ukraine")
    other = swapped(EXAMPLE, russia)
    assert other is not None
    assert (
        other.text == "Russia said on Monday that it will sign only if Ukrainian troops leave Russia, and not before."
    )
    (condition,) = other.conditions
    assert other.text[condition.start : condition.end] == "Ukrainian troops leave Russia"
    assert (other.label, other.group, other.votes) == (EXAMPLE.label, EXAMPLE.group, EXAMPLE.votes)
    assert other.sha256 is None
    assert other.id != EXAMPLE.id
    back = swapped(other, russia)
    assert back is not None
    assert (back.text, back.conditions) == (EXAMPLE.text, EXAMPLE.conditions)


def test_an_unsaid_condition_stays_unsaid() -> None:
    """An empty span stays empty wherever the names stand."""
    unsaid = replace(EXAMPLE, conditions=(Condition(0, 0, ConditionKind.RECIPROCITY),))
    assert [copy.conditions for copy in augmented(unsaid)] == [unsaid.conditions]


def test_a_condition_cut_through_a_name_is_not_carried_over() -> None:
    """Where a condition begins inside a replaced name, there is no swapped example rather than one that is wrong."""
    text = "China will sign if the United States leave first."
    start, end = text.index("United"), text.index(" first")
    example = replace(EXAMPLE, text=text, conditions=(Condition(start, end, ConditionKind.PRECONDITION),))
    (china,) = [one for one, _ in swaps_of(text.replace("leave", "will leave")) if one.name == "United States / China"]
    willing = replace(example, text=text.replace("leave", "will leave"))
    assert swapped(willing, china) is None
    assert swapped(replace(willing, conditions=()), china) is not None


def test_augmentation_gives_a_copy_for_each_pair() -> None:
    """Each pair that a statement names gives one copy; a statement without names gives none."""
    both = replace(EXAMPLE, text="Russia told Israel and Hamas to talk.", conditions=())
    assert [copy.text for copy in augmented(both)] == [
        "Ukraine told Israel and Hamas to talk.",
        "Russia told Hamas and Israel to talk.",
    ]
    assert augmented(replace(EXAMPLE, text="They will talk.", conditions=())) == []
    assert augmented(replace(EXAMPLE, text=None, conditions=())) == []


def test_offsets_outside_names_are_exact() -> None:
    """Every character outside a replaced stretch is the same character at its new place."""
    (russia,) = named("Russia / Ukraine")
    new = swap_text(TEXT, russia)
    edits = edits_of(TEXT, russia)
    assert new is not None
    for offset in range(len(TEXT)):
        place = moved(offset, edits)
        if place is not None and all(edit.start != offset for edit in edits):
            assert new[place] == TEXT[offset]


@pytest.mark.parametrize(
    ("word", "expected"), [("Israeli", True), ("Ukrainian", False), ("union", False), ("US", False)]
)
def test_the_article_follows_the_sound(word: str, expected: bool) -> None:
    """A vowel takes "an", unless it sounds like a consonant."""
    assert takes_an(word) is expected
