# The Responses API's two halves against each other: what ResponseStream and ResponseReply write, ResponseStreamReader
# and read_response read, at every split; the order of the stream by the letter; and an upstream's nonsense.
from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from g4f_proto import (
    QUIET,
    ApiError,
    ChatCall,
    ChatRequest,
    Finish,
    ForChoice,
    ProviderEvent,
    ProviderNotWorking,
    RateLimited,
    Reasoning,
    Refusal,
    ResponseStreamReader,
    Scored,
    TokenLogprob,
    ToolCall,
    Usage,
    read_response,
)
from g4f_proto.dialects.responses import ResponseReply, ResponseStream

from .made import CREATED, ID, MESSAGES
from .said import EVENTS

#: What OpenAI's own types say of every event.
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ECHO = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


def encoder(kind: type[ResponseStream] = ResponseStream) -> ResponseStream:
    request = ChatRequest.model_validate({"model": "echo", "messages": MESSAGES})
    call = ChatCall(provider="One", model="echo", request=request, body={})
    return kind(id=ID, created=CREATED, call=call, echo=ECHO)


def wire(events: list[ProviderEvent], kind: type[ResponseStream] = ResponseStream) -> bytes:
    writer = encoder(kind)
    return b"".join(map(writer.event, events)) + writer.end()


def read(*pieces: bytes) -> list[ProviderEvent]:
    reader = ResponseStreamReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    reader.end()
    return events


def documents(stream: bytes) -> list[dict[str, Any]]:
    """The documents of a stream, each under its own type's name, numbered from 0; pings left out."""
    found = []
    assert stream.endswith(b"\n\n")
    for block in stream.decode("ascii").split("\n\n")[:-1]:
        if block == ": ping":
            continue
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    assert [document["sequence_number"] for document in found] == list(range(len(found)))
    return found


