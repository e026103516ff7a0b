"""A real browser on the real page: Debian's chromium through Playwright, the service over the released model.

Where no chromium is installed (apt-get install chromium), these tests are skipped; none is downloaded.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from models.classifier import StanceClassifier
from service.app import create_app
from service.connection import Connection
from service.settings import Settings

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
"""CI runs as root in a container: chromium's own sandbox does not start there."""
PATIENCE_MS = 20_000


class Served:
    """The service in a thread, at an address of its own."""

    def __init__(self, classifier: StanceClassifier, **settings: Any) -> None:
        app = create_app(Settings(**settings), classifier)
        config = uvicorn.Config(app, port=0, log_level="critical", access_log=False, ws="none", http=Connection)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + 20
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}/"

    def close(self) -> None:
        """Stop it."""
        self.server.should_exit = True
        self.thread.join(10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running chromium."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no chromium is installed on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(chromium: Any, classifier: StanceClassifier) -> Iterator[str]:
    """The address of the service with default settings. Asks for the browser first: without one nothing is served."""
    served = Served(classifier)
    yield served.url
    served.close()


@pytest.fixture
def serve(chromium: Any, classifier: StanceClassifier) -> Iterator[Callable[..., str]]:
    """Serves with other settings; returns the address."""
    opened: list[Served] = []

    def start(**settings: Any) -> str:
        opened.append(Served(classifier, **settings))
        return opened[-1].url

    yield start
    for served in opened:
        served.close()


@pytest.fixture
def open_page(chromium: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens the page in a fresh context with these options; in the end no console has an error, no other host a call.

    ``page.complaints`` collects what the console says; a test that provokes errors empties it.
    """
    opened: list[Any] = []

    def start(url: str = address, **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.complaints, page.asked = [], []
        page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(url)
        opened.append((page, url))
        return page

    yield start
    for page, url in opened:
        assert page.complaints == []
        assert [one for one in page.asked if not one.startswith((url, "blob:"))] == []
        page.context.close()


@pytest.fixture
def page(open_page: Callable[..., Any]) -> Any:
    """The page, just opened."""
    return open_page()


@pytest.fixture
def read(page: Any) -> Callable[[str], Any]:
    """Has a text read on the page, and waits for all that is found."""

    def act(text: str) -> Any:
        page.fill("#text", text)
        page.click("#entry .primary")
        page.wait_for_selector("#result-head")
        page.wait_for_selector("#work", state="hidden")
        return page

    return act
