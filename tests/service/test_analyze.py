"""POST /analyze: whole articles, in one piece or in lines, through the queue that everybody shares."""

import asyncio
import json
import socket
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from service.analyst import MAX_ANALYSES
from service.auth import fingerprint
from service.batching import MAX_PADDED_TOKENS

ARTICLE = (
    "Talks resume\n\nThe union rejected the offer on Monday. “We will sign only if they sign,” Ada Novak said. "
    "\U0001f600 Novak told Karim Haddad that time was short.\n\nKarim Haddad said the door was open."
)
NDJSON = {"accept": "application/x-ndjson"}


def lines_of(response: Any) -> list[dict[str, Any]]:
    """The lines of a streamed answer."""
    return [json.loads(line) for line in response.text.splitlines()]


def article(n: int, *, word: str = "talk") -> str:
    """An article of so many statements."""
    return " ".join(f"They will {word} again on day {number} of it." for number in range(n))


def slow_article(n: int) -> str:
    """An article of so many statements, for each twentieth of which the engine takes 50 ms."""
    return " ".join(f"A {'quick' if number % 20 else 'SLOW'} day {number} of it." for number in range(n))


def test_every_statement_is_placed(client: TestClient) -> None:
    """Places are characters of the text that was sent, in order, and between statements stand only blanks."""
    answer = client.post("/analyze", json={"text": ARTICLE, "title": "Talks", "date": "2026-11-27"}).json()
    assert (answer["title"], answer["date"], answer["text"]) == ("Talks", "2026-11-27", None)
    assert answer["n_chars"] == len(ARTICLE)
    statements = answer["statements"]
    assert [one["index"] for one in statements] == list(range(len(statements)))
    for one in statements:
        assert ARTICLE[one["start"] : one["end"]] == one["text"]
        for place in (one["source"], one["cue"]):
            assert not place or ARTICLE[place["start"] : place["end"]] == place["text"]
    for before, after in pairwise(statements):
        assert not ARTICLE[before["end"] : after["start"]].strip(" \n\U0001f600")


def test_actors_are_put_together(client: TestClient) -> None:
    """Each speaker is an actor with its counts, a leaning and its most certain statements."""
    answer = client.post("/analyze", json={"text": ARTICLE}).json()
    actors = {actor["name"]: actor for actor in answer["actors"]}
    assert {"Ada Novak", "Karim Haddad"} <= actors.keys()
    for name, actor in actors.items():
        own = [one for one in answer["statements"] if one["speaker"] == name]
        assert actor["n_statements"] == sum(actor["counts"].values()) == len(own)
        if actor["leaning"]:
            assert -1 <= actor["leaning"]["low"] <= actor["leaning"]["value"] <= actor["leaning"]["high"] <= 1
        for stance, index in actor["most_certain"].items():
            assert answer["statements"][index]["stance"] == stance
    assert [(one["speaker"], one["addressee"]) for one in answer["addressed"]] == [("Ada Novak", "Karim Haddad")]


def test_plain_text_is_the_same(client: TestClient) -> None:
    """The bare text gets the answer that it gets in JSON."""
    plain = client.post("/analyze", content=ARTICLE.encode(), headers={"content-type": "text/plain"}).json()
    assert plain == client.post("/analyze", json={"text": ARTICLE}).json()


def test_a_statement_gets_the_answer_that_it_gets_alone(client: TestClient) -> None:
    """The stance of each statement is that of /classify for the same words."""
    for one in client.post("/analyze", json={"text": ARTICLE}).json()["statements"]:
        alone = client.post("/classify", json={"text": one["text"]}).json()
        assert {name: one[name] for name in ("stance", "confidence", "probabilities", "certain")} == {
            name: alone[name] for name in ("stance", "confidence", "probabilities", "certain")
        }


