# What a chat's stream and its single reply have in common: the envelope, why each choice ended, the count, logprobs.
from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import isfinite

from ..._calls import ChatCall
from ..._events import Event, Finish, ForChoice, ProviderEvent, Scored, TokenLogprob, ToolCall, Usage
from ..._text import quoted

__all__ = ("Ending", "Envelope", "logprobs", "token_object", "usage_object")

#: JSON has no infinity; what OpenAI sends for a token that cannot be. ("-9999.0 is used to signify that the token is
#: very unlikely" - schema ChatCompletionTokenLogprob)
_IMPOSSIBLE = -9999.0


@dataclass(slots=True)
class Ending:
    """How one choice ends."""

    legacy: bool  # asked with `functions`: one call, under the deprecated names
    reason: str = "stop"
    calls: dict[int, int] = field(default_factory=dict)  # the provider's index of a call -> its place, from 0

    @property
    def finish_reason(self) -> str:
        """``tool_calls`` when tools were called, and only then, whatever the provider says: clients act on it."""
        if self.reason not in ("stop", "tool_calls"):
            return self.reason
        if not self.calls:
            return "stop"
        return "function_call" if self.legacy else "tool_calls"

    def call(self, piece: ToolCall, made: str) -> ToolCall | None:
        """The piece as it is told: at its place, id and name once. A piece of a call that was not named is nobody's.

        :param made: the id of a call that has none.
        """
        place = self.calls.get(piece.index)
        if place is None:
            if piece.name is None:
                return None
            place = self.calls[piece.index] = len(self.calls)
            piece = ToolCall(index=place, id=piece.id or f"{made}_{place}", name=piece.name, arguments=piece.arguments)
        elif piece.name is not None or piece.index != place:
            piece = ToolCall(index=place, arguments=piece.arguments)
        return None if self.legacy and place else piece


@dataclass(slots=True)
class Envelope:
    """The keys every chunk and the reply begin with, encoded once, and what is noted on the way."""

    id: str
    created: int
    call: ChatCall
    fingerprint: str
    prefix: bytes = b"chatcmpl-"
    usage: Usage | None = None
    endings: list[Ending] = field(default_factory=list)

    def __post_init__(self) -> None:
        legacy = self.call.request.functions is not None
        self.endings = [Ending(legacy) for _ in range(self.call.request.n or 1)]

    def start(self, object: bytes) -> bytes:
        """``{"id":..., "choices":[`` of an object of that type; the model's name is the one the client asked for."""
        return (
            b'{"id":"%b%b","object":"%b","created":%d,"model":%b,"provider":%b,"system_fingerprint":%b,"choices":['
        ) % (
            self.prefix,
            self.id.encode("ascii"),
            object,
            self.created,
            quoted(self.call.request.model or self.call.model),
            quoted(self.call.provider),
            quoted(self.fingerprint),
        )

    def note(self, event: ProviderEvent) -> tuple[int, Event | None]:
        """The choice an event belongs to, and what it says of it; None when it says nothing that is written at once."""
        if isinstance(event, Usage):
            self.usage = event
            return 0, None
        index = 0
        if isinstance(event, ForChoice):
            index, event = event.index, event.event
        if not 0 <= index < len(self.endings):
            return index, None  # a provider that makes more choices than were asked for
        if isinstance(event, Finish):
            self.endings[index].reason = event.reason
            return index, None
        if isinstance(event, ToolCall):
            return index, self.endings[index].call(event, f"call_{self.id}{index}")
        return index, event if isinstance(event, Event) else None


def usage_object(usage: Usage) -> bytes:
    """``usage`` as it stands in a reply and in a stream's last chunk."""
    return (
        b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,'
        b'"prompt_tokens_details":{"cached_tokens":%d},"completion_tokens_details":{"reasoning_tokens":%d}}'
    ) % (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.prompt_tokens + usage.completion_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
    )


def logprobs(scored: list[Scored]) -> bytes:
    """``logprobs`` of a choice: the four keys of each token are all required."""
    if not scored:
        return b"null"
    content = [token_object(token) for piece in scored for token in piece.tokens]
    return json.dumps({"content": content, "refusal": None}, separators=(",", ":")).encode("ascii")


def token_object(token: TokenLogprob) -> dict[str, object]:
    """A token's entry, its bytes and the likeliest others included."""
    entry = _entry(token)
    entry["top_logprobs"] = [_entry(other) for other in token.top]
    return entry


def _entry(token: TokenLogprob) -> dict[str, object]:
    spelled = token.bytes if token.bytes is not None else tuple(token.token.encode("utf-8", "surrogatepass"))
    return {
        "token": token.token,
        "logprob": token.logprob if isfinite(token.logprob) else _IMPOSSIBLE,
        "bytes": list(spelled),
    }
