"""training.locators: statements found in paragraphs.

The nine formats are tried, from end to end, in test_hydrate.py.
"""

import pytest

from training.examples import sha256_of_text
from training.locators import detokenise, find_statement


def test_a_statement_is_a_run_of_neighbours() -> None:
    """Sentences with a gap between them are not found."""
    paragraph = "One. Two.\nThree."
    assert find_statement(paragraph, sha256_of_text("Two. Three.")) == "Two. Three."
    assert find_statement(paragraph, sha256_of_text("One. Three.")) is None


@pytest.mark.parametrize("text", ["Mr. J. Ash (No. 4) left.", "He said: “Never!” Then: “Perhaps …” And left?"])
def test_abbreviations_and_quotes_do_not_matter(text: str) -> None:
    """However many points a statement has inside, it is found among its neighbours, its white space folded."""
    assert find_statement(f"Before.  {text.replace(' ', '  ')} After.", sha256_of_text(text)) == text


def test_detokenise() -> None:
    """Tokens come together as they were printed."""
    assert detokenise("( He ) paid $ 5 , did n't he ? A cease - fire .") == "(He) paid $5, didn't he? A cease-fire."
