"""What goes wrong is said clearly on the page, and what helps is offered: a key, another try, the limit."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from service.auth import fingerprint

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

TEXT = "We will talk."


def submit(page: Any, text: str) -> None:
    """Send a text off."""
    page.fill("#text", text)
    page.click("#entry .primary")


def expect_said(page: Any, words: str) -> None:
    """The notice of trouble says this, or will soon."""
    expect(page.locator("#trouble-text")).to_contain_text(words)
    expect(page.locator("#trouble")).to_be_visible()


def error_body(code: str, message: str) -> str:
    """An error as the service words it."""
    return json.dumps({"error": {"code": code, "message": message, "request_id": "abc123"}})


def test_nothing_to_read(page: Any) -> None:
    """An empty field is told apart from an empty answer."""
    submit(page, "  ")
    expect_said(page, "nothing to read yet")


def test_a_limit_is_told(serve: Callable[..., str], open_page: Callable[..., Any]) -> None:
    """A text that is too long is told with its length and the limit, and the request's id to ask about."""
    page = open_page(serve(max_article_chars=1_000))
    page.provoked = "status of 422"
    submit(page, "word " * 300)
    expect_said(page, "1,500 characters; at most 1,000 are allowed")
    expect_said(page, "Request ")
    expect(page.locator("#again")).to_be_hidden()
    expect(page.locator("#count")).to_contain_text("at most 1,000 are read")


def test_a_key_is_asked_for(serve: Callable[..., str], open_page: Callable[..., Any]) -> None:
    """Where keys are set the page asks for one, says when it is wrong, and goes on with the right one, unsaved."""
    address = serve(keys=f"desk {fingerprint(b'parley_right')}")
    page = open_page(address)
    page.provoked = "status of 401"
    page.wait_for_selector("#key-form")
    submit(page, TEXT)
    expect(page.locator("#key")).to_be_focused()
    page.fill("#key", "parley_wrong")
    page.click("#key-form button")
    page.wait_for_selector("#key-form label:has-text('not accepted')")
    page.fill("#key", "parley_right")
    page.click("#key-form button")
    page.wait_for_selector("#result-head")
    expect(page.locator("#key-form")).to_be_hidden()
    expect(page.locator("#key")).to_have_value("")
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


@pytest.mark.parametrize(("status", "code"), [(429, "overloaded"), (503, "not_ready")])
def test_a_full_service_is_asked_again(page: Any, status: int, code: str) -> None:
    """When the service is full or stopping, the page waits as long as it is asked to, and then offers another try."""
    body = error_body(code, "the queue is full; try again in 1 seconds")
    answer = {"status": status, "headers": {"retry-after": "1"}, "content_type": "application/json", "body": body}
    page.provoked = f"status of {status}"
    page.clock.install()
    page.clock.pause_at("2040-01-01")
    page.route("**/analyze", lambda route: route.fulfill(**answer), times=1)
    submit(page, TEXT)
    expect_said(page, "The queue is full")
    expect(page.locator("#again")).to_be_disabled()
    page.clock.run_for(1_000)
    expect(page.locator("#again")).to_be_enabled()
    page.click("#again")
    page.wait_for_selector("#result-head")
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_service_that_is_gone(page: Any) -> None:
    """Where nobody answers, that is said."""
    page.provoked = "net::ERR_FAILED"
    page.route("**/analyze", lambda route: route.abort())
    submit(page, TEXT)
    expect_said(page, "cannot be reached")
    expect(page.locator("#again")).to_be_enabled()


@pytest.mark.parametrize(
    ("last", "says"),
    [
        ("", "broke off"),
        ('{"type":"error","error":{"code":"deadline_exceeded","message":"no answer within the deadline",'
         '"request_id":"abc123","retry_after_seconds":null}}\n', "No answer within the deadline"),
    ],
)  # fmt: skip
def test_an_answer_that_breaks_off_is_none(page: Any, last: str, says: str) -> None:
    """A stream without its end is no result: what was shown of it goes, and the reason is said."""
    start = {
        "type": "start", "title": None, "date": None, "text": None, "n_chars": 13, "language": None,
        "segments": [{"start": 0, "end": 13, "kind": "sentence", "paragraph": 0}], "model": "m@1", "codebook": "1",
    }  # fmt: skip
    body = json.dumps(start) + "\n" + last
    page.route("**/analyze", lambda route: route.fulfill(content_type="application/x-ndjson", body=body))
    submit(page, TEXT)
    expect_said(page, says)
    expect(page.locator("#result")).to_be_hidden()


def test_reading_can_be_stopped(page: Any) -> None:
    """Progress is shown while the service works, and can be ended."""
    page.route("**/analyze", lambda route: None)  # never answered
    submit(page, TEXT)
    page.wait_for_selector("#work progress")
    page.click("#cancel")
    expect(page.locator("#work")).to_be_hidden()
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_file_of_another_kind(page: Any) -> None:
    """A kind that cannot be read is refused on the page, with those that can; a damaged one by the service."""
    page.provoked = "status of 422"
    page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"x"})
    expect_said(page, ".docx or .pdf")
    page.set_input_files("#file", {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"x"})
    expect_said(page, "no PDF")
