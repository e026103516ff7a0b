"""What goes wrong is said clearly on the page, and what helps is offered: a key, another try, the limit."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from service.auth import fingerprint

TEXT = "We will talk."


def submit(page: Any, text: str) -> None:
    """Send a text off."""
    page.fill("#text", text)
    page.click("#entry .primary")


def said(page: Any) -> str:
    """What the notice of trouble says."""
    page.wait_for_selector("#trouble")
    return str(page.inner_text("#trouble-text"))


def error_body(code: str, message: str) -> str:
    """An error as the service words it."""
    return json.dumps({"error": {"code": code, "message": message, "request_id": "abc123"}})


def test_nothing_to_read(page: Any) -> None:
    """An empty field is told apart from an empty answer."""
    submit(page, "  ")
    assert "nothing to read yet" in said(page)


def test_a_limit_is_told(serve: Callable[..., str], open_page: Callable[..., Any]) -> None:
    """A text that is too long is told with its length and the limit, and the request's id to ask about."""
    page = open_page(serve(max_article_chars=1_000))
    submit(page, "word " * 300)
    assert "1,500 characters; at most 1,000 are allowed" in said(page)
    assert "Request " in said(page)
    assert not page.locator("#again").is_visible()
    assert "at most 1,000 are read" in page.inner_text("#count")
    page.complaints.clear()


def test_a_key_is_asked_for(serve: Callable[..., str], open_page: Callable[..., Any]) -> None:
    """Where keys are set the page asks for one, says when it is wrong, and goes on with the right one, unsaved."""
    page = open_page(serve(keys=f"desk {fingerprint(b'parley_right')}"))
    page.wait_for_selector("#key-form")
    submit(page, TEXT)
    page.fill("#key", "parley_wrong")
    page.click("#key-form button")
    page.wait_for_selector("#key-form label:has-text('not accepted')")
    page.fill("#key", "parley_right")
    page.click("#key-form button")
    page.wait_for_selector("#result-head")
    assert not page.locator("#key-form").is_visible()
    assert page.input_value("#key") == ""
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    page.complaints.clear()


@pytest.mark.parametrize(("status", "code"), [(429, "overloaded"), (503, "not_ready")])
def test_a_full_service_is_asked_again(page: Any, status: int, code: str) -> None:
    """When the service is full or stopping, the page waits as long as it is asked to, and then offers another try."""
    body = error_body(code, "the queue is full; try again in 1 seconds")
    answer = {"status": status, "headers": {"retry-after": "1"}, "content_type": "application/json", "body": body}
    page.route("**/analyze", lambda route: route.fulfill(**answer), times=1)
    submit(page, TEXT)
    assert "The queue is full" in said(page)
    assert page.is_disabled("#again")
    page.wait_for_selector("#again:enabled")
    page.click("#again")
    page.wait_for_selector("#result-head")
    assert not page.locator("#trouble").is_visible()
    page.complaints.clear()


def test_a_service_that_is_gone(page: Any) -> None:
    """Where nobody answers, that is said."""
    page.route("**/analyze", lambda route: route.abort())
    submit(page, TEXT)
    assert "cannot be reached" in said(page)
    assert page.is_enabled("#again")
    page.complaints.clear()


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
    assert says in said(page)
    assert not page.locator("#result").is_visible()


def test_reading_can_be_stopped(page: Any) -> None:
    """Progress is shown while the service works, and can be ended."""
    page.route("**/analyze", lambda route: None)  # never answered
    submit(page, TEXT)
    page.wait_for_selector("#work progress")
    page.click("#cancel")
    page.wait_for_selector("#work", state="hidden")
    assert not page.locator("#trouble").is_visible()


def test_a_file_of_another_kind(page: Any) -> None:
    """A kind that cannot be read is refused on the page, with those that can; a damaged one by the service."""
    page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"x"})
    assert ".docx or .pdf" in said(page)
    page.set_input_files("#file", {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"x"})
    page.wait_for_selector("#trouble-text:has-text('no PDF')")
    page.complaints.clear()
