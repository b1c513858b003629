# The invariants over any order of inputs, any split of the body and any bytes: head before bytes, whole frames or one
# JSON document in pure ASCII, one terminator, nothing after the end, texts out == texts in.
from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import (
    QUIET,
    Exchange,
    Finish,
    ForChoice,
    InternalError,
    LocalProtocolError,
    Reasoning,
    Refusal,
    Scored,
    State,
    TokenLogprob,
    ToolCall,
    Usage,
)

from .made import ABLE, API, CONSTRAINED, ask, blocks, chat, error, header, serving, start, status

STREAM = chat(stream=True)
TEXTS = st.text(st.characters(), max_size=8)  # surrogates included
EVENTS = st.one_of(
    TEXTS,
    st.builds(Reasoning, text=TEXTS),
    st.builds(Usage, prompt_tokens=st.integers(0, 9), completion_tokens=st.integers(0, 9)),
    st.builds(Finish, reason=st.sampled_from(["stop", "length", "content_filter"])),
    st.just(QUIET),
)
BODIES = st.sampled_from([
    chat(), STREAM, chat(stream=True, stream_options={"include_usage": True}), chat(stream=False),
    chat(stream=True, stream_options={}), chat(model="none"), b"", b"{", b"[]", b'{"messages": 5}', b"\xff",
])  # fmt: skip
REQUESTS = st.sampled_from([
    ("POST", b"/v1/chat/completions"), ("POST", b"/api/Echo/chat/completions"), ("GET", b"/v1/models"), ("HEAD", b"/x"),
    ("GET", b"/nowhere"), ("OPTIONS", b"*"), ("DELETE", b"/v1/models"),
])  # fmt: skip
STEPS = st.one_of(
    st.tuples(st.just("send"), EVENTS),
    st.tuples(st.sampled_from(["receive_data", "receive_end", "disconnect", "end", "fail"]), st.none()),
)


@given(REQUESTS, BODIES, st.lists(STEPS, max_size=12), st.booleans())
def test_any_order_of_inputs(request: tuple[str, bytes], body: bytes, steps: list[Any], begun: bool) -> None:
    exchange = start(*request)
    out, texts, thoughts = b"", [], []
    if begun:
        exchange.receive_data(body)
        out += exchange.receive_end()
    for name, event in steps:
        before, head = exchange.state, exchange.head
        try:
            if name == "send":
                piece: bytes = exchange.send(event)
            elif name == "fail":
                piece = exchange.fail(InternalError("made up"))
            elif name == "receive_data":
                assert exchange.receive_data(body) in (True, False)
                piece = b""
            else:
                piece = getattr(exchange, name)() or b""
        except LocalProtocolError:
            assert (exchange.state, exchange.head) == (before, head)
            continue
        if piece:
            assert exchange.head is not None, "head before bytes"
            assert before not in (State.DONE, State.CLOSED), "nothing after the end"
        if head is not None:
            assert exchange.head is head, "one head"
        if name == "send" and before in (State.CALLING, State.STREAMING):
            texts += [event] if isinstance(event, str) else []
            thoughts += [event.text] if isinstance(event, Reasoning) else []
        out += piece
    _check(exchange, out, "".join(texts), "".join(thoughts), bodyless=request[0] == "HEAD")


def _check(exchange: Exchange, out: bytes, text: str, thought: str, *, bodyless: bool) -> None:
    out.decode("ascii")
    if exchange.head is None:
        assert out == b""
        return
    kind = header(exchange, b"content-type")
    length = header(exchange, b"content-length")
    if exchange.state is State.DONE and length is not None and not bodyless:
        assert int(length) == len(out)
    if kind == b"text/event-stream; charset=utf-8":
        found = blocks(out)
        assert found.count("[DONE]") == (1 if exchange.state is State.DONE else 0)
        if exchange.state is State.DONE:
            assert found[-1] == "[DONE]"
        documents = [json.loads(block) for block in found if block not in ("[DONE]", ": ping")]
        deltas = [choice for document in documents for choice in document.get("choices", ())]
        joined = "".join(json.dumps(delta["delta"].get("content") or "")[1:-1] for delta in deltas)
        assert json.loads(f'"{joined}"') == json.loads(json.dumps(text)), "texts out == texts in"
        assert all(delta["delta"].get("reasoning") == delta["delta"].get("reasoning_content") for delta in deltas)
        joined = "".join(json.dumps(delta["delta"].get("reasoning") or "")[1:-1] for delta in deltas)
        assert json.loads(f'"{joined}"') == json.loads(json.dumps(thought))
        reasons = [delta["finish_reason"] for delta in deltas if delta["finish_reason"]]
        errors = [document for document in documents if "error" in document]
        assert len(reasons) + len(errors) == (1 if exchange.state is State.DONE else 0), "one ending"
        assert sum("role" in delta["delta"] for delta in deltas) == (1 if deltas else 0)
    elif bodyless or status(exchange) == 204:
        assert out == b""
    elif exchange.state is not State.CLOSED:
        document = json.loads(out)
        if status(exchange) == 200 and exchange.call is not None:
            message = document["choices"][0]["message"]
            assert message["content"] == json.loads(json.dumps(text))
            assert message.get("reasoning", "") == json.loads(json.dumps(thought))


