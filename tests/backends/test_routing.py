# Several providers behind one service: the next one while nothing was delivered, and lists that come over a network.
from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

import anyio
import pytest

from backends.frames import Frames
from backends.service import Service
from g4f_proto import (
    ApiError,
    Call,
    Model,
    ModelNotFound,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    State,
)
from providers import Scripted

pytestmark = pytest.mark.anyio


class Far:
    """A remote provider of the model `same`: says `words`, an exception among them is raised."""

    def __init__(self, name: str, *words: str | Exception, delay: float = 0.0, serves: str = "same") -> None:
        self.info = ProviderInfo(name=name, label=name, default_model=serves, remote=True)
        self.words, self.delay, self.serves = words, delay, serves
        self.asked, self.listed, self.broken = 0, 0, False

    async def models(self) -> Sequence[Model]:
        self.listed += 1
        await anyio.sleep(self.delay)
        if self.broken:
            raise ProviderNotWorking("gone")
        return (Model(id=self.serves, owned_by="x"),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        self.asked += 1
        for word in self.words:
            if isinstance(word, Exception):
                raise word
            yield word

    async def aclose(self) -> None: ...


async def ask(service: Service, *, method: str = "POST", target: bytes = b"/v1/chat/completions", **fields: Any) -> Any:
    """Status and document of a request, a stream's as the list of its documents."""
    exchange = service.exchange(method, target, {b"content-type": b"application/json"})
    frames = Frames(exchange, service)
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], **fields}).encode()
    try:
        if method == "POST":
            exchange.receive_data(body)
        out = b"".join([data async for data in frames])
    finally:
        frames.close()
    assert exchange.state is State.DONE
    assert exchange.head is not None
    if fields.get("stream") and exchange.head.status == 200:
        blocks = [block.removeprefix(b"data: ") for block in out.split(b"\n\n")]
        return 200, [json.loads(block) for block in blocks if block.startswith(b"{")]
    return exchange.head.status, json.loads(out)


BROKEN = ProviderNotWorking("broken")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("error", [BROKEN, ModelNotFound("gone")], ids=["broken", "not there"])
async def test_the_next_one_answers(error: ApiError, stream: bool) -> None:
    first, second = Far("A", error), Far("B", "fine")
    async with Service([first, second]) as service:
        status, said = await ask(service, model="same", stream=stream)
        assert status == 200
        assert {one["provider"] for one in (said if stream else [said])} == {"B"}
    assert (first.asked, second.asked) == (1, 1)


async def test_what_was_collected_is_thrown_away() -> None:
    async with Service([Far("A", "half", BROKEN), Far("B", "whole")]) as service:
        _, document = await ask(service, model="same")
        assert document["choices"][0]["message"]["content"] == "whole"


async def test_a_stream_that_has_begun_ends_with_its_error() -> None:
    second = Far("B", "fine")
    async with Service([Far("A", "half", BROKEN), second]) as service:
        _, chunks = await ask(service, model="same", stream=True)
        assert chunks[-1]["error"]["code"] == "provider_not_working"
        assert second.asked == 0


async def test_all_fail_and_the_last_error_is_told() -> None:
    async with Service([Far("A", BROKEN), Far("B", ProviderNotWorking("also", status=503))]) as service:
        assert (await ask(service, model="same"))[0] == 503
        assert (await ask(service, model="same", stream=True))[0] == 503
        assert (await ask(service, model="same", provider="A"))[0] == 502


async def test_a_server_that_stops_while_it_finds_out_who_serves_asks_nobody() -> None:
    far = Far("A", "fine", delay=0.5)
    async with Service([far]) as service, anyio.create_task_group() as tasks:

        async def asked() -> None:
            status, document = await ask(service, model="same")
            assert (status, document["error"]["code"]) == (503, "shutting_down")

        tasks.start_soon(asked)
        while not far.listed:
            await anyio.sleep(0.001)
        await service.drain(0)
    assert far.asked == 0


async def test_a_provider_that_rests_is_passed_over() -> None:
    first = Far("A", BROKEN)
    async with Service([first, Far("B", "fine")]) as service:
        for _ in range(10):
            assert (await ask(service, model="same"))[0] == 200
    assert first.asked == 3


async def test_who_rests_is_told_as_not_working() -> None:
    first = Far("A", BROKEN)
    async with Service([first]) as service:

        async def working() -> bool:
            _, document = await ask(service, method="GET", target=b"/v1/providers/A")
            return bool(document["working"])

        assert await working()
        for _ in range(3):
            await ask(service, model="same")
        assert not await working()
        assert (await ask(service, model="same"))[0] == 502, "it can still be asked for, and says why"


