# JSON from a provider that cannot be held to it: valid, or the provider's failure; and never a wrong 200.
from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from backends.frames import Frames
from backends.service import Service
from g4f_proto import (
    ApiError,
    Call,
    ChatCall,
    ChatRequest,
    Finish,
    ForChoice,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    Reasoning,
    Refusal,
    Scored,
    TokenLogprob,
    ToolCall,
    Usage,
)
from providers import Structured

pytestmark = pytest.mark.anyio

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}, "next": {"$ref": "#"}},
    "required": ["city"],
    "additionalProperties": False,
}
OBJECT = {"type": "json_object"}
HELD = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
USAGE = Usage(prompt_tokens=1, completion_tokens=2)


class Talker:
    """Says the same to every call, and remembers what it was asked."""

    def __init__(self, *events: ProviderEvent, native: Sequence[str] = (), think_tags: bool = False) -> None:
        self.info = ProviderInfo(
            name="Talker", label="Talker", default_model="m", native=frozenset(native), think_tags=think_tags
        )
        self.events = events
        self.asked: list[ChatCall] = []

    async def models(self) -> Sequence[Model]:
        return (Model(id="m", owned_by="us"),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ChatCall)
        self.asked.append(call)
        for event in self.events:
            yield event

    async def aclose(self) -> None: ...


async def says(talker: Talker, wanted: object = HELD, **fields: Any) -> list[ProviderEvent]:
    body: Any = {"messages": [{"role": "user", "content": "where?"}], "response_format": wanted, **fields}
    call = ChatCall(provider="Talker", model="m", request=ChatRequest.model_validate(body), body=body)
    async with aclosing(Structured(talker).stream(call)) as events:
        return [event async for event in events]


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Paris"}',
        ' {"city": "Paris", "next": {"city": "Rome"}}\n',
    ],
)
async def test_a_valid_answer_comes_whole(text: str) -> None:
    assert await says(Talker(*text, USAGE)) == [USAGE, text, Finish(reason="stop")]


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```\n", "\n```json\n{}```"])
async def test_a_code_fence_is_taken_off(fence: str) -> None:
    text = '{"city": "Paris"}'
    assert (await says(Talker(fence.replace("{}", text))))[0] == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Paris",
        '{"city": "Paris"',
        '{"city": "paris"}',
        '{"city": "Paris", "next": {}}',
        '{"city": "Paris", "x": 1}',
        '["Paris"]',
        'Here it is: {"city": "Paris"}',
        '{"city": NaN}',
        "[" * 100_000,
    ],
    ids=lambda text: text[:20],
)
async def test_what_is_not_valid_is_the_provider_s_failure(text: str) -> None:
    with pytest.raises(ProviderNotWorking) as caught:
        await says(Talker(text, Finish(reason="stop")))
    assert (caught.value.status, caught.value.code) == (502, "invalid_answer")
    assert caught.value.elsewhere, "another provider may do better"


async def test_any_object() -> None:
    assert (await says(Talker('{"a": [1]}'), OBJECT))[0] == '{"a": [1]}'
    for text in ("[1]", "1", '"a"', "null", "words"):
        with pytest.raises(ProviderNotWorking):
            await says(Talker(text), OBJECT)


async def test_it_is_asked_for_in_words() -> None:
    talker = Talker('{"city": "Paris"}')
    await says(talker, x=1)
    (call,) = talker.asked
    assert call.request.response_format is None
    assert {"response_format", "x"} & set(call.body) == {"x"}
    system, user = call.request.messages
    assert (system.role, user.text) == ("system", "where?")
    assert json.dumps(SCHEMA) in system.text


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"enum": []}, {"$ref": "http://127.0.0.1/x"}])
async def test_a_schema_nothing_is_valid_against_is_refused_before_anybody_works(schema: object) -> None:
    talker = Talker("{}")
    with pytest.raises(ApiError) as caught:
        await says(talker, {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}})
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "invalid_schema", "response_format")
    assert talker.asked == []


async def test_probabilities_of_what_is_collected_are_refused() -> None:
    with pytest.raises(ApiError) as caught:
        await says(Talker(), logprobs=True)
    assert caught.value.param == "logprobs"
    token = TokenLogprob(token='{"city": "Paris"}', logprob=-1.0)
    assert (await says(Talker(Scored(text=token.token, tokens=(token,)))))[0] == token.token


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_an_answer_that_was_cut_is_told_as_far_as_it_goes(reason: Any) -> None:
    assert await says(Talker('{"city": "Pa', Finish(reason=reason))) == ['{"city": "Pa', Finish(reason=reason)]


async def test_thoughts_refusals_and_calls_are_no_json() -> None:
    assert (await says(Talker(Reasoning(text="hm"), '{"city": "Paris"}')))[0] == Reasoning(text="hm")
    tagged = '<think>{"a"</think>\n{"city": "Paris"}'
    assert (await says(Talker(*tagged, think_tags=True)))[0] == tagged
    with pytest.raises(ProviderNotWorking):
        await says(Talker(tagged))
    for other in (Refusal(text="no"), ToolCall(index=0, id="c", name="f")):
        assert (await says(Talker(other)))[0] == other


async def test_every_choice_is_judged() -> None:
    first, second = '{"city": "Paris"}', '{"city": "Rome"}'
    told = await says(Talker(first, ForChoice(index=1, event=second), native=["n"]), n=2)
    assert told[0] == first
    assert ForChoice(index=1, event=second) in told
    with pytest.raises(ProviderNotWorking):
        await says(Talker(first, ForChoice(index=1, event="Rome"), native=["n"]), n=2)


async def test_who_can_do_it_is_left_alone() -> None:
    assert await says(Talker("any", "thing", native=["json_object"]), OBJECT) == ["any", "thing"]
    assert await says(Talker("any", "thing"), {"type": "text"}) == ["any", "thing"]
    assert await says(Talker("any", "thing"), None) == ["any", "thing"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ['{"city": "Paris"}', "Paris"])
async def test_a_server_never_says_200_to_words(stream: bool, text: str) -> None:
    async with Service([Talker(*text)]) as service:
        exchange = service.exchange("POST", b"/v1/chat/completions", {})
        frames = Frames(exchange, service)
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": HELD, "stream": stream}
        exchange.receive_data(json.dumps(body).encode())
        out = b"".join([data async for data in frames])
        frames.close()
        assert exchange.head is not None
        assert exchange.head.status == (200 if text.startswith("{") else 502)
        assert (b"Paris" in out) is text.startswith("{")


async def test_no_tools_are_made_of_it() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    async with Service([Talker("words")]) as service:
        exchange = service.exchange("POST", b"/v1/chat/completions", {})
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools}
        exchange.receive_data(json.dumps(body).encode())
        assert json.loads(exchange.receive_end())["error"]["param"] == "tools"