def ending(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """What is told at the end: the last reason, the last count."""
    reason = ([event.reason for event in events if isinstance(event, Finish)] or ["stop"])[-1]
    if reason in ("stop", "tool_calls"):
        reason = "tool_calls" if any(isinstance(event, ToolCall) for event in events) else "stop"
    usages: list[ProviderEvent] = [event for event in events if isinstance(event, Usage)]
    return [Finish(reason=reason), *usages[-1:]]  # type: ignore[arg-type]


def streamed(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """What a stream of `events` says: a call's name, then its arguments."""
    out: list[ProviderEvent] = []
    for event in events:
        if isinstance(event, ToolCall):
            out += [ToolCall(index=event.index, id=event.id, name=event.name)] if event.name else []
            out += [ToolCall(index=event.index, arguments=event.arguments)] if event.arguments else []
        elif isinstance(event, Scored) or (isinstance(event, Reasoning | Refusal) and event.text):
            out.append(event)
        elif isinstance(event, str) and event:
            out.append(event)
    return out + ending(events)


@given(EVENTS, st.lists(st.integers(0, 5000), max_size=10))
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
    """Created, in progress, items and parts that begin before and end after what is said of them, and one end."""
    found = documents(wire(events))
    kinds = [document["type"] for document in found]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert sum(kind in ("response.completed", "response.incomplete", "response.failed") for kind in kinds) == 1
    items: dict[int, str] = {}
    parts: dict[tuple[int, int], bool] = {}
    done: list[dict[str, Any]] = []
    for document in found[2:-1]:
        place, kind = document["output_index"], document["type"]
        if kind == "response.output_item.added":
            assert place == len(items)
            items[place] = document["item"]["id"]
        elif kind == "response.output_item.done":
            assert document["item"]["id"] == items[place]
            assert all(ended for (item, _), ended in parts.items() if item == place)
            done.append(document)
        else:
            assert document["item_id"] == items[place]
            assert place not in {document["output_index"] for document in done}
            part = (place, document.get("content_index", document.get("summary_index", -1)))
            if kind.endswith("part.added"):
                assert part not in parts
                parts[part] = False
            elif kind.endswith(("part.done", "arguments.done")):
                parts[part] = True
            else:
                assert not parts.get(part)
    done.sort(key=lambda document: document["output_index"])
    assert [document["item"] for document in done] == found[-1]["response"]["output"]
    assert len(done) == len(items)
    assert len(set(items.values())) == len(items)


@given(EVENTS)
def test_openai_s_own_types_take_it(events: list[ProviderEvent]) -> None:
    for document in documents(wire(events)):
        EVENT.validate_python(document, strict=False)
    Response.model_validate(json.loads(wire(events, ResponseReply)))


@given(EVENTS)
def test_a_reply_and_its_reader(events: list[ProviderEvent]) -> None:
    """A reply is the response that a stream ends with; a gateway between the two changes nothing."""
    reply = wire(events, ResponseReply)
    assert json.loads(reply) == documents(wire(events))[-1]["response"]
    assert wire(read_response(reply), ResponseReply) == reply == wire(read(wire(events)), ResponseReply)


def test_a_stream_by_the_letter() -> None:
    """The nine events of one message."""
    where = f'"item_id":"msg_{ID}0","output_index":0,"content_index":0'
    common = (
        f'"id":"resp_{ID}","object":"response","created_at":{CREATED},"model":"echo","provider":"One",'
        '"parallel_tool_calls":true,"tool_choice":"auto","tools":[]'
    )
    fresh = '"status":"in_progress","error":null,"incomplete_details":null,"output":[],"usage":null'
    part = '{"type":"output_text","text":"a\\u00fc","annotations":[],"logprobs":[]}'
    item = f'{{"id":"msg_{ID}0","type":"message","status":"completed","role":"assistant","content":[{part}]}}'
    added = f'{{"id":"msg_{ID}0","type":"message","status":"in_progress","role":"assistant","content":[]}}'
    usage = (
        '{"input_tokens":7,"input_tokens_details":{"cached_tokens":3,"cache_write_tokens":0},"output_tokens":5,'
        '"output_tokens_details":{"reasoning_tokens":1},"total_tokens":12}'
    )
    complete = '"status":"completed","error":null,"incomplete_details":null,'
    expected = [
        ("response.created", f'"response":{{{common},{fresh}}}'),
        ("response.in_progress", f'"response":{{{common},{fresh}}}'),
        ("response.output_item.added", f'"output_index":0,"item":{added}'),
        (
            "response.content_part.added",
            where + ',"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}',
        ),
        ("response.output_text.delta", where + ',"delta":"a","logprobs":[]'),
        ("response.output_text.delta", where + ',"delta":"\\u00fc","logprobs":[]'),
        ("response.output_text.done", where + ',"text":"a\\u00fc","logprobs":[]'),
        ("response.content_part.done", f'{where},"part":{part}'),
        ("response.output_item.done", f'"output_index":0,"item":{item}'),
        (
            "response.completed",
            f'"response":{{{common},{complete}"output":[{item}],"usage":{usage}}}',
        ),
    ]
    frames = "".join(
        f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":{number},{body}}}\n\n'
        for number, (kind, body) in enumerate(expected)
    )
    count = Usage(prompt_tokens=7, completion_tokens=5, cached_tokens=3, reasoning_tokens=1)
    assert wire(["a", "\u00fc", count]).decode() == frames


def test_calls_and_thoughts_by_their_events() -> None:
    events: list[ProviderEvent] = [
        Reasoning(text="hm"),
        ToolCall(index=0, id="x", name="f", arguments='{"a":'),
        ToolCall(index=0, arguments="1}"),
        ToolCall(index=0, arguments="\n"),
        ToolCall(index=4, name="g", arguments="{}"),
    ]
    found = documents(wire(events))
    assert [document["type"].removeprefix("response.") for document in found[2:-1]] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        *["output_item.added", *["function_call_arguments.delta"] * 3, "function_call_arguments.done"],
        *["output_item.done", "output_item.added", "function_call_arguments.delta", "function_call_arguments.done"],
        "output_item.done",
    ]
    thought, first, second = found[-1]["response"]["output"]
    assert thought["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert (first["call_id"], first["name"], json.loads(first["arguments"])) == ("x", "f", {"a": 1})
    assert (second["call_id"], second["name"]) == (f"call_{ID}_1", "g")
    assert len({thought["id"], first["id"], second["id"]}) == 3


def test_calls_written_in_turns_lose_nothing() -> None:
    events: list[ProviderEvent] = [
        ToolCall(index=0, id="x", name="f", arguments='{"a"'),
        ToolCall(index=1, id="y", name="g", arguments="{"),
        ToolCall(index=0, arguments=":1}"),
        "text",
        ToolCall(index=1, arguments="}"),
    ]
    for found in (read(wire(events)), read_response(wire(events, ResponseReply))):
        calls = [event for event in found if isinstance(event, ToolCall)]
        said = ["".join(event.arguments for event in calls if event.index == index) for index in (0, 1)]
        assert said == ['{"a":1}', "{}"]


@pytest.mark.parametrize(("reason", "told"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut(reason: Any, told: str) -> None:
    events: list[ProviderEvent] = [Reasoning(text="hm"), "a", Finish(reason=reason)]
    last = documents(wire(events))[-1]
    assert last["type"] == "response.incomplete"
    response = last["response"]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": told})
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]


def test_probabilities() -> None:
    token = TokenLogprob(token="a", logprob=-0.5, top=(TokenLogprob(token="b", logprob=-1.5),))
    entry = {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "top_logprobs": [{"token": "b", "logprob": -1.5, "bytes": [98]}],
    }
    found = documents(wire([Scored(text="a", tokens=(token,)), "b"]))
    told = [document["logprobs"] for document in found if "logprobs" in document]
    assert told == [[entry], [], [entry]]
    assert found[-1]["response"]["output"][0]["content"][0]["logprobs"] == [entry]


def test_a_failure_in_a_stream() -> None:
    """The error with its code, which clients raise, and the end that says the response failed."""
    writer = encoder()
    out = b"".join(map(writer.event, [Reasoning(text="hm"), "a"]))
    out += writer.fail(RateLimited("Slow down.", param="messages[0].content"))
    *_, told, last = documents(out)
    assert told == {
        "type": "error",
        "sequence_number": told["sequence_number"],
        "code": "rate_limit_exceeded",
        "message": "Slow down.",
        "param": "input",
    }
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "rate_limit_exceeded", "message": "Slow down."}
    assert [item["status"] for item in last["response"]["output"]] == ["completed", "incomplete"]
    EVENT.validate_python(last)


def test_a_silence_before_the_first_word() -> None:
    out = wire([QUIET, "a", QUIET])
    assert out.count(b": ping\n\n") == 2
    assert out.startswith(b": ping\n\nevent: response.created")
    assert wire([QUIET, ForChoice(index=1, event="b")], ResponseReply) == wire([], ResponseReply)


# --- what an upstream says ---


def stream(*found: object) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in found)


DONE = {"type": "response.completed", "response": {"status": "completed"}}


def test_both_kinds_of_thoughts_and_their_paragraphs() -> None:
    found = read(
        stream(
            {"type": "response.reasoning_text.delta", "delta": "a"},
            {"type": "response.reasoning_summary_part.added", "summary_index": 0},
            {"type": "response.reasoning_summary_text.delta", "delta": "b"},
            {"type": "response.reasoning_summary_part.added", "summary_index": 1},
            {"type": "response.reasoning_summary_text.delta", "delta": "c"},
            {"type": "response.new"},
            {"type": "response.output_item.added", "item": {"type": "web_search_call"}},
            DONE,
        )
    )
    assert found == [Reasoning(text=text) for text in ("a", "b", "\n\n", "c")] + [Finish(reason="stop")]
    item = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in "bc"],
        "content": [{"type": "reasoning_text", "text": "a"}],
    }
    whole = json.dumps({"status": "completed", "output": [item, {"type": "new"}]}).encode()
    assert read_response(whole) == [Reasoning(text="b\n\nc"), Reasoning(text="a"), Finish(reason="stop")]


