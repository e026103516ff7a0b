"""A real browser on the real page: Debian's chromium through Playwright, the service over the released model.

Where no chromium is installed (apt-get install chromium), these tests are skipped; none is downloaded.

What an action brings about may come after its call has returned (a tap's click does), so no test looks at the page just
once: ``expect`` looks until it finds what it should, or PATIENCE_MS are over.
"""

import re
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
PATIENCE_MS = 30_000
"""How long a check waits before it fails: some ten times what the slowest takes beside busy neighbours."""
START_SECONDS = 120


class Served:
    """The service in a thread, at an address of its own."""

    def __init__(self, classifier: StanceClassifier, **settings: Any) -> None:
        # No test is about the deadlines, and a busy machine should not meet them.
        app = create_app(Settings(**{"deadline_seconds": 120, "stream_seconds": 120, **settings}), classifier)
        config = uvicorn.Config(app, port=0, log_level="critical", access_log=False, ws="none", http=Connection)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + START_SECONDS
        while not self.server.started:
            assert self.thread.is_alive(), "the service ended before it had started"
            assert time.monotonic() < until, f"the service did not start within {START_SECONDS} s"
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}/"

    def close(self) -> None:
        """Stop it."""
        self.server.should_exit = True
        self.thread.join(60)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running chromium."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no chromium is installed on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        playwright.expect.set_options(timeout=PATIENCE_MS)
        browser = started.chromium.launch(executable_path=path, args=FLAGS, timeout=START_SECONDS * 1_000)
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

    A test that provokes errors says in ``page.provoked``, a regular expression, which. Nothing scrolls smoothly: on its
    way a statement would pass under the pointer or from under it.
    """
    opened: list[Any] = []

    def start(url: str = address, **options: Any) -> Any:
        desk = {"viewport": {"width": 1200, "height": 900}, "reduced_motion": "reduce"}
        context = chromium.new_context(**{**desk, **options})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.complaints, page.provoked, page.asked = [], "(?!)", []
        page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(url)
        opened.append((page, url))
        return page

    yield start
    for page, url in opened:
        assert [one for one in page.complaints if not re.search(page.provoked, one)] == []
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
