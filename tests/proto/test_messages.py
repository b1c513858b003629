# The Messages API's two halves against each other: what MessageStream and MessageReply write, MessageStreamReader and
# read_message read, at every split; the order of the stream by the letter; and an upstream's nonsense.
from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import (
    QUIET,
    ApiError,
    ChatCall,
    ChatRequest,
    Finish,
    ForChoice,
    InternalError,
    MessageStreamReader,
    ProviderEvent,
    ProviderNotWorking,
    RateLimited,
    Reasoning,
    Refusal,
    Scored,
    ToolCall,
    Usage,
    read_message,
)
from g4f_proto.dialects.messages import MessageReply, MessageStream

from .made import ID, MESSAGES
from .said import EVENTS


def wire(events: list[ProviderEvent], kind: type[MessageStream] = MessageStream, *, thoughts: bool = True) -> bytes:
    request = ChatRequest.model_validate({"model": "echo", "messages": MESSAGES})
    call = ChatCall(provider="One", model="echo", request=request, body={})
    encoder = kind(id=ID, call=call, thoughts=thoughts)
    return b"".join(map(encoder.event, events)) + encoder.end()


def read(*pieces: bytes) -> list[ProviderEvent]:
    reader = MessageStreamReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    reader.end()
    return events


def documents(stream: bytes) -> list[dict[str, Any]]:
    """The documents of a stream, each under its own type's name."""
    found = []
    for block in stream.decode("ascii").split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    assert stream.endswith(b"\n\n")
    return found


