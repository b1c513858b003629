# What openai-python makes of /v1/responses, on every server: create, the stream and its helper, parse, tools, errors.
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseInputParam

from tests.backends.conftest import Server
from tests.backends.test_sdk_python import Answer, GetWeather, picture

SCRIPTED = "scripted"
HELLO = "hello big world"
TOOLS: list[FunctionToolParam] = [
    {
        "type": "function",
        "name": "get_weather",
        "strict": True,
        "parameters": openai.pydantic_function_tool(GetWeather)["function"]["parameters"],
    },
    {"type": "function", "name": "get_time", "strict": False, "parameters": {"type": "object", "properties": {}}},
]


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_a_response(client: openai.OpenAI) -> None:
    response = client.responses.create(model=SCRIPTED, input=HELLO, instructions="Echo.", max_output_tokens=64)
    assert response.id.startswith("resp_")
    assert (response.output_text, response.status, response.error) == (HELLO, "completed", None)
    assert (response.instructions, response.max_output_tokens) == ("Echo.", 64)
    assert response.usage is not None
    assert response.usage.output_tokens == 3
    assert response.usage.total_tokens == response.usage.input_tokens + 3


def test_a_stream(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model=SCRIPTED, input=HELLO, stream=True))
    assert [event.type.removeprefix("response.") for event in events] == [
        "created", "in_progress", "output_item.added", "content_part.added", *["output_text.delta"] * 3,
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_stream_helper(client: openai.OpenAI) -> None:
    with client.responses.stream(model="scripted:delay=1ms", input=HELLO) as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert pieces == ["hello", " big", " world"]
    assert final.output_text == HELLO


def test_parse(client: openai.OpenAI) -> None:
    response = client.responses.parse(model=SCRIPTED, input=HELLO, text_format=Answer)
    assert isinstance(response.output_parsed, Answer)
    with client.responses.stream(model=SCRIPTED, input=HELLO, text_format=Answer) as stream:
        final = stream.get_final_response()
    assert final.output_parsed == response.output_parsed


def test_an_async_parse(server: Server) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
            response = await client.responses.parse(model=SCRIPTED, input=HELLO, text_format=Answer)
            assert isinstance(response.output_parsed, Answer)
            async with client.responses.stream(model=SCRIPTED, input=HELLO) as stream:
                assert (await stream.get_final_response()).output_text == HELLO

    anyio.run(main)


def test_a_tool_loop(client: openai.OpenAI) -> None:
    given: ResponseInputParam = [{"role": "user", "content": HELLO}]
    model = "scripted:calls=2,reasoning=3"
    with client.responses.stream(model=model, input=given, tools=TOOLS) as stream:
        done = [event for event in stream if event.type == "response.function_call_arguments.done"]
        said = stream.get_final_response()
    assert len(done) == 2
    assert [item.type for item in said.output] == ["reasoning", "function_call", "function_call"]
    calls = [item for item in said.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    GetWeather.model_validate_json(calls[0].arguments)
    whole = client.responses.create(model=model, input=given, tools=TOOLS)
    assert [item.arguments for item in whole.output if item.type == "function_call"] == [c.arguments for c in calls]
    given += [item.to_dict() for item in said.output]  # type: ignore[misc]
    given += [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"result of {call.name}"} for call in calls
    ]
    last = client.responses.create(model=SCRIPTED, input=given, tools=TOOLS)
    assert last.output_text == "result of get_weather result of get_time"


def test_thoughts_and_their_summary(client: openai.OpenAI) -> None:
    with client.responses.stream(model="scripted:reasoning=3", input=HELLO, reasoning={"summary": "auto"}) as stream:
        thoughts = [event.delta for event in stream if event.type == "response.reasoning_summary_text.delta"]
        final = stream.get_final_response()
    assert "".join(thoughts) == "thinking about it"
    item = final.output[0]
    assert item.type == "reasoning"
    assert [part.text for part in item.summary] == ["thinking about it"]


def test_an_answer_that_is_cut(client: openai.OpenAI) -> None:
    response = client.responses.create(model="scripted:tokens=64", input=HELLO, max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    last = list(client.responses.create(model="scripted:tokens=64", input=HELLO, max_output_tokens=16, stream=True))[-1]
    assert last.type == "response.incomplete"


def test_probabilities_and_an_image(client: openai.OpenAI) -> None:
    include: Any = ["message.output_text.logprobs"]
    response = client.responses.create(model=SCRIPTED, input=HELLO, include=include, top_logprobs=2)
    message = response.output[0]
    assert message.type == "message"
    part = message.content[0]
    assert part.type == "output_text"
    assert [len(token.top_logprobs) for token in part.logprobs or ()] == [2, 2, 2]
    content: Any = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": picture(40, 30)},
    ]
    shown = client.responses.create(model=SCRIPTED, input=[{"role": "user", "content": content}])
    assert "40 x 30" in shown.output_text


def test_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=SCRIPTED, input=HELLO, max_output_tokens=3)
    assert (caught.value.param, caught.value.code) == ("max_output_tokens", "integer_below_min_value")
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=SCRIPTED, input=HELLO, previous_response_id="resp_1")
    assert caught.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="nobody", input=HELLO)
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model="scripted:error=429", input=HELLO, stream=True)
    *_, told, last = client.responses.create(model="scripted:error=500,after=2", input=HELLO, stream=True)
    assert told.type == "error"
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert (last.response.error.code, last.response.status) == ("server_error", "failed")


def test_a_conversation(client: openai.OpenAI) -> None:
    model = "scripted:report=messages"
    first = client.responses.create(model=model, input=HELLO, conversation="resp-sdk")
    second = client.responses.create(model=model, input=HELLO, conversation={"id": "resp-sdk"})
    assert int(second.output_text.split()[0]) == int(first.output_text.split()[0]) + 2
