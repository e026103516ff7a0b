"""POST /classify: what is answered, and what is refused with which words."""

import codecs
import json
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.labels import CODEBOOK_VERSION, STANCES
from models.language import _identifier

TEXT = "We will return to the talks only once the sanctions are lifted."
JSON = {"content-type": "application/json"}
PLAIN = {"content-type": "text/plain"}
SECRET = "Zebrafish"
"""Part of every bad input below that can hold it; no refusal may repeat it."""

FIELDS = {
    "stance", "confidence", "probabilities", "certain", "prediction_set", "conditions", "explanation",
    "truncated", "n_tokens", "language", "model", "codebook", "id",
}  # fmt: skip


def unnumbered(response: httpx.Response) -> dict[str, Any]:
    """An answer without its id, in which the answers to two requests always differ."""
    answer = dict(response.json())
    assert answer.pop("id") == f"{response.headers['x-request-id']}/0"
    return answer


def quoted(text: str) -> bytes:
    """A JSON body with this text."""
    return json.dumps({"text": text}).encode()


def test_answers_with_every_documented_field(client: TestClient) -> None:
    """A statement sent as JSON is answered with the documented fields and no others."""
    response = client.post("/classify", json={"text": TEXT})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert answer.keys() == FIELDS
    assert answer["stance"] == "conditional"
    assert answer["confidence"] == answer["probabilities"]["conditional"]
    assert list(answer["probabilities"]) == list(map(str, STANCES))
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["prediction_set"] == ["conditional"]
    assert answer["certain"] is True
    assert answer["truncated"] is False
    assert answer["n_tokens"] == len(TEXT)
    assert answer["language"] is None
    assert answer["model"] == "fake@1.2.3"
    assert answer["codebook"] == CODEBOOK_VERSION


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/plain; charset=utf-8", 'TEXT/PLAIN; charset="UTF-8"', "text/plain;charset=us-ascii"],
)
def test_plain_text_is_answered_like_json(client: TestClient, content_type: str) -> None:
    """The bare statement as text/plain gets the same answer as the same statement in JSON."""
    plain = client.post("/classify", content=TEXT.encode(), headers={"content-type": content_type})
    assert plain.status_code == 200
    assert unnumbered(plain) == unnumbered(client.post("/classify", json={"text": TEXT}))


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.parley+json"])
def test_json_under_other_names_is_answered(client: TestClient, content_type: str) -> None:
    """JSON with a charset parameter or a +json media type is JSON."""
    response = client.post("/classify", content=quoted(TEXT), headers={"content-type": content_type})
    assert response.status_code == 200


@pytest.mark.parametrize(("headers", "body"), [(JSON, quoted(TEXT)), (PLAIN, TEXT.encode())])
def test_a_byte_order_mark_is_not_part_of_the_text(client: TestClient, headers: dict[str, str], body: bytes) -> None:
    """A leading UTF-8 byte order mark changes nothing."""
    with_mark = client.post("/classify", content=codecs.BOM_UTF8 + body, headers=headers)
    assert unnumbered(with_mark) == unnumbered(client.post("/classify", content=body, headers=headers))


@pytest.mark.parametrize(
    "text",
    [
        "We will talk \U0001f91d tomorrow \U0001f468‍\U0001f469‍\U0001f467.",
        "‮We will not talk⁦ to them⁩.",
        "We\twill\r\ntalk.",
        "Zürich – “talks”… ½",
        "7",
        "A" * 20_000,
    ],
    ids=["emoji", "bidi", "whitespace", "typography", "digit", "longest"],
)
def test_unusual_but_whole_texts_are_answered(client: TestClient, text: str) -> None:
    """Emoji, direction controls, line breaks and the longest text allowed are answered, in both media types."""
    in_json = client.post("/classify", json={"text": text})
    assert in_json.status_code == 200, in_json.text
    plain = client.post("/classify", content=text.encode(), headers=PLAIN)
    assert unnumbered(plain) == unnumbered(in_json)


def test_a_text_longer_than_the_model_reads_says_so(client: TestClient) -> None:
    """A text with more tokens than the model reads is answered with truncated true."""
    answer = client.post("/classify", json={"text": "word " * 500}).json()
    assert answer["truncated"] is True
    assert answer["n_tokens"] == 256


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Wir werden erst verhandeln, wenn die Sanktionen aufgehoben sind.", "de"),
        ("Nous ne négocierons pas avec ce gouvernement tant que les sanctions ne sont pas levées.", "fr"),
        ("Мы вернёмся к переговорам только после снятия санкций.", "ru"),
    ],
)
def test_another_language_is_answered_with_a_warning(client: TestClient, text: str, code: str) -> None:
    """A statement that is probably not English is answered, with the language and a warning."""
    language = client.post("/classify", json={"text": text}).json()["language"]
    assert language["code"] == code
    assert 0 < language["probability"] <= 1
    assert "English only" in language["warning"]