def ending(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """What is told at the end: the refusal in one piece, the last reason, the last count."""
    refusal = "".join(event.text for event in events if isinstance(event, Refusal))
    finish = ([event for event in events if isinstance(event, Finish)] or [Finish(reason="stop")])[-1]
    if refusal:
        finish = Finish(reason="content_filter")
    elif finish.reason in ("stop", "tool_calls"):
        called = any(isinstance(event, ToolCall) for event in events)
        finish = Finish(reason="tool_calls") if called else Finish(reason="stop", stop=finish.stop)
    usages: list[ProviderEvent] = [event for event in events if isinstance(event, Usage)]
    said: list[ProviderEvent] = [Refusal(text=refusal)] if refusal else []
    return [*said, finish, *usages[-1:]]


def streamed(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """What a stream of `events` says: a call's name, then its arguments; a score is its text."""
    out: list[ProviderEvent] = []
    for event in events:
        if isinstance(event, ToolCall):
            out += [ToolCall(index=event.index, id=event.id, name=event.name)] if event.name else []
            out += [ToolCall(index=event.index, arguments=event.arguments)] if event.arguments else []
        elif isinstance(event, str | Reasoning | Scored) and (text := event if isinstance(event, str) else event.text):
            out.append(event if isinstance(event, Reasoning) else text)
    return out + ending(events)


@given(EVENTS, st.lists(st.integers(0, 3000), max_size=10))
def test_decode_after_encode_is_nothing(events: list[ProviderEvent], places: list[int]) -> None:
    out = wire(events)
    edges = [0, *sorted(place % len(out) for place in places), len(out)]
    assert read(*(out[a:b] for a, b in itertools.pairwise(edges))) == streamed(events)
    assert read(*(bytes([byte]) for byte in out)) == streamed(events)
    assert read(out.replace(b"\n", b"\r\n")) == read(out + b"rubbish") == streamed(events)


@given(EVENTS)
def test_encode_after_decode_is_nothing(events: list[ProviderEvent]) -> None:
    first = wire([event for event in events if event is not QUIET and not isinstance(event, Usage)])
    assert wire(read(first)) == first


@given(EVENTS)
def test_the_order_of_a_stream(events: list[ProviderEvent]) -> None:
    """A start, blocks numbered from 0 that are started once and stopped once, the reason, the end."""
    found = [document for document in documents(wire(events)) if document["type"] != "ping"]
    kinds = [document["type"] for document in found]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    started: list[int] = []
    stopped: set[int] = set()
    for document in found[1:-2]:
        index = document["index"]
        if document["type"] == "content_block_start":
            assert index == len(started)
            started.append(index)
        else:
            assert index in started
            assert index not in stopped
            stopped |= {index} if document["type"] == "content_block_stop" else set()
    assert stopped == set(started)


@given(EVENTS)
def test_a_reply_and_its_reader(events: list[ProviderEvent]) -> None:
    """A reply says block by block what the stream says in pieces; a gateway between the two changes nothing."""
    reply = wire(events, MessageReply)
    assert wire(read_message(reply), MessageReply) == reply == wire(read(wire(events)), MessageReply)
    found = json.loads(reply)
    blocks: dict[int, dict[str, Any]] = {}
    for document in documents(wire(events)):
        if document["type"] == "content_block_start":
            blocks[document["index"]] = document["content_block"] | {"said": ""}
        elif document["type"] == "content_block_delta":
            delta = document["delta"]
            said = delta.get("text") or delta.get("thinking") or delta.get("partial_json")
            blocks[document["index"]]["said"] += said
    assert [block["type"] for block in found["content"]] == [block["type"] for block in blocks.values()]
    for block, pieces in zip(found["content"], blocks.values(), strict=True):
        if block["type"] == "tool_use":
            assert block["input"] == ({"INVALID_JSON": pieces["said"]} if pieces["said"] else {})
        else:
            assert block[block["type"]] == pieces["said"]


def test_a_stream_by_the_letter() -> None:
    events: list[ProviderEvent] = [
        Reasoning(text="hm"),
        "a",
        "\u00fc",
        ToolCall(index=0, id="x", name="f", arguments='{"a":'),
        ToolCall(index=0, arguments="1}"),
        ToolCall(index=5, name="g"),
        Usage(prompt_tokens=7, completion_tokens=5, cached_tokens=3, reasoning_tokens=1),
    ]
    head = (
        f'"id":"msg_{ID}","type":"message","role":"assistant","model":"echo","provider":"One",'
        '"content":[],"stop_reason":null,"stop_sequence":null'
    )
    none = (
        '{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,"output_tokens_details":{"thinking_tokens":0}}'
    )
    usage = (
        '{"input_tokens":4,"cache_read_input_tokens":3,"output_tokens":5,"output_tokens_details":{"thinking_tokens":1}}'
    )
    expected = [
        f'{{"type":"message_start","message":{{{head},"usage":{none}}}}}',
        '{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}',
        '{"type":"content_block_stop","index":0}',
        '{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}',
        '{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}',
        '{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"\\u00fc"}}',
        '{"type":"content_block_stop","index":1}',
        '{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"x","name":"f","input":{}}}',
        '{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\":"}}',
        '{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}',
        '{"type":"content_block_stop","index":2}',
        '{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_'
        + ID
        + '_1","name":"g","input":{}}}',
        '{"type":"content_block_stop","index":3}',
        '{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":' + usage + "}",
        '{"type":"message_stop"}',
    ]
    frames = "".join(f"event: {json.loads(data)['type']}\ndata: {data}\n\n" for data in expected)
    assert wire(events).decode() == frames
    whole = json.loads(wire(events, MessageReply))
    assert whole["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "a\u00fc"},
        {"type": "tool_use", "id": "x", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": f"toolu_{ID}_1", "name": "g", "input": {}},
    ]
    assert (whole["stop_reason"], whole["usage"]) == ("tool_use", json.loads(usage))


def test_calls_written_in_turns_lose_nothing() -> None:
    events: list[ProviderEvent] = [
        ToolCall(index=0, id="x", name="f", arguments='{"a"'),
        ToolCall(index=1, id="y", name="g", arguments="{"),
        ToolCall(index=0, arguments=":1}"),
        ToolCall(index=1, arguments="}"),
        "text",
        ToolCall(index=1, arguments="\n"),
    ]
    for found in (read(wire(events)), read_message(wire(events, MessageReply))):
        calls = [event for event in found if isinstance(event, ToolCall)]
        said = ["".join(event.arguments for event in calls if event.index == index) for index in (0, 1)]
        assert [json.loads(one) for one in said] == [{"a": 1}, {}]


def test_a_silence_before_the_first_word() -> None:
    kinds = [document["type"] for document in documents(wire([QUIET, "a", QUIET]))]
    assert kinds[:3] == ["ping", "message_start", "content_block_start"]
    assert kinds.count("ping") == 2
    assert wire([QUIET, ForChoice(index=1, event="b")], MessageReply) == wire([], MessageReply)


@pytest.mark.parametrize("kind", [MessageStream, MessageReply])
def test_a_failure(kind: type[MessageStream]) -> None:
    request = ChatRequest.model_validate({"messages": MESSAGES})
    encoder = kind(id=ID, call=ChatCall(provider="One", model="m", request=request, body={}), thoughts=False)
    out = encoder.fail(InternalError("Broken."))
    data = '{"type":"error","error":{"type":"api_error","message":"Broken."}}'
    assert out.decode() == (f"event: error\ndata: {data}\n\n" if encoder.live else data)


def test_thoughts_nobody_wants() -> None:
    for kind in (MessageStream, MessageReply):
        assert wire([Reasoning(text="hm"), "a"], kind, thoughts=False) == wire(["a"], kind)


# --- what an upstream says ---


def stream(*found: object) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in found)


STOP = {"type": "message_stop"}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("new", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ],
)
def test_reasons(said: str, reason: Any) -> None:
    delta = {"type": "message_delta", "delta": {"stop_reason": said, "stop_sequence": None}}
    assert read(stream(delta, STOP)) == [Finish(reason=reason)]


def test_the_stop_that_ended_it() -> None:
    delta = {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"}}
    found: list[ProviderEvent] = [Finish(reason="stop", stop="END")]
    assert read(stream(delta, STOP)) == found
    for kind in (MessageStream, MessageReply):
        assert b'"stop_reason":"stop_sequence","stop_sequence":"END"' in wire(found, kind)


def test_counts_are_cumulative_and_a_cache_is_a_part_of_the_prompt() -> None:
    usage = {"input_tokens": 5, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 100, "output_tokens": 1}
    start = {"type": "message_start", "message": {"usage": usage}}
    delta = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9, "input_tokens": None}}
    assert read(stream(start, delta, STOP)) == [Usage(prompt_tokens=125, completion_tokens=9, cached_tokens=100)]