ERROR = {"code": "server_error", "message": "sk-secret", "param": None}


@pytest.mark.parametrize(
    "data",
    [
        stream({"type": "error", **ERROR}),
        stream({"type": "error", "error": ERROR}),
        stream({"type": "response.failed", "response": {"status": "failed", "error": ERROR}}),
    ],
)
def test_errors_in_a_stream(data: bytes) -> None:
    with pytest.raises(ProviderNotWorking) as caught:
        read(data)
    assert (caught.value.code, "secret" in caught.value.message) == ("server_error", False)


def test_errors_instead_of_a_response() -> None:
    for found in ({"error": ERROR}, {"output": [], "status": "failed", "error": None}):
        with pytest.raises(ProviderNotWorking):
            read_response(json.dumps(found).encode())
    with pytest.raises(RateLimited):
        read_response(json.dumps({"error": {"code": "rate_limit_exceeded"}}).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"1", b"<html>", b'{"output":1}', b"[" * 10**5, b"\xff"])
def test_no_response(body: bytes) -> None:
    with pytest.raises(ProviderNotWorking):
        read_response(body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"data: 1\n\n",
        b"<html>",
        stream({"type": "x"}),
        stream({"type": "response.function_call_arguments.delta", "output_index": 3, "delta": "{}"}, DONE),
        stream({"type": "response.output_item.added", "item": {"type": "function_call"}}, DONE),
    ],
)
def test_no_stream(data: bytes) -> None:
    with pytest.raises(ProviderNotWorking):
        read(data)


@given(
    st.binary(max_size=60) | st.lists(st.sampled_from([b"data: ", b"\n", b"{}", b'"type"', b"[", b"1"])).map(b"".join)
)
def test_nonsense_raises_nothing_else(data: bytes) -> None:
    for reading in (lambda: read(data), lambda: read_response(data)):
        with pytest.raises(ApiError):
            reading()
