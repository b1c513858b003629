# What llama.cpp says, chunk by chunk, as events. It knows llama.cpp's chunks, and neither threads nor models.
#
# Three things llama.cpp does not do are made up for here:
# - A grammar it cannot compile, or that becomes too large on the way, is dropped without a word and the model says what
#   it likes. So a grammar begins with an opening that the model cannot say without it: an answer that lacks it was
#   never constrained, nor was one that goes on with what is no JSON, which is known before anything was passed on. And
#   what was to be JSON is read as JSON at its end.
# - What could begin a stop sequence is held back and comes as one token with the last one's probability. With logprobs
#   the stops are therefore found here. (A character of several tokens still comes that way; llama.cpp has no other.)
# - The usage comes with the end of the answer only; when a stop was found here it is what was counted up to then.
from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from g4f_proto import (
    REASONS,
    ApiError,
    Finish,
    InvalidRequest,
    ProviderEvent,
    ProviderNotWorking,
    Scored,
    StopFilter,
    TokenLogprob,
    Usage,
)

__all__ = ("Hearing", "broken", "cannot_enforce", "too_long")

log = logging.getLogger("g4f.providers")

_UNKNOWN: Final = "It uses something that this model's grammar does not have, or contradicts itself."

_BEGINS: Final = frozenset('{["-0123456789tfn')  # JSON text without blanks before it


class Hearing:
    """One answer: chunks in, events out.

    :param opening: the token, of the grammar's own, that comes before the answer and is no part of it; it is counted
        to the prompt, where it belongs.
    :param top: how many alternatives to tell of each token; None: tell no probabilities at all.
    :param stops: what ends the answer, when llama.cpp was not told.
    :param whole: an answer that ends by itself is JSON text.
    """

    def __init__(
        self, *, opening: str = "", top: int | None = None, stops: Sequence[str] = (), whole: bool = False
    ) -> None:
        self.complete = False  #: everything was said, the usage too
        self.enough = False  #: a stop was found: nothing more of llama.cpp is wanted
        self._opening = opening
        self._opened = not opening
        self._expects_json = bool(opening)
        self._top = top
        self._stop = StopFilter(stops)
        self._held: list[Scored] = []
        self._safe = 0  # characters of `_held` that stand before any stop
        self._text: list[str] | None = [] if whole else None

    def hear(self, chunk: Mapping[str, Any]) -> list[ProviderEvent]:
        """What a chunk says; mostly one piece of text, or nothing.

        :raises ApiError: it is an error, or shows that the answer is not held to its schema.
        """
        if (error := chunk.get("error")) is not None:
            if error.get("type") == "exceed_context_size_error":
                raise too_long(error["n_ctx"], error["n_prompt_tokens"])
            log.error("llama.cpp: %s", error.get("message"))
            raise broken()
        (choice,) = chunk["choices"]
        events: list[ProviderEvent] = []
        text, reason = choice["text"], choice["finish_reason"]
        if (text or reason) and not self._opened:
            if text != self._opening:
                raise cannot_enforce(_UNKNOWN)
            self._opened = True
        elif text:
            if self._expects_json and text[0] not in _BEGINS:
                raise cannot_enforce(_UNKNOWN)
            self._expects_json = False
            events += self._said(text, choice["logprobs"])
        if self._stop.ended:
            timings = chunk["timings"]
            prompt = timings["cache_n"] + timings["prompt_n"]
            self.enough = self.complete = True
            return [*events, Finish(reason="stop"), self._usage(prompt, timings["predicted_n"], timings["cache_n"])]
        if reason:
            self._check(reason)
            events += [*self._held, Finish(reason=REASONS.get(reason, "stop"))]
        if (usage := chunk.get("usage")) is not None:
            cached = usage["prompt_tokens_details"]["cached_tokens"]
            events.append(self._usage(usage["prompt_tokens"], usage["completion_tokens"], cached))
            self.complete = True
        return events

    def _said(self, text: str, scores: Mapping[str, Any] | None) -> list[ProviderEvent]:
        if self._text is not None:
            self._text.append(text)
        if self._top is None:
            return [text]
        tokens = tuple(_token(entry, self._top) for entry in scores["content"]) if scores else ()
        self._held.append(Scored(text=text, tokens=tokens))
        self._safe += len(self._stop.push(text))
        return self._release()

    def _release(self) -> list[ProviderEvent]:
        """The tokens that stand before any stop as a whole; of one that the stop cuts, its text alone."""
        events: list[ProviderEvent] = []
        while self._held and len(self._held[0].text) <= self._safe:
            self._safe -= len(self._held[0].text)
            events.append(self._held.pop(0))
        if self._stop.ended and self._safe:
            events.append(self._held[0].text[: self._safe])
        return events

    def _check(self, reason: str) -> None:
        if self._text is None or reason != "stop":
            return
        try:
            json.loads("".join(self._text))
        except ValueError:
            raise cannot_enforce("It is too complex for this model's grammar.") from None

    def _usage(self, prompt: int, completion: int, cached: int) -> Usage:
        opening = 1 if self._opening else 0
        return Usage(
            prompt_tokens=prompt + opening, completion_tokens=max(0, completion - opening), cached_tokens=cached
        )


def _token(entry: Mapping[str, Any], top: int) -> TokenLogprob:
    spelled = tuple(entry["bytes"])
    return TokenLogprob(
        token=entry["token"],
        logprob=entry["logprob"],
        bytes=None if bytes(spelled) == entry["token"].encode() else spelled,
        top=tuple(_token(other, 0) for other in entry["top_logprobs"][:top]) if top else (),
    )


def too_long(context: int, tokens: int | None = None) -> InvalidRequest:
    """The messages fill more than the context; `tokens` is how many they are, if they were counted."""
    resulted = f"resulted in {tokens} tokens" if tokens else "are longer than that"
    return InvalidRequest(
        f"This model's maximum context length is {context} tokens. However, your messages {resulted}. "
        "Please reduce the length of the messages.",
        code="context_length_exceeded",
        param="messages",
    )


def cannot_enforce(why: str) -> InvalidRequest:
    """The answer cannot be held to the schema that was asked for."""
    return InvalidRequest(
        f"Invalid schema: it cannot be enforced. {why}", code="invalid_schema", param="response_format"
    )


def broken() -> ApiError:
    """Something went wrong that is not the client's concern; it was logged."""
    return ProviderNotWorking("The local model could not answer; the server's log has the details.")
