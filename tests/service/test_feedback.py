"""POST /feedback: off by default; switched on, what is confirmed is stored, and what is not stored is no half row."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.feedback import Correction, read_corrections, text_sha256
from models.given_conditions import GivenCondition
from models.labels import ConditionKind, Stance
from service.auth import fingerprint
from service.errors import Unavailable
from service.feedback import MAX_WAITING, FeedbackStore
from service.feedback_schemas import MAX_NOTE_CHARS
from service.settings import Settings, SettingsError

BODY = {"prediction_id": "abc/0", "stance": "hostile"}
PROGRAM = """
import importlib.util, sys
from models.classifier import StanceClassifier
spec = importlib.util.spec_from_file_location("fakes", sys.argv[1])
fakes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fakes)
StanceClassifier.open = lambda *_, **__: fakes.FakeClassifier()
from service.__main__ import main
raise SystemExit(main())
"""

MakeClient = Callable[..., TestClient]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of a test is."""
    return tmp_path / "feedback.sqlite"


def stored(path: Path) -> list[Correction]:
    """The corrections in a store."""
    return [correction for _, correction in read_corrections(path)]


def test_it_is_off_unless_a_setting_names_a_store(client: TestClient, assert_refused: Callable[..., Any]) -> None:
    """Without STANCE_FEEDBACK a correction gets 404, and the message says which setting is missing."""
    error = assert_refused(client.post("/feedback", json=BODY), "not_found")
    assert "STANCE_FEEDBACK" in error["message"]


def test_a_correction_is_stored(make_client: MakeClient, path: Path) -> None:
    """What was sent is in the store when the answer comes; the text only where it was sent, its sha256 then too."""
    client = make_client(feedback=path)
    text = "We will „talk“."
    full = {**BODY, "stance": "conditional", "note": "see R2", "model": "stance-minilm@1.1.0", "text": text}
    for number, body in enumerate([BODY, full, {**BODY, "text_sha256": text_sha256(text)}], start=1):
        answer = client.post("/feedback", json=body).json()
        assert answer["stored"] is True
        assert answer["number"] == number
    bare, whole, hashed = stored(path)
    assert (bare.prediction_id, bare.stance, bare.text, bare.text_sha256) == ("abc/0", Stance.HOSTILE, None, None)
    assert (bare.note, bare.model, bare.reviewer) == (None, None, None)
    assert (whole.stance, whole.note, whole.model, whole.text) == (
        Stance.CONDITIONAL, "see R2", "stance-minilm@1.1.0", text,
    )  # fmt: skip
    assert whole.text_sha256 == hashed.text_sha256 == text_sha256(text)
    assert hashed.text is None


def test_conditions_are_stored(make_client: MakeClient, path: Path) -> None:
    """Conditions are stored as they were sent: by their words, which must stand in a text sent too, or by place."""
    client = make_client(feedback=path)
    conditional = {**BODY, "stance": "conditional"}
    words = {"kind": "precondition", "text": "the sanctions are lifted"}
    place = {"kind": "deadline", "start": 5, "end": 9}
    sent = {**conditional, "text": "We will talk once the sanctions are lifted.", "conditions": [words]}
    for body in (sent, {**conditional, "conditions": [place]}, {**conditional, "conditions": []}, conditional):
        assert client.post("/feedback", json=body).status_code == 200
    by_words = GivenCondition(ConditionKind.PRECONDITION, text="the sanctions are lifted")
    by_place = GivenCondition(ConditionKind.DEADLINE, start=5, end=9)
    assert [correction.conditions for correction in stored(path)] == [(by_words,), (by_place,), (), None]


