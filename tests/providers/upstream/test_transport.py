# TLS and proxies: what is trusted, by which way, and what is told when it fails.
from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream
from pydantic import SecretStr

from g4f_proto import ApiError, InvalidRequest, ProviderNotWorking, ProviderTimeout
from providers.upstream import OpenAICompatible, Timeouts, pool, proxied
from tests.providers.upstream.peer import END, EVENTS, KEY, Act, Step, chat, chunked, collect, delta, head, serving
from tests.providers.upstream.test_chat import SAID

pytestmark = pytest.mark.anyio
PEM = Path(__file__).parents[2] / "conformance" / "localhost.pem"
STREAM: list[Step] = [head(), chunked(EVENTS), END]


def served() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=PEM)
    for module in (proxied, pool):
        monkeypatch.setattr(module, "trusted", lambda: context)
    return context


async def test_tls(trusting: ssl.SSLContext) -> None:
    async with serving(STREAM, tls=served()) as peer:
        provider = OpenAICompatible(peer.upstream(base_url=f"https://localhost:{peer.port}/v1"))
        assert await collect(provider, chat()) == SAID
        assert await collect(provider, chat()) == SAID
        assert peer.connections == 1
        await provider.aclose()


async def test_tls_that_ends_without_a_goodbye(trusting: ssl.SSLContext) -> None:
    whole: list[Step] = [b"HTTP/1.1 200 OK\r\n\r\n" + EVENTS, Act.CLOSE]
    async with serving(whole, [head(), chunked(delta("a")), Act.CLOSE], tls=served()) as peer:
        provider = OpenAICompatible(peer.upstream(base_url=f"https://localhost:{peer.port}/v1"))
        assert await collect(provider, chat()) == SAID
        with pytest.raises(ProviderNotWorking, match="broke its reply off"):
            await collect(provider, chat())
        await provider.aclose()


@pytest.mark.parametrize("http2", [False, True])
async def test_a_certificate_nobody_vouches_for(http2: bool) -> None:
    assert pool.trusted().verify_mode is ssl.CERT_REQUIRED
    async with serving(STREAM, tls=served()) as peer:
        provider = OpenAICompatible(peer.upstream(base_url=f"https://localhost:{peer.port}/v1", http2=http2))
        with pytest.raises(ProviderNotWorking, match="could not be reached"):
            await collect(provider, chat())
        assert peer.requests == []
        await provider.aclose()


async def test_a_server_without_tls_and_one_that_says_nothing() -> None:
    async with serving(STREAM) as peer:
        provider = OpenAICompatible(
            peer.upstream(base_url=f"https://127.0.0.1:{peer.port}/v1", timeouts=Timeouts(connect=0.3))
        )
        with pytest.raises(ApiError) as caught:
            await collect(provider, chat())
        assert type(caught.value) in (ProviderNotWorking, ProviderTimeout)
        await provider.aclose()


@dataclass
class Seen:
    """A proxy, and what it was asked for."""

    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    gone: anyio.Event = field(default_factory=anyio.Event)


