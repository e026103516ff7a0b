"""Whom a speaker addresses, by the words after the cue."""

import pytest

from models.attribution import attribute
from models.segmentation import segment


@pytest.mark.parametrize(
    ("sentence", "addressee"),
    [
        ("Doln called on the two governments to meet.", "two governments"),
        ("Doln appealed to the union to wait for the budget.", "union"),
        ("Doln accused the company of hiring guards.", "company"),
        ("Doln told Teel a truck was late.", "Teel"),
        ("Doln criticised Peshko's plan on Friday.", "Peshko"),
        ("Doln rejected a second offer from the Veltra Port Company late on Monday.", "Veltra Port Company"),
        ("Doln called on both governments to meet.", "both governments"),
        ("“Read page nine,” Doln told the Greens.", "Greens"),
        ("Doln criticised the delay.", None),
        ("Doln has not replied to the letter.", None),
        ("Doln told Agence Teel-Presse arson was seen.", None),
        ("Doln told this newspaper that it rained.", None),
        ("Doln told their 1,900 grocers that it rained.", None),
        ("Doln recalled that the matter was old.", None),
        ("Doln wrote on Friday that it rained.", None),
        ("Doln told supporters that it rained.", None),
        ("Doln told the Anadolu Agency that it rained.", None),
    ],
)
def test_the_words_after_the_cue_name_whom_it_addresses(sentence: str, addressee: str | None) -> None:
    """People and bodies are addressed, to their last word; things, days, clauses and the press are not."""
    assert attribute(sentence, segment(sentence))[0].addressee == addressee
