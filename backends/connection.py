# One HTTP/1.1 connection of the raw h11 server.
#
# Two tasks a connection, not a request. The first owns `receive()` and feeds the reader, so the peer's leaving is seen
# while an answer is made, streamed or not; the handler serves one request after another. Bytes of the next request that
# arrive meanwhile stay in the reader, up to READ_AHEAD, then the socket fills up and the peer waits. A watcher a
# request would swallow these bytes. End of file while we answer means the client is gone: the exchange is told and
# the connection's tasks are cancelled, which needs no scope of its own for each request. `reader.py` takes apart what
# comes in, `writer.py` frames what goes out; every refusal's words are the machine's.
from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Final, TypeVar

import anyio
from anyio.abc import ByteStream

from g4f_proto import ApiError, Exchange, KiB, RequestTimeout, State
from providers.loops import Bell
from providers.wire import pump

from .frames import BODY_TIMEOUT, IDLE_TIMEOUT, Frames
from .reader import Reader
from .service import Service
from .writer import CONTINUE, Writer

__all__ = ("Connection", "Timeouts")

READ_AHEAD: Final = 64 * KiB  #: bytes of later requests a connection may hold: bounds pipelining
LINGER: Final = 2.0  #: seconds a refused client may still send before it is cut off, so that it can read why
SLOWEST: Final = 16 * KiB  #: bytes a second that a peer takes at least, beyond what `Timeouts.write` gives it
_GONE: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds a peer may take.

    nginx and Node: 60 for a head. nginx: 60 to take something of a reply.
    """

    head: float = 30.0
    idle: float = IDLE_TIMEOUT
    write: float = 60.0


class Connection:
    """Serves the requests of one connection until it ends; ``await connection.run()``."""

    def __init__(self, stream: ByteStream, service: Service, timeouts: Timeouts) -> None:
        self._stream = stream
        self._service = service
        self._timeouts = timeouts
        self._arrived: Bell | None = None  # set by the reader when the handler waits
        self._wanted: anyio.Event | None = None  # set by the handler when the reader waits
        self._ahead = 0
        # One limit for the head, and the reader's for a chunk's line: what is longer is refused with 431.
        self._reader = Reader(service.api.limits.headers + KiB)
        self._discard = False  # what still comes is read and thrown away
        self._draining = False
        self._frames: Frames | None = None  # the reply being made
        self._writer = Writer()
        self._idle = False  # waits for a request
        self.deadline = inf

    async def run(self) -> None:
        """From the first byte to the last."""
        self._service.timed.add(self)
        try:
            async with anyio.create_task_group() as self._tasks:
                self._tasks.start_soon(self._read)
                with suppress(*_GONE):
                    while await self._requests():
                        pass
                self._tasks.cancel_scope.cancel()
        finally:
            self._service.timed.discard(self)
            if self._frames is not None:
                self._frames.close()
            await self._close()

    def drain(self) -> None:
        """The server stops: no further request; an idle connection ends now."""
        self._draining = True
        if self._idle:
            self.expire()

    def expire(self) -> None:
        """No request came in time, or what was written was not taken."""
        if self._arrived is not None:
            self._arrived.set()
        else:
            self._leave()

    def _leave(self) -> None:
        """Nobody is there to take the reply."""
        if self._frames is not None:
            self._frames.exchange.disconnect()
        self._tasks.cancel_scope.cancel()

    async def turn_away(self, error: ApiError) -> None:
        """Answer nothing but `error`, whatever was asked."""
        with suppress(*_GONE), anyio.move_on_after(LINGER):
            exchange = self._service.exchange("GET", b"/", {})
            await self._write(exchange, exchange.fail(error))
        await self._close()

    async def _close(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._stream.aclose()

    # The reader.

    async def _read(self) -> None:
        with suppress(*_GONE):
            await pump(self._stream, self._take)
        self._take(b"")
        if self._frames is not None:
            self._leave()

    def _take(self, data: bytes) -> anyio.Event | None:
        """What came; empty at the end. Returns what to wait for before more may come."""
        if not (data and self._discard):
            self._ahead += len(data)
            self._reader.feed(data)
        if self._arrived is not None:
            self._arrived.set()
        if self._ahead > READ_AHEAD and not self._discard:
            self._wanted = anyio.Event()
        return self._wanted

    def _read_on(self, *, ahead: int) -> None:
        """All but `ahead` bytes of what came are used: a reader that waits for that goes on."""
        self._ahead = ahead
        if self._wanted is not None and ahead <= READ_AHEAD:
            self._wanted.set()
            self._wanted = None

    async def _more(self) -> None:
        """Wait until the reader has fed more, or the end."""
        self._read_on(ahead=0)
        self._arrived = self._service.loop.bell()
        try:
            await self._arrived.wait()
        finally:
            self._arrived = None

    async def _in_time(self, seconds: float, read: Callable[[], T | None]) -> T | None:
        """What is read; None when it did not come whole in `seconds`, or before the end."""
        found = read()
        if found is None and not self._reader.ended:
            with anyio.move_on_after(seconds):
                while found is None and not self._reader.ended:
                    await self._more()
                    found = read()
        return found

    # The handler.

    async def _requests(self) -> bool:
        """Serve one after another; whether there may be more, since a reply was ended before its time."""
        # One scope for many requests: a scope for each costs a JSON reply 7 us.
        with anyio.CancelScope() as self._scope:
            while await self._serve():
                self._reader.next()
            return False
        if self._frames is None or not await self._reply(self._frames):
            return False
        self._reader.next()
        return True

    async def _serve(self) -> bool:
        """One request and its reply; whether another may follow."""
        if not await self._first_byte():
            return False
        try:
            request = self._reader.head() or await self._in_time(self._timeouts.head, self._reader.head)
        except ApiError as error:
            return await self._refuse(error)
        if self._reader.ended:
            return False
        if request is None:
            return await self._refuse(RequestTimeout("The head of the request did not come in whole in time."))
        self._writer = Writer(request.method, request.version, request.headers)
        exchange = self._service.exchange(request.method.decode("ascii"), request.target, request.headers)
        frames = self._frames = Frames(exchange, self._service, self._scope)
        await self._receive(frames)
        # A reader that still waited for a large body to be used would not see the peer leave.
        self._read_on(ahead=self._reader.waiting)
        return await self._reply(frames)

    async def _first_byte(self) -> bool:
        """Wait for the next request to begin; False: it will not."""
        if self._reader.waiting:
            await self._service.loop.turn()  # others first: a client that sends them all at once is not alone
            return True
        if self._reader.ended or self._draining:
            return False
        self._idle, self.deadline = True, self._service.loop.clock() + self._timeouts.idle
        await self._more()
        self._idle, self.deadline = False, inf
        return self._reader.waiting > 0

    async def _receive(self, frames: Frames) -> None:
        """Feed the request's body, as far as it is wanted; what goes wrong with it becomes the reply."""
        if not frames.exchange.receive_data(b""):
            return  # refused by its head: nobody waits for the body, or asks for it
        if self._reader.asks_to_go_on:
            await self._stream.send(CONTINUE)
        try:
            data = self._reader.body()  # here already, as nearly always
            while data != b"":
                if data is None:
                    data = await self._in_time(BODY_TIMEOUT, self._reader.body)
                    if data is None:
                        raise RequestTimeout("The body of the request did not come in whole in time.")
                elif frames.exchange.receive_data(data):
                    data = self._reader.body()
                else:
                    return
        except ApiError as error:
            frames.fail(error)

    async def _reply(self, frames: Frames) -> bool:
        """Write the reply; whether another request may follow."""
        async for data in frames:
            await self._write(frames.exchange, data)
        frames.close()
        self._frames = None
        return await self._finish(frames.exchange)

    async def _write(self, exchange: Exchange, data: bytes) -> None:
        """A piece of the reply, in one write: the head with the first, the end of the message with the last."""
        out = b""
        if not self._writer.begun:
            assert exchange.head is not None
            out = self._writer.head(exchange.head, close=self._draining)
        out += self._writer.body(data, last=exchange.state is State.DONE)
        self.deadline = self._service.loop.clock() + self._timeouts.write + len(out) / SLOWEST
        await self._stream.send(out)
        self.deadline = inf

    # How a request ends.

    async def _finish(self, exchange: Exchange) -> bool:
        """The reply is out; whether the connection can go on."""
        if not self._reader.whole:
            with suppress(ApiError):
                self._reader.skip()  # a refused body that is here already
        if self._writer.stays and self._reader.whole:
            return exchange.state is State.DONE
        await self._linger()
        return False

    async def _refuse(self, error: ApiError) -> bool:
        """What came is no request."""
        self._writer = Writer()
        exchange = self._service.exchange("GET", b"/", {})
        await self._write(exchange, exchange.fail(error))
        await self._linger()
        return False

    async def _linger(self) -> None:
        """Let the peer read before the close: closing on unread bytes resets the connection and loses the reply."""
        self._discard = True
        with suppress(*_GONE), anyio.move_on_after(LINGER):
            with suppress(NotImplementedError, RuntimeError):  # TLS cannot half close; uvloop's closed sockets say so
                await self._stream.send_eof()
            while not self._reader.ended:
                await self._more()
