"""What browsers are told: safe headers everywhere, leave for listed origins alone, documentation without a CDN."""

import base64
import hashlib
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.auth import fingerprint
from service.headers import SAFE

PAGE = "https://desk.example"
WAYS: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", "/classify", {"json": {"text": "We will talk."}}, 200),
    ("POST", "/classify", {"json": {"text": ""}}, 422),
    ("POST", "/classify", {"json": {"text": "POISON"}}, 500),
    ("POST", "/classify", {"content": b"x" * 5_000_000}, 413),
    ("POST", "/classify/batch", {"json": {"items": [{"text": "We will talk."}]}}, 200),
    ("GET", "/classify", {}, 405),
    ("GET", "/nothing", {}, 404),
    ("GET", "/health/live", {}, 200),
    ("GET", "/health/ready", {}, 200),
    ("GET", "/info", {}, 200),
    ("GET", "/metrics", {}, 200),
    ("GET", "/openapi.json", {}, 200),
    ("GET", "/docs", {}, 200),
    ("GET", "/docs/swagger-ui.css", {}, 200),
    ("GET", "/docs/other.js", {}, 404),
]


@pytest.mark.parametrize(("method", "path", "options", "status"), WAYS)
def test_every_answer_is_safe_to_show(
    client: TestClient, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    """Each answer, good or bad, has each safe header once: its type is not guessed, it is not kept nor framed."""
    response = client.request(method, path, **options)
    assert response.status_code == status
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]
    assert response.headers.get_list("referrer-policy") == ["no-referrer"]
    assert response.headers.get_list("cache-control") == ["no-store"]
    (policy,) = response.headers.get_list("content-security-policy")
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert ("script-src" in policy) == (path == "/docs")


def test_a_refusal_for_want_of_a_key_is_safe_too(make_client: Callable[..., TestClient]) -> None:
    """The headers are outside the check of keys."""
    response = make_client(keys=f"desk {fingerprint(b'parley_x')}").get("/info")
    assert response.status_code == 401
    assert response.headers["cache-control"] == "no-store"


def test_what_is_no_request_is_refused_safely(serve: Callable[..., Any]) -> None:
    """The plain 400 of the server below has the safe headers once each, and so has what is answered after it."""
    with serve() as server:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
                connection.sendall(b"no request at all\r\n\r\n")
                refusal = b"".join(iter(lambda: connection.recv(65_536), b"")).lower()
            assert refusal.startswith(b"http/1.1 400 ")
            for name, value in SAFE.items():
                assert refusal.count(name + b": " + value.lower()) == 1
            assert server.get("/health/live").headers.get_list("cache-control") == ["no-store"]


def test_other_origins_get_no_leave_unless_listed(client: TestClient) -> None:
    """By default no page of another origin may read an answer, and a preflight is refused as any unknown method."""
    response = client.post("/classify", json={"text": "We will talk."}, headers={"Origin": PAGE})
    assert not [name for name in response.headers if name.startswith("access-control")]
    preflight = client.options("/classify", headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 405


def test_listed_origins_may_ask(make_client: Callable[..., TestClient]) -> None:
    """A listed origin may send a key and a body, and read errors too; another gets no leave; no cookies are invited."""
    client = make_client(cors_origins=f"{PAGE}, http://localhost:3000", keys=f"desk {fingerprint(b'parley_x')}")
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = client.options("/classify", headers={"Origin": PAGE, **asked})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["x-content-type-options"] == "nosniff"
    refused = client.get("/info", headers={"Origin": PAGE})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert "Retry-After" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in refused.headers
    other = client.options("/classify", headers={"Origin": "https://other.example", **asked})
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers


def test_the_documentation_needs_nothing_from_elsewhere(client: TestClient) -> None:
    """Every address in /docs is of this service; what it loads is there, and the policy lets its one script run."""
    response = client.get("/docs")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', response.text)
    local = [address for address in addresses if address != "data:,"]
    assert sorted(local) == ["docs/swagger-ui-bundle.js", "docs/swagger-ui.css"]
    assert "//" not in re.sub(r"<script>.*?</script>|<!--.*?-->", "", response.text, flags=re.DOTALL)
    assert re.search(r"url: '?\"?openapi\.json", response.text)
    (script,) = re.findall(r"<script>(.*?)</script>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in response.headers["content-security-policy"]
    assert "'unsafe-inline'" not in re.findall("script-src[^;]*", response.headers["content-security-policy"])[0]
    bundle, styles = client.get("/docs/swagger-ui-bundle.js"), client.get("/docs/swagger-ui.css")
    assert bundle.headers["content-type"].startswith("text/javascript")
    assert "SwaggerUIBundle" in bundle.text
    assert styles.headers["content-type"].startswith("text/css")
    assert ".swagger-ui" in styles.text


def test_the_documentation_can_be_switched_off(make_client: Callable[..., TestClient]) -> None:
    """With STANCE_DOCS=false neither the page nor the document is there, and the rest is."""
    client = make_client(docs=False)
    for path in ("/docs", "/docs/swagger-ui.css", "/openapi.json", "/redoc"):
        assert client.get(path).status_code == 404
    assert client.get("/info").status_code == 200
