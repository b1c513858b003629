# The h11 server's connection, over memory streams: every rule of HTTP it keeps, every time limit, every way to leave.
from __future__ import annotations

import gc
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import h11
import pytest

from backends.connection import READ_AHEAD, Connection, Timeouts
from backends.service import Service
from g4f_proto import Call, ChatCall, Limits, ProviderEvent
from providers import Scripted
from providers.run import MAILBOX
from tests.backends.pipes import Pipe, pipe

pytestmark = pytest.mark.anyio


def request(
    model: str = "scripted", *, stream: bool = False, text: str = "hello big world", close: bool = False
) -> bytes:
    body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}).encode()
    extra = b"connection: close\r\n" if close else b""
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n%b" % (extra, len(body), body)


GET = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"


class Client:
    """The client's end, read with h11's client side."""

    def __init__(self, stream: Pipe, connection: Connection, scripted: Scripted) -> None:
        self.stream, self.connection, self.scripted = stream, connection, scripted
        self.h11 = h11.Connection(h11.CLIENT)

    def expect(self, method: str = "POST") -> None:
        """A request was written by hand: the reply that comes belongs to it."""
        if self.h11.our_state is not h11.IDLE:
            self.h11.start_next_cycle()
        self.h11.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        self.h11.send(h11.EndOfMessage())

    async def reply(self, method: str = "POST") -> tuple[int, dict[bytes, bytes], bytes]:
        self.expect(method)
        status, headers, body = 0, {}, b""
        while True:
            event = self.h11.next_event()
            if event is h11.NEED_DATA:
                try:
                    data = await self.stream.receive()
                except anyio.EndOfStream:
                    data = b""
                self.h11.receive_data(data)
            elif isinstance(event, h11.Response):
                status, headers = event.status_code, dict(event.headers)
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, headers, body
            elif isinstance(event, h11.ConnectionClosed):
                raise EOFError

    async def closed(self) -> bool:
        try:
            await self.stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return True
        return False

    async def running(self, count: int) -> None:
        """Wait until so many scripted answers are being made."""
        while self.scripted._running != count:
            await anyio.sleep(0.001)


@asynccontextmanager
async def connected(
    timeouts: Timeouts | None = None, room: float = 1000, provider: Scripted | None = None, **options: Any
) -> AsyncIterator[Client]:
    scripted = provider or Scripted()
    here, there = pipe(room)
    async with Service([scripted], **options) as service, anyio.create_task_group() as tasks:
        connection = Connection(there, service, timeouts or Timeouts())
        tasks.start_soon(connection.run)
        with anyio.fail_after(20):
            yield Client(here, connection, scripted)
        await here.aclose()
        tasks.cancel_scope.cancel()


async def test_requests_follow_one_another_on_one_connection() -> None:
    async with connected() as client:
        for _ in range(3):
            await client.stream.send(request())
            status, headers, body = await client.reply()
            assert status == 200
            assert int(headers[b"content-length"]) == len(body)
            assert json.loads(body)["choices"][0]["message"]["content"] == "hello big world"


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with connected() as client:
        await client.stream.send(request(text="one") + GET + request(text="two", stream=True) + request(text="three"))
        assert b'"one"' in (await client.reply())[2]
        assert b'"object":"list"' in (await client.reply("GET"))[2]
        assert (await client.reply())[2].endswith(b"data: [DONE]\n\n")
        assert b'"three"' in (await client.reply())[2]


async def test_a_request_leaves_nothing_for_the_collector_of_cycles() -> None:
    """Which the servers therefore ask rarely."""
    async with connected() as client:
        gc.collect()
        gc.disable()
        try:
            for stream in (False, True, False, True):
                await client.stream.send(request(stream=stream) + request("no such model"))
                assert [(await client.reply())[0] for _ in range(2)] == [200, 404]
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            ours = [type(left) for left in gc.garbage if type(left).__module__.startswith(("g4f_proto", "backends"))]
            assert ours == []
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()


async def test_another_protocol_is_offered_in_vain_and_the_connection_goes_on() -> None:
    async with connected() as client:
        offer = b"host: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
        await client.stream.send(request(text="one").replace(b"host: x\r\n", offer) + request(text="two"))
        status, headers, body = await client.reply()
        assert (status, headers.get(b"connection"), b'"one"' in body) == (200, None, True)
        assert b'"two"' in (await client.reply())[2]


