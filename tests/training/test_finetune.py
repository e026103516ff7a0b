"""Fine-tuning: labels by name, two rates, a weighted loss, and runs that go on where they stopped."""

import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from models.engines.torch import StanceNetwork
from models.labels import STANCES
from models.span import Span
from models.speech import N_TOKEN_LOGITS
from models.token_spans import Tag
from training import batches, finetune
from training.base import find_base
from training.config import TrainingConfig
from training.corpus import read_corpus
from training.examples import Example, Origin, write_examples
from training.spoken import SpokenExample
from training.trainer import attribution_loss

CONFIG = TrainingConfig(batch_size=4, epochs=1, learning_rate=0.001, head_learning_rate=0.01)


@pytest.fixture
def trainer(tiny_base: Path, tiny_data: Path, tmp_path: Path) -> finetune.StanceTrainer:
    """A run put together on the small base and corpus, and not started."""
    return finetune.make_trainer(read_corpus(tiny_data), find_base(str(tiny_base)), CONFIG, output=tmp_path / "run")


def run(flags: list[str], output: Path, *more: str) -> int:
    """The exit status of the program."""
    return finetune.main(["--output", str(output), *flags, *more])


def history(output: Path) -> list[tuple[float, float]]:
    """The loss and macro-F1 of each evaluation of a run."""
    record = json.loads((output / "run.json").read_text(encoding="utf-8"))
    return [(entry["eval_loss"], entry["eval_macro_f1"]) for entry in record["history"]]


def test_the_model_knows_the_labels_by_name(tiny_base: Path) -> None:
    """The stances are in the model's configuration by name, in their order."""
    config = finetune.load_model(find_base(str(tiny_base)), CONFIG).stance.config
    assert [config.id2label[index] for index in range(len(STANCES))] == list(map(str, STANCES))
    assert config.label2id == {str(stance): index for index, stance in enumerate(STANCES)}


@pytest.mark.parametrize("frozen", [True, False])
def test_word_embeddings_are_frozen_where_configured(tiny_base: Path, frozen: bool) -> None:
    """Only the word embeddings are frozen, and only where the configuration says so."""
    model = finetune.load_model(find_base(str(tiny_base)), TrainingConfig(freeze_word_embeddings=frozen))
    fixed = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    assert fixed == (["stance.bert.embeddings.word_embeddings.weight"] if frozen else [])


def test_the_head_has_its_own_rate_and_biases_do_not_decay(trainer: finetune.StanceTrainer) -> None:
    """Pooler and all heads learn at the head's rate, all else at the encoder's; biases and norms have no decay."""
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    seen = []
    for group in trainer.create_optimizer().param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            seen.append(name)
            is_head = any(part in name for part in ("pooler", "classifier", "conditions", "attribution"))
            assert group["lr"] == (CONFIG.head_learning_rate if is_head else CONFIG.learning_rate), name
            decays = not name.endswith("bias") and "LayerNorm" not in name
            assert group["weight_decay"] == (CONFIG.weight_decay if decays else 0.0), name
    assert sorted(seen) == sorted(name for name, p in trainer.model.named_parameters() if p.requires_grad)


def test_warm_up_is_a_share_of_the_real_steps(trainer: finetune.StanceTrainer) -> None:
    """The rate rises over a tenth of the steps that the run really has, however many devices share the data."""
    trainer.create_optimizer()
    scheduler = trainer.create_scheduler(50)
    rates = []
    for _ in range(50):
        rates.append(scheduler.get_last_lr()[0])
        trainer.optimizer.step()
        scheduler.step()
    assert rates.index(max(rates)) == 5
    assert rates[0] == 0.0
    assert rates[5:] == sorted(rates[5:], reverse=True)


