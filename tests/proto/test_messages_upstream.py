# What we ask an upstream that speaks the Messages API: every field of a chat in its place there, or refused.
from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from g4f_proto import MESSAGE_PARAMETERS, PARAMETERS, ChatCall, UnsupportedParameter, ask_message

from .made import ASKING, BESIDE, ask, chat, refused, serving

CLAUDE = serving(*MESSAGE_PARAMETERS)
GIF = base64.b64encode(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").decode()
WEATHER = {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {"c": {}}}}
TIME = {"name": "time"}
TOOLS = [{"type": "function", "function": WEATHER}, {"type": "function", "function": TIME}]
TOLD = [
    {"name": "weather", "input_schema": WEATHER["parameters"], "description": "d"},
    {"name": "time", "input_schema": {"type": "object", "properties": {}}},
]


def asked(**fields: object) -> dict[str, Any]:
    exchange, out = ask(chat(**fields), api=CLAUDE)
    assert isinstance(exchange.call, ChatCall), out
    return ask_message(exchange.call)


def turns(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked(messages=messages)["messages"]
    return found


def test_the_plainest() -> None:
    assert asked() == {
        "model": "echo",
        "max_tokens": 16384,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "stream": False,
    }


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"stream": True}, {"stream": True}),
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"max_tokens": 6}),
        ({"stop": "a"}, {"stop_sequences": ["a"]}),
        ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({"temperature": 0}, {"temperature": 0}),
        ({"temperature": 1, "top_p": 0.5, "top_k": 4}, {"temperature": 1, "top_p": 0.5, "top_k": 4}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"safety_identifier": "u"}, {"metadata": {"user_id": "u"}}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"service_tier": "auto"}, {"service_tier": "auto"}),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        (
            {"reasoning_effort": "minimal"},
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}},
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        ),
        ({"response_format": {"type": "text"}, "tools": [], "stop": None, "n": 1}, {}),
    ],
)
def test_fields(fields: dict[str, Any], found: dict[str, Any]) -> None:
    assert asked(**fields) == asked() | found


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 1.1},
        {"response_format": {"type": "json_object"}},
        {"service_tier": "flex"},
    ],
)
def test_values_it_has_no_word_for(fields: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        asked(**fields)
    assert (caught.value.status, caught.value.param) == (400, next(iter(fields)))


@pytest.mark.parametrize("name", sorted(PARAMETERS.keys() - MESSAGE_PARAMETERS - {"n"}))
def test_parameters_it_has_no_word_for(name: str) -> None:
    """They are no native ones, so the machine refuses them; `n` it makes up for."""
    asking = {**BESIDE.get(name, {}), name: ASKING[name]}
    status, code, param = refused(chat(**asking), api=CLAUDE)
    assert (status, code) == (400, "unsupported_parameter")
    assert param in asking


def test_systems_stand_above() -> None:
    found = asked(
        messages=[
            {"role": "system", "content": "a"},
            {"role": "user", "content": "hi"},
            {"role": "developer", "content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]},
        ]
    )
    assert found["system"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
    ]
    assert [turn["role"] for turn in found["messages"]] == ["user"]


def test_a_tool_loop() -> None:
    calls = [
        {"id": "x", "type": "function", "function": {"name": "weather", "arguments": '{"c": "Paris"}'}},
        {"id": "y", "type": "function", "function": {"name": "time", "arguments": ""}},
        {"id": "z", "type": "function", "function": {"name": "time", "arguments": "[1"}},
    ]
    found = turns(
        {"role": "user", "content": "a"},
        {"role": "user", "content": ""},
        {"role": "assistant", "content": "b", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "x", "content": "17", "cache_control": {"type": "ephemeral"}},
        {"role": "tool", "tool_call_id": "y", "content": [{"type": "text", "text": "noon"}], "is_error": True},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "d"}]},
        {"role": "assistant", "content": None, "refusal": "e"},
    )
    text = [{"type": "text", "text": letter} for letter in "abcde"]
    used = [
        {"type": "tool_use", "id": "x", "name": "weather", "input": {"c": "Paris"}},
        {"type": "tool_use", "id": "y", "name": "time", "input": {}},
        {"type": "tool_use", "id": "z", "name": "time", "input": {"INVALID_JSON": "[1"}},
    ]
    results = [
        {
            "type": "tool_result",
            "tool_use_id": "x",
            "content": [{"type": "text", "text": "17"}],
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "tool_result", "tool_use_id": "y", "content": [{"type": "text", "text": "noon"}], "is_error": True},
    ]
    assert found == [
        {"role": "user", "content": [text[0]]},
        {"role": "assistant", "content": [text[1], *used]},
        {"role": "user", "content": [*results, text[2]]},
        {"role": "assistant", "content": text[3:]},
    ]


def test_the_deprecated_names() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": None, "function_call": {"name": "time", "arguments": "{}"}},
        {"role": "function", "name": "time", "content": "noon"},
    ]
    found = asked(messages=messages, functions=[WEATHER, TIME], function_call={"name": "time"})
    assert found["tools"] == [TOLD[1]]
    assert found["tool_choice"] == {"type": "tool", "name": "time", "disable_parallel_tool_use": True}
    [used], [result] = (turn["content"] for turn in found["messages"][1:])
    assert used["id"] == result["tool_use_id"]


ONE = {"type": "function", "function": {"name": "time"}}
SOME = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [ONE]}}


@pytest.mark.parametrize(
    ("fields", "choice", "told"),
    [
        ({}, {"type": "auto"}, TOLD),
        ({"tool_choice": "auto"}, {"type": "auto"}, TOLD),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}, TOLD),
        ({"tool_choice": "required"}, {"type": "any"}, TOLD),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}, TOLD),
        ({"parallel_tool_calls": True}, {"type": "auto"}, TOLD),
        ({"tool_choice": ONE}, {"type": "tool", "name": "time"}, TOLD[1:]),
        ({"tool_choice": SOME}, {"type": "auto"}, TOLD[1:]),
    ],
)
def test_tool_choices(fields: dict[str, Any], choice: dict[str, Any], told: list[dict[str, Any]]) -> None:
    found = asked(tools=TOOLS, **fields)
    assert (found["tool_choice"], found["tools"]) == (choice, told)


def test_a_strict_tool_and_a_hint() -> None:
    tool = {"type": "function", "function": TIME | {"strict": True}, "cache_control": {"type": "ephemeral"}}
    found = asked(tools=[tool])["tools"]
    assert found == [TOLD[1] | {"strict": True, "cache_control": {"type": "ephemeral"}}]


def test_images() -> None:
    """A data URI is told with the type it really has."""
    urls = [f"data:image/png;base64,{GIF}", "https://example.com/a.png"]
    content = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    assert turns({"role": "user", "content": content})[0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": GIF}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
    ]


def attached(data: str) -> list[dict[str, Any]]:
    return turns({"role": "user", "content": [{"type": "file", "file": {"file_data": data}}]})


def test_files() -> None:
    assert attached("data:application/pdf;base64,JVBERg==")[0]["content"] == [
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}}
    ]
    assert attached("data:text/plain;base64,w7w=")[0]["content"] == [
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "\u00fc"}}
    ]
    for data in ("JVBERg==", "data:application/zip;base64,UEs=", "data:text/plain;base64,?"):
        with pytest.raises(UnsupportedParameter) as caught:
            attached(data)
        assert caught.value.param == "messages"


def test_it_is_json() -> None:
    json.dumps(asked(tools=TOOLS, stop=["a"], reasoning_effort="high"), allow_nan=False)
