# A provider that is left in peace when it fails: a circuit breaker, wrapped around it; and a model of it whose rate
# limit is reached, until the time it told. A limit is one model's and no failure: the others are answered.
#
# Closed: calls go through, and failures that are the provider's own are counted. Open after THRESHOLD in a row, or at
# once when it says itself how long it is down (Retry-After): calls fail without asking it, so that the next provider
# has its turn. Half open when the rest is over: one call goes through as a probe; the first it says closes the circuit,
# its failure opens it for twice as long. What becomes of calls that were at work when it opened says nothing about now:
# many that break together are one failure, and a late success is no reason to come back before the time.
# https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import Final

from g4f_proto import (
    ApiError,
    Call,
    CookiesCall,
    MediaCall,
    Model,
    ModelNotFound,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    RateLimited,
)

from .provider import Provider, failure

__all__ = ("FIRST_REST", "LONGEST_REST", "THRESHOLD", "Resting")

THRESHOLD: Final = 3  #: failures in a row
FIRST_REST: Final = 1.0  #: seconds; doubles with each failed probe
LONGEST_REST: Final = 60.0


class Resting:
    """`provider`, not asked while it rests.

    :param changed: told when its card is another: when it begins to rest, when it works again.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._changed = changed
        self._clock = clock
        self._failures = 0
        self._rest = FIRST_REST
        self._until: float | None = None  # None: the circuit is closed
        self._probing = False
        self._card = provider.info
        self._limited: dict[str, float] = {}  # a model whose rate limit is reached -> when that is over

    @property
    def info(self) -> ProviderInfo:
        info = self._provider.info
        return info if self._until is None else replace(info, working=False)

    async def models(self) -> Sequence[Model]:
        return await self._provider.models()

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        probe = self._ask(call.model)
        try:
            events = self._provider.stream(call)
            try:
                async for event in events:
                    if probe:  # the others need not wait until it has said everything
                        probe = False
                        self._end()
                    yield event
            finally:
                await events.aclose()
        except Exception as error:
            told = failure(error, self._provider)
            if not _proxy(call):  # what went through a request's own proxy says nothing about the provider
                self._judge(told, call.model, probe=probe)
            raise told from error
        else:
            if probe:
                self._end()
            if self._until is None:
                self._failures, self._rest = 0, FIRST_REST
            if self._card is not self._provider.info:  # it has turned out to be another than it said
                self._card = self._provider.info
                self._changed()
        finally:
            if probe:  # also when the client left and it is not known how it would have gone
                self._probing = False

    async def aclose(self) -> None:
        await self._provider.aclose()

    @property
    def resting(self) -> bool:
        """Calls fail at present without asking the provider."""
        return self._until is not None and (self._probing or self._until > self._clock())

    def _ask(self, model: str) -> bool:
        """Whether this call is the probe.

        :raises ApiError: the provider rests, or the model's rate limit is reached.
        """
        left = self._limited.get(model, 0.0) - self._clock() if self._limited else 0.0
        if left > 0:
            raise RateLimited("The provider's rate limit is reached.", retry_after=left)
        if self._until is None:
            return False
        if self.resting:
            left = max(self._until - self._clock(), FIRST_REST)
            raise ProviderNotWorking(f"The provider '{self.info.name}' failed and is given a rest.", retry_after=left)
        self._probing = True
        return True

    def _judge(self, error: ApiError, model: str, *, probe: bool) -> None:
        """What a call that did not go well says of the provider."""
        if error.elsewhere and not isinstance(error, ModelNotFound | RateLimited):
            self._failed(error, probe=probe)
            return
        if isinstance(error, RateLimited):
            self._limit(model, error.retry_after)
        if probe:  # it refused the request: it is there
            self._end()

    def _limit(self, model: str, seconds: float | None) -> None:
        if seconds is not None:
            now = self._clock()
            self._limited = {name: until for name, until in self._limited.items() if until > now}
            self._limited[model] = now + min(seconds, LONGEST_REST)

    def _failed(self, error: ApiError, *, probe: bool) -> None:
        self._failures += 1
        if self._until is not None and not probe:
            return
        if error.retry_after is not None:
            self._begin(min(error.retry_after, LONGEST_REST))
        elif probe or self._failures >= THRESHOLD:
            self._begin(self._rest)
            self._rest = min(2 * self._rest, LONGEST_REST)

    def _begin(self, seconds: float) -> None:
        worked, self._until = self._until is None, self._clock() + seconds
        if worked:
            self._changed()

    def _end(self) -> None:
        self._until, self._probing = None, False
        self._changed()


def _proxy(call: Call) -> bool:
    return not isinstance(call, MediaCall | CookiesCall) and bool(call.body.get("proxy"))
