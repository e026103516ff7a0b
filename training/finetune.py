"""Fine-tune the base encoder on the corpus and write a checkpoint in Hugging Face layout.

    python -m training.finetune --output runs/seed-0 --seed 0
    python -m training.finetune --output runs/mine --data training/data reviewed.jsonl   # with training.curate's
    accelerate launch -m training.finetune --output runs/seed-0      # several GPUs, each with batches of --batch-size

The public record must have been hydrated before (python -m training.hydrate). Then: python -m training.export.
"""

import json
import logging
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import torch
from datasets import Dataset
from safetensors import SafetensorError
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_utils import EvalPrediction, get_last_checkpoint

from models.encoding import TextEncoder
from models.engines.torch import StanceNetwork
from models.labels import STANCES
from training import batches
from training.base import Base, BaseError, find_base
from training.config import TrainingConfig
from training.corpus import add_data_flag, read_corpus, split_data
from training.examples import CorpusError, Example, Origin, digest
from training.metrics import macro_f1, per_class_f1
from training.program import make_parser
from training.splits import Corpus, position
from training.spoken import SpokenExample
from training.swaps import augmented
from training.trainer import StanceTrainer

CHECKPOINTS: Final = "checkpoints"
HEAD_SEED: Final = 0


class RunError(Exception):
    """Raised when a run cannot start or go on; the message says why and what to do."""


def load_model(base: Base, config: TrainingConfig) -> StanceNetwork:
    """The encoder with three new heads and real label names; word embeddings frozen if so configured.

    The heads start from the same weights whatever the seed: runs that differ in their shuffling and dropout alone stay
    close enough for their weights to be averaged. Source: docs/log.md, "Averaging seeds".
    """
    with torch.random.fork_rng():
        torch.manual_seed(HEAD_SEED)
        if config.start_from:
            return _frozen(start_from(Path(config.start_from)), config)
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            base.location,
            revision=base.revision,
            num_labels=len(STANCES),
            id2label={index: str(stance) for index, stance in enumerate(STANCES)},
            label2id={str(stance): index for index, stance in enumerate(STANCES)},
        )
        network = StanceNetwork(model)
    return _frozen(network, config)


def start_from(checkpoint: Path) -> StanceNetwork:
    """The network of a finished run, to be trained on; a head that it lacks is new. Raises: RunError."""
    try:
        network = StanceNetwork.load(checkpoint)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise RunError(f"{checkpoint}: not a finished run to start from: {error}") from error
    return network if network.attribution is not None else network.with_new_attribution()


def _frozen(network: StanceNetwork, config: TrainingConfig) -> StanceNetwork:
    if config.freeze_word_embeddings:
        network.stance.base_model.get_input_embeddings().weight.requires_grad_(False)
    return network


def measure(prediction: EvalPrediction) -> dict[str, float]:
    """Macro-F1 and the F1 of each class of one evaluation."""
    predicted, labels = prediction.predictions.argmax(axis=-1), prediction.label_ids
    scores = {f"f1_{stance}": score for stance, score in zip(STANCES, per_class_f1(labels, predicted), strict=True)}
    return {"macro_f1": macro_f1(labels, predicted), **scores}


