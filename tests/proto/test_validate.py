# pydantic's complaints in OpenAI's words: status, code and the exact path, union branches included. Never message text.
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import ChatRequest, InvalidRequest
from g4f_proto._schema import validate
from g4f_proto._schema._validate import path_of

from .made import MESSAGES, ask, chat, error, refused, status

TEXT = {"type": "text", "text": "a"}


def user(content: object, **more: object) -> list[object]:
    return [{"role": "system", "content": "s"}, {"role": "user", "content": content, **more}]


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def tool(**function: object) -> dict[str, object]:
    return {"type": "function", "function": function}


def schema(**told: object) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": told}


MISSING, TYPE, VALUE = "missing_required_parameter", "invalid_type", "invalid_value"
CASES: list[tuple[dict[str, object], str, str]] = [
    ({"messages": None}, TYPE, "messages"),
    ({"messages": "hi"}, TYPE, "messages"),
    ({"messages": {}}, TYPE, "messages"),
    ({"messages": []}, "empty_array", "messages"),
    ({"messages": [5]}, TYPE, "messages[0]"),
    ({"messages": [[]]}, TYPE, "messages[0]"),
    ({"messages": [None]}, TYPE, "messages[0]"),
    ({"messages": [{}]}, MISSING, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, MISSING, "messages[0].content"),
    ({"messages": [{"role": None, "content": "x"}]}, VALUE, "messages[0].role"),
    ({"messages": [{"role": "banana", "content": "x"}]}, VALUE, "messages[0].role"),
    ({"messages": [{"role": ["user"], "content": "x"}]}, VALUE, "messages[0].role"),
    ({"messages": [{"role": "User", "content": "x"}]}, VALUE, "messages[0].role"),
    ({"messages": user(None)}, TYPE, "messages[1].content"),
    ({"messages": user(5)}, TYPE, "messages[1].content"),
    ({"messages": user(True)}, TYPE, "messages[1].content"),
    ({"messages": user({})}, TYPE, "messages[1].content"),
    ({"messages": user({"str": 5})}, TYPE, "messages[1].content"),
    ({"messages": user({"text": 5, "type": "text"})}, TYPE, "messages[1].content"),
    ({"messages": user([5])}, TYPE, "messages[1].content[0]"),
    ({"messages": user(["x"])}, TYPE, "messages[1].content[0]"),
    ({"messages": user([TEXT, None])}, TYPE, "messages[1].content[1]"),
    ({"messages": user([TEXT, []])}, TYPE, "messages[1].content[1]"),
    ({"messages": user([{}])}, MISSING, "messages[1].content[0].type"),
    ({"messages": user([{"text": "a"}])}, MISSING, "messages[1].content[0].type"),
    ({"messages": user([{"type": "banana"}])}, VALUE, "messages[1].content[0].type"),
    ({"messages": user([{"type": 5}])}, VALUE, "messages[1].content[0].type"),
    ({"messages": user([{"type": None}])}, VALUE, "messages[1].content[0].type"),
    ({"messages": user([{"type": []}])}, VALUE, "messages[1].content[0].type"),
    ({"messages": user([TEXT, {"type": "text"}])}, MISSING, "messages[1].content[1].text"),
    ({"messages": user([TEXT, {"type": "text", "text": 5}])}, TYPE, "messages[1].content[1].text"),
    ({"messages": user([TEXT, {"type": "text", "text": None}])}, TYPE, "messages[1].content[1].text"),
    ({"messages": user([{"type": "text", "text": {"text": 5}}])}, TYPE, "messages[1].content[0].text"),
    ({"messages": user([{"type": "refusal"}])}, MISSING, "messages[1].content[0].refusal"),
    ({"messages": user([{"type": "refusal", "refusal": 5, "text": "a"}])}, TYPE, "messages[1].content[0].refusal"),
    ({"messages": user("x", name=5)}, TYPE, "messages[1].name"),
    ({"messages": user("x", tool_call_id=5)}, TYPE, "messages[1].tool_call_id"),
    ({"messages": user("x", tool_calls={})}, TYPE, "messages[1].tool_calls"),
    ({"model": 5}, TYPE, "model"),
    ({"model": ["a"]}, TYPE, "model"),
    ({"model": "m" * 600}, "string_above_max_length", "model"),
    ({"provider": {}}, TYPE, "provider"),
    ({"stream": "true"}, TYPE, "stream"),
    ({"stream": 1}, TYPE, "stream"),
    ({"stream_options": True}, TYPE, "stream_options"),
    ({"stream_options": []}, TYPE, "stream_options"),
    ({"stream_options": {"include_usage": "yes"}}, TYPE, "stream_options.include_usage"),
    ({"temperature": "1"}, TYPE, "temperature"),
    ({"temperature": True}, TYPE, "temperature"),
    ({"temperature": []}, TYPE, "temperature"),
    ({"temperature": -0.1}, "decimal_below_min_value", "temperature"),
    ({"temperature": -1}, "decimal_below_min_value", "temperature"),
    ({"temperature": 2.5}, "decimal_above_max_value", "temperature"),
    ({"temperature": 3}, "decimal_above_max_value", "temperature"),
    ({"top_p": 1.01}, "decimal_above_max_value", "top_p"),
    ({"top_p": -1}, "decimal_below_min_value", "top_p"),
    ({"frequency_penalty": 2.1}, "decimal_above_max_value", "frequency_penalty"),
    ({"presence_penalty": -2.1}, "decimal_below_min_value", "presence_penalty"),
    ({"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
    ({"max_tokens": -1}, "integer_below_min_value", "max_tokens"),
    ({"max_tokens": 1.5}, TYPE, "max_tokens"),
    ({"max_tokens": "5"}, TYPE, "max_tokens"),
    ({"max_tokens": True}, TYPE, "max_tokens"),
    ({"max_tokens": 2**63}, "integer_above_max_value", "max_tokens"),
    ({"max_completion_tokens": 0}, "integer_below_min_value", "max_completion_tokens"),
    ({"n": 0}, "integer_below_min_value", "n"),
    ({"n": 129}, "integer_above_max_value", "n"),
    ({"n": True}, TYPE, "n"),
    ({"n": "2"}, TYPE, "n"),
    ({"seed": 2**63}, "integer_above_max_value", "seed"),
    ({"seed": -(2**63) - 1}, "integer_below_min_value", "seed"),
    ({"seed": 10**4000}, "integer_above_max_value", "seed"),
    ({"seed": 1.0}, TYPE, "seed"),
    ({"top_logprobs": 21}, "integer_above_max_value", "top_logprobs"),
    ({"top_logprobs": -1}, "integer_below_min_value", "top_logprobs"),
    ({"stop": 5}, TYPE, "stop"),
    ({"stop": {}}, TYPE, "stop"),
    ({"stop": {"str": 1}}, TYPE, "stop"),
    ({"stop": [5]}, TYPE, "stop[0]"),
    ({"stop": ["a", None]}, TYPE, "stop[1]"),
    ({"stop": ["a"] * 5}, "array_above_max_length", "stop"),
    ({"stop": "s" * 600}, "string_above_max_length", "stop"),
    ({"stop": ["a", "s" * 600]}, "string_above_max_length", "stop[1]"),
    ({"messages": user("x", tool_calls=[CALL, 5])}, TYPE, "messages[1].tool_calls[1]"),
    ({"messages": user("x", tool_calls=[{**CALL, "id": None}])}, TYPE, "messages[1].tool_calls[0].id"),
    ({"messages": user("x", tool_calls=[{"function": CALL["function"]}])}, MISSING, "messages[1].tool_calls[0].id"),
    ({"messages": user("x", tool_calls=[{**CALL, "type": "custom"}])}, VALUE, "messages[1].tool_calls[0].type"),
    ({"messages": user("x", tool_calls=[{"id": "c"}])}, MISSING, "messages[1].tool_calls[0].function"),
    (
        {"messages": user("x", tool_calls=[{"id": "c", "function": {"name": "f"}}])},
        MISSING,
        "messages[1].tool_calls[0].function.arguments",
    ),
    (
        {"messages": user("x", tool_calls=[{"id": "c", "function": {"name": "f", "arguments": {}}}])},
        TYPE,
        "messages[1].tool_calls[0].function.arguments",
    ),
    (
        {"messages": user("x", tool_calls=[{"id": "c", "function": {"arguments": "{}"}}])},
        MISSING,
        "messages[1].tool_calls[0].function.name",
    ),
    ({"messages": user("x", tool_calls=[CALL] * 129)}, "array_above_max_length", "messages[1].tool_calls"),
    ({"messages": user("x", function_call="auto")}, TYPE, "messages[1].function_call"),
    ({"messages": user("x", function_call={"name": "f"})}, MISSING, "messages[1].function_call.arguments"),
    ({"messages": user([{"type": "image_url"}])}, MISSING, "messages[1].content[0].image_url"),
    ({"messages": user([{"type": "image_url", "image_url": "x"}])}, TYPE, "messages[1].content[0].image_url"),
    ({"messages": user([{"type": "image_url", "image_url": {}}])}, MISSING, "messages[1].content[0].image_url.url"),
    (
        {"messages": user([{"type": "image_url", "image_url": {"url": "x", "detail": "best"}}])},
        VALUE,
        "messages[1].content[0].image_url.detail",
    ),
    ({"tools": {}}, TYPE, "tools"),
    ({"tools": [5]}, TYPE, "tools[0]"),
    ({"tools": [{}]}, MISSING, "tools[0].type"),
    ({"tools": [{"type": "custom", "function": {"name": "f"}}]}, VALUE, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, MISSING, "tools[0].function"),
    ({"tools": [{"function": {"name": "f"}}]}, MISSING, "tools[0].type"),
    ({"tools": [tool()]}, MISSING, "tools[0].function.name"),
    ({"tools": [tool(name=None)]}, TYPE, "tools[0].function.name"),
    ({"tools": [tool(name="f"), tool(name="")]}, VALUE, "tools[1].function.name"),
    ({"tools": [tool(name="a b")]}, VALUE, "tools[0].function.name"),
    ({"tools": [tool(name="f\n")]}, VALUE, "tools[0].function.name"),
    ({"tools": [tool(name="é")]}, VALUE, "tools[0].function.name"),
    ({"tools": [tool(name="f" * 65)]}, "string_above_max_length", "tools[0].function.name"),
    ({"tools": [tool(name="f", parameters="{}")]}, TYPE, "tools[0].function.parameters"),
    ({"tools": [tool(name="f", parameters=[])]}, TYPE, "tools[0].function.parameters"),
    ({"tools": [tool(name="f", description=5)]}, TYPE, "tools[0].function.description"),
    ({"tools": [tool(name="f", strict="yes")]}, TYPE, "tools[0].function.strict"),
    ({"tools": [tool(name=f"f{i}") for i in range(129)]}, "array_above_max_length", "tools"),
    ({"tool_choice": 5}, VALUE, "tool_choice"),
    ({"tool_choice": "banana"}, VALUE, "tool_choice"),
    ({"tool_choice": {}}, MISSING, "tool_choice.type"),
    ({"tool_choice": {"type": "banana"}}, VALUE, "tool_choice.type"),
    ({"tool_choice": {"type": "function"}}, MISSING, "tool_choice.function"),
    ({"tool_choice": {"type": "function", "function": {}}}, MISSING, "tool_choice.function.name"),
    ({"tool_choice": {"type": "function", "function": {"name": 5}}}, TYPE, "tool_choice.function.name"),
    ({"tool_choice": {"type": "function", "function": {"name": "a b"}}}, VALUE, "tool_choice.function.name"),
    ({"tool_choice": {"type": "allowed_tools"}}, MISSING, "tool_choice.allowed_tools"),
    (
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [tool(name="f")]}}},
        MISSING,
        "tool_choice.allowed_tools.mode",
    ),
    (
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
        "empty_array",
        "tool_choice.allowed_tools.tools",
    ),
    (
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}}},
        MISSING,
        "tool_choice.allowed_tools.tools[0].function",
    ),
    ({"parallel_tool_calls": "yes"}, TYPE, "parallel_tool_calls"),
    ({"functions": []}, "empty_array", "functions"),
    ({"functions": [{}]}, MISSING, "functions[0].name"),
    ({"functions": [{"name": "f" * 65}]}, "string_above_max_length", "functions[0].name"),
    ({"function_call": "required"}, VALUE, "function_call"),
    ({"function_call": {}}, MISSING, "function_call.name"),
    ({"response_format": "json"}, TYPE, "response_format"),
    ({"response_format": {}}, MISSING, "response_format.type"),
    ({"response_format": {"type": "xml"}}, VALUE, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, MISSING, "response_format.json_schema"),
    ({"response_format": schema()}, MISSING, "response_format.json_schema.name"),
    ({"response_format": schema(name="n")}, MISSING, "response_format.json_schema.schema"),
    ({"response_format": schema(name="n", schema=[])}, TYPE, "response_format.json_schema.schema"),
    ({"response_format": schema(name="n", schema=True)}, TYPE, "response_format.json_schema.schema"),
    ({"response_format": schema(name="a b", schema={})}, VALUE, "response_format.json_schema.name"),
    (
        {"response_format": schema(name="n" * 65, schema={})},
        "string_above_max_length",
        "response_format.json_schema.name",
    ),
    ({"response_format": schema(name="n", schema={}, strict=1)}, TYPE, "response_format.json_schema.strict"),
    ({"logit_bias": []}, TYPE, "logit_bias"),
    ({"logit_bias": {"50256": 101}}, "decimal_above_max_value", "logit_bias.50256"),
    ({"logit_bias": {"1": 0, "50256": -100.5}}, "decimal_below_min_value", "logit_bias.50256"),
    ({"logit_bias": {"50256": "1"}}, TYPE, "logit_bias.50256"),
    ({"logprobs": 5}, TYPE, "logprobs"),
    ({"conversation_id": 5}, TYPE, "conversation_id"),
    ({"conversation_id": "c" * 513}, "string_above_max_length", "conversation_id"),
    ({"timeout": -1}, "decimal_below_min_value", "timeout"),
    ({"timeout": "1"}, TYPE, "timeout"),
    ({"timeout": 10**400}, TYPE, "timeout"),
]


