# What a chat may look like: every form of history that clients send, and what its fields mean.
from __future__ import annotations

from typing import Any

import pytest

from g4f_proto import ChatRequest, Message

from .made import MESSAGES, ask, chat, refused

CALLS = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


def read(**fields: Any) -> ChatRequest:
    exchange, out = ask(chat(**fields))
    assert exchange.call is not None, out
    return exchange.call.request


def said(content: object, role: str = "user", **more: object) -> str:
    return read(messages=[*MESSAGES, {"role": role, "content": content, **more}]).messages[1].text


@pytest.mark.parametrize("role", ["developer", "system", "user", "assistant", "tool", "function"])
def test_every_role_takes_a_string_and_parts(role: str) -> None:
    assert said("a", role) == said([{"type": "text", "text": "a"}], role) == "a"
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]
    assert said(parts, role) == "ab"
    assert said("", role) == said([], role) == ""


def test_developer_and_system_in_one_request() -> None:
    roles = ["system", "developer", "user"]
    messages = [{"role": role, "content": role} for role in roles]
    assert [message.role for message in read(messages=messages).messages] == roles


@pytest.mark.parametrize("history", [{"content": None}, {}, {"content": ""}, {"content": []}])
def test_an_assistant_that_only_called_tools(history: dict[str, object]) -> None:
    messages = [
        *MESSAGES,
        {"role": "assistant", "tool_calls": CALLS, **history},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
    request = read(messages=messages)
    assert request.messages[1].text == ""
    assert request.messages[1].tool_calls == CALLS
    assert request.messages[2].tool_call_id == "c1"


@pytest.mark.parametrize("role", ["developer", "system", "user", "tool"])
def test_who_must_say_something(role: str) -> None:
    where = "messages[1].content"
    assert refused(chat(messages=[*MESSAGES, {"role": role}])) == (400, "missing_required_parameter", where)
    assert refused(chat(messages=[*MESSAGES, {"role": role, "content": None}])) == (400, "invalid_type", where)


def test_a_refusal_in_the_history() -> None:
    assert said([{"type": "refusal", "refusal": "no"}], "assistant") == "no"
    assert said(None, "assistant", refusal="no", audio=None, reasoning_content="hm", function_call=None) == ""


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
def test_a_part_that_is_no_text_is_refused_and_not_dropped(kind: str) -> None:
    parts = [{"type": "text", "text": "look"}, {"type": kind, kind: {"url": "data:,x"}}]
    where = "messages[1].content[1]"
    body = chat(messages=[*MESSAGES, {"role": "user", "content": parts}])
    assert refused(body) == (400, "unsupported_parameter", where)


def test_unknown_fields_of_a_message_pass() -> None:
    assert said("a", x=1, prefix=True, weight=0, annotations=[], tool_calls=None, name=None) == "a"


@pytest.mark.parametrize("text", ["\x00", "\u2028", "😀", "\ud83d", "\ude00\ud83d", "a\r\nb", "\ufeff", "\uffff"])
def test_any_text(text: str) -> None:
    assert said(text) == said([{"type": "text", "text": text}]) == text
    assert said("x", "assistant", tool_calls=[text, {text: [text]}], name="n") == "x"


def test_limits_of_length() -> None:
    assert read().token_limit is None
    assert read(max_tokens=5).token_limit == 5
    assert read(max_completion_tokens=6).token_limit == 6
    assert read(max_tokens=5, max_completion_tokens=6).token_limit == 6
    assert read(max_tokens=7, max_completion_tokens=None).token_limit == 7
    assert read(max_tokens=2**63 - 1).token_limit == 2**63 - 1


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (None, ()),
        ("", ()),
        ("a", ("a",)),
        ([], ()),
        (["a", "b", "c", "d"], ("a", "b", "c", "d")),
        (["", "a", ""], ("a",)),
        ("\n", ("\n",)),
        ("s" * 512, ("s" * 512,)),
    ],
)
def test_stops(stop: object, expected: tuple[str, ...]) -> None:
    assert read(stop=stop).stops == expected


@pytest.mark.parametrize(
    ("fields", "stream", "usage"),
    [
        ({}, None, False),
        ({"stream": None}, None, False),
        ({"stream": False}, False, False),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": None}, True, False),
        ({"stream": True, "stream_options": {}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": None}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": False}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True, "x": 1}}, True, True),
        ({"stream": False, "stream_options": {"include_usage": True}}, False, True),
    ],
)
def test_stream_options(fields: dict[str, object], stream: bool | None, usage: bool) -> None:
    request = read(**fields)
    assert (request.stream, request.include_usage) == (stream, usage)


def test_timeout() -> None:
    for given, expected in ((None, None), (0, 0.0), (1.5, 1.5), (30, 30.0)):
        exchange, _ = ask(chat(timeout=given))
        assert exchange.call is not None
        assert exchange.call.timeout == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 2},
        {"top_p": 0},
        {"top_p": 1.0},
        {"n": 128},
        {"seed": -(2**63)},
        {"seed": 2**63 - 1},
    ],
)
def test_the_ends_of_the_ranges_are_in_range(fields: dict[str, object]) -> None:
    """In range, so the one thing that may be wrong with them is that this provider has no such parameter."""
    ChatRequest.model_validate({"messages": MESSAGES, **fields})


def test_a_message_is_its_text() -> None:
    assert Message.model_validate({"role": "assistant"}).text == ""
