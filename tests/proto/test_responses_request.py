# What a client of the Responses API may ask: as the chat it is, what a response repeats of it, and what is refused.
from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import Response

from g4f_proto import (
    PARAMETERS,
    Api,
    ChatCall,
    InternalError,
    ProviderNotWorking,
    Reasoning,
    State,
    ToolCall,
    UnsupportedParameter,
)

from .made import ABLE, API, ID, answer, ask, at, error, header, serving, start, status

PATH = b"/v1/responses"
SEEING = serving(*PARAMETERS, "vision", "audio", "files")
GIF = "data:image/gif;base64,R0lGODlhAQABAAAAADs="


def body(**fields: object) -> bytes:
    return json.dumps({"model": "echo", "input": "hello", **fields}).encode()


def call(api: Api = SEEING, **fields: object) -> ChatCall:
    exchange, out = ask(body(**fields), target=PATH, api=api)
    assert isinstance(exchange.call, ChatCall), out
    return exchange.call


def turns(*items: Any, **fields: object) -> Any:
    return call(input=list(items), **fields).body["messages"]


def refusal(data: bytes, **options: Any) -> tuple[int, str | None, str | None]:
    exchange, out = ask(data, target=PATH, **options)
    assert exchange.call is None
    found = error(out)
    return status(exchange), found["code"], found["param"]


@pytest.mark.parametrize(
    ("fields", "chat"),
    [
        ({}, {}),
        ({"stream": True, "stream_options": {"include_obfuscation": False}}, {"stream": True}),
        ({"max_output_tokens": 16}, {"max_completion_tokens": 16}),
        ({"temperature": 0.5, "top_p": 1.0, "user": "u"}, {"temperature": 0.5, "top_p": 1.0, "user": "u"}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning_effort": "low"}),
        ({"text": {"verbosity": "low"}}, {"verbosity": "low"}),
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
                }
            },
        ),
        (
            {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
            {"logprobs": True, "top_logprobs": 3},
        ),
        ({"include": ["reasoning.encrypted_content"], "store": True}, {}),
        ({"truncation": "disabled", "background": False}, {}),
        ({"conversation": "c"}, {"conversation_id": "c"}),
        ({"conversation": {"id": "c"}}, {"conversation_id": "c"}),
        ({"unknown": 1, "metadata": {"a": "b"}, "timeout": 3.0}, {"metadata": {"a": "b"}, "timeout": 3.0}),
    ],
)  # fmt: skip
def test_fields(fields: dict[str, Any], chat: dict[str, Any]) -> None:
    plain = {"model": "echo", "stream": False, "messages": [{"role": "user", "content": "hello"}]}
    assert call(**fields).body == plain | chat


def test_messages_and_their_parts() -> None:
    found = turns(
        {"role": "user", "content": "a"},
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "b"}]},
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": GIF, "detail": "low"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "JVBERg=="},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        },
        {
            "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": "c", "annotations": []}, {"type": "refusal", "refusal": "d"}],
        },
        instructions="i",
    )  # fmt: skip
    assert found == [
        {"role": "system", "content": "i"},
        {"role": "user", "content": "a"},
        {"role": "developer", "content": [{"type": "text", "text": "b"}]},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": GIF, "detail": "low"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "JVBERg=="}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "refusal", "refusal": "d"}]},
    ]


