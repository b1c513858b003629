# Limits of tokens kept, and usage counted, in a provider's place: exactly, at every split, and only where it must be.
from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import (
    QUIET,
    Api,
    ChatRequest,
    Exchange,
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
from g4f_proto._tokens import prompt_tokens

from .made import answer, ask, chat, chunks, refused, serving


def letters(texts: list[str]) -> int:
    """Two letters are a token, and so is a last one alone."""
    return sum(-(-len(text) // 2) for text in texts)


COUNTING = replace(serving(), counter=letters)
OWN = Usage(prompt_tokens=7, completion_tokens=8)
#: "user" 2, "hello" 3, around each message 3, around the reply 3
PROMPT = 11


def asked(api: Api = COUNTING, **fields: Any) -> Exchange:
    exchange, out = ask(chat(**fields), api=api)
    assert exchange.call is not None, out
    return exchange


def told(*events: ProviderEvent, api: Api = COUNTING, **fields: Any) -> tuple[str, str, tuple[int, int]]:
    """Text, reason and counts of the first choice: the same in a reply and in a stream."""
    document = json.loads(answer(asked(api, **fields), *events))
    found = chunks(answer(asked(api, stream=True, stream_options={"include_usage": True}, **fields), *events))
    choice, usage = document["choices"][0], document["usage"]
    assert found[-1]["usage"] == usage
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    mine = [one for chunk in found for one in chunk["choices"] if one["index"] == 0]
    assert mine[-1]["finish_reason"] == choice["finish_reason"]
    text = choice["message"]["content"] or ""
    assert "".join(one["delta"].get("content") or "" for one in mine) == text
    return text, choice["finish_reason"], (usage["prompt_tokens"], usage["completion_tokens"])


# Counting.


def test_who_tells_no_usage_is_counted_for() -> None:
    assert told("one", QUIET, "two", Finish(reason="stop")) == ("onetwo", "stop", (PROMPT, 3))
    assert told() == ("", "stop", (PROMPT, 0))


def test_who_tells_it_is_believed() -> None:
    assert told("one", OWN)[2] == (7, 8)
    reports = replace(serving("usage"), counter=letters)
    assert json.loads(answer(asked(reports), "one"))["usage"] is None, "it always tells, and this time it did not"


def test_a_letter_may_make_many_tokens_of_the_last_one() -> None:
    def odd(texts: list[str]) -> int:
        return sum(len(text) if len(text) % 2 else 1 for text in texts)

    text, reason, (_, made) = told("aaaa", "b", api=replace(COUNTING, counter=odd), max_tokens=3)
    assert (text, reason, made) == ("aaaa", "length", 1)


def test_nothing_is_counted_before_the_end() -> None:
    def never(texts: list[str]) -> int:
        raise AssertionError(texts)

    exchange = asked(replace(serving(), counter=never), stream=True)
    for _ in range(3):
        exchange.send("hello")
    with pytest.raises(AssertionError):
        exchange.end()


def test_without_a_counter_there_is_no_count() -> None:
    assert json.loads(answer(asked(serving()), "one"))["usage"] is None


def test_thoughts_and_calls_are_counted_too() -> None:
    events = (Reasoning(text="hmm"), "yes", ToolCall(index=0, id="c", name="fun"), ToolCall(index=0, arguments="{}"))
    usage = json.loads(answer(asked(), *events))["usage"]
    assert usage["completion_tokens"] == 2 + 2 + 3
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 2


def test_every_choice_is_counted_and_the_prompt_once() -> None:
    events = ("one", ForChoice(index=1, event="three"), ForChoice(index=2, event=Reasoning(text="hm")))
    usage = json.loads(answer(asked(n=3), *events))["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (PROMPT, 2 + 3 + 1)


def test_prompts_of_a_legacy_completion() -> None:
    body = json.dumps({"model": "echo", "prompt": ["abc", "de"], "max_tokens": 2}).encode()
    exchange, _ = ask(body, target=b"/v1/completions", api=COUNTING)
    document = json.loads(answer(exchange, "12345", ForChoice(index=1, event="12")))
    assert document["usage"]["prompt_tokens"] == 2 + 1
    assert document["usage"]["completion_tokens"] == 2 + 1
    assert [(choice["text"], choice["finish_reason"]) for choice in document["choices"]] == [
        ("1234", "length"),
        ("12", "stop"),
    ]


def test_a_prompt_is_all_that_was_shown() -> None:
    def prompt(**fields: Any) -> int:
        return prompt_tokens(ChatRequest.model_validate(json.loads(chat(**fields))), (), letters)

    assert prompt() == PROMPT
    turns = [{"role": "user", "name": "ann", "content": [{"type": "text", "text": "hello"}]}]
    assert prompt(messages=turns) == PROMPT + 2 + 1
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert prompt(messages=[{"role": "assistant", "tool_calls": [call]}]) == 3 + 3 + 5 + 2
    assert prompt(tools=[{"type": "function", "function": {"name": "f"}}]) > PROMPT
    shape = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    assert prompt(response_format=shape) > PROMPT


# Limits.

WORDS = ["one", " two", " three", " four", " five", " six", " seven", " eight", " nine", " ten"] * 3


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("limit", [1, 2, 3, 16, 17, 40, 74, 75, 76, 1000])
def test_the_answer_ends_where_its_tokens_are_spent(name: str, limit: int) -> None:
    whole = "".join(WORDS)
    text, reason, (_, spent) = told(*WORDS, Finish(reason="stop"), **{name: limit})
    assert text == whole[: 2 * limit]
    assert reason == ("length" if len(whole) > 2 * limit else "stop")
    assert spent == min(limit, -(-len(whole) // 2))


@given(st.integers(1, 40), st.lists(st.integers(0, 90), max_size=8), st.sampled_from(["a", "é", "漢", "\ud83d", "😀"]))
def test_at_every_split(limit: int, places: list[int], letter: str) -> None:
    whole = letter * 90
    edges = [0, *sorted(places), 90]
    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]
    exchange = asked(max_tokens=limit)
    for piece in pieces:
        exchange.send(piece)
        if exchange.satisfied:
            break
    document = json.loads(exchange.end())
    assert document["choices"][0]["message"]["content"] == whole[: 2 * limit]
    assert document["usage"]["completion_tokens"] == limit


def test_the_provider_is_stopped() -> None:
    exchange = asked(max_tokens=2)
    exchange.send("abcd")
    assert not exchange.satisfied, "what comes may be its end"
    exchange.send("e")
    assert exchange.satisfied
    exchange.send("fg")
    exchange.send(Finish(reason="content_filter"))
    (choice,) = json.loads(exchange.end())["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("abcd", "length")


def test_the_counter_is_asked_rarely() -> None:
    """A count is of all that was said: one a delta would be quadratic."""
    asks = 0

    def counter(texts: list[str]) -> int:
        nonlocal asks
        asks += 1
        return letters(texts)

    exchange = asked(replace(serving(), counter=counter), max_tokens=10_000, stream=True)
    for _ in range(7_000):
        exchange.send("abc")
    assert exchange.satisfied
    assert asks < 100


def test_thoughts_and_calls_spend_tokens() -> None:
    thinking = told(Reasoning(text="abcd"), "efgh", max_tokens=3)
    assert thinking == ("ef", "length", (PROMPT, 3))
    assert told(Reasoning(text="abcdef"), "gh", max_tokens=2)[1:] == ("length", (PROMPT, 2))
    assert told(Refusal(text="abcdef"), max_tokens=2)[1:] == ("length", (PROMPT, 2))
    calling = (
        ToolCall(index=0, id="c", name="fu"),
        ToolCall(index=0, arguments="{}"),
        ToolCall(index=0, arguments="x"),
    )
    (choice,) = json.loads(answer(asked(max_tokens=2), *calling))["choices"]
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "fu", "arguments": "{}"}
    assert choice["finish_reason"] == "length"
    (choice,) = json.loads(answer(asked(max_tokens=1), ToolCall(index=0, id="c", name="function")))["choices"]
    assert "tool_calls" not in choice["message"], "half a name is no name"
    assert choice["finish_reason"] == "length"


def test_probabilities_of_what_is_cut_are_not_told() -> None:
    api = replace(serving("logprobs"), counter=letters)
    one = Scored(text="ab", tokens=(TokenLogprob(token="ab", logprob=-1.0),))
    three = Scored(text="cdefg", tokens=(TokenLogprob(token="cdefg", logprob=-1.0),))
    (choice,) = json.loads(answer(asked(api, logprobs=True, max_tokens=2), one, three))["choices"]
    assert choice["message"]["content"] == "abcd"
    assert [entry["token"] for entry in choice["logprobs"]["content"]] == ["ab"]


def test_each_choice_has_its_own_limit() -> None:
    exchange = asked(n=2, max_tokens=1)
    exchange.send("abc")
    assert not exchange.satisfied
    exchange.send(ForChoice(index=1, event="a"))
    document = json.loads(exchange.end())
    assert [choice["finish_reason"] for choice in document["choices"]] == ["length", "stop"]


@pytest.mark.parametrize(
    ("known", "other"), [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")]
)
def test_a_limit_by_the_name_the_provider_knows(known: str, other: str) -> None:
    for api in (serving(known), replace(serving(known), counter=letters)):
        call = asked(api, **{other: 5}).call
        assert call is not None
        assert (call.body[known], call.request.token_limit) == (5, 5)  # type: ignore[union-attr]
        assert other not in call.body  # type: ignore[union-attr]
    both = asked(serving(known), max_tokens=5, max_completion_tokens=6).call
    assert both.body[known] == 6  # type: ignore[union-attr]


def test_who_cannot_count_refuses_a_limit() -> None:
    assert refused(chat(max_tokens=5), api=serving())[1:] == ("unsupported_parameter", "max_tokens")


# Stops, whose provider is stopped before it has told anything.


def test_usage_of_an_answer_that_was_stopped() -> None:
    reports = replace(serving("usage"), counter=letters)
    assert told("one two", " three", stop=" t", api=reports) == ("one", "stop", (PROMPT, 2))
    assert told("one two", OWN, stop=" t", api=reports)[2] == (7, 8), "it had told after all"


def test_copies_that_were_stopped_together_are_counted_together() -> None:
    """One had told what it spent, the other was stopped: the sum so far is not the sum."""
    exchange = asked(n=2, stop="x")
    for event in ("abx", OWN, ForChoice(index=1, event="abcdx")):
        exchange.send(event)
    assert exchange.satisfied
    assert json.loads(exchange.end())["usage"]["completion_tokens"] == 1 + 2


def test_a_stop_and_a_limit() -> None:
    assert told("abcd efgh", stop=" ", max_tokens=9)[:2] == ("abcd", "stop")
    assert told("abcd efgh", stop="z", max_tokens=3)[:2] == ("abcd e", "length")
    assert told("abcdef", "s", "t", stop="stop", max_tokens=3)[:2] == ("abcdef", "length"), "what was held back counts"


def test_thoughts_in_tags_and_a_limit() -> None:
    api = replace(serving(think_tags=True), counter=letters)
    assert told("<think>abcd</think>", "efgh", api=api, max_tokens=3) == ("ef", "length", (PROMPT, 3))
