# The machine and its mirror: what ChatStream and ChatReply write, ChatStreamReader and read_reply read, at every split;
# and an upstream's nonsense is a provider that does not work, never another exception.
from __future__ import annotations

import itertools
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import (
    DONE,
    QUIET,
    ApiError,
    ChatStreamReader,
    Event,
    Finish,
    ForChoice,
    InternalError,
    ProviderEvent,
    ProviderNotWorking,
    Quiet,
    Reasoning,
    Refusal,
    Scored,
    TokenLogprob,
    ToolCall,
    Usage,
    frame,
    read_reply,
)

from .made import ABLE, answer, ask, chat

# Text as an upstream can send it: whole letters, for a lone surrogate does not survive one JSON document after another
LETTERS = st.text(max_size=6)
COUNTS = st.integers(0, 2**40)
USAGES = st.builds(Usage, prompt_tokens=COUNTS, completion_tokens=COUNTS, cached_tokens=COUNTS, reasoning_tokens=COUNTS)
LOGPROBS = st.floats(-9999, 0)
TOPS = st.builds(TokenLogprob, token=LETTERS, logprob=LOGPROBS)
TOKENS = st.builds(TokenLogprob, token=LETTERS, logprob=LOGPROBS, top=st.lists(TOPS, max_size=2).map(tuple))
#: What one choice says of itself; a call's pieces come in any order, behind the one that names it.
SAID = st.one_of(
    LETTERS,
    st.builds(Reasoning, text=LETTERS),
    st.builds(Refusal, text=LETTERS),
    st.builds(Scored, text=LETTERS, tokens=st.lists(TOKENS, min_size=1, max_size=2).map(tuple)),
    st.builds(Finish, reason=st.sampled_from(["stop", "length", "content_filter", "tool_calls"])),
    st.builds(ToolCall, index=st.integers(0, 2), arguments=LETTERS),
)
CHOICES = 3
EVENTS = st.lists(
    st.one_of(SAID, SAID, st.builds(ForChoice, index=st.integers(1, CHOICES - 1), event=SAID), USAGES, st.just(QUIET)),
    max_size=12,
).map(lambda events: named(events))


def apart(event: ProviderEvent) -> tuple[int, Event | None]:
    """The choice an event is of; None: it is of none."""
    if isinstance(event, ForChoice):
        return event.index, event.event
    return 0, None if isinstance(event, Usage | Quiet) else event


def of(index: int, event: Event) -> ProviderEvent:
    return event if index == 0 else ForChoice(index=index, event=event)


