# What a provider may say, in the order it says it.
#
# Text is a plain `str`: it is nearly every event there is, and a dataclass around it costs 120-220 ns for nothing. So
# are the bytes of a sound or a file plain `bytes`.
# Everything else is frozen, slotted, keyword-only and complete when it exists: no placeholders that another layer
# fills. Time is an event too: QUIET says that nothing came for as long as a client may be left in silence.
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

__all__ = (
    "QUIET",
    "REASONS",
    "Embedding",
    "Event",
    "File",
    "Finish",
    "FinishReason",
    "ForChoice",
    "Heard",
    "Image",
    "ProviderEvent",
    "Quiet",
    "Reasoning",
    "Refusal",
    "Scored",
    "Segment",
    "Stored",
    "TokenLogprob",
    "ToolCall",
    "Usage",
    "Word",
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
    """Why the answer ended; the last one said counts, and an answer without one ended with ``stop``.

    :param stop: the stop sequence that ended it, if it was one and that is known.
    """

    reason: FinishReason
    stop: str | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its bytes, or the address where it can be fetched.

    :param url: absolute, or a path on this server.
    :param type: the media type of `data`.
    :param revised_prompt: what was really painted, if that is not what was asked for.
    """

    data: bytes | None = None
    url: str | None = None
    type: str = "image/png"
    revised_prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known of a recording before its words: the language (ISO 639-1) and the seconds it lasts."""

    language: str
    duration: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A spoken word, and from which second to which."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of speech, from which second to which; joined, the texts are the transcript.

    :param tokens: the model's own ids; the scores are Whisper's.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """The vector of the input of that index."""

    index: int
    vector: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A stored file: bytes in all, media type, a digest of its content, and the second it was made."""

    size: int
    type: str
    etag: str
    modified: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What became of one uploaded file; `error` says why it was not kept."""

    filename: str
    error: str | None = None


ProviderEvent = Event | ForChoice | Usage | Quiet | bytes | Image | Heard | Segment | Embedding | File | Stored
