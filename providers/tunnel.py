# A byte stream to a host behind a proxy: by HTTP's CONNECT, over TLS or not, or by SOCKS 5.
#
# HTTP is the websocket library's. SOCKS is written here, three questions and answers, because the library that there is
# for it wants each answer in one piece. The proxy finds the host by its name: what is asked of which server is then
# not told to a name server of ours. https://www.rfc-editor.org/rfc/rfc1928  https://www.rfc-editor.org/rfc/rfc1929
from __future__ import annotations

import ssl
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSStream
from websockets.exceptions import InvalidProxy, WebSocketException
from websockets.http11 import Response
from websockets.proxy import Proxy, parse_proxy, prepare_connect_request
from websockets.streams import StreamReader
from websockets.uri import WebSocketURI

__all__ = ("ProxyFailed", "read_proxy", "tunnel")

_SCHEMES: Final = ("http", "https", "socks5", "socks5h")
_READ: Final = 64 * 1024


class ProxyFailed(OSError):
    """The proxy does not let us through, or is none; the message holds no address."""


def read_proxy(url: str) -> Proxy:
    """``http://[user:password@]host:port``, or `https`, or `socks5`.

    :raises ValueError: it is none of them; the message does not hold it.
    """
    try:
        proxy = parse_proxy(url)
    except (InvalidProxy, ValueError):
        raise ValueError("the proxy's URL is none that can be read") from None
    if proxy.scheme not in _SCHEMES:
        raise ValueError(f"a websocket cannot go through a proxy of the scheme '{proxy.scheme}'")
    if proxy.scheme.startswith("socks"):
        proxy.port = urlsplit(url).port or 1080
    return proxy


async def tunnel(proxy: Proxy, uri: WebSocketURI) -> ByteStream:
    """A stream whose other end is `uri`'s host.

    :raises OSError: there is no way to the proxy, or through it.
    """
    stream: ByteStream = await anyio.connect_tcp(proxy.host, proxy.port)
    try:
        if proxy.scheme == "https":
            tls = ssl.create_default_context()
            stream = await TLSStream.wrap(stream, hostname=proxy.host, ssl_context=tls, standard_compatible=False)
        await (_socks5 if proxy.scheme.startswith("socks") else _connect)(stream, proxy, uri)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await stream.aclose()
        raise
    return stream


async def _connect(stream: ByteStream, proxy: Proxy, uri: WebSocketURI) -> None:
    await stream.send(prepare_connect_request(proxy, uri, user_agent_header=None))
    reader = StreamReader()
    parser = Response.parse(reader.read_line, reader.read_exact, reader.read_to_eof, proxy=True)
    try:
        next(parser)
        while True:
            reader.feed_data(await stream.receive(_READ))
            next(parser)
    except StopIteration as end:
        response: Response = end.value
    except (WebSocketException, ValueError, LookupError, EOFError):
        raise ProxyFailed("the proxy does not speak HTTP") from None
    if not 200 <= response.status_code < 300:
        raise ProxyFailed(f"the proxy answered with status {response.status_code}")


async def _socks5(stream: ByteStream, proxy: Proxy, uri: WebSocketURI) -> None:
    answers = BufferedByteReceiveStream(stream)
    method = 0 if proxy.user_info is None else 2
    await stream.send(bytes([5, 1, method]))
    try:
        if await answers.receive_exactly(2) != bytes([5, method]):
            raise ProxyFailed("the proxy does not take our way to log in")
        if proxy.user_info is not None:
            user, password = (text.encode()[:255] for text in proxy.user_info)
            await stream.send(bytes([1, len(user), *user, len(password), *password]))
            if (await answers.receive_exactly(2))[1] != 0:
                raise ProxyFailed("the proxy does not take our password")
        await stream.send(bytes([5, 1, 0, *_address(uri.host), *uri.port.to_bytes(2, "big")]))
        _, code, _, kind = await answers.receive_exactly(4)
        if code != 0:
            raise ProxyFailed(f"the proxy answered with code {code}")
        # The address it came from: 4 bytes, 16, or as many as the first one says; and a port.
        size = {1: 4, 4: 16}.get(kind) or (await answers.receive_exactly(1))[0]
        await answers.receive_exactly(size + 2)
    except anyio.IncompleteRead:
        raise ProxyFailed("the proxy does not speak SOCKS 5") from None


def _address(host: str) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode("idna")[:255]
        return bytes([3, len(name), *name])
    return bytes([1 if address.version == 4 else 4, *address.packed])
