"""Fine-tune the base encoder on the corpus and write a checkpoint in Hugging Face layout.

    python -m training.finetune --output runs/seed-0 --seed 0
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
from typing import Any, Final

import torch
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_utils import EvalPrediction, get_last_checkpoint

from models.conditions import Tag
from models.encoding import TextEncoder
from models.engines.torch import StanceNetwork
from models.labels import STANCES
from training import batches
from training.base import Base, BaseError, find_base
from training.config import TrainingConfig
from training.corpus import read_corpus
from training.examples import DATA, CorpusError, Example, Origin, digest
from training.metrics import macro_f1, per_class_f1
from training.program import make_parser
from training.splits import Corpus, position
from training.swaps import augmented

CHECKPOINTS: Final = "checkpoints"
HEAD_SEED: Final = 0


class RunError(Exception):
    """Raised when a run cannot start or go on; the message says why and what to do."""


class StanceTrainer(Trainer):  # type: ignore[misc]  # transformers is not followed by mypy: Any
    """The Trainer with a weighted loss, and a faster rate for the head, which starts from nothing."""

    def __init__(self, *, config: TrainingConfig, class_weights: torch.Tensor, **arguments: object) -> None:
        super().__init__(**arguments)
        self._config = config
        self._class_weights = class_weights
        self.model_accepts_loss_kwargs = False  # the loss below is a mean over the batch

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        """The losses of both heads, weighted by class and by example. Signature: transformers.Trainer.compute_loss."""
        weight, labels, target = inputs.pop("weight"), inputs.pop("labels"), inputs.pop("target")
        tags, kinds = inputs.pop("tags"), inputs.pop("kinds")
        outputs = model(**inputs)
        class_weights = self._class_weights.to(labels.device)
        loss = torch.nn.functional.cross_entropy(
            outputs.logits.float(),
            target,
            weight=class_weights,
            label_smoothing=self._config.label_smoothing,
            reduction="none",
        )
        spans = condition_loss(outputs.token_logits.float(), tags, kinds)
        loss = loss + self._config.condition_weight * class_weights[labels] * spans
        loss = (loss * weight).mean()
        return (loss, {"logits": outputs.logits, "labels": labels}) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
        """Loss, logits and labels of one evaluation batch. Signature: transformers.Trainer.prediction_step."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            loss, outputs = self.compute_loss(model, dict(inputs), return_outputs=True)
        return loss.detach(), outputs["logits"].float(), outputs["labels"]

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW with one rate for the encoder and one for pooler and classifier; no decay on biases and norms."""
        model = model or self.model
        decayed = set(self.get_decay_parameter_names(model))
        groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                is_head = any(part in name for part in ("pooler", "classifier", "conditions"))
                groups.setdefault((is_head, name in decayed), []).append(parameter)
        config = self._config
        self.optimizer = torch.optim.AdamW(
            [
                {
                    "params": parameters,
                    "lr": config.head_learning_rate if is_head else config.learning_rate,
                    "weight_decay": config.weight_decay if decay else 0.0,
                }
                for (is_head, decay), parameters in groups.items()
            ],
            fused=True,
        )
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The rate over the steps of this run, which several devices divide among them; warm-up is a share of them.

        ``warmup_steps`` below 1 would say the same, but for its rounding, and it takes 1 for one step and not for all.
        """
        self.args.warmup_steps = round(num_training_steps * self._config.warmup_share)
        return super().create_scheduler(num_training_steps, optimizer)


def condition_loss(token_logits: torch.Tensor, tags: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
    """The mean loss over the tokens of each statement: their tags, and the kinds of those in a span; 0 without tags.

    Shapes: token_logits [B, T, K], tags and kinds [B, T] -> [B].
    """

    def mean(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), target, reduction="none")  # [B, T]
        return losses.sum(dim=1) / (target != batches.IGNORED).sum(dim=1).clamp(min=1)

    return mean(token_logits[..., : len(Tag)], tags) + mean(token_logits[..., len(Tag) :], kinds)


