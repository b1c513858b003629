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
    Finish,
    InternalError,
    ProviderEvent,
    ProviderNotWorking,
    Reasoning,
    Usage,
    frame,
    read_reply,
)

from .made import answer, ask, chat

# Text as an upstream can send it: whole letters, for a lone surrogate does not survive one JSON document after another
LETTERS = st.text(max_size=6)
COUNTS = st.integers(0, 2**40)
USAGES = st.builds(Usage, prompt_tokens=COUNTS, completion_tokens=COUNTS, cached_tokens=COUNTS, reasoning_tokens=COUNTS)
EVENTS = st.lists(
    st.one_of(
        LETTERS,
        st.builds(Reasoning, text=LETTERS),
        USAGES,
        st.builds(Finish, reason=st.sampled_from(["stop", "length", "content_filter"])),
        st.just(QUIET),
    ),
    max_size=8,
)
OPTIONS = st.sampled_from([None, {"include_usage": True}])


def read(*pieces: bytes) -> list[ProviderEvent]:
    reader = ChatStreamReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    reader.end()
    return events


def ending(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """The reason and the count that are told: the last ones, at the end."""
    reasons = [event for event in events if isinstance(event, Finish)] or [Finish(reason="stop")]
    counts = [event for event in events if isinstance(event, Usage)]
    return [reasons[-1], *counts[-1:]]


def streamed(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """What a stream of `events` says: those that say something, in their order, then its ending."""
    spoken: list[ProviderEvent] = [
        event for event in events if (isinstance(event, str) and event) or (isinstance(event, Reasoning) and event.text)
    ]
    return spoken + ending(events)


def collected(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """What a reply of `events` says: all reasoning, then all text, then its ending."""
    thought = "".join(event.text for event in events if isinstance(event, Reasoning))
    text = "".join(event for event in events if isinstance(event, str))
    found: list[ProviderEvent] = [Reasoning(text=thought)] if thought else []
    return found + ([text] if text else []) + ending(events)


@given(EVENTS, OPTIONS, st.lists(st.integers(0, 3000), max_size=10))
def test_decode_after_encode_is_nothing(events: list[ProviderEvent], options: object, places: list[int]) -> None:
    exchange, _ = ask(chat(stream=True, stream_options=options))
    out = answer(exchange, *events)
    edges = [0, *sorted(place % len(out) for place in places), len(out)]
    assert read(*(out[a:b] for a, b in itertools.pairwise(edges))) == streamed(events)
    assert read(*(bytes([byte]) for byte in out)) == streamed(events)
    assert read(out.replace(b"\n", b"\r\n")) == read(out.replace(b"\n", b"\r")) == streamed(events)


@given(EVENTS, OPTIONS)
def test_encode_after_decode_is_nothing(events: list[ProviderEvent], options: object) -> None:
    body = chat(stream=True, stream_options=options)
    once = streamed(events)
    first = answer(ask(body)[0], *once)
    assert answer(ask(body)[0], *read(first)) == first


@given(EVENTS)
def test_a_reply_and_its_reader(events: list[ProviderEvent]) -> None:
    assert read_reply(answer(ask(chat())[0], *events)) == collected(events)


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
        (chunk({}, "tool_calls"), [Finish(reason="stop")]),
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
                ["choices", "delta", "message", "content", "usage", "error", "finish_reason", "prompt_tokens"]
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
            for request in (chat(), chat(stream=True)):  # and what was read can be written
                answer(ask(request)[0], *events)
