# Legacy completions: what the wire shows, byte by byte; what is asked of the provider; what is refused; and the machine
# and its mirror, at every split.
from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import (
    QUIET,
    CompletionStreamReader,
    Event,
    Exchange,
    Finish,
    ForChoice,
    InternalError,
    ProviderEvent,
    ProviderNotWorking,
    Quiet,
    Reasoning,
    Scored,
    TokenLogprob,
    Usage,
    frame,
    read_completion_reply,
)

from .made import ABLE, BARE, CREATED, ID, answer, ask, blocks, chunks, error, refused, serving, start, status

LEGACY = b"/v1/completions"
USAGE = Usage(prompt_tokens=3, completion_tokens=4, cached_tokens=1, reasoning_tokens=2)
START = (
    f'{{"id":"cmpl-{ID}","object":"text_completion","created":{CREATED},"model":"echo","provider":"Echo",'
    '"system_fingerprint":"fp_0","choices":['
)
TOLD = (
    '{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,'
    '"prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":2}}'
)


def body(**fields: object) -> bytes:
    return json.dumps({"model": "echo", "prompt": "Once", **fields}).encode()


def asked(api: Any = None, **fields: object) -> Exchange:
    exchange, out = ask(body(**fields), target=LEGACY, **({"api": api} if api else {}))
    assert exchange.call is not None, out
    return exchange


def wire(*events: ProviderEvent, **fields: Any) -> bytes:
    return answer(asked(**fields), *events)


def choice(text: str, index: int = 0, reason: str = "null") -> str:
    return f'{{"text":{json.dumps(text)},"index":{index},"logprobs":null,"finish_reason":{reason}}}'


# The wire.


def test_a_reply() -> None:
    expected = f'{START}{choice(" upon a", reason=chr(34) + "length" + chr(34))}],"usage":{TOLD}}}'
    assert wire(" upon", " a", Finish(reason="length"), USAGE) == expected.encode()


def test_a_reply_of_nothing() -> None:
    assert wire() == f'{START}{choice("", reason=chr(34) + "stop" + chr(34))}],"usage":null}}'.encode()


@pytest.mark.parametrize(
    ("options", "each", "last"),
    [
        ({}, "]}", []),
        ({"stream_options": {"include_usage": False}}, "]}", []),
        ({"stream_options": {"include_usage": True}}, '],"usage":null}', [f'{START}],"usage":{TOLD}}}']),
    ],
)
def test_a_stream(options: dict[str, object], each: str, last: list[str]) -> None:
    out = wire(" upon", QUIET, " a", USAGE, stream=True, **options)
    assert blocks(out) == [
        START + choice(" upon") + each,
        ": ping",
        START + choice(" a") + each,
        START + choice("", reason='"stop"') + each,
        *last,
        "[DONE]",
    ]


def test_a_stream_without_a_count() -> None:
    assert chunks(wire("a", stream=True, stream_options={"include_usage": True}))[-1]["usage"] is None


def test_echo_stands_before_each_choice() -> None:
    events = ("a", ForChoice(index=1, event="b"), ForChoice(index=3, event="d"))
    fields: dict[str, Any] = {"prompt": ["One ", "Two "], "n": 2, "echo": True, "api": ABLE}
    texts = [found["text"] for found in json.loads(wire(*events, **fields))["choices"]]
    assert texts == ["One a", "One b", "Two ", "Two d"]
    streamed = ["", "", "", ""]
    for chunk in chunks(wire(*events, **fields, stream=True)):
        for found in chunk["choices"]:
            streamed[found["index"]] += found["text"]
    assert streamed == texts


def test_a_provider_that_fails_midway() -> None:
    exchange = asked(stream=True)
    out = exchange.send("a") + exchange.fail(InternalError("no"))
    assert error(blocks(out)[1].encode())["message"] == "no"
    assert blocks(out)[2] == "[DONE]"
    whole = asked()
    whole.send("a")
    assert error(whole.fail(InternalError("no")))["message"] == "no"
    assert status(whole) == 500


def test_what_a_completion_has_no_place_for_is_left_out() -> None:
    token = TokenLogprob(token="b", logprob=-1.0)
    events = (Reasoning(text="hm"), "a", Scored(text="b", tokens=(token,)), ForChoice(index=7, event="x"))
    assert json.loads(wire(*events))["choices"][0]["text"] == "ab"
    assert [chunk["choices"][0]["text"] for chunk in chunks(wire(*events, stream=True))] == ["a", "b", ""]


