# The websocket client: over memory streams what the bytes say, over real sockets how a connection begins and ends.
from __future__ import annotations

import logging
import ssl
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener
from websockets.frames import Opcode
from websockets.uri import parse_uri

from providers import websocket
from providers.tunnel import read_proxy
from providers.websocket import Closed, Refused, Unreachable, WebSocket, connect
from tests.backends.pipes import pipe
from tests.providers.peers import Peer

pytestmark = pytest.mark.anyio

Script = Callable[[Peer], Awaitable[object]]


@asynccontextmanager
async def paired(script: Script, *, drip: bool = False, max_size: int = 1000) -> AsyncGenerator[WebSocket, None]:
    """A client's end over memory streams, `script` playing the server's."""
    here, there = pipe(100_000)
    peer = Peer(there, drip=drip)

    async def play() -> None:
        await peer.accept()
        await script(peer)

    async with here, there, anyio.create_task_group() as tasks:
        tasks.start_soon(play)
        socket = WebSocket(here, parse_uri("ws://test/path"), origin=None, max_size=max_size)
        await socket.shake_hands({"X-One": "1"})
        yield socket
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def served(
    script: Callable[[ByteStream], Awaitable[object]], tls: ssl.SSLContext | None = None
) -> AsyncGenerator[int, None]:
    """A port on loopback where `script` has each connection."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port: int = listener.extra(SocketAttribute.local_port)

    async def handle(stream: ByteStream) -> None:
        async with stream:
            await script(stream)

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon((TLSListener(listener, tls, standard_compatible=False) if tls else listener).serve, handle)
        yield port
        tasks.cancel_scope.cancel()


# --- messages ---


@pytest.mark.parametrize("drip", [False, True])
async def test_messages_come_whole_however_they_were_cut(drip: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.send("one")
        await peer.send("zw", "ö".encode()[:1], "ö".encode()[1:] + b"lf", "")
        peer.protocol.send_binary(b"\xff\x00")
        await peer.write()
        await peer.gone()

    async with paired(script, drip=drip) as socket:
        assert [await socket.receive() for _ in range(3)] == ["one", "zwölf", b"\xff\x00"]


async def test_a_ping_between_fragments_is_answered() -> None:
    pongs = []

    async def script(peer: Peer) -> None:
        peer.protocol.send_text(b"a", fin=False)
        peer.protocol.send_ping(b"still there?")
        peer.protocol.send_continuation(b"b", fin=True)
        await peer.write()
        pongs.append(await peer.frame())
        await peer.send("c")

    async with paired(script) as socket:
        assert await socket.receive() == "ab"
        assert await socket.receive() == "c"
    assert [(pong.opcode, bytes(pong.data)) for pong in pongs] == [(Opcode.PONG, b"still there?")]


async def test_what_is_sent_arrives_and_lone_surrogates_do_no_harm() -> None:
    async def script(peer: Peer) -> None:
        await peer.send(await peer.text())

    async with paired(script) as socket:
        await socket.send("grüße \ud83d \U0001f600")
        assert await socket.receive() == "grüße \ufffd \U0001f600"


async def test_the_handshake_carries_the_headers() -> None:
    peers = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        await peer.send("x")

    async with paired(script) as socket:
        await socket.receive()
    request = peers[0].request
    assert request is not None
    assert (request.path, request.headers["X-One"]) == ("/path", "1")


# --- endings ---


async def too_large(peer: Peer) -> None:
    await peer.send("x" * 600, "x" * 600)
    await peer.gone()


async def not_utf8(peer: Peer) -> None:
    await peer.send(b"\xff")
    await peer.gone()


async def masked(peer: Peer) -> None:
    await peer.stream.send(b"\x81\x81maskx")
    await peer.gone()


async def polite(peer: Peer) -> None:
    await peer.close(4001)
    await peer.gone()


async def cut(peer: Peer) -> None:
    await peer.stream.send(b"\x81\x20half a frame")
    await peer.stream.aclose()


@pytest.mark.parametrize(
    ("script", "code"), [(too_large, 1009), (not_utf8, 1007), (masked, 1002), (polite, 4001), (cut, 1006)]
)
async def test_an_end_has_its_code(script: Script, code: int) -> None:
    async with paired(script) as socket:
        for _ in range(2):  # and keeps it
            with pytest.raises(Closed) as caught:
                await socket.receive()
            assert caught.value.code == code
        if code != 1006:
            with pytest.raises(Closed):
                await socket.send("more")


async def test_what_came_before_the_end_is_given_first() -> None:
    async def script(peer: Peer) -> None:
        await peer.send("last words")
        await peer.close()

    async with paired(script) as socket:
        assert await socket.receive() == "last words"
        with pytest.raises(Closed):
            await socket.receive()


def test_a_peer_that_never_says_goodbye_is_not_waited_for(jump: tuple[str, dict[str, object]]) -> None:
    async def main() -> None:
        here, there = pipe()
        socket = WebSocket(here, parse_uri("ws://test/"), origin=None, max_size=10)
        peer = Peer(there)
        async with here, there:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(peer.accept)
                await socket.shake_hands({})
            start = anyio.current_time()
            await socket.close()
            assert anyio.current_time() - start == websocket.CLOSE_TIMEOUT

    anyio.run(main, backend=jump[0], backend_options=jump[1])


# --- over real sockets ---


async def test_leaving_in_peace_says_goodbye() -> None:
    goodbyes = []

    async def script(stream: ByteStream) -> None:
        peer = Peer(stream)
        await peer.accept()
        await peer.send(await peer.text())
        goodbyes.append(await peer.gone())

    async with served(script) as port:
        async with connect(f"ws://127.0.0.1:{port}/", origin="https://test") as socket:
            await socket.send("hello")
            assert await socket.receive() == "hello"
        with anyio.fail_after(5):
            while not goodbyes:
                await anyio.sleep(0.01)
    assert goodbyes == [True]


@pytest.mark.parametrize("how", ["cancelled", "raised"])
async def test_leaving_otherwise_closes_the_socket_at_once(how: str) -> None:
    goodbyes = []
    left = anyio.Event()

    async def script(stream: ByteStream) -> None:
        peer = Peer(stream)
        await peer.accept()
        await peer.send("first")
        goodbyes.append(await peer.gone())
        left.set()

    async with served(script) as port:
        with anyio.CancelScope() as scope:
            try:
                async with connect(f"ws://127.0.0.1:{port}/") as socket:
                    await socket.receive()
                    if how == "raised":
                        raise LookupError
                    scope.cancel()
                    await socket.receive()
            except LookupError:
                pass
        with anyio.fail_after(5):
            await left.wait()
    assert goodbyes == [False]


@pytest.mark.parametrize("status", [401, 403, 429, 460])
async def test_a_refused_upgrade_tells_its_status(status: int) -> None:
    async def script(stream: ByteStream) -> None:
        await Peer(stream).refuse(status, Retry_After="7")

    async with served(script) as port:
        with pytest.raises(Refused) as caught:
            async with connect(f"ws://127.0.0.1:{port}/?token=secret", headers={"Cookie": "secret"}):
                raise AssertionError
    assert (caught.value.status, caught.value.headers["retry-after"]) == (status, "7")
    assert "secret" not in f"{caught.value!r}{caught.value}"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n",
    ],
)
async def test_what_is_no_websocket_is_unreachable(reply: bytes) -> None:
    async def script(stream: ByteStream) -> None:
        await stream.receive()
        if reply:
            await stream.send(reply)

    async with served(script) as port:
        with pytest.raises(Unreachable):
            async with connect(f"ws://127.0.0.1:{port}/"):
                raise AssertionError
    with pytest.raises(Unreachable):  # nobody listens there any more
        async with connect(f"ws://127.0.0.1:{port}/"):
            raise AssertionError


async def test_an_opening_that_takes_too_long_is_given_up() -> None:
    async def script(stream: ByteStream) -> None:
        await stream.receive()
        await stream.receive()  # for ever

    async with served(script) as port:
        with pytest.raises(Unreachable):
            async with connect(f"ws://127.0.0.1:{port}/", timeout=0.05):
                raise AssertionError


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, cert


async def echo(stream: ByteStream) -> None:
    peer = Peer(stream)
    await peer.accept()
    await peer.send(await peer.text())
    await peer.gone()


async def relay(stream: ByteStream, port: int) -> None:
    async with await anyio.connect_tcp("127.0.0.1", port) as beyond, anyio.create_task_group() as tasks:

        async def pump(source: ByteStream, sink: ByteStream) -> None:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                async for data in source:
                    await sink.send(data)
            tasks.cancel_scope.cancel()

        tasks.start_soon(pump, stream, beyond)
        await pump(beyond, stream)


async def test_tls_and_a_proxys_tunnel(certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=str(cert))
    heads = []

    async def proxied(stream: ByteStream) -> None:
        heads.append(await stream.receive())
        await stream.send(b"HTTP/1.1 200 ok\r\n\r\n")
        await relay(stream, target)

    async with served(echo, context) as target, served(proxied) as proxy:
        url = f"wss://localhost:{target}/"
        for via in (None, f"http://me:pass@127.0.0.1:{proxy}"):
            async with connect(url, tls=trusting, proxy=via) as socket:
                await socket.send("through")
                assert await socket.receive() == "through"
        with pytest.raises(Unreachable):  # a certificate that nobody vouches for
            async with connect(url):
                raise AssertionError
    assert heads[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % target)
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==\r\n" in heads[0]


async def test_a_proxy_over_tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))

    async def proxied(stream: ByteStream) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 200 ok\r\n\r\n")
        await relay(stream, target)

    async with served(echo) as target, served(proxied, context) as proxy:
        with anyio.fail_after(5):
            async with connect(f"ws://127.0.0.1:{target}/", proxy=f"https://localhost:{proxy}") as socket:
                await socket.send("through")
                assert await socket.receive() == "through"


def test_a_proxys_port() -> None:
    assert read_proxy("socks5://proxy.test").port == 1080
    assert read_proxy("socks5://proxy.test:80").port == 80
    assert read_proxy("https://proxy.test").port == 443


@pytest.mark.parametrize("user", ["", "me:pass@"])
@pytest.mark.parametrize(
    ("host", "address", "bound"),
    [("127.0.0.1", b"\x01\x7f\x00\x00\x01", b"\x01abcd"), ("localhost", b"\x03\x09localhost", b"\x03\x02ab")],
)
async def test_socks(user: str, host: str, address: bytes, bound: bytes) -> None:
    asked = []

    async def proxied(stream: ByteStream) -> None:
        greeting = await stream.receive()
        asked.append(greeting)
        await stream.send(b"\x05")
        await stream.send(greeting[2:])
        if user:
            asked.append(await stream.receive())
            await stream.send(b"\x01\x00")
        asked.append(await stream.receive())
        for byte in b"\x05\x00\x00" + bound + b"\x00\x50":
            await stream.send(bytes([byte]))
        await relay(stream, target)

    async with served(echo) as target, served(proxied) as proxy:
        async with connect(f"ws://{host}:{target}/", proxy=f"socks5://{user}127.0.0.1:{proxy}") as socket:
            await socket.send("through")
            assert await socket.receive() == "through"
        port = target.to_bytes(2, "big")
    login = [b"\x05\x01\x02", b"\x01\x02me\x04pass"] if user else [b"\x05\x01\x00"]
    assert asked == [*login, b"\x05\x01\x00" + address + port]


@pytest.mark.parametrize(
    ("scheme", "reply"),
    [
        ("http", b"HTTP/1.1 407 no\r\n\r\n"),
        ("http", b"what?\r\n"),
        ("http", b""),
        ("socks5", b"\x05\xff"),
        ("socks5", b"\x05\x00\x05\x02\x00\x01"),
        ("socks5", b"\x05"),
        ("socks5", b"HTTP/1.1 400 what?\r\n"),
    ],
)
async def test_a_proxy_that_does_not_connect(scheme: str, reply: bytes) -> None:
    async def script(stream: ByteStream) -> None:
        await stream.receive()
        if reply:
            await stream.send(reply)

    async with served(script) as port:
        with pytest.raises(Unreachable):
            async with connect("ws://nowhere.invalid/", proxy=f"{scheme}://127.0.0.1:{port}"):
                raise AssertionError


@pytest.mark.parametrize("proxy", ["socks4://me:secret@127.0.0.1:1", "nonsense", "http://me:secret@127.0.0.1:1/path"])
async def test_a_proxy_that_cannot_be_used_is_said_without_its_password(proxy: str) -> None:
    with pytest.raises(ValueError) as caught:
        async with connect("ws://127.0.0.1/", proxy=proxy):
            raise AssertionError
    assert "secret" not in str(caught.value)


async def test_keys_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        served(echo) as port,
        connect(f"ws://127.0.0.1:{port}/?token=secret", headers={"Cookie": "secret"}) as ws,
    ):
        await ws.send("secret")
        await ws.receive()
    told = [record for record in caplog.records if not record.name.startswith("websockets.server")]
    assert not [record for record in told if "secret" in record.getMessage()]
