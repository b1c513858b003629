# Tool calls, several choices, refusals and logprobs on the wire: goldens of both encoders, and what a careless provider
# says made into what clients can read.
from __future__ import annotations

import json
from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest

from g4f_proto import (
    QUIET,
    Api,
    Finish,
    ForChoice,
    ProviderEvent,
    Reasoning,
    Refusal,
    Scored,
    TokenLogprob,
    ToolCall,
    Usage,
)

from .made import ABLE, ID, answer, ask, blocks, chat, chunks

TOOLS = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
FUNCTIONS = [{"name": "f"}, {"name": "g"}]
USAGE = Usage(prompt_tokens=1, completion_tokens=2)
FIRST = {"role": "assistant", "content": "", "refusal": None}
CALLING = {**FIRST, "content": None}
TWO = [
    ToolCall(index=0, id="c1", name="f"),
    ToolCall(index=0, arguments='{"a"'),
    ToolCall(index=0, arguments=":1}"),
    ToolCall(index=1, id="c2", name="g", arguments="{}"),
]


def streamed(*events: ProviderEvent, api: Api = ABLE, **fields: Any) -> list[dict[str, Any]]:
    """The one choice of each chunk, its four keys in their order."""
    found = chunks(answer(ask(chat(stream=True, **fields), api=api)[0], *events))
    choices = [choice for chunk in found for choice in chunk["choices"]]
    assert all(list(choice) == ["index", "delta", "logprobs", "finish_reason"] for choice in choices)
    return choices


def deltas(*events: ProviderEvent, **fields: Any) -> list[Any]:
    """What is said, then why it ended."""
    choices = streamed(*events, **fields)
    assert [choice["finish_reason"] is None for choice in choices] == [True] * (len(choices) - 1) + [False]
    return [choice["delta"] for choice in choices] + [choices[-1]["finish_reason"]]


def replied(*events: ProviderEvent, api: Api = ABLE, **fields: Any) -> list[dict[str, Any]]:
    document = json.loads(answer(ask(chat(**fields), api=api)[0], *events))
    choices: list[dict[str, Any]] = document["choices"]
    assert all(list(choice) == ["index", "message", "logprobs", "finish_reason"] for choice in choices)
    return choices


def began(index: int, id: str, name: str, arguments: str = "") -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]}


def went_on(index: int, arguments: str) -> dict[str, object]:
    return {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}


def test_two_parallel_calls() -> None:
    assert deltas(*TWO, Finish(reason="tool_calls"), tools=TOOLS) == [
        CALLING,
        began(0, "c1", "f"),
        went_on(0, '{"a"'),
        went_on(0, ":1}"),
        began(1, "c2", "g", "{}"),
        {},
        "tool_calls",
    ]


def test_two_parallel_calls_in_one_piece() -> None:
    (choice,) = replied(*TWO, tools=TOOLS)
    assert choice == {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        "logprobs": None,
        "finish_reason": "tool_calls",
    }


def test_pieces_of_two_calls_may_be_mixed() -> None:
    mixed = [TWO[0], TWO[3], TWO[1], ToolCall(index=1, arguments=" "), TWO[2]]
    assert deltas(*mixed)[1:-2] == [
        began(0, "c1", "f"), began(1, "c2", "g", "{}"), went_on(0, '{"a"'), went_on(1, " "), went_on(0, ":1}"),
    ]  # fmt: skip
    calls = replied(*mixed)[0]["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == ['{"a":1}', "{} "]


def test_words_before_a_call() -> None:
    assert deltas("I look.", TWO[0]) == [FIRST, {"content": "I look."}, began(0, "c1", "f"), {}, "tool_calls"]
    assert replied("I ", "look.", TWO[0])[0]["message"]["content"] == "I look."
    assert replied("", TWO[0])[0]["message"]["content"] is None, "nothing said is no content"
    assert deltas(QUIET, TWO[0])[:2] == deltas(TWO[0])[:2]


@pytest.mark.parametrize(
    ("reasons", "called", "expected"),
    [
        ([], True, "tool_calls"), ([], False, "stop"), (["stop"], True, "tool_calls"), (["tool_calls"], False, "stop"),
        (["tool_calls"], True, "tool_calls"), (["length"], True, "length"),
        (["content_filter"], True, "content_filter"),
        (["length", "stop"], True, "tool_calls"), (["tool_calls", "length"], False, "length"),
    ],
)  # fmt: skip
def test_the_reason_is_tool_calls_when_tools_were_called(reasons: list[Any], called: bool, expected: str) -> None:
    events: list[ProviderEvent] = [*(TWO if called else ["a"]), *(Finish(reason=reason) for reason in reasons)]
    old = "function_call" if expected == "tool_calls" else expected
    assert deltas(*events, tools=TOOLS)[-1] == expected
    assert deltas(*events, functions=FUNCTIONS)[-1] == old
    assert replied(*events, tools=TOOLS)[0]["finish_reason"] == expected
    assert replied(*events, functions=FUNCTIONS)[0]["finish_reason"] == old


def test_the_deprecated_names() -> None:
    assert deltas(*TWO, functions=FUNCTIONS) == [
        CALLING,
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"a"'}},
        {"function_call": {"arguments": ":1}"}},
        {},
        "function_call",
    ], "one call: there is no place for a second, and its arguments must not run into those of the first"
    message = replied(*TWO, functions=FUNCTIONS)[0]["message"]
    assert message == {**CALLING, "function_call": {"name": "f", "arguments": '{"a":1}'}}


# What clients die of, whatever the provider says.


def test_indexes_count_from_zero_in_the_order_of_the_names() -> None:
    events = [
        ToolCall(index=7, id="c7", name="f"), ToolCall(index=3, id="c3", name="g"), ToolCall(index=7, arguments="7"),
        ToolCall(index=3, arguments="3"),
    ]  # fmt: skip
    assert deltas(*events)[1:5] == [began(0, "c7", "f"), began(1, "c3", "g"), went_on(0, "7"), went_on(1, "3")]
    calls = replied(*events)[0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]["arguments"]) for call in calls] == [("c7", "7"), ("c3", "3")]