async def test_nobody_is_asked_what_it_serves_before_it_matters() -> None:
    far = Far("A", "x")
    async with Service([Scripted(), far]) as service:
        assert (await ask(service, model="scripted"))[0] == 200
        assert (await ask(service, model="same", provider="A"))[0] == 200, "who is named need not be asked"
        assert far.listed == 0
        assert (await ask(service, model="same"))[0] == 200
        assert (await ask(service, model="none"))[0] == 404
        assert (await ask(service, method="GET", target=b"/v1/models/same"))[0] == 200
        assert far.listed == 1


async def test_a_list_has_what_every_provider_told() -> None:
    broken = Far("C", "x")
    broken.broken = True
    async with Service([Scripted(), Far("A", "x"), Far("B", "x", serves="other"), broken]) as service:
        _, document = await ask(service, method="GET", target=b"/v1/models")
        names = [entry["id"] for entry in document["data"]]
        assert {"scripted", "same", "other", "A", "B"} <= set(names)
        assert "C" not in names


def in_no_time(jump: tuple[str, dict[str, Any]], test: Callable[[], Awaitable[None]]) -> None:
    anyio.run(test, backend=jump[0], backend_options=jump[1])


def test_a_slow_list_delays_the_first_request_a_second_and_no_other(jump: tuple[str, dict[str, Any]]) -> None:
    async def test() -> None:
        async with Service([Scripted(), Far("A", "x", delay=5.0)]) as service:
            begun = anyio.current_time()
            _, document = await ask(service, method="GET", target=b"/v1/models")
            assert anyio.current_time() - begun <= 1.0
            assert "same" not in [entry["id"] for entry in document["data"]]
            for target in (b"/v1/models", b"/v1/models/same", b"/v1/providers"):
                await ask(service, method="GET", target=target)
            assert anyio.current_time() - begun <= 1.0
            await anyio.sleep(5)
            assert (await ask(service, model="same"))[0] == 200

    in_no_time(jump, test)


def test_lists_are_asked_for_again_when_they_are_old(jump: tuple[str, dict[str, Any]]) -> None:
    async def test() -> None:
        far = Far("A", "x")
        async with Service([far]) as service:
            await ask(service, model="same")
            far.serves = "newer"
            assert (await ask(service, model="newer"))[0] == 404
            await anyio.sleep(601)
            await ask(service, model="same")  # has it asked, and does not wait
            await anyio.sleep(0.1)
            assert (await ask(service, model="newer"))[0] == 200
            far.broken = True
            await anyio.sleep(601)
            await ask(service, model="newer")
            await anyio.sleep(0.1)
            assert (await ask(service, model="newer"))[0] == 200, "what it told before stays"
            assert far.listed == 3

    in_no_time(jump, test)


def test_no_error_is_both() -> None:
    kinds = [kind for kind in ApiError.__subclasses__() if kind.elsewhere]
    assert all(kind.status >= 429 for kind in kinds if kind is not ModelNotFound)


async def test_who_tells_no_usage_is_counted_for_and_kept_to_its_limit() -> None:
    async with Service([Far("A", *["one "] * 20)], counter=lambda texts: sum(len(t.split()) for t in texts)) as service:
        _, document = await ask(service, model="A:same", max_tokens=5)
        assert document["usage"]["completion_tokens"] == 5
        assert document["choices"][0]["finish_reason"] == "length"
        for stream in (False, True):
            _, told = await ask(service, model="A:same", stream=stream, conversation_id="c", stop="e one")
            assert (told[-1] if stream else told)["usage"]["completion_tokens"] == 1


@pytest.mark.parametrize(
    "endpoint",
    ["chat/completions", "completions", "messages", "responses", "images/generations", "embeddings", "audio/speech"],
)
async def test_a_proxy_is_refused_where_requests_choose_none(endpoint: str) -> None:
    fields = {"input": "x", "voice": "alloy", "max_tokens": 9} | ({} if endpoint == "responses" else {"prompt": "x"})
    async with Service([Far("A", "x")]) as service:
        target = f"/v1/{endpoint}".encode()
        status, said = await ask(service, target=target, model="A:x", proxy="http://127.0.0.1:1", **fields)
        assert status == 400
        assert "'proxy' is not supported" in said["error"]["message"]
