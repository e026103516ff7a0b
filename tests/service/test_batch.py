"""POST /classify/batch: order, ids, and errors that stay with their item."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

TEXT = "We will return to the talks only once the sanctions are lifted."
JSON = {"content-type": "application/json"}
SECRET = "Zebrafish"


def answers(client: TestClient, items: list[Any]) -> list[dict[str, Any]]:
    """The answers for these items, whose counts agree with them."""
    response = client.post("/classify/batch", json={"items": items})
    assert response.status_code == 200, response.text
    body = response.json()
    assert body.keys() == {"items", "n_ok", "n_errors"}
    assert body["n_ok"] == sum(item["status"] == "ok" for item in body["items"])
    assert body["n_errors"] == sum(item["status"] == "error" for item in body["items"])
    assert all(item.keys() == {"id", "status", "prediction", "error"} for item in body["items"])
    assert all((item["prediction"] is None) == (item["status"] == "error") for item in body["items"])
    assert all((item["error"] is None) == (item["status"] == "ok") for item in body["items"])
    return list(body["items"])


def test_order_is_kept(client: TestClient) -> None:
    """Each item gets the answer that its text gets alone, in the order of the request, whatever the lengths."""
    texts = [f"Statement {number} " + "x" * (number * 37 % 200) for number in range(100)]
    batch = answers(client, [{"text": text} for text in texts])
    alone = [client.post("/classify", json={"text": text}).json() for text in texts]
    for answer in (*alone, *(item["prediction"] for item in batch)):
        assert answer.pop("id")  # of two requests
    assert [item["prediction"] for item in batch] == alone


def test_ids_come_back(client: TestClient) -> None:
    """Ids are echoed as they are, also twice the same or empty; a missing or null one becomes the position."""
    items = [{"id": "b", "text": TEXT}, {"text": TEXT}, {"id": "b", "text": TEXT}, {"id": "", "text": TEXT}]
    items += [{"id": None, "text": TEXT}, {"id": "\U0001f91d‮\n", "text": TEXT}]
    assert [item["id"] for item in answers(client, items)] == ["b", "1", "b", "", "4", "\U0001f91d‮\n"]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"id": "bad", "text": " "}, "empty_text"),
        ({"id": "bad", "text": SECRET * 5_000}, "text_too_long"),
        ({"id": "bad", "text": f"{SECRET}\x00"}, "unreadable_text"),
        ({"id": "bad", "text": None}, "invalid_request"),
        ({"id": "bad", "text": 7}, "invalid_request"),
        ({"id": "bad"}, "invalid_request"),
        ({"id": "bad", "text": TEXT, SECRET: 1}, "invalid_request"),
        ({"id": 7, "text": TEXT}, "invalid_request"),
        ({"id": [SECRET], "text": TEXT}, "invalid_request"),
        ({}, "invalid_request"),
        (SECRET, "invalid_request"),
        (None, "invalid_request"),
        (3.5, "invalid_request"),
        ([SECRET], "invalid_request"),
        ({"id": "bad", "text": f"POISON {SECRET}"}, "internal"),
        ({"id": "bad", "text": f"BUG {SECRET}"}, "internal"),
    ],
)
def test_a_bad_item_fails_alone(client: TestClient, bad: Any, code: str) -> None:
    """A bad item gets its own error, without its text, and its neighbours are answered."""
    before, item, after = answers(client, [{"id": "a", "text": TEXT}, bad, {"id": "c", "text": TEXT}])
    assert (before["id"], before["status"], after["id"], after["status"]) == ("a", "ok", "c", "ok")
    assert item["id"] == (bad["id"] if isinstance(bad, dict) and isinstance(bad.get("id"), str) else "1")
    assert item["error"].keys() == {"code", "message"}
    assert item["error"]["code"] == code
    assert SECRET not in json.dumps(item)
    assert client.get("/health/ready").status_code == 200


def test_surrogates_in_ids_and_texts(client: TestClient) -> None:
    """A lone surrogate in an id is replaced, as it cannot be sent; one in a text is that item's error."""
    body = b'{"items": [{"id": "a\\ud800", "text": "yes"}, {"id": "b", "text": "yes \\udfff"}, {"text": "yes"}]}'
    response = client.post("/classify/batch", content=body, headers=JSON)
    assert response.status_code == 200
    first, second, third = response.json()["items"]
    assert (first["id"], first["status"]) == ("a?", "ok")
    assert (second["error"]["code"], third["status"]) == ("unreadable_text", "ok")


def test_the_same_text_twice(client: TestClient) -> None:
    """Equal texts get equal answers."""
    first, second = answers(client, [{"text": TEXT}, {"text": TEXT}])
    assert {**first["prediction"], "id": ""} == {**second["prediction"], "id": ""}


