"""Splits: by group alone, the same everywhere, without what the dev set holds; and the corpus folder that is split."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.labels import Stance
from training.config import TrainingConfig
from training.corpus import read_corpus, split_data
from training.examples import DATA, CorpusError, Example, Origin, write_examples
from training.finetune import used_for_training
from training.splits import Corpus, Split, make_corpus, position

Invent = Callable[..., list[Example]]


@pytest.fixture
def examples(invent: Invent) -> list[Example]:
    """Invented statements of every split."""
    record = [e for split in (Split.TRAIN, Split.VALIDATION, Split.CALIBRATION) for e in invent(40, split=split)]
    written = [e for split in (Split.TRAIN, Split.CONTRAST) for e in invent(40, split=split, origin=Origin.WRITTEN)]
    return [*record, *written]


def members(corpus: Corpus) -> dict[str, list[Example]]:
    """The examples of each split by its name."""
    return {str(split): getattr(corpus, split) for split in Split}


def test_the_position_of_a_group_never_changes() -> None:
    """A group's position is that of its sha256: on every machine, in every version, lest splits mix over time."""
    assert position("document 0") == pytest.approx(0.101177, abs=1e-6)
    assert position("setting:nuclear-inspections") == pytest.approx(0.892614, abs=1e-6)


def test_splits_do_not_depend_on_order(examples: list[Example]) -> None:
    """The same examples in another order are in the same splits."""
    one, other = members(make_corpus(examples)), members(make_corpus(examples[::-1]))
    assert {name: {e.id for e in split} for name, split in one.items()} == {
        name: {e.id for e in split} for name, split in other.items()
    }


def test_every_example_is_in_one_split(examples: list[Example]) -> None:
    """No example is lost or used twice, and each split has some."""
    splits = members(make_corpus(examples))
    assert sorted(e.id for split in splits.values() for e in split) == sorted(e.id for e in examples)
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 80,
        "validation": 40,
        "calibration": 40,
        "contrast": 40,
        "elsewhere": 0,
    }


def test_a_source_whose_statements_stay_together_is_wholly_held_out_or_trained_on(invent: Invent) -> None:
    """A group that is a whole repository trains or only measures; about a quarter of them only measure."""
    examples = [
        replace(e, id=f"{e.id} {number}", text=f"{e.text} {number}", group=f"o/{number}", repository=f"o/{number}")
        for number in range(60)
        for e in invent(2)
    ]
    corpus = make_corpus(examples)
    trained, held_out = ({e.group for e in split} for split in (corpus.train, corpus.elsewhere))
    assert not trained & held_out
    assert len(trained) + len(held_out) == 60
    assert 1 <= len(held_out) < 30
    assert corpus.validation == corpus.calibration == []


def test_no_group_crosses_splits(examples: list[Example]) -> None:
    """A document or setting is wholly in one split; the record is never in the contrast test."""
    splits = members(make_corpus(examples))
    groups = [{e.group for e in split} for split in splits.values()]
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert {e.origin for e in splits["contrast"]} == {Origin.WRITTEN}
    assert {e.origin for e in splits["calibration"]} == {e.origin for e in splits["validation"]} == {Origin.RECORD}


def test_dev_stays_unseen(invent: Invent) -> None:
    """What shares a paragraph or a text with a statement of dev is in no split; its other neighbours stay."""
    same_text, same_paragraph, *others = invent(12)
    dev = [
        replace(same_text, path="elsewhere", locator="line 1"),
        replace(same_paragraph, text=None, sha256="0" * 64),
    ]
    corpus = make_corpus([same_text, same_paragraph, *others], dev=dev)
    assert {e.id for e in corpus.train} == {e.id for e in others}


def test_reviewed_examples_are_for_training_only(invent: Invent) -> None:
    """What users reviewed trains, whatever split its group would fall into otherwise."""
    reviewed = [
        replace(
            e, id=f"{e.id} r", origin=Origin.REVIEWED, text=f"{split} {e.text}", sha256=None, path=None, locator=None
        )
        for split in (Split.TRAIN, Split.VALIDATION, Split.CALIBRATION, Split.CONTRAST)
        for e in invent(8, split=split, origin=Origin.WRITTEN if split is Split.CONTRAST else Origin.RECORD)
    ]
    corpus = make_corpus(reviewed)
    assert {e.id for e in corpus.train} == {e.id for e in reviewed}
    assert corpus.validation == corpus.calibration == corpus.contrast == []


def test_reviewed_examples_that_contradict_each_other_are_refused(invent: Invent) -> None:
    """Two reviewed files that give one text two labels are an error, as in the corpus itself."""
    one = replace(invent(1)[0], origin=Origin.REVIEWED, path=None, locator=None)
    with pytest.raises(CorpusError, match="different labels"):
        make_corpus([one, replace(one, id="again", label=Stance.HOSTILE)])


def test_only_reviewed_files_stand_beside_the_corpus(tiny_data: Path) -> None:
    """A file of another origin is no file of reviewed examples, and two folders are no corpus."""
    with pytest.raises(CorpusError, match=r"written\.jsonl: .*not of origin 'reviewed'"):
        read_corpus(tiny_data, reviewed=[tiny_data / "written.jsonl"])
    with pytest.raises(CorpusError, match="both folders"):
        split_data([tiny_data, tiny_data / "hydrated"])
    assert split_data([tiny_data / "written.jsonl"]) == (DATA, [tiny_data / "written.jsonl"])
    assert split_data([tiny_data]) == (tiny_data, [])


def test_a_text_with_two_labels_is_refused(invent: Invent) -> None:
    """A text that stands twice is fine where its labels agree, and an error that names it where they do not."""
    example = invent(1)[0]
    again = replace(example, id="again")
    assert len(make_corpus([example, again]).train) == 2
    with pytest.raises(CorpusError, match=r"^again: .*different labels"):
        make_corpus([example, replace(again, label=Stance.HOSTILE)])


def test_a_missing_text_is_refused(invent: Invent) -> None:
    """A statement without text ends in a message that names it and the program that gets it."""
    example = replace(invent(1)[0], text=None)
    with pytest.raises(CorpusError, match=r"has no text; run `python -m training\.hydrate`"):
        make_corpus([example])


def test_only_the_record_trains_where_written_statements_weigh_nothing(examples: list[Example]) -> None:
    """With a weight of 0 for what is written here, training uses the record alone."""
    corpus = make_corpus(examples)
    assert {e.origin for e in used_for_training(corpus, TrainingConfig(written_weight=0.0))} == {Origin.RECORD}
    assert used_for_training(corpus, TrainingConfig()) == corpus.train


def test_a_corpus_folder_is_read_whole(tiny_data: Path) -> None:
    """Written statements and the hydrated record are both in the corpus."""
    corpus = read_corpus(tiny_data)
    assert {name: len(split) for name, split in members(corpus).items()} == {
        "train": 72,
        "validation": 8,
        "calibration": 60,
        "contrast": 8,
        "elsewhere": 0,
    }


def test_a_corpus_without_texts_says_how_to_get_them(tiny_data: Path, tmp_path: Path) -> None:
    """Where the record was not hydrated, the message names the file and the program that makes it."""
    shutil.copy(tiny_data / "written.jsonl", tmp_path / "written.jsonl")
    write_examples(tmp_path / "dev.jsonl", [])
    with pytest.raises(CorpusError, match=r"hydrated/\w+\.jsonl: no such file; run `python -m training\.hydrate"):
        read_corpus(tmp_path)
