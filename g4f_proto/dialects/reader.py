# What the readers of upstreams' streams have in common: bytes in, events out at any split, and what is no such stream
# is an upstream that does not work.
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from pydantic import JsonValue

from .._errors import ApiError, ProviderNotWorking, ProviderTimeout, RateLimited
from .._events import ProviderEvent
from .._sse import SseDecoder, SseError

__all__ = ("Failed", "StreamReader", "child", "children", "count", "document", "failure", "text")

Json = Mapping[str, JsonValue]
#: Makes of an upstream's error object what is raised.
Failed = Callable[[JsonValue], ApiError]
T = TypeVar("T")

#: What json, and code that trusts a document's shape, raise when it has another.
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)


class StreamReader:
    """A stream whose documents end with one that says so: `_read` gives a document's events and sets `done`.

    :param failed: makes of an error object what is raised.
    """

    def __init__(self, *, failed: Failed | None = None) -> None:
        self._sse = SseDecoder()
        self._failed = failed or failure
        self.done = False  #: the last document came

    def feed(self, data: bytes) -> Iterator[ProviderEvent]:
        """The events these bytes complete, those before an error included; nothing after the stream's last document.

        Nothing is read until it is iterated; iterate to the end before feeding more.

        :raises ApiError: the upstream sent an error object, or something that is no such stream.
        """
        try:
            for event in self._sse.feed(data):
                if not self.done and event.data:
                    yield from self._read(json.loads(event.data))
        except (SseError, *_UNREADABLE):
            raise ProviderNotWorking("The provider's stream could not be read.") from None

    def end(self) -> None:
        """The upstream closed the stream.

        :raises ProviderNotWorking: too early: the document that ends a stream did not come.
        """
        if not self.done:
            raise ProviderNotWorking("The provider broke its stream off.")

    def _read(self, document: Json) -> Iterable[ProviderEvent]:
        raise NotImplementedError


def document(body: bytes, read: Callable[[Json], T]) -> T:
    """What `read` makes of a reply in one piece.

    :raises ApiError: it is an error object, or no such reply.
    """
    try:
        return read(json.loads(body))
    except _UNREADABLE:
        raise ProviderNotWorking("The provider's reply could not be read.") from None


def failure(error: JsonValue) -> ApiError:
    """What an upstream's error object is told as: by its code, or its type, and never by its own words."""
    code = text(error, "code") or text(error, "type") or None
    if code is not None and code.startswith("rate_limit"):
        return RateLimited("The provider's rate limit is reached.")
    if code == "timeout_error":
        return ProviderTimeout("The provider took too long.")
    return ProviderNotWorking("The provider answered with an error.", code=code)


def child(document: JsonValue | Json, name: str) -> Json:
    """A member that is an object; an empty one where there is none."""
    value = document.get(name) if isinstance(document, Mapping) else None
    return value if isinstance(value, dict) else {}


def children(document: Json, name: str) -> Iterator[Json]:
    """The objects in a member that is a list."""
    value = document.get(name)
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def text(document: JsonValue | Json, name: str) -> str:
    """A member that is a string; an empty one where there is none."""
    value = document.get(name) if isinstance(document, Mapping) else None
    return value if isinstance(value, str) else ""


def count(document: JsonValue | Json, name: str) -> int:
    """A member that is a count; 0 where there is none."""
    value = document.get(name) if isinstance(document, Mapping) else None
    return value if type(value) is int and 0 <= value < 2**63 else 0
