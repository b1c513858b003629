# The embedded model held to a schema, with tools, and asked for probabilities: always valid, always counted.
#
# These need the package xllamacpp and the weights (`g4f pull smollm2`), as `test_local` does. What the model says is
# its own affair; that it is valid is not.
from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from time import monotonic
from typing import Any

import anyio
import jsonschema  # type: ignore[import-untyped]
import pytest

from g4f_proto import ChatCall, Finish, ForChoice, InvalidRequest, ProviderEvent, Scored, ToolCall, Usage
from g4f_proto._emulation import emulate
from g4f_proto._schema.chat import ChatRequest
from providers.local import Local
from providers.run import Run

pytestmark = pytest.mark.anyio

FRANCE = "What is the capital of France?"
FORMAT = "response_format"
TREE = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"root": {"$ref": "#/$defs/node"}},
    "required": ["root"],
    "additionalProperties": False,
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "colour": {"enum": ["red", "green"]},
                "size": {"type": "integer", "minimum": 1, "maximum": 3},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["colour", "size", "next"],
            "additionalProperties": False,
        }
    },
}
LIST = {
    "type": "object",
    "properties": {
        "zebra": {"type": "array", "items": {"type": "string", "maxLength": 4}, "minItems": 2, "maxItems": 3},
        "ant": {
            "type": "object",
            "properties": {"on": {"type": "boolean"}},
            "required": ["on"],
            "additionalProperties": False,
        },
    },
    "required": ["zebra", "ant"],
    "additionalProperties": False,
}
# Keywords that restrict nothing, and properties of the same names that do.
NAMES = {
    "type": "object",
    "properties": {
        "format": {"const": {"format": "uri"}},
        "propertyNames": {"type": "string", "enum": ["q"]},
        "home": {"type": "string", "format": "uri", "maxLength": 9},
        "map": {"type": "object", "propertyNames": {"type": "string"}, "maxProperties": 0},
    },
    "required": ["format", "propertyNames", "home", "map"],
    "additionalProperties": False,
}
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "unit": {"$ref": "#/$defs/unit"}},
    "required": ["city", "unit"],
    "additionalProperties": False,
    "$defs": {"unit": {"enum": ["c", "f"]}},
}
ADD = {
    "type": "object",
    "properties": {"a": {"type": "integer", "maximum": 99}, "b": {"type": "integer", "maximum": 99}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
PARAMETERS: dict[str, Any] = {"get_weather": WEATHER, "add": ADD}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "the weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "add", "description": "adds two numbers", "parameters": ADD}},
]
ADDING = {"type": "function", "function": {"name": "add"}}


LOOPS: Any = [("asyncio", {"debug": True}), ("trio", {})]
#: What the model says is the same on every loop; these are long.
once = pytest.mark.parametrize("anyio_backend", LOOPS[:1], ids=["asyncio"], indirect=True, scope="module")


@pytest.fixture(scope="module", params=LOOPS, ids=lambda loop: loop[0])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
async def local(anyio_backend: Any) -> AsyncIterator[Local]:
    provider = Local()
    (model,) = await provider.models()
    if not model.listed:
        pytest.skip("needs the extra 'local' and `g4f pull smollm2`")
    await ask(provider, "hi", max_tokens=1)  # loaded before anything is timed
    yield provider
    await provider.aclose()


def call(content: object, **parameters: object) -> ChatCall:
    messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
    body: Any = {"messages": messages, "temperature": 0, **parameters}
    return ChatCall(provider="Local", model="smollm2", request=ChatRequest.model_validate(body), body=body)


async def ask(
    provider: Local, content: object, into: list[ProviderEvent] | None = None, **parameters: object
) -> list[ProviderEvent]:
    """What a client is told: the provider, and the machine's emulation of what it lacks."""
    asked, emulation = emulate(call(content, **parameters), provider.info, id="x")
    told: list[ProviderEvent] = [] if into is None else into
    run = Run(provider, asked, quiet_limit=30)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.produce)
        while events := await run.take():
            for event in events:
                told.extend(emulation.push(event) if emulation else [event])
    if run.error is not None:
        raise run.error
    told.extend(emulation.flush() if emulation else [])
    return told


def held_to(schema: object) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def text_of(events: Sequence[ProviderEvent]) -> str:
    return "".join(
        event if isinstance(event, str) else event.text for event in events if isinstance(event, str | Scored)
    )


def called(events: Sequence[ProviderEvent]) -> tuple[str, Any]:
    """The one call among the events: its name and its arguments."""
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert calls
    assert {one.index for one in calls} == {0}
    assert calls[0].id
    assert [one.name for one in calls[1:]] == [None] * (len(calls) - 1)
    return calls[0].name or "", json.loads("".join(one.arguments for one in calls))