@pytest.mark.parametrize(("fields", "code", "param"), CASES, ids=lambda value: str(value)[:50])
def test_refused(fields: dict[str, Any], code: str, param: str) -> None:
    assert refused(chat(**fields)) == (400, code, param)
    assert refused(chat(**{"stream": True, **fields})) == (400, code, param)


def test_messages_missing() -> None:
    assert refused(b"{}") == (400, MISSING, "messages")
    assert refused(b'{"model":"echo"}') == (400, MISSING, "messages")


def test_a_number_that_is_not_finite() -> None:
    """No JSON gets here with one; a program that validates its own document may have it."""
    with pytest.raises(InvalidRequest) as caught:
        validate(ChatRequest, {"messages": MESSAGES, "temperature": float("inf")})  # type: ignore[dict-item]
    assert (caught.value.code, caught.value.param) == (VALUE, "temperature")


def test_the_deepest_complaint_is_told() -> None:
    assert refused(chat(temperature=9, messages=user([{"type": "text"}]))) == (
        400,
        MISSING,
        "messages[1].content[0].text",
    )


def test_the_first_of_several_messages() -> None:
    assert refused(chat(messages=[*MESSAGES, {"role": "x"}, {"role": "y"}]))[2] == "messages[1].role"


@pytest.mark.parametrize("name", ["temperature", "n", "seed", "max_tokens", "model", "stop"])
def test_what_is_told_back_is_short(name: str) -> None:
    for value in (10**4000, "x" * 100_000, ["y" * 100_000] * 9, {"z" * 100_000: 1}):
        exchange, out = ask(chat(**{name: value}))
        assert status(exchange) in (400, 404)
        assert len(out) < 1000