def test_the_loss_is_weighted_by_class_and_example(trainer: finetune.StanceTrainer) -> None:
    """The loss is the mean of the heads' cross-entropy, times class weight, times example weight, as by hand."""
    logits = torch.tensor([[2.0, 0.0, -1.0, 0.5], [0.0, 1.0, 0.0, 0.0]])
    labels, weight = torch.tensor([0, 3]), torch.tensor([1.0, 0.4])
    by_class = trainer._class_weights = torch.tensor([0.5, 1.0, 2.0, 1.5])
    log = torch.log_softmax(logits, dim=-1)
    smooth = CONFIG.label_smoothing
    by_hand = 0.0
    for row, label in enumerate(labels.tolist()):
        target = (1 - smooth) * by_class[label] * log[row, label] + smooth / 4 * (by_class * log[row]).sum()
        by_hand -= float(weight[row] * target) / 2
    tags = torch.tensor([[batches.IGNORED, Tag.OUTSIDE, Tag.BEGIN], [batches.IGNORED] * 3])
    kinds = torch.tensor([[batches.IGNORED, batches.IGNORED, 2], [batches.IGNORED] * 3])
    token_logits = torch.zeros(2, 3, N_TOKEN_LOGITS)  # nothing known: log 3 for a tag, log 4 for a kind
    by_hand += float(weight[0] * by_class[0]) * CONFIG.condition_weight * (math.log(3) + math.log(4)) / 2
    inputs = {"input_ids": None, "labels": labels, "weight": weight, "tags": tags, "kinds": kinds}
    inputs["target"] = torch.eye(4)[labels]
    inputs |= {"sources": torch.full((2, 3), batches.IGNORED), "cues": torch.full((2, 3), batches.IGNORED)}
    inputs["twin_of"] = torch.tensor([], dtype=torch.long)
    output = SimpleNamespace(logits=logits, token_logits=token_logits)
    loss = trainer.compute_loss(lambda input_ids: output, inputs)
    assert float(loss) == pytest.approx(by_hand, rel=1e-5)