def test_the_body_may_come_in_any_pieces() -> None:
    whole = body(prompt=["é", "x"], echo=True)
    exchange = start(target=LEGACY, api=ABLE)
    for byte in whole:
        assert exchange.receive_data(bytes([byte]))
    assert exchange.receive_end() == b""
    assert answer(exchange, "a") == wire("a", prompt=["é", "x"], echo=True, api=ABLE)


# What is asked of the provider.


def test_a_prompt_is_a_turn() -> None:
    call = asked(temperature=0.5, max_tokens=7, user="me", api=ABLE).call
    assert call is not None
    assert [(turn.role, turn.text) for turn in call.request.messages] == [("user", "Once")]
    assert call.body["messages"] == [{"role": "user", "content": "Once"}]
    assert (call.request.temperature, call.request.max_tokens) == (0.5, 7)
    assert call.body["user"] == "me"
    assert not {"prompt", "echo"} & set(call.body)


@pytest.mark.parametrize(("given", "limit"), [({}, 16), ({"max_tokens": None}, 16), ({"max_tokens": 40}, 40)])
def test_sixteen_tokens_unless_more_are_asked_for(given: dict[str, Any], limit: int) -> None:
    """ "max_tokens: Defaults to 16"."""
    call = asked(**given).call
    assert call is not None
    assert call.request.token_limit == limit


@pytest.mark.parametrize("native", [(), ("n",)])
def test_prompts_are_calls_of_their_own(native: tuple[str, ...]) -> None:
    """Even where the provider makes several answers: they would all be to the first prompt."""
    call = asked(prompt=["a", "b"], n=2, api=serving("max_tokens", *native)).call
    assert call is not None
    assert (call.copies, call.prompts) == (4, ("a", "b"))
    assert call.request.n is None


def test_several_answers_to_one_prompt_are_the_providers_if_it_can() -> None:
    call = asked(n=2, api=ABLE).call
    assert call is not None
    assert (call.copies, call.request.n) == (1, 2)


def test_a_stop_is_emulated() -> None:
    api = serving("max_tokens")
    assert json.loads(wire("one, t", "wo", stop=[" two", "x"], api=api))["choices"][0]["text"] == "one,"


# What is refused.


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"suffix": "x"}, "unsupported_parameter", "suffix"),
        ({"logprobs": 0}, "unsupported_parameter", "logprobs"),
        ({"logprobs": 2}, "unsupported_parameter", "logprobs"),
        ({"best_of": 2}, "unsupported_parameter", "best_of"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "unsupported_parameter", "tools"),
        ({"functions": [{"name": "f"}]}, "unsupported_parameter", "functions"),
        ({"conversation_id": "c"}, "unsupported_parameter", "conversation_id"),
        ({"logprobs": 6}, "integer_above_max_value", "logprobs"),
        ({"best_of": 21}, "integer_above_max_value", "best_of"),
        ({"prompt": [1, 2]}, "invalid_type", "prompt[0]"),
        ({"prompt": [[1, 2]]}, "invalid_type", "prompt[0]"),
        ({"prompt": []}, "empty_array", "prompt"),
        ({"prompt": None}, "invalid_type", "prompt"),
        ({"prompt": ["x"] * 129}, "array_above_max_length", "prompt"),
        ({"prompt": ["x"] * 2, "n": 65}, "invalid_value", "n"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
        ({"max_tokens": "9"}, "invalid_type", "max_tokens"),
        ({"temperature": 3}, "decimal_above_max_value", "temperature"),
        ({"echo": 1}, "invalid_type", "echo"),
        ({"stop": ["a"] * 5}, "array_above_max_length", "stop"),
        ({"model": "none"}, "model_not_found", "model"),
    ],
)
def test_refusals(fields: dict[str, object], code: str, param: str) -> None:
    assert refused(body(**fields), target=LEGACY, api=ABLE)[1:] == (code, param)


def test_the_prompt_is_required() -> None:
    assert refused(b'{"model":"echo"}', target=LEGACY) == (400, "missing_required_parameter", "prompt")


