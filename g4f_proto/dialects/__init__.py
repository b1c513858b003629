# One file per wire format: the encoder (we are the server) beside the decoder (we are an upstream's client).
#
# A gateway is decode after encode, so whatever one side writes the other must read: decode(encode(events)) == events.
# Encoders know nothing of states, heads or HTTP; they turn events into bytes, and only they know if an answer is a
# stream.
from __future__ import annotations

from typing import ClassVar, Protocol

from .._errors import ApiError
from .._events import ProviderEvent, Usage

__all__ = ("JSON_HEADERS", "SSE_HEADERS", "Encoder", "Headers")

Headers = tuple[tuple[bytes, bytes], ...]

JSON_HEADERS: Headers = ((b"content-type", b"application/json"),)
#: `no-transform`: proxies that compress a stream also buffer it; `x-accel-buffering`: nginx's own switch for the same.
SSE_HEADERS: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)


class Encoder(Protocol):
    """Turns what a provider says into the bytes of one reply.

    A collecting encoder returns ``b""`` until :meth:`end`, so that a late failure still gets its true status; a live
    one returns frames as they come.
    """

    headers: ClassVar[Headers]
    #: Whether bytes leave before the end: then silence is the client's to endure, and a failure after them is a frame.
    live: ClassVar[bool]

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""

    def text(self, text: str) -> bytes:
        """A piece of the answer's text; the whole hot path."""

    def event(self, event: ProviderEvent) -> bytes:
        """Anything a provider may say, text included."""

    def end(self) -> bytes:
        """The provider has finished."""

    def fail(self, error: ApiError) -> bytes:
        """The provider failed after bytes have left; never asked of a collecting encoder."""