def named(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """The same, each call named by its first piece, calls counted from 0 in the order they begin."""
    places: dict[tuple[int, int], int] = {}
    out: list[ProviderEvent] = []
    for event in events:
        choice, said = apart(event)
        if isinstance(said, ToolCall):
            key = (choice, said.index)
            fresh = key not in places
            place = places.setdefault(key, sum(one == choice for one, _ in places))
            name, id = (f"f{place}", f"c{choice}.{place}") if fresh else (None, None)
            event = of(choice, ToolCall(index=place, id=id, name=name, arguments=said.arguments))
        out.append(event)
    return out


OPTIONS = st.sampled_from([None, {"include_usage": True}])


def read(*pieces: bytes) -> list[ProviderEvent]:
    reader = ChatStreamReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    reader.end()
    return events


def of_choice(events: list[ProviderEvent], index: int) -> list[Event]:
    return [said for choice, said in map(apart, events) if choice == index and said is not None]


def reason(said: list[Event]) -> Finish:
    """The reason that is told: the last one, and tool calls when there were some."""
    last = ([event for event in said if isinstance(event, Finish)] or [Finish(reason="stop")])[-1]
    if last.reason not in ("stop", "tool_calls"):
        return last
    return Finish(reason="tool_calls" if any(isinstance(event, ToolCall) for event in said) else "stop")


def count(events: list[ProviderEvent]) -> list[Usage]:
    """The last count, which is the one that is told."""
    return [event for event in events if isinstance(event, Usage)][-1:]


def speaks(event: Event | None) -> bool:
    return (
        event is not None and not isinstance(event, Finish) and (isinstance(event, ToolCall | Scored) or _text(event))
    )


def _text(event: str | Reasoning | Refusal) -> bool:
    return bool(event if isinstance(event, str) else event.text)


def streamed(events: list[ProviderEvent], choices: int = CHOICES) -> list[ProviderEvent]:
    """What a stream of `events` says: those that say something, in their order, then how each choice ended."""
    spoken = [of(*apart(event)) for event in events if speaks(apart(event)[1])]  # type: ignore[arg-type]
    return spoken + [of(index, reason(of_choice(events, index))) for index in range(choices)] + [*count(events)]


def collected(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """What a reply of `events` says: choice by choice, each kind in one piece."""
    found: list[ProviderEvent] = []
    for index in range(CHOICES):
        said = of_choice(events, index)
        whole: list[Event] = []
        thought = "".join(event.text for event in said if isinstance(event, Reasoning))
        refusal = "".join(event.text for event in said if isinstance(event, Refusal))
        text = "".join(
            event if isinstance(event, str) else event.text for event in said if isinstance(event, str | Scored)
        )
        tokens = tuple(token for event in said if isinstance(event, Scored) for token in event.tokens)
        whole += [Reasoning(text=thought)] if thought else []
        whole += [Refusal(text=refusal)] if refusal else []
        whole += [Scored(text=text, tokens=tokens)] if tokens else [text] if text else []
        for call in (event for event in said if isinstance(event, ToolCall) and event.name is not None):
            pieces = [event.arguments for event in said if isinstance(event, ToolCall) and event.index == call.index]
            whole.append(ToolCall(index=call.index, id=call.id, name=call.name, arguments="".join(pieces)))
        found += [of(index, event) for event in [*whole, reason(said)]]
    return [*found, *count(events)]


def wire(events: list[ProviderEvent], **fields: object) -> bytes:
    return answer(ask(chat(n=CHOICES, **fields), api=ABLE)[0], *events)


@given(EVENTS, OPTIONS, st.lists(st.integers(0, 3000), max_size=10))
def test_decode_after_encode_is_nothing(events: list[ProviderEvent], options: object, places: list[int]) -> None:
    out = wire(events, stream=True, stream_options=options)
    edges = [0, *sorted(place % len(out) for place in places), len(out)]
    assert read(*(out[a:b] for a, b in itertools.pairwise(edges))) == streamed(events)
    assert read(*(bytes([byte]) for byte in out)) == streamed(events)
    assert read(out.replace(b"\n", b"\r\n")) == read(out.replace(b"\n", b"\r")) == streamed(events)


@given(EVENTS, OPTIONS, st.lists(st.integers(0, 3000), max_size=10))
def test_what_was_said_before_an_error_and_the_error(
    events: list[ProviderEvent], options: object, places: list[int]
) -> None:
    exchange = ask(chat(n=CHOICES, stream=True, stream_options=options), api=ABLE)[0]
    out = b"".join(map(exchange.send, events))
    if not out:
        return  # a status of its own
    out += exchange.fail(ProviderNotWorking("It broke.", code="provider_not_working"))
    expected = [of(*apart(event)) for event in events if speaks(apart(event)[1])]  # type: ignore[arg-type]
    edges = [0, *sorted(place % len(out) for place in places), len(out)]
    for pieces in ([out[a:b] for a, b in itertools.pairwise(edges)], [bytes([byte]) for byte in out]):
        found: list[ProviderEvent] = []
        reader = ChatStreamReader()
        with pytest.raises(ProviderNotWorking) as caught:
            for piece in pieces:
                found += reader.feed(piece)
        assert (found, caught.value.code) == (expected, "provider_not_working")


@given(EVENTS, OPTIONS)
def test_encode_after_decode_is_nothing(events: list[ProviderEvent], options: object) -> None:
    first = wire(streamed(events), stream=True, stream_options=options)
    assert wire(read(first), stream=True, stream_options=options) == first


@given(EVENTS)
def test_a_reply_and_its_reader(events: list[ProviderEvent]) -> None:
    assert read_reply(wire(events)) == collected(events)
    assert wire(collected(events)) == wire(events)


@given(EVENTS)
def test_a_gateway_changes_nothing(events: list[ProviderEvent]) -> None:
    """A stream read and told as one reply is the reply there would have been, and the other way round."""
    assert wire(read(wire(events, stream=True))) == wire(events)
    assert collected(read(wire(read_reply(wire(events)), stream=True))) == collected(events)


@given(
    st.lists(st.builds(ToolCall, index=st.integers(0, 2), arguments=LETTERS), max_size=8).map(lambda e: named(list(e)))
)
def test_the_deprecated_names_and_their_reader(events: list[ProviderEvent]) -> None:
    """One call, the first; its id does not travel."""
    first = [event for event in events if isinstance(event, ToolCall) and event.index == 0]
    for stream in (True, False):
        body = chat(stream=stream, functions=[{"name": "f0"}])
        out = answer(ask(body, api=ABLE)[0], *events)
        found = [event for event in (read(out) if stream else read_reply(out)) if isinstance(event, ToolCall)]
        assert "".join(event.arguments for event in found) == "".join(event.arguments for event in first)
        assert [event.name for event in found if event.name] == ["f0"] * bool(first)
        assert all(event.index == 0 for event in found)
        assert (b'"function_call"' in out) is bool(first)


class Naive(ChatStreamReader):
    """Parses every chunk."""

    def _learn(self, chunk: str, said: str) -> None:
        pass


DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "content": st.sampled_from(
            ["", "a", '"', "\\", '"content":"', 'a","x":"', "\n", "é😀", None, 5, {"content": "b"}]
        ),
        "reasoning_content": st.sampled_from(["", "t", '"content":"', None]),
        "x": st.sampled_from(["content", '"content": "', {"content": "c"}]),
    },
)
CHUNKS = st.lists(
    st.builds(
        lambda delta, index, more: {"id": "1", "choices": [{"index": index, "delta": delta, **more}]},
        DELTAS,
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([{}, {}, {"finish_reason": None}, {"finish_reason": "stop"}, {"usage": {"content": "u"}}]),
    ),
    max_size=10,
)


