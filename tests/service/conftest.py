"""A classifier that answers at once and misbehaves on markers, the app over it, and clients in and out of process."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.encoding import Encoding
from models.engines import EngineInfo
from models.errors import EngineFailed
from models.labels import CODEBOOK_VERSION, STANCES, Stance
from models.prediction import Prediction
from service.admission import Workload
from service.app import create_app
from service.batching import Batcher
from service.connection import Connection
from service.errors import BY_CODE, ServiceError
from service.settings import Settings
from service.watchdog import CANARY

MAX_TOKENS = 256


class FakeClassifier:
    """One token for each character, so that a forward pass can read the text back.

    POISON in a text fails its batch as an engine does, BUG fails it as no engine should, SLOW takes 50 ms, HANG waits
    until ``release`` is set. FREEZE holds up whoever encodes it, which is the event loop. ``seen`` records the texts of
    each forward pass; for the canary ``canary`` is called instead.
    """

    def __init__(self) -> None:
        self.artifact = SimpleNamespace(
            manifest=SimpleNamespace(
                model_id="fake@1.2.3",
                version="1.2.3",
                digest="d" * 64,
                codebook=CODEBOOK_VERSION,
                max_tokens=MAX_TOKENS,
            ),
            decision=SimpleNamespace(coverage=0.9),
        )
        self.encoder = self
        self.engine = SimpleNamespace(info=EngineInfo(name="fake", precision="exact", threads=1, device="none"))
        self.seen: list[list[str]] = []
        self.release = threading.Event()
        self.n_warm_ups = 0
        self.canary: Callable[[], None] = lambda: None

    def warm_up(self) -> None:
        """Count that it was called."""
        self.n_warm_ups += 1

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """One token for each character."""
        if any("FREEZE" in text for text in texts):
            time.sleep(20)
        places = tuple((index, index + 1) for index in range(MAX_TOKENS))
        return [
            Encoding(tuple(map(ord, text[:MAX_TOKENS])), places[: len(text)], len(text) > MAX_TOKENS) for text in texts
        ]

    def predict_encoded(self, encodings: Sequence[Encoding]) -> list[Prediction]:
        """A prediction that names its text: the second probability is ``signature(text)``."""
        texts = ["".join(map(chr, encoding.ids)) for encoding in encodings]
        if texts == [CANARY]:
            self.canary()
        else:
            self.seen.append(texts)
        for text in texts:
            if "POISON" in text:
                raise EngineFailed("a forward pass failed")
            if "BUG" in text:
                raise ValueError(f"cannot handle {text}")
            if "SLOW" in text:
                time.sleep(0.05)
            if "HANG" in text:
                self.release.wait(20)
        return [self.prediction(text, encoding) for text, encoding in zip(texts, encodings, strict=True)]

    def prediction(self, text: str, encoding: Encoding) -> Prediction:
        """What this classifier says of a text."""
        hostile = self.signature(text)
        probabilities = dict(zip(STANCES, (0.0, hostile, 1 - hostile, 0.0), strict=True))
        return Prediction(
            Stance.CONDITIONAL, probabilities, (Stance.CONDITIONAL,), encoding.truncated, encoding.n_tokens
        )

    @staticmethod
    def signature(text: str) -> float:
        """A number below a half that differs between texts."""
        return (hash(text[:MAX_TOKENS]) % 1_000_003) / 2_000_007


@pytest.fixture
def classifier() -> Iterator[FakeClassifier]:
    """A fake classifier; whatever hangs in it is let go at the end."""
    fake = FakeClassifier()
    yield fake
    fake.release.set()


@pytest.fixture(scope="session")
def make_bench() -> Callable[[], "Bench"]:
    """Makes benches, for tests that need more than one."""
    return lambda: Bench(FakeClassifier())


@pytest.fixture
def make_app(classifier: FakeClassifier) -> Callable[..., FastAPI]:
    """Makes an app over the fake classifier, with the given settings and the defaults of all others."""
    return lambda **settings: create_app(Settings(**settings), classifier)  # type: ignore[arg-type]  # a stand-in


@pytest.fixture
def make_client(make_app: Callable[..., FastAPI]) -> Iterator[Callable[..., TestClient]]:
    """Makes a client of a running app with the given settings."""
    opened: list[TestClient] = []

    def make(**settings: Any) -> TestClient:
        opened.append(TestClient(make_app(**settings), raise_server_exceptions=False))
        return opened[-1].__enter__()

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    """A client of a running app with default settings."""
    return make_client()


@pytest.fixture
def with_app(make_app: Callable[..., FastAPI]) -> Callable[..., None]:
    """Runs ``scenario(http, app)`` on one event loop beside the running app, for what has to happen at once."""

    def run(scenario: Callable[[httpx.AsyncClient, FastAPI], Awaitable[None]], **settings: Any) -> None:
        async def main() -> None:
            app = make_app(**settings)
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://parley") as http,
            ):
                await scenario(http, app)

        asyncio.run(main())

    return run


@pytest.fixture
def assert_refused() -> Callable[..., dict[str, Any]]:
    """Checks that a response is the one error body with this code and its status; returns the error."""

    def check(response: Any, code: str, *, without: str = "") -> dict[str, Any]:
        assert response.status_code == BY_CODE[code].status, response.text
        body = response.json()
        assert body.keys() == {"error"}
        assert body["error"].keys() == {"code", "message", "request_id"}
        assert body["error"]["code"] == code
        assert body["error"]["message"]
        assert body["error"]["request_id"] == response.headers["x-request-id"]
        assert not without or without not in response.text
        return dict(body["error"])

    return check


class Bench:
    """A batcher on an event loop of its own, and what its tests do with it."""

    def __init__(self, classifier: FakeClassifier) -> None:
        self.classifier = classifier

    def drive(self, scenario: Callable[[Batcher], Awaitable[None]], *, max_queued_tokens: int = 10**7) -> Batcher:
        """Run a scenario with a started batcher, a minute at most; the batcher, closed."""

        async def main() -> Batcher:
            # The fake is quick: a slower guess would refuse what has little time before it was measured.
            batcher = Batcher(self.classifier, Workload(max_queued_tokens, tokens_per_second=1e9))
            batcher.start()
            async with asyncio.timeout(60):
                await scenario(batcher)
            self.classifier.release.set()
            await batcher.close(within_seconds=5)
            return batcher

        return asyncio.run(main())

    def submit(
        self, batcher: Batcher, *texts: str, seconds: float = 10
    ) -> Coroutine[Any, Any, list[Prediction | ServiceError]]:
        """Submit these texts with a deadline that many seconds from now."""
        return batcher.submit(self.classifier.encode(texts), deadline=time.monotonic() + seconds)

    async def hang(self, batcher: Batcher) -> asyncio.Task[Any]:
        """A request whose forward pass runs until ``classifier.release`` is set."""
        n_before = len(self.classifier.seen)
        task = asyncio.create_task(self.submit(batcher, "HANG"))
        while len(self.classifier.seen) == n_before:
            await asyncio.sleep(0.001)
        return task

    def own(self, text: str) -> Prediction:
        """What the classifier says of this text alone."""
        (encoding,) = self.classifier.encode([text])
        return self.classifier.prediction(text[:MAX_TOKENS], encoding)


@pytest.fixture
def bench(classifier: FakeClassifier) -> Bench:
    """A bench for the batcher, over the fake classifier."""
    return Bench(classifier)


class LiveServer:
    """A uvicorn in a thread, over the fake classifier."""

    def __init__(self, app: FastAPI, **config: Any) -> None:
        self.server = uvicorn.Server(
            uvicorn.Config(
                app, port=0, log_level="critical", access_log=False, ws="none", **{"http": Connection, **config}
            )
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> "LiveServer":
        self.thread.start()
        until = time.monotonic() + 60
        while not self.server.started:
            assert self.thread.is_alive(), "the server ended before it had started"
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(60)

    def get(self, path: str) -> httpx.Response:
        """The answer to a GET on a connection of its own."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=60)


@pytest.fixture
def live_server() -> type[LiveServer]:
    """Makes real servers, for tests that need their own settings."""
    return LiveServer


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    """A real server whose bodies must arrive within a second and have at most 4 KiB."""
    settings = Settings(receive_seconds=1.0, max_body_bytes=4_096, max_text_chars=1_000)
    with LiveServer(create_app(settings, FakeClassifier())) as server:  # type: ignore[arg-type]  # a stand-in
        yield server


@pytest.fixture
def serve(make_app: Callable[..., FastAPI]) -> Callable[..., LiveServer]:
    """Makes real servers over the fake classifier with the given settings; enter one to start it."""
    return lambda **settings: LiveServer(make_app(**settings))
