"""Leave one source out: each large source once, nothing of it in training, resumable like the learning curve."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from models.labels import STANCES
from training import finetune, leave_one_out
from training.baselines import Majority
from training.config import TrainingConfig
from training.examples import CorpusError, Example, Origin, sha256_of_text, write_examples
from training.splits import Corpus
from training.spoken import SpokenExample


def invent_source(repository: str, n: int, *, path: str = "") -> list[Example]:
    """Invented statements of every stance in turn, from one repository, four to a document."""
    found = []
    for index in range(n):
        text = f"The {repository.partition('/')[0]} {path} delegation spoke {index}."
        place = {"repository": repository, "path": f"{path}{index // 4}.txt", "locator": f"line {index}"}
        group, label = f"{repository}:{path}{index // 4}", STANCES[index % 4]
        record = {"group": group, "text": text, "sha256": sha256_of_text(text), "votes": {}, **place}
        found.append(Example(id=f"{repository} {path}{index}", label=label, origin=Origin.RECORD, **record))
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A corpus folder with two large sources and a small one."""
    record = [*invent_source("one/a", 60), *invent_source("two/b", 40), *invent_source("three/c", 8)]
    folder = tmp_path / "data"
    write_examples(folder / "written.jsonl", [])
    write_examples(folder / "hydrated" / "record.jsonl", record)
    write_examples(folder / "dev.jsonl", [])
    return folder


def test_each_large_source_is_left_out_once(data: Path) -> None:
    """A fold validates on every statement of its source and trains on others alone; small sources only train."""
    found = leave_one_out.folds(leave_one_out.read_corpus(data), min_statements=20)
    assert list(found) == ["one/a", "two/b"]
    for name, corpus in found.items():
        assert {example.repository for example in corpus.validation} == {name}
        assert name not in {example.repository for example in corpus.train}
        assert "three/c" in {example.repository for example in corpus.train}
    assert (len(found["one/a"].validation), len(found["two/b"].validation)) == (60, 40)


def test_a_near_duplicate_of_the_source_is_not_trained_on() -> None:
    """What another source nearly repeats of the one left out would make it look known."""
    text = "The northern council will not return to the talks before the last prisoner has come home."
    own = [replace(example, text=f"{text} {example.id}") for example in invent_source("one/a", 1)]
    copy = replace(invent_source("two/b", 1)[0], text=text)
    corpus = Corpus(train=[*own, copy, *invent_source("three/c", 4)], validation=[], calibration=[], contrast=[])
    (fold,) = [fold for name, fold in leave_one_out.folds(corpus, min_statements=1).items() if name == "one/a"]
    assert {example.repository for example in fold.train} == {"three/c"}


def test_articles_of_the_source_are_left_out_and_others_are_not() -> None:
    """Statements of articles train in each fold but that of their own source."""
    singles = [*invent_source("one/a", 4), *invent_source("two/b", 4)]
    spoken = [
        SpokenExample(**{f.name: getattr(one, f.name) for f in fields(Example)}, source_span=None, cue_span=None)
        for one in (invent_source("one/a", 5)[4], invent_source("two/b", 5)[4])
    ]
    corpus = Corpus(train=singles, validation=[], calibration=[], contrast=[], spoken=spoken)
    for name, fold in leave_one_out.folds(corpus, min_statements=1).items():
        assert [example.repository for example in fold.spoken] == [{"one/a": "two/b", "two/b": "one/a"}[name]]


def test_a_repository_may_hold_two_sources() -> None:
    """Folders that the table of sources tells apart are sources of their own."""
    repository = "eventdata/ConfliBERT"
    names = {
        leave_one_out.source_name(example)
        for folder in ("data/muc4/", "data/re3d/")
        for example in invent_source(repository, 2, path=folder)
    }
    assert names == {f"{repository}/data/muc4", f"{repository}/data/re3d"}


def test_it_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    """Each source is trained once, on its own corpus; a second run trains nothing, another recipe is refused."""
    asked: list[tuple[str, int]] = []

    def train(config: TrainingConfig, *, output: Path, data: Path, resume: bool, corpus: Corpus) -> float:
        asked.append((output.name, len(corpus.validation)))
        if len(asked) == 2:
            raise CorpusError("cut off")
        return 0.5

    def left_out(config: TrainingConfig) -> list[dict[str, Any]]:
        output = tmp_path / "o"
        return leave_one_out.run(
            config, output=output, data=data, min_statements=20, train=train, make_baseline=Majority
        )

    with pytest.raises(CorpusError, match="cut off"):
        left_out(TrainingConfig())
    points = left_out(TrainingConfig())
    assert asked == [("one-a", 60), ("two-b", 40), ("two-b", 40)]
    assert [(point["source"], point["n_test"], point["model"]) for point in points] == [
        ("one/a", 60, 0.5),
        ("two/b", 40, 0.5),
    ]
    written = json.loads((tmp_path / "o" / "sources.json").read_text(encoding="utf-8"))
    assert written["points"] == points
    assert written["mean"]["model"] == 0.5
    assert written["mean"]["tfidf_logistic"] == pytest.approx(0.1)  # one stance always: F1 0.4 for it, 0 for the others
    assert left_out(TrainingConfig()) == points
    assert len(asked) == 3
    with pytest.raises(CorpusError, match="another configuration"):
        left_out(TrainingConfig(seed=1))


def test_no_large_source_is_said(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no source is large enough the program says so, and does not give a mean of nothing."""
    arguments = ["--output", str(tmp_path / "o"), "--data", str(data), "--min-statements", "1000"]
    assert leave_one_out.main(arguments) == 2
    assert "no source has 1000 statements" in capsys.readouterr().err


def test_a_run_takes_a_corpus_of_its_own(tiny_base: Path, tiny_data: Path, tmp_path: Path) -> None:
    """Given a corpus, fine-tuning trains and validates on it and looks for no folder."""
    whole = leave_one_out.read_corpus(tiny_data)
    corpus = Corpus(train=whole.train[:16], validation=whole.calibration[:8], calibration=[], contrast=[])
    config = TrainingConfig(base=str(tiny_base), epochs=1, batch_size=8, max_tokens=16)
    score = finetune.run(config, output=tmp_path / "o", data=tmp_path / "none", resume=False, corpus=corpus)
    record = json.loads((tmp_path / "o" / "run.json").read_text(encoding="utf-8"))
    assert (record["data"]["n_train"], record["data"]["n_validation"]) == (16, 8)
    assert record["macro_f1"] == score
