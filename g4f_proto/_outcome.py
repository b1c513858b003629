# What an exchange has come to: the head of its reply, and what the access log and metrics are told.
from __future__ import annotations

from dataclasses import dataclass

from ._access import Fields
from ._api import RequestHead
from ._calls import Call
from ._errors import ApiError
from ._events import Usage

__all__ = ("Head", "Outcome", "summary")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a reply. ``content-length`` is among the headers exactly when the reply is one piece."""

    status: int
    headers: Fields


@dataclass(slots=True)
class Outcome:
    """What became of the exchange, for the access log and metrics.

    :param error: what the client was told went wrong, if anything.
    :param delivered: content went out: another provider must not be tried any more.
    """

    error: ApiError | None = None
    usage: Usage | None = None
    delivered: bool = False


def summary(request: RequestHead, head: Head | None, call: Call | None, outcome: Outcome, *, left: bool) -> str:
    """One line of facts; `left`: the exchange ended before the reply was complete."""
    target = request.target.decode("ascii", "backslashreplace")
    facts = [f"{request.method} {target[:200]}", str(head.status) if head else "no reply"]
    if call is not None and call.provider:
        facts.append(f"{call.provider}:{call.model}")
    if outcome.usage is not None:
        facts.append(f"{outcome.usage.prompt_tokens}+{outcome.usage.completion_tokens} tokens")
    if outcome.error is not None:
        facts.append(outcome.error.code or outcome.error.type)
    if left:
        facts.append("the client left" if outcome.error is None else "broken off")
    return " ".join(facts)
