# A conversation's turn is what the client sent and was told: what the provider lacks is made up for before it is kept.
from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from g4f_proto import (
    Api,
    ApiError,
    Call,
    Catalog,
    ChatCall,
    Exchange,
    Finish,
    ForChoice,
    InvalidRequest,
    Model,
    ProviderEvent,
    ProviderInfo,
    RequestHead,
    ToolCall,
    Usage,
)
from providers import MemoryConversations, WithHistory

pytestmark = pytest.mark.anyio

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def words(texts: list[str]) -> int:
    return sum(len(text.split()) for text in texts)


class Canned:
    """Says the same to every call, and remembers what it was asked."""

    def __init__(self, *events: ProviderEvent | ApiError, native: Sequence[str] = ()) -> None:
        self.info = ProviderInfo(name="Canned", label="Canned", default_model="m", native=frozenset(native))
        self.events = events
        self.asked: list[ChatCall] = []
        self.said = 0

    async def models(self) -> Sequence[Model]:
        return ()

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ChatCall)
        self.asked.append(call)
        for event in self.events:
            if isinstance(event, ApiError):
                raise event
            self.said += 1
            yield event

    async def aclose(self) -> None: ...


class Chat:
    """One conversation with a provider, as a client has it."""

    def __init__(self, provider: Canned) -> None:
        self.provider = provider
        self.store = MemoryConversations()
        catalog = Catalog(providers={"Canned": provider.info}, models={"Canned": (Model(id="m", owned_by="us"),)})
        self.api = Api(catalog=catalog, counter=words)

    def stream(self, *messages: object, **fields: Any) -> AsyncGenerator[ProviderEvent, None]:
        exchange = Exchange(RequestHead("POST", b"/v1/chat/completions", {}), self.api, id="0" * 32, created=0)
        exchange.receive_data(
            json.dumps({"messages": messages, "model": "m", "conversation_id": "c", **fields}).encode()
        )
        out = exchange.receive_end()
        assert exchange.call is not None, out
        return WithHistory(self.provider, self.store, counter=words).stream(exchange.call)

    async def say(self, *messages: object, **fields: Any) -> list[ProviderEvent]:
        async with aclosing(self.stream(*messages, **fields)) as events:
            return [event async for event in events]

    async def history(self) -> list[dict[str, Any]]:
        async with self.store.turn(("", "Canned", "c")) as turn:
            return [dict(message) for message in turn.history]


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


async def test_a_turn_that_a_stop_ended_is_kept_and_counted() -> None:
    chat = Chat(Canned("one tw", "o END three", " four", Usage(prompt_tokens=9, completion_tokens=9)))
    told = await chat.say(user("hi"), stop="END")
    assert "".join(event for event in told if isinstance(event, str)) == "one two "
    assert told[-1] == Usage(prompt_tokens=2 + 3 + 3, completion_tokens=2)
    assert chat.provider.said == 2, "it was stopped"
    assert chat.provider.asked[0].request.stops == ()
    assert await chat.history() == [user("hi"), assistant("one two ")]


async def test_a_turn_that_a_limit_ended_is_kept_and_counted() -> None:
    chat = Chat(Canned(*["w "] * 50))
    told = await chat.say(user("hi"), max_tokens=4)
    assert told[-2:] == [Finish(reason="length"), Usage(prompt_tokens=8, completion_tokens=4)]
    assert chat.provider.said < 50
    assert [message["content"].split() for message in await chat.history()] == [["hi"], ["w"] * 4]


async def test_the_history_is_counted_to_the_prompt() -> None:
    chat = Chat(Canned("fine"))
    await chat.say(user("how are you"))
    told = await chat.say(user("good"))
    # two users and an assistant, each its role, its words and 3; 3 for the reply
    assert told[-1] == Usage(prompt_tokens=(1 + 3 + 3) + (1 + 1 + 3) + (1 + 1 + 3) + 3, completion_tokens=1)


async def test_who_tells_its_usage_is_not_counted_for() -> None:
    own = Usage(prompt_tokens=9, completion_tokens=9)
    assert (await Chat(Canned("fine", own)).say(user("hi")))[1:] == [own]


async def test_calls_are_kept_as_calls() -> None:
    """And not as the JSON that the model was made to write, nor with the instructions for it."""
    chat = Chat(Canned('{"name": "f", ', '"arguments": {"a": 1}}', native=["response_format"]))
    told = await chat.say(user("hi"), tools=TOOLS)
    named, *rest = [event for event in told if isinstance(event, ToolCall)]
    assert (named.id, named.name) == ("call_" + "0" * 33, "f")
    assert "".join(piece.arguments for piece in rest) == '{"a": 1}'
    call = {"id": named.id, "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    turn = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert await chat.history() == [user("hi"), turn]

    chat.provider.events = ("it is 1",)
    await chat.say({"role": "tool", "tool_call_id": named.id, "content": "1"})
    asked = chat.provider.asked[-1].request.messages
    assert [(message.role, message.text) for message in asked] == [
        ("user", "hi"),
        ("assistant", 'I call f with {"a": 1}.'),
        ("user", "f returned: 1"),
    ]
    assert [message["role"] for message in await chat.history()] == ["user", "assistant", "tool", "assistant"]


async def test_other_answers_were_not_asked_for() -> None:
    chat = Chat(Canned("one", ForChoice(index=1, event="two"), native=["usage"]))
    await chat.say(user("hi"))
    assert await chat.history() == [user("hi"), assistant("one")]


async def test_a_function_call_is_kept_as_the_client_was_told_it() -> None:
    """Behind `tool_calls` an upstream wants a `tool` message for each, and `functions` never makes one."""
    pieces = (ToolCall(index=0, id="1", name="f", arguments='{"a":'), ToolCall(index=0, arguments="1}"))
    chat = Chat(Canned(*pieces, ToolCall(index=1, id="2", name="f"), native=["functions"]))
    await chat.say(user("hi"), functions=[{"name": "f"}])
    called = {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": '{"a":1}'}}
    assert await chat.history() == [user("hi"), called]
    await chat.say({"role": "function", "name": "f", "content": "1"}, functions=[{"name": "f"}])
    assert chat.provider.asked[-1].body["messages"][1] == called  # type: ignore[index]


async def test_a_turn_that_fails_is_not_kept_and_blames_what_was_sent() -> None:
    chat = Chat(Canned(InvalidRequest("no", param="response_format"), native=["response_format"]))
    with pytest.raises(InvalidRequest) as caught:
        await chat.say(user("hi"), tools=TOOLS)
    assert caught.value.param == "tools"
    chat.provider.events = ("one", InvalidRequest("no", param="seed"))
    with pytest.raises(InvalidRequest):
        await chat.say(user("hi"))
    assert await chat.history() == []


async def test_a_turn_whose_client_left_is_not_kept() -> None:
    chat = Chat(Canned("one", "two"))
    async with aclosing(chat.stream(user("hi"), stop="END")) as events:
        await anext(events)
    assert await chat.history() == []
