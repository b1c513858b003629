# What a client of Anthropic's API may ask: as the chat it is, as the same request on its way to such an upstream, and
# refused in that API's shape.
from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from g4f_proto import (
    MESSAGE_PARAMETERS,
    Api,
    ChatCall,
    Finish,
    InternalError,
    MessageStreamReader,
    Reasoning,
    State,
    Usage,
    ask_message,
    read_message,
)

from .made import ABLE, API, ID, answer, ask, at, header, serving, start, status

PATH = b"/v1/messages"
CLAUDE = serving(*MESSAGE_PARAMETERS)
PLAIN = serving("max_tokens")
GIF = base64.b64encode(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").decode()
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": GIF}}
OBJECT = {"type": "object"}
HINT = {"cache_control": {"type": "ephemeral"}}


def body(**fields: object) -> bytes:
    hello = [{"role": "user", "content": "hello"}]
    return json.dumps({"model": "echo", "max_tokens": 64, "messages": hello, **fields}).encode()


def call(api: Api = CLAUDE, **fields: object) -> ChatCall:
    exchange, out = ask(body(**fields), target=PATH, api=api)
    assert isinstance(exchange.call, ChatCall), out
    return exchange.call


def refusal(data: bytes, **options: Any) -> tuple[int, str, str]:
    """Status, type and message of a refusal, which must have Anthropic's shape."""
    exchange, out = ask(data, target=PATH, **options)
    document = json.loads(out)
    assert list(document) == ["type", "error"]
    assert document["type"] == "error"
    assert list(document["error"]) == ["type", "message"]
    return status(exchange), document["error"]["type"], document["error"]["message"]


def turns(*content: Any, role: str = "user") -> Any:
    return call(messages=[{"role": role, "content": list(content)}]).body["messages"]


@pytest.mark.parametrize(
    ("fields", "chat"),
    [
        ({}, {}),
        ({"stream": True}, {"stream": True}),
        ({"stop_sequences": ["a"]}, {"stop": ["a"]}),
        ({"temperature": 0.5, "top_p": 1, "top_k": 3}, {"temperature": 0.5, "top_p": 1, "top_k": 3}),
        ({"metadata": {"user_id": "u"}}, {"user": "u"}),
        ({"service_tier": "standard_only"}, {"service_tier": "default"}),
        ({"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}),
        ({"thinking": {"type": "adaptive"}}, {}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning_effort": "low"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, {"reasoning_effort": "medium"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 64000}}, {"reasoning_effort": "high"}),
        ({"output_config": {"effort": "max"}}, {"reasoning_effort": "xhigh"}),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": OBJECT}}},
        ),
        ({"unknown": 1, "speed": "standard", "mcp_servers": [], "container": None}, {}),
    ],
)  # fmt: skip
def test_fields(fields: dict[str, Any], chat: dict[str, Any]) -> None:
    plain = {"model": "echo", "max_tokens": 64, "stream": False, "messages": [{"role": "user", "content": "hello"}]}
    assert call(**fields).body == plain | chat


def test_systems() -> None:
    given = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", **HINT}]
    assert call(system=given).body["messages"][0] == {"role": "system", "content": given}  # type: ignore[index]
    assert call(system="a").body["messages"][0] == {"role": "system", "content": "a"}  # type: ignore[index]


def test_a_user_s_turn_with_results() -> None:
    found = turns(
        {"type": "tool_result", "tool_use_id": "x", "content": "17", **HINT},
        {
            "type": "tool_result",
            "tool_use_id": "y",
            "content": [{"type": "text", "text": "b"}, IMAGE],
            "is_error": True,
        },
        {"type": "tool_result", "tool_use_id": "z"},
        {"type": "text", "text": "c", **HINT},
        IMAGE,
    )
    image = {"type": "image_url", "image_url": {"url": f"data:image/gif;base64,{GIF}"}}
    assert found == [
        {"role": "tool", "tool_call_id": "x", "content": "17", **HINT},
        {"role": "tool", "tool_call_id": "y", "content": [{"type": "text", "text": "b"}, image], "is_error": True},
        {"role": "tool", "tool_call_id": "z", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": "c", **HINT}, image]},
    ]


def test_words_between_results_stay_between_them() -> None:
    result = {"type": "tool_result", "tool_use_id": "x", "content": "1"}
    text = {"type": "text", "text": "a"}
    assert [turn["role"] for turn in turns(result, text, result)] == ["tool", "user", "tool"]
    assert turns() == [{"role": "user", "content": []}]


def test_an_assistant_s_turn() -> None:
    use = {"type": "tool_use", "id": "x", "name": "f", "input": {"a": 1}}
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    function = {"id": "x", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    [found] = turns(thought, {"type": "redacted_thinking", "data": "?"}, use, role="assistant")
    assert found == {"role": "assistant", "content": None, "tool_calls": [function], "reasoning_content": "hm"}
    [found] = turns({"type": "text", "text": "a"}, role="assistant")
    assert found == {"role": "assistant", "content": [{"type": "text", "text": "a"}]}


TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True, **HINT}
ONE = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("choice", "chat"),
    [
        (None, {}),
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any", "disable_parallel_tool_use": True}, {"tool_choice": "required", "parallel_tool_calls": False}),
        ({"type": "tool", "name": "f"}, {"tool_choice": ONE}),
        ({"type": "none"}, {"tool_choice": "none"}),
    ],
)
def test_tools(choice: Any, chat: dict[str, Any]) -> None:
    found = call(tools=[TOOL], tool_choice=choice).body
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    assert found["tools"] == [{"type": "function", "function": function, **HINT}]
    assert {name: found[name] for name in ("tool_choice", "parallel_tool_calls") if name in found} == chat


def test_on_its_way_to_such_an_upstream_it_is_the_same() -> None:
    """Two servers in a row: what one was asked, the next is asked."""
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}}
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "\u00fc"}, "title": "t"}
    given: dict[str, Any] = {
        "model": "echo",
        "max_tokens": 64,
        "stream": True,
        "system": [{"type": "text", "text": "a", **HINT}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "b"}, IMAGE, text, pdf | {"title": "p"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "f", "input": {"a": 1}}]},
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "x",
                        "content": [{"type": "text", "text": "c"}],
                        "is_error": True,
                        **HINT,
                    },
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                ],
            },
        ],
        "stop_sequences": ["s"],
        "temperature": 0.5,
        "top_p": 0.25,
        "top_k": 7,
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "tools": [TOOL | {"input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    }
    assert ask_message(call(**given)) == given


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"temperature": 1.5}, "temperature"),
        ({"stop_sequences": ["a"] * 5}, "stop_sequences"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "search_result"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_use", "id": "x", "name": "f", "input": {}}]}]},
            "messages[0].content[0]",
        ),
        ({"messages": [{"role": "user", "content": [IMAGE | {"source": {"type": "file"}}]}]}, "source.type"),
        (
            {"messages": [{"role": "user", "content": [IMAGE | {"source": IMAGE["source"] | {"data": "aGk="}}]}]},
            "messages[0].content[0].source.data",
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [TOOL, TOOL]}, "tools"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"container": "c"}, "container"),
        ({"context_management": {}}, "context_management"),
        ({"speed": "fast"}, "speed"),
        ({"messages": [{"role": "user", "content": [IMAGE] * 101}]}, "100 images"),
    ],
)
def test_refusals(fields: dict[str, Any], names: str) -> None:
    code, kind, message = refusal(body(**fields), api=CLAUDE)
    assert (code, kind) == (400, "invalid_request_error")
    assert names in message


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"top_k": 1}, "top_k"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "'thinking'"),
        ({"tools": [TOOL]}, "tools"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "image"),
    ],
)
def test_what_the_model_cannot_honour(fields: dict[str, Any], name: str) -> None:
    code, kind, message = refusal(body(**fields), api=PLAIN)
    assert (code, kind, name in message) == (400, "invalid_request_error", True)


