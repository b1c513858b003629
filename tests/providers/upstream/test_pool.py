# Connections of the pool: which serve again, which do not, and how many there are.
from __future__ import annotations

import anyio
import pytest

from g4f_proto import ProviderEvent, ProviderNotWorking
from providers.upstream import OpenAICompatible
from tests.providers.upstream.peer import EVENTS, Act, Step, chat, collect, reply, serving
from tests.providers.upstream.test_chat import DOCUMENT, SAID, WHOLE, body

pytestmark = pytest.mark.anyio


async def test_a_connection_serves_again_and_again() -> None:
    async with serving(body(EVENTS)) as peer:
        provider = OpenAICompatible(peer.upstream())
        for _ in range(3):
            assert await collect(provider, chat()) == SAID
        assert peer.connections == 1
        await provider.aclose()


@pytest.mark.parametrize(
    "script",
    [
        [reply(DOCUMENT, "connection: close"), Act.CLOSE],
        [reply(DOCUMENT), Act.CLOSE],
        [reply(DOCUMENT) + b"HTTP/1.1 200 OK\r\n\r\n"],
        [reply(DOCUMENT), 0.02, b"HTTP/1.1 408 Timeout\r\ncontent-length: 0\r\n\r\n", Act.CLOSE],
        [reply(DOCUMENT), 0.02, b"HTTP/1.1 408 Timeout\r\ncontent-length: 0\r\n\r\n"],
    ],
    ids=["close", "closed", "more than was asked", "a parting word", "a word nobody asked for"],
)
async def test_a_connection_that_does_not_serve_again(script: list[Step]) -> None:
    async with serving(script) as peer:
        provider = OpenAICompatible(peer.upstream())
        for _ in range(3):
            assert await collect(provider, chat()) == WHOLE
            await anyio.sleep(0.05)
        assert peer.connections == 3
        await provider.aclose()


async def test_an_idle_connection_that_was_closed_under_a_request() -> None:
    async with serving([reply(DOCUMENT)], [Act.CLOSE], [reply(DOCUMENT)]) as peer:
        provider = OpenAICompatible(peer.upstream())
        assert await collect(provider, chat()) == WHOLE
        assert await collect(provider, chat()) == WHOLE
        assert (peer.connections, len(peer.requests)) == (2, 3)
        await provider.aclose()


async def test_a_request_is_sent_twice_at_most() -> None:
    async with serving(*[[0.1, reply(DOCUMENT)]] * 3, [Act.CLOSE]) as peer:
        provider = OpenAICompatible(peer.upstream())
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(collect, provider, chat())
        with pytest.raises(ProviderNotWorking):
            await collect(provider, chat())
        assert len(peer.requests) == 3 + 2
        await provider.aclose()


async def test_many_at_once() -> None:
    async with serving(body(EVENTS, 5)) as peer:
        provider = OpenAICompatible(peer.upstream())
        found: list[list[ProviderEvent]] = []

        async def one() -> None:
            found.append(await collect(provider, chat()))

        for _ in range(2):
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(one)
        assert found == [SAID] * 40
        assert peer.connections <= 40
        await provider.aclose()