def test_only_bad_items(client: TestClient) -> None:
    """A batch without a single good item is answered, item by item, without the engine."""
    assert [item["error"]["code"] for item in answers(client, [{"text": ""}, 1])] == ["empty_text", "invalid_request"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"items": []}', "invalid_request"),
        (b"{}", "invalid_request"),
        (b'{"items": null}', "invalid_request"),
        (b'{"items": "Zebrafish"}', "invalid_request"),
        (b'{"items": {"text": "Zebrafish"}}', "invalid_request"),
        (b'{"items": [{"text": "yes"}], "Zebrafish": 1}', "invalid_request"),
        (b'[{"text": "Zebrafish"}]', "invalid_request"),
        (b'{"items": [{"text": "yes", "text": "Zebrafish"}]}', "malformed_json"),
        (b'{"items": [' + b'{"text": "yes"},' * 256 + b'{"text": "Zebrafish"}]}', "too_many_items"),
        (b'{"items": [' + b"{}," * 1_000_000 + b"{}]}", "too_many_items"),
        (b'{"items": [' + b"[" * 500_000, "malformed_json"),
        (b'{"items": ["' + b"Zebrafish" * 500_000 + b'"]}', "body_too_large"),
    ],
    ids=["empty", "missing", "null", "string", "object", "extra", "array", "twice", "257", "million", "deep", "large"],
)
def test_a_bad_envelope_is_refused(
    client: TestClient, assert_refused: Callable[..., dict[str, Any]], body: bytes, code: str
) -> None:
    """What is wrong with the batch itself is one error for all of it."""
    assert_refused(client.post("/classify/batch", content=body, headers=JSON), code, without=SECRET)
    assert client.get("/health/ready").status_code == 200


def test_plain_text_is_no_batch(client: TestClient, assert_refused: Callable[..., dict[str, Any]]) -> None:
    """A batch has no plain form."""
    response = client.post("/classify/batch", content=b"yes", headers={"content-type": "text/plain"})
    assert_refused(response, "unsupported_media_type")


def test_a_full_queue_refuses_the_whole_request(
    classifier: Any,
    with_app: Callable[..., None],
    assert_refused: Callable[..., dict[str, Any]],
) -> None:
    """A batch that finds no room is refused at once, whole, with Retry-After; what was accepted before is answered."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        running = asyncio.create_task(http.post("/classify", json={"text": "HANG"}))
        await until(lambda: bool(classifier.seen))
        waiting = asyncio.create_task(http.post("/classify", json={"text": "w" * 200}))
        await until(lambda: app.state.batcher.queued_tokens == 200)
        refused = await http.post("/classify/batch", json={"items": [{"text": "n" * 200}] * 5})
        assert_refused(refused, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert app.state.batcher.queued_tokens == 200
        assert (await http.get("/health/ready")).status_code == 200
        classifier.release.set()
        assert [(await task).status_code for task in (running, waiting)] == [200, 200]
        assert not any("n" * 200 in texts for texts in classifier.seen)

    with_app(scenario, max_queued_tokens=1_024)


def test_an_abandoned_request_costs_nothing(classifier: Any, make_app: Callable[..., FastAPI]) -> None:
    """When the caller goes away while its text waits, the text is never run."""

    async def main() -> None:
        app = make_app()
        async with app.router.lifespan_context(app):
            gone = asyncio.Event()
            sent: list[Any] = []

            def call(text: str, *, leaves: bool) -> Awaitable[None]:
                messages: list[dict[str, Any]] = [
                    {"type": "http.request", "body": json.dumps({"text": text}).encode(), "more_body": False}
                ]

                async def receive() -> Any:
                    if messages:
                        return messages.pop()
                    await (gone.wait() if leaves else asyncio.Event().wait())
                    return {"type": "http.disconnect"}

                async def send(message: Any) -> None:
                    sent.append((text, message))

                scope = {
                    "type": "http", "method": "POST", "path": "/classify", "raw_path": b"/classify", "root_path": "",
                    "query_string": b"", "headers": [(b"content-type", b"application/json")], "http_version": "1.1",
                }  # fmt: skip
                return asyncio.create_task(app(scope, receive, send))

            running = call("HANG", leaves=False)
            await until(lambda: bool(classifier.seen))
            waiting = [call(f"abandoned {number}", leaves=True) for number in range(50)]
            await until(lambda: app.state.batcher.queued_tokens > 0)
            gone.set()
            await asyncio.gather(*waiting)
            classifier.release.set()
            await running
            assert {text for text, _ in sent} == {"HANG"}
            metrics = "\n".join(sample for sample in await scrape(app) if "parley_requests_total" in sample)
            assert 'status="499"} 50.0' in metrics
        assert classifier.seen == [["HANG"]]
        assert app.state.batcher.queued_tokens == 0

    asyncio.run(main())


async def scrape(app: FastAPI) -> list[str]:
    """The lines of /metrics."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://parley") as http:
        return (await http.get("/metrics")).text.splitlines()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, at most half a minute."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)