def test_items_of_one_turn() -> None:
    """Thoughts, a message and the calls behind it are one turn, which their results follow."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "content": []}
    calls = [{"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"} for id in "xy"]
    outputs = [
        {"type": "function_call_output", "call_id": "x", "output": "1"},
        {"type": "function_call_output", "call_id": "y", "output": [{"type": "input_text", "text": "2"}]},
    ]
    entries = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in "xy"]
    results = [
        {"role": "tool", "tool_call_id": "x", "content": "1"},
        {"role": "tool", "tool_call_id": "y", "content": [{"type": "text", "text": "2"}]},
    ]
    said = {"role": "assistant", "content": "a"}
    assert turns(thought, said, *calls, *outputs) == [
        {"role": "assistant", "content": "a", "reasoning_content": "hm", "tool_calls": entries},
        *results,
    ]
    assert turns(*calls, *outputs, thought, thought, said, said) == [
        {"role": "assistant", "content": None, "tool_calls": entries},
        *results,
        {"role": "assistant", "content": "a", "reasoning_content": "hm\n\nhm"},
        said,
    ]


TOOL = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
ONE = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("choice", "chat"),
    [
        (None, None),
        ("required", "required"),
        ({"type": "function", "name": "f"}, ONE),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [ONE]}},
        ),
    ],
)
def test_tools(choice: Any, chat: Any) -> None:
    found = call(tools=[TOOL], tool_choice=choice).body
    assert found["tools"] == [{"type": "function", "function": {k: v for k, v in TOOL.items() if k != "type"}}]
    assert found.get("tool_choice") == chat


USER = {"role": "user"}


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": None}, "invalid_type", "input"),
        ({"input": []}, "empty_array", "input"),
        ({"max_output_tokens": 15}, "integer_below_min_value", "max_output_tokens"),
        ({"temperature": 3}, "decimal_above_max_value", "temperature"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "invalid_value", "input[0].type"),
        ({"input": [{"role": "user"}]}, "missing_required_parameter", "input[0].content"),
        ({"input": [USER | {"content": [{"type": "text"}]}]}, "invalid_value", "input[0].content[0].type"),
        (
            {"input": [USER | {"content": [{"type": "input_text"}]}]},
            "missing_required_parameter",
            "input[0].content[0].text",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]}]},
            "invalid_value",
            "input[0].content[0].image_url",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": GIF}] * 101}]},
            "too_many_images",
            "input",
        ),
        ({"tools": [{"type": "web_search"}]}, "invalid_value", "tools[0].type"),
        ({"tools": [TOOL, TOOL]}, "invalid_value", "tools"),
        ({"tool_choice": "required"}, "invalid_value", "tool_choice"),
        ({"text": {"format": {"type": "grammar"}}}, "invalid_value", "text.format.type"),
        ({"include": ["web_search_call.results"]}, "invalid_value", "include[0]"),
        ({"reasoning": {"summary": "concise"}}, "invalid_value", "reasoning.summary"),
        ({"previous_response_id": "resp_1"}, "unsupported_parameter", "previous_response_id"),
        ({"background": True}, "unsupported_parameter", "background"),
        ({"truncation": "auto"}, "unsupported_parameter", "truncation"),
        ({"max_tool_calls": 1}, "unsupported_parameter", "max_tool_calls"),
        ({"prompt": {"id": "p"}}, "unsupported_parameter", "prompt"),
        ({"stream_options": {"include_obfuscation": True}}, "invalid_value", "stream_options.include_obfuscation"),
    ],
)  # fmt: skip
def test_refusals(fields: dict[str, Any], code: str, param: str) -> None:
    assert refusal(body(**fields), api=SEEING) == (400, code, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_output_tokens": 16}, "max_output_tokens"),
        ({"reasoning": {"effort": "low"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"tools": [TOOL]}, "tools"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": GIF}]}]}, "input[0].content[0]"),
    ],
)
def test_what_the_model_cannot_honour_is_told_in_this_api_s_words(fields: dict[str, Any], param: str) -> None:
    exchange, out = ask(body(**fields), target=PATH, api=serving())
    found = error(out)
    assert (status(exchange), found["code"], found["param"]) == (400, "unsupported_parameter", param)
    assert "max_completion_tokens" not in found["message"]


def test_a_provider_s_refusal_too() -> None:
    exchange, _ = ask(body(), target=PATH)
    out = exchange.fail(UnsupportedParameter("The model takes no 'messages' so long.", param="messages[3]"))
    assert error(out)["param"] == "input"
    assert "'input'" in error(out)["message"]


def test_what_a_response_repeats() -> None:
    asked: dict[str, Any] = {
        "instructions": "i",
        "max_output_tokens": 99,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "store": True,
        "temperature": 0.5,
        "text": {"format": {"type": "json_object"}, "verbosity": None},
        "tool_choice": {"type": "function", "name": "f"},
        "tools": [TOOL],
        "top_p": 0.25,
        "truncation": None,
        "user": "u",
    }
    exchange, _ = ask(body(**asked), target=PATH, api=ABLE)
    found = json.loads(answer(exchange, ToolCall(index=0, id="x", name="f", arguments="{}")))
    asked |= {"store": False, "truncation": "disabled", "text": {"format": {"type": "json_object"}}}
    assert {name: found[name] for name in asked} == asked
    Response.model_validate(found)
    exchange, _ = ask(body(), target=PATH)
    found = json.loads(answer(exchange, "a"))
    Response.model_validate(found)
    assert (found["tools"], found["tool_choice"], found["parallel_tool_calls"]) == ([], "auto", True)
    assert (found["store"], found["previous_response_id"], found["temperature"]) == (False, None, None)
    assert found["text"] == {"format": {"type": "text"}}


def test_a_response_through_the_machine() -> None:
    exchange, _ = ask(body(), target=PATH)
    found = json.loads(answer(exchange, Reasoning(text="hm"), "a"))
    assert (found["id"], found["model"], found["status"]) == (f"resp_{ID}", "echo", "completed")
    assert [item["type"] for item in found["output"]] == ["reasoning", "message"]
    assert header(exchange, b"content-type") == b"application/json"


def test_a_failed_stream_through_the_machine() -> None:
    exchange = start(target=PATH)
    exchange.receive_data(body(stream=True))
    exchange.receive_end()
    out = exchange.send("a") + exchange.fail(InternalError("Broken."))
    assert header(exchange, b"content-type") == b"text/event-stream; charset=utf-8"
    assert out.count(b"event: response.failed") == out.count(b"event: error") == 1
    assert b"[DONE]" not in out
    assert at(exchange) is State.DONE
    exchange = start(target=PATH)
    exchange.receive_data(body(stream=True))
    exchange.receive_end()
    assert error(exchange.fail(ProviderNotWorking("Broken.")))["code"] == "provider_not_working"
    assert status(exchange) == 502


def test_one_provider_s_path_and_its_key() -> None:
    exchange, _ = ask(body(), target=b"/api/One/responses", api=ABLE)
    assert exchange.call is not None
    assert refusal(body(), api=Api(catalog=API.catalog, keys=("k",)))[:2] == (401, "invalid_api_key")
