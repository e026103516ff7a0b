"""The reference engine: the same weights in torch, fp32 on a CPU and bf16 on a GPU. Not needed for serving.

``StanceNetwork`` is also what training trains: one encoder under three heads, the standard one for the stance, one
for condition spans and one for the words that name who speaks. The stance's part is a sequence-classification model of
transformers, saved as such, so that anybody can load it; the token heads, one linear layer each over the encoder's last
hidden states, lie in files beside it. A checkpoint of format 2 has no attribution head, and loads without one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from models.artifact import ATTRIBUTION_HEAD, CONDITION_HEAD, Artifact
from models.conditions import N_CONDITION_LOGITS
from models.encoding import IntArray
from models.engines import EngineInfo, Logits, usable_cores
from models.errors import ArtifactCorrupt, EngineFailed
from models.speech import N_SPEECH_LOGITS

HEAD_STD: Final = 0.02
"""Standard deviation of the token heads' first weights, as BERT's own layers start."""


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """Shapes: logits [B, L], token_logits [B, T, K]."""

    logits: torch.Tensor
    token_logits: torch.Tensor


class StanceNetwork(torch.nn.Module):
    """The stance model and the token heads over one forward pass of the encoder."""

    def __init__(self, stance: PreTrainedModel, *, attributes: bool = True) -> None:
        super().__init__()
        self.stance = stance
        self.conditions = _token_head(stance.config.hidden_size, N_CONDITION_LOGITS)
        self.attribution = _token_head(stance.config.hidden_size, N_SPEECH_LOGITS) if attributes else None

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> NetworkOutput:
        """All heads' logits. Shapes: [B, T], [B, T]."""
        output: Any = self.stance(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        hidden = output.hidden_states[-1]
        heads = [self.conditions] if self.attribution is None else [self.conditions, self.attribution]
        return NetworkOutput(output.logits, torch.cat([head(hidden) for head in heads], dim=-1))

    def with_new_attribution(self) -> Self:
        """This network, with an attribution head that has learnt nothing."""
        self.attribution = _token_head(self.stance.config.hidden_size, N_SPEECH_LOGITS).to(self.conditions.weight.dtype)
        return self

    def save(self, folder: Path, *, dtype: torch.dtype = torch.float32) -> None:
        """Write all parts into a folder, the weights as ``dtype``, which the network has from then on."""
        folder.mkdir(parents=True, exist_ok=True)
        self.to(dtype).stance.save_pretrained(folder)
        for head, file in ((self.conditions, CONDITION_HEAD), (self.attribution, ATTRIBUTION_HEAD)):
            if head is not None:
                save_file({name: w.contiguous() for name, w in head.state_dict().items()}, folder / file)

    @classmethod
    def load(cls, folder: Path, *, dtype: torch.dtype = torch.float32) -> Self:
        """The network that ``save`` wrote. Raises: OSError, ValueError, RuntimeError, SafetensorError."""
        stance = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False
        )
        network = cls(stance, attributes=(folder / ATTRIBUTION_HEAD).is_file())
        network.conditions.load_state_dict(load_file(folder / CONDITION_HEAD))
        if network.attribution is not None:
            network.attribution.load_state_dict(load_file(folder / ATTRIBUTION_HEAD))
        return network.to(dtype)


def _token_head(hidden_size: int, n_logits: int) -> torch.nn.Linear:
    """A new linear layer over hidden states. Shapes: [B, T, hidden_size] -> [B, T, n_logits]."""
    head = torch.nn.Linear(hidden_size, n_logits)
    torch.nn.init.normal_(head.weight, std=HEAD_STD)
    torch.nn.init.zeros_(head.bias)
    return head


class TorchEngine:
    """The weights of the artifact, run eagerly."""

    def __init__(self, artifact: Artifact, *, threads: int) -> None:
        """Load the weights. Raises: ArtifactMissing, ArtifactCorrupt."""
        for name in ("config.json", "model.safetensors", CONDITION_HEAD):
            artifact.file(name)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if self._device == "cuda" else torch.float32
        threads = threads or usable_cores()
        if self._device == "cpu":
            torch.set_num_threads(threads)
        try:
            network = StanceNetwork.load(artifact.path, dtype=dtype)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise ArtifactCorrupt(f"model.safetensors: transformers cannot load it: {error}") from error
        self._network = network.to(self._device).eval()
        self._info = EngineInfo("torch", str(dtype).removeprefix("torch."), threads, self._device)

    @property
    def info(self) -> EngineInfo:
        """What runs, where and at which precision."""
        return self._info

    def forward(self, ids: IntArray, mask: IntArray) -> Logits:
        """All heads' logits for each text. Shapes: ids [B, T], mask [B, T]. Raises: EngineFailed."""
        inputs = (torch.from_numpy(array).to(self._device) for array in (ids, mask))
        try:
            with torch.inference_mode():
                output = self._network(*inputs)
        except (RuntimeError, IndexError) as error:  # IndexError: a token id that the weights do not have
            raise EngineFailed(f"forward pass of shape {ids.shape} failed") from error
        return Logits(output.logits.float().cpu().numpy(), output.token_logits.float().cpu().numpy())

    def forward_each(self, batches: Iterable[tuple[IntArray, IntArray]]) -> list[Logits]:
        """What ``forward`` gives for each batch, one after the other. Raises: EngineFailed."""
        return [self.forward(*batch) for batch in batches]
