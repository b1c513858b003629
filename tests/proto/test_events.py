# Events are frozen, slotted, keyword-only and complete; sentinels are enum members.
from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields

import pytest

from g4f_proto import (
    QUIET,
    REASONS,
    Finish,
    ForChoice,
    Quiet,
    Reasoning,
    Refusal,
    Scored,
    TokenLogprob,
    ToolCall,
    Usage,
)

TOKEN = TokenLogprob(token="t", logprob=-0.5, bytes=(116,), top=(TokenLogprob(token="u", logprob=-2.0),))
EVENTS = [
    Reasoning(text="t"),
    Refusal(text="no"),
    ToolCall(index=0, id="c", name="f", arguments="{}"),
    TOKEN,
    Scored(text="t", tokens=(TOKEN,)),
    Finish(reason="stop"),
    Usage(prompt_tokens=1, completion_tokens=2),
    ForChoice(index=1, event="t"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_frozen_slotted_keyword_only(event: Reasoning | Finish | Usage) -> None:  # and all the others
    name = fields(event)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(event, name, "other")
    assert not hasattr(event, "__dict__")
    with pytest.raises(TypeError):
        type(event)("positional")  # type: ignore[arg-type, call-arg]
    with pytest.raises(TypeError):
        type(event)()  # type: ignore[call-arg]
    assert event == copy.deepcopy(event) == pickle.loads(pickle.dumps(event))
    assert len({event, copy.copy(event)}) == 1


def test_quiet_is_one() -> None:
    assert QUIET is Quiet.QUIET is pickle.loads(pickle.dumps(QUIET))
    assert list(Quiet) == [QUIET]
    assert "QUIET" in repr(QUIET)


def test_reasons_are_those_a_client_knows() -> None:
    assert set(REASONS.values()) == {"stop", "length", "content_filter", "tool_calls"}
    assert REASONS["function_call"] == "tool_calls"
    assert all(Finish(reason=reason).reason == reason for reason in REASONS.values())
