# What a provider may say, in the order it says it.
#
# Text is a plain `str`: it is nearly every event there is, and a dataclass around it costs 120-220 ns for nothing.
# Everything else is frozen, slotted, keyword-only and complete when it exists: no placeholders that another layer
# fills. Time is an event too: QUIET says that nothing came for as long as a client may be left in silence.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

__all__ = (
    "QUIET",
    "REASONS",
    "Event",
    "Finish",
    "FinishReason",
    "ForChoice",
    "ProviderEvent",
    "Quiet",
    "Reasoning",
    "Refusal",
    "Scored",
    "TokenLogprob",
    "ToolCall",
    "Usage",
)

FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]
#: What upstreams say -> what we say; a reason nobody knows is a plain end.
REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """A piece of the model's reasoning; it never becomes part of the content."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A piece of what the model says instead of the structured answer it was asked for."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A piece of a call of a tool. The first of an `index` has `id` and `name`, the later ones only `arguments`.

    :param index: which call of the answer, from 0.
    :param arguments: a piece of the arguments' JSON text.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """A token and its logarithmic probability; `top` are the most likely ones at its place, without tops of their own.

    :param bytes: the token's UTF-8 bytes, when it is a part of a character; None: those of `token`.
    """

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Text with the probabilities of its tokens."""

    text: str
    tokens: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Why the answer ended; the last one said counts, and an answer without one ended with ``stop``."""

    reason: FinishReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens spent on all choices, by the provider's own count; the last one said counts."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class Quiet(Enum):
    """The type of :data:`QUIET`: an enum of one member, so that ``match``, mypy and logs all know it."""

    QUIET = "QUIET"


QUIET: Final = Quiet.QUIET

Event = str | Reasoning | Refusal | ToolCall | Scored | Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class ForChoice:
    """An event of another choice than the first, when a request asked for several."""

    index: int
    event: Event


ProviderEvent = Event | ForChoice | Usage | Quiet