def test_a_run_leaves_its_record(finished_run: Path) -> None:
    """A finished run has weights, a tokeniser that neither pads nor truncates, and a record of what made it."""
    record = json.loads((finished_run / "run.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((finished_run / "tokenizer.json").read_text(encoding="utf-8"))
    assert (finished_run / "model.safetensors").is_file()
    assert tokenizer["padding"] is None
    assert tokenizer["truncation"] is None
    assert record["base"]["id"] == record["config"]["base"] == "tiny"
    assert (record["data"]["n_train"], record["data"]["n_validation"]) == (72, 8)
    assert len(record["history"]) == record["config"]["epochs"]
    assert record["macro_f1"] == history(finished_run)[-1][1]


def test_reviewed_examples_are_trained_on(
    flags: list[str], tiny_data: Path, tmp_path: Path, invent: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of reviewed examples beside the corpus is in the run's record; exporting wants the same file again."""
    reviewed = [
        replace(e, id=f"r{n}", origin=Origin.REVIEWED, text=f"{e.text} {n} again", sha256=None, path=None, locator=None)
        for n, e in enumerate(invent(4))
    ]
    write_examples(tmp_path / "reviewed.jsonl", reviewed)
    data = ["--data", str(tiny_data), str(tmp_path / "reviewed.jsonl")]
    assert run(flags, tmp_path / "run", "--epochs", "1", *data) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["data"]["origins"]["reviewed"] == 4
    assert record["data"]["n_train"] == 76
    from training import export  # here, as it loads the quantiser

    checkpoint = ["--checkpoint", str(tmp_path / "run"), "--output", str(tmp_path / "a"), "--version", "1"]
    assert export.main([*checkpoint, "--data", str(tiny_data)]) == 2
    assert "digest" in capsys.readouterr().err
    trained = read_corpus(tiny_data, reviewed=[tmp_path / "reviewed.jsonl"])
    assert export.training_data(record, trained)["origins"]["reviewed"] == 4


def test_a_run_goes_on_where_it_stopped(
    finished_run: Path, flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is cut off in its second epoch goes on after the first, and ends as if nothing had happened."""
    whole = finetune.StanceTrainer.compute_loss

    def cut_off(self: Any, model: Any, *arguments: Any, **more: Any) -> Any:
        if model.training and (self.state.epoch or 0) >= 1:
            raise KeyboardInterrupt
        return whole(self, model, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(finetune.StanceTrainer, "compute_loss", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run(flags, tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()
    assert run(flags, tmp_path / "run", "--resume") == 0
    resumed, unbroken = history(tmp_path / "run"), history(finished_run)
    assert len(resumed) == len(unbroken)
    for one, other in zip(resumed, unbroken, strict=True):  # sums of floats may differ in the last digit
        assert one == pytest.approx(other, rel=1e-4)


def test_resuming_from_nothing_ends_in_one_line(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--resume without a checkpoint gives exit status 2 and says to leave it out."""
    assert run(flags, tmp_path / "new", "--resume") == 2
    assert capsys.readouterr().err == f"finetune: {tmp_path / 'new'}: no checkpoint to go on from; leave out --resume\n"


def test_starting_over_a_run_ends_in_one_line(
    finished_run: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An output that holds checkpoints is not trained over; the message says what to do."""
    assert run(flags, finished_run) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--resume" in error
    assert "another --output" in error


@pytest.mark.parametrize("flag", ["--data", "--base"])
def test_missing_input_ends_in_one_line(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    """A corpus folder or a base without its files gives exit status 2 and a line that names the folder."""
    assert run(flags, tmp_path / "run", flag, str(tmp_path)) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"finetune: {tmp_path}")
    assert error.count("\n") == 1


def test_swapped_copies_stand_in_for_statements(invent: Any) -> None:
    """A share of the statements with swappable names is replaced by copies, others never, by the seed alone."""
    named = [replace(example, text=f"{example.text}, says Israel") for example in invent(40)]
    plain = invent(8)
    chosen = finetune.with_swaps([*named, *plain], replace(CONFIG, swap_share=0.5, seed=3))
    assert chosen[40:] == plain
    n_swapped = sum("Hamas" in (example.text or "") or "Palestine" in (example.text or "") for example in chosen)
    assert 5 < n_swapped < 35
    assert [example.label for example in chosen[:40]] == [example.label for example in named]
    assert chosen == finetune.with_swaps([*named, *plain], replace(CONFIG, swap_share=0.5, seed=3))
    assert chosen != finetune.with_swaps([*named, *plain], replace(CONFIG, swap_share=0.5, seed=4))
    assert finetune.with_swaps(named, replace(CONFIG, swap_share=0.0)) == named


def test_twins_answer_for_their_statement(trainer: finetune.StanceTrainer) -> None:
    """A statement with a twin has the mean of both losses, and pays for how far the two answers lie apart."""
    trainer._config = replace(CONFIG, consistency_weight=2.0, label_smoothing=0.0)
    trainer._class_weights = torch.ones(4)
    logits = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])  # a twin of row 1 last
    labels, known = torch.tensor([0, 1]), torch.full((2, 3), batches.IGNORED)
    inputs = {"input_ids": None, "labels": labels, "weight": torch.ones(2), "target": torch.eye(4)[labels]}
    inputs |= dict.fromkeys(("tags", "kinds", "sources", "cues"), known)
    inputs["twin_of"] = torch.tensor([1])
    output = SimpleNamespace(logits=logits, token_logits=torch.zeros(3, 3, N_TOKEN_LOGITS))
    log = torch.log_softmax(logits, dim=-1)
    apart = ((log[1].exp() - log[2].exp()) * (log[1] - log[2])).sum() / 2
    by_hand = (-log[0, 0] - (log[1, 1] + log[2, 1]) / 2 + 2.0 * apart) / 2
    assert float(trainer.compute_loss(lambda input_ids: output, inputs)) == pytest.approx(float(by_hand), rel=1e-5)


def test_sources_and_cues_are_learnt_apart(trainer: finetune.StanceTrainer) -> None:
    """The attribution head's loss is the mean over known tokens of both tags; rows without any add nothing."""
    token_logits = torch.zeros(2, 3, N_TOKEN_LOGITS)
    token_logits[0, 1, -1] = 5.0  # sure that the cue goes on there
    unknown = [batches.IGNORED] * 3
    sources = torch.tensor([[batches.IGNORED, Tag.OUTSIDE, Tag.BEGIN], unknown])
    cues = torch.tensor([[batches.IGNORED, Tag.INSIDE, batches.IGNORED], unknown])
    of_cue = math.log(2 + math.exp(5)) - 5
    assert attribution_loss(token_logits, sources, cues).tolist() == pytest.approx([math.log(3) + of_cue, 0.0])


def test_a_run_can_start_from_a_finished_one(finished_run: Path, tiny_base: Path) -> None:
    """All heads of the earlier run are there; one that it lacks is new; a folder that is no run is refused by name."""
    config = replace(CONFIG, start_from=str(finished_run))
    network, before = finetune.load_model(find_base(str(tiny_base)), config), StanceNetwork.load(finished_run)
    assert all(torch.equal(network.state_dict()[name], weight) for name, weight in before.state_dict().items())
    with pytest.raises(finetune.RunError, match="nowhere: not a finished run"):
        finetune.load_model(find_base(str(tiny_base)), replace(CONFIG, start_from="nowhere"))


def test_statements_of_articles_get_no_twins(invent: Callable[..., list[Example]]) -> None:
    """Names that the attribution head must find are not swapped, other statements' are."""
    plain = replace(invent(1)[0], text="Russia said it would talk to Ukraine.", conditions=())
    known = {f.name: getattr(plain, f.name) for f in fields(Example)}
    spoken = SpokenExample(**known, source_span=Span(0, 6), cue_span=Span(7, 11))
    twins = finetune.swapped_twins([plain, spoken], replace(CONFIG, swap_share=1.0))
    assert twins[0] is not None
    assert "Russia said" not in (twins[0].text or "")
    assert twins[1] is None
