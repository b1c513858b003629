# What Anthropic's own client makes of /v1/messages, on every server: words, thoughts, tools, JSON, images, errors.
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import anyio
import pytest
from anthropic.types import Message, MessageParam, ToolParam
from pydantic import BaseModel

from tests.backends.conftest import Server, started
from tests.backends.test_sdk_python import picture

SCRIPTED = "scripted"
HELLO: list[MessageParam] = [{"role": "user", "content": "hello big world"}]
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
TIME: ToolParam = {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}


class Answer(BaseModel):
    words: list[str]
    score: int


@pytest.fixture
def client(server: Server) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0) as client:
        yield client


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_message(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model=SCRIPTED, max_tokens=64, messages=HELLO)
    assert message.id.startswith("msg_")
    assert (message._request_id or "").startswith("req_")
    assert (message.role, message.type, message.model) == ("assistant", "message", SCRIPTED)
    assert text_of(message) == "hello big world"
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 3)


def test_a_stream(client: anthropic.Anthropic) -> None:
    kinds = []
    for event in client.messages.create(model=SCRIPTED, max_tokens=64, messages=HELLO, stream=True):
        kinds.append(event.type)
    assert kinds == [
        "message_start", "content_block_start", *["content_block_delta"] * 3, "content_block_stop", "message_delta",
        "message_stop",
    ]  # fmt: skip
    with client.messages.stream(model="scripted:delay=1ms", max_tokens=64, messages=HELLO) as stream:
        assert list(stream.text_stream) == ["hello", " big", " world"]
        final = stream.get_final_message()
    assert text_of(final) == "hello big world"
    assert (final.stop_reason, final.usage.input_tokens, final.usage.output_tokens) == ("end_turn", 3, 3)


def test_an_async_stream(server: Server) -> None:
    async def main() -> None:
        async with (
            anthropic.AsyncAnthropic(base_url=server.url, api_key="none", max_retries=0) as client,
            client.messages.stream(model=SCRIPTED, max_tokens=64, messages=HELLO) as stream,
        ):
            assert [text async for text in stream.text_stream] == ["hello", " big", " world"]

    anyio.run(main)


def test_limits_and_stops(client: anthropic.Anthropic) -> None:
    cut = client.messages.create(model=SCRIPTED, max_tokens=2, messages=HELLO)
    assert (cut.stop_reason, text_of(cut)) == ("max_tokens", "hello big")
    stopped = client.messages.create(model=SCRIPTED, max_tokens=64, messages=HELLO, stop_sequences=[" wor"])
    assert (text_of(stopped), stopped.stop_reason, stopped.stop_sequence) == ("hello big", "stop_sequence", " wor")


def test_thoughts(client: anthropic.Anthropic) -> None:
    model = "scripted:reasoning=3"
    asked = client.messages.create(model=model, max_tokens=64, messages=HELLO, thinking={"type": "adaptive"})
    thought, answer = asked.content
    assert (thought.type, answer.type) == ("thinking", "text")
    assert thought.thinking == "thinking about it"
    unasked = client.messages.create(model=model, max_tokens=64, messages=HELLO)
    assert [block.type for block in unasked.content] == ["text"]
    with client.messages.stream(model=model, max_tokens=64, messages=HELLO, thinking={"type": "adaptive"}) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    again = [*HELLO, {"role": "assistant", "content": final.content}, *HELLO]
    assert text_of(client.messages.create(model=SCRIPTED, max_tokens=64, messages=again)) == "hello big world"  # type: ignore[arg-type]


def test_a_tool_loop(client: anthropic.Anthropic) -> None:
    messages = [*HELLO]
    with client.messages.stream(
        model="scripted:calls=2", max_tokens=64, messages=messages, tools=[WEATHER, TIME]
    ) as stream:
        said = stream.get_final_message()
    assert said.stop_reason == "tool_use"
    calls = [block for block in said.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    assert len({call.id for call in calls}) == 2
    assert isinstance(calls[0].input["city"], str)
    whole = client.messages.create(model="scripted:calls=2", max_tokens=64, messages=messages, tools=[WEATHER, TIME])
    assert [block.input for block in whole.content if block.type == "tool_use"] == [call.input for call in calls]
    messages.append({"role": "assistant", "content": said.content})
    results: list[Any] = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"result of {call.name}"} for call in calls
    ]
    messages.append({"role": "user", "content": results})
    last = client.messages.create(model=SCRIPTED, max_tokens=64, messages=messages, tools=[WEATHER, TIME])
    assert text_of(last) == "result of get_weather result of get_time"
    assert last.stop_reason == "end_turn"


def test_tool_choices(client: anthropic.Anthropic) -> None:
    def called(choice: Any) -> list[str]:
        reply = client.messages.create(
            model="scripted:calls=2", max_tokens=64, messages=HELLO, tools=[WEATHER, TIME], tool_choice=choice
        )
        return [block.name for block in reply.content if block.type == "tool_use"]

    assert called({"type": "any"}) == ["get_weather", "get_time"]
    assert called({"type": "any", "disable_parallel_tool_use": True}) == ["get_weather"]
    assert set(called({"type": "tool", "name": "get_time"})) == {"get_time"}
    assert called({"type": "none"}) == []


def test_json(client: anthropic.Anthropic) -> None:
    message = client.messages.parse(model=SCRIPTED, max_tokens=400, messages=HELLO, output_format=Answer)
    assert isinstance(message.parsed_output, Answer)


def test_an_image(client: anthropic.Anthropic) -> None:
    data = picture(40, 30).partition(",")[2]
    image: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    content: Any = [{"type": "text", "text": "What is this?"}, image]
    message = client.messages.create(model=SCRIPTED, max_tokens=64, messages=[{"role": "user", "content": content}])
    assert "40 x 30" in text_of(message)


def test_a_count(client: anthropic.Anthropic) -> None:
    short = client.messages.count_tokens(model=SCRIPTED, messages=HELLO).input_tokens
    assert 3 < short < client.messages.count_tokens(model=SCRIPTED, messages=HELLO, tools=[WEATHER]).input_tokens


def test_errors(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.messages.create(model="nobody", max_tokens=64, messages=HELLO)
    assert missing.value.body == {
        "type": "error",
        "error": {"type": "not_found_error", "message": missing.value.body["error"]["message"]},  # type: ignore[index]
    }
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model=SCRIPTED, max_tokens=0, messages=HELLO)
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(model="scripted:error=429", max_tokens=64, messages=HELLO)
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(model="scripted:error=500", max_tokens=64, messages=HELLO, stream=True)
    told = []
    with pytest.raises(anthropic.APIStatusError) as broken:
        for event in client.messages.create(
            model="scripted:error=500,after=2", max_tokens=64, messages=HELLO, stream=True
        ):
            told.append(event.type)
    assert "content_block_delta" in told
    assert "message_stop" not in told
    assert broken.value.body["error"]["type"] == "api_error"  # type: ignore[index]


def test_a_key_in_its_own_header() -> None:
    with started("-m", "backends.h11", "--port", "0", "--g4f-api-key", "secret") as running:
        for key in ("secret", "wrong"):
            with anthropic.Anthropic(base_url=running.url, api_key=key, max_retries=0) as client:
                if key == "secret":
                    message = client.messages.create(model=SCRIPTED, max_tokens=64, messages=HELLO)
                    assert text_of(message) == "hello big world"
                else:
                    with pytest.raises(anthropic.AuthenticationError):
                        client.messages.create(model=SCRIPTED, max_tokens=64, messages=HELLO)
