"""No input yields a 5xx: arbitrary bytes, arbitrary JSON, arbitrary paths."""

import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.errors import TABLE

EXPECTED = {200} | {kind.status for kind in TABLE if kind.status < 500}
PATHS = st.sampled_from(["/classify", "/classify/batch"])
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

surrogates_too = st.text(st.characters(codec=None), max_size=50)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | surrogates_too,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(surrogates_too, inner, max_size=5),
    max_leaves=20,
)
near_misses = st.fixed_dictionaries({"text": json_values}) | st.fixed_dictionaries(
    {"items": st.lists(st.fixed_dictionaries({"id": json_values, "text": surrogates_too}) | json_values, max_size=5)}
)


def assert_expected(client: TestClient, response: Any) -> None:
    """Check that an answer is one of the documented ones, in its form, and that the service is ready."""
    assert response.status_code in EXPECTED
    if response.status_code != 200:
        error = response.json()["error"]
        assert response.status_code == {kind.code: kind.status for kind in TABLE}[error["code"]]
    assert client.get("/health/ready").status_code == 200


@given(
    path=PATHS,
    body=st.binary(max_size=200) | surrogates_too.map(lambda text: text.encode("utf-8", "surrogatepass")),
    content_type=st.sampled_from(
        [
            "application/json",
            "text/plain",
            "text/plain; charset=utf-8",
            "a/b+json",
            "application/xml",
            "",
            ";;;",
            "+json",
        ]
    )
    | st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30),
)
@example(path="/classify", body=b"\xed\xa0\x80", content_type="text/plain")
@example(path="/classify", body=b"\xff\xfe{", content_type="application/json")
@example(path="/classify", body=b"x", content_type='text/plain; charset="')
@SETTINGS
def test_arbitrary_bytes(client: TestClient, path: str, body: bytes, content_type: str) -> None:
    """Whatever bytes come under whatever media type, the answer is documented and below 500."""
    headers = {"content-type": content_type.encode("latin-1")}
    assert_expected(client, client.post(path, content=body, headers=headers))


@given(path=PATHS, value=json_values | near_misses)
@example(path="/classify", value={"\ud800": "\udfff"})
@example(path="/classify/batch", value={"items": [{"id": "\ud800", "text": "\ud800", "\ud800": 1}]})
@example(path="/classify", value={"text": float("nan")})
@SETTINGS
def test_arbitrary_json(client: TestClient, path: str, value: Any) -> None:
    """Whatever JSON comes, NaN and lone surrogates included, the answer is documented and below 500."""
    body = json.dumps(value).encode()
    assert_expected(client, client.post(path, content=body, headers={"content-type": "application/json"}))


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]),
    path=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="?#%"), max_size=20)
    | st.sampled_from(["classify", "info", "health/ready", "metrics", "openapi.json", "docs", "classify/batch/"]),
)
@SETTINGS
def test_arbitrary_paths(client: TestClient, method: str, path: str) -> None:
    """Whatever method is used on whatever path, the answer is documented and below 500."""
    response = client.request(method, f"http://testserver/{path}")
    assert response.status_code in EXPECTED
    assert response.headers["x-request-id"]
