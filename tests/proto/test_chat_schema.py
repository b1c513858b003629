# What a chat may look like: every form of history that clients send, and what its fields mean.
from __future__ import annotations

from typing import Any

import pytest

from g4f_proto import ChatRequest, Message, offered

from .made import ABLE, API, MESSAGES, ask, chat, error, refused, serving

CALLS = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


def read(**fields: Any) -> ChatRequest:
    exchange, out = ask(chat(**fields), api=ABLE)
    assert exchange.call is not None, out
    return exchange.call.request


def said(content: object, role: str = "user", **more: object) -> str:
    if role == "tool":
        more["tool_call_id"] = "c1"
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
    assert [call.model_dump() for call in request.messages[1].tool_calls or ()] == CALLS
    assert request.messages[2].tool_call_id == "c1"


@pytest.mark.parametrize("role", ["developer", "system", "user", "tool"])
def test_who_must_say_something(role: str) -> None:
    where, turn = "messages[1].content", {"role": role, "tool_call_id": "c1"}
    assert refused(chat(messages=[*MESSAGES, turn])) == (400, "missing_required_parameter", where)
    assert refused(chat(messages=[*MESSAGES, {**turn, "content": None}])) == (400, "invalid_type", where)


@pytest.mark.parametrize("given", [{}, {"tool_call_id": None}, {"tool_call_id": ""}])
def test_what_a_tool_returned_names_its_call(given: dict[str, object]) -> None:
    where = "messages[1].tool_call_id"
    body = chat(messages=[*MESSAGES, {"role": "tool", "content": "42", **given}])
    assert refused(body) == (400, "missing_required_parameter", where)


def test_a_refusal_in_the_history() -> None:
    assert said([{"type": "refusal", "refusal": "no"}], "assistant") == "no"
    assert said(None, "assistant", refusal="no", audio=None, reasoning_content="hm", function_call=None) == "no"
    assert said("", "assistant", refusal="no") == "no"
    assert said("yes", "assistant", refusal=None) == "yes"


PARTS: dict[str, dict[str, object]] = {
    "vision": {"type": "image_url", "image_url": {"url": "data:,x"}},
    "audio": {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
    "files": {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,YQ=="}},
}


def shown(part: object) -> bytes:
    content = [{"type": "text", "text": "look"}, part]
    return chat(messages=[*MESSAGES, {"role": "user", "content": content}])


@pytest.mark.parametrize("native", PARTS)
def test_a_part_that_is_no_text_is_refused_and_not_dropped(native: str) -> None:
    assert refused(shown(PARTS[native])) == (400, "unsupported_parameter", "messages[1].content[1]")


@pytest.mark.parametrize("native", ["audio", "files"])
def test_who_can_hear_and_read_is_given_the_part(native: str) -> None:
    exchange, out = ask(shown(PARTS[native]), api=serving(native))
    assert exchange.call is not None, out
    part = exchange.call.request.messages[1].content[1]  # type: ignore[index]
    assert part.model_dump(exclude_none=True) == PARTS[native]  # type: ignore[union-attr]
    assert exchange.call.body["messages"][1]["content"][1] == PARTS[native]  # type: ignore[index, call-overload]
    assert exchange.call.request.messages[1].text == "look"


@pytest.mark.parametrize(
    ("part", "code", "path"),
    [
        ({"type": "input_audio"}, "missing_required_parameter", ".input_audio"),
        ({"type": "input_audio", "input_audio": {"format": "wav"}}, "missing_required_parameter", ".input_audio.data"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "ogg"}}, "invalid_value", ".input_audio.format"),
        (
            {"type": "input_audio", "input_audio": {"data": "a b", "format": "mp3"}},
            "invalid_value",
            ".input_audio.data",
        ),
        ({"type": "input_audio", "input_audio": {"data": "YQ", "format": "mp3"}}, "invalid_value", ".input_audio.data"),
        ({"type": "input_audio", "input_audio": {"data": "é", "format": "mp3"}}, "invalid_value", ".input_audio.data"),
        ({"type": "file", "file": "a.txt"}, "invalid_type", ".file"),
        ({"type": "file", "file": {"file_data": 5}}, "invalid_type", ".file.file_data"),
        ({"type": "file", "file": {"filename": "a.txt"}}, "missing_required_parameter", ".file.file_data"),
        ({"type": "video"}, "invalid_value", ".type"),
    ],
)
def test_a_part_that_is_wrong(part: object, code: str, path: str) -> None:
    assert refused(shown(part), api=serving("audio", "files")) == (400, code, f"messages[1].content[1]{path}")


def test_unknown_fields_of_a_message_pass() -> None:
    assert said("a", x=1, prefix=True, weight=0, annotations=[], tool_calls=None, name=None) == "a"