@given(BODIES, st.lists(st.integers(0, 80), max_size=6))
def test_any_split_of_the_body_gives_the_same_reply(body: bytes, cuts: list[int]) -> None:
    whole, expected = ask(body)
    split = start()
    edges = [0, *sorted(cuts), len(body)]
    for begin, end in pairwise(edges):
        assert split.receive_data(body[begin:end])
    assert split.receive_end() == expected
    assert (split.head, split.state, split.call) == (whole.head, whole.state, whole.call)


@pytest.mark.parametrize("body", [chat(), STREAM, b"", b"{", chat(messages=[])])
def test_byte_by_byte(body: bytes) -> None:
    whole, expected = ask(body)
    exchange = start()
    for byte in body:
        assert exchange.receive_data(bytes([byte]))
    assert exchange.receive_end() == expected
    assert exchange.head == whole.head


@pytest.mark.parametrize("rubbish", [b"x", b"{}", b"\x00", b",", b"]", b"\xef\xbb\xbf"])
def test_rubbish_after_the_document_is_refused(rubbish: bytes) -> None:
    exchange, out = ask(chat() + rubbish)
    assert status(exchange) == 400
    assert error(out)["code"] == "invalid_json"
    assert ask(chat() + b" \r\n\t")[0].call is not None


@given(st.binary(max_size=60), st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "BREW"]), st.binary(max_size=40))
def test_a_strangers_bytes_never_raise(body: bytes, method: str, target: bytes) -> None:
    for where in (target, b"/" + target, b"/v1/models/" + target, b"/v1/chat/completions"):
        exchange, out = ask(body, method, where, {b"content-type": target, b"authorization": target})
        assert exchange.state in (State.DONE, State.CALLING)
        if out and status(exchange) >= 400:
            error(out)


# Everything a provider may say, however carelessly, to a request that needs all the help there is.

NAMES = st.none() | st.sampled_from(["f", "", "\ud83d"])
PIECES = st.sampled_from([
    '{"name": "f", "arg', 'uments": {"a": ', '"}"} }', '{"answer": "', "\\u00", "e9\\ud83d", "\\ude00", '"}', "<think>",
    "hm</think>",    "ST", "OP", "STOP", " ",
])  # fmt: skip
SAID = st.one_of(
    TEXTS,
    PIECES,
    st.builds(Reasoning, text=TEXTS),
    st.builds(Refusal, text=TEXTS),
    st.builds(ToolCall, index=st.integers(-1, 3), id=NAMES, name=NAMES, arguments=TEXTS),
    st.builds(
        Scored,
        text=TEXTS,
        tokens=st.lists(st.builds(TokenLogprob, token=TEXTS, logprob=st.floats()), max_size=2).map(tuple),
    ),
    st.builds(Finish, reason=st.sampled_from(["stop", "length", "content_filter", "tool_calls"])),
)
CARELESS = st.one_of(
    SAID,
    st.builds(ForChoice, index=st.integers(-2, 4), event=SAID),
    st.builds(Usage, prompt_tokens=st.integers(0, 9), completion_tokens=st.integers(0, 9)),
    st.just(QUIET),
)
TOOLS = [{"type": "function", "function": {"name": "f"}}]
HELPED = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(1, 3),
        "stop": st.sampled_from(["STOP", ["STOP", "e"]]),
        "stream": st.booleans(),
        "stream_options": st.sampled_from([None, {}, {"include_usage": True}]),
        "tools": st.just(TOOLS),
        "tool_choice": st.sampled_from(["auto", "required", "none"]),
    },
).filter(lambda fields: "tools" in fields or fields.get("tool_choice") != "required")
OLD = HELPED.map(lambda fields: {**{k: v for k, v in fields.items() if "tool" not in k}, "functions": [{"name": "f"}]})
APIS = st.sampled_from([ABLE, CONSTRAINED, serving("response_format", think_tags=True)])


