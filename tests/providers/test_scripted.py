# The scripted provider does what the model's name says, to the letter.
from __future__ import annotations

from contextlib import aclosing
from typing import Any

import anyio
import pytest

from g4f_proto import (
    ApiError,
    ChatCall,
    ChatRequest,
    EmbeddingCall,
    Finish,
    InvalidRequest,
    ProviderEvent,
    Reasoning,
    Usage,
)
from providers import Scripted
from providers.scripted import OPTIONS

pytestmark = pytest.mark.anyio


def call(model: str, text: str = "hello big world", **fields: Any) -> ChatCall:
    body = {"messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": text}], **fields}
    return ChatCall(provider="Scripted", model=model, request=ChatRequest.model_validate(body), body=body)


async def says(model: str, text: str = "hello big world", **fields: Any) -> list[ProviderEvent]:
    async with aclosing(Scripted().stream(call(model, text, **fields))) as events:
        return [event async for event in events]


def texts(events: list[ProviderEvent]) -> list[str]:
    return [event for event in events if isinstance(event, str)]


async def test_it_says_the_message_back_one_word_a_delta() -> None:
    assert await says("scripted") == ["hello", " big", " world", Usage(prompt_tokens=5, completion_tokens=3)]


@pytest.mark.parametrize("text", ["", " ", "\n a\t b \n\n", "one", " \u00fcber \U0001f600 ", "a\u2028b"])
async def test_the_words_joined_are_the_message(text: str) -> None:
    assert "".join(texts(await says("scripted", text))) in (text, "" if not text.strip() else text)


async def test_so_many_tokens() -> None:
    assert texts(await says("scripted:tokens=5", "a b")) == ["a", " b", " a", " b", " a"]
    assert texts(await says("scripted:tokens=2", "")) == ["word", " word"]
    assert texts(await says("scripted:tokens=0")) == []


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_a_token_limit(name: str) -> None:
    events = await says("scripted", **{name: 2})
    assert events == ["hello", " big", Finish(reason="length"), Usage(prompt_tokens=5, completion_tokens=2)]
    assert Finish(reason="length") not in await says("scripted", **{name: 3})


@pytest.mark.parametrize(
    ("model", "effort", "thoughts"),
    [
        ("scripted", None, 0),
        ("scripted", "none", 0),
        ("scripted", "minimal", 1),
        ("scripted", "high", 8),
        ("scripted:reasoning=5", "high", 5),
        ("scripted:reasoning=5", "none", 0),
        ("scripted:reasoning=5", None, 5),
    ],
)
async def test_it_thinks_as_hard_as_it_is_asked_to(model: str, effort: str | None, thoughts: int) -> None:
    *events, usage = await says(model, reasoning_effort=effort)
    assert sum(isinstance(event, Reasoning) for event in events) == thoughts
    assert isinstance(usage, Usage)
    assert usage.reasoning_tokens == thoughts


async def test_a_stop_that_is_split_over_deltas_never_leaks() -> None:
    events = await says("scripted", "one two three", stop=["o th"])
    assert "".join(texts(events)) == "one tw"
    assert not any(isinstance(event, Finish) and event.reason == "length" for event in events)


@pytest.mark.parametrize(
    ("model", "status", "before"),
    [("error=429", 429, 0), ("error=500,after=2", 500, 2), ("cut=1", 502, 1), ("error=418", 418, 0), ("cut=3", 502, 3)],
)
async def test_failures(model: str, status: int, before: int) -> None:
    events: list[ProviderEvent] = []

    async def run() -> None:
        async with aclosing(Scripted().stream(call(f"scripted:{model}"))) as said:
            async for event in said:
                events.append(event)  # what came before the failure must be seen

    with pytest.raises(ApiError) as caught:
        await run()
    assert caught.value.status == status
    assert len(events) == before


@pytest.mark.parametrize(
    "option", ["nonsense", "tokens=-1", "tokens=x", "delay=5", "delay=1e9s", "error=200", "report=all"]
)
async def test_an_option_it_does_not_know_is_named(option: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await says(f"scripted:{option}")
    assert option.partition("=")[0] in caught.value.message
    assert caught.value.param == "model"


async def test_reports() -> None:
    scripted = Scripted()

    async def report(name: str) -> str:
        async with aclosing(scripted.stream(call(f"scripted:report={name}"))) as events:
            return texts([event async for event in events])[0]

    assert await report("running") == "0"
    events = scripted.stream(call("scripted:tokens=7"))
    await anext(events)
    assert await report("running") == "1"
    assert await report("deltas") == "3"  # the two reports and one word
    await events.aclose()
    assert await report("running") == "0"


def test_delays_and_silence(jump: Any) -> None:
    async def test() -> None:
        start = anyio.current_time()
        await says("scripted:tokens=4,delay=250ms,silence=2s")
        assert anyio.current_time() - start == pytest.approx(3.0)

    anyio.run(test, backend=jump[0], backend_options=jump[1])


async def test_a_long_answer_lets_others_run() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        await says("scripted:tokens=3000")
        tasks.cancel_scope.cancel()
    assert turns > 5


def test_every_option_is_told_and_read() -> None:
    from providers.script import _READERS

    assert set(OPTIONS) == set(_READERS)


async def vectors(*inputs: str | tuple[int, ...], options: str = "", dimensions: int | None = None) -> list[Any]:
    call = EmbeddingCall(provider="Scripted", model=f"scripted{options}", inputs=inputs, dimensions=dimensions)
    async with aclosing(Scripted().stream(call)) as events:
        return [event async for event in events]


async def test_vectors_are_the_same_for_the_same_text_and_of_length_one() -> None:
    *one, usage = await vectors("a b", "c", "a b", (1, 2), (1, 2), "\ud83d")
    assert [vector.index for vector in one] == [0, 1, 2, 3, 4, 5]
    texts = [vector.vector for vector in one]
    assert texts[0] == texts[2] != texts[1]
    assert texts[3] == texts[4]
    assert {len(vector) for vector in texts} == {256}
    assert all(abs(sum(number * number for number in vector) - 1) < 1e-6 for vector in texts)
    assert usage == Usage(prompt_tokens=2 + 1 + 2 + 2 + 2 + 1, completion_tokens=0)


@pytest.mark.parametrize("dimensions", [1, 3, 4096])
async def test_vectors_have_the_dimensions_that_are_asked_for(dimensions: int) -> None:
    (vector, _) = await vectors("a", dimensions=dimensions)
    assert len(vector.vector) == dimensions


async def test_vectors_fail_when_the_script_says_so() -> None:
    with pytest.raises(ApiError) as caught:
        await vectors("a", "b", options=":error=429,after=1")
    assert caught.value.status == 429
