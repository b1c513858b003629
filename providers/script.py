# The options of the model `scripted`: `scripted:tokens=64,delay=20ms`. What each does stands in OPTIONS, from which its
# docs are made.
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from g4f_proto import (
    ApiError,
    InternalError,
    InvalidRequest,
    Overloaded,
    ProviderNotWorking,
    ProviderTimeout,
    RateLimited,
)

__all__ = ("EFFORTS", "OPTIONS", "Script", "read_script")

#: Option -> what it does.
OPTIONS: Final[Mapping[str, str]] = {
    "tokens": "says exactly so many words, the message's over and over: `tokens=64`",
    "delay": "waits so long before each delta: `delay=20ms`, `delay=1s`",
    "silence": "waits so long before the first delta: `silence=40s`",
    "error": "fails with this status, 400 to 599: `error=429`",
    "after": "how many deltas come before the error: `error=500,after=3`",
    "retry": "the error says when to try again: `error=429,retry=2s`",
    "cut": "the upstream dies after so many deltas: `cut=5`",
    "calls": "calls tools so often, with `tools` in the request; without it once after a user's turn: `calls=2`",
    "reasoning": "thinks in so many deltas first: `reasoning=5`; without it `reasoning_effort` says how many, and "
    "`none` is none in any case",
    "report": "says how many other scripted calls are at work (`report=running`), "
    "how many deltas all of them have made since the start (`report=deltas`), "
    "or how many messages it was shown (`report=messages`)",
}
#: `reasoning_effort` -> thoughts, where the option does not say how many.
EFFORTS: Final[Mapping[str, int]] = {"none": 0, "minimal": 1, "low": 2, "medium": 4, "high": 8, "xhigh": 16}
_MOST_TOKENS: Final = 100_000_000
_ERRORS: Final[Mapping[int, type[ApiError]]] = {
    429: RateLimited,
    500: InternalError,
    502: ProviderNotWorking,
    503: Overloaded,
    504: ProviderTimeout,
}


@dataclass(slots=True)
class Script:
    """The options of one call."""

    tokens: int | None = None
    delay: float = 0.0
    silence: float = 0.0
    error: int | None = None
    after: int = 0
    retry: float | None = None
    cut: int | None = None
    calls: int | None = None
    reasoning: int = 0
    report: str | None = None

    def break_off(self, made: int) -> None:
        """Fail, if that is what shall happen after `made` deltas."""
        if made == self.cut:
            raise ProviderNotWorking("The provider broke its stream off.")
        if self.error is not None and made == self.after:
            kind = _ERRORS.get(self.error) or (InvalidRequest if self.error < 500 else InternalError)
            message = f"The script says to fail with status {self.error}."
            raise kind(message, status=self.error, retry_after=self.retry)


def read_script(model: str) -> Script:
    """What follows the colon of a model's name.

    :raises InvalidRequest: an option it does not know, or with a value that is none.
    """
    script = Script()
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
    if value not in ("running", "deltas", "messages"):
        raise ValueError(value)
    return value


_READERS: Final[Mapping[str, Callable[[str], int | float | str]]] = {
    "tokens": _count,
    "delay": _seconds,
    "silence": _seconds,
    "error": _status,
    "after": _count,
    "retry": _seconds,
    "cut": _count,
    "calls": _count,
    "reasoning": _count,
    "report": _report,
}
