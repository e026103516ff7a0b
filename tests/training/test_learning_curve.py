"""The learning curve: nested shares of the training data, each trained once."""

from pathlib import Path
from typing import Any

import pytest

from models.labels import STANCES
from training import evaluate, learning_curve
from training.baselines import Majority
from training.config import TrainingConfig
from training.examples import CorpusError, Example, Origin, sha256_of_text, write_examples
from training.finetune import used_for_training
from training.splits import Corpus


def invent(n: int) -> list[Example]:
    """Invented statements of every stance in turn, four to a group."""
    found = []
    for index in range(n):
        text = f"The delegation of island {index} spoke."
        record = {"repository": "invented/parliament", "path": f"{index}.txt", "sha256": sha256_of_text(text)}
        group, label = f"document {index // 4}", STANCES[index % 4]
        found.append(
            Example(id=f"r{index}", label=label, origin=Origin.RECORD, group=group, text=text, votes={}, **record)
        )
    return found


def write_corpus(folder: Path) -> Path:
    """Write a corpus folder of invented statements without a dev set; returns it."""
    write_examples(folder / "written.jsonl", [])
    write_examples(folder / "hydrated" / "record.jsonl", invent(400))
    write_examples(folder / "dev.jsonl", [])
    return folder


def test_shares_of_the_training_data_are_nested() -> None:
    """A smaller share of the groups is part of every larger one, keeps groups whole, and 1 is everything."""
    corpus = Corpus(train=invent(2_000), validation=[], calibration=[], contrast=[])
    ids = [{e.id for e in used_for_training(corpus, TrainingConfig(train_share=share))} for share in (0.25, 0.5, 1.0)]
    assert ids[0] < ids[1] < ids[2]
    assert len(ids[2]) == 2_000
    assert len(ids[1]) == pytest.approx(1_000, rel=0.15)
    for chosen in ids:
        groups = {e.group for e in corpus.train if e.id in chosen}
        assert chosen == {e.id for e in corpus.train if e.group in groups}


def test_learning_curve_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Each share is trained once with its own output; a second run trains nothing, another recipe is refused."""
    asked: list[float] = []
    folder = write_corpus(tmp_path / "data")

    def train(config: TrainingConfig, *, output: Path, data: Path, resume: bool) -> float:
        asked.append(config.train_share)
        if len(asked) == 3:
            raise CorpusError("cut off")
        return config.train_share / 2

    def curve(config: TrainingConfig) -> list[dict[str, Any]]:
        return learning_curve.run(config, output=tmp_path / "c", data=folder, train=train, make_baseline=Majority)

    with pytest.raises(CorpusError, match="cut off"):
        curve(TrainingConfig())
    points = curve(TrainingConfig())
    assert asked == [0.125, 0.25, 0.5, 0.5, 1.0]
    assert [point["model"] for point in points] == [0.0625, 0.125, 0.25, 0.5]
    assert [point["n_train"] for point in points] == sorted(point["n_train"] for point in points)
    assert evaluate.read_curve(tmp_path / "c" / "curve.json")["points"] == points
    with pytest.raises(CorpusError, match="another configuration"):
        curve(TrainingConfig(seed=1))