def test_answers_have_ids_to_correct_them_by(make_client: MakeClient, path: Path) -> None:
    """An answer's id is its request's and its place in it, bad items counted, and is taken as it is by feedback."""
    client = make_client(feedback=path)
    one = client.post("/classify", json={"text": "We will talk."}, headers={"X-Request-ID": "r.1"}).json()
    explained = client.post("/classify", json={"text": "We will talk.", "explain": True}, headers={"X-Request-ID": "e"})
    items = [{"text": "Talks are off."}, {"text": " "}, {"text": "We agree."}]
    batch = client.post("/classify/batch", json={"items": items})
    ids = [item["prediction"]["id"] for item in batch.json()["items"] if item["prediction"]]
    assert (one["id"], explained.json()["id"]) == ("r.1/0", "e/0")
    assert ids == [f"{batch.headers['x-request-id']}/{place}" for place in (0, 2)]
    for prediction_id in (one["id"], *ids):
        assert client.post("/feedback", json={**BODY, "prediction_id": prediction_id}).status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stance": "angry"}, "invalid_request"),
        ({"prediction_id": ""}, "invalid_request"),
        ({"prediction_id": "a b"}, "invalid_request"),
        ({"prediction_id": "a\n"}, "invalid_request"),
        ({"prediction_id": "a" * 129}, "invalid_request"),
        ({"note": "x" * (MAX_NOTE_CHARS + 1)}, "invalid_request"),
        ({"note": 5}, "invalid_request"),
        ({"text_sha256": "0" * 63}, "invalid_request"),
        ({"text": "We agree.", "text_sha256": "0" * 64}, "invalid_request"),
        ({"reviewer": "me"}, "invalid_request"),
        ({"conditions": [{"kind": "deadline", "text": "by Friday"}]}, "invalid_request"),
        ({"stance": "conditional", "conditions": [{"kind": "wish", "text": "by Friday"}]}, "invalid_request"),
        ({"stance": "conditional", "conditions": [{"kind": "deadline"}]}, "invalid_request"),
        ({"stance": "conditional", "conditions": [{"kind": "deadline", "start": 3}]}, "invalid_request"),
        ({"stance": "conditional", "conditions": [{"kind": "deadline", "text": "x"}] * 33}, "invalid_request"),
        (
            {"stance": "conditional", "text": "We agree.", "conditions": [{"kind": "deadline", "text": "we agree"}]},
            "invalid_request",
        ),
        ({"text": " "}, "empty_text"),
        ({"text": "x" * 20_001}, "text_too_long"),
        ({"text": "a\0"}, "unreadable_text"),
    ],
)
def test_what_cannot_be_stored_is_refused(
    make_client: MakeClient, path: Path, assert_refused: Callable[..., Any], change: dict[str, Any], code: str
) -> None:
    """A bad field is refused by name, without an echo, and nothing is stored."""
    assert_refused(make_client(feedback=path).post("/feedback", json={**BODY, **change}), code)
    assert stored(path) == []


def test_bodies_are_limited_as_everywhere(
    make_client: MakeClient, path: Path, assert_refused: Callable[..., Any]
) -> None:
    """Large bodies, plain text and what is no JSON get the refusals of the other routes."""
    client = make_client(feedback=path, max_body_bytes=2_048, max_text_chars=100)
    assert_refused(client.post("/feedback", json={**BODY, "note": "x" * 3_000}), "body_too_large")
    assert_refused(client.post("/feedback", json={**BODY, "text": "x" * 101}), "text_too_long")
    plain = {"content-type": "text/plain"}
    assert_refused(client.post("/feedback", content=b"hostile", headers=plain), "unsupported_media_type")
    in_json = {"content-type": "application/json"}
    assert_refused(client.post("/feedback", content=b"{", headers=in_json), "malformed_json")
    assert stored(path) == []


def test_keys_and_their_rates_apply(make_client: MakeClient, path: Path, assert_refused: Callable[..., Any]) -> None:
    """Without a key nothing is stored; with one its name is, and corrections take of its tokens."""
    client = make_client(
        feedback=path, keys=f"desk {fingerprint(b'parley_one')}", key_tokens_per_second=0.001, key_burst_tokens=80
    )
    key = {"Authorization": "Bearer parley_one"}
    assert_refused(client.post("/feedback", json=BODY), "unauthorized")
    assert [client.post("/feedback", json=BODY, headers=key).status_code for _ in range(2)] == [200, 200]
    assert_refused(client.post("/feedback", json=BODY, headers=key), "rate_limited")
    assert [correction.reviewer for correction in stored(path)] == ["desk", "desk"]


