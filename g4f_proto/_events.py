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

__all__ = ("QUIET", "REASONS", "Finish", "FinishReason", "ProviderEvent", "Quiet", "Reasoning", "Usage")

FinishReason = Literal["stop", "length", "content_filter"]
#: What upstreams say -> what we say; a reason nobody knows is a plain end.
REASONS: Final[Mapping[str, FinishReason]] = {"stop": "stop", "length": "length", "content_filter": "content_filter"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """A piece of the model's reasoning; it never becomes part of the content."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Why the answer ended; the last one said counts, and an answer without one ended with ``stop``."""

    reason: FinishReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens spent, by the provider's own count; the last one said counts."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class Quiet(Enum):
    """The type of :data:`QUIET`: an enum of one member, so that ``match``, mypy and logs all know it."""

    QUIET = "QUIET"


QUIET: Final = Quiet.QUIET

ProviderEvent = str | Reasoning | Usage | Finish | Quiet
