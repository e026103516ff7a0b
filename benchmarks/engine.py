"""The engine without HTTP, the same network in torch, and what the machine's integer arithmetic would allow."""

import os
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino
from openvino import opset13 as ops
from openvino import properties
from openvino.properties import hint

from benchmarks.statements import groups
from models.classifier import StanceClassifier

BATCH: Final = 32
HIDDEN, INNER, LAYERS = 384, 1536, 6
"""The encoder's shape: MiniLM-L6."""
N_PAIRS: Final = 12
"""Products up and down in the measured chain: enough that starting it costs nothing."""
ROOF_TOKENS: Final = 512
"""Rows of the measured product: a full forward pass."""
FIXED_TOKENS: Final = 30
"""Length of the statements on which engine and torch are compared."""


def multiplications_per_token(n_tokens: float) -> float:
    """Multiply-adds of one token's forward pass, in a text of that many: linear layers, and attention to each token."""
    return LAYERS * (4 * HIDDEN**2 + 2 * HIDDEN * INNER + 2 * HIDDEN * n_tokens)


def rate(step: Callable[[], int], *, seconds: float) -> float:
    """What ``step`` counts in a second, called again and again, once beforehand to warm up."""
    step()
    n, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        n += step()
    return n / elapsed


def predict_rate(classifier: StanceClassifier, texts: Sequence[str], *, seconds: float) -> float:
    """Statements per second of predict() in this process, in batches of 32 as they come: the limit without HTTP."""
    batches = groups(texts, BATCH)
    for batch in batches[:8]:
        classifier.predict(batch)
    supply = cycle(batches)
    return rate(lambda: len(classifier.predict(next(supply))), seconds=seconds)


def lone_ms(classifier: StanceClassifier, texts: Sequence[str], *, seconds: float) -> float:
    """The median milliseconds of predict() for one statement at a time."""
    times: list[float] = []
    supply = cycle(texts)
    stop_at = time.perf_counter() + seconds
    while time.perf_counter() < stop_at:
        started = time.perf_counter()
        classifier.predict([next(supply)])
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1000


def fixed_rates(model: Path, ours: StanceClassifier, *, seconds: float) -> tuple[float, float]:
    """Statements of 30 tokens a second in batches of 32: our engine, and torch in fp32, eagerly, on all cores."""
    torch_engine = StanceClassifier.open(model, engine="torch").engine
    ids = np.random.default_rng(0).integers(1_000, 20_000, (BATCH, FIXED_TOKENS))
    width = -(-FIXED_TOKENS // 8) * 8
    padded = np.zeros((BATCH, width), dtype=np.int64)
    padded[:, :FIXED_TOKENS] = ids
    mask = (padded > 0).astype(np.int64)
    half = BATCH // 2
    parts = [(padded[:half], mask[:half]), (padded[half:], mask[half:])]
    engine = rate(lambda: sum(len(one.stance) for one in ours.engine.forward_each(parts)), seconds=seconds)
    whole = (ids.astype(np.int64), np.ones_like(ids, dtype=np.int64))
    return engine, rate(lambda: len(torch_engine.forward(*whole).stance), seconds=seconds)


def integer_rate(*, seconds: float) -> float:
    """Multiply-adds a second of int8 matrix products in the encoder's shapes, a chain of them on each core."""
    n_cores = os.cpu_count() or 1
    settings: dict[Any, Any] = {
        properties.inference_num_threads(): n_cores,
        properties.num_streams(): n_cores,
        hint.enable_cpu_pinning(): False,
        hint.inference_precision(): openvino.Type.f32,
    }
    compiled = openvino.Core().compile_model(_chain_of_products(), "CPU", settings)
    requests = [compiled.create_infer_request() for _ in range(n_cores)]

    def step() -> int:
        for request in requests:
            request.start_async()
        for request in requests:
            request.wait()
        return n_cores * N_PAIRS * 2 * HIDDEN * INNER * ROOF_TOKENS

    return rate(step, seconds=seconds)


def _chain_of_products() -> openvino.Model:
    """A graph of int8 products alone, up to the inner width and back, rounded to 8 bits between as in the encoder."""
    generator = np.random.default_rng(0)
    given = ops.parameter([ROOF_TOKENS, HIDDEN], openvino.Type.f32)
    value: Any = given
    for _ in range(N_PAIRS):
        for width_in, width_out in ((HIDDEN, INNER), (INNER, HIDDEN)):
            value = ops.fake_quantize(value, *(np.float32(edge) for edge in (-4, 4, -4, 4)), 256)
            weights = ops.constant(generator.integers(-127, 128, (width_out, width_in)).astype(np.int8))
            scaled = ops.multiply(ops.convert(weights, "f32"), np.float32(1e-3))
            value = ops.matmul(value, scaled, transpose_a=False, transpose_b=True)
    return openvino.Model([value], [given])
