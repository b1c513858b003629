# The invariants over any order of inputs, any split of the body and any bytes: head before bytes, whole frames or one
# JSON document in pure ASCII, one terminator, nothing after the end, texts out == texts in.
from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import QUIET, Exchange, Finish, InternalError, LocalProtocolError, Reasoning, State, Usage

from .made import ask, blocks, chat, error, header, start, status

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
        assert sum("role" in delta["delta"] for delta in deltas) == 1
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
