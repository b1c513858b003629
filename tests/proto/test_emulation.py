# What the machine does in a provider's place: stop, n, tools and `<think>`, each choice by itself, at every split.
from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import (
    Api,
    Catalog,
    ChatCall,
    Event,
    Exchange,
    Finish,
    ForChoice,
    Model,
    ProviderEvent,
    ProviderInfo,
    Reasoning,
    Refusal,
    Scored,
    TokenLogprob,
    ToolCall,
    Usage,
    with_messages,
)
from g4f_proto import InvalidRequest as Invalid

from .made import ABLE, CONSTRAINED, ID, MESSAGES, answer, ask, blocks, chat, chunks, error, refused, serving

BARE = serving()
THINKING = serving("response_format", "logprobs", think_tags=True)
TOOLS = [{"type": "function", "function": {"name": "f"}}]
USAGE = Usage(prompt_tokens=1, completion_tokens=2)


def asked(api: Api = BARE, **fields: Any) -> Exchange:
    exchange, out = ask(chat(**fields), api=api)
    assert exchange.call is not None, out
    return exchange


def replied(*events: ProviderEvent, api: Api = BARE, **fields: Any) -> list[dict[str, Any]]:
    """The choices, the same in a reply and in a stream."""
    document = json.loads(answer(asked(api, **fields), *events))
    choices: list[dict[str, Any]] = document["choices"]
    told = chunks(answer(asked(api, stream=True, **fields), *events))
    for choice in choices:
        mine = [one for chunk in told for one in chunk["choices"] if one["index"] == choice["index"]]
        message = choice["message"]
        for name in ("content", "reasoning", "refusal"):
            assert "".join(one["delta"].get(name) or "" for one in mine) == (message.get(name) or "")
        assert mine[-1]["finish_reason"] == choice["finish_reason"]
        assert sum("role" in one["delta"] for one in mine) == 1
    return choices


def texts(*events: ProviderEvent, **fields: Any) -> list[str]:
    return [choice["message"]["content"] for choice in replied(*events, **fields)]


def of(index: int, event: Event) -> ProviderEvent:
    return event if index == 0 else ForChoice(index=index, event=event)


# Copies.


def test_copies_are_asked_for_and_not_told() -> None:
    call = asked(n=3).call
    assert call is not None
    assert (call.copies, call.request.n, "n" in call.body) == (3, None, False)
    native = asked(serving("n"), n=3).call
    assert native is not None
    assert (native.copies, native.request.n, native.body["n"]) == (1, 3, 3)
    one = asked(n=1).call
    assert one is not None
    assert one.copies == 1


def test_events_of_copies() -> None:
    events: list[ProviderEvent] = [
        "a",
        ForChoice(index=2, event="c"),
        ForChoice(index=1, event=Reasoning(text="hm")),
        "A",
        USAGE,
    ]
    assert texts(*events, n=3) == ["aA", "", "c"]


# Stop.


def test_the_provider_does_not_hear_of_the_stop() -> None:
    call = asked(stop=["a"], x=1).call
    assert call is not None
    assert (call.request.stops, set(call.body)) == ((), {"model", "messages", "x"})
    native = asked(ABLE, stop=["a"]).call
    assert native is not None
    assert native.request.stops == ("a",)


@pytest.mark.parametrize(("stop", "told"), [("a", "a"), (["a", "\n"], None), (" ", None)])
def test_stops_of_white_space_where_the_provider_takes_none(stop: Any, told: Any) -> None:
    one = ProviderInfo(name="One", label="", default_model="echo", native=frozenset({"stop"}), solid_stops=True)
    api = Api(catalog=Catalog(providers={"One": one}, models={"One": (Model(id="echo", owned_by=""),)}))
    exchange = asked(api, stop=stop)
    assert isinstance(exchange.call, ChatCall)
    assert exchange.call.request.stop == told
    if told is None:
        assert json.loads(answer(exchange, "x", "\n a"))["choices"][0]["message"]["content"].strip() == "x"


@given(st.lists(st.tuples(st.integers(0, 2), st.text("abc", max_size=4)), max_size=14))
def test_each_choice_has_its_own_stop(pieces: list[tuple[int, str]]) -> None:
    whole = ["".join(text for at, text in pieces if at == index) for index in range(3)]
    expected = [text.partition("abc")[0].partition("cc")[0] for text in whole]
    events = [of(index, text) for index, text in pieces]
    found = texts(*events, n=3, stop=["abc", "cc"])
    for index in range(3):
        ends = [end for stop in ("abc", "cc") if (end := whole[index].find(stop)) >= 0]
        assert found[index] in (expected[index], whole[index][: min(ends)] if ends else whole[index])
        assert not any(stop in found[index] for stop in ("abc", "cc"))


