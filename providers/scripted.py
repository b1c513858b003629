# A provider that does what the model's name says: for people who test their clients, and for our own tests.
#
# `scripted` says the last user message back, one word a delta. Options follow a colon: `scripted:tokens=64,delay=20ms`.
# Everything is deterministic; tokens are words. What each option does stands in OPTIONS, from which its docs are made.
from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice
from typing import Final

import anyio

from g4f_proto import (
    ApiError,
    Call,
    Finish,
    InternalError,
    InvalidRequest,
    Model,
    Overloaded,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    ProviderTimeout,
    RateLimited,
    StopFilter,
    Usage,
)

__all__ = ("OPTIONS", "Scripted")

#: Option -> what it does.
OPTIONS: Final[Mapping[str, str]] = {
    "tokens": "says exactly so many words, the message's over and over: `tokens=64`",
    "delay": "waits so long before each delta: `delay=20ms`, `delay=1s`",
    "silence": "waits so long before the first delta: `silence=40s`",
    "error": "fails with this status, 400 to 599: `error=429`",
    "after": "how many deltas come before the error: `error=500,after=3`",
    "cut": "the upstream dies after so many deltas: `cut=5`",
    "report": "says how many other scripted calls are at work (`report=running`), "
    "or how many deltas all of them have made since the start (`report=deltas`)",
}
_HONOURED: Final = frozenset({"max_tokens", "max_completion_tokens", "stop"})
#: The answer is the same whatever these say: nothing is sampled and nothing is fetched.
_WITHOUT_EFFECT: Final = frozenset(
    {"temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "proxy"},
)
_MOST_TOKENS: Final = 100_000_000
_ERRORS: Final[Mapping[int, type[ApiError]]] = {
    429: RateLimited,
    500: InternalError,
    502: ProviderNotWorking,
    503: Overloaded,
    504: ProviderTimeout,
}


@dataclass(slots=True)
class _Script:
    tokens: int | None = None
    delay: float = 0.0
    silence: float = 0.0
    error: int | None = None
    after: int = 0
    cut: int | None = None
    report: str | None = None

    def break_off(self, made: int) -> None:
        """Fail, if that is what shall happen after `made` deltas."""
        if made == self.cut:
            raise ProviderNotWorking("The provider broke its stream off.")
        if self.error is not None and made == self.after:
            kind = _ERRORS.get(self.error) or (InvalidRequest if self.error < 500 else InternalError)
            raise kind(f"The script says to fail with status {self.error}.", status=self.error)


class Scripted:
    """The deterministic provider; it needs no network, no weights and no key."""

    info = ProviderInfo(
        name="Scripted",
        label="Scripted",
        default_model="scripted",
        description="Says the last user message back; made for testing clients",
        native=_HONOURED | _WITHOUT_EFFECT,
    )

    def __init__(self) -> None:
        self._running = 0
        self._deltas = 0

    async def models(self) -> Sequence[Model]:
        return (Model(id="scripted", owned_by="g4f-proto", options=True),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        script = _read(call.model)
        request = call.request
        said = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
        if script.report is not None:
            said = str(self._running if script.report == "running" else self._deltas)
        stop = StopFilter(request.stops)
        made = 0
        self._running += 1
        try:
            await anyio.sleep(script.silence)
            for word in _words(said, script.tokens):
                script.break_off(made)
                if made == request.token_limit:
                    yield Finish(reason="length")
                    break
                if script.delay:
                    await anyio.sleep(script.delay)
                elif made % 256 == 255:
                    await anyio.lowlevel.checkpoint()  # nobody else may ever wait in a long answer
                made += 1
                self._deltas += 1
                if text := stop.push(word):
                    yield text
                if stop.ended:
                    break
            else:
                script.break_off(made)
            if text := stop.flush():
                yield text
            yield Usage(prompt_tokens=sum(len(m.text.split()) for m in request.messages), completion_tokens=made)
        finally:
            self._running -= 1

    async def aclose(self) -> None:
        """Nothing to give back."""


def _words(text: str, count: int | None) -> Iterator[str]:
    # A word takes the space before it along, as tokens do: joined, the deltas are the message again.
    words = re.findall(r"\s*\S+(?:\s+\Z)?", text)
    if count is None:
        return iter(words)
    words = words or ["word"]
    first, again = words[0], " " + words[0].lstrip()
    return islice(chain([first], cycle([*words[1:], again])), count)


def _read(model: str) -> _Script:
    script = _Script()
    for option in filter(None, model.partition(":")[2].split(",")):
        name, _, value = option.partition("=")
        if name not in OPTIONS:
            raise _wrong(f"Unknown option '{name}' of the model 'scripted'. The options are: {', '.join(OPTIONS)}.")
        try:
            setattr(script, name, _READERS[name](value))
        except ValueError:
            raise _wrong(f"Invalid value '{value}' of the option '{name}': it {OPTIONS[name]}.") from None
    return script


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message[:500], param="model", code="invalid_value")


def _count(value: str) -> int:
    if not (value.isdecimal() and value.isascii() and int(value[:12]) <= _MOST_TOKENS):
        raise ValueError(value)
    return int(value)


def _seconds(value: str) -> float:
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s)", value, re.ASCII)
    if match is None:
        raise ValueError(value)
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def _status(value: str) -> int:
    status = _count(value)
    if not 400 <= status <= 599:
        raise ValueError(value)
    return status


def _report(value: str) -> str:
    if value not in ("running", "deltas"):
        raise ValueError(value)
    return value


_READERS: Final[Mapping[str, Callable[[str], int | float | str]]] = {
    "tokens": _count,
    "delay": _seconds,
    "silence": _seconds,
    "error": _status,
    "after": _count,
    "cut": _count,
    "report": _report,
}
