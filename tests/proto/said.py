# What providers may say of one answer, as strategies for the tests of the dialects that have room for one.
from __future__ import annotations

from hypothesis import strategies as st

from g4f_proto import (
    QUIET,
    Finish,
    ProviderEvent,
    Reasoning,
    Refusal,
    Scored,
    TokenLogprob,
    ToolCall,
    Usage,
)

# Whole letters: a lone surrogate does not survive one JSON document after another.
LETTERS = st.text(max_size=6)
COUNTS = st.integers(0, 2**40)
USAGES = st.builds(
    lambda fresh, cached, made, thought: Usage(
        prompt_tokens=fresh + cached, completion_tokens=made + 1, cached_tokens=cached, reasoning_tokens=thought
    ),
    COUNTS, COUNTS, COUNTS, COUNTS,
)  # fmt: skip
EVENTS = st.lists(
    st.one_of(
        LETTERS,
        LETTERS,
        st.builds(Reasoning, text=LETTERS),
        st.builds(Refusal, text=LETTERS),
        st.builds(Scored, text=LETTERS, tokens=st.just((TokenLogprob(token="a", logprob=-1.0),))),
        st.builds(Finish, reason=st.sampled_from(["stop", "length", "content_filter", "tool_calls"])),
        st.builds(Finish, reason=st.just("stop"), stop=st.none() | st.text(min_size=1, max_size=3)),
        st.builds(ToolCall, index=st.integers(0, 2), arguments=LETTERS),
        USAGES,
        st.just(QUIET),
    ),
    max_size=12,
).map(lambda events: named(events))


def named(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """The same, each call named by its first piece, calls counted from 0 in the order they begin."""
    places: dict[int, int] = {}
    out: list[ProviderEvent] = []
    for event in events:
        if isinstance(event, ToolCall):
            fresh = event.index not in places
            place = places.setdefault(event.index, len(places))
            name, id = (f"f{place}", f"c{place}") if fresh else (None, None)
            event = ToolCall(index=place, id=id, name=name, arguments=event.arguments)
        out.append(event)
    return out