@once
@pytest.mark.parametrize("schema", [TREE, LIST, NAMES, {"type": "boolean"}], ids=["tree", "list", "names", "boolean"])
@pytest.mark.parametrize("heat", [0, 1.5])
async def test_an_answer_is_valid_against_its_schema(local: Local, schema: Any, heat: float) -> None:
    events = await ask(local, FRANCE, response_format=held_to(schema), max_tokens=50, temperature=heat, seed=1)
    *_, finish, usage = events
    assert isinstance(finish, Finish)
    assert isinstance(usage, Usage)
    if finish.reason == "stop":
        jsonschema.validate(json.loads(text_of(events)), schema)
    else:  # a tree without end
        assert (schema, finish.reason, usage.completion_tokens) == (TREE, "length", 50)
        assert text_of(events).startswith('{"root": {"colour": "')


@once
async def test_keys_come_in_the_order_of_the_schema(local: Local) -> None:
    events = await ask(local, FRANCE, response_format=held_to(LIST), max_tokens=90)
    answer = json.loads(text_of(events))
    assert list(answer) == ["zebra", "ant"]
    assert text_of(events) == json.dumps(answer, ensure_ascii=False)


@once
async def test_json_object_is_an_object(local: Local) -> None:
    events = await ask(local, 'Answer in JSON with one key "city".', response_format={"type": "json_object"}, seed=1)
    assert isinstance(json.loads(text_of(events)), dict)


@once
async def test_text_is_any_text(local: Local) -> None:
    events = await ask(local, FRANCE, response_format={"type": "text"})
    assert text_of(events) == "The capital of France is Paris."


async def test_the_schema_changes_no_count(local: Local) -> None:
    plain = (await ask(local, FRANCE))[-1]
    forced = (await ask(local, FRANCE, response_format=held_to({"const": "The"})))[-1]
    assert isinstance(plain, Usage)
    assert isinstance(forced, Usage)
    assert forced.prompt_tokens == plain.prompt_tokens == 16
    assert forced.completion_tokens == 4  # two quotes, a word, the end


@pytest.mark.parametrize("limit", [1, 5])
async def test_json_that_is_cut_is_a_length(local: Local, limit: int) -> None:
    *said, finish, usage = await ask(local, FRANCE, response_format=held_to(LIST), max_tokens=limit)
    assert finish == Finish(reason="length")
    assert isinstance(usage, Usage)
    assert usage.completion_tokens == limit == len(said)


@once
@pytest.mark.parametrize("logprobs", [False, True])
@pytest.mark.parametrize(
    ("stop", "text"), [("\n", '"a b c"'), ("b", '"a '), (["\n", " b"], '"a'), (["nowhere", "b d"], '"a b c"')]
)
async def test_a_stop_in_json(local: Local, stop: object, text: str, logprobs: bool) -> None:
    asked: Any = {"response_format": held_to({"const": "a b c"}), "stop": stop, "logprobs": logprobs}
    events = await ask(local, FRANCE, **asked)
    assert text_of(events) == text
    assert events[-2] == Finish(reason="stop")


@once
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"$ref": "#/nowhere"},
        {"$ref": "http://127.0.0.1/schema.json"},
        {"type": "string", "pattern": "^(a"},
        {"type": "string", "pattern": "\ud83d"},
        {"type": "string", "minLength": 5, "maxLength": 3},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"not": {"type": "string"}},
        {"type": "array", "uniqueItems": True},  # cannot be enforced by a grammar
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"enum": ["x" * 200_000]},
    ],
    ids=lambda schema: json.dumps(schema)[:40],
)
async def test_a_schema_that_cannot_be_enforced_is_refused_before_anything(local: Local, schema: object) -> None:
    told: list[ProviderEvent] = []
    with pytest.raises(InvalidRequest, match="cannot be enforced") as caught:
        # a bias that would let the model say the opening by itself, if it counted
        await ask(local, FRANCE, told, response_format=held_to(schema), logit_bias={"198": 100})
    assert told == []
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "invalid_schema", FORMAT)


@once
async def test_a_grammar_that_gives_up_on_the_way_is_an_error_and_not_an_answer(local: Local, capfd: Any) -> None:
    kinds = [
        {"type": "object", "properties": {"a": {"const": f"v{i}"}, "b": {"type": "string", "pattern": f"^x{{{i}}}$"}}}
        for i in range(300)
    ]
    with pytest.raises(InvalidRequest, match="cannot be enforced"):
        await ask(local, FRANCE, response_format=held_to({"anyOf": kinds}), max_tokens=60)
    capfd.readouterr()  # LLGuidance warns of it


