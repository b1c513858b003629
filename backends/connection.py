# One HTTP/1.1 connection of the raw h11 server.
#
# Two tasks a connection, not a request. The reader owns `receive()` and feeds h11, so the peer's leaving is seen while
# an answer is made, streamed or not; the handler serves one request after another. Bytes of the next request that
# arrive meanwhile stay in h11's buffer, up to READ_AHEAD, then the socket fills up and the peer waits. A watcher a
# request would swallow these bytes. End of file while we answer means the client is gone: the exchange is told and
# the connection's tasks are cancelled, which needs no scope of its own for each request. h11 judges the syntax of what
# comes in; every refusal's words are the machine's; `writer.py` frames what goes out.
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Final

import anyio
import h11
from anyio.abc import ByteStream

from g4f_proto import ApiError, Exchange, InvalidRequest, KiB, RequestTimeout, State, TooManyHeaders

from .frames import BODY_TIMEOUT, IDLE_TIMEOUT, Frames
from .service import Service
from .writer import CONTINUE, Writer

__all__ = ("Connection", "Timeouts")

READ_AHEAD: Final = 64 * KiB  #: bytes of later requests a connection may hold: bounds pipelining
READ_SIZE: Final = 64 * KiB
LINGER: Final = 2.0  #: seconds a refused client may still send before it is cut off, so that it can read why
#: The request was read to its end; another protocol, which it may have proposed, is never switched to.
_READ: Final = (h11.DONE, h11.MIGHT_SWITCH_PROTOCOL)  # type: ignore[attr-defined]  # documented, not in __all__
_GONE: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds a peer may take.

    nginx and Node: 60 for a head.
    """

    head: float = 30.0
    idle: float = IDLE_TIMEOUT


class Connection:
    """Serves the requests of one connection until it ends; ``await connection.run()``."""

    def __init__(self, stream: ByteStream, service: Service, timeouts: Timeouts) -> None:
        self._stream = stream
        self._service = service
        self._timeouts = timeouts
        self._arrived: anyio.Event | None = None  # set by the reader when the handler waits
        self._wanted: anyio.Event | None = None  # set by the handler when the reader waits
        self._ahead = 0
        self._ended = False
        self._h11 = self._parser(b"")
        self._discard = False  # what still comes is read and thrown away
        self._draining = False
        self._exchange: Exchange | None = None  # the one being answered
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
                    while await self._serve():
                        self._h11 = self._parser(self._h11.trailing_data[0])
                self._tasks.cancel_scope.cancel()
        finally:
            self._service.timed.discard(self)
            await self._close()

    def _parser(self, data: bytes) -> h11.Connection:
        """For the next request; a new one costs less than to tell the old one what was answered, which it would check.

        :param data: what of it came already.
        """
        # One limit for the head, and h11's for a chunk's line: what is longer is refused with 431.
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=self._service.api.limits.headers + KiB)
        if data:
            parser.receive_data(data)
        if self._ended:
            parser.receive_data(b"")
        return parser

    def drain(self) -> None:
        """The server stops: no further request; an idle connection ends now."""
        self._draining = True
        if self._idle:
            self.expire()

    def expire(self) -> None:
        """No request came in time."""
        if self._arrived is not None:
            self._arrived.set()

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
        while not self._ended:
            if self._ahead > READ_AHEAD and not self._discard:
                self._wanted = anyio.Event()
                await self._wanted.wait()
            try:
                data = await self._stream.receive(READ_SIZE)
            except (anyio.EndOfStream, *_GONE):
                data, self._ended = b"", True
            if not self._discard:
                self._ahead += len(data)
                self._h11.receive_data(data)
            if self._arrived is not None:
                self._arrived.set()
            if self._ended and self._exchange is not None:
                self._exchange.disconnect()
                self._tasks.cancel_scope.cancel()

    def _read_on(self, *, ahead: int) -> None:
        """All but `ahead` bytes of what came are used: a reader that waits for that goes on."""
        self._ahead = ahead
        if self._wanted is not None and ahead <= READ_AHEAD:
            self._wanted.set()
            self._wanted = None

    async def _more(self) -> None:
        """Wait until the reader has fed more, or the end."""
        self._read_on(ahead=0)
        self._arrived = anyio.Event()
        try:
            await self._arrived.wait()
        finally:
            self._arrived = None

    async def _event(self, seconds: float) -> object:
        """h11's next event; None when it did not come whole in `seconds`."""
        event = self._h11.next_event()
        if event is h11.NEED_DATA:
            with anyio.move_on_after(seconds):
                while event is h11.NEED_DATA:
                    await self._more()
                    event = self._h11.next_event()
        return None if event is h11.NEED_DATA else event

    # The handler.

    async def _serve(self) -> bool:
        """One request and its reply; whether another may follow."""
        self._writer = Writer()
        if not await self._first_byte():
            return False
        try:
            event = await self._event(self._timeouts.head)
        except h11.RemoteProtocolError as error:
            return await self._refuse(_syntax(error))
        if event is None:
            return await self._refuse(RequestTimeout("The head of the request did not come in whole in time."))
        if not isinstance(event, h11.Request):
            return False  # gone in the middle of a head
        headers = dict(event.headers)
        self._writer = Writer(event.method, event.http_version, headers)
        exchange = self._service.exchange(event.method.decode("ascii"), bytes(event.target), headers)
        if self._ended:
            return False
        self._exchange = exchange
        await self._answer(exchange)
        self._exchange = None
        return await self._finish(exchange)

    async def _first_byte(self) -> bool:
        """Wait for the next request to begin; False: it will not."""
        if self._h11.trailing_data[0]:
            return True
        if self._ended or self._draining:
            return False
        self._idle, self.deadline = True, anyio.current_time() + self._timeouts.idle
        await self._more()
        self._idle, self.deadline = False, inf
        return bool(self._h11.trailing_data[0])

    async def _answer(self, exchange: Exchange) -> None:
        frames = Frames(exchange, self._service)
        try:
            await frames.receive(self._body())
            # A reader that still waited for a large body to be used would not see the peer leave.
            self._read_on(ahead=len(self._h11.trailing_data[0]))
            async for data in frames:
                await self._write(exchange, data)
        finally:
            frames.close()

    async def _body(self) -> AsyncIterator[bytes]:
        """The pieces of the request's body.

        :raises ApiError: they are malformed, or do not come.
        """
        if self._h11.they_are_waiting_for_100_continue:
            await self._stream.send(CONTINUE)
        try:
            while isinstance(event := await self._event(BODY_TIMEOUT), h11.Data):
                yield bytes(event.data)
        except h11.RemoteProtocolError as error:
            raise _syntax(error) from None
        if event is None:
            raise RequestTimeout("The body of the request did not come in whole in time.")

    async def _write(self, exchange: Exchange, data: bytes) -> None:
        """A piece of the reply, in one write: the head with the first, the end of the message with the last."""
        out = b""
        if not self._writer.begun:
            assert exchange.head is not None
            out = self._writer.head(exchange.head, close=self._draining)
        await self._stream.send(out + self._writer.body(data, last=exchange.state is State.DONE))

    # How a request ends.

    async def _finish(self, exchange: Exchange) -> bool:
        """The reply is out; whether the connection can go on."""
        with suppress(h11.RemoteProtocolError):
            while self._h11.their_state is h11.SEND_BODY and self._h11.next_event() is not h11.NEED_DATA:
                pass  # a refused body that is here already
        if self._writer.stays and self._h11.their_state in _READ:
            return exchange.state is State.DONE
        await self._linger()
        return False

    async def _refuse(self, error: ApiError) -> bool:
        """What came is no request."""
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
            while not self._ended:
                await self._more()


def _syntax(error: h11.RemoteProtocolError) -> ApiError:
    if error.error_status_hint == 431:
        return TooManyHeaders("The header fields are longer than this server reads.")
    flaw = str(error).partition(": bytearray(")[0]  # what h11 read, as Python writes it, is no help
    return InvalidRequest(
        f"The request is not valid HTTP: {flaw}.", code="invalid_http", status=error.error_status_hint
    )
