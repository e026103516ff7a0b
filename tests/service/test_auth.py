"""Keys: who is let in, who is not, and that nobody learns a key from the service."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service import auth
from service.auth import KeyRing, check_exposure, parse_keys
from service.settings import Settings, SettingsError

SECRETS = {"desk": "parley_desk-secret", "wire": "parley_wire-secret", "old": "parley_old-secret"}
STATEMENT = {"text": "We will talk."}
LOCKED = [
    ("GET", "/info"), ("GET", "/metrics"), ("GET", "/docs"), ("GET", "/docs/swagger-ui.css"), ("GET", "/openapi.json"),
    ("POST", "/classify"), ("POST", "/classify/batch"), ("POST", "/feedback"), ("GET", "/nothing"),
    ("DELETE", "/classify"), ("GET", "//health/live"), ("GET", "/health/live/"), ("GET", "/health"),
    ("GET", "/health/../info"),
]  # fmt: skip
"""Every route but the probes, paths that do not exist, and paths that look like the probes."""


def sha256(secret: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def line(name: str, *, expires: str = "") -> str:
    """The line of a file of keys for one of SECRETS."""
    return f"{name} {sha256(SECRETS[name])} {expires}".strip()


def bearer(secret: str) -> dict[str, str]:
    """The header that carries a key."""
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    """A file with two keys in force and one that has expired."""
    path = tmp_path / "keys"
    path.write_text(
        f"# desks\n\n{line('desk')}\n{line('wire', expires='2100-01-01')}\n{line('old', expires='2020-01-01')}\n"
    )
    return path


@pytest.fixture
def locked(make_client: Callable[..., TestClient], keys_file: Path) -> TestClient:
    """A client of an app that asks for keys."""
    return make_client(keys_file=keys_file)


@pytest.mark.parametrize(("method", "path"), LOCKED)
def test_nothing_but_the_probes_is_open(
    locked: TestClient, assert_refused: Callable[..., Any], method: str, path: str
) -> None:
    """Without a key every path but the two probes is refused with 401, a challenge and a closed connection."""
    response = locked.request(method, path)
    assert_refused(response, "unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="parley"'
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_the_probes_are_open(locked: TestClient, path: str) -> None:
    """An orchestrator needs no key to ask for health."""
    assert locked.get(path).status_code == 200


@pytest.mark.parametrize("name", ["desk", "wire"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_each_key_opens(locked: TestClient, name: str, scheme: str) -> None:
    """Each key in force opens each route; the scheme's name is read in any case."""
    header = {"Authorization": f"{scheme} {SECRETS[name]}"}
    assert locked.post("/classify", json=STATEMENT, headers=header).status_code == 200
    for path in ("/info", "/metrics", "/docs", "/openapi.json", "/docs/swagger-ui-bundle.js"):
        assert locked.get(path, headers=header).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "},
        {"Authorization": SECRETS["desk"]}, {"Authorization": f"Basic {SECRETS['desk']}"},
        {"X-API-Key": SECRETS["desk"]}, {"Cookie": f"key={SECRETS['desk']}"},
    ],
)  # fmt: skip
def test_a_key_sent_otherwise_is_none(
    locked: TestClient, assert_refused: Callable[..., Any], header: dict[str, str]
) -> None:
    """A key counts in the Authorization header under Bearer alone; elsewhere, and in the query, it is none."""
    response = locked.post("/classify", json=STATEMENT, headers=header, params={"key": SECRETS["desk"]})
    assert_refused(response, "unauthorized", without=SECRETS["desk"])
    assert "error=" not in response.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("parley_unknown", "not known"), (SECRETS["desk"][:-1], "not known"), (SECRETS["desk"] + "x", "not known"),
        (SECRETS["desk"].upper(), "not known"), (sha256(SECRETS["desk"]), "not known"), ("desk", "not known"),
        ("é" * 20, "not known"), ("x" * 10_000, "not known"), (SECRETS["old"], "expired"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_refused(locked: TestClient, assert_refused: Callable[..., Any], secret: str, why: str) -> None:
    """An unknown, cut, lengthened or expired key is refused; so is the stored hash, which opens nothing."""
    header = {b"Authorization": b"Bearer " + secret.encode()}
    response = locked.post("/classify", json=STATEMENT, headers=header)
    assert why in assert_refused(response, "unauthorized", without=secret)["message"]
    assert response.headers["www-authenticate"] == 'Bearer realm="parley", error="invalid_token"'


def test_two_authorizations_are_none(locked: TestClient, assert_refused: Callable[..., Any]) -> None:
    """Two Authorization headers leave open which counts, so neither does."""
    both = [("Authorization", f"Bearer {SECRETS['desk']}"), ("Authorization", f"Bearer {SECRETS['wire']}")]
    assert_refused(locked.get("/info", headers=both), "unauthorized")


def test_without_keys_nobody_is_asked_for_one(client: TestClient) -> None:
    """Where no keys are set everything is open, and a key that is sent all the same does no harm."""
    assert client.get("/info").status_code == 200
    assert client.get("/info", headers=bearer("parley_any")).status_code == 200


def test_every_key_is_compared_in_constant_time(keys_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the first key fits, the last or none: all are compared, each by hmac.compare_digest, by their hashes."""
    compared: list[tuple[str, str]] = []
    really = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return really(one, other)

    ring = KeyRing(Settings(keys_file=keys_file))
    monkeypatch.setattr(auth.hmac, "compare_digest", compare)
    for secret in [*SECRETS.values(), "parley_unknown"]:
        compared.clear()
        ring.find(secret.encode())
        assert compared == [(sha256(other), sha256(secret)) for other in SECRETS.values()]


def test_a_key_is_valid_until_its_expiry() -> None:
    """A key opens until the very moment of its expiry; a date means its first moment, a time without a zone is UTC."""
    moment = datetime(2027, 1, 31, tzinfo=UTC)
    for written in ("2027-01-31", "2027-01-31T00:00:00", "2027-01-31T00:00:00Z", "2027-01-31T01:00:00+01:00"):
        (key,) = parse_keys([line("desk", expires=written)], source="x")
        assert key.expires == moment
        assert not key.is_expired(moment - timedelta(seconds=1))
        assert key.is_expired(moment)


def test_keys_from_the_environment(make_client: Callable[..., TestClient]) -> None:
    """STANCE_KEYS holds the same lines, separated by commas."""
    client = make_client(keys=f"{line('desk')}, {line('old', expires='2020-01-01')},")
    assert client.get("/info", headers=bearer(SECRETS["desk"])).status_code == 200
    assert client.get("/info", headers=bearer(SECRETS["old"])).status_code == 401
    assert client.get("/info").status_code == 401


GOOD = line("desk")
BAD_FILES: list[tuple[str, str]] = [
    ("desk\n", "line 1: must be NAME SHA256"),
    (f"{GOOD}\nwire {'0' * 63}\n", "line 2: the second word must be a SHA-256"),
    (f"# {GOOD}\n\nwire {SECRETS['wire']}\n", "line 3: the second word must be a SHA-256"),
    (f"{GOOD} 2027-13-01\n", "line 1: the expiry must be"),
    (f"{GOOD} tomorrow\n", "line 1: the expiry must be"),
    (f"{GOOD} 2027-01-31 12:00\n", "line 1: must be NAME SHA256"),
    (f"{GOOD}\n{GOOD.replace('desk', 'other')}\n", "line 2: its name or its key is in an earlier line"),
    (f"{GOOD}\ndesk {sha256('x')}\n", "line 2: its name or its key is in an earlier line"),
    (f"de$k {sha256('x')}\n", "line 1: the name must have"),
    (f"{'n' * 65} {sha256('x')}\n", "line 1: the name must have"),
    (f"{SECRETS['desk']} {sha256('x')}\n", "line 1: the name must have"),
    ("", "there is no key in it"),
    ("# all revoked\n", "there is no key in it"),
]


@pytest.mark.parametrize(("content", "cause"), BAD_FILES)
def test_a_malformed_file_is_refused_by_line(tmp_path: Path, content: str, cause: str) -> None:
    """A file that says anything else is refused, its line is named, and nothing of it is quoted."""
    path = tmp_path / "keys"
    path.write_text(content)
    with pytest.raises(SettingsError) as error:
        KeyRing(Settings(keys_file=path))
    assert str(error.value).startswith(f"STANCE_KEYS_FILE: {cause}")
    assert "secret" not in str(error.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A file that is not there, a folder, bytes that are no text, and two places for keys are refused by name."""
    binary = tmp_path / "binary"
    binary.write_bytes(GOOD.encode() + b"\n\xff\n")
    for path, cause in ((tmp_path / "none", "No such file"), (tmp_path, "directory"), (binary, "line 2: not UTF-8")):
        with pytest.raises(SettingsError, match="STANCE_KEYS_FILE: ") as error:
            KeyRing(Settings(keys_file=path))
        assert cause in str(error.value)
    with pytest.raises(SettingsError, match="STANCE_KEYS_FILE and STANCE_KEYS are both set"):
        KeyRing(Settings(keys_file=binary, keys=GOOD))


def test_keys_are_read_again(keys_file: Path) -> None:
    """After a reload new keys open and removed ones do not; a file that went bad leaves those in force."""
    ring = KeyRing(Settings(keys_file=keys_file))
    keys_file.write_text(line("wire"))
    ring.reload()
    assert ring.find(SECRETS["wire"].encode())
    assert not ring.find(SECRETS["desk"].encode())
    keys_file.write_text("")
    ring.reload()
    assert ring.is_locked
    assert ring.find(SECRETS["wire"].encode())


@pytest.mark.parametrize(
    ("host", "exposed"),
    [
        ("127.0.0.1", False), ("127.8.8.8", False), ("::1", False), ("localhost", False),
        ("0.0.0.0", True), ("::", True), ("10.0.0.7", True), ("parley.example", True), ("::ffff:8.8.8.8", True),
    ],
)  # fmt: skip
def test_an_exposed_address_needs_keys(keys_file: Path, host: str, exposed: bool) -> None:
    """Where other machines could reach it, the service needs keys, or the word that anybody may ask."""
    for settings in (Settings(host=host, keys_file=keys_file), Settings(host=host, insecure=True)):
        check_exposure(settings, KeyRing(settings))
    settings = Settings(host=host)
    if not exposed:
        check_exposure(settings, KeyRing(settings))
        return
    with pytest.raises(SettingsError, match=r"^STANCE_HOST: .* no keys are set; set STANCE_KEYS_FILE"):
        check_exposure(settings, KeyRing(settings))


def test_the_document_says_where_a_key_is_needed(locked: TestClient, client: TestClient) -> None:
    """Under keys the OpenAPI document has the Bearer scheme on every route but the probes; without them it has none."""
    document = locked.get("/openapi.json", headers=bearer(SECRETS["desk"])).json()
    assert document["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    for path, item in document["paths"].items():
        expected: list[Any] = [] if path.startswith("/health/") else [{"key": []}]
        assert [operation["security"] for operation in item.values()] == [expected]
    assert "security" not in str(client.get("/openapi.json").json())
