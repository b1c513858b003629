# How many requests a key may make: one token bucket a caller, off unless the operator says a rate.
#
# A bucket holds `burst` tokens and fills at the rate; a request takes one. Callers are the machine's principals, so two
# spellings of one key share a bucket, and without keys all callers do. Buckets that are full again are forgotten.
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from g4f_proto import ApiError, Fields, RateLimited

__all__ = ("Limiter",)

_MOST: Final = 10_000  #: buckets before those that are full again are thrown away


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limiter:
    """Counts the requests of each caller.

    :param per_minute: requests a minute that go on for ever; as many may come at once.
    :param clock: seconds, monotonic.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = per_minute
        self._rate = per_minute / 60
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, principal: str) -> tuple[Fields, ApiError | None]:
        """The ``x-ratelimit-*`` fields of the caller's request, and the error if it comes too early."""
        now = self._clock()
        if len(self._buckets) > _MOST:
            self._buckets = {key: one for key, one in self._buckets.items() if self._filled(one, now) < self._burst}
        bucket = self._buckets.setdefault(principal, _Bucket(self._burst, now))
        bucket.tokens, bucket.at = self._filled(bucket, now), now
        refusal = None
        if bucket.tokens >= 1:
            bucket.tokens -= 1
        else:
            refusal = RateLimited(
                f"Rate limit reached: {self._burst} requests a minute. Please try again later.",
                type="requests",
                retry_after=(1 - bucket.tokens) / self._rate,
            )
        # The names and the form of OpenAI's: "x-ratelimit-reset-requests: 1s" -
        # https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
        fields = (
            (b"x-ratelimit-limit-requests", b"%d" % self._burst),
            (b"x-ratelimit-remaining-requests", b"%d" % bucket.tokens),
            (b"x-ratelimit-reset-requests", b"%dms" % ceil((self._burst - bucket.tokens) / self._rate * 1000)),
        )
        return fields, refusal

    def _filled(self, bucket: _Bucket, now: float) -> float:
        return min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