def test_every_refusal_has_that_shape() -> None:
    """Also those that are decided before the body is read."""
    locked = Api(catalog=API.catalog, keys=("k",))
    assert refusal(body(), api=locked)[:2] == (401, "authentication_error")
    assert refusal(b"{")[:2] == (400, "invalid_request_error")
    assert refusal(body(model="nobody"))[:2] == (404, "not_found_error")
    assert refusal(body(), headers={b"content-length": b"99999999999"})[:2] == (413, "request_too_large")
    assert refusal(body(), headers={b"content-type": b"text/plain"})[:2] == (415, "invalid_request_error")
    exchange, _ = ask(body(), target=PATH, headers={b"x-api-key": b"k"}, api=locked)
    assert exchange.call is not None


@pytest.mark.parametrize(
    ("code", "kind"),
    [(403, "permission_error"), (429, "rate_limit_error"), (500, "api_error"), (502, "api_error"),
     (503, "overloaded_error"), (504, "timeout_error")],
)  # fmt: skip
def test_what_a_provider_s_failure_is_called(code: int, kind: str) -> None:
    exchange, _ = ask(body(), target=PATH)
    found = json.loads(exchange.fail(InternalError("Broken.", status=code)))
    assert (status(exchange), found) == (code, {"type": "error", "error": {"type": kind, "message": "Broken."}})


