"""The Trainer of transformers with the losses of both heads, and a faster rate for what starts from nothing."""

from typing import Any

import torch
from transformers import Trainer

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
        return losses.sum(dim=1) / (target != IGNORED).sum(dim=1).clamp(min=1)

    return mean(token_logits[..., : len(Tag)], tags) + mean(token_logits[..., len(Tag) :], kinds)
