"""How much work each key may ask for: a token bucket for each, in tokens that the model reads."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from service.errors import Unavailable

UNTOUCHED: Final = frozenset({"overloaded", "not_ready"})
"""Refusals that come before any work was done: what was taken for them is given back."""


@dataclass(slots=True)
class _Bucket:
    level: float  # in tokens; below 0 after a request that was larger than the bucket
    filled_at: float  # on the monotonic clock, in seconds


@dataclass(slots=True)
class Allowance:
    """One bucket for each key's name. ``tokens_per_second`` 0 means that nobody is limited."""

    tokens_per_second: float
    burst_tokens: int
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def check(self, key: str | None, n_tokens: int) -> None:
        """Return nothing when this key may ask for that many tokens now.

        Raises: Unavailable, with the seconds until it may. A request larger than the whole bucket is let through
        when the bucket is full, and leaves a debt: its size is bounded elsewhere, and it would never pass otherwise.
        """
        if key is None or not self.tokens_per_second:
            return
        lacking = min(n_tokens, self.burst_tokens) - self._filled(key).level
        if lacking > 0:
            wait = max(1, math.ceil(lacking / self.tokens_per_second))
            message = f"this key has used up its tokens; try again in {wait} seconds"
            raise Unavailable("rate_limited", message, retry_after_seconds=wait)

    def take(self, key: str | None, n_tokens: int) -> None:
        """Take that many tokens, all of one request, or none of them. Raises: Unavailable, as ``check``."""
        self.check(key, n_tokens)
        if key is not None and self.tokens_per_second:
            self._filled(key).level -= n_tokens

    def give_back(self, key: str | None, n_tokens: int) -> None:
        """Undo ``take`` for a request that was refused before any work was done."""
        if key is not None and self.tokens_per_second:
            self._filled(key).level += n_tokens

    def _filled(self, key: str) -> _Bucket:
        """The key's bucket, with what has flowed into it since it was last looked at."""
        now = self.clock()
        bucket = self._buckets.setdefault(key, _Bucket(self.burst_tokens, now))
        gained = (now - bucket.filled_at) * self.tokens_per_second
        bucket.level, bucket.filled_at = min(self.burst_tokens, bucket.level + gained), now
        return bucket
