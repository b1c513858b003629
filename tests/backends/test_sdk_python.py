# What openai-python makes of everything but plain words, on every server: tools, JSON, choices, logprobs, thoughts,
# images. The SDK checks more than it says: its helpers raise where a delta is out of order.
from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Coroutine, Iterator
from enum import StrEnum
from typing import Any

import anyio
import openai
import pytest
from openai.types.chat import (
    ChatCompletionContentPartImageParam,
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)
from pydantic import BaseModel, Field

from tests.backends.conftest import Server

SCRIPTED = "scripted"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello big world"}]


class Unit(StrEnum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class Place(BaseModel):
    """Where."""

    city: str
    unit: Unit


class GetWeather(BaseModel):
    """The weather in a place."""

    place: Place
    days: int = Field(ge=1, le=5)


class Step(BaseModel):
    text: str
    sub: list[Step] = []


class Answer(BaseModel):
    steps: list[Step]
    unit: Unit
    score: float | None


TOOLS: list[ChatCompletionToolParam] = [
    openai.pydantic_function_tool(GetWeather, name="get_weather"),
    {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}},
]


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def asynchronously(server: Server, test: Callable[[openai.AsyncOpenAI], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
            await test(client)

    anyio.run(main)


def picture(width: int, height: int) -> str:
    """A PNG of red pixels as a data URI."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\xff\0\0" * width) * height)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


# --- tools ---


def test_a_tool_loop(client: openai.OpenAI) -> None:
    messages = [*HELLO]
    first = client.chat.completions.create(model="scripted:calls=2", messages=messages, tools=TOOLS)
    assert first.choices[0].finish_reason == "tool_calls"
    said = first.choices[0].message
    assert said.content is None
    assert said.tool_calls is not None
    assert [call.function.name for call in said.tool_calls if call.type == "function"] == ["get_weather", "get_time"]
    messages.append(said.to_dict())  # type: ignore[arg-type]
    for call in said.tool_calls:
        assert call.type == "function"
        known = GetWeather.model_validate_json(call.function.arguments) if call.function.name == "get_weather" else None
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{known.days} days" if known else "noon"})
    last = client.chat.completions.create(model=SCRIPTED, messages=messages, tools=TOOLS)
    assert last.choices[0].message.content == "1 days noon"
    assert last.choices[0].finish_reason == "stop"


def test_an_async_tool_loop(server: Server) -> None:
    async def test(client: openai.AsyncOpenAI) -> None:
        messages = [*HELLO]
        async with client.chat.completions.stream(model=SCRIPTED, messages=messages, tools=TOOLS) as stream:
            said = (await stream.get_final_completion()).choices[0].message
        assert said.tool_calls is not None
        assert isinstance(said.tool_calls[0].function.parsed_arguments, GetWeather)
        messages.append(said.to_dict())  # type: ignore[arg-type]
        messages.append({"role": "tool", "tool_call_id": said.tool_calls[0].id, "content": "17 degrees"})
        async with client.chat.completions.stream(model=SCRIPTED, messages=messages, tools=TOOLS) as stream:
            assert (await stream.get_final_completion()).choices[0].message.content == "17 degrees"

    asynchronously(server, test)


def test_the_stream_helper_with_tools(client: openai.OpenAI) -> None:
    done = []
    with client.chat.completions.stream(model="scripted:calls=2,delay=1ms", messages=HELLO, tools=TOOLS) as stream:
        for event in stream:
            if event.type == "tool_calls.function.arguments.done":
                done.append((event.index, event.name, json.loads(event.arguments)))
        final = stream.get_final_completion().choices[0]
    assert [(index, name) for index, name, _ in done] == [(0, "get_weather"), (1, "get_time")]
    assert final.finish_reason == "tool_calls"
    assert final.message.role == "assistant"
    assert final.message.tool_calls is not None
    parsed = final.message.tool_calls[0].function.parsed_arguments
    assert isinstance(parsed, GetWeather)
    assert parsed.model_dump(mode="json") == done[0][2]
    assert len({call.id for call in final.message.tool_calls}) == 2


def test_tool_calls_assembled_by_hand(client: openai.OpenAI) -> None:
    calls: dict[int, list[str]] = {}
    reasons = []
    for chunk in client.chat.completions.create(model="scripted:calls=2", messages=HELLO, tools=TOOLS, stream=True):
        reasons.append(chunk.choices[0].finish_reason)
        for delta in chunk.choices[0].delta.tool_calls or ():
            assert delta.function is not None
            call = calls.setdefault(delta.index, ["", "", "", ""])
            said = (delta.id, delta.type, delta.function.name, delta.function.arguments)
            calls[delta.index] = [one + (other or "") for one, other in zip(call, said, strict=True)]
    assert [call[1:3] for call in calls.values()] == [["function", "get_weather"], ["function", "get_time"]]
    GetWeather.model_validate_json(calls[0][3])
    assert json.loads(calls[1][3]) == {}
    assert [reason for reason in reasons if reason] == ["tool_calls"]


def test_tool_choices(client: openai.OpenAI) -> None:
    def called(**fields: Any) -> list[str]:
        reply = client.chat.completions.create(model="scripted:calls=2", messages=HELLO, tools=TOOLS, **fields)
        return [call.function.name for call in reply.choices[0].message.tool_calls or () if call.type == "function"]

    assert called() == called(tool_choice="auto") == called(tool_choice="required") == ["get_weather", "get_time"]
    assert called(tool_choice="none") == []
    assert called(parallel_tool_calls=False) == ["get_weather"]
    assert set(called(tool_choice={"type": "function", "function": {"name": "get_time"}})) == {"get_time"}
    with pytest.raises(openai.BadRequestError) as caught:
        called(tool_choice={"type": "function", "function": {"name": "nobody"}})
    assert caught.value.param == "tool_choice"


# --- JSON ---


def test_parse(client: openai.OpenAI) -> None:
    reply = client.chat.completions.parse(model=SCRIPTED, messages=HELLO, response_format=Answer)
    message = reply.choices[0].message
    assert isinstance(message.parsed, Answer)
    assert message.refusal is None
    assert Answer.model_validate_json(message.content or "") == message.parsed


def test_parse_tools(client: openai.OpenAI) -> None:
    reply = client.chat.completions.parse(model=SCRIPTED, messages=HELLO, tools=[TOOLS[0]])
    calls = reply.choices[0].message.tool_calls
    assert calls is not None
    assert isinstance(calls[0].function.parsed_arguments, GetWeather)


def test_the_stream_helper_with_a_model(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model=SCRIPTED, messages=HELLO, response_format=Answer) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert len(pieces) > 1
    assert "".join(pieces) == final.choices[0].message.content
    assert isinstance(final.choices[0].message.parsed, Answer)
    whole = client.chat.completions.parse(model=SCRIPTED, messages=HELLO, response_format=Answer)
    assert whole.choices[0].message.parsed == final.choices[0].message.parsed


def test_async_parse(server: Server) -> None:
    async def test(client: openai.AsyncOpenAI) -> None:
        reply = await client.chat.completions.parse(model=SCRIPTED, messages=HELLO, response_format=Answer)
        async with client.chat.completions.stream(model=SCRIPTED, messages=HELLO, response_format=Answer) as stream:
            final = await stream.get_final_completion()
        assert isinstance(reply.choices[0].message.parsed, Answer)
        assert reply.choices[0].message.parsed == final.choices[0].message.parsed

    asynchronously(server, test)


def test_a_cut_answer_is_no_answer(client: openai.OpenAI) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model=SCRIPTED, messages=HELLO, response_format=Answer, max_tokens=2)


# --- choices, logprobs, thoughts, images ---


def test_n(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model=SCRIPTED, messages=HELLO, n=3)
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert {choice.message.content for choice in reply.choices} == {"hello big world"}
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (3, 9)
    with client.chat.completions.stream(model="scripted:delay=1ms", messages=HELLO, n=3) as stream:
        final = stream.get_final_completion()
    assert [choice.index for choice in final.choices] == [0, 1, 2]
    assert [choice.message.content for choice in final.choices] == ["hello big world"] * 3
    assert [choice.message.role for choice in final.choices] == ["assistant"] * 3
    assert [choice.finish_reason for choice in final.choices] == ["stop"] * 3


def test_legacy_completions(client: openai.OpenAI) -> None:
    fields: dict[str, Any] = {"model": SCRIPTED, "prompt": ["one two", "three"], "n": 2, "echo": True}
    reply = client.completions.create(**fields)
    texts = ["one twoone two"] * 2 + ["threethree"] * 2
    assert [choice.text for choice in reply.choices] == texts
    assert [choice.finish_reason for choice in reply.choices] == ["stop"] * 4
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (3, 6)
    streamed = ["", "", "", ""]
    with client.completions.create(**fields, stream=True, stream_options={"include_usage": True}) as stream:
        for chunk in stream:
            for choice in chunk.choices:
                streamed[choice.index] += choice.text
    assert streamed == texts
    assert chunk.usage == reply.usage
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=SCRIPTED, prompt="one", suffix="end")
    assert (caught.value.param, caught.value.code) == ("suffix", "unsupported_parameter")


def test_logprobs(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model=SCRIPTED, messages=HELLO, logprobs=True, top_logprobs=2)
    scores = reply.choices[0].logprobs
    assert scores is not None
    assert scores.content is not None
    assert [bytes(token.bytes or ()).decode() for token in scores.content] == ["hello", " big", " world"]
    assert {len(token.top_logprobs) for token in scores.content} == {2}
    with client.chat.completions.stream(model=SCRIPTED, messages=HELLO, logprobs=True, top_logprobs=2) as stream:
        final = stream.get_final_completion().choices[0]
    assert final.logprobs is not None
    assert final.logprobs.content == scores.content


def test_thoughts(client: openai.OpenAI) -> None:
    model = "scripted:reasoning=3"
    message = client.chat.completions.create(model=model, messages=HELLO).choices[0].message
    assert message.content == "hello big world"
    assert message.model_extra is not None
    assert message.model_extra["reasoning_content"] == message.model_extra["reasoning"] == "thinking about it"
    thoughts, words = "", ""
    for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
        delta = chunk.choices[0].delta
        thoughts += (delta.model_extra or {}).get("reasoning_content", "")
        words += delta.content or ""
    assert (thoughts, words) == ("thinking about it", "hello big world")


def test_an_image(client: openai.OpenAI) -> None:
    def shown(url: str) -> list[ChatCompletionMessageParam]:
        image: ChatCompletionContentPartImageParam = {"type": "image_url", "image_url": {"url": url}}
        return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}]

    reply = client.chat.completions.create(model=SCRIPTED, messages=shown(picture(40, 30)))
    text = reply.choices[0].message.content or ""
    assert "PNG" in text
    assert "40 x 30" in text
    assert "red" in text
    for url in ("data:image/png;base64,aGVsbG8=", picture(40, 30)[:-9], "https://example.com/a.png"):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=SCRIPTED, messages=shown(url))
        assert caught.value.param == "messages[0].content[1].image_url.url"