async def test_a_request_that_comes_byte_by_byte() -> None:
    async with connected() as client:
        for byte in request():
            await client.stream.send(bytes([byte]))
        assert (await client.reply())[0] == 200


async def test_the_next_request_may_arrive_while_a_stream_is_sent() -> None:
    async with connected() as client:
        await client.stream.send(request("scripted:tokens=5,delay=5ms", stream=True))
        await client.running(1)
        await client.stream.send(request(text="later"))
        assert (await client.reply())[2].endswith(b"data: [DONE]\n\n")
        assert b'"later"' in (await client.reply())[2]


async def test_a_chunked_body_and_a_head_without_a_body() -> None:
    async with connected() as client:
        body = request().partition(b"\r\n\r\n")[2]
        await client.stream.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for byte in body:
            await client.stream.send(b"1\r\n%c\r\n" % byte)
        await client.stream.send(b"0\r\n\r\n")
        assert (await client.reply())[0] == 200
        await client.stream.send(GET.replace(b"GET", b"HEAD"))
        status, headers, body = await client.reply("HEAD")
        assert (status, body) == (200, b"")
        await client.stream.send(GET)
        assert int(headers[b"content-length"]) == len((await client.reply("GET"))[2])


async def test_expect_100_continue() -> None:
    async with connected() as client:
        head, _, body = request().partition(b"\r\n\r\n")
        await client.stream.send(head + b"\r\nexpect: 100-continue\r\n\r\n")
        assert await client.stream.receive() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.stream.send(body)
        assert (await client.reply())[0] == 200


async def test_a_refused_head_is_answered_without_its_body() -> None:
    async with connected(limits=Limits(body=100)) as client:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 101\r\n\r\n"
        await client.stream.send(head)
        status, _, body = await client.reply()
        assert (status, json.loads(body)["error"]["code"]) == (413, "request_too_large")
        assert await client.closed()


async def test_a_refused_request_whose_body_is_here_keeps_the_connection() -> None:
    async with connected(keys=["k"]) as client:
        await client.stream.send(request())
        assert (await client.reply())[0] == 401
        await client.stream.send(request().replace(b"host: x", b"host: x\r\ng4f-api-key: k"))
        assert (await client.reply())[0] == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", 501),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 70_000, 431),
    ],
)
async def test_what_is_not_http_gets_an_error_object_and_a_closed_connection(data: bytes, status: int) -> None:
    async with connected() as client:
        await client.stream.send(data)
        got, _, body = await client.reply()
        assert got == status
        assert json.loads(body)["error"]["type"] == "invalid_request_error"
        await client.stream.send(b"more" * 100)
        assert await client.closed()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", ["scripted:silence=1000s", "scripted:tokens=99999,delay=10ms"])
@pytest.mark.parametrize("size", [1, 2 * READ_AHEAD, 3 * READ_AHEAD])
async def test_a_client_that_leaves_stops_the_provider(stream: bool, model: str, size: int) -> None:
    async with connected() as client:
        await client.stream.send(request(model, stream=stream, text="x" * size))
        await client.running(1)
        await client.stream.aclose()
        await client.running(0)


async def test_a_client_that_stops_reading_bounds_what_is_made() -> None:
    async with connected(room=2) as client:
        await client.stream.send(request("scripted:tokens=100000", stream=True))
        before = -1
        while client.scripted._deltas != before:
            before = client.scripted._deltas
            await anyio.sleep(0.05)
        assert before < 8 * MAILBOX
        await client.stream.aclose()
        await client.running(0)


async def test_pipelined_bytes_are_bounded() -> None:
    async with connected(room=0) as client:
        await client.stream.send(request("scripted:silence=1000s"))
        await client.running(1)
        sent = 0
        with anyio.move_on_after(0.3):
            while sent < 100 * READ_AHEAD:
                await client.stream.send(GET * 100)
                sent += len(GET) * 100
        assert READ_AHEAD < sent < 3 * READ_AHEAD


async def test_connection_close_and_http_1_0() -> None:
    async with connected() as client:
        await client.stream.send(request(close=True))
        assert (await client.reply())[0] == 200
        assert await client.closed()
    async with connected() as client:
        await client.stream.send(request(stream=True).replace(b"HTTP/1.1", b"HTTP/1.0"))
        reply = b""
        with pytest.raises(anyio.EndOfStream):
            while True:
                reply += await client.stream.receive()
        assert b"chunked" not in reply.lower()
        assert reply.endswith(b"data: [DONE]\n\n")