@given(CHUNKS, st.booleans(), st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_a_chunk_like_the_one_before_is_read_as_any_other(
    chunks: list[object], ascii: bool, twice: bool, separators: tuple[str, str]
) -> None:
    def run(reader: ChatStreamReader) -> list[object]:
        found: list[object] = []
        try:
            for chunk in chunks * (1 + twice):
                found += reader.feed(frame(json.dumps(chunk, ensure_ascii=ascii, separators=separators).encode()))
            reader.end()
        except ProviderNotWorking as error:
            found.append(error.message)
        return found

    assert run(ChatStreamReader()) == run(Naive())


def test_content_in_parts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}, {"type": "text", "text": "m"}]}
    content = [thinking, {"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}]
    reply = {"choices": [{"index": 0, "message": {"content": content}, "finish_reason": "stop"}]}
    said = [Reasoning(text="hm"), Reasoning(text="m"), "a", Finish(reason="stop")]
    assert read_reply(json.dumps(reply).encode()) == said
    for wrong in ([5], [{"type": "thinking", "thinking": "x"}], [["a"]]):
        reply["choices"][0]["message"]["content"] = wrong  # type: ignore[index]
        with pytest.raises(ProviderNotWorking):
            read_reply(json.dumps(reply).encode())


@pytest.mark.parametrize("text", ['"a\\q"', '"a', '"a\n', '"\x00"', '"\\ud83d"', '"a"}', '"a"x', '""'])
def test_what_is_no_chunk_behind_one_that_is(text: str) -> None:
    def run(reader: ChatStreamReader) -> list[object]:
        found: list[object] = []
        with suppress(ProviderNotWorking):
            for content in ('"a"', text, '"b"'):
                chunk = '{"choices":[{"index":0,"delta":{"content":' + content + "}}]}"
                found += reader.feed(frame(chunk.encode()))
        return found

    assert run(ChatStreamReader()) == run(Naive())


def test_every_split_in_two() -> None:
    out = answer(
        ask(chat(stream=True))[0], "hel", Reasoning(text="ж"), "lo\u2028", Usage(prompt_tokens=1, completion_tokens=2)
    )
    for place in range(len(out)):
        assert read(out[:place], out[place:]) == read(out)


def chunk(delta: object, reason: object = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return frame(json.dumps({"choices": [choice], **more}).encode())


def test_what_stands_before_an_error_is_not_lost() -> None:
    bad = frame(b'{"error":{"message":"key sk-1 at http://10.0.0.1","type":"t","code":"overloaded"}}')
    stream = chunk({"content": "a"}) + chunk({"content": "b"}) + bad + chunk({"content": "c"})
    for pieces in ([stream], [bytes([byte]) for byte in stream]):
        reader = ChatStreamReader()
        events: list[ProviderEvent] = []
        with pytest.raises(ProviderNotWorking) as caught:
            for piece in pieces:
                events.extend(reader.feed(piece))
        assert events == ["a", "b"]
        assert caught.value.code == "overloaded"
        assert "sk-1" not in caught.value.message
        assert "10.0.0.1" not in caught.value.message


def test_our_own_error_frame_is_an_error() -> None:
    exchange, _ = ask(chat(stream=True))
    out = exchange.send("a") + exchange.fail(InternalError("no"))
    with pytest.raises(ProviderNotWorking) as caught:
        read(out)
    assert caught.value.code == "internal_error"
    with pytest.raises(ProviderNotWorking):
        read_reply(InternalError("no").body())


@pytest.mark.parametrize("bad", [b'{"error":"text"}', b'{"error":{"code":5}}', b'{"error":[1]}', b'{"error":{"x":1}}'])
def test_an_error_of_any_shape(bad: bytes) -> None:
    for run, body in ((read, frame(bad)), (read_reply, bad)):
        with pytest.raises(ProviderNotWorking) as caught:
            run(body)
        assert caught.value.code == "provider_not_working"


def test_no_error_at_all() -> None:
    assert read(chunk({"content": "a"}, "stop", error=None)) == ["a", Finish(reason="stop")]


def test_nothing_after_done() -> None:
    assert read(chunk({"content": "a"}) + DONE + chunk({"content": "b"}) + b"data: {\n\n") == ["a"]
    reader = ChatStreamReader()
    assert list(reader.feed(DONE)) == list(reader.feed(b"data: [\n\n")) == []
    reader.end()


def test_a_stream_that_breaks_off() -> None:
    out = answer(ask(chat(stream=True))[0], "a")
    whole = out.index(b'"finish_reason":"stop"')
    for place in range(0, whole, 7):
        with pytest.raises(ProviderNotWorking):
            read(out[:place])
    assert read(out.removesuffix(DONE)) == ["a", Finish(reason="stop")]
    assert read(DONE) == []
    with pytest.raises(ProviderNotWorking):
        read()


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (chunk({"role": "assistant", "content": ""}), []),
        (chunk({"content": None}), []),
        (chunk(None), []),
        (chunk({}), []),
        (chunk({"reasoning_content": "a", "reasoning": "a"}), [Reasoning(text="a")]),
        (chunk({"reasoning": "a"}), [Reasoning(text="a")]),
        (chunk({"reasoning_content": "", "reasoning": "b"}), [Reasoning(text="b")]),
        (chunk({"reasoning": "a", "content": "b"}), [Reasoning(text="a"), "b"]),
        (chunk({"content": 5}), []),
        (chunk({}, "eos"), [Finish(reason="stop")]),
        (chunk({}, "tool_calls"), [Finish(reason="tool_calls")]),
        (chunk({}, "function_call"), [Finish(reason="tool_calls")]),
        (chunk({}, "length"), [Finish(reason="length")]),
        (chunk({"content": "a"}, ""), ["a"]),
        (frame(b'{"choices":[]}'), []),
        (frame(b'{"choices":null}'), []),
        (frame(b"{}"), []),
        (frame(b'{"choices":[],"usage":null}'), []),
        (frame(b'{"usage":{}}'), [Usage(prompt_tokens=0, completion_tokens=0)]),
        (
            frame(b'{"usage":{"prompt_tokens":true,"completion_tokens":-1,"prompt_tokens_details":5}}'),
            [Usage(prompt_tokens=0, completion_tokens=0)],
        ),
        (frame(b'{"usage":{"prompt_tokens":%b}}' % (b"9" * 4000)), [Usage(prompt_tokens=0, completion_tokens=0)]),
        (b"data:\n\n", []),
        (b": ping\n\nid: 1\n\nevent: x\ndata: {}\n\n", []),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_what_upstreams_send(stream: bytes, expected: list[ProviderEvent]) -> None:
    assert read(stream + DONE) == expected


NONSENSE = [
    b"{", b"5", b"null", b"[]", b'"x"', b"<html>", b'{"choices":5}', b'{"choices":[5]}', b'{"choices":{"a":1}}',
    b'{"choices":[{"delta":5}]}', b'{"choices":[{"delta":[1],"message":[1]}]}', b"[" * 100_000, b"9" * 5000, b"[DONE",
    b"\xff",
]  # fmt: skip


@pytest.mark.parametrize("nonsense", NONSENSE, ids=lambda value: repr(value)[:40])
def test_nonsense(nonsense: bytes) -> None:
    with pytest.raises(ProviderNotWorking) as caught:
        read(frame(nonsense) + DONE)
    assert caught.value.status == 502
    with pytest.raises(ProviderNotWorking):
        read_reply(nonsense)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"choices":[{}]}', b'{"choices":[{"message":null}]}', b'{"choices":null}']
)
def test_no_reply(body: bytes) -> None:
    with pytest.raises(ProviderNotWorking):
        read_reply(body)


def test_an_endless_event() -> None:
    reader = ChatStreamReader()
    with pytest.raises(ProviderNotWorking):
        for _ in range(40):
            assert list(reader.feed(b"x" * 1024 * 1024)) == []


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "usage",
                    "error",
                    "finish_reason",
                    "prompt_tokens",
                    "index",
                    "tool_calls",
                    "function",
                    "function_call",
                    "name",
                    "id",
                    "arguments",
                    "logprobs",
                    "token",
                    "logprob",
                    "bytes",
                    "top_logprobs",
                    "refusal",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(JSONISH | st.binary(max_size=40))
def test_any_document_is_events_or_an_api_error(document: object) -> None:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    for run, body in ((read, raw), (read, frame(raw) + DONE), (read_reply, raw)):
        with suppress(ApiError):
            events = run(body)
            for request in (chat(n=2), chat(n=2, stream=True)):  # and what was read can be written
                answer(ask(request, api=ABLE)[0], *events)


# Tool calls as sloppy upstreams tell them: `pieces` is one list of `tool_calls` a chunk.


def call(index: object = None, id: object = None, name: object = None, arguments: object = None) -> dict[str, object]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    found: dict[str, object] = {"function": function}
    return found | {key: value for key, value in (("index", index), ("id", id)) if value is not None}


def calls(*pieces: list[dict[str, object]], id: object = "u") -> list[tuple[str, str, str]]:
    """The calls that were read, whole: id, name, arguments."""
    stream = b"".join(chunk({"tool_calls": piece}, id=id) for piece in pieces) + DONE
    found: dict[int, list[str]] = {}
    for event in read(stream):
        assert isinstance(event, ToolCall)
        if event.name is not None:
            assert event.index == len(found), "counted from 0, each named once"
            assert event.id
            found[event.index] = [event.id, event.name, ""]
        assert (event.name is None) == (event.id is None)
        found[event.index][2] += event.arguments
    assert len({one[0] for one in found.values()}) == len(found), "ids are unique"
    return [(one[0], one[1], one[2]) for one in found.values()]


AB = [("a", "f", "{1}"), ("b", "g", "{2}")]
MADE = [("call_u_0", "f", "{1}"), ("call_u_1", "f", "{2}")]
c = call


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        # as it should be
        ([[c(0, "a", "f", "")], [c(0, arguments="{1}")], [c(1, "b", "g", "{")], [c(1, arguments="2}")]], AB),
        ([[c(0, "a", "f", "{1}"), c(1, "b", "g", "{2}")]], AB),
        ([[c(0, "a", "f", "{"), c(1, "b", "g", "{")], [c(1, arguments="2}"), c(0, arguments="1}")]], AB),
        # id and name said again, or empty
        ([[c(0, "a", "f", "{")], [c(0, "a", "f", "1}")], [c(1, "b", "g", "{2}")]], AB),
        ([[c(0, "a", "f", "{")], [c(0, "", "", "1}")], [c(1, "b", "g", "{2}")]], AB),
        # another id for the same call, its name not said again
        ([[c(0, "a", "f", "{")], [c(0, "z", None, "1}")], [c(1, "b", "g", "{2}")]], AB),
        # no index
        ([[c(None, "a", "f", "{1}")], [c(None, "b", "g", "{2}")]], AB),
        ([[c(None, "a", "f", "{1}"), c(None, "b", "g", "{2}")]], AB),
        ([[c(None, "a", "f", "{")], [c(arguments="1}")], [c(None, "b", "g", "{")], [c(arguments="2}")]], AB),
        ([[c(None, "a", "f", "{")], [c(None, "b", "g", "{2}")], [c(None, "a", None, "1}")]], AB),
        ([[c(None, "a", "f", "{")], [c(None, "a", "f", "1}")], [c(None, "b", "g", "{2}")]], AB),
        ([[c("0", "a", "f", "{1}")], [c(True, "b", "g", "{2}")]], AB),
        # all calls with the index 0
        ([[c(0, "a", "f", "{")], [c(0, arguments="1}")], [c(0, "b", "g", "{")], [c(0, arguments="2}")]], AB),
        ([[c(0, "a", "f", "{1}"), c(0, "b", "g", "{2}")]], AB),
        # indexes from 1, with gaps, from below
        ([[c(1, "a", "f", "{")], [c(1, arguments="1}")], [c(2, "b", "g", "{")], [c(2, arguments="2}")]], AB),
        ([[c(5, "a", "f", "{"), c(3, "b", "g", "{")], [c(5, arguments="1}"), c(3, arguments="2}")]], AB),
        ([[c(-1, "a", "f", "{")], [c(-1, arguments="1}")], [c(0, "b", "g", "{2}")]], AB),
        # no ids, or one for all
        ([[c(0, None, "f", "{1}")], [c(1, "", "g", "{2}")]], [("call_u_0", "f", "{1}"), ("call_u_1", "g", "{2}")]),
        ([[c(None, None, "f", "{1}"), c(None, None, "f", "{2}")]], MADE),
        ([[c(0, "a", "f", "{1}"), c(1, "a", "g", "{2}")]], [("a", "f", "{1}"), ("call_u_1", "g", "{2}")]),
        ([[c(0, 5, "f", "{1}")]], [("call_u_0", "f", "{1}")]),
        ([[c(0, "call_u_1", "f"), c(1, None, "g")]], [("call_u_1", "f", ""), ("call_u_1_", "g", "")]),
        # arguments as an object
        ([[c(0, "a", "f", {"x": [1, "é"]})]], [("a", "f", '{"x": [1, "\\u00e9"]}')]),
        ([[c(0, "a", "f", {})]], [("a", "f", "{}")]),
        ([[c(0, "a", "f")]], [("a", "f", "")]),
        ([[]], []),
    ],
    ids=lambda value: None,
)  # fmt: skip
def test_sloppy_calls(pieces: list[list[dict[str, object]]], expected: list[tuple[str, str, str]]) -> None:
    assert calls(*pieces) == expected