def test_who_lacks_a_limit_refuses_it() -> None:
    assert BARE.native == frozenset()
    assert refused(body(model="plain", temperature=0.5), target=LEGACY)[1:] == ("unsupported_parameter", "temperature")


@pytest.mark.parametrize(
    "fields", [{"suffix": None}, {"suffix": ""}, {"best_of": 1}, {"logprobs": None}, {"tools": []}]
)
def test_what_asks_for_nothing(fields: dict[str, object]) -> None:
    asked(**fields)


# The machine and its mirror.

CHOICES = 3
LETTERS = st.text(max_size=6)
COUNTS = st.integers(0, 2**40)
SAID = st.one_of(LETTERS, st.builds(Finish, reason=st.sampled_from(["stop", "length", "content_filter"])))
EVENTS = st.lists(
    st.one_of(
        SAID,
        SAID,
        st.builds(ForChoice, index=st.integers(1, CHOICES - 1), event=SAID),
        st.builds(Usage, prompt_tokens=COUNTS, completion_tokens=COUNTS, cached_tokens=COUNTS, reasoning_tokens=COUNTS),
        st.just(QUIET),
    ),
    max_size=12,
)


def of(index: int, event: Event) -> ProviderEvent:
    return event if index == 0 else ForChoice(index=index, event=event)


def of_choice(events: list[ProviderEvent], index: int) -> list[Event]:
    apart = [(e.index, e.event) if isinstance(e, ForChoice) else (0, e) for e in events]
    return [said for place, said in apart if place == index and not isinstance(said, Usage | Quiet)]


def last(said: list[Event]) -> Finish:
    return ([event for event in said if isinstance(event, Finish)] or [Finish(reason="stop")])[-1]


def streamed(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """The texts in their order, then how each choice ended, then the last count."""
    plain = [event for event in events if not isinstance(event, Usage | Quiet)]
    texts = [e for e in plain if isinstance(e.event if isinstance(e, ForChoice) else e, str)]
    texts = [e for e in texts if (e.event if isinstance(e, ForChoice) else e)]
    ends = [of(index, last(of_choice(events, index))) for index in range(CHOICES)]
    return [*texts, *ends, *[event for event in events if isinstance(event, Usage)][-1:]]


def collected(events: list[ProviderEvent]) -> list[ProviderEvent]:
    found: list[ProviderEvent] = []
    for index in range(CHOICES):
        said = of_choice(events, index)
        text = "".join(event for event in said if isinstance(event, str))
        found += [of(index, text)] if text else []
        found.append(of(index, last(said)))
    return [*found, *[event for event in events if isinstance(event, Usage)][-1:]]


def read(*pieces: bytes) -> list[ProviderEvent]:
    reader = CompletionStreamReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    reader.end()
    return events


@given(EVENTS, st.lists(st.integers(0, 3000), max_size=10))
def test_decode_after_encode_is_nothing(events: list[ProviderEvent], places: list[int]) -> None:
    out = wire(*events, n=CHOICES, stream=True, stream_options={"include_usage": True}, api=ABLE)
    edges = [0, *sorted(place % len(out) for place in places), len(out)]
    assert read(*(out[a:b] for a, b in itertools.pairwise(edges))) == streamed(events)
    assert read(*(bytes([byte]) for byte in out)) == streamed(events)


@given(EVENTS)
def test_a_reply_and_its_reader(events: list[ProviderEvent]) -> None:
    out = wire(*events, n=CHOICES, api=ABLE)
    assert read_completion_reply(out) == collected(events)
    assert wire(*collected(events), n=CHOICES, api=ABLE) == out


def test_an_error_is_read_as_one() -> None:
    told = InternalError("no").body()
    for reads in (lambda: read(frame(told)), lambda: read_completion_reply(told)):
        with pytest.raises(ProviderNotWorking):
            reads()


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"choices":[{}]}', b'{"choices":[{"text":1}', b"\xff"])
def test_nonsense(document: bytes) -> None:
    with pytest.raises(ProviderNotWorking):
        read_completion_reply(document)
    with pytest.raises(ProviderNotWorking):
        read(b"data: " + document + b"\n\n")


def test_a_stream_that_breaks_off() -> None:
    out = wire("a", stream=True)
    with pytest.raises(ProviderNotWorking):
        read(out[: out.index(b'"finish_reason":"stop"')])