async def test_a_cancel_stops_an_answer_that_is_held_to_a_schema(local: Local) -> None:
    endless = held_to({"type": "array", "items": {"type": "integer"}, "minItems": 5000})
    stream = local.stream(call(FRANCE, response_format=endless))
    async with anyio.create_task_group() as group, aclosing(stream):
        await anext(stream)
        group.cancel_scope.cancel()
        begun = monotonic()
    assert monotonic() - begun < 5  # a busy machine may take a while; 5000 numbers take a minute
    with anyio.fail_after(5):
        await ask(local, "hi", max_tokens=1)


@once
@pytest.mark.parametrize(("choice", "parallel"), [("auto", True), ("required", False), (ADDING, True)])
async def test_a_call_is_valid(local: Local, choice: object, parallel: bool) -> None:
    asked: Any = {"tools": TOOLS, "tool_choice": choice, "parallel_tool_calls": parallel, "max_tokens": 60}
    events = await ask(local, "What is the weather in Paris?", **asked, temperature=1.2, seed=1)
    assert events[-2] == Finish(reason="stop")
    if choice == "auto" and not any(isinstance(event, ToolCall) for event in events):
        assert text_of(events)
        return
    name, arguments = called(events)
    jsonschema.validate(arguments, PARAMETERS[name])
    assert name == "add" or choice != ADDING
    assert text_of(events) == ""


@once
async def test_auto_may_answer_in_words(local: Local) -> None:
    words = {"type": "object", "properties": {}, "additionalProperties": False, "required": ["x"]}
    tool = {"type": "function", "function": {"name": "a", "parameters": {**words, "properties": {"x": {"enum": [1]}}}}}
    for seed in range(12):
        events = await ask(local, "Say hello.", tools=[tool], temperature=2, top_p=1, seed=seed, max_tokens=6)
        if not any(isinstance(event, ToolCall) for event in events):
            break
    else:
        pytest.fail("it always called")


@once
async def test_none_calls_nothing(local: Local) -> None:
    events = await ask(local, FRANCE, tools=TOOLS, tool_choice="none")
    assert text_of(events) == "The capital of France is Paris."


async def test_a_tool_loop_ends_with_an_answer(local: Local) -> None:
    question = {"role": "user", "content": "What is the weather in Paris?"}
    name, arguments = called(await ask(local, [question], tools=TOOLS, tool_choice="required", max_tokens=60))
    function = {"name": name, "arguments": json.dumps(arguments)}
    turns = [
        question,
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c1", "content": "18 degrees, sunny"},
    ]
    events = await ask(local, turns, tools=TOOLS, max_tokens=60)
    assert not any(isinstance(event, ToolCall) for event in events)
    assert any(word in text_of(events) for word in ("18", "sun"))