@pytest.mark.parametrize("text", ["\x00", "\u2028", "😀", "\ud83d", "\ude00\ud83d", "a\r\nb", "\ufeff", "\uffff"])
def test_any_text(text: str) -> None:
    assert said(text) == said([{"type": "text", "text": text}]) == text
    call = {"id": text, "type": "function", "function": {"name": text, "arguments": text}}
    messages = [*MESSAGES, {"role": "assistant", "content": "x", "tool_calls": [call], "name": text}]
    turn = read(messages=messages).messages[1]
    assert [call.model_dump() for call in turn.tool_calls or ()] == [call]
    assert turn.name == text


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


VALID: list[dict[str, Any]] = [
    {"reasoning_effort": "xhigh"},
    {"verbosity": "high"},
    {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}},
    {"prediction": {"type": "content", "content": "x"}},
    {"prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
    {"service_tier": "priority"},
    {"web_search_options": {}},
    {"web_search_options": {"user_location": {"type": "approximate", "approximate": {"city": "Paris"}}}},
    {"store": True},
    {"metadata": {"k" * 64: "v" * 512}},
    {"user": "me"},
    {"safety_identifier": "s" * 64},
    {"prompt_cache_key": "k", "prompt_cache_retention": "24h"},
    {"proxy": "http://127.0.0.1:9"},
]


@pytest.mark.parametrize("fields", VALID, ids=str)
def test_who_honours_it_is_told_it(fields: dict[str, Any]) -> None:
    exchange, out = ask(chat(**fields), api=ABLE)
    assert exchange.call is not None, out
    asked = exchange.call.request.model_dump(exclude_none=True)
    assert {name: asked[name] for name in fields} == fields
    assert {name: exchange.call.body[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"reasoning_effort": "extreme"}, "invalid_value", "reasoning_effort"),
        ({"reasoning_effort": 5}, "invalid_value", "reasoning_effort"),
        ({"verbosity": ""}, "invalid_value", "verbosity"),
        ({"modalities": "text"}, "invalid_type", "modalities"),
        ({"modalities": ["text", "smell"]}, "invalid_value", "modalities[1]"),
        ({"modalities": ["audio"]}, "missing_required_parameter", "audio"),
        ({"audio": {"voice": "alloy"}}, "missing_required_parameter", "audio.format"),
        ({"audio": {"voice": "alloy", "format": "midi"}}, "invalid_value", "audio.format"),
        ({"prediction": "x"}, "invalid_type", "prediction"),
        ({"prediction": {"type": "guess", "content": "x"}}, "invalid_value", "prediction.type"),
        ({"prediction": {"type": "content", "content": 5}}, "invalid_type", "prediction.content"),
        ({"prediction": {"type": "content", "content": []}}, "empty_array", "prediction.content"),
        ({"service_tier": "best"}, "invalid_value", "service_tier"),
        ({"web_search_options": True}, "invalid_type", "web_search_options"),
        (
            {"web_search_options": {"search_context_size": "all"}},
            "invalid_value",
            "web_search_options.search_context_size",
        ),
        ({"store": "yes"}, "invalid_type", "store"),
        ({"user": 5}, "invalid_type", "user"),
        ({"safety_identifier": "s" * 65}, "string_above_max_length", "safety_identifier"),
        ({"metadata": []}, "invalid_type", "metadata"),
        ({"metadata": {"a": 1}}, "invalid_type", "metadata.a"),
        ({"metadata": {str(n): "" for n in range(17)}}, "object_above_max_properties", "metadata"),
        ({"metadata": {"k" * 65: "v"}}, "property_name_above_max_length", "metadata"),
        ({"metadata": {"k": "v" * 513}}, "string_above_max_length", "metadata.k"),
        ({"proxy": 5}, "invalid_type", "proxy"),
        ({"messages": [{"role": "user", "content": "x", "name": 5}]}, "invalid_type", "messages[0].name"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_wrong_type_is_refused_whoever_shall_answer(fields: dict[str, Any], code: str, param: str) -> None:
    assert refused(chat(**fields)) == refused(chat(**fields), api=ABLE) == (400, code, param)


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


FUNCTION = {"name": "f", "description": "does", "parameters": {"type": "object"}, "strict": None}
TOOL = {"type": "function", "function": FUNCTION}
OTHER = {"type": "function", "function": {"name": "g-2_B"}}


def test_tools() -> None:
    tools = read(
        tools=[TOOL, OTHER, {"type": "function", "function": {"name": "n" * 64, "strict": True, "x": 1}}]
    ).tools
    assert tools is not None
    assert [tool.function.name for tool in tools] == ["f", "g-2_B", "n" * 64]
    assert (tools[0].function.parameters, tools[1].function.parameters) == ({"type": "object"}, None)
    assert len(read(tools=[{"type": "function", "function": {"name": f"f{i}"}} for i in range(128)]).tools or ()) == 128


@pytest.mark.parametrize(
    ("choice", "names", "must"),
    [
        (None, ["f", "g-2_B"], False),
        ("auto", ["f", "g-2_B"], False),
        ("none", [], False),
        ("required", ["f", "g-2_B"], True),
        ({"type": "function", "function": {"name": "f"}}, ["f"], True),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [OTHER]}}, ["g-2_B"], False),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [OTHER, TOOL]}},
            ["f", "g-2_B"],
            True,
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_model_may_call(choice: object, names: list[str], must: bool) -> None:
    functions, wanted = offered(read(tools=[TOOL, OTHER], tool_choice=choice))
    assert ([function.name for function in functions], wanted) == (names, must)


