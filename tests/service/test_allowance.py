"""Rate limits: a token bucket for each key, whole requests or nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.allowance import Allowance
from service.auth import fingerprint
from service.errors import Unavailable

KEYS = {"desk": "parley_a", "wire": "parley_b"}


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def allowance(clock: Clock) -> Allowance:
    """Ten tokens a second, a hundred at once."""
    return Allowance(10, 100, clock)


def wait_seconds(allowance: Allowance, n_tokens: int, key: str = "desk") -> int | None:
    """The seconds that a refusal names; None when the tokens were taken."""
    try:
        allowance.take(key, n_tokens)
    except Unavailable as error:
        return error.retry_after_seconds if error.kind.code == "rate_limited" else -1
    return None


def test_a_bucket_empties_and_fills(allowance: Allowance, clock: Clock) -> None:
    """A rested key has the whole burst; what is used flows back at the rate, and never beyond the burst."""
    assert wait_seconds(allowance, 60) is None
    assert wait_seconds(allowance, 60) == 2
    assert wait_seconds(allowance, 40) is None
    assert wait_seconds(allowance, 1) == 1
    clock.now += 2.5
    assert wait_seconds(allowance, 25) is None
    clock.now += 1_000_000
    assert wait_seconds(allowance, 100) is None
    assert wait_seconds(allowance, 1) == 1


def test_the_named_wait_is_enough(allowance: Allowance, clock: Clock) -> None:
    """After exactly the seconds of Retry-After the same request is let through."""
    allowance.take("desk", 100)
    for n_tokens in (1, 7, 33, 100):
        wait = wait_seconds(allowance, n_tokens)
        assert wait
        clock.now += wait
        assert wait_seconds(allowance, n_tokens) is None
        allowance.take("desk", int(allowance._filled("desk").level))


def test_a_refused_request_takes_nothing(allowance: Allowance) -> None:
    """The whole request is counted, or nothing of it."""
    allowance.take("desk", 90)
    assert wait_seconds(allowance, 11) == 1
    assert wait_seconds(allowance, 10) is None


def test_a_request_larger_than_the_bucket_passes_when_it_is_full(allowance: Allowance, clock: Clock) -> None:
    """Such a request is let through by a rested key alone, and the debt is paid before the next."""
    assert wait_seconds(allowance, 350) is None
    assert wait_seconds(allowance, 1) == 26
    clock.now += 30
    assert wait_seconds(allowance, 350) == 5
    clock.now += 5
    assert wait_seconds(allowance, 350) is None


def test_keys_do_not_share(allowance: Allowance) -> None:
    """What one key uses is not missing from another's."""
    allowance.take("desk", 100)
    assert wait_seconds(allowance, 100, "wire") is None


def test_nobody_is_limited_without_a_rate_or_a_key(clock: Clock) -> None:
    """A rate of 0, and a request without a key, are not limited."""
    assert wait_seconds(Allowance(0, 1, clock), 10**9) is None
    Allowance(1, 1, clock).take(None, 10**9)


@pytest.fixture
def limited(make_client: Callable[..., TestClient]) -> TestClient:
    """A client of an app with two keys, each with a hundred tokens and hardly any more; a character is a token."""
    keys = ",".join(f"{name} {fingerprint(secret.encode())}" for name, secret in KEYS.items())
    return make_client(keys=keys, key_tokens_per_second=0.5, key_burst_tokens=100)


def ask(client: TestClient, name: str, *texts: str) -> Any:
    """The answer to a batch of these texts from that key."""
    header = {"Authorization": f"Bearer {KEYS[name]}"}
    return client.post("/classify/batch", json={"items": [{"text": text} for text in texts]}, headers=header)


def test_a_key_that_used_its_tokens_waits(
    limited: TestClient, classifier: Any, assert_refused: Callable[..., Any]
) -> None:
    """Over its tokens a key gets 429 with Retry-After and nothing of the batch is computed; another key is not hit."""
    assert ask(limited, "desk", "a" * 60, "b" * 30).status_code == 200
    n_passes = len(classifier.seen)
    refused = ask(limited, "desk", "c" * 5, "d" * 20)
    assert_refused(refused, "rate_limited")
    assert 28 <= int(refused.headers["retry-after"]) <= 30  # 15 tokens short, half a token a second
    assert len(classifier.seen) == n_passes
    assert ask(limited, "desk", "e" * 10).status_code == 200
    assert ask(limited, "wire", "f" * 90).status_code == 200
    metrics = limited.get("/metrics", headers={"Authorization": f"Bearer {KEYS['wire']}"}).text
    assert 'parley_key_tokens_total{key="desk"} 100.0' in metrics
    assert 'parley_key_requests_total{key="desk",status="429"} 1.0' in metrics
    assert 'parley_errors_total{code="rate_limited"} 1.0' in metrics


def test_what_the_queue_refuses_costs_no_tokens(limited: TestClient) -> None:
    """A request that the service has no room for is given its tokens back."""
    batcher: Any = limited.app.state.batcher  # type: ignore[attr-defined]  # the app is FastAPI's

    async def full(*_: Any, **__: Any) -> Any:
        raise Unavailable("overloaded", "full", retry_after_seconds=1)

    submit, batcher.__class__.submit = batcher.__class__.submit, full
    try:
        assert ask(limited, "desk", "a" * 100).status_code == 429
    finally:
        batcher.__class__.submit = submit
    assert ask(limited, "desk", "a" * 100).status_code == 200