BAD: dict[str, tuple[dict[str, str], bytes, str]] = {
    "empty": (JSON, quoted(""), "empty_text"),
    "spaces": (JSON, quoted(" \t\n "), "empty_text"),
    "punctuation": (JSON, quoted("... -- !?"), "empty_text"),
    "zero-width": (JSON, quoted("​‍﻿"), "empty_text"),
    "no-body-plain": (PLAIN, b"", "empty_text"),
    "megabyte": (JSON, quoted(SECRET * 120_000), "text_too_long"),
    "megabyte-plain": (PLAIN, SECRET.encode() * 120_000, "text_too_long"),
    "one-character-too-many": (JSON, quoted("A" * 20_001), "text_too_long"),
    "nul": (JSON, quoted(f"{SECRET}\x00"), "unreadable_text"),
    "nul-plain": (PLAIN, f"{SECRET}\x00".encode(), "unreadable_text"),
    "surrogate": (JSON, b'{"text": "' + SECRET.encode() + b'\\ud83d"}', "unreadable_text"),
    "surrogate-pair-reversed": (JSON, b'{"text": "' + SECRET.encode() + b'\\udd1d\\ud83e"}', "unreadable_text"),
    "raw-surrogate": (JSON, b'{"text": "' + SECRET.encode() + b'\xed\xa0\xbd"}', "malformed_utf8"),
    "raw-surrogate-plain": (PLAIN, SECRET.encode() + b"\xed\xa0\xbd", "malformed_utf8"),
    "latin-1": (PLAIN, f"{SECRET} Zürich".encode("latin-1"), "malformed_utf8"),
    "utf-16": (JSON, quoted(SECRET).decode().encode("utf-16"), "malformed_utf8"),
    "null": (JSON, b'{"text": null}', "invalid_request"),
    "number": (JSON, b'{"text": 17}', "invalid_request"),
    "huge-integer": (JSON, b'{"text": ' + b"9" * 4_000 + b"}", "invalid_request"),
    "list": (JSON, json.dumps({"text": [SECRET]}).encode(), "invalid_request"),
    "object": (JSON, json.dumps({"text": {SECRET: SECRET}}).encode(), "invalid_request"),
    "bool": (JSON, b'{"text": true}', "invalid_request"),
    "missing-field": (JSON, b"{}", "invalid_request"),
    "other-field": (JSON, json.dumps({SECRET: SECRET}).encode(), "invalid_request"),
    "extra-field": (JSON, json.dumps({"text": TEXT, SECRET: 1}).encode(), "invalid_request"),
    "surrogate-field": (JSON, b'{"text": "x", "' + SECRET.encode() + b'\\ud800": 1}', "unreadable_text"),
    "array-body": (JSON, json.dumps([SECRET]).encode(), "invalid_request"),
    "string-body": (JSON, json.dumps(SECRET).encode(), "invalid_request"),
    "null-body": (JSON, b"null", "invalid_request"),
    "no-body": (JSON, b"", "malformed_json"),
    "malformed": (JSON, b'{"text": "' + SECRET.encode(), "malformed_json"),
    "single-quotes": (JSON, b"{'text': '" + SECRET.encode() + b"'}", "malformed_json"),
    "raw-newline": (JSON, b'{"text": "' + SECRET.encode() + b'\n"}', "malformed_json"),
    "trailing": (JSON, quoted(TEXT) + SECRET.encode(), "malformed_json"),
    "nan": (JSON, b'{"text": NaN}', "malformed_json"),
    "infinity": (JSON, b'{"text": -Infinity}', "malformed_json"),
    "enormous-integer": (JSON, b'{"text": ' + b"9" * 100_000 + b"}", "malformed_json"),
    "deep-list": (JSON, b'{"text": ' + b"[" * 200_000, "malformed_json"),
    "deep-object": (JSON, b'{"text":' * 100_000 + b"1" + b"}" * 100_000, "malformed_json"),
    "duplicate-field": (JSON, b'{"text": "a", "text": "' + SECRET.encode() + b'"}', "malformed_json"),
    "no-media-type": ({}, quoted(SECRET), "unsupported_media_type"),
    "form": (
        {"content-type": "application/x-www-form-urlencoded"},
        b"text=" + SECRET.encode(),
        "unsupported_media_type",
    ),
    "html": ({"content-type": "text/html"}, SECRET.encode(), "unsupported_media_type"),
    "latin-1-declared": ({"content-type": "text/plain; charset=latin-1"}, SECRET.encode(), "unsupported_media_type"),
    "utf-16-declared": ({"content-type": "application/json; charset=utf-16"}, b"", "unsupported_media_type"),
    "gzip": ({**JSON, "content-encoding": "gzip"}, quoted(SECRET), "unsupported_encoding"),
}


