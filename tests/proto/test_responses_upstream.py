# What we ask an upstream that speaks the Responses API: every field of a chat in its place there, or refused.
from __future__ import annotations

import json
from typing import Any

import pytest

from g4f_proto import RESPONSE_PARAMETERS, ChatCall, UnsupportedParameter, ask_response

from .made import ask, chat, serving

THERE = serving(*RESPONSE_PARAMETERS)
GIF = "data:image/gif;base64,R0lGODlhAQABAAAAADs="
F = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
}
G = {"type": "function", "function": {"name": "g"}}
TOLD = [
    {"type": "function", "name": "f", "description": "d", "strict": True, "parameters": {"type": "object"}},
    {"type": "function", "name": "g", "strict": False, "parameters": {"type": "object", "properties": {}}},
]
ONE = {"type": "function", "function": {"name": "g"}}


def asked(data: bytes, target: bytes = b"/v1/chat/completions") -> dict[str, Any]:
    exchange, out = ask(data, target=target, api=THERE)
    assert isinstance(exchange.call, ChatCall), out
    found = ask_response(exchange.call)
    json.dumps(found, allow_nan=False)
    return found


def items(*messages: dict[str, Any]) -> Any:
    return asked(chat(messages=messages))["input"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, {}),
        ({"stream": True}, {"stream": True}),
        ({"max_tokens": 16, "temperature": 2, "top_p": 0.5}, {"max_output_tokens": 16, "temperature": 2, "top_p": 0.5}),
        ({"user": "u", "metadata": {"a": "b"}, "service_tier": "flex"}, None),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low", "summary": "auto"}}),
        ({"verbosity": "low", "response_format": {"type": "json_object"}},
         {"text": {"verbosity": "low", "format": {"type": "json_object"}}}),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
         {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}),
        ({"logprobs": True, "top_logprobs": 2}, {"include": ["message.output_text.logprobs"], "top_logprobs": 2}),
        ({"tools": [F, G]}, {"tools": TOLD}),
        ({"tools": [F, G], "tool_choice": "required", "parallel_tool_calls": False},
         {"tools": TOLD, "tool_choice": "required", "parallel_tool_calls": False}),
        ({"tools": [F, G], "tool_choice": ONE}, {"tools": TOLD, "tool_choice": {"type": "function", "name": "g"}}),
        ({"functions": [G["function"]], "function_call": {"name": "g"}},
         {"tools": TOLD[1:], "tool_choice": {"type": "function", "name": "g"}, "parallel_tool_calls": False}),
    ],
)  # fmt: skip
def test_fields(fields: dict[str, Any], found: dict[str, Any] | None) -> None:
    plain = asked(chat())
    assert plain == {
        "model": "echo",
        "input": [{"type": "message", "role": "user", "content": "hello"}],
        "stream": False,
        "store": False,
    }
    assert asked(chat(**fields)) == plain | (fields if found is None else found)


def test_the_least_answer() -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        asked(chat(max_tokens=15))
    assert caught.value.param == "max_tokens"


def test_turns() -> None:
    call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    url = {"url": GIF, "detail": "low"}
    assert items(
        {"role": "developer", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "image_url", "image_url": url}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "c"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "d"}, {"type": "refusal", "refusal": "e"}]},
        {"role": "assistant", "content": None, "refusal": "f"},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "JVBERg=="}}]},
    ) == [
        {"type": "message", "role": "developer", "content": "a"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "b"},
                {"type": "input_image", "image_url": GIF, "detail": "low"},
            ],
        },
        {"type": "function_call", "call_id": "x", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "x", "output": [{"type": "input_text", "text": "c"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "d"}, {"type": "refusal", "refusal": "e"}],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "f"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_file", "file_data": "JVBERg=="}]},
    ]


def test_the_deprecated_names() -> None:
    called, output = items(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    )
    assert called["call_id"] == output["call_id"]


def test_on_its_way_to_such_an_upstream_it_is_the_same() -> None:
    given: dict[str, Any] = {
        "model": "echo",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
            {"type": "function_call", "call_id": "x", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "x", "output": "1"},
        ],
        "stream": True,
        "store": False,
        "max_output_tokens": 99,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "high", "summary": "auto"},
        "service_tier": "priority",
        "temperature": 0.5,
        "text": {"verbosity": "high", "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
        "tools": TOLD,
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 3,
        "top_p": 0.25,
        "user": "u",
    }
    assert asked(json.dumps(given).encode(), b"/v1/responses") == given
