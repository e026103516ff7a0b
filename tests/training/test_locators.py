"""training.locators: statements found in paragraphs, and the real files, where they are to be had.

The nine formats are tried, from end to end, in test_hydrate.py.
"""

import json
from pathlib import Path

import pytest

from training.clones import folder_name
from training.examples import sha256_of_text
from training.hydrate import texts_of_clones
from training.locators import detokenise, find_statement
from training.standoff import stand_off

REAL = Path(__file__).resolve().parents[3] / "shared" / "real"


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


@pytest.mark.skipif(not (REAL / "sources").is_dir(), reason="the original files of the sources are not on this machine")
def test_real_statements_are_rebuilt() -> None:
    """Of the statements whose original files are here, at least 99 % are rebuilt, sha256 for sha256."""
    here = []
    for name in ("train", "pool"):
        for line in (REAL / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if (REAL / "sources" / folder_name(row["source"]) / row["path"]).is_file():
                here.append(stand_off({"label": "none", **row}))
    found, _ = texts_of_clones(REAL / "sources", here)
    assert len(here) > 5_000
    assert len(found) / len(here) >= 0.99
