# What the readers of upstreams' streams have in common: bytes in, events out at any split, and what is no such stream
# is an upstream that does not work.
#
# Nearly every document of a stream is the one before with another text in the same place. So one that said nothing but
# text is kept as what stands before and behind it, and the next one between the same two is only that string, read by
# the JSON parser's own reader of strings: a quarter of the time, and the same outcome.
from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import ClassVar, TypeVar

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


class StreamReader(ABC):
    """A stream of documents up to its end: `_read` gives a document's events, and sets `done` at the last one.

    :param failed: makes of an error object what is raised.
    """

    #: What ends the stream, where that is no document.
    _end: ClassVar[str | None] = None
    #: The key of a text and the beginning of its value: quotes within a string are escaped, so it is nothing else.
    #: None: more than the text differs from one document to the next.
    _text: ClassVar[re.Pattern[str] | None] = None

    def __init__(self, *, failed: Failed | None = None) -> None:
        self._sse = SseDecoder()
        self._failed = failed or failure
        self._before = self._behind = ""  # what stands around the text of a document that says only text
        self.done = False  #: the last document came

    def feed(self, data: bytes) -> Iterator[ProviderEvent]:
        """The events these bytes complete, those before an error included; nothing after the stream's last document.

        Nothing is read until it is iterated; iterate to the end before feeding more.

        :raises ApiError: the upstream sent an error object, or something that is no such stream.
        """
        try:
            for document in self._sse.feed_data(data):
                if self._before and not self.done and document.startswith(self._before):
                    text, end = scanstring(document, len(self._before))
                    if document[end:] == self._behind:
                        if text:
                            yield text
                        continue
                if self.done or (self._end is not None and document.startswith(self._end)):
                    self.done = True
                elif document:
                    events = 0
                    for event in self._read(json.loads(document)):
                        events += 1
                        yield event
                    if events == 1 and type(event) is str:
                        self._learn(document, event)
        except (SseError, *_UNREADABLE):
            raise ProviderNotWorking("The provider's stream could not be read.") from None

    def end(self) -> None:
        """The upstream closed the stream.

        :raises ProviderNotWorking: too early: the document that ends a stream did not come.
        """
        if not self.done:
            raise ProviderNotWorking("The provider broke its stream off.")

    def _learn(self, document: str, said: str) -> None:
        places = [match.end() for match in self._text.finditer(document)] if self._text is not None else []
        if len(places) == 1:
            text, end = scanstring(document, places[0])
            if text == said:
                self._before, self._behind = document[: places[0]], document[end:]

    @abstractmethod
    def _read(self, document: Json) -> Iterable[ProviderEvent]:
        """The events of one document."""


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
