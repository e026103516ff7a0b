"""The default engine: the int8 OpenVINO graph on a CPU."""

import os
from pathlib import Path
from typing import Final, Self

import openvino
from openvino import properties
from openvino.properties import hint

from models.artifact import OPENVINO_GRAPH, OPENVINO_WEIGHTS, Artifact
from models.encoding import IntArray
from models.engines import EngineInfo, Logits
from models.errors import EngineFailed, EngineUnavailable

OUTPUTS: Final = ("logits", "token_logits")
"""The graph's outputs by name, in the order of the fields of Logits."""


class OpenVinoEngine:
    """A compiled graph with one stream, so that one forward pass has all the threads."""

    def __init__(self, graph: Path, *, threads: int) -> None:
        """Compile the graph, whose weights OpenVINO finds beside it. Raises: EngineUnavailable."""
        threads = threads or os.cpu_count() or 1
        settings = {
            properties.inference_num_threads(): threads,
            properties.num_streams(): 1,
            # OpenVINO picks bf16 on CPUs that have it unless told otherwise: answers would then depend on the machine.
            hint.inference_precision(): openvino.Type.f32,
            # Scales taken from the batch at hand would make an answer depend on its neighbours.
            hint.dynamic_quantization_group_size(): 0,
        }
        try:
            self._request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()
        except RuntimeError as error:
            raise EngineUnavailable(f"{OPENVINO_GRAPH}: OpenVINO cannot compile it: {error}") from error
        self._info = EngineInfo(name="openvino", precision="int8", threads=threads, device="cpu")

    @classmethod
    def of_artifact(cls, artifact: Artifact, *, threads: int) -> Self:
        """The engine over the verified graph and weights. Raises: ArtifactMissing, EngineUnavailable."""
        artifact.file(OPENVINO_WEIGHTS)
        return cls(artifact.file(OPENVINO_GRAPH), threads=threads)

    @property
    def info(self) -> EngineInfo:
        """What runs, where and at which precision."""
        return self._info

    def forward(self, ids: IntArray, mask: IntArray) -> Logits:
        """Both heads' logits for each text. Shapes: ids [B, T], mask [B, T]. Raises: EngineFailed."""
        try:
            self._request.infer({"input_ids": ids, "attention_mask": mask})
        except RuntimeError as error:
            raise EngineFailed(f"forward pass of shape {ids.shape} failed") from error
        return Logits(*(self._request.get_tensor(name).data.copy() for name in OUTPUTS))
