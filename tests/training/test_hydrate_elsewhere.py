"""training.hydrate: statements of sources that the table does not know, found by their length and sha256 alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training import hydrate, standoff
from training.examples import read_examples, sha256_of_text, write_examples

SITE = (
    "<p>The dockers' council <b>said</b> it would\n  return once the rosters were shared. Nobody answered.</p>"
    '{"body": "\\"We will not sit down with them,\\" the chair wrote."}'
)
RUNS = [
    "The dockers' council said it would return once the rosters were shared.",
    '"We will not sit down with them," the chair wrote.',
    "Nobody answered.",
]
PLACE = {"source": "invented/site", "path": "a.html", "commit": "a" * 40, "register": "news", "locator": None}

Prepare = Callable[..., Path]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Makes a corpus folder whose file of other sources annotates these texts, beside a clone of the site."""

    def act(*texts: str) -> Path:
        data, annotated = tmp_path / "data", tmp_path / "annotated.jsonl"
        rows: list[dict[str, Any]] = [
            {**PLACE, "id": f"e-{n}", "text": text, "label": "none", "sha256": sha256_of_text(text)}
            for n, text in enumerate(texts)
        ]
        annotated.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        assert standoff.main([str(annotated), "--output", str(data / "elsewhere.jsonl")]) == 0
        for name in ("record", "dev"):
            write_examples(data / f"{name}.jsonl", [])
        page = tmp_path / "clones" / "invented+site" / "a.html"
        page.parent.mkdir(parents=True)
        page.write_text(SITE, encoding="utf-8")
        return data

    return act


def run(data: Path) -> int:
    """The program's exit status over a corpus folder and the clones beside it."""
    return hydrate.main(["--data", str(data), "--clones", str(data.parent / "clones")])


def test_a_stretch_of_any_file_is_found_by_its_length_and_sha256(prepare: Prepare) -> None:
    """Stretches of a file of an unknown source come back, markup and escapes apart; what ships has no text."""
    data = prepare(*RUNS)
    (stood_off, *_) = read_examples(data / "elsewhere.jsonl")
    assert (stood_off.text, stood_off.locator, stood_off.group) == (None, "run of 71 characters", "invented/site")
    assert run(data) == 0
    assert [example.text for example in read_examples(data / "hydrated" / "elsewhere.jsonl")] == RUNS


def test_a_stretch_that_the_file_lacks_is_told(prepare: Prepare, capsys: pytest.CaptureFixture[str]) -> None:
    """A text that was changed by a character is not found, and that is said; nothing is written."""
    data = prepare("Nobody answers.")
    assert run(data) == 1
    assert "invented/site: 1 missing: no stretch of the file has the annotated sha256" in capsys.readouterr().err
    assert not (data / "hydrated").exists()
