"""Another version of the model takes over while requests run: none fails, and each says which version answered."""

import asyncio
import gc
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from models.errors import ArtifactCorrupt, EngineFailed
from service.rollover import Rollover
from service.telemetry import Metrics

Make = Callable[[], Any]


@pytest.fixture
def make_model(classifier: Any) -> Callable[[str], Any]:
    """Makes fake classifiers of other versions."""

    def make(version: str) -> Any:
        model = type(classifier)()
        model.artifact.manifest.version = version
        model.artifact.manifest.model_id = f"fake@{version}"
        model.artifact.manifest.digest = version * 20
        return model

    return make


def outcomes(metrics: Metrics) -> dict[str, float]:
    """How often each outcome of a reload was counted."""
    samples = [sample for family in metrics.reloads.collect() for sample in family.samples]
    return {s.labels["outcome"]: s.value for s in samples if s.name.endswith("_total")}


async def exchange(app: FastAPI, reopen: Make) -> None:
    """Order the exchange as SIGHUP does, and wait for its end."""
    rollover: Rollover = app.state.rollover
    rollover._reopen = reopen
    app.state.reload()
    assert rollover._running
    await rollover._running


def test_each_answer_names_its_version(with_app: Callable[..., None], make_model: Callable[[str], Any]) -> None:
    """Before the exchange the old version answers, after it the new one; /info, the metrics and the document follow."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        assert (await http.get("/openapi.json")).json()["info"]["version"] == "1.2.3"
        assert (await http.post("/classify", json={"text": "one"})).json()["model"] == "fake@1.2.3"
        await exchange(app, lambda: make_model("2.0.0"))
        assert (await http.post("/classify", json={"text": "one"})).json()["model"] == "fake@2.0.0"
        assert (await http.get("/info")).json()["model"] == "fake@2.0.0"
        assert (await http.get("/openapi.json")).json()["info"]["version"] == "2.0.0"
        metrics = (await http.get("/metrics")).text
        assert f'parley_model{{digest="{"d" * 64}",model="fake@1.2.3"}} 0.0' in metrics
        assert f'parley_model{{digest="{"2.0.0" * 20}",model="fake@2.0.0"}} 1.0' in metrics
        assert 'parley_model_reloads_total{outcome="swapped"} 1.0' in metrics

    with_app(scenario)


def test_an_exchange_does_not_trip_the_watchdog(
    with_app: Callable[..., None], make_model: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new version may answer the test statement otherwise; from then on its own first answer is what counts."""
    monkeypatch.setattr("service.watchdog.IDLE_SECONDS", 0.05)

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        new_model, asked = make_model("2.0.0"), []
        new_model.canary = lambda: asked.append(None)
        new_model.signature = lambda _: 0.25
        await exchange(app, lambda: new_model)
        for n, ready in ((2, 200), (4, 503)):
            while len(asked) < n:
                await asyncio.sleep(0.02)
            async with asyncio.timeout(30):
                while (await http.get("/health/ready")).status_code != ready:
                    await asyncio.sleep(0.02)
            new_model.signature = lambda _: 0.3

    with_app(scenario)


