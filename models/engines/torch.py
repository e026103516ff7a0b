"""The reference engine: the same weights in torch, fp32 on a CPU and bf16 on a GPU. Not needed for serving.

``StanceNetwork`` is also what training trains: one encoder under two heads, the standard one for the stance and one
more for condition spans. The stance's part is a sequence-classification model of transformers, saved as such, so that
anybody can load it; the condition head, one linear layer over the encoder's last hidden states, lies in a file beside.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from models.artifact import CONDITION_HEAD, Artifact
from models.conditions import N_TOKEN_LOGITS
from models.encoding import IntArray
from models.engines import EngineInfo, Logits, usable_cores
from models.errors import ArtifactCorrupt, EngineFailed

HEAD_STD: Final = 0.02
"""Standard deviation of the condition head's first weights, as BERT's own layers start."""


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """Shapes: logits [B, L], token_logits [B, T, K]."""

    logits: torch.Tensor
    token_logits: torch.Tensor


class StanceNetwork(torch.nn.Module):
    """The stance model and the condition head over one forward pass of the encoder."""

    def __init__(self, stance: PreTrainedModel) -> None:
        super().__init__()
        self.stance = stance
        self.conditions = torch.nn.Linear(stance.config.hidden_size, N_TOKEN_LOGITS)
        torch.nn.init.normal_(self.conditions.weight, std=HEAD_STD)
        torch.nn.init.zeros_(self.conditions.bias)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> NetworkOutput:
        """Both heads' logits. Shapes: [B, T], [B, T]."""
        output: Any = self.stance(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        return NetworkOutput(output.logits, self.conditions(output.hidden_states[-1]))

    def save(self, folder: Path, *, dtype: torch.dtype = torch.float32) -> None:
        """Write both parts into a folder, the weights as ``dtype``, which the network has from then on."""
        folder.mkdir(parents=True, exist_ok=True)
        self.to(dtype).stance.save_pretrained(folder)
        save_file(
            {name: weight.contiguous() for name, weight in self.conditions.state_dict().items()},
            folder / CONDITION_HEAD,
        )

    @classmethod
    def load(cls, folder: Path, *, dtype: torch.dtype = torch.float32) -> Self:
        """The network that ``save`` wrote. Raises: OSError, ValueError, RuntimeError, SafetensorError."""
        stance = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False
        )
        network = cls(stance)
        network.conditions.load_state_dict(load_file(folder / CONDITION_HEAD))
        return network.to(dtype)


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
        """Both heads' logits for each text. Shapes: ids [B, T], mask [B, T]. Raises: EngineFailed."""
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