@pytest.mark.parametrize(
    ("choice", "names", "must"),
    [(None, ["f", "g"], False), ("auto", ["f", "g"], False), ("none", [], False), ({"name": "g"}, ["g"], True)],
)
def test_what_a_model_may_call_by_the_old_names(choice: object, names: list[str], must: bool) -> None:
    functions, wanted = offered(read(functions=[{"name": "f"}, {"name": "g"}], function_call=choice))
    assert ([function.name for function in functions], wanted) == (names, must)


def test_no_tools_no_calls() -> None:
    assert offered(read()) == ([], False)
    assert offered(read(tools=[], tool_choice="none")) == ([], False)


def test_response_formats() -> None:
    assert read(response_format=None).schema_asked is None
    assert read(response_format={"type": "text"}).schema_asked is None
    assert read(response_format={"type": "json_object"}).schema_asked is None
    schema = {"type": "object", "properties": {"schema": {"$ref": "#"}}}
    told = {"name": "n", "schema": schema, "strict": True, "description": "d", "x": 1}
    assert read(response_format={"type": "json_schema", "json_schema": told}).schema_asked == schema
    assert read(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}).schema_asked == {}


def test_logit_bias_and_logprobs() -> None:
    bias = {"50256": -100, "7": 100, "8": 0.5}
    assert read(logit_bias=bias).logit_bias == bias
    assert (read(logprobs=True, top_logprobs=20).logprobs, read(logprobs=True, top_logprobs=20).top_logprobs) == (
        True,
        20,
    )
    assert read(logprobs=True, top_logprobs=0).top_logprobs == 0


def test_an_old_call_in_the_history() -> None:
    called = {"name": "f", "arguments": "{}"}
    turns = [*MESSAGES, {"role": "assistant", "content": None, "function_call": called}]
    turn = read(messages=[*turns, {"role": "function", "name": "f", "content": None}]).messages[1]
    assert turn.function_call is not None
    assert turn.function_call.model_dump() == called


def test_how_many_are_too_many_is_told() -> None:
    _, out = ask(chat(metadata={str(number): "" for number in range(17)}))
    assert "at most 16 properties, but got an object with 17 properties" in error(out)["message"]


def test_no_obfuscation_is_made() -> None:
    where = "stream_options.include_obfuscation"
    assert refused(chat(stream=True, stream_options={"include_obfuscation": True})) == (400, "invalid_value", where)


# What each field may say and not all of them together.

REFUSED: list[tuple[dict[str, object], str]] = [
    ({"top_logprobs": 3}, "top_logprobs"),
    ({"top_logprobs": 3, "logprobs": False}, "top_logprobs"),
    ({"tools": [TOOL], "functions": [FUNCTION]}, "functions"),
    ({"tools": [TOOL, OTHER, TOOL]}, "tools"),
    ({"functions": [FUNCTION, FUNCTION]}, "functions"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [], "tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": TOOL}, "tool_choice"),
    ({"tools": [OTHER], "tool_choice": TOOL}, "tool_choice"),
    (
        {
            "tools": [OTHER],
            "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [OTHER, TOOL]}},
        },
        "tool_choice",
    ),
    ({"functions": [FUNCTION], "function_call": {"name": "g"}}, "function_call"),
    ({"function_call": {"name": "f"}}, "function_call"),
    ({"tools": [TOOL], "function_call": {"name": "f"}}, "function_call"),
    ({"tools": [TOOL], "function_call": "none"}, "function_call"),
    ({"functions": [FUNCTION], "tool_choice": "none"}, "tool_choice"),
    ({"conversation_id": "c", "n": 2}, "n"),
]


@pytest.mark.parametrize(("fields", "param"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_has_no_sense_together(fields: dict[str, object], param: str) -> None:
    for api in (API, ABLE):
        assert refused(chat(**fields), api=api) == (400, "invalid_value", param)


def test_a_conversation_named_by_the_path_keeps_the_rules() -> None:
    where = b"/api/One/talk/chat/completions"
    exchange, out = ask(chat(n=1), target=where, api=ABLE)
    assert exchange.call is not None, out
    assert exchange.call.conversation == exchange.call.request.conversation_id == "talk"
    assert refused(chat(n=2), target=where, api=ABLE) == (400, "invalid_value", "n")
    exchange, _ = ask(chat(conversation_id="other"), target=where, api=ABLE)
    assert exchange.call is not None
    assert exchange.call.conversation == "talk", "the path wins"
    long = b"/api/One/%b/chat/completions" % (b"c" * 600)
    assert refused(chat(), target=long, api=ABLE) == (400, "string_above_max_length", "conversation_id")
    exchange, _ = ask(chat(conversation_id=""), api=ABLE)
    assert exchange.call is not None
    assert not exchange.call.conversation