def test_what_has_no_event_here_passes() -> None:
    blocks = [
        {"type": "redacted_thinking", "data": "x"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "text", "text": "a", "citations": []},
    ]
    deltas = [
        (0, {"type": "signature_delta", "signature": "s"}),
        (1, {"type": "input_json_delta", "partial_json": "{}"}),
        (2, {"type": "citations_delta", "citation": {}}),
        (2, {"type": "text_delta", "text": "b"}),
        (2, {"type": "text_delta", "text": ""}),
    ]
    starts = [{"type": "content_block_start", "index": i, "content_block": block} for i, block in enumerate(blocks)]
    said = [{"type": "content_block_delta", "index": index, "delta": delta} for index, delta in deltas]
    new = [{"type": "ping"}, {"type": "content_block_stop", "index": 0}, {"type": "new"}]
    assert read(stream(*starts, *said, *new, STOP)) == ["a", "b"]
    whole = json.dumps({"type": "message", "content": blocks, "stop_reason": "end_turn"}).encode()
    assert read_message(whole) == ["a", Finish(reason="stop")]


def test_a_call_that_starts_with_its_arguments() -> None:
    block = {"type": "tool_use", "id": "x", "name": "f", "input": {"a": 1}}
    start = {"type": "content_block_start", "index": 3, "content_block": block}
    assert read(stream(start, STOP)) == [ToolCall(index=0, id="x", name="f", arguments='{"a": 1}')]


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("overloaded_error", ProviderNotWorking, "overloaded_error"),
        ("rate_limit_error", RateLimited, "rate_limit_exceeded"),
        (None, ProviderNotWorking, "provider_not_working"),
    ],
)
def test_an_error_object(kind: str | None, error: type[ApiError], code: str) -> None:
    """Its kind is told and its words are not: they may hold keys and hosts."""
    found = {"type": "error", "error": {"type": kind, "message": "sk-ant-secret"}}
    for reading in (lambda: read(b"event: error\n" + stream(found)), lambda: read_message(json.dumps(found).encode())):
        with pytest.raises(error) as caught:
            reading()
        assert caught.value.code == code
        assert "secret" not in caught.value.message


def test_what_came_before_an_error_is_told() -> None:
    reader = MessageStreamReader()
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
    said = reader.feed(stream(delta, {"type": "error"}))
    assert next(said) == "a"
    with pytest.raises(ProviderNotWorking):
        next(said)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"1", b"<html>", b'{"content":1}', b"[" * 10**5, b"\xff"])
def test_no_message(body: bytes) -> None:
    with pytest.raises(ProviderNotWorking):
        read_message(body)


@pytest.mark.parametrize(
    "data", [b"", b"data: 1\n\n", b"data: {\n\n", b"<html>", b"data: []\n\n", stream({"type": "x"})]
)
def test_no_stream(data: bytes) -> None:
    with pytest.raises(ProviderNotWorking):
        read(data)


@given(
    st.binary(max_size=60) | st.lists(st.sampled_from([b"data: ", b"\n", b"{}", b'"type"', b"[", b"1"])).map(b"".join)
)
def test_nonsense_raises_nothing_else(data: bytes) -> None:
    for reading in (lambda: read(data), lambda: read_message(data)):
        with pytest.raises(ApiError):
            reading()