def test_stop_at_every_split() -> None:
    for a, b in itertools.combinations_with_replacement(range(len("one END two")), 2):
        pieces = ["one END two"[:a], "one END two"[a:b], "one END two"[b:]]
        both = [of(index, piece) for piece in pieces for index in (0, 1)]
        assert texts(*both, n=2, stop="END") == ["one ", "one "]
        assert texts(*both, n=2, stop="two!") == ["one END two"] * 2, "what was held back is told at the end"


def test_satisfied_when_every_choice_has_met_its_stop() -> None:
    exchange = asked(stop="x", n=2, stream=True)
    told = []
    for event in ("a", "x", ForChoice(index=1, event="bx")):
        told.append(exchange.satisfied)
        exchange.send(event)
    assert [*told, exchange.satisfied] == [False, False, False, True]
    assert not asked().satisfied
    assert not asked(n=2).satisfied, "without a stop the provider says when it is done"
    assert not asked(CONSTRAINED, tools=TOOLS).satisfied


@pytest.mark.parametrize(
    "late",
    ["more", Reasoning(text="r"), Refusal(text="no"), ToolCall(index=0, id="c", name="f"), Finish(reason="length"),
     Scored(text="s", tokens=(TokenLogprob(token="s", logprob=-1.0),)), Finish(reason="tool_calls")],
    ids=lambda event: type(event).__name__,
)  # fmt: skip
def test_nothing_is_told_behind_the_stop(late: Event) -> None:
    """While another choice is still at work, its provider goes on; the stop wins over any other reason to end."""
    for index in (0, 1):
        other = of(1 - index, "other")
        choices = replied(of(index, "a"), of(index, "xb"), other, of(index, late), USAGE, n=2, stop="x")
        assert choices[index]["message"] == {"role": "assistant", "content": "a", "refusal": None}
        assert (choices[index]["finish_reason"], choices[index]["logprobs"]) == ("stop", None)
        assert choices[1 - index]["message"]["content"] == "other"


def test_a_count_behind_the_stop_is_the_count() -> None:
    out = json.loads(answer(asked(stop="x"), "ax", USAGE))
    assert out["usage"]["total_tokens"] == 3


def test_choices_that_nobody_asked_for() -> None:
    strange: list[ProviderEvent] = [ForChoice(index=index, event="x") for index in (2, 99, -1, 10**30)]
    assert texts(*strange, n=2, stop="s") == texts(*strange, n=2) == ["", ""]


# Probabilities of what is held back.


def scored(*tokens: str) -> Scored:
    return Scored(text="".join(tokens), tokens=tuple(TokenLogprob(token=token, logprob=-1.0) for token in tokens))


def scores(*events: ProviderEvent, **fields: Any) -> list[tuple[str, list[str]]]:
    """The text and the tokens of each chunk that says something, checked against the reply."""
    api = serving("logprobs")
    (whole,) = json.loads(answer(asked(api, logprobs=True, **fields), *events))["choices"]
    told = []
    for chunk in chunks(answer(asked(api, logprobs=True, stream=True, **fields), *events)):
        (choice,) = chunk["choices"]
        tokens = [token["token"] for token in (choice["logprobs"] or {"content": ()})["content"]]
        if choice["delta"].get("content") or tokens:
            told.append((choice["delta"].get("content") or "", tokens))
    assert whole["message"]["content"] == "".join(text for text, _ in told)
    assert [token["token"] for token in (whole["logprobs"] or {"content": ()})["content"]] == [
        token for _, tokens in told for token in tokens
    ]
    return told


def test_a_stop_does_not_leak_through_probabilities() -> None:
    assert scores(scored("a", " E"), scored("ND", " b"), stop="END") == [("a ", ["a"])]
    assert scores(scored("a", "END"), stop="END") == [("a", ["a"])]
    assert scores(scored("END"), stop="END") == []


def test_tokens_leave_with_their_text() -> None:
    assert scores(scored("a", " E"), scored("N"), scored("X"), stop="END") == [("a ", ["a"]), ("ENX", [" E", "N", "X"])]
    assert scores(scored("a"), scored("E"), scored("N"), stop="END") == [("a", ["a"]), ("EN", ["E", "N"])]
    assert scores(scored("a"), scored(""), scored("b"), stop="END") == [("a", ["a"]), ("", [""]), ("b", ["b"])]


# Tools.


def called(*events: ProviderEvent, **fields: Any) -> list[dict[str, Any]]:
    return replied(*events, api=CONSTRAINED, tools=TOOLS, **fields)


