"""Near-duplicates: found by what they share, and never in two splits, in what is committed and in the record."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from training.corpus import HYDRATED_FOLDER, RECORD, WRITTEN, read_corpus
from training.examples import DATA, HYDRATED, Example, Origin, read_examples
from training.near_duplicates import NearDuplicates, words_of
from training.splits import MOST_PROTECTED_FIRST, Corpus, Split, make_corpus

TEXT = "The northern council will not return to the talks before the last of the prisoners has come home."


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (TEXT, True),
        (TEXT.upper().replace(".", " !"), True),
        (TEXT.replace("northern", "southern"), True),
        (f"On Monday it said this. {TEXT} Nobody was surprised by that, and the mediators went home early.", True),
        ("The northern council will not return to the talks before the summer.", True),  # most of the shorter one
        ("The northern council will return to its offices before the last of the holidays ends.", False),
        ("Before the last of the prisoners has come home.", True),
        ("The prisoners came home.", False),
        ("", False),
    ],
)
def test_what_shares_half_of_its_trigrams_is_a_near_duplicate(other: str, expected: bool) -> None:
    """Case and punctuation do not count, a changed word or more around it does not hide it, a common phrase is none."""
    assert NearDuplicates([TEXT]).have(other) is expected
    assert NearDuplicates([other]).have(TEXT) is expected


def test_phrases_repeat_only_what_they_equal() -> None:
    """Below eight words only the same words count, or every longer text with a common phrase would go."""
    texts = NearDuplicates(["I welcome this agreement."])
    assert texts.have("I WELCOME this agreement!")
    assert not texts.have("I welcome this agreement, as it brings the parties closer to a settlement.")
    assert not texts.have("I welcome this accord.")


def members(corpus: Corpus) -> dict[Split, list[Example]]:
    """The examples of each split."""
    return {split: getattr(corpus, split) for split in Split}


def crossing(corpus: Corpus, dev: list[Example]) -> list[str]:
    """The ids of statements that nearly repeat one of a split before theirs, or of dev."""
    seen = NearDuplicates(example.text for example in dev if example.text)
    found = []
    for split in MOST_PROTECTED_FIRST:
        own = members(corpus)[split]
        found += [example.id for example in own if seen.have(example.text or "")]
        for example in own:
            seen.add(example.text or "")
    return found


def test_what_is_measured_on_keeps_a_near_duplicate(invent: Callable[..., list[Example]]) -> None:
    """Of two that say nearly the same, training loses its one; dev loses to nobody; other statements stay."""
    train = replace(invent(1)[0], text=TEXT.replace("northern", "southern"))
    near_dev = replace(invent(5)[4], text=TEXT.replace("talks", "table"))
    held_out = replace(invent(1, split=Split.VALIDATION)[0], text=TEXT)
    corpus = make_corpus([train, near_dev, held_out, *invent(12)[8:]])
    assert corpus.validation == [held_out]
    assert corpus.train == invent(12)[8:]
    assert corpus.train_with_repeats == [train, near_dev, *invent(12)[8:]]
    dev = [replace(held_out, path="elsewhere", sha256="0" * 64)]
    corpus = make_corpus([train, near_dev, held_out], dev=dev)
    assert members(corpus) == {split: [] for split in Split}
    assert crossing(Corpus(train=[train], validation=[held_out], calibration=[], contrast=[]), []) == [train.id]


def test_written_statements_do_not_cross_splits() -> None:
    """No written statement that is trained on nearly repeats one of the contrast test."""
    corpus = make_corpus(list(read_examples(DATA / WRITTEN)))
    assert {e.origin for e in corpus.contrast} == {Origin.WRITTEN}
    assert min(len(corpus.train), len(corpus.contrast)) > 1_000
    assert crossing(corpus, []) == []


@pytest.mark.skipif(not (HYDRATED / RECORD).is_file(), reason="the texts of the record are not here")
def test_the_record_does_not_cross_splits() -> None:
    """No statement of the record nearly repeats one of a split that is measured on, dev included; few had to go."""
    corpus = read_corpus()
    dev_file = DATA / HYDRATED_FOLDER / "dev.jsonl"
    assert crossing(corpus, list(read_examples(dev_file)) if dev_file.is_file() else []) == []
    assert sum(map(len, members(corpus).values())) > 15_000


def test_words_are_compared_without_typography() -> None:
    """Quotes, dashes and case are not part of the words."""
    assert words_of("“Peace”—NOW!") == words_of('"peace" - now')