def computes_bf16() -> bool:
    """Whether this machine has bfloat16 arithmetic of its own; without it, autocast is three times slower than fp32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def training_arguments(output: Path, config: TrainingConfig) -> TrainingArguments:
    """The Trainer's settings: bf16 where the machine has it, batches of like length, a checkpoint each epoch."""
    return TrainingArguments(
        output_dir=str(output / CHECKPOINTS),
        seed=config.seed,
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        bf16=computes_bf16(),
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        remove_unused_columns=False,
        report_to="none",
        logging_steps=20,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def used_for_training(corpus: Corpus, config: TrainingConfig) -> list[Example]:
    """The training examples of the configured share of groups; those written here only where they weigh something."""
    examples: list[Example] = corpus.train_with_repeats if config.keep_near_duplicates else corpus.train
    return [
        example
        for example in [*examples, *(corpus.spoken if config.article_weight > 0 else ())]
        if (example.origin is not Origin.WRITTEN or config.written_weight > 0)
        # Salted: the bare position of a group already chose its split, so that of a training group is never near 0.
        and position(f"share of {example.group}") < config.train_share
    ]


def with_swaps(examples: Sequence[Example], config: TrainingConfig) -> list[Example]:
    """The examples, a share of those with swappable names (training.swaps) replaced by one of their swapped copies.

    Which, depends on the seed alone: runs of other seeds see other copies, and no run sees more statements.
    """
    return [twin or example for example, twin in zip(examples, swapped_twins(examples, config), strict=True)]


def swapped_twins(examples: Sequence[Example], config: TrainingConfig) -> list[Example | None]:
    """One swapped copy of a share of the examples with swappable names, None for the others.

    Statements of articles have none: their sources are names, and the attribution head learns where those stand.
    """
    generator = random.Random(f"swaps of seed {config.seed}")
    twins: list[Example | None] = []
    for example in examples:
        draw, copies = generator.random(), [] if isinstance(example, SpokenExample) else augmented(example)
        twins.append(generator.choice(copies) if copies and draw < config.swap_share else None)
    return twins


def make_trainer(corpus: Corpus, base: Base, config: TrainingConfig, *, output: Path) -> StanceTrainer:
    """Everything of a run put together, nothing run yet."""
    tokenizer = AutoTokenizer.from_pretrained(base.location, revision=base.revision)
    encoder = TextEncoder(tokenizer.backend_tokenizer, max_tokens=config.max_tokens)
    examples, twins = used_for_training(corpus, config), None
    if config.consistency_weight > 0:
        twins = swapped_twins(examples, config)
    else:
        examples = with_swaps(examples, config)
    train = batches.to_dataset(examples, encoder, config=config, twins=twins)
    validation: Dataset = batches.to_dataset(corpus.validation, encoder, config=config)
    return StanceTrainer(
        config=config,
        class_weights=batches.class_weights(train, power=config.class_weight_power),
        model=load_model(base, config),
        args=training_arguments(output, config),
        train_dataset=train,
        eval_dataset=validation,
        data_collator=batches.collate,
        compute_metrics=measure,
    )


def save(trainer: StanceTrainer, corpus: Corpus, base: Base, config: TrainingConfig, *, output: Path) -> None:
    """Write the chosen weights, the untouched tokenizer and a record of the run."""
    trainer.accelerator.unwrap_model(trainer.model).save(output)
    tokenizer = AutoTokenizer.from_pretrained(base.location, revision=base.revision, model_max_length=config.max_tokens)
    tokenizer.backend_tokenizer.no_padding()  # the base's file pads to 128 tokens, which nobody who loads ours expects
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.save_pretrained(str(output))
    examples = used_for_training(corpus, config)
    record = {
        "config": {**asdict(config), "base": base.id},
        "base": base.provenance(),
        "data": {
            "digest": digest(examples),
            "n_train": len(examples),
            "n_validation": len(corpus.validation),
            "labels": dict(sorted(Counter(str(e.label) for e in examples).items())),
            "origins": dict(sorted(Counter(str(e.origin) for e in examples).items())),
        },
        "history": [entry for entry in trainer.state.log_history if "eval_macro_f1" in entry],
        "macro_f1": validation_macro_f1(trainer),
    }
    (output / "run.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def validation_macro_f1(trainer: StanceTrainer) -> float:
    """The macro-F1 of the last evaluation; 0 before any.

    The last epoch is what a run gives. To choose the best of the epochs by a validation split of this size would be
    to choose by its noise. Source: docs/log.md, "The last epoch".
    """
    scores = [entry["eval_macro_f1"] for entry in trainer.state.log_history if "eval_macro_f1" in entry]
    return float(scores[-1]) if scores else 0.0


def has_checkpoint(output: Path) -> bool:
    """Whether an earlier run left a checkpoint that ``--resume`` can go on from."""
    folder = output / CHECKPOINTS
    return folder.is_dir() and get_last_checkpoint(str(folder)) is not None


def check_resume(output: Path, *, resume: bool) -> None:
    """Neither start over where a run has left checkpoints nor go on from nothing. Raises: RunError."""
    if resume and not has_checkpoint(output):
        raise RunError(f"{output}: no checkpoint to go on from; leave out --resume")
    if not resume and has_checkpoint(output):
        raise RunError(f"{output}: holds checkpoints of an earlier run; go on with --resume or choose another --output")


def run(
    config: TrainingConfig,
    *,
    output: Path,
    data: Path,
    resume: bool,
    reviewed: Sequence[Path] = (),
    corpus: Corpus | None = None,
) -> float:
    """One fine-tuning run from start to saved checkpoint; returns the validation macro-F1 after the last epoch.

    Without a ``corpus`` of its own, it is the one in the folder ``data``, with the examples of the files ``reviewed``.
    Raises: RunError, CorpusError, BaseError.
    """
    check_resume(output, resume=resume)
    set_seed(config.seed)
    base = find_base(config.base)
    corpus = corpus or read_corpus(data, reviewed=reviewed)
    if reviewed:
        n_reviewed = sum(example.origin is Origin.REVIEWED for example in corpus.train)
        logging.info("%d of the %d examples to train on are reviewed ones", n_reviewed, len(corpus.train))
    trainer = make_trainer(corpus, base, config, output=output)
    before = trainer.evaluate()
    logging.info("before training: validation macro-F1 %.3f", before["eval_macro_f1"])
    trainer.train(resume_from_checkpoint=resume or None)
    if trainer.is_world_process_zero():
        save(trainer, corpus, base, config, output=output)
    return validation_macro_f1(trainer)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.finetune", __doc__)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the checkpoint goes")
    add_data_flag(parser)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the output directory")
    TrainingConfig.add_flags(parser)
    flags = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        data, reviewed = split_data(flags.data)
        config = TrainingConfig.from_flags(flags)
        score = run(config, output=flags.output, data=data, reviewed=reviewed, resume=flags.resume)
    except (RunError, CorpusError, BaseError) as error:
        print(f"finetune: {error}", file=sys.stderr)
        return 2
    print(
        f"{flags.output}: validation macro-F1 {score:.3f}; next: python -m training.export --checkpoint {flags.output}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
