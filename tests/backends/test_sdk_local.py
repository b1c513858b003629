# The embedded model through openai-python and Anthropic's client: what a model of 135 million parameters says is
# nobody's concern here, only that its grammar keeps every promise: JSON that fits the pydantic model, calls that fit
# their tool.
from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import anthropic
import anyio
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from tests.backends.conftest import client_of, started

MODEL = "smollm2"


class Mood(StrEnum):
    GOOD = "good"
    BAD = "bad"


class Report(BaseModel):
    mood: Mood
    sure: bool
    score: int


class GetWeather(BaseModel):
    """The weather in a city now."""

    city: Mood  # an enum, so that the model comes to an end


QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "How is the weather in Paris?"}]
TOOLS = [openai.pydantic_function_tool(GetWeather, name="get_weather")]


@pytest.fixture(scope="module")
def local() -> Iterator[openai.OpenAI]:
    # pings every 20 ms: they stand before every first word
    with started("-m", "backends.h11", "--port", "0", "--keepalive", "0.02") as server, client_of(server) as client:
        if MODEL not in {model.id for model in client.models.list()}:
            pytest.skip("the embedded model's weights are not here: g4f pull smollm2")
        yield client


def test_three_pings_before_the_first_word(local: openai.OpenAI) -> None:
    with local.chat.completions.stream(model="scripted:silence=120ms", messages=QUESTION) as stream:
        assert stream.get_final_completion().choices[0].message.content == QUESTION[0]["content"]


def test_asynchronously(local: openai.OpenAI) -> None:
    """The same as the two below: a parsed answer, and a call, its result, and the answer to it."""

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=local.base_url, api_key="none", max_retries=0) as client:
            fields: dict[str, Any] = {"model": MODEL, "temperature": 0, "max_tokens": 60}
            parsed = await client.chat.completions.parse(messages=QUESTION, response_format=Report, **fields)
            assert isinstance(parsed.choices[0].message.parsed, Report)
            messages = [*QUESTION]
            async with client.chat.completions.stream(
                messages=messages, tools=TOOLS, tool_choice="required", **fields
            ) as stream:
                first = (await stream.get_final_completion()).choices[0].message
            assert first.tool_calls is not None
            assert isinstance(first.tool_calls[0].function.parsed_arguments, GetWeather)
            messages.append(first.to_dict())  # type: ignore[arg-type]
            messages.append({"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "17 degrees and sunny"})
            last = await client.chat.completions.create(messages=messages, tools=TOOLS, tool_choice="none", **fields)
            assert last.choices[0].message.content

    anyio.run(main)


def test_parse(local: openai.OpenAI) -> None:
    fields: dict[str, Any] = {"model": MODEL, "messages": QUESTION, "temperature": 0, "max_tokens": 60}
    whole = local.chat.completions.parse(**fields, response_format=Report)
    assert isinstance(whole.choices[0].message.parsed, Report)
    with local.chat.completions.stream(**fields, response_format=Report) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == whole.choices[0].message.parsed


def test_a_tool_loop(local: openai.OpenAI) -> None:
    messages = [*QUESTION]
    with local.chat.completions.stream(
        model=MODEL, messages=messages, tools=TOOLS, tool_choice="required", temperature=0, max_tokens=60
    ) as stream:
        first = stream.get_final_completion().choices[0]
    assert first.finish_reason == "tool_calls"
    assert first.message.tool_calls is not None
    call = first.message.tool_calls[0]
    assert isinstance(call.function.parsed_arguments, GetWeather)
    messages.append(first.message.to_dict())  # type: ignore[arg-type]
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "17 degrees and sunny"})
    last = local.chat.completions.create(
        model=MODEL, messages=messages, tools=TOOLS, tool_choice="none", temperature=0, max_tokens=20
    )
    assert last.choices[0].message.content
    assert not last.choices[0].message.tool_calls


def test_responses_with_pings_before_the_first_word(local: openai.OpenAI) -> None:
    question = "How is the weather in Paris?"
    with local.responses.stream(model="scripted:silence=120ms", input=question) as stream:
        assert stream.get_final_response().output_text == question
    fields: dict[str, Any] = {"model": MODEL, "input": question, "temperature": 0, "max_output_tokens": 60}
    assert isinstance(local.responses.parse(**fields, text_format=Report).output_parsed, Report)
    parameters = TOOLS[0]["function"]["parameters"]
    tool: Any = {"type": "function", "name": "get_weather", "strict": True, "parameters": parameters}
    with local.responses.stream(**fields, tools=[tool], tool_choice="required") as stream:
        [call] = stream.get_final_response().output
    assert call.type == "function_call"
    GetWeather.model_validate_json(call.arguments)


def test_messages_with_pings_before_the_first_word(local: openai.OpenAI) -> None:
    url = str(local.base_url).removesuffix("/v1/")
    question: list[Any] = [{"role": "user", "content": "How is the weather in Paris?"}]
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        with client.messages.stream(model="scripted:silence=120ms", max_tokens=60, messages=question) as stream:
            assert list(stream.text_stream)
        fields: dict[str, Any] = {"model": MODEL, "max_tokens": 60, "messages": question}
        assert isinstance(client.messages.parse(**fields, output_format=Report).parsed_output, Report)
        tool: Any = {"name": "get_weather", "input_schema": TOOLS[0]["function"]["parameters"]}
        with client.messages.stream(**fields, tools=[tool], tool_choice={"type": "any"}) as stream:
            [call] = stream.get_final_message().content
    assert call.type == "tool_use"
    GetWeather.model_validate(call.input)