def test_ids_that_are_made_need_no_name_of_the_stream() -> None:
    for id in (None, 5, ""):
        assert calls([call(0, None, "f"), call(1, None, "g")], id=id) == [("call_0", "f", ""), ("call_1", "g", "")]


@pytest.mark.parametrize(
    "piece", [call(0, "a", None, "{}"), call(arguments="{}"), call(0, "a", ""), call(0, "a", 5), {}]
)
def test_a_call_without_a_name(piece: dict[str, object]) -> None:
    with pytest.raises(ProviderNotWorking):
        calls([piece])


def test_an_old_call() -> None:
    stream = chunk({"function_call": {"name": "f", "arguments": ""}}, id="u") + chunk(
        {"function_call": {"arguments": "{}"}}
    )
    expected = [
        ToolCall(index=0, id="call_u_0", name="f"),
        ToolCall(index=0, arguments="{}"),
        Finish(reason="tool_calls"),
    ]
    assert read(stream + chunk({}, "function_call") + DONE) == expected
    both = {"tool_calls": [call(0, "a", "f", "{}")], "function_call": {"name": "f", "arguments": "{}"}}
    assert read(chunk(both) + DONE) == [ToolCall(index=0, id="a", name="f", arguments="{}")]


def document(*choices: dict[str, object], **more: object) -> bytes:
    return json.dumps({"choices": choices, **more}).encode()


