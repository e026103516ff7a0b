"""POST /classify with explain: what each group of words does for the answer, and what that costs."""

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.encoding import Encoding
from models.errors import EngineFailed
from models.explanation import MAX_GROUPS
from models.prediction import Prediction
from service.auth import fingerprint

TEXT = "We will return to the talks only once the sanctions are lifted."


def test_each_group_has_its_drop(client: TestClient, classifier: Any) -> None:
    """Asked to explain, the same answer comes with groups in text order and how far the stance drops without each."""
    plain = client.post("/classify", json={"text": TEXT}).json()
    explained = client.post("/classify", json={"text": TEXT, "explain": True}).json()
    assert {**explained, "explanation": None, "id": plain["id"]} == plain
    groups = explained["explanation"]
    assert [group["text"] for group in groups] == [
        "We will return", "to the talks", "only once the sanctions are lifted."
    ]  # fmt: skip
    (rest,) = classifier.encode(["We will return to the talks."])
    remaining = classifier.prediction("We will return to the talks.", rest).confidence
    assert groups[2]["drop"] == pytest.approx(plain["confidence"] - remaining)


def test_without_being_asked_nothing_is_explained_or_paid(client: TestClient, classifier: Any) -> None:
    """Left out or false, explain gives null and one forward pass of one text; asked, one pass more for all groups."""
    for body in ({"text": TEXT}, {"text": TEXT, "explain": False}):
        classifier.seen.clear()
        assert client.post("/classify", json=body).json()["explanation"] is None
        assert classifier.seen == [[TEXT]]
    classifier.seen.clear()
    client.post("/classify", json={"text": TEXT, "explain": True})
    assert classifier.seen[0] == [TEXT]
    assert sum(map(len, classifier.seen)) == 4


@pytest.mark.parametrize(
    "text",
    [
        "We will talk \U0001f91d tomorrow \U0001f468‍\U0001f469‍\U0001f467, if they come.",
        "Cafe\u0301 talks,\r\nand re\u0301sume\u0301s:\r\nno deal.",
        "‮We will not talk⁦ to them⁩, ever.",
        "word " * 500,
        "7",
        "A" * 20_000,
    ],
    ids=["emoji", "combining", "bidi", "too-long", "digit", "one-word"],
)
def test_offsets_are_those_of_the_text_that_was_sent(client: TestClient, text: str) -> None:
    """Whatever the characters, offsets give a group's text, groups are apart, and together hold all that was read."""
    answer = client.post("/classify", json={"text": text, "explain": True}).json()
    groups = answer["explanation"]
    assert 1 <= len(groups) <= MAX_GROUPS
    assert all(text[group["start"] : group["end"]] == group["text"] for group in groups)
    assert all(one["end"] <= other["start"] for one, other in pairwise(groups))
    read = text[: groups[-1]["end"]]
    assert answer["truncated"] or read == text.rstrip()
    assert "".join("".join(group["text"] for group in groups).split()) == "".join(read.split())


@pytest.mark.parametrize("text", ["POISON to the talks", "We stay, if they go\r\nBUG them out."])
def test_a_text_that_breaks_the_engine_fails_once(
    client: TestClient, classifier: Any, assert_refused: Callable[..., dict[str, Any]], text: str
) -> None:
    """A text that breaks the engine is refused like any other, before its groups are tried: the service stays ready."""
    assert_refused(client.post("/classify", json={"text": text, "explain": True}), "internal")
    assert sum(map(len, classifier.seen)) == 1
    assert client.get("/health/ready").status_code == 200


