# The streams of the hot path keep the promises of anyio's: one set of tests for the loops' own and for anyio's on trio.
from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute

from providers.loops import asyncio_loop, running
from providers.wire import connect, listening

pytestmark = pytest.mark.anyio

LOOPS: list[Any] = [
    pytest.param(("asyncio", {"debug": True}), id="asyncio"),
    pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    pytest.param(("trio", {}), id="trio"),
]
MUCH = b"0123456789abcdef" * 2**20  # more than the buffers of two sockets hold


@pytest.fixture(params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@asynccontextmanager
async def both() -> AsyncIterator[tuple[ByteStream, ByteStream]]:
    """The two ends of a connection: who connected, who was connected to."""
    arrived = anyio.Event()
    ends: list[ByteStream] = []

    async def take(stream: ByteStream) -> None:
        ends.append(stream)
        arrived.set()

    with listener() as here:
        port = here.getsockname()[1]
        async with anyio.create_task_group() as tasks:
            server = await listening(here)

            async def serve() -> None:
                with suppress(anyio.ClosedResourceError):
                    await server.serve(take, tasks)

            tasks.start_soon(serve)
            client = await connect("127.0.0.1", port)
            await arrived.wait()
            try:
                yield client, ends[0]
            finally:
                with anyio.CancelScope(shield=True):
                    for end in (client, ends[0], server):
                        await end.aclose()
                tasks.cancel_scope.cancel()


def listener() -> socket.socket:
    here = socket.create_server(("127.0.0.1", 0))
    here.setblocking(False)
    return here


async def whole(stream: ByteStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await stream.receive()
    return data


async def test_what_is_sent_arrives_in_order_and_in_the_pieces_asked_for() -> None:
    async with both() as (client, server):
        await client.send(b"one")
        await client.send(b"two")
        assert await whole(server, 6) == b"onetwo"
        await server.send(b"abcdef")
        assert [await client.receive(4), await client.receive(4)] == [b"abcd", b"ef"]


async def test_the_end_is_told_each_time_and_the_other_way_stays_open() -> None:
    async with both() as (client, server):
        await client.send(b"last")
        await client.send_eof()
        assert await server.receive() == b"last"
        for _ in range(2):
            with pytest.raises(anyio.EndOfStream):
                await server.receive()
        await server.send(b"answer")
        assert await client.receive() == b"answer"


async def test_a_reset_is_told_apart_from_an_end() -> None:
    async with both() as (client, server):
        raw = client.extra(SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await anyio.aclose_forcefully(client)
        with pytest.raises(anyio.BrokenResourceError):
            await server.receive()
        with pytest.raises(anyio.BrokenResourceError):
            for _ in range(3):
                await server.send(b"x")


async def test_a_sender_waits_for_a_reader_who_takes_his_time() -> None:
    async with both() as (client, server):
        sent = anyio.Event()

        async def send() -> None:
            await client.send(MUCH)
            sent.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            assert await server.receive(1) == b"0"
            await anyio.wait_all_tasks_blocked()
            assert not sent.is_set()
            assert await whole(server, len(MUCH) - 1) == MUCH[1:]
            await sent.wait()


async def test_nothing_is_read_ahead_of_who_reads() -> None:
    async with both() as (client, server):
        await server.send(b"x")
        assert await client.receive() == b"x"
        taken = 0
        with anyio.move_on_after(0.5):  # a peer that sends for ever gets rid of what the sockets hold
            while True:
                await server.send(b"y" * 65536)
                taken += 65536
        assert taken < 40 * 2**20  # Linux may buffer 36 MB a connection


async def test_who_waits_can_be_cancelled_and_nothing_is_lost() -> None:
    async with both() as (client, server):
        with anyio.move_on_after(0.01) as scope:
            await server.receive()
        assert scope.cancelled_caught
        await client.send(b"later")
        assert await server.receive() == b"later"
        with anyio.move_on_after(0.01) as scope:
            await client.send(MUCH)
        assert scope.cancelled_caught


async def test_who_gave_up_sending_may_send_again() -> None:
    async with both() as (client, server):
        sent = anyio.Event()

        async def send() -> None:
            await client.send(b"the end")
            sent.set()

        with anyio.move_on_after(0.01):
            await client.send(MUCH)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            while not (await server.receive()).endswith(b"the end"):
                pass
        assert sent.is_set()


@pytest.mark.parametrize("act", ["receive", "send"])
async def test_closed_under_who_waits(act: str) -> None:
    async with both() as (client, server):

        async def use() -> None:
            with pytest.raises(anyio.ClosedResourceError):
                await (client.receive() if act == "receive" else client.send(MUCH))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use)
            await anyio.wait_all_tasks_blocked()
            await client.aclose()
        with pytest.raises(anyio.ClosedResourceError):
            await client.receive()
        with pytest.raises(anyio.ClosedResourceError):
            await client.send(b"x")
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            while True:
                await server.receive()


async def test_one_reader_at_a_time() -> None:
    async with both() as (client, _), anyio.create_task_group() as tasks:
        tasks.start_soon(client.receive)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(anyio.BusyResourceError):
            await client.receive()
        tasks.cancel_scope.cancel()


async def test_nobody_there() -> None:
    with listener() as here:
        port = here.getsockname()[1]
    with pytest.raises(OSError):
        await connect("127.0.0.1", port)


async def test_a_closed_listener_says_so_and_what_it_took_goes_on() -> None:
    done = anyio.Event()

    async def echo(stream: ByteStream) -> None:
        async with stream:
            await stream.send(await stream.receive())
        done.set()

    here = listener()
    port = here.getsockname()[1]
    server = await listening(here)

    async def serve() -> None:
        with pytest.raises(anyio.ClosedResourceError):
            await server.serve(echo, tasks)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        client = await connect("127.0.0.1", port)
        await anyio.wait_all_tasks_blocked()
        await server.aclose()
        await client.send(b"still here")
        assert await client.receive() == b"still here"
        await done.wait()
        await client.aclose()
        with pytest.raises(OSError):
            await connect("127.0.0.1", port)


async def test_the_loops_clock_is_anyios() -> None:
    assert (asyncio_loop() is None) == (anyio.lowlevel.current_token().backend_class.__name__ == "TrioBackend")
    assert abs(running().clock() - anyio.current_time()) < 1