def test_id_and_name_are_told_once() -> None:
    again = ToolCall(index=0, id="c1", name="f", arguments="{")
    assert deltas(again, again)[1:3] == [began(0, "c1", "f", "{"), went_on(0, "{")]
    assert replied(again, again)[0]["message"]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{{"}}
    ]


def test_a_call_without_an_id_gets_one() -> None:
    events: list[ProviderEvent] = [
        ToolCall(index=0, name="f"),
        ToolCall(index=1, name="g"),
        ForChoice(index=1, event=ToolCall(index=0, name="f")),
    ]
    found = [delta["delta"] for delta in streamed(*events, n=2) if "tool_calls" in delta["delta"]]
    ids = [delta["tool_calls"][0]["id"] for delta in found]
    assert len(set(ids)) == 3
    assert all(id.startswith(f"call_{ID}") for id in ids)
    told = [call["id"] for choice in replied(*events, n=2) for call in choice["message"]["tool_calls"]]
    assert told == ids


def test_a_piece_of_a_call_that_was_not_named_is_nobodys() -> None:
    nobodys = ToolCall(index=0, arguments="{}")
    assert deltas(nobodys, "a") == [FIRST, {"content": "a"}, {}, "stop"]
    assert replied(nobodys, "a")[0]["message"] == {**FIRST, "content": "a"}
    assert deltas(nobodys, TWO[3], nobodys)[1:-2] == [began(0, "c2", "g", "{}")]


# Several choices.


def test_every_choice_has_its_role_and_its_end() -> None:
    events: list[ProviderEvent] = [
        ForChoice(index=2, event="c"), "a", ForChoice(index=1, event=Reasoning(text="hm")), "A",
        ForChoice(index=2, event="C"), ForChoice(index=1, event=Finish(reason="length")), USAGE,
    ]  # fmt: skip
    found = streamed(*events, n=3)
    for index, words in enumerate(["aA", "", "cC"]):
        mine = [choice for choice in found if choice["index"] == index]
        assert [position for position, choice in enumerate(mine) if "role" in choice["delta"]] == [0]
        assert "".join(choice["delta"].get("content") or "" for choice in mine) == words
        assert [choice["finish_reason"] for choice in mine][:-1] == [None] * (len(mine) - 1)
        assert mine[-1]["finish_reason"] == ("length" if index == 1 else "stop")
    collected = replied(*events, n=3)
    assert [choice["message"]["content"] for choice in collected] == ["aA", "", "cC"]
    assert [choice["finish_reason"] for choice in collected] == ["stop", "length", "stop"]
    assert [choice["index"] for choice in collected] == [0, 1, 2]


def test_another_choice_first_takes_no_role_away() -> None:
    """Choices begin in the order of their indexes, whoever speaks first: clients append what they have not seen."""
    found = streamed(ForChoice(index=2, event="x"), "a", ForChoice(index=1, event="y"), "b", n=3)
    assert [(choice["index"], choice["delta"]) for choice in found] == [
        (0, FIRST), (1, FIRST), (2, FIRST), (2, {"content": "x"}), (0, {"content": "a"}), (1, {"content": "y"}),
        (0, {"content": "b"}), (0, {}), (1, {}), (2, {}),
    ]  # fmt: skip
    last = streamed(ForChoice(index=127, event="x"), n=128)
    assert [choice["index"] for choice in last[:129]] == [*range(128), 127]


def test_choices_that_nobody_asked_for_are_not_told() -> None:
    strange: list[ProviderEvent] = [
        ForChoice(index=index, event=event)
        for index in (2, 99, -1, -2, 10**30)
        for event in ("x", TWO[0], Finish(reason="length"), Reasoning(text="r"))
    ]
    assert [choice["index"] for choice in streamed(*strange, n=2)] == [0, 0, 1, 1]
    assert [choice["message"]["content"] for choice in replied(*strange, n=2)] == ["", ""]
    assert {choice["finish_reason"] for choice in replied(*strange, n=2)} == {"stop"}


def test_a_choice_without_a_word_is_a_choice() -> None:
    assert [(choice["index"], choice["delta"]) for choice in streamed(n=2)] == [
        (0, FIRST),
        (0, {}),
        (1, FIRST),
        (1, {}),
    ]
    assert [choice["message"] for choice in replied(n=2)] == [FIRST, FIRST]


def test_calls_of_several_choices() -> None:
    events: list[ProviderEvent] = [ForChoice(index=1, event=TWO[0]), *TWO, ForChoice(index=1, event=TWO[1])]
    found = streamed(*events, n=2)
    first = [choice["delta"] for choice in found if choice["index"] == 1]
    assert first == [CALLING, began(0, "c1", "f"), went_on(0, '{"a"'), {}]
    assert [choice["finish_reason"] for choice in found if choice["finish_reason"]] == ["tool_calls", "tool_calls"]


@pytest.mark.parametrize("asked", [False, True])
def test_usage_is_told_once(asked: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if asked else {}
    out = answer(ask(chat(stream=True, n=3, **options), api=ABLE)[0], "a", ForChoice(index=1, event="b"), USAGE)
    found = chunks(out)
    told = [position for position, chunk in enumerate(found) if chunk.get("usage")]
    assert told == [len(found) - 1]
    assert bool(found[-1]["choices"]) is not asked
    assert found[-1]["usage"]["total_tokens"] == 3


# Refusals and probabilities.


def test_refusals() -> None:
    events = [Refusal(text="I "), Refusal(text="won't.")]
    assert deltas(*events) == [FIRST, {"refusal": "I "}, {"refusal": "won't."}, {}, "stop"]
    assert replied(*events)[0]["message"] == {"role": "assistant", "content": None, "refusal": "I won't."}
    assert replied("but ", *events)[0]["message"] == {"role": "assistant", "content": "but ", "refusal": "I won't."}


def token(text: str, logprob: float, *tops: TokenLogprob, spelled: tuple[int, ...] | None = None) -> TokenLogprob:
    return TokenLogprob(token=text, logprob=logprob, bytes=spelled, top=tops)


def entry(text: str, logprob: float, spelled: list[int]) -> dict[str, object]:
    return {"token": text, "logprob": logprob, "bytes": spelled}


SCORED = [
    Scored(text="aé", tokens=(token("a", -0.5, token("a", -0.5), token("b", -inf)), token("é", 0.0))),
    Scored(text="", tokens=(token("\\xf0", nan, spelled=(240,)),)),
]
CONTENT = [
    {**entry("a", -0.5, [97]), "top_logprobs": [entry("a", -0.5, [97]), entry("b", -9999.0, [98])]},
    {**entry("é", 0.0, [195, 169]), "top_logprobs": []},
    {**entry("\\xf0", -9999.0, [240]), "top_logprobs": []},
]


def test_logprobs() -> None:
    found = streamed(*SCORED, "b", logprobs=True, top_logprobs=2)
    assert [choice["delta"] for choice in found] == [FIRST, {"content": "aé"}, {"content": ""}, {"content": "b"}, {}]
    assert [choice["logprobs"] for choice in found] == [
        None, {"content": CONTENT[:2], "refusal": None}, {"content": CONTENT[2:], "refusal": None}, None, None,
    ]  # fmt: skip
    (choice,) = replied(*SCORED, "b", logprobs=True)
    assert (choice["message"]["content"], choice["logprobs"]) == ("aéb", {"content": CONTENT, "refusal": None})


def test_a_token_of_half_a_letter() -> None:
    scored = Scored(text="\ud83d", tokens=(token("\ud83d", -1.0),))
    assert streamed(scored)[1]["logprobs"]["content"][0] == {
        **entry("\ud83d", -1.0, [237, 160, 189]), "top_logprobs": [],
    }  # fmt: skip


def test_a_long_answer_of_many_pieces() -> None:
    pieces = [ToolCall(index=index, id=f"c{index}", name="f") for index in range(300)]
    pieces += [ToolCall(index=index % 300, arguments="x") for index in range(6000)]
    exchange, _ = ask(chat(stream=True), api=ABLE)
    writes = [exchange.send(piece) for piece in pieces] + [exchange.end()]
    assert all(blocks(write) for write in writes), "whole frames in every write"
    calls: dict[int, str] = {}
    for chunk in chunks(b"".join(writes)):
        for call in chunk["choices"][0]["delta"].get("tool_calls", ()):
            assert ("id" in call) == (call["index"] not in calls)
            calls[call["index"]] = calls.get(call["index"], "") + call["function"]["arguments"]
    assert calls == dict.fromkeys(range(300), "x" * 20)
    assert all(a < b for a, b in pairwise(calls))