def test_how_long_a_request_is() -> None:
    """Words, tools and schemas, by the counter that was handed in; a model that nobody serves has no length."""
    counting = replace(API, counter=lambda texts: sum(len(text.split()) for text in texts))
    plain = json.loads(body())
    del plain["max_tokens"]

    def count(api: Api = counting, **fields: object) -> tuple[int, Any]:
        exchange, out = ask(json.dumps({**plain, **fields}).encode(), target=PATH + b"/count_tokens", api=api)
        assert exchange.call is None
        return status(exchange), json.loads(out)

    code, found = count()
    assert (code, list(found)) == (200, ["input_tokens"])
    for fields in (
        {"system": "be brief"},
        {"tools": [TOOL]},
        {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
    ):
        assert count(**fields)[1]["input_tokens"] > found["input_tokens"]
    assert count(model="nobody")[1]["error"]["type"] == "not_found_error"
    assert count(messages=[])[0] == 400
    assert count(api=API)[0] == 404


def test_one_provider_s_path() -> None:
    exchange, _ = ask(body(model="plain"), target=b"/api/Bare/messages")
    assert exchange.call is None  # it has no `max_tokens`
    exchange, _ = ask(body(), target=b"/api/One/messages", api=ABLE)
    assert exchange.call is not None
    assert exchange.call.provider == "One"


def test_a_reply_through_the_machine() -> None:
    exchange, _ = ask(body(), target=PATH, api=ABLE)
    found = json.loads(answer(exchange, Reasoning(text="hm"), "a", Usage(prompt_tokens=1, completion_tokens=2)))
    assert found["id"] == f"msg_{ID}"
    assert found["content"] == [{"type": "text", "text": "a"}]
    assert (found["usage"]["input_tokens"], found["usage"]["output_tokens"]) == (1, 2)
    assert header(exchange, b"content-type") == b"application/json"
    exchange, _ = ask(body(thinking={"type": "adaptive"}), target=PATH, api=ABLE)
    assert [block["type"] for block in json.loads(answer(exchange, Reasoning(text="hm"), "a"))["content"]] == [
        "thinking",
        "text",
    ]


def test_the_stop_that_the_machine_found_is_told() -> None:
    for stream in (False, True):
        exchange, _ = ask(body(stop_sequences=["x", "END"], stream=stream), target=PATH, api=PLAIN)
        out = answer(exchange, "a E", "ND b")
        events = [*MessageStreamReader().feed(out)] if stream else read_message(out)
        assert events == ["a ", Finish(reason="stop", stop="END")]


def test_a_failed_stream_through_the_machine() -> None:
    exchange = start(target=PATH, api=ABLE)
    exchange.receive_data(body(stream=True))
    exchange.receive_end()
    out = exchange.send("a") + exchange.fail(InternalError("Broken."))
    assert header(exchange, b"content-type") == b"text/event-stream; charset=utf-8"
    assert out.endswith(b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"Broken."}}\n\n')
    assert at(exchange) is State.DONE