@pytest.mark.parametrize(("headers", "body", "code"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_a_reason(
    client: TestClient,
    assert_refused: Callable[..., dict[str, Any]],
    headers: dict[str, str],
    body: bytes,
    code: str,
) -> None:
    """Bad input gets its documented 4xx in the one error body, without its text, and the service stays ready."""
    error = assert_refused(client.post("/classify", content=body, headers=headers), code, without=SECRET)
    assert len(error["message"]) < 300
    assert client.get("/health/ready").status_code == 200
    assert client.post("/classify", json={"text": TEXT}).status_code == 200


def test_messages_say_what_and_where(client: TestClient) -> None:
    """A refusal names the field, the position or the limit."""

    def message(body: bytes) -> str:
        return str(client.post("/classify", content=body, headers=JSON).json()["error"]["message"])

    assert message(b"{}") == "text: Field required"
    assert message(b'{"text": 1}') == "text: Input should be a valid string"
    assert message(b"[]") == "the body must be an object"
    assert message(b'{"text" 1}') == "the body is not JSON: Expecting ':' delimiter at character 8"
    assert message(b'{"text": "\xff"}') == "the body is not UTF-8: byte 10 cannot be decoded"
    assert message(quoted("A" * 30_000)) == "the text has 30,000 characters; at most 20,000 are allowed"


def test_the_limit_of_characters_is_a_setting(
    make_client: Callable[..., TestClient], assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """max_text_chars decides where text_too_long begins."""
    client = make_client(max_text_chars=10)
    assert client.post("/classify", json={"text": "0123456789"}).status_code == 200
    assert_refused(client.post("/classify", json={"text": "0123456789a"}), "text_too_long")


def test_a_text_that_breaks_the_engine_gets_the_one_500(
    client: TestClient, assert_refused: Callable[..., dict[str, Any]]
) -> None:
    """A text whose forward pass fails, in the engine's way or in any other, is answered by internal; others by 200."""
    for text in ("POISON", "BUG"):
        assert_refused(client.post("/classify", json={"text": f"{text} {SECRET}"}), "internal", without=SECRET)
        assert client.post("/classify", json={"text": TEXT}).status_code == 200
        assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/classify"), ("PUT", "/classify/batch"), ("POST", "/info"), ("POST", "/")]
)
def test_a_wrong_method_names_the_right_one(
    client: TestClient, assert_refused: Callable[..., dict[str, Any]], method: str, path: str
) -> None:
    """405 carries the Allow header that HTTP asks for."""
    response = client.request(method, path)
    assert_refused(response, "method_not_allowed")
    assert response.headers["allow"] == ("GET" if path in ("/info", "/") else "POST")


@pytest.mark.parametrize("path", ["/page/", "/classify/", "/nothing", "/classify/batch/x", "/.env", "/%00"])
def test_an_unknown_path_is_not_found(
    client: TestClient, assert_refused: Callable[..., dict[str, Any]], path: str
) -> None:
    """404 comes in the one error body, without a redirect."""
    assert_refused(client.post(path, json={"text": TEXT}), "not_found")


def test_the_first_caller_does_not_wait_for_the_language_detector(make_app: Callable[..., FastAPI]) -> None:
    """The language detector has read its model before the first request is taken."""
    from models import language

    language._identifier.cache_clear()
    with TestClient(make_app()):
        assert language._identifier.cache_info().currsize == 1


def test_operators_see_model_and_limits(client: TestClient) -> None:
    """/info names model, engine and limits, whole numbers as whole numbers; /health says live and ready."""
    info = client.get("/info").json()
    assert (info["model"], info["digest"], info["engine"]) == ("fake@1.2.3", "d" * 64, "fake")
    assert info["labels"] == list(map(str, STANCES))
    assert json.dumps(info["limits"]["max_body_bytes"]) == "4194304"
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_no_caller_waits_for_the_language_detector(make_client: Callable[..., TestClient]) -> None:
    """The service has read the detector before it answers, though plain English, as in examples, would not need it."""
    _identifier.cache_clear()
    make_client()
    assert _identifier.cache_info().currsize == 1