def test_a_request_keeps_the_model_that_read_it(
    with_app: Callable[..., None], classifier: Any, make_model: Callable[[str], Any]
) -> None:
    """A batch that waits or runs while models are exchanged is answered by the old one whole; new requests are not."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        items = [{"text": "HANG"}, *({"text": f"waiting {'x' * n}"} for n in range(0, 200, 20))]
        old = asyncio.create_task(http.post("/classify/batch", json={"items": items}))
        while not classifier.seen:
            await asyncio.sleep(0.001)
        new_model = make_model("2.0.0")
        await exchange(app, lambda: new_model)
        new = asyncio.create_task(http.post("/classify/batch", json={"items": items[1:]}))
        await asyncio.sleep(0.05)
        classifier.release.set()
        answers = [(await task).json()["items"] for task in (old, new)]
        assert [{item["prediction"]["model"] for item in batch} for batch in answers] == [
            {"fake@1.2.3"},
            {"fake@2.0.0"},
        ]
        assert {text for texts in new_model.seen for text in texts} == {item["text"] for item in items[1:]}
        for batch, sent in zip(answers, (items, items[1:]), strict=True):
            for item, text in zip(batch, sent, strict=True):
                hostile = item["prediction"]["probabilities"]["hostile"]
                assert hostile == pytest.approx(classifier.signature(text["text"]))

    with_app(scenario)


def test_the_old_model_is_freed(make_model: Callable[[str], Any]) -> None:
    """Once nothing holds a text that it read, the old model is gone; until then it is not."""

    async def main() -> None:
        old = make_model("1.0.0")
        rollover = Rollover(old, lambda: make_model("2.0.0"), Metrics())
        waiting = rollover.encode(["still waiting"], old)
        gone = weakref.ref(old)
        del old
        assert await rollover.exchange() == "swapped"
        gc.collect()
        assert gone() is not None
        assert len(rollover.predict_encoded(waiting)) == 1
        del waiting
        gc.collect()
        assert gone() is None

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (ArtifactCorrupt("openvino/model.bin: sha256 is other"), "openvino/model.bin: sha256 is other"),
        (EngineFailed("no forward pass succeeds"), "no forward pass succeeds"),
        (ValueError("Quetzalcoatlus"), "the model raised what it should not"),
    ],
)
def test_a_bad_model_is_refused_and_the_old_one_goes_on(
    with_app: Callable[..., None], caplog: pytest.LogCaptureFixture, error: Exception, logged: str
) -> None:
    """A model that cannot be loaded, verified or asked is refused with its cause in the log; answers go on; so does
    readiness; a later good one is taken.
    """

    def fail() -> Any:
        raise error

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        await exchange(app, fail)
        assert (await http.post("/classify", json={"text": "one"})).json()["model"] == "fake@1.2.3"
        assert (await http.get("/health/ready")).status_code == 200
        assert 'parley_model_reloads_total{outcome="refused"} 1.0' in (await http.get("/metrics")).text

    with caplog.at_level(logging.INFO, logger="parley"):
        with_app(scenario)
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert message.startswith("the new model is refused, fake@1.2.3 goes on: ")
    assert logged in message
    assert "Quetzalcoatlus" not in message


def test_the_same_model_is_not_exchanged(make_model: Callable[[str], Any]) -> None:
    """Where the directory holds what is served already, nothing changes."""

    async def main() -> None:
        model = make_model("1.0.0")
        rollover = Rollover(model, lambda: make_model("1.0.0"), Metrics())
        assert await rollover.exchange() == "unchanged"
        assert rollover.current is model

    asyncio.run(main())


def test_orders_that_come_meanwhile_are_run_once_more(make_model: Callable[[str], Any]) -> None:
    """Five orders while one runs lead to one more run, which sees what is in the directory last; no two run at once."""

    async def main() -> None:
        versions, n_running, ordered = iter(("2.0.0", "3.0.0", "4.0.0")), 0, threading.Event()

        def reopen() -> Any:
            nonlocal n_running
            n_running += 1
            assert n_running == 1
            assert ordered.wait(60)
            n_running -= 1
            return make_model(next(versions))

        metrics = Metrics()
        rollover = Rollover(make_model("1.0.0"), reopen, metrics)
        for _ in range(6):
            rollover.begin()
            await asyncio.sleep(0.01)
        ordered.set()
        assert rollover._running
        await rollover._running
        assert rollover.current.artifact.manifest.version == "3.0.0"
        assert outcomes(metrics) == {"swapped": 2}

    asyncio.run(main())


def test_queue_and_engine_are_measured(make_model: Callable[[str], Any]) -> None:
    """Each text's wait is observed once, each forward pass once, also where one batch holds texts of two models."""
    metrics = Metrics()
    old, new = make_model("1.0.0"), make_model("2.0.0")
    rollover = Rollover(old, lambda: new, metrics)
    mixed = [*rollover.encode(["a", "b"], old), *rollover.encode(["c"], new), *rollover.encode(["d"], old)]
    assert len(rollover.predict_encoded(mixed)) == 4
    assert (old.seen, new.seen) == ([["a", "b", "d"]], [["c"]])
    counts = {
        (s.labels["stage"]): s.value
        for family in metrics.registry.collect()
        for s in family.samples
        if s.name == "parley_stage_seconds_count"
    }
    assert (counts["queue"], counts["engine"]) == (4, 2)