def test_a_full_store_says_so(make_client: MakeClient, path: Path, assert_refused: Callable[..., Any]) -> None:
    """When the file may not grow any more a correction gets 503 with Retry-After; what was confirmed is all there."""
    client = make_client(feedback=path, feedback_max_bytes=2**16)
    body = {**BODY, "note": "x" * MAX_NOTE_CHARS}
    answers = [client.post("/feedback", json=body) for _ in range(60)]
    n_stored = sum(answer.status_code == 200 for answer in answers)
    assert 5 < n_stored < 60
    assert_refused(answers[-1], "storage_failed")
    assert int(answers[-1].headers["retry-after"]) > 0
    assert [len(correction.note or "") for correction in stored(path)] == [MAX_NOTE_CHARS] * n_stored
    assert client.post("/classify", json={"text": "We will talk."}).status_code == 200


def test_a_locked_store_holds_up_no_classification(
    with_app: Callable[..., None], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process holds the store, corrections get 503 in bounded time, and statements are answered."""
    monkeypatch.setattr("service.feedback.BUSY_SECONDS", 3.0)

    async def scenario(http: httpx.AsyncClient, _: FastAPI) -> None:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(http.post("/feedback", json=BODY))
        await asyncio.sleep(0.05)  # until it waits for the store
        answers = [await http.post("/classify", json={"text": f"We agree {n}."}) for n in range(3)]
        assert not waiting.done()
        assert [answer.status_code for answer in answers] == [200] * 3
        refused = await waiting
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_failed")
        other.rollback()
        other.close()
        assert (await http.post("/feedback", json=BODY)).status_code == 200

    with_app(scenario, feedback=path)
    assert len(stored(path)) == 1


def test_waiting_corrections_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond MAX_WAITING a correction is refused at once; a disk that hangs costs each caller its own deadline only."""

    def hang(*_: object) -> int:
        time.sleep(0.3)
        return 1

    async def scenario() -> list[Any]:
        store = FeedbackStore.open(Settings(feedback=path))
        assert store
        correction = Correction(received="now", prediction_id="a/0", stance=Stance.NONE)
        monkeypatch.setattr("service.feedback.append", hang)
        until = time.monotonic() + 0.1
        calls = [store.append(correction, deadline=until) for _ in range(MAX_WAITING + 1)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await store.close()
        return outcomes

    started = time.monotonic()
    outcomes = asyncio.run(scenario())
    codes = [outcome.kind.code for outcome in outcomes if isinstance(outcome, Unavailable)]
    assert codes.count("overloaded") == 1
    assert codes.count("deadline_exceeded") == MAX_WAITING
    assert time.monotonic() - started < 15  # one after the other they would take twenty seconds


def test_what_cannot_be_a_store_stops_the_start(make_app: Callable[..., FastAPI], tmp_path: Path) -> None:
    """A setting that names no place for a store is refused at the start, by its name."""
    for place in (tmp_path, tmp_path / "none" / "feedback.sqlite"):
        with pytest.raises(SettingsError, match="STANCE_FEEDBACK"):
            make_app(feedback=place)


def start(root: Path, path: Path) -> tuple[subprocess.Popen[str], int]:
    """The program over a fake classifier and this store, and its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(root / "tests" / "service" / "conftest.py")],
        cwd=root,
        env={**os.environ, "STANCE_PORT": "0", "STANCE_FEEDBACK": str(path), "STANCE_LOG_LEVEL": "error"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    return process, int(process.stdout.readline().partition("127.0.0.1:")[2].partition(" ")[0])


def test_what_was_confirmed_survives_a_kill(root: Path, path: Path) -> None:
    """Killed while callers send corrections, the store has each that was confirmed, once and whole."""
    confirmed: set[str] = set()

    def send(port: int, name: str) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            for number in range(100_000):
                body = {**BODY, "prediction_id": f"{name}/{number}", "note": name * 200}
                try:
                    answer = http.post("/feedback", json=body)
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    confirmed.add(body["prediction_id"])

    for life in range(3):
        n_before = len(confirmed)
        process, port = start(root, path)
        with ThreadPoolExecutor(3) as pool:
            senders = [pool.submit(send, port, f"{life}-{sender}") for sender in range(3)]
            until = time.monotonic() + 60
            while len(confirmed) < n_before + 5 + 13 * life and time.monotonic() < until:
                time.sleep(0.001)
            process.kill()
            process.communicate()
            for sender in senders:
                sender.result()
    ids = [correction.prediction_id for correction in stored(path)]
    assert len(confirmed) > 10
    assert confirmed <= set(ids)
    assert len(ids) == len(set(ids))
    assert all(c.note == c.prediction_id.partition("/")[0] * 200 for c in stored(path))
