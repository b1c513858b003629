# A provider at work in a task of its own, and the mailbox between it and the connection that writes.
#
# The mailbox is a deque and two events, not a channel: 1.6-1.9 us an event against 22-40. The consumer takes
# everything that is ready, so an idle client gets each token at once and a busy socket gets batches; a full mailbox
# makes the provider wait, which is all the back-pressure there is. Silence longer than the client endures comes out
# as QUIET; the timer waits on the mailbox and never around the provider's own `__anext__`, whose cancellation would
# finish the generator.
from __future__ import annotations

from collections import deque
from contextlib import aclosing
from typing import Final

import anyio

from g4f_proto import QUIET, ApiError, Call, ChatCall, ProviderEvent

from .copies import Tally, copy_of
from .provider import Provider, failure

__all__ = ("MAILBOX", "Run")

MAILBOX: Final = 32  #: events a provider may be ahead of the client; an answer of 16 deltas leaves in one write


class Run:
    """One answer being made: `produce` in the provider's task, `take` in the connection's.

    :param quiet_limit: seconds of silence after which `take` says QUIET.
    """

    def __init__(self, provider: Provider, call: Call, *, quiet_limit: float) -> None:
        self._provider = provider
        self._call = call
        self._quiet_limit = quiet_limit
        self._box: deque[ProviderEvent] = deque()
        self._ready: anyio.Event | None = None  # set by the provider when the consumer waits
        self._room: anyio.Event | None = None  # set by the consumer when the provider waits
        self._over = False
        self._tally = Tally(call) if isinstance(call, ChatCall) and call.copies > 1 else None
        self._scope: anyio.CancelScope | None = None
        self.error: ApiError | None = None  #: why the answer broke off, when `take` has given everything

    async def produce(self) -> None:
        """Work through the answer; returns when it is complete, broken off or cancelled, and never raises."""
        if self._over:  # cancelled before the task came to run
            return
        with anyio.CancelScope() as self._scope:
            try:
                call = self._call
                if isinstance(call, ChatCall) and call.copies > 1:
                    async with anyio.create_task_group() as tasks:
                        for index in range(call.copies):
                            tasks.start_soon(self._work, copy_of(call, index), index)
                else:
                    await self._work(call, 0)
            except Exception as error:
                self.error = failure(error, self._provider)
        self._over = True
        self._wake()

    async def _work(self, call: Call, index: int) -> None:
        async with aclosing(self._provider.stream(call)) as events:
            async for event in events:
                self._box.append(event if self._tally is None else self._tally.add(event, index))
                self._wake()
                while len(self._box) >= MAILBOX:
                    self._room = self._room or anyio.Event()
                    await self._room.wait()

    async def take(self) -> tuple[ProviderEvent, ...]:
        """Everything that is ready, at least one event, or QUIET alone; empty when the answer is over (see `error`)."""
        box = self._box
        if not box:
            if self._over:
                return ()
            self._ready = anyio.Event()
            with anyio.move_on_after(self._quiet_limit):
                await self._ready.wait()
            self._ready = None
            if not box:
                return () if self.over else (QUIET,)
        events = tuple(box)
        box.clear()
        if self._room is not None:
            self._room.set()
            self._room = None
        return events

    @property
    def over(self) -> bool:
        """Everything was taken and nothing will come."""
        return self._over and not self._box

    def cancel(self) -> None:
        """Nobody wants the rest."""
        if self._over:
            self._box.clear()
            return  # a scope that is left already still costs 13 us to cancel
        self._over = True
        self._box.clear()
        if self._scope is not None:
            self._scope.cancel()
        self._wake()

    def _wake(self) -> None:
        if self._ready is not None:
            self._ready.set()
