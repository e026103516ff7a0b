"""The model that answers, and its exchange for another version without a request that fails.

The other version is loaded, verified and warmed aside; then one assignment makes it the one that new requests get. A
request stays with the model that encoded it, so a text never meets the graph of another version, and all answers of a
batch come from one. The old model is freed with the last request that holds it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Final

from models.classifier import StanceClassifier
from models.encoding import Encoding
from models.errors import EngineFailed, ParleyError
from models.prediction import Prediction
from service.errors import trace
from service.settings import Settings
from service.telemetry import Metrics

log = logging.getLogger("parley.model")

PARTS: Final = attrgetter(*(part.name for part in fields(Encoding)))


@dataclass(frozen=True, slots=True, eq=False)
class OwnEncoding(Encoding):
    """A text as one model reads it, which is the model that must answer it."""

    owner: StanceClassifier = field(kw_only=True)
    encoded_at: float = field(kw_only=True)  # on the performance counter, in seconds


def open_model(settings: Settings) -> StanceClassifier:
    """The model of the settings, verified and warm. Raises: ParleyError.

    The directory may be a link that is changed while it is read, so what it leads to now is what is read throughout.
    """
    classifier = StanceClassifier.open(settings.model.resolve(), engine=settings.engine, threads=settings.threads)
    classifier.warm_up()
    return classifier


class Rollover:
    """A classifier in the batcher's eyes, with a model inside that can be exchanged. Used on one event loop."""

    def __init__(self, current: StanceClassifier, reopen: Callable[[], StanceClassifier], metrics: Metrics) -> None:
        self.current = current
        self._reopen = reopen
        self._metrics = metrics
        self._running: asyncio.Task[None] | None = None
        self._again = False

    def announce(self) -> None:
        """Let the metrics name the model that answers."""
        self._tell(self.current, 1)

    def encode(self, texts: Sequence[str], model: StanceClassifier) -> list[Encoding]:
        """One encoding for each text, in order, each of which that model will answer."""
        encodings, now = model.encoder.encode(texts), time.perf_counter()
        return [OwnEncoding(*PARTS(encoding), owner=model, encoded_at=now) for encoding in encodings]

    def predict_encoded(self, encodings: Sequence[Encoding]) -> list[Prediction]:
        """One prediction for each encoding, in order, from the model that it belongs to. Raises: EngineError."""
        owners = [encoding.owner if isinstance(encoding, OwnEncoding) else self.current for encoding in encodings]
        predictions: dict[int, Prediction] = {}
        for owner in dict.fromkeys(owners):  # two only while models are exchanged
            own = [index for index, other in enumerate(owners) if other is owner]
            answers = self._forward(owner, [encodings[index] for index in own])
            predictions.update(zip(own, answers, strict=True))
        return [predictions[index] for index in range(len(encodings))]

    def _forward(self, owner: StanceClassifier, encodings: Sequence[Encoding]) -> list[Prediction]:
        started = time.perf_counter()
        for encoding in encodings:
            if isinstance(encoding, OwnEncoding):
                self._metrics.stages["queue"].observe(started - encoding.encoded_at)
        try:
            return owner.predict_encoded(encodings)
        finally:
            self._metrics.stages["engine"].observe(time.perf_counter() - started)

    def begin(self) -> None:
        """Begin to exchange the model for what is in its directory now. An order that comes meanwhile runs after it."""
        if self._running and not self._running.done():
            self._again = True
        else:
            self._running = asyncio.create_task(self._exchange(), name="rollover")

    async def _exchange(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            self._metrics.reloads.labels(await self.exchange()).inc()

    async def exchange(self) -> str:
        """Read the model's directory again and answer from it if it can be served: swapped, unchanged or refused."""
        old = self.current.artifact.manifest
        log.info("reading the model again; %s answers meanwhile", old.model_id)
        try:
            candidate = await asyncio.to_thread(self._open)
        except ParleyError as error:
            log.error("the new model is refused, %s goes on: %s", old.model_id, trace(error))
            return "refused"
        new = candidate.artifact.manifest
        if (new.model_id, new.digest) == (old.model_id, old.digest):
            log.info("the model is the same as before: %s", old.model_id)
            return "unchanged"
        self._tell(self.current, 0)
        self.current = candidate
        self.announce()
        log.info("%s answers from now on, %s no new request", new.model_id, old.model_id)
        return "swapped"

    def _open(self) -> StanceClassifier:
        """What the thread runs: whatever a foreign file breaks is an EngineError, so that the old model goes on."""
        try:
            return self._reopen()
        except ParleyError:
            raise
        except Exception as error:
            raise EngineFailed("the model raised what it should not") from error

    def _tell(self, model: StanceClassifier, answers: int) -> None:
        manifest = model.artifact.manifest
        self._metrics.model.labels(manifest.model_id, manifest.digest).set(answers)