def load_model(base: Base, config: TrainingConfig) -> StanceNetwork:
    """The encoder with two new heads and real label names; word embeddings frozen if so configured.

    The heads start from the same weights whatever the seed: runs that differ in their shuffling and dropout alone stay
    close enough for their weights to be averaged. Source: docs/log.md, "Averaging seeds".
    """
    with torch.random.fork_rng():
        torch.manual_seed(HEAD_SEED)
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            base.location,
            revision=base.revision,
            num_labels=len(STANCES),
            id2label={index: str(stance) for index, stance in enumerate(STANCES)},
            label2id={str(stance): index for index, stance in enumerate(STANCES)},
        )
        network = StanceNetwork(model)
    if config.freeze_word_embeddings:
        model.base_model.get_input_embeddings().weight.requires_grad_(False)
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
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="macro_f1",
        remove_unused_columns=False,
        report_to="none",
        logging_steps=20,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def used_for_training(corpus: Corpus, config: TrainingConfig) -> list[Example]:
    """The training examples of the configured share of groups; those written here only where they weigh something."""
    return [
        example
        for example in corpus.train
        if (example.origin is not Origin.WRITTEN or config.written_weight > 0)
        # Salted: the bare position of a group already chose its split, so that of a training group is never near 0.
        and position(f"share of {example.group}") < config.train_share
    ]


def with_swaps(examples: Sequence[Example], config: TrainingConfig) -> list[Example]:
    """The examples, a share of those with swappable names (training.swaps) replaced by one of their swapped copies.

    Which, depends on the seed alone: runs of other seeds see other copies, and no run sees more statements.
    """
    generator = random.Random(f"swaps of seed {config.seed}")
    chosen = []
    for example in examples:
        draw, copies = generator.random(), augmented(example)
        chosen.append(generator.choice(copies) if copies and draw < config.swap_share else example)
    return chosen


def make_trainer(corpus: Corpus, base: Base, config: TrainingConfig, *, output: Path) -> StanceTrainer:
    """Everything of a run put together, nothing run yet."""
    tokenizer = AutoTokenizer.from_pretrained(base.location, revision=base.revision)
    encoder = TextEncoder(tokenizer.backend_tokenizer, max_tokens=config.max_tokens)
    examples = with_swaps(used_for_training(corpus, config), config)
    train = batches.to_dataset(examples, encoder, config=config)
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
        "best_macro_f1": trainer.state.best_metric,
    }
    (output / "run.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


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


def run(config: TrainingConfig, *, output: Path, data: Path, resume: bool) -> float:
    """One fine-tuning run from start to saved checkpoint; returns the best validation macro-F1.

    Raises: RunError, CorpusError, BaseError.
    """
    check_resume(output, resume=resume)
    set_seed(config.seed)
    base = find_base(config.base)
    corpus = read_corpus(data)
    trainer = make_trainer(corpus, base, config, output=output)
    before = trainer.evaluate()
    logging.info("before training: validation macro-F1 %.3f", before["eval_macro_f1"])
    trainer.train(resume_from_checkpoint=resume or None)
    if trainer.is_world_process_zero():
        save(trainer, corpus, base, config, output=output)
    return float(trainer.state.best_metric or 0.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = make_parser("training.finetune", __doc__)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the checkpoint goes")
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help="the corpus folder (default: training/data)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the output directory")
    TrainingConfig.add_flags(parser)
    flags = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        best = run(TrainingConfig.from_flags(flags), output=flags.output, data=flags.data, resume=flags.resume)
    except (RunError, CorpusError, BaseError) as error:
        print(f"finetune: {error}", file=sys.stderr)
        return 2
    print(
        f"{flags.output}: validation macro-F1 {best:.3f}; next: python -m training.export --checkpoint {flags.output}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
