# HTTP/1.1 straight to one upstream over pooled connections: the hot path of a gateway.
#
# Written for one purpose because a general client costs more than all the rest of a request (docs/design.md has the
# figures); the syntax is httptools' (llhttp), which uvicorn serves with. Redirects are not followed: they would carry
# the key to another host. Nothing is retried but a request that an idle connection was closed under.
from __future__ import annotations

import logging
import ssl
import time
from collections import deque
from contextlib import suppress
from functools import cache, lru_cache
from math import inf
from typing import Final
from urllib.parse import urlsplit

import anyio
from anyio.abc import ByteStream

from ..wire import connect
from . import errors
from .connection import Connection, Unused
from .transport import Reply, Request, within

__all__ = ("IDLE", "Pool", "trusted")

log = logging.getLogger("g4f.providers.upstream")

IDLE: Final = 4.0  #: seconds an idle connection is kept: Node closes its own after 5, uvicorn too
_MOST_IDLE: Final = 256  #: connections


@cache
def trusted() -> ssl.SSLContext:
    """What is trusted: the system's certificates, or SSL_CERT_FILE's. To load them takes 20 ms: once, when needed."""
    return ssl.create_default_context()


@lru_cache(maxsize=256)
def _lines(headers: tuple[tuple[str, str], ...]) -> str:
    """Nearly the same for each request to an upstream."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers)


class Pool:
    """The connections to one upstream.

    :param base_url: where its paths begin, ``https://api.openai.com/v1``.
    :param connect: seconds to connect in, TLS included.
    :param tls: what is trusted, if not :func:`trusted`.
    """

    def __init__(self, base_url: str, *, connect: float, tls: ssl.SSLContext | None = None) -> None:
        url = urlsplit(base_url)
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._secure = url.scheme == "https"
        self._tls = tls
        self._connect_timeout = connect
        self._base = url.path.rstrip("/")
        self._authority = url.netloc.rpartition("@")[2]
        self._idle: deque[Connection] = deque()  # the one used last is at the end
        self._closed = False

    async def send(self, request: Request, *, deadline: float = inf) -> Reply:
        """The head of the reply to `request`."""
        length = "" if request.method == "GET" else f"content-length: {len(request.body)}\r\n"
        head = (
            f"{request.method} {self._base}{request.path} HTTP/1.1\r\n"
            f"host: {self._authority}\r\n{_lines(request.headers)}{length}\r\n"
        )
        message = head.encode("latin-1") + request.body
        connection = await self._take()
        if connection is not None:
            # "if a connection is closed while a request is in transit ... a client MAY retry" what is known not to
            # have been applied; a server that closes an idle connection has read nothing. - RFC 9112 section 9.3.1
            # It may be one that reads and then dies: once more, and over a new connection, which leaves no doubt.
            with suppress(Unused):
                return await self._exchange(connection, message, deadline)
        try:
            return await self._exchange(Connection(await self._connect(), self._give), message, deadline)
        except Unused:
            raise errors.broken_off() from None

    async def _connect(self) -> ByteStream:
        with anyio.CancelScope(deadline=anyio.current_time() + self._connect_timeout) as scope:
            try:
                if not self._secure:
                    return await connect(self._host, self._port)
                # Most servers end without TLS' own goodbye; whether a body is whole, HTTP says.
                return await anyio.connect_tcp(
                    self._host, self._port, ssl_context=self._tls or trusted(), tls_standard_compatible=False
                )
            except (OSError, UnicodeError, anyio.BrokenResourceError, anyio.EndOfStream) as error:  # `a..b` is no host
                log.warning("cannot connect to %s: %s", self._authority, error)
                raise errors.unreachable() from None
        assert scope.cancelled_caught
        log.warning("cannot connect to %s in %g s", self._authority, self._connect_timeout)
        raise errors.too_slow("The provider could not be reached in time.")

    async def _exchange(self, connection: Connection, message: bytes, deadline: float) -> Reply:
        try:
            await within(deadline, connection.request(message))
        except BaseException:
            await connection.aclose()
            raise
        return Reply(connection.status, connection.headers, connection)

    async def _take(self) -> Connection | None:
        """An idle connection that still stands; those that do not are dropped."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            await anyio.aclose_forcefully(connection.stream)
        return None

    async def _give(self, connection: Connection) -> None:
        """A connection whose reply was read to its end."""
        if self._closed:
            await anyio.aclose_forcefully(connection.stream)
            return
        now = time.monotonic()
        connection.idle_until = now + IDLE
        self._idle.append(connection)
        # The oldest wait at the front: they go when their time is over, or when there are too many.
        while len(self._idle) > _MOST_IDLE or self._idle[0].idle_until < now:
            await anyio.aclose_forcefully(self._idle.popleft().stream)

    async def aclose(self) -> None:
        """Close the idle connections; those at work close when their reply does."""
        self._closed = True
        while self._idle:
            await anyio.aclose_forcefully(self._idle.pop().stream)