@asynccontextmanager
async def proxying(target: int, *, refuse: bool = False) -> AsyncGenerator[Seen, None]:
    """An HTTP and SOCKS proxy in one that leads everybody to the port `target`."""
    seen = Seen()

    async def handle(client: SocketStream) -> None:
        async with client:
            begun = await client.receive()
            if refuse:
                await client.send(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n")
                return
            if begun[0] == 5:  # RFC 1928
                await client.send(b"\x05\x00")
                seen.asked.append(await client.receive())
                await client.send(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
                begun = b""
            else:
                seen.asked.append(begun)
                if begun.startswith(b"CONNECT"):
                    await client.send(b"HTTP/1.1 200 OK\r\n\r\n")
                    begun = b""
            async with await anyio.connect_tcp("127.0.0.1", target) as server, anyio.create_task_group() as tasks:
                await server.send(begun) if begun else None
                tasks.start_soon(pump, client, server)
                await pump(server, client)
                tasks.cancel_scope.cancel()
        seen.gone.set()

    async def pump(source: SocketStream, sink: SocketStream) -> None:
        try:
            async for data in source:
                await sink.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        await sink.aclose()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    seen.port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        yield seen
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("secure", [False, True])
async def test_by_proxy(scheme: str, secure: bool, trusting: ssl.SSLContext) -> None:
    async with serving(STREAM, tls=served() if secure else None) as peer, proxying(peer.port) as seen:
        url = f"{'https' if secure else 'http'}://localhost:{peer.port}/v1"
        proxy = SecretStr(f"{scheme}://127.0.0.1:{seen.port}")
        provider = OpenAICompatible(peer.upstream(base_url=url, proxy=proxy, key=SecretStr(KEY)))
        assert await collect(provider, chat()) == SAID
        assert await collect(provider, chat()) == SAID
        assert peer.requests[1].headers["authorization"] == f"Bearer {KEY}"
        assert len(seen.asked) == 1
        if scheme == "http" and secure:
            assert seen.asked[0].startswith(f"CONNECT localhost:{peer.port} HTTP/1.1\r\n".encode())
            assert KEY.encode() not in seen.asked[0]
        await provider.aclose()


async def test_no_cookie_is_kept() -> None:
    cookie: list[Step] = [head("set-cookie: who=someone; path=/"), chunked(EVENTS), END]
    async with serving(cookie) as peer, proxying(peer.port) as seen:
        for proxy in (None, SecretStr(f"http://127.0.0.1:{seen.port}")):
            provider = OpenAICompatible(peer.upstream(proxy=proxy))
            for _ in range(2):
                assert await collect(provider, chat()) == SAID
            await provider.aclose()
        assert len(peer.requests) == 4
        assert not any("cookie" in request.headers for request in peer.requests)


async def test_a_request_chooses_its_proxy() -> None:
    async with serving(STREAM) as peer, proxying(peer.port) as seen:
        provider = OpenAICompatible(peer.upstream(any_proxy=True))
        assert "proxy" in provider.info.native
        assert await collect(provider, chat(proxy=f"http://127.0.0.1:{seen.port}")) == SAID
        assert len(seen.asked) == 1
        assert "proxy" not in peer.requests[0].json
        assert await collect(provider, chat()) == SAID
        assert len(seen.asked) == 1
        for wrong in ("ftp://x", "http://a b", "x", "http://a:b", "http://[::1", "http://a\0b"):
            with pytest.raises(InvalidRequest) as caught:
                await collect(provider, chat(proxy=wrong))
            assert caught.value.param == "proxy"
        await provider.aclose()


async def test_a_proxy_is_not_a_requests_to_choose() -> None:
    async with serving(STREAM) as peer, proxying(peer.port) as seen:
        provider = OpenAICompatible(peer.upstream())
        assert "proxy" not in provider.info.native  # so the machine refuses it
        assert await collect(provider, chat(proxy=f"http://127.0.0.1:{seen.port}")) == SAID
        assert seen.asked == []
        await provider.aclose()


async def test_a_proxy_that_refuses_or_is_not_there(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(STREAM) as peer:
        async with proxying(peer.port, refuse=True) as seen:
            url = f"https://localhost:{peer.port}/v1"
            provider = OpenAICompatible(
                peer.upstream(base_url=url, proxy=SecretStr(f"http://user:hush@127.0.0.1:{seen.port}"))
            )
            with pytest.raises(ProviderNotWorking, match="could not be reached"):
                await collect(provider, chat())
            await provider.aclose()
        gone = OpenAICompatible(peer.upstream(proxy=SecretStr(f"http://user:hush@127.0.0.1:{seen.port}")))
        with pytest.raises(ProviderNotWorking, match="could not be reached"):
            await collect(gone, chat())
        await gone.aclose()
    assert "hush" not in caplog.text


@pytest.mark.parametrize(
    ("script", "said", "kind"),
    [
        ([head(), chunked(delta("a")), 0.05, Act.RESET], ["a"], ProviderNotWorking),
        ([Act.CLOSE], [], ProviderNotWorking),
        ([b"nonsense\r\n\r\n"], [], ProviderNotWorking),
        ([head(), chunked(delta("a")), Act.HANG], ["a"], ProviderTimeout),
        ([Act.HANG], [], ProviderTimeout),
    ],
    ids=["reset", "closed", "nonsense", "silence", "silence at once"],
)
async def test_what_goes_wrong_behind_a_proxy(script: list[Step], said: list[Any], kind: type[ApiError]) -> None:
    async with serving(script) as peer, proxying(peer.port) as seen:
        upstream = peer.upstream(
            proxy=SecretStr(f"http://127.0.0.1:{seen.port}"), timeouts=Timeouts(connect=5, first=0.3, between=0.3)
        )
        provider = OpenAICompatible(upstream)
        found: list[Any] = []
        with pytest.raises(kind):
            async for event in provider.stream(chat()):
                found.append(event)
        assert found == said
        await provider.aclose()


async def test_leaving_behind_a_proxy() -> None:
    async with serving([head(), chunked(delta("a")), Act.HANG]) as peer, proxying(peer.port) as seen:
        provider = OpenAICompatible(peer.upstream(proxy=SecretStr(f"http://127.0.0.1:{seen.port}")))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, provider, chat())
            while not peer.requests:
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            await peer.gone.wait()
        await provider.aclose()
