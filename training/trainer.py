"""The Trainer of transformers with the losses of all heads, and a faster rate for what starts from nothing."""

from typing import Any

import torch
from transformers import Trainer

from models.conditions import N_CONDITION_LOGITS
from models.token_spans import Tag
from training.batches import IGNORED
from training.config import TrainingConfig


class StanceTrainer(Trainer):  # type: ignore[misc]  # transformers is not followed by mypy: Any
    """The Trainer with a weighted loss, and a faster rate for the head, which starts from nothing."""

    def __init__(self, *, config: TrainingConfig, class_weights: torch.Tensor, **arguments: object) -> None:
        super().__init__(**arguments)
        self._config = config
        self._class_weights = class_weights
        self.model_accepts_loss_kwargs = False  # the loss below is a mean over the batch

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        """The losses of all heads, weighted by class and by example. Signature: transformers.Trainer.compute_loss."""
        weight, labels, target = inputs.pop("weight"), inputs.pop("labels"), inputs.pop("target")
        tags, kinds = inputs.pop("tags"), inputs.pop("kinds")
        sources, cues, twin_of = inputs.pop("sources"), inputs.pop("cues"), inputs.pop("twin_of")
        outputs = model(**inputs)
        n = len(labels)
        logits, token_logits = outputs.logits.float(), outputs.token_logits[:n].float()
        class_weights = self._class_weights.to(labels.device)
        loss = self._stance_loss(logits[:n], target)
        if len(twin_of):
            twins = self._stance_loss(logits[n:], target[twin_of])
            distance = divergence(logits[twin_of], logits[n:])
            apart = (twins - loss[twin_of]) / 2 + self._config.consistency_weight * distance
            loss = loss.index_add(0, twin_of, apart)  # the mean of both losses, and how far the answers lie apart
        spans = condition_loss(token_logits, tags, kinds)
        loss = loss + self._config.condition_weight * class_weights[labels] * spans
        loss = (loss * weight).mean()
        loss = loss + self._config.attribution_weight * attribution_loss(token_logits, sources, cues).mean()
        return (loss, {"logits": outputs.logits[:n], "labels": labels}) if return_outputs else loss

    def _stance_loss(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The weighted cross-entropy of each statement. Shapes: [B, L], [B, L] -> [B]."""
        return torch.nn.functional.cross_entropy(
            logits,
            target,
            weight=self._class_weights.to(logits.device),
            label_smoothing=self._config.label_smoothing,
            reduction="none",
        )

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
                is_head = any(part in name for part in ("pooler", "classifier", "conditions", "attribution"))
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


def divergence(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """How far two answers lie apart, in nats: the Kullback-Leibler divergences of both ways, halved.

    Source: Liang et al. 2021, "R-Drop: regularized dropout for neural networks". Shapes: [C, L], [C, L] -> [C].
    """
    p, q = one.log_softmax(dim=-1), other.log_softmax(dim=-1)
    return ((p.exp() - q.exp()) * (p - q)).sum(dim=-1) / 2


def condition_loss(token_logits: torch.Tensor, tags: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
    """The mean loss over the tokens of each statement: their tags, and the kinds of those in a span; 0 without tags.

    Shapes: token_logits [B, T, K], tags and kinds [B, T] -> [B].
    """
    of_tags = mean_loss(token_logits[..., : len(Tag)], tags)
    return of_tags + mean_loss(token_logits[..., len(Tag) : N_CONDITION_LOGITS], kinds)


def attribution_loss(token_logits: torch.Tensor, sources: torch.Tensor, cues: torch.Tensor) -> torch.Tensor:
    """The mean loss over the tokens of each statement: the tags of sources and those of cues; 0 where none are known.

    Shapes: token_logits [B, T, K], sources and cues [B, T] -> [B].
    """
    middle = N_CONDITION_LOGITS + len(Tag)
    of_sources = mean_loss(token_logits[..., N_CONDITION_LOGITS:middle], sources)
    return of_sources + mean_loss(token_logits[..., middle:], cues)


def mean_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean cross-entropy over the known tokens of each statement. Shapes: [B, T, M], [B, T] -> [B]."""
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), target, reduction="none")  # [B, T]
    return losses.sum(dim=1) / (target != IGNORED).sum(dim=1).clamp(min=1)