def test_lines_say_the_same(client: TestClient) -> None:
    """A stream begins with the segments, shows progress, and holds in the end what one document holds."""
    text = article(200)
    whole = client.post("/analyze", json={"text": text}).json()
    response = client.post("/analyze", json={"text": text}, headers=NDJSON)
    assert response.headers["content-type"] == "application/x-ndjson"
    lines = lines_of(response)
    kinds = [line["type"] for line in lines]
    assert kinds[0] == "start"
    assert kinds[-2:] == ["actors", "end"]
    progress = [line for line in lines if line["type"] == "progress"]
    assert len(progress) > 2
    assert [line["n_done"] for line in progress] == sorted({line["n_done"] for line in progress})
    assert sum(len(line["stances"]) for line in progress) == len(lines[0]["segments"]) == 200
    assert [line["statement"] for line in lines if line["type"] == "statement"] == whole["statements"]
    (actors,) = [line for line in lines if line["type"] == "actors"]
    assert {name: actors[name] for name in ("actors", "addressed", "n_unknown", "failed")} == {
        name: whole[name] for name in ("actors", "addressed", "n_unknown", "failed")
    }


@pytest.mark.parametrize("headers", [{}, NDJSON])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": " \n"}, "empty_text"),
        ({"text": "a\0b"}, "unreadable_text"),
        ({"text": "word " * 400}, "text_too_long"),
        ({"text": "It is. " * 40}, "too_many_statements"),
        ({"text": "x", "lang": "de"}, "invalid_request"),
        ({"text": "x", "title": "t" * 301}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
def test_what_cannot_be_answered_is_refused_before_the_first_line(
    make_client: Callable[..., TestClient],
    assert_refused: Callable[..., Any],
    headers: dict[str, str],
    body: dict[str, Any],
    code: str,
) -> None:
    """A bad text has a status and the one error body, whether lines were asked for or not."""
    client = make_client(max_article_chars=1_000, max_article_statements=30)
    assert_refused(client.post("/analyze", json=body, headers=headers), code)


def test_a_statement_that_breaks_the_engine_fails_alone(client: TestClient) -> None:
    """It is listed as failed, with its place; the others are answered, numbered without it."""
    text = "We will talk. The POISON is here. They will talk."
    answer = client.post("/analyze", json={"text": text}).json()
    assert [one["text"] for one in answer["statements"]] == ["We will talk.", "They will talk."]
    assert [one["index"] for one in answer["statements"]] == [0, 1]
    (failed,) = answer["failed"]
    assert text[failed["start"] : failed["end"]] == "The POISON is here."
    assert failed["error"]["code"] == "internal"


def test_an_article_is_answered_whole_or_not_at_all(
    make_client: Callable[..., TestClient], assert_refused: Callable[..., Any]
) -> None:
    """One document has no part of an article whose end came too late."""
    client = make_client(deadline_seconds=0.3)
    text = article(60) + " The engine will HANG here."
    assert_refused(client.post("/analyze", json={"text": text}), "deadline_exceeded")


def test_a_stream_that_fails_says_so_in_its_last_line(make_client: Callable[..., TestClient], classifier: Any) -> None:
    """After the first line a failure is a line of its own, counted as an error; no end follows."""
    client = make_client(stream_seconds=0.5, deadline_seconds=0.5)
    response = client.post("/analyze", json={"text": article(60) + " The engine will HANG here."}, headers=NDJSON)
    classifier.release.set()
    assert response.status_code == 200
    last = lines_of(response)[-1]
    assert last["type"] == "error"
    assert last["error"]["code"] == "deadline_exceeded"
    assert last["error"]["request_id"] == response.headers["x-request-id"]
    assert 'parley_errors_total{code="deadline_exceeded"} 1.0' in client.get("/metrics").text


def test_a_stream_may_take_longer(make_client: Callable[..., TestClient]) -> None:
    """A stream has its own, longer deadline, unless the caller names one."""
    client = make_client(deadline_seconds=0.25, stream_seconds=300)
    text = slow_article(600)
    assert lines_of(client.post("/analyze", json={"text": text}, headers=NDJSON))[-1]["type"] == "end"
    hurried = client.post("/analyze", json={"text": text}, headers={**NDJSON, "X-Deadline-Ms": "150"})
    assert hurried.status_code == 504 or lines_of(hurried)[-1]["type"] == "error"


def test_a_long_article_holds_up_nobody(with_app: Callable[..., None]) -> None:
    """A statement that is sent while a long article is read is answered long before the article's end."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        text = slow_article(1_500)
        reading = asyncio.create_task(http.post("/analyze", json={"text": text}))
        while not app.state.batcher.statistics.n_texts:
            await asyncio.sleep(0.01)
        for _ in range(3):
            response = await http.post("/classify", json={"text": "We will talk."})
            assert response.status_code == 200
        n_done = app.state.batcher.statistics.n_texts
        assert n_done < 1_000, "the statements came after most of the article"
        assert not reading.done()
        assert len((await reading).json()["statements"]) == 1_500

    with_app(scenario, deadline_seconds=300)


def test_only_so_many_at_a_time(with_app: Callable[..., None], classifier: Any) -> None:
    """Articles beyond those that are being read are refused at once, and told when to come again."""

    async def scenario(http: httpx.AsyncClient, app: FastAPI) -> None:
        hanging = asyncio.create_task(http.post("/classify", json={"text": "HANG"}))
        while not classifier.seen or classifier.seen[-1] != ["HANG"]:
            await asyncio.sleep(0.01)
        ask = partial(http.post, "/analyze", json={"text": "We will talk."})
        calls = [asyncio.create_task(ask()) for _ in range(MAX_ANALYSES)]
        while app.state.batcher._n_queued < MAX_ANALYSES:
            await asyncio.sleep(0.01)
        refused = await ask(headers=NDJSON)
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "overloaded"
        assert int(refused.headers["retry-after"]) >= 1
        classifier.release.set()
        assert [call.status_code for call in await asyncio.gather(hanging, *calls)] == [200] * (1 + MAX_ANALYSES)
        assert (await ask()).status_code == 200

    with_app(scenario)


def test_a_piece_that_finds_no_room_waits(make_client: Callable[..., TestClient]) -> None:
    """An article that is larger than the whole queue is answered all the same, piece by piece."""
    client = make_client(max_queued_tokens=1_100)
    assert len(client.post("/analyze", json={"text": article(300)}).json()["statements"]) == 300


def test_an_article_costs_its_tokens(
    make_client: Callable[..., TestClient], assert_refused: Callable[..., Any]
) -> None:
    """All of an article counts toward its key's rate, whole or not at all, and is measured under the key's name."""
    client = make_client(keys=f"desk {fingerprint(b'x')}", key_tokens_per_second=1, key_burst_tokens=500)
    key = {"Authorization": "Bearer x"}
    answer = client.post("/analyze", json={"text": article(20)}, headers=key).json()
    n_tokens = sum(len(one["text"]) for one in answer["statements"])  # of the fake, a token for each character
    assert f'parley_key_tokens_total{{key="desk"}} {float(n_tokens)}' in client.get("/metrics", headers=key).text
    assert_refused(client.post("/analyze", json={"text": article(20)}, headers=key), "rate_limited")


def test_who_goes_away_costs_no_more(serve: Callable[..., Any], classifier: Any) -> None:
    """The article of a caller that has left is read no further, streamed or not."""
    body = json.dumps({"text": slow_article(3_000)}).encode()
    head = f"POST /analyze HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    n_all = len(body) / MAX_PADDED_TOKENS  # forward passes of the whole: of the fake, a token for each character
    with serve(deadline_seconds=300, stream_seconds=300) as server:
        for accept in ("", "Accept: application/x-ndjson\r\n"):
            seen = len(classifier.seen)
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
                connection.sendall(f"{head}{accept}\r\n".encode() + body)
                until = time.monotonic() + 60
                while len(classifier.seen) == seen and time.monotonic() < until:
                    time.sleep(0.01)
            before, after = -1, len(classifier.seen)
            while after > before:  # until the service has noticed
                time.sleep(0.5)
                before, after = after, len(classifier.seen)
            assert after - seen < n_all / 2


def test_the_limits_are_stated(client: TestClient) -> None:
    """/info has what bounds an article."""
    limits = client.get("/info").json()["limits"]
    assert (limits["max_article_chars"], limits["max_article_statements"]) == (400_000, 4_000)
    assert limits["stream_seconds"] == 60