def test_a_long_role_or_type_is_told_short() -> None:
    for messages in ([{"role": "r" * 100_000, "content": ""}], user([{"type": "t" * 100_000}])):
        exchange, out = ask(chat(messages=messages))
        assert (status(exchange), error(out)["code"]) == (400, VALUE)
        assert len(out) < 1000


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ((), ""),
        (("a",), "a"),
        (("messages", 0, "content", 1, "text"), "messages[0].content[1].text"),
        (("a", "b", 2, 3), "a.b[2][3]"),
    ],
)
def test_path_of(location: tuple[str | int, ...], path: str) -> None:
    assert path_of(location) == path


NAMES = [
    "role", "content", "type", "text", "str", "refusal", "image_url", "url", "function", "name", "arguments", "id",
    "tool_calls", "json_schema", "schema", "allowed_tools", "mode", "tools", "parameters",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
    | st.sampled_from(["user", "text", "str", "image_url", "refusal", "function", "json_schema", "auto"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=8,
)  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from([*ChatRequest.model_fields, "x"]), VALUES, max_size=4)


@given(FIELDS, st.booleans())
def test_any_document_is_a_request_or_refused_with_a_path_into_it(document: dict[str, Any], whole: bool) -> None:
    if whole:
        document.setdefault("messages", MESSAGES)
    try:
        validate(ChatRequest, document)
    except InvalidRequest as refusal:
        _into(document, refusal)


def _into(document: object, refusal: InvalidRequest) -> None:
    param, missing = refusal.param, refusal.code == MISSING
    assert refusal.code
    assert param
    assert len(refusal.body()) < 2000
    steps = param.replace("[", ".[").split(".")
    for position, step in enumerate(steps):
        if missing and position == len(steps) - 1:
            assert isinstance(document, dict)
            assert step not in document
            return
        if step.startswith("["):
            assert isinstance(document, list)
            document = document[int(step[1:-1])]
        else:
            assert isinstance(document, dict)
            document = document[step]


def test_the_body_is_not_changed() -> None:
    document: dict[str, Any] = json.loads(chat(messages=user([TEXT]), x=[1]))
    before = json.dumps(document)
    validate(ChatRequest, document)
    assert json.dumps(document) == before
