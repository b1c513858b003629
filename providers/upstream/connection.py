# One connection to an upstream, and the reply that is read from it. The callbacks are httptools'.
from __future__ import annotations

import select
import time
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from anyio.abc import ByteStream, SocketAttribute
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from ..wire import unread
from . import errors

__all__ = ("Connection", "Unused")

_MAX_HEAD: Final = 64 * 1024
_READ: Final = 64 * 1024


class Unused(Exception):
    """The connection ended before the first byte of a reply."""


class Connection:
    """A connection at work on one request at a time.

    :param give: takes the connection back when a reply was read to its end.
    """

    def __init__(self, stream: ByteStream, give: Callable[[Connection], Awaitable[None]]) -> None:
        self.stream = stream
        self.idle_until = 0.0  #: `time.monotonic`'s
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self._give = give
        self._poll = select.poll()
        self._poll.register(stream.extra(SocketAttribute.raw_socket), select.POLLIN)  # noqa: S610
        self._body: list[bytes] = []
        self._parser: HttpResponseParser | None = None
        self._headed = self._whole = self._stays = self._nonsense = False

    @property
    def usable(self) -> bool:
        """Idle, not for too long, and nothing to read: neither the end nor a reply to nothing that was asked."""
        return self.idle_until >= time.monotonic() and not (self._poll.poll(0) or unread(self.stream))

    @property
    def ready(self) -> bool:
        """The next piece of the body, or its end, is here."""
        return bool(self._body) or self._whole

    async def request(self, message: bytes) -> None:
        """Send a request, and read the head of its reply.

        :raises Unused: nothing came back.
        :raises ApiError: what came is no reply.
        """
        self._headed = self._whole = self._stays = self._nonsense = False
        self._parser = HttpResponseParser(self)
        try:  # noqa: SIM105  # `suppress` takes a microsecond
            await self.stream.send(message)
        except anyio.BrokenResourceError:
            pass  # it may have answered before it hung up
        size = 0
        while not self._headed:
            if self._nonsense or size > _MAX_HEAD:
                raise errors.unreadable()
            data = await self._read()
            size += len(data)
            if not data:
                if size:
                    raise errors.broken_off()
                raise Unused
            self._feed(data)

    async def pull(self) -> bytes:
        """The next piece of the body; empty at its end.

        :raises ApiError: the other side broke off, or speaks no HTTP.
        """
        while not self.ready:
            if self._nonsense:
                raise errors.unreadable()
            data = await self._read()
            if data:
                self._feed(data)
            elif b"content-length" in self.headers or b"chunked" in self.headers.get(b"transfer-encoding", b""):
                raise errors.broken_off()
            else:  # "the message body length is determined by the number of octets received" - RFC 9112 section 6.3
                self._whole = True
        data = b"".join(self._body)
        self._body.clear()
        return data

    async def aclose(self) -> None:
        """Back to the pool when the reply is whole and the connection stays, closed at once when not."""
        self._parser = None  # each knows the other
        self._body.clear()
        if self._whole and self._stays:
            await self._give(self)
        else:
            await anyio.aclose_forcefully(self.stream)

    async def _read(self) -> bytes:
        try:
            return await self.stream.receive(_READ)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return b""

    def _feed(self, data: bytes) -> None:
        assert self._parser is not None
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._stays, self._nonsense = False, True

    def on_message_begin(self) -> None:
        if self._whole:
            raise ValueError("a reply to nothing that was asked")
        self.headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:  # else a trailer
            self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self.status = self._parser.get_status_code()
        self._headed = self.status >= 200  # "A client MUST be able to parse one or more 1xx responses" - RFC 9110 15.2

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        self._whole = self._headed
        self._stays = self._parser.should_keep_alive()
