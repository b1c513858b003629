# One websocket connection, as its client: websockets' sans-I/O core on an anyio byte stream, so on asyncio and on trio.
#
# The protocol is the library's: handshake, frames, masks, close codes, the bound of a message. Here are its reads and
# writes. Nothing runs in the background: a ping is answered when the next message is waited for, and who does not read
# is back-pressure that the peer feels. No cancel scope is open between two calls, so a generator may yield while it
# holds a connection. Leaving in peace says goodbye; leaving by an error or a cancellation closes the socket at once.
# https://www.rfc-editor.org/rfc/rfc6455  https://websockets.readthedocs.io/en/stable/howto/sansio.html
from __future__ import annotations

import logging
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Origin
from websockets.uri import WebSocketURI, parse_uri

from .tunnel import read_proxy, tunnel

__all__ = ("Closed", "Refused", "Unreachable", "WebSocket", "WebSocketError", "connect")

CLOSE_TIMEOUT: Final = 1.0  #: seconds the peer has for its part of the closing handshake
_READ: Final = 64 * 1024
_GONE: Final = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)
# The library tells each head at DEBUG, and ours carry keys.
_LOG: Final = logging.getLogger("g4f.websocket")
_LOG.setLevel(logging.WARNING)


class WebSocketError(Exception):
    """There is no connection, or none any more. The message holds no address and no key."""


class Unreachable(WebSocketError):
    """Name, route, TLS, proxy or handshake failed before the peer accepted or refused."""


class Refused(WebSocketError):
    """The peer answered with a status instead of a connection; `headers` in lower case."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"refused with status {status}")
        self.status = status
        self.headers = headers


class Closed(WebSocketError):
    """The connection ended. `code` is the peer's, or what we told it; 1006 where it broke off without a word."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with code {code}")
        self.code = code


class WebSocket:
    """An open connection; :func:`connect` makes one."""

    def __init__(self, stream: ByteStream, uri: WebSocketURI, *, origin: str | None, max_size: int) -> None:
        self._stream = stream
        self._protocol = ClientProtocol(uri, origin=Origin(origin) if origin else None, max_size=max_size, logger=_LOG)
        self._messages: deque[str | bytes] = deque()
        self._pieces: list[bytes | bytearray] = []  # of a message in fragments
        self._is_text = True

    async def shake_hands(self, headers: Mapping[str, str]) -> None:
        """Open the connection.

        :raises Refused: a status other than 101.
        :raises Unreachable: the peer left, or speaks something else.
        """
        request: Request = self._protocol.connect()
        for name, value in headers.items():
            request.headers[name] = value
        self._protocol.send_request(request)
        await self._write()
        while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
            await self._read()
        error = self._protocol.handshake_exc
        if isinstance(error, InvalidStatus):
            raise _refused(error.response)
        if error is not None or self._protocol.state is not State.OPEN:
            raise Unreachable("the peer does not speak the websocket protocol")

    async def send(self, text: str) -> None:
        """Send a text message; lone surrogates become U+FFFD.

        :raises Closed: the connection is over.
        """
        if self._protocol.state is not State.OPEN:
            raise self._closed()
        self._protocol.send_text(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode())
        try:
            await self._write()
        except _GONE:
            raise Closed(CloseCode.ABNORMAL_CLOSURE) from None

    async def receive(self) -> str | bytes:
        """The next message, whole.

        :raises Closed: there is none; 1009: it is larger than `max_size`.
        """
        while not self._messages:
            # Nothing is read past a close frame or an error, so the peer's end of the stream need not be waited for.
            if self._protocol.close_rcvd or self._protocol.parser_exc or self._protocol.state is State.CLOSED:
                raise self._closed()
            await self._read()
        return self._messages.popleft()

    async def close(self) -> None:
        """Say goodbye, and give the peer :data:`CLOSE_TIMEOUT` seconds to do so too."""
        with anyio.move_on_after(CLOSE_TIMEOUT), suppress(*_GONE):
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            await self._write()
            while self._protocol.state is not State.CLOSED:
                await self._read()
                self._messages.clear()

    async def _read(self) -> None:
        try:
            data = await self._stream.receive(_READ)
        except _GONE:
            self._protocol.receive_eof()
        else:
            self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request | Response) or event.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                continue
            if event.opcode is not Opcode.CONT:
                self._is_text = event.opcode is Opcode.TEXT
            self._pieces.append(event.data)  # type: ignore[arg-type]  # what was received is bytes
            if event.fin:
                self._complete()
        with suppress(*_GONE):  # a pong that nobody takes any more: the next read says so
            await self._write()

    def _complete(self) -> None:
        whole = b"".join(self._pieces)
        self._pieces.clear()
        if not self._is_text:
            self._messages.append(whole)
            return
        try:
            self._messages.append(whole.decode())
        except UnicodeDecodeError as error:
            # "When an endpoint is to interpret a byte stream as UTF-8 but finds that [it] is not valid UTF-8, that
            # endpoint MUST _Fail the WebSocket Connection_." RFC 6455, section 8.1
            if self._protocol.state is State.OPEN:
                self._protocol.fail(CloseCode.INVALID_DATA)
            self._protocol.parser_exc = error

    async def _write(self) -> None:
        data = b"".join(self._protocol.data_to_send())  # its end-of-stream marks are empty; the socket is closed anyway
        if data:
            await self._stream.send(data)

    def _closed(self) -> Closed:
        close = self._protocol.close_rcvd or self._protocol.close_sent
        return Closed(close.code if close else CloseCode.ABNORMAL_CLOSURE)


@asynccontextmanager
async def connect(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    origin: str | None = None,
    max_size: int = 2**20,
    timeout: float = 10.0,
    proxy: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[WebSocket, None]:
    """A connection to `url`, closed when the context is left.

    :param url: ``ws://`` or ``wss://``.
    :param max_size: bytes a message may have, all its fragments together.
    :param timeout: seconds until the connection is open, all told.
    :param proxy: ``http://[user:password@]host:port``, or `https`, or `socks5`, asked for a tunnel.
    :param tls: for ``wss``; the system's certificates by default.
    :raises Unreachable: no connection came about in time.
    :raises Refused: the peer refused with a status.
    :raises ValueError: `proxy` is none that can be used here; the message does not hold it.
    """
    uri = parse_uri(url)
    via = read_proxy(proxy) if proxy else None
    async with AsyncExitStack() as opened:
        try:
            with anyio.fail_after(timeout):
                stream: ByteStream
                stream = await tunnel(via, uri) if via else await anyio.connect_tcp(uri.host, uri.port)
                opened.push_async_callback(_shut, stream)
                if uri.secure:  # closed without TLS' own goodbye: the websocket's tells a whole stream from a cut one
                    tls = tls or ssl.create_default_context()
                    stream = await TLSStream.wrap(stream, hostname=uri.host, ssl_context=tls)
                socket = WebSocket(stream, uri, origin=origin, max_size=max_size)
                await socket.shake_hands(headers or {})
        except (*_GONE, TimeoutError) as error:
            raise Unreachable(f"no connection: {type(error).__name__}") from None
        yield socket
        await socket.close()


async def _shut(stream: ByteStream) -> None:
    with anyio.CancelScope(shield=True), suppress(*_GONE):
        await stream.aclose()


def _refused(response: Response) -> Refused:
    return Refused(response.status_code, {name.lower(): value for name, value in response.headers.raw_items()})
