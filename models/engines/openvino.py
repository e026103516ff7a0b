"""The default engine: the int8 OpenVINO graph on a CPU."""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, Self

import openvino
from openvino import properties
from openvino.properties import hint

from models.artifact import OPENVINO_GRAPH, OPENVINO_WEIGHTS, Artifact
from models.encoding import IntArray
from models.engines import EngineInfo, Logits, usable_cores
from models.errors import EngineFailed, EngineUnavailable

OUTPUTS: Final = ("logits", "token_logits")
"""The graph's outputs by name, in the order of the fields of Logits."""


REQUESTS_PER_STREAM: Final = 2
"""Of the requests in flight one computes and one waits, so that a stream never waits for Python."""


class OpenVinoEngine:
    """A compiled graph with one thread for each stream: batches run beside each other, each on a thread of its own.

    Threads that share one batch wait for the slowest at every layer, and a core that serves HTTP is often the slowest.
    Several callers may use it at once: they share its streams. Source: docs/log.md, "Streams".
    """

    def __init__(self, graph: Path, *, threads: int) -> None:
        """Compile the graph, whose weights OpenVINO finds beside it. Raises: EngineUnavailable."""
        threads = threads or usable_cores()
        settings = {
            properties.inference_num_threads(): threads,
            properties.num_streams(): threads,
            # Pinned threads cannot make way for the thread that serves HTTP.
            hint.enable_cpu_pinning(): False,
            # OpenVINO picks bf16 on CPUs that have it unless told otherwise: answers would then depend on the machine.
            hint.inference_precision(): openvino.Type.f32,
            # Scales taken from the batch at hand would make an answer depend on its neighbours.
            hint.dynamic_quantization_group_size(): 0,
        }
        try:
            compiled = openvino.Core().compile_model(graph, "CPU", settings)
            self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
            for _ in range(threads * REQUESTS_PER_STREAM):
                self._idle.put(compiled.create_infer_request())
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
        """All heads' logits for each text. Shapes: ids [B, T], mask [B, T]. Raises: EngineFailed."""
        (logits,) = self.forward_each([(ids, mask)])
        return logits

    def forward_each(self, batches: Iterable[tuple[IntArray, IntArray]]) -> list[Logits]:
        """What ``forward`` gives for each batch, in order; one on each thread at a time. Raises: EngineFailed."""
        running: deque[tuple[openvino.InferRequest, tuple[int, ...]]] = deque()
        done: list[Logits] = []
        try:
            for ids, mask in batches:
                while (request := self._take(wait=not running)) is None:
                    done.append(self._finish(running))
                running.append((request, ids.shape))
                request.start_async({"input_ids": ids, "attention_mask": mask})
            while running:
                done.append(self._finish(running))
        except RuntimeError as error:
            raise EngineFailed(f"forward pass of shape {ids.shape} failed") from error
        finally:
            for request, _ in running:  # after a failure: nothing may still compute when the next call comes
                with suppress(RuntimeError):
                    request.wait()
                self._idle.put(request)
        return done

    def _take(self, *, wait: bool) -> openvino.InferRequest | None:
        """An idle request; None where there is none, or wait for one. A caller who holds some must not wait."""
        try:
            return self._idle.get(block=wait)
        except Empty:
            return None

    def _finish(self, running: deque[tuple[openvino.InferRequest, tuple[int, ...]]]) -> Logits:
        """What the oldest of these requests gives; it is idle then. Raises: EngineFailed."""
        request, shape = running[0]
        try:
            request.wait()
        except RuntimeError as error:
            raise EngineFailed(f"forward pass of shape {shape} failed") from error
        logits = Logits(*(request.get_tensor(name).data.copy() for name in OUTPUTS))
        running.popleft()
        self._idle.put(request)
        return logits