def test_a_group_that_breaks_the_engine_fails_the_request(
    client: TestClient, classifier: Any, assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """Where only a remainder breaks the engine, the request fails too: no explanation has holes."""
    answer = classifier.predict_encoded

    def break_on_remainder(encodings: list[Encoding]) -> list[Prediction]:
        if any("".join(map(chr, one.ids)) == "We will return to the talks." for one in encodings):
            raise EngineFailed("a forward pass failed")
        return list(answer(encodings))

    classifier.predict_encoded = break_on_remainder
    assert client.post("/classify", json={"text": TEXT}).status_code == 200
    assert_refused(client.post("/classify", json={"text": TEXT, "explain": True}), "internal")
    assert client.get("/health/ready").status_code == 200


def test_the_deadline_holds_for_all_of_it(
    classifier: Any, with_app: Callable[..., None], assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """An explanation that is not there in time is given up as a whole, at the deadline of the request."""

    async def scenario(http: httpx.AsyncClient, _: FastAPI) -> None:
        started = time.monotonic()
        response = await http.post("/classify", json={"text": "HANG on, we said.", "explain": True})
        assert_refused(response, "deadline_exceeded")
        assert time.monotonic() - started < 15  # the pass hangs for twenty
        classifier.release.set()

    with_app(scenario, deadline_seconds=0.3)


def test_its_tokens_count_toward_admission(
    classifier: Any, with_app: Callable[..., None], assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """What fits the queue by itself is refused with its groups, while something else waits, before any of it runs."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        hung = asyncio.create_task(http.post("/classify", json={"text": "HANG"}))
        while not classifier.seen:
            await asyncio.sleep(0.001)
        waiting = asyncio.create_task(http.post("/classify", json={"text": "waits"}))
        while not app.state.batcher.queued_tokens:
            await asyncio.sleep(0.001)
        text = "word, " * 40
        refused = await http.post("/classify", json={"text": text, "explain": True})
        assert_refused(refused, "overloaded")
        taken = asyncio.create_task(http.post("/classify", json={"text": text}))
        await asyncio.sleep(0.05)
        classifier.release.set()
        assert (await taken).status_code == 200
        await asyncio.gather(hung, waiting)
        assert not any("word" in seen and len(seen) < len(text) - 10 for batch in classifier.seen for seen in batch)

    with_app(scenario, max_queued_tokens=1_024)


def test_its_groups_are_expected_from_the_first(classifier: Any, with_app: Callable[..., None]) -> None:
    """While the text itself runs, what is to come counts as waiting; nothing of it does when all is answered."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        explaining = asyncio.create_task(http.post("/classify", json={"text": "HANG on, we said.", "explain": True}))
        while not classifier.seen:
            await asyncio.sleep(0.001)
        assert app.state.batcher.queued_tokens == 0
        assert app.state.batcher.workload.waiting_tokens > 0
        classifier.release.set()
        assert (await explaining).status_code == 200
        assert app.state.batcher.workload.waiting_tokens == 0

    with_app(scenario)


def test_what_is_larger_than_the_queue_is_not_in_its_own_way(make_client: Callable[..., TestClient]) -> None:
    """Where nothing else waits an explanation is given, also when text and groups do not fit the queue together."""
    response = make_client(max_queued_tokens=1_024).post("/classify", json={"text": "word, " * 40, "explain": True})
    assert response.status_code == 200
    assert len(response.json()["explanation"]) == MAX_GROUPS


def test_a_key_pays_for_the_groups_too(
    make_client: Callable[..., TestClient], classifier: Any, assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """The tokens of all remainders count on the key's rate; what it cannot pay for is refused before any of it runs."""
    keyed = make_client(keys=f"desk {fingerprint(b'x')}", key_tokens_per_second=0.5, key_burst_tokens=300)
    header = {"Authorization": "Bearer x"}
    explained = {"text": TEXT, "explain": True}
    assert keyed.post("/classify", json=explained, headers=header).status_code == 200
    n_passes = len(classifier.seen)
    assert_refused(keyed.post("/classify", json=explained, headers=header), "rate_limited")
    assert len(classifier.seen) == n_passes
    assert keyed.post("/classify", json={"text": TEXT}, headers=header).status_code == 200


def test_only_true_and_false_are_taken(client: TestClient, assert_refused: Callable[..., dict[str, Any]]) -> None:
    """Anything but true or false is refused by name, not guessed at."""
    for value in ("yes", 1, None):
        refused = client.post("/classify", json={"text": TEXT, "explain": value})
        assert "explain" in assert_refused(refused, "invalid_request")["message"]


def test_items_of_a_batch_are_not_explained(client: TestClient) -> None:
    """In a batch, explain is a field that is not known, for a batch's cost is bounded by its items; null comes back."""
    body = {"items": [{"text": TEXT, "explain": True}, {"text": TEXT}]}
    asked, plain = client.post("/classify/batch", json=body).json()["items"]
    assert asked["error"]["code"] == "invalid_request"
    assert plain["prediction"]["explanation"] is None
