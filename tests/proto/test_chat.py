# What a chat's reply looks like on the wire, the rules that kill clients when broken, and names made to break out.
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import QUIET, Catalog, Finish, Model, ProviderEvent, ProviderInfo, Reasoning, Usage

from .made import API, CREATED, ID, answer, ask, blocks, chat, chunks, header, said

USAGE = Usage(prompt_tokens=3, completion_tokens=4, cached_tokens=1, reasoning_tokens=2)
TOLD = {
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "total_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
ASKED = {"stream": True, "stream_options": {"include_usage": True}}
ENVELOPE = {
    "id": f"chatcmpl-{ID}",
    "created": CREATED,
    "model": "echo",
    "provider": "Echo",
    "system_fingerprint": "fp_0",
}


def reply(*events: ProviderEvent, **fields: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(answer(ask(chat(**fields))[0], *events).decode("ascii"))
    return document


def stream(*events: ProviderEvent, **fields: Any) -> list[dict[str, Any]]:
    return chunks(answer(ask(chat(**{"stream": True, **fields}))[0], *events))


def delta(content: dict[str, object], reason: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": content, "logprobs": None, "finish_reason": reason}
    return {**ENVELOPE, "object": "chat.completion.chunk", "choices": [choice]}


ROLE = delta({"role": "assistant", "content": "", "refusal": None})


def test_a_reply() -> None:
    assert reply("hel", "lo", USAGE, Finish(reason="length")) == {
        **ENVELOPE,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": TOLD,
    }


def test_a_reply_of_nothing() -> None:
    document = reply()
    assert document["choices"][0]["message"]["content"] == ""
    assert document["choices"][0]["finish_reason"] == "stop"
    assert document["usage"] is None


def test_a_stream() -> None:
    assert stream("hel", "lo", USAGE) == [
        ROLE,
        delta({"content": "hel"}),
        delta({"content": "lo"}),
        {**delta({}, "stop"), "usage": TOLD},
    ]


def test_a_stream_that_was_asked_for_its_usage() -> None:
    assert stream("a", USAGE, **ASKED) == [
        {**ROLE, "usage": None},
        {**delta({"content": "a"}), "usage": None},
        {**delta({}, "stop"), "usage": None},
        {**delta({}), "choices": [], "usage": TOLD},
    ]


@pytest.mark.parametrize("options", [{}, {"include_usage": False}, {"include_usage": None}])
def test_a_stream_that_was_asked_for_none(options: dict[str, object]) -> None:
    found = stream("a", USAGE, stream_options=options)
    assert not any("usage" in chunk for chunk in found)
    assert all(chunk["choices"] for chunk in found)


def test_a_stream_without_a_count() -> None:
    assert not any("usage" in chunk for chunk in stream("a"))
    assert stream("a", **ASKED)[-1] == {**delta({}), "choices": [], "usage": None}


def test_usage_is_the_same_either_way() -> None:
    assert reply("a", USAGE)["usage"] == stream("a", USAGE)[-1]["usage"] == stream("a", USAGE, **ASKED)[-1]["usage"]


def test_the_last_count_and_the_last_reason_count() -> None:
    later = replace(USAGE, completion_tokens=9)
    events = (Finish(reason="length"), USAGE, "a", Finish(reason="content_filter"), later)
    assert reply(*events)["choices"][0]["finish_reason"] == "content_filter"
    assert reply(*events)["usage"]["total_tokens"] == 12
    assert stream(*events)[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert stream(*events)[-1]["usage"]["total_tokens"] == 12


def test_reasoning_never_is_content() -> None:
    events = (Reasoning(text="hm "), Reasoning(text="so"), "yes")
    message = reply(*events)["choices"][0]["message"]
    assert message["reasoning_content"] == message["reasoning"] == "hm so"
    assert message["content"] == "yes"
    found = [chunk["choices"][0]["delta"] for chunk in stream(*events)]
    assert found == [
        ROLE["choices"][0]["delta"],  # type: ignore[index]
        {"reasoning_content": "hm ", "reasoning": "hm "},
        {"reasoning_content": "so", "reasoning": "so"},
        {"content": "yes"},
        {},
    ]
    assert "reasoning" not in reply("yes")["choices"][0]["message"]


def test_pings_are_comments() -> None:
    exchange, _ = ask(chat(stream=True))
    out = answer(exchange, QUIET, QUIET, "a", QUIET)
    assert [block if block == ": ping" else "" for block in blocks(out)] == [
        ": ping",
        ": ping",
        "",
        "",
        ": ping",
        "",
        "",
    ]
    assert said(out) == "a"


EVENTS = st.lists(
    st.one_of(
        st.text(st.characters(), max_size=6),
        st.builds(Reasoning, text=st.text(max_size=6)),
        st.builds(Usage, prompt_tokens=st.integers(0, 9), completion_tokens=st.integers(0, 9)),
        st.builds(Finish, reason=st.sampled_from(["stop", "length", "content_filter"])),
        st.just(QUIET),
    ),
    max_size=8,
)
OPTIONS = st.sampled_from([{}, {"stream_options": {}}, {"stream_options": None}, ASKED])


@given(EVENTS, OPTIONS)
def test_what_clients_die_of(events: list[ProviderEvent], options: dict[str, Any]) -> None:
    exchange, _ = ask(chat(**{"stream": True, **options}))
    writes = [out for event in events if (out := exchange.send(event))] + [exchange.end()]
    for write in writes:
        assert blocks(write), "whole frames in every write"
    found = chunks(b"".join(writes))
    asked = options is ASKED
    assert {(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in found} == {
        (f"chatcmpl-{ID}", CREATED, "echo", "chat.completion.chunk")
    }
    bare = [chunk for chunk in found if not chunk["choices"]]
    assert bare == ([found[-1]] if asked else [])
    if asked:
        assert all("usage" in chunk for chunk in found)
        assert all(chunk["usage"] is None for chunk in found[:-1])
    choices = [chunk["choices"][0] for chunk in found if chunk["choices"]]
    assert all(set(choice) == {"index", "delta", "logprobs", "finish_reason"} for choice in choices)
    assert [position for position, choice in enumerate(choices) if "role" in choice["delta"]] == [0]
    assert [position for position, choice in enumerate(choices) if choice["finish_reason"]] == [len(choices) - 1]
    assert choices[-1]["delta"] == {}


# Names: what the client calls a model is echoed in bytes that are formatted, and told in a header.

ODD = [
    "100%",
    "%b",
    "%%",
    "%(x)s",
    "%d%s",
    'a"b',
    "a\\",
    "a\nb",
    "a\r\nx: y",
    "\x00",
    "é😀",
    "\u2028",
    "{}",
    "a b",
    "%" * 300,
]


@pytest.mark.parametrize("name", ODD)
def test_a_models_name_is_echoed_and_breaks_out_of_nothing(name: str) -> None:
    api = replace(API, catalog=replace(API.catalog, aliases={"*": "echo"}))
    for fields in ({}, {"stream": True}, ASKED):
        exchange, _ = ask(chat(model=name, **fields), api=api)
        out = answer(exchange, "a%b", USAGE)
        documents = chunks(out) if fields else [json.loads(out)]
        assert all(document["model"] == name for document in documents)
        assert header(exchange, b"x-g4f-model") == b"echo"


@pytest.mark.parametrize("name", [*ODD, "", " ", " a ", "a\t", "x" * 500, "\ud83d"])
def test_the_name_that_answered_is_one_line_of_ascii(name: str) -> None:
    catalog = Catalog(
        providers={"P": ProviderInfo(name="P", label="P", default_model="m")},
        models={"P": (Model(id="m", owned_by="x", options=True),)},
        aliases={"alias": f"m:{name}"},
    )
    exchange, _ = ask(chat(model="alias", stream=True), api=replace(API, catalog=catalog))
    exchange.send("a")
    value = header(exchange, b"x-g4f-model")
    assert value is not None
    assert value.startswith(b"m:")
    assert len(value) <= 200
    assert value == value.strip()
    assert all(0x20 <= byte < 0x7F for byte in value)


@pytest.mark.parametrize("odd", ["100%", "%b", '"', "\n", "é"])
def test_the_operators_names_break_nothing_either(odd: str) -> None:
    catalog = Catalog(
        providers={odd: ProviderInfo(name=odd, label=odd, default_model=odd)},
        models={odd: (Model(id=odd, owned_by=odd),)},
    )
    for fields in ({}, {"stream": True}):
        exchange, _ = ask(chat(model=odd, **fields), api=replace(API, catalog=catalog, fingerprint=odd))
        out = answer(exchange, "a")
        document = chunks(out)[0] if fields else json.loads(out)
        assert (document["provider"], document["system_fingerprint"], document["model"]) == (odd, odd, odd)


def test_who_names_no_model_is_told_which_answered() -> None:
    exchange, _ = ask(chat(model=None, provider="Echo"))
    assert json.loads(answer(exchange, "a"))["model"] == "echo"


@given(st.text(st.characters(), max_size=20))
def test_any_text_is_ascii_on_the_wire(text: str) -> None:
    expected = json.loads(json.dumps(text))
    assert reply(text)["choices"][0]["message"]["content"] == expected
    assert stream("x", text)[2]["choices"][0]["delta"] == {"content": expected}


def test_a_surrogate_pair_in_two_deltas_is_one_letter_in_a_reply() -> None:
    assert reply("\ud83d", "\ude00")["choices"][0]["message"]["content"] == "😀"
    assert [c["choices"][0]["delta"].get("content") for c in stream("\ud83d", "\ude00")][1:3] == ["\ud83d", "\ude00"]