@given(HELPED | OLD, APIS, st.lists(CARELESS, max_size=14))
def test_whatever_a_provider_says_clients_can_read_it(fields: dict[str, Any], api: Any, events: list[Any]) -> None:
    exchange, out = ask(chat(**fields), api=api)
    assert exchange.call is not None, out
    writes = [exchange.send(event) for event in events] + [exchange.end()]
    assert exchange.state is State.DONE
    choices = range(fields.get("n", 1))
    if not fields.get("stream"):
        document = json.loads(b"".join(writes))
        assert [choice["index"] for choice in document["choices"]] == [*choices]
        for choice in document["choices"]:
            message = choice["message"]
            assert {"role", "content", "refusal"} <= set(message)
            assert set(choice) == {"index", "message", "logprobs", "finish_reason"}
            _reason(fields, choice["finish_reason"], called="tool_calls" in message or "function_call" in message)
            calls = message.get("tool_calls", ())
            assert all(call["id"] and call["type"] == "function" for call in calls)
            assert all(isinstance(call["function"]["arguments"], str) for call in calls)
        return
    for write in writes:
        blocks(write)
    found = [json.loads(block) for block in blocks(b"".join(writes)) if block not in ("[DONE]", ": ping")]
    asked = bool((fields.get("stream_options") or {}).get("include_usage"))
    assert [chunk["choices"] == [] for chunk in found] == [False] * (len(found) - asked) + [True] * asked
    told = [choice for chunk in found for choice in chunk["choices"]]
    assert {choice["index"] for choice in told} == set(choices)
    for index in choices:
        mine = [choice for choice in told if choice["index"] == index]
        assert all(set(choice) == {"index", "delta", "logprobs", "finish_reason"} for choice in mine)
        assert [position for position, choice in enumerate(mine) if "role" in choice["delta"]] == [0]
        assert [position for position, choice in enumerate(mine) if choice["finish_reason"]] == [len(mine) - 1]
        pieces = [call for choice in mine for call in choice["delta"].get("tool_calls", ())]
        begun: list[int] = []
        for call in pieces:
            if "id" in call:
                assert call["id"]
                assert call["type"] == "function"
                assert isinstance(call["function"]["name"], str)
                assert call["index"] == len(begun), "from 0, in order, once"
                begun.append(call["index"])
            else:
                assert set(call) == {"index", "function"}
                assert set(call["function"]) == {"arguments"}
                assert call["index"] in begun
        old = [choice["delta"]["function_call"] for choice in mine if "function_call" in choice["delta"]]
        assert [position for position, call in enumerate(old) if "name" in call] == [0][: len(old)]
        _reason(fields, mine[-1]["finish_reason"], called=bool(pieces or old))


def _reason(fields: dict[str, Any], reason: str, *, called: bool) -> None:
    mine, other = ("function_call", "tool_calls") if "functions" in fields else ("tool_calls", "function_call")
    assert reason in ("stop", "length", "content_filter", mine)
    assert reason != other
    assert called or reason != mine
    assert not called or reason != "stop"


@given(HELPED, APIS, st.lists(CARELESS, max_size=14))
def test_a_stream_and_a_reply_say_the_same(fields: dict[str, Any], api: Any, events: list[Any]) -> None:
    replies = []
    for stream in (False, True):
        exchange, _ = ask(chat(**{**fields, "stream": stream}), api=api)
        replies.append(b"".join(map(exchange.send, events)) + exchange.end())
    whole = json.loads(replies[0])
    found = [json.loads(block) for block in blocks(replies[1]) if block not in ("[DONE]", ": ping")]
    for choice in whole["choices"]:
        mine = [one for chunk in found for one in chunk["choices"] if one["index"] == choice["index"]]
        for name in ("content", "refusal", "reasoning"):
            words = "".join(json.dumps(one["delta"].get(name) or "")[1:-1] for one in mine)
            assert json.loads(f'"{words}"') == (choice["message"].get(name) or "")
        calls: dict[int, str] = {}
        for call in (call for one in mine for call in one["delta"].get("tool_calls", ())):
            calls[call["index"]] = calls.get(call["index"], "") + json.dumps(call["function"]["arguments"])[1:-1]
        told = [call["function"]["arguments"] for call in choice["message"].get("tool_calls", ())]
        assert [json.loads(f'"{calls[index]}"') for index in sorted(calls)] == told
        assert mine[-1]["finish_reason"] == choice["finish_reason"]
        scores = [token for one in mine for token in (one["logprobs"] or {"content": []})["content"]]
        assert scores == (choice["logprobs"] or {"content": []})["content"]


def test_the_first_choice_is_not_another_apis() -> None:
    """The hot path is for texts of the first choice of a provider that needs no help, and for nothing else."""
    for api in (API, ABLE):
        exchange, _ = ask(chat(stream=True, n=2), api=api)
        out = exchange.send(ForChoice(index=1, event="b")) + exchange.send("a") + exchange.send("a") + exchange.end()
        choices = [choice for block in blocks(out)[:-1] for choice in json.loads(block)["choices"]]
        assert [choice["index"] for choice in choices if "role" in choice["delta"]] == [0, 1]
