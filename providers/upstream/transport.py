# What the adapters need of HTTP: a request out, a reply in, its body piece by piece, each wait with its deadline.
#
# Two things keep this promise: `pool` (HTTP/1.1, straight to the upstream, the hot path) and `proxied` (httpx2: proxies
# and HTTP/2). What goes wrong on the way is an ApiError of `errors` already; the cause is logged and told nobody.
from __future__ import annotations

import zlib
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from math import inf
from typing import Final, NamedTuple, Protocol, TypeVar

import anyio

from g4f_proto import ApiError

from . import errors

__all__ = ("MAX_REPLY", "Reply", "Request", "Source", "Transport", "within")

T = TypeVar("T")

#: Bytes a reply in one piece may have: ten images of 1024 x 1024 as base64 have some 30 MB.
MAX_REPLY: Final = 64 * 1024 * 1024
_PIECE: Final = 1024 * 1024  #: bytes that one piece is inflated to at most: gzip packs zeros 1000 to 1
_LAST_BYTES: Final = 0.05  #: seconds; a new connection costs less than to wait longer


class Request(NamedTuple):
    """What is asked of an upstream.

    :param path: what follows the base URL, ``/chat/completions``.
    :param headers: names in lower case; none of them frames the message.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def __repr__(self) -> str:  # its headers hold a key
        return f"<{self.method} {self.path}>"


async def within(deadline: float, waiting: Awaitable[T]) -> T:
    """What is waited for, if it comes before the deadline, on the loop's clock.

    :raises ApiError: it does not.
    """
    if deadline == inf:  # a scope costs as much as decoding ten chunks
        return await waiting
    with anyio.CancelScope(deadline=deadline):
        return await waiting
    raise errors.too_slow()


class Source(Protocol):
    """The raw bytes of one reply's body."""

    @property
    def ready(self) -> bool:
        """The next piece, or the end, is here: nothing is waited for."""

    async def pull(self) -> bytes:
        """The next piece; empty at the end.

        :raises ApiError: the upstream broke off.
        """

    async def aclose(self) -> None:
        """The connection serves again if the body was taken to its end, and is closed at once if not."""


class Transport(Protocol):
    """A way to one upstream."""

    async def send(self, request: Request, *, deadline: float = inf) -> Reply:
        """The head of the reply; its body is still to come. Close it.

        :param deadline: on the loop's clock.
        :raises ApiError: there is no reply.
        """

    async def aclose(self) -> None:
        """Close what is idle."""


class Reply:
    """A reply whose head is here.

    :param headers: names in lower case; of a repeated one, the last.
    """

    def __init__(self, status: int, headers: Mapping[bytes, bytes], source: Source) -> None:
        self.status = status
        self.headers = headers
        self._source = source
        self.last: Transport | None = None  #: was opened for this reply alone, and is closed with it
        encoding = headers.get(b"content-encoding", b"identity").lower().strip()
        self._inflate = None
        if encoding in (b"gzip", b"x-gzip", b"deflate"):
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # "Automatically accepts either" - zlib's manual
        self._readable = self._inflate is not None or encoding == b"identity"

    async def receive(self, *, deadline: float = inf) -> bytes:
        """The next piece of the body, never empty before its end.

        :raises ApiError: it broke off, is packed in a way nobody asked for, or did not come in time.
        """
        if not self._readable:
            raise errors.unreadable()
        if self._inflate is None:
            return await (self._source.pull() if self._source.ready else within(deadline, self._source.pull()))
        data = None
        while data is None:
            data = await (self._inflated() if self._source.ready else within(deadline, self._inflated()))
        return data

    async def _inflated(self) -> bytes | None:
        """None: more is needed."""
        assert self._inflate is not None
        packed = self._inflate.unconsumed_tail or await self._source.pull()
        if not packed:
            if not self._inflate.eof:
                raise errors.broken_off()
            return b""
        try:
            return self._inflate.decompress(packed, _PIECE) or None
        except zlib.error:
            raise errors.unreadable() from None

    async def read(self, begun: bytes = b"", *, limit: int = MAX_REPLY, deadline: float = inf) -> bytes:
        """The rest of the body, behind the piece it `begun` with.

        :raises ApiError: as for `receive`, or it has more than `limit` bytes.
        """
        pieces, size = [begun], len(begun)
        while data := await self.receive(deadline=deadline):
            pieces.append(data)
            size += len(data)
            if size > limit:
                raise errors.unreadable()
        return b"".join(pieces)

    async def finish(self) -> None:
        """Nothing more is wanted: what the end of the message still needs is waited for a moment, not longer."""
        deadline = anyio.current_time() + _LAST_BYTES
        with suppress(ApiError):
            while await self.receive(deadline=deadline):
                pass

    async def aclose(self) -> None:
        """Done with it, read to its end or not."""
        await self._source.aclose()
        if self.last is not None:
            await self.last.aclose()
