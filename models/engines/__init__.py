"""Inference engines, one file each, behind one small protocol; imported only when chosen."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from models.artifact import Artifact
from models.decision import FloatArray
from models.encoding import IntArray
from models.errors import EngineUnavailable


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine says of itself in /info. ``threads`` is the number of compute threads it may use."""

    name: str
    precision: str
    threads: int
    device: str


class Logits(NamedTuple):
    """What one forward pass gives. Shapes: stance [B, L], tokens [B, T, K], of which padding's rows mean nothing."""

    stance: FloatArray
    tokens: FloatArray


class Engine(Protocol):
    """A forward pass and nothing else: no labels, no HTTP."""

    @property
    def info(self) -> EngineInfo:
        """What runs, where and at which precision."""
        ...

    def forward(self, ids: IntArray, mask: IntArray) -> Logits:
        """All heads' logits for each text. Shapes: ids [B, T], mask [B, T]. Raises: EngineFailed."""
        ...

    def forward_each(self, batches: Iterable[tuple[IntArray, IntArray]]) -> list[Logits]:
        """What ``forward`` gives for each batch, in order; several may run at once. Raises: EngineFailed."""
        ...


ENGINES = ("openvino", "torch")


def usable_cores() -> int:
    """How many cores this process may use, where the system tells: a container may have fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_engine(name: str, artifact: Artifact, *, threads: int) -> Engine:
    """The engine of that name over a verified artifact. ``threads`` 0 means one for each core that may be used.

    Raises: EngineUnavailable when there is no such engine, or its package is not installed.
    """
    try:
        if name == "openvino":
            from models.engines.openvino import OpenVinoEngine

            return OpenVinoEngine.of_artifact(artifact, threads=threads)
        if name == "torch":
            from models.engines.torch import TorchEngine

            return TorchEngine(artifact, threads=threads)
    except ImportError as error:
        raise EngineUnavailable(f"the {name} engine needs a package that is not installed: {error.name}") from error
    raise EngineUnavailable(f"no engine is called {name!r}; there are {', '.join(ENGINES)}")