@once
async def test_an_agent_comes_to_an_end(local: Local) -> None:
    """The loop that every agent runs; results in JSON are those that this model likes to ask for again."""
    turns: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    for _ in range(4):
        events = await ask(local, turns, tools=TOOLS[:1], max_tokens=60)
        if not any(isinstance(event, ToolCall) for event in events):
            break
        name, arguments = called(events)
        function = {"name": name, "arguments": json.dumps(arguments)}
        turns.append({"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]})
        turns.append({"role": "tool", "tool_call_id": "c", "content": '{"temperature": 18, "sky": "sunny"}'})
    else:
        pytest.fail("it calls for ever")
    assert text_of(events)


@once
async def test_a_tool_may_be_called_again_when_it_has_answered(local: Local) -> None:
    function = {"name": "add", "arguments": '{"a": 1, "b": 2}'}
    turns = [
        {"role": "user", "content": "Add 1 and 2, then add 4 to what you get."},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
    ]
    for seed in range(20):
        events = await ask(local, turns, tools=TOOLS, temperature=2, top_p=1, seed=seed, max_tokens=12)
        if any(isinstance(event, ToolCall) for event in events):
            return
    pytest.fail("it never called")


@once
async def test_a_stop_cuts_the_words_and_not_the_object_around_them(local: Local) -> None:
    tool = {"type": "function", "function": {"name": "a"}}
    for stop in ('"', "answer", "{"):
        events = await ask(local, FRANCE, tools=[tool], stop=stop, max_tokens=40)
        if not any(isinstance(event, ToolCall) for event in events):
            assert text_of(events)


@once
async def test_a_call_that_is_cut_is_a_length(local: Local) -> None:
    events = await ask(local, "What is the weather in Paris?", tools=TOOLS, tool_choice="required", max_tokens=12)
    assert events[-2] == Finish(reason="length")


async def test_a_tool_whose_schema_cannot_be_enforced(local: Local) -> None:
    tool = {"type": "function", "function": {"name": "a", "parameters": {"type": "nonsense"}}}
    with pytest.raises(InvalidRequest) as caught:
        await ask(local, "hi", tools=[tool])
    assert caught.value.code == "invalid_schema"


async def test_probabilities(local: Local) -> None:
    *scored, finish, usage = await ask(local, FRANCE, logprobs=True, top_logprobs=5)
    assert finish == Finish(reason="stop")
    assert usage == Usage(prompt_tokens=16, completion_tokens=8, cached_tokens=usage.cached_tokens)  # type: ignore[union-attr]
    assert text_of(scored) == "The capital of France is Paris."
    for event in scored:
        assert isinstance(event, Scored)
        (token,) = event.tokens
        assert token.token == event.text
        assert token.bytes is None  # whole characters
        assert len(token.top) == 5
        assert (token.top[0].token, token.top[0].logprob) == (token.token, token.logprob)  # at temperature 0
        assert [one.logprob for one in token.top] == sorted((one.logprob for one in token.top), reverse=True)
        assert sum(math.exp(one.logprob) for one in token.top) <= 1.0001
        assert all(one.top == () for one in token.top)


async def test_probabilities_without_alternatives(local: Local) -> None:
    *scored, _, _ = await ask(local, FRANCE, logprobs=True)
    assert all(isinstance(event, Scored) and event.tokens[0].top == () for event in scored)
    assert [event.tokens[0].logprob <= 0 for event in scored if isinstance(event, Scored)] == [True] * 7


@once
async def test_alternatives_that_are_parts_of_characters_have_their_bytes(local: Local) -> None:
    *scored, _, _ = await ask(local, "🎉🎉🎉🎉", logprobs=True, top_logprobs=20, max_tokens=6)
    top = [one for event in scored if isinstance(event, Scored) for token in event.tokens for one in token.top]
    assert any(one.bytes is not None for one in top)
    assert all(bytes(one.bytes) != one.token.encode() for one in top if one.bytes is not None)


@once
@pytest.mark.parametrize(
    ("stop", "pieces", "counted"),
    [
        ("l of Fr", ["The", " capita"], 4),
        (" of", ["The", " capital"], 3),
        ("Parisian", ["The", " capital", " of", " France", " is", " Paris", "."], 8),
    ],
)
async def test_a_stop_keeps_the_probabilities_of_each_token(
    local: Local, stop: str, pieces: list[str], counted: int
) -> None:
    plain = await ask(local, FRANCE, logprobs=True)
    *scored, finish, usage = await ask(local, FRANCE, logprobs=True, stop=stop)
    assert finish == Finish(reason="stop")
    assert isinstance(usage, Usage)
    assert (usage.prompt_tokens, usage.completion_tokens) == (16, counted)
    assert [text_of([event]) for event in scored] == pieces
    whole = [event for event in scored if isinstance(event, Scored)]
    assert whole == plain[: len(whole)]
    assert len(whole) >= len(pieces) - 1


@once
async def test_probabilities_of_json(local: Local) -> None:
    *scored, _, usage = await ask(local, FRANCE, response_format=held_to({"const": "The"}), logprobs=True)
    assert isinstance(usage, Usage)
    assert usage.completion_tokens == 4
    assert text_of(scored) == '"The"'
    assert all(isinstance(event, Scored) and len(event.tokens) == 1 for event in scored)


async def test_a_banned_token_is_not_said(local: Local) -> None:
    paris = "7042"  # " Paris"
    plain = text_of(await ask(local, FRANCE))
    assert " Paris" in plain
    assert " Paris" not in text_of(await ask(local, FRANCE, logit_bias={paris: -100}))


@once
async def test_a_favoured_token_is_said(local: Local) -> None:
    events = await ask(local, FRANCE, logit_bias={"7042": 100}, max_tokens=3)
    assert text_of(events) == " Paris Paris Paris"


@once
@pytest.mark.parametrize("key", ["49152", "-1", " Paris", "", "1" * 30, "²", "000000000000000000000099999"])
async def test_a_bias_of_no_token_is_refused(local: Local, key: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await ask(local, FRANCE, logit_bias={key: 1})
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "invalid_value", "logit_bias")


async def test_two_answers_are_made_at_once_and_differ(local: Local) -> None:
    events = await ask(local, "Tell me a story.", n=2, seed=1, temperature=1, max_tokens=16)
    indexes = [1 if isinstance(event, ForChoice) else 0 for event in events if not isinstance(event, Usage)]
    assert indexes.count(0) == indexes.count(1) or abs(indexes.count(0) - indexes.count(1)) < 4
    assert indexes != sorted(indexes)  # the second began before the first had ended
    first = text_of(events)
    second = text_of([event.event for event in events if isinstance(event, ForChoice)])
    assert first != second
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert usage.completion_tokens == 32


@once
async def test_two_answers_are_both_held_to_the_schema(local: Local) -> None:
    events = await ask(local, FRANCE, n=2, temperature=1, response_format=held_to(LIST), max_tokens=80)
    second = [event.event for event in events if isinstance(event, ForChoice)]
    for answer in (text_of(events), text_of(second)):
        jsonschema.validate(json.loads(answer), LIST)