def in_no_time(jump: tuple[str, dict[str, Any]], test: Callable[[], Awaitable[None]]) -> None:
    anyio.run(test, backend=jump[0], backend_options=jump[1])


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"GET /v1/mod", 408), (request()[:-1], 408), (b"", None)],
    ids=["half a head", "half a body", "nothing"],
)
def test_a_peer_that_does_not_go_on(
    jump: Any, monkeypatch: pytest.MonkeyPatch, sent: bytes, status: int | None
) -> None:
    monkeypatch.setattr("backends.connection.BODY_TIMEOUT", 6)

    async def test() -> None:
        async with connected(Timeouts(head=5, idle=7)) as client:
            start = anyio.current_time()
            if sent:
                await client.stream.send(sent)
            if status is not None:
                assert (await client.reply())[0] == status
            assert await client.closed()
            assert 5 <= anyio.current_time() - start < 10

    in_no_time(jump, test)


def test_a_head_has_one_deadline_however_slowly_it_drips(jump: Any) -> None:
    async def test() -> None:
        async with connected(Timeouts(head=5)) as client:
            for byte in GET[:6]:
                await client.stream.send(bytes([byte]))
                await anyio.sleep(1)
            assert (await client.reply())[0] == 408

    in_no_time(jump, test)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_never_reads_is_not_waited_for(jump: Any, stream: bool) -> None:
    async def test() -> None:
        async with connected(Timeouts(write=5), room=1) as client:
            model = "scripted:tokens=1000"
            await client.stream.send(request(model, stream=stream) + (b"" if stream else request(model)))
            start = anyio.current_time()
            await anyio.sleep(1)
            while client.connection in client.connection._service.timed:
                await anyio.sleep(1)
            assert 5 <= anyio.current_time() - start < 60
            assert client.scripted._running == 0

    in_no_time(jump, test)


def test_silence_is_broken_by_pings_and_the_answer_still_comes(jump: Any) -> None:
    async def test() -> None:
        async with connected(quiet_limit=4) as client:
            await client.stream.send(request("scripted:silence=15s", stream=True))
            status, _, body = await client.reply()
            assert status == 200
            assert body.count(b": ping\n\n") == 3
            assert body.endswith(b"data: [DONE]\n\n")

    in_no_time(jump, test)


def test_the_whole_answer_has_a_deadline(jump: Any) -> None:
    async def test() -> None:
        async with connected(timeout=3, quiet_limit=1) as client:
            await client.stream.send(request("scripted:silence=50s"))
            status, _, body = await client.reply()
            assert (status, json.loads(body)["error"]["code"]) == (504, "provider_timeout")
            await client.stream.send(request("scripted:silence=50s", stream=True))
            status, _, body = await client.reply()
            assert status == 200  # committed by the first ping
            assert b"provider_timeout" in body
            assert body.endswith(b"data: [DONE]\n\n")

    in_no_time(jump, test)


class Timely(Scripted):
    """Its answers end when `silent` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = anyio.Event()

    async def _chat(self, call: ChatCall) -> AsyncGenerator[ProviderEvent, None]:
        yield "hello"
        await self.silent.wait()
        self.silent = anyio.Event()

    def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ChatCall)
        return self._chat(call)


async def test_an_answer_whose_time_is_over_as_it_ends_is_answered_once_and_the_connection_goes_on() -> None:
    timely = Timely()
    async with connected(provider=timely) as client:
        await client.stream.send(request() * 3 + GET)
        for _ in range(3):
            while not (frames := client.connection._frames) or not timely.silent.statistics().tasks_waiting:
                await anyio.sleep(0.001)
            timely.silent.set()
            frames.expire()
            status, _, body = await client.reply()
            assert (status, json.loads(body)["error"]["code"]) == (504, "provider_timeout")
        assert (await client.reply("GET"))[0] == 200


async def test_draining_closes_an_idle_connection_and_ends_a_busy_one_after_its_answer() -> None:
    async with connected() as client:
        client.connection.drain()
        assert await client.closed()
    async with connected() as client:
        await client.stream.send(request("scripted:tokens=3,delay=5ms"))
        await client.running(1)
        client.connection.drain()
        status, headers, _ = await client.reply()
        assert (status, headers[b"connection"]) == (200, b"close")
        assert await client.closed()