def test_a_call() -> None:
    text = '{"name": "f", "arguments": {"a": 1}}'
    for end in ("stop", "tool_calls"):
        (choice,) = called(*text, Finish(reason=end))
        assert choice["message"]["content"] is None
        assert choice["message"]["tool_calls"] == [
            {"id": f"call_{ID}0", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
        ]
        assert choice["finish_reason"] == "tool_calls"
    (choice,) = called('{"name": "f", "arguments": {"a"', Finish(reason="length"))
    assert choice["finish_reason"] == "length"


def test_words() -> None:
    (choice,) = called(*'{"answer": "hello"}')
    assert (choice["message"]["content"], choice["finish_reason"]) == ("hello", "stop")
    assert "tool_calls" not in choice["message"]


def test_a_provider_that_was_not_held_to_the_schema_is_heard() -> None:
    assert called("Hello", " you")[0]["message"]["content"] == "Hello you"


def test_each_choice_calls_by_itself() -> None:
    events: list[ProviderEvent] = [
        ForChoice(index=1, event='{"name":"f",'),
        '{"answer":"',
        ForChoice(index=1, event='"arguments":{}}'),
        'a"}',
    ]
    first, second = called(*events, n=2)
    assert (first["message"]["content"], first["finish_reason"]) == ("a", "stop")
    assert (second["message"]["tool_calls"][0]["id"], second["finish_reason"]) == (f"call_{ID}1", "tool_calls")


def test_the_old_names() -> None:
    exchange = asked(CONSTRAINED, functions=[{"name": "f"}], function_call={"name": "f"})
    assert exchange.call is not None
    assert not {"functions", "function_call", "tools"} & set(exchange.call.body)
    (choice,) = json.loads(answer(exchange, '{"name":"f","arguments":{}}'))["choices"]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert choice["finish_reason"] == "function_call"


def test_a_stop_ends_words_and_no_call() -> None:
    exchange = asked(serving("response_format", "stop"), tools=TOOLS, stop=["b", '"'])
    assert exchange.call is not None
    assert not exchange.call.request.stops, "the provider would stop at the object around the words"
    assert asked(serving("response_format", "stop"), stop="b").call.request.stops == ("b",)  # type: ignore[union-attr]
    assert called('{"answer":"say \\"b\\""}', stop='"')[0]["message"]["content"] == "say "
    assert called('{"answer":"a b c"}', stop="b")[0]["message"]["content"] == "a "
    (choice,) = called('{"name":"f","arguments":{"a":"b"}}', stop="b")
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"a":"b"}'


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": TOOLS}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": TOOLS, "tool_choice": "none"}, "response_format"),
    ],
)
def test_a_schema_that_is_refused_is_the_one_that_was_sent(fields: dict[str, object], param: str) -> None:
    assert error(asked(CONSTRAINED, **fields).fail(Invalid("no", param="response_format")))["param"] == param
    assert error(asked(CONSTRAINED, **fields).fail(Invalid("no", param="seed")))["param"] == "seed"
    streaming = asked(CONSTRAINED, stream=True, **fields)
    streaming.send('{"answer":"a')
    told = blocks(streaming.fail(Invalid("no", param="response_format.json_schema")))
    assert error(told[-2].encode())["param"] == (param if param != "response_format" else f"{param}.json_schema")


def test_probabilities_of_an_answer_that_is_taken_apart() -> None:
    api = serving("response_format", "logprobs")
    assert refused(chat(tools=TOOLS, logprobs=True), api=api) == (400, "unsupported_parameter", "logprobs")
    assert refused(chat(logprobs=True), api=THINKING) == (400, "unsupported_parameter", "logprobs")
    assert ask(chat(tools=TOOLS, tool_choice="none", logprobs=True), api=api)[0].call is not None
    # told all the same, it is text like any other
    assert called(scored('{"answer":"', "a", '"}'))[0]["message"]["content"] == "a"


# Thoughts.


def test_thoughts_are_no_content() -> None:
    text = "<think>\nhm\n</think>\n\nyes"
    for pieces in ([text], list(text), [text[:9], text[9:]]):
        (choice,) = replied(*pieces, api=THINKING)
        assert (choice["message"]["content"], choice["message"]["reasoning"]) == ("yes", "hm")
    assert replied("no <think>", api=THINKING)[0]["message"]["content"] == "no <think>"
    assert replied("<thi", api=THINKING)[0]["message"]["content"] == "<thi"
    assert replied("<think>hm", api=THINKING)[0]["message"]["reasoning"] == "hm"


def test_thoughts_then_a_call_or_a_stop() -> None:
    text = '<think>hm END</think>{"name":"f","arguments":{}}'
    (choice,) = replied(*text, api=THINKING, tools=TOOLS, stop="END")
    assert choice["message"]["reasoning"] == "hm END"
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "f"
    (choice,) = replied(*"<think>hm</think>yes END no", api=THINKING, stop="END")
    assert (choice["message"]["content"], choice["finish_reason"]) == ("yes ", "stop")


# Other messages for the same call.


def test_with_messages() -> None:
    call = asked(x=1).call
    assert call is not None
    turns: list[dict[str, Any]] = [{"role": "system", "content": "s"}, *MESSAGES]
    other = with_messages(call, turns)
    assert [turn.text for turn in other.request.messages] == ["s", "hello"]
    assert other.body == {**call.body, "messages": turns}
    assert replace(other, request=call.request, body=call.body) == call
    with pytest.raises(Invalid):
        with_messages(call, [])
    with pytest.raises(Invalid):
        with_messages(call, [{"role": "tool", "content": "x"}])
