"""The reference engine: the same weights in torch, fp32 on a CPU and bf16 on a GPU. Not needed for serving."""

import os

import torch
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification

from models.artifact import Artifact
from models.decision import FloatArray
from models.encoding import IntArray
from models.engines import EngineInfo
from models.errors import ArtifactCorrupt, EngineFailed


class TorchEngine:
    """The Hugging Face weights of the artifact, run eagerly."""

    def __init__(self, artifact: Artifact, *, threads: int) -> None:
        """Load the weights. Raises: ArtifactMissing, ArtifactCorrupt."""
        artifact.file("config.json")
        artifact.file("model.safetensors")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if self._device == "cuda" else torch.float32
        threads = threads or os.cpu_count() or 1
        if self._device == "cpu":
            torch.set_num_threads(threads)
        try:
            model = AutoModelForSequenceClassification.from_pretrained(
                artifact.path, dtype=dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise ArtifactCorrupt(f"model.safetensors: transformers cannot load it: {error}") from error
        self._model = model.to(self._device).eval()
        self._info = EngineInfo("torch", str(dtype).removeprefix("torch."), threads, self._device)

    @property
    def info(self) -> EngineInfo:
        """What runs, where and at which precision."""
        return self._info

    def logits(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """One row of logits for each text. Shapes: ids [B, T], mask [B, T] -> [B, L]. Raises: EngineFailed."""
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        try:
            with torch.inference_mode():
                output = self._model(**{name: tensor.to(self._device) for name, tensor in inputs.items()})
        except (RuntimeError, IndexError) as error:  # IndexError: a token id that the weights do not have
            raise EngineFailed(f"forward pass of shape {ids.shape} failed") from error
        logits: FloatArray = output.logits.float().cpu().numpy()
        return logits
