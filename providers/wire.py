# TCP streams for the hot path: anyio's on trio, and on asyncio a stream of our own on the loop's transport.
#
# anyio's stream gives up its turn twice a send and asks the operating system twice a receive to read on and to stop:
# together a tenth of a request through the gateway (docs/design.md has the figures). This one gives up its turn only
# where it waits, and reads on as long as somebody waits for more. Whoever loops over it without waiting for anything
# else must let the others in himself.
from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import anyio
from anyio.abc import ByteStream, Listener, SocketAttribute, SocketListener, TaskGroup

from .loops import asyncio_loop

__all__ = ("connect", "listening", "pump", "unread")

_BACKLOG: Final = 2048  #: connections the operating system keeps for us
_READ: Final = 64 * 1024

#: Takes what came in; what it returns is waited for before more is read.
Take = Callable[[bytes], anyio.Event | None]


async def connect(host: str, port: int) -> ByteStream:
    """A connection to that host.

    :raises OSError: there is none to be had.
    """
    stream = await anyio.connect_tcp(host, port)  # tries every address, IPv6 and IPv4 at once
    loop = asyncio_loop()
    if loop is None:
        return stream
    # The connection is taken over: no stream of anyio's gives its socket away.
    descriptor = os.dup(stream.extra(SocketAttribute.raw_socket).fileno())  # noqa: S610
    connected = socket.socket(fileno=descriptor)
    try:
        await anyio.aclose_forcefully(stream)
        _, wire = await loop.create_connection(_Wire, sock=connected)
    except BaseException:
        connected.close()
        raise
    return wire


async def listening(listener: socket.socket) -> Listener[ByteStream]:
    """What serves the connections to a listening socket, in a task group of the caller's."""
    loop = asyncio_loop()
    return await SocketListener.from_socket(listener) if loop is None else _Listener(loop, listener)


def unread(stream: ByteStream) -> bool:
    """Something came in and nobody took it. What the operating system still holds is not looked at."""
    return isinstance(stream, _Wire) and stream.unread


async def pump(stream: ByteStream, take: Take) -> None:
    """Hand on what comes in, as it comes, to the end.

    :raises anyio.BrokenResourceError: the other side broke off.
    :raises anyio.ClosedResourceError: this side closed the stream.
    """
    with suppress(anyio.EndOfStream):
        if isinstance(stream, _Wire):
            await stream.pump(take)
        while True:
            room = take(await stream.receive(_READ))
            if room is not None:
                await room.wait()


class _Wire(ByteStream, asyncio.Protocol):
    """One connection.

    :param made: told when it stands.
    """

    _transport: asyncio.Transport

    def __init__(self, made: Callable[[_Wire], None] | None = None) -> None:
        self._made = made
        self._received: deque[bytes] = deque()
        self._reader: asyncio.Future[None] | None = None  # somebody waits for data
        self._writer: asyncio.Future[None] | None = None  # what was sent is not out yet
        self._take: Take | None = None  # who gets the data, where nobody waits for each piece of it
        self._room: anyio.Event | None = None  # what he waits for before he takes more
        self._paused = self._ended = self._closed = False
        self._error: Exception | None = None

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no asyncio.Transport
        self._transport.set_write_buffer_limits(0)  # a send has ended when the operating system has it all
        if self._made is not None:
            self._made(self)

    def data_received(self, data: bytes) -> None:
        if self._take is not None:
            self._room = self._take(data)
            if self._room is None:
                return
            self._take = None
        else:
            self._received.append(data)
        self._wake(self._reader)
        if self._reader is None or self._room is not None:  # nobody wants more: the peer waits when the socket is full
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake(self._reader)
        return True  # what is still to be sent can be

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._error = True, exc
        self._wake(self._reader)
        self._wake(self._writer)

    def pause_writing(self) -> None:
        self._writer = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        self._wake(self._writer)
        self._writer = None

    @staticmethod
    def _wake(waiting: asyncio.Future[None] | None) -> None:
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    # What a stream does, with anyio's errors.

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self._received:
            await self._more()
        if not self._received:
            if self._closed:
                raise anyio.ClosedResourceError
            if self._error is not None:
                raise anyio.BrokenResourceError from self._error
            raise anyio.EndOfStream
        data = self._received.popleft()
        if len(data) > max_bytes:
            self._received.appendleft(data[max_bytes:])
            data = data[:max_bytes]
        return data

    @property
    def unread(self) -> bool:
        return bool(self._received)

    async def _more(self) -> None:
        """Wait until something has come, or the end."""
        if self._reader is not None:
            raise anyio.BusyResourceError("reading from")
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        if not (self._ended or self._closed):
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None

    async def pump(self, take: Take) -> None:
        """Hand on what comes in without a turn of this task's, until the last piece."""
        while self._received or not (self._ended or self._closed):
            if self._received:
                self._room = take(self._received.popleft())
            else:
                self._take = take
                try:
                    await self._more()
                finally:
                    self._take = None
            room, self._room = self._room, None
            if room is not None:
                await room.wait()

    async def send(self, item: bytes) -> None:
        if self._closed:
            raise anyio.ClosedResourceError
        if self._transport.is_closing():
            raise anyio.BrokenResourceError from self._error
        self._transport.write(item)
        if self._writer is not None:
            await asyncio.shield(self._writer)  # who gives up waiting must not cancel it for the next one
            if self._closed:
                raise anyio.ClosedResourceError
            if self._transport.is_closing():
                raise anyio.BrokenResourceError from self._error

    async def send_eof(self) -> None:
        self._transport.write_eof()

    def abort(self) -> None:
        """Close it at once; what was not sent is lost."""
        self._closed = True
        self._transport.abort()
        self._wake(self._reader)

    async def aclose(self) -> None:
        self.abort()
        await anyio.lowlevel.checkpoint()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return {SocketAttribute.raw_socket: lambda: self._transport.get_extra_info("socket")}


class _Listener(Listener[ByteStream]):
    def __init__(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        self._loop = loop
        self._listener = listener
        self._server: asyncio.AbstractServer | None = None
        self._closed = False
        self._made: deque[_Wire] = deque()
        self._arrived = asyncio.Event()

    async def serve(self, handler: Callable[[ByteStream], Any], task_group: TaskGroup | None = None) -> None:
        assert task_group is not None
        # asyncio takes up to `backlog` connections a turn, and without a free descriptor fails, and logs it, as often.
        self._server = await self._loop.create_server(lambda: _Wire(self._take), sock=self._listener, backlog=1)
        self._listener.listen(_BACKLOG)
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._made:
                    task_group.start_soon(handler, self._made.popleft())
                if self._closed:
                    raise anyio.ClosedResourceError
        finally:
            self._server.close()

    def _take(self, wire: _Wire) -> None:
        if self._closed:  # it was on its way
            wire.abort()
            return
        self._made.append(wire)
        self._arrived.set()

    async def aclose(self) -> None:
        self._closed = True
        if self._server is not None:
            self._server.close()
        self._listener.close()
        self._arrived.set()
        await anyio.lowlevel.checkpoint()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return {SocketAttribute.raw_socket: lambda: self._listener}
