# One file per wire format: the reader of requests, the encoder (we are the server) and the decoder (we are an
# upstream's client).
#
# A gateway is decode after encode, so whatever one side writes the other must read: decode(encode(events)) == events.
# Encoders know nothing of states or HTTP; they turn events into bytes, and only they know if an answer is a stream.
from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, TypeVar

from pydantic import JsonValue

from .._api import Api, RequestHead
from .._calls import Call
from .._emulation import Emulation
from .._errors import ApiError, UnsupportedParameter
from .._events import ProviderEvent, Usage
from .._multipart import Form
from .._routes import Route
from .._schema import parse

__all__ = ("JSON_HEADERS", "SSE_HEADERS", "Asked", "Encoder", "Headers", "Page", "Reader", "Reading", "first_able")

Headers = tuple[tuple[bytes, bytes], ...]

JSON_HEADERS: Headers = ((b"content-type", b"application/json"),)
#: `no-transform`: proxies that compress a stream also buffer it; `x-accel-buffering`: nginx's own switch for the same.
SSE_HEADERS: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
_HOST: Final = re.compile(rb"[A-Za-z0-9.\-_]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")


class Encoder(ABC):
    """Turns what a provider says into the bytes of one reply.

    A collecting encoder returns ``b""`` until :meth:`end`, so that a late failure still gets its true status; a live
    one returns pieces as they come.
    """

    status: int = 200
    headers: Headers = JSON_HEADERS
    #: Whether bytes leave before the end: then silence is the client's to endure, and a failure after them is a frame.
    live: bool = False

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""
        return None

    def text(self, text: str) -> bytes:
        """A piece of the answer's text; the whole hot path of a chat."""
        return self.event(text)

    @abstractmethod
    def event(self, event: ProviderEvent) -> bytes:
        """Anything a provider may say, text included."""

    @abstractmethod
    def end(self) -> bytes:
        """The provider has finished.

        :raises ApiError: what it said is not an answer.
        """

    def fail(self, error: ApiError) -> bytes | None:
        """The provider failed after bytes have left; never asked of a collecting encoder.

        None: what was begun has no place to say so, and must be broken off.
        """
        return error.body()


class Asked(NamedTuple):
    """A request as its reader gets it.

    :param body: the whole body, or the form that it is where the endpoint takes uploads.
    :param id: 32 hex digits; becomes the answer's id.
    :param created: seconds since 1970.
    """

    body: bytes | Form
    api: Api
    route: Route
    request: RequestHead
    id: str
    created: int
    principal: str

    @property
    def document(self) -> dict[str, JsonValue]:
        """The body as the JSON object it must be.

        :raises InvalidRequest: it is none.
        """
        assert isinstance(self.body, bytes)
        return parse(self.body, depth=self.api.limits.depth)

    @property
    def form(self) -> Form:
        """The body as a form, where the endpoint takes uploads."""
        assert isinstance(self.body, Form)
        return self.body

    @property
    def base(self) -> str:
        """Where the client reaches this server: the operator's word, or the request's own host."""
        host = self.request.headers.get(b"host", b"")
        named = host.decode("ascii") if _HOST.fullmatch(host) else "localhost"
        return self.api.public_url.rstrip("/") or f"{self.api.scheme}://{named}"


@dataclass(slots=True)
class Reading:
    """What a request demands, and how its answer is written.

    :param next: makes the same for the next provider that serves the model; None: there is none.
    """

    call: Call
    encoder: Encoder
    emulation: Emulation | None = None
    next: Callable[[], Reading | None] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A whole reply that is no JSON."""

    headers: Headers
    body: bytes


#: A request as what it demands, or, where nothing must be run, as the whole reply. Raises ApiError.
Reader = Callable[[Asked], Reading | Page | bytes]

C = TypeVar("C")


def first_able(choices: Sequence[C], make: Callable[[C], Reading]) -> Reading:
    """The reading made for the first choice that can honour the request, the others behind it in case it fails.

    :raises UnsupportedParameter: none can; what the first one said.
    """
    refusal: UnsupportedParameter | None = None
    for position, choice in enumerate(choices, 1):
        try:
            reading = make(choice)
        except UnsupportedParameter as error:
            refusal = refusal or error
            continue
        if rest := choices[position:]:
            reading.next = partial(_able, rest, make)
        return reading
    assert refusal is not None  # there is at least one choice
    raise refusal


def _able(choices: Sequence[C], make: Callable[[C], Reading]) -> Reading | None:
    try:
        return first_able(choices, make)
    except UnsupportedParameter:
        return None
