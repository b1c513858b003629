# The one async loop over the machine: an exchange's reply as an async iterator of bytes.
#
# A driver hands in the request's body, then writes whatever comes out of here: the head (`exchange.head`, set with the
# first bytes) before them, the next ones only when these are written. That is the whole contract, docs/embedding.md
# has it in five steps. Two ways to run a call, chosen by the encoder through `quiet_limit`: a reply in one piece
# iterates the provider right here, no task, no mailbox, no timer but the total one, since nothing can be written
# before the end; a stream puts the provider into a task of the service's and takes what is ready, one buffer at a
# time.
from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterable
from math import inf
from typing import TYPE_CHECKING, Final

import anyio

from g4f_proto import ApiError, Exchange, ProviderTimeout, RequestTimeout, State
from providers import Run, failure

if TYPE_CHECKING:
    from .service import Service

__all__ = ("BODY_TIMEOUT", "IDLE_TIMEOUT", "Frames")

BODY_TIMEOUT: Final = 60.0  #: seconds between two pieces of a body: nginx's figure
IDLE_TIMEOUT: Final = 75.0  #: seconds a connection may wait for its next request: nginx's; Node 5
log = logging.getLogger("g4f.api")  # the access log: a line a request

_OVER: Final = frozenset({State.DONE, State.CLOSED})


class Frames:
    """The reply of an exchange whose request has come in, each item one buffer to write at once.

    Unless the client leaves, at least one item comes, possibly empty, and `exchange.head` is set with it. Iterate it in
    one task and :meth:`close` it, iterated to its end or not.

    :param scope: what it is iterated in, in place of a scope for each reply. It is cancelled when a reply in one piece
        must end before its time; whoever goes on iterating gets that end.
    """

    def __init__(self, exchange: Exchange, service: Service, scope: anyio.CancelScope | None = None) -> None:
        self.exchange = exchange
        self._service = service
        self._run: Run | None = None
        self._scope = scope
        self._collecting = False  # a provider is iterated right here
        self._error: ApiError | None = None
        self._begun = False
        self._arrived = time.perf_counter()
        self.deadline = inf
        service.begin(self)

    async def receive(self, pieces: AsyncIterable[bytes]) -> None:
        """Feed the request's body, as far as it is wanted; what goes wrong with it becomes the reply."""
        if not self.exchange.receive_data(b""):
            return  # refused by its head: nobody waits for the body, or asks for it
        try:
            async for data in pieces:
                if not self.exchange.receive_data(data):
                    return
        except ApiError as error:
            self.fail(error)

    async def receive_in_time(self, pieces: AsyncIterable[bytes]) -> None:
        """The same, for frameworks that would wait for the next piece for ever."""
        with anyio.move_on_after(BODY_TIMEOUT) as scope:
            await self.receive(_watched(pieces, scope))
        if scope.cancelled_caught:
            self.fail(RequestTimeout("The body of the request did not come in whole in time."))

    def __aiter__(self) -> Frames:
        return self

    async def __anext__(self) -> bytes:
        if self._begun and self.over:
            raise StopAsyncIteration
        if self._run is not None:
            data = await self._next()
        else:
            data = self._collected() if self._begun else await self._first()
        # Others first: what is made in one turn of the loop is written together, and wakes a peer once.
        await self._service.loop.turn()
        if not data and self.exchange.state is State.CLOSED:  # the client left meanwhile: there is nobody to write to
            raise StopAsyncIteration
        return data

    async def _first(self) -> bytes:
        exchange = self.exchange
        self._begun = True
        if self._error is not None:
            return exchange.fail(self._error)
        reply = exchange.receive_end()
        if exchange.state is State.WAITING:
            catalog = await self._service.discovered()
            if self._error is not None:
                return exchange.fail(self._error)  # type: ignore[unreachable]  # it was set meanwhile
            reply = exchange.learn(catalog)
        if exchange.call is None:
            return reply
        self.deadline = self._service.loop.clock() + self._service.timeout(exchange.call)
        if exchange.collects:
            if self._scope is not None:
                await self._collect(self._scope)
            else:
                with anyio.CancelScope() as self._scope:
                    await self._collect(self._scope)
            return self._collected()
        self._start()
        await self._service.loop.turn()  # the provider's: what it says at once is taken without waiting for it
        return await self._next()

    @property
    def over(self) -> bool:
        """The last buffer was given."""
        return self.exchange.state in _OVER

    @property
    def whole(self) -> bool:
        """So it is, and the reply is complete; if not, it must be broken off, for the client to see that it is not."""
        return self.exchange.state is State.DONE

    def _start(self) -> None:
        exchange = self.exchange
        assert exchange.call is not None
        provider = self._service.provider(exchange.call)
        self._run = Run(provider, exchange.call, quiet_limit=exchange.quiet_limit or inf)
        self._service.tasks.start_soon(self._run.produce)

    async def _next(self) -> bytes:
        exchange, data = self.exchange, b""
        while not data and not self.over:
            run = self._run
            assert run is not None
            data = b"".join(map(exchange.send, await run.take()))
            if exchange.satisfied:
                run.cancel()
            if run.over:  # the end goes out with the last events
                error = self._error or run.error
                if run.error is not None and self._error is None and exchange.another(run.error):
                    self._start()
                else:
                    data += exchange.end() if error is None else exchange.fail(error)
        return data

    async def _collect(self, scope: anyio.CancelScope) -> None:
        """Iterate the provider, and the next one in the place of one that failed, right here in `scope`."""
        exchange = self.exchange
        self._collecting = True
        try:
            # Others first: a provider may never wait, and requests that are sent on together wake an upstream once.
            await self._service.loop.turn()
            while (error := await self._iterate()) is not None and exchange.another(error):
                pass
        finally:
            self._collecting = False
        if scope.cancel_called:
            # As the answer ended. It is told only where somebody waits, and that must not be with the reply in hand.
            await anyio.sleep_forever()
        self._error = self._error or error

    async def _iterate(self) -> ApiError | None:
        """The provider's answer; why it failed."""
        exchange = self.exchange
        assert exchange.call is not None
        provider = self._service.provider(exchange.call)
        try:
            events = provider.stream(exchange.call)
            try:
                async for event in events:
                    exchange.send(event)
                    if exchange.satisfied:
                        break
            finally:
                await events.aclose()
        except Exception as error:
            return failure(error, provider)
        return None

    def _collected(self) -> bytes:
        return self.exchange.end() if self._error is None else self.exchange.fail(self._error)

    def fail(self, error: ApiError) -> None:
        """End the reply with `error` now, whatever the provider is doing."""
        self._error = error
        if self._run is not None:
            self._run.cancel()
        elif self._collecting and self._scope is not None:
            self._scope.cancel()

    def expire(self) -> None:
        """The service's clock says that the reply takes too long."""
        self.fail(ProviderTimeout("The answer took longer than it may."))

    def close(self) -> None:
        """No more of the reply will be taken: a provider still at work is cancelled."""
        self._service.finish(self)
        if log.isEnabledFor(logging.INFO):
            log.info("%s %.0f ms", self.exchange, (time.perf_counter() - self._arrived) * 1000)
        if self._run is not None:
            self._run.cancel()


async def _watched(pieces: AsyncIterable[bytes], scope: anyio.CancelScope) -> AsyncGenerator[bytes, None]:
    async for data in pieces:
        scope.deadline = anyio.current_time() + BODY_TIMEOUT
        yield data