def test_a_reply_that_calls() -> None:
    """Entries of a reply have no index, and some upstreams give them no id."""
    message = {"content": None, "tool_calls": [call(None, None, "f", {"a": 1}), call(None, None, "f", "{}")]}
    assert read_reply(document({"message": message, "finish_reason": "stop"}, id="u")) == [
        ToolCall(index=0, id="call_u_0", name="f", arguments='{"a": 1}'),
        ToolCall(index=1, id="call_u_1", name="f", arguments="{}"),
        Finish(reason="stop"),
    ]
    old = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
    assert read_reply(document({"message": old, "finish_reason": "function_call"}))[1] == Finish(reason="tool_calls")


def test_every_choice_must_end() -> None:
    def of_two(delta: object, index: int, reason: object = None) -> bytes:
        return frame(document({"index": index, "delta": delta, "finish_reason": reason}))

    begun = of_two({"content": "a"}, 0) + of_two({"content": "b"}, 1) + of_two({}, 0, "stop")
    with pytest.raises(ProviderNotWorking):
        read(begun)
    assert read(begun + of_two({}, 1, "length"))[-1] == ForChoice(index=1, event=Finish(reason="length"))
    assert read(begun + DONE)[-1] == Finish(reason="stop")


ODD = [
    [{"token": "a"}], [{"logprob": -1}], [{"token": 5, "logprob": -1}], [{"token": "a", "logprob": None}], [5],
    {"a": 1}, 5,
    [{"token": "a", "logprob": -1, "bytes": [None]}], [{"token": "a", "logprob": -1, "bytes": [1e400]}],
    [{"token": "a", "logprob": 10**400}], [{"token": "a", "logprob": -1, "top_logprobs": [{}]}],
]  # fmt: skip


@pytest.mark.parametrize("content", ODD, ids=lambda value: str(value)[:40])
def test_malformed_probabilities(content: object) -> None:
    choice = {"delta": {"content": "a"}, "message": {"content": "a"}, "logprobs": {"content": content}}
    for run, body in ((read, frame(document(choice))), (read_reply, document(choice))):
        with pytest.raises(ProviderNotWorking):
            run(body)


@pytest.mark.parametrize("scores", [None, {}, {"content": None}, {"content": []}, [], "x"])
def test_no_probabilities(scores: object) -> None:
    assert read(frame(document({"delta": {"content": "a"}, "logprobs": scores})) + DONE) == ["a"]


def test_probabilities_without_bytes() -> None:
    content = [
        {"token": "é", "logprob": -1},
        {"token": "x", "logprob": -0.5, "bytes": [240, 159], "top_logprobs": None},
    ]
    (event,) = read(frame(document({"delta": {"content": "éx"}, "logprobs": {"content": content}})) + DONE)
    assert event == Scored(
        text="éx",
        tokens=(TokenLogprob(token="é", logprob=-1.0), TokenLogprob(token="x", logprob=-0.5, bytes=(240, 159))),
    )
