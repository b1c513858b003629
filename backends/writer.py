# What the raw server writes: the head of a reply, its body and its end, framed by HTTP/1.1's rules.
#
# h11 could, and would check all over again what the machine made: a JSON reply costs 25 us more through it, a stream
# 60. What a stranger's words could do to a head is checked.
from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from g4f_proto import Head

from .date import date

__all__ = ("CONTINUE", "Writer")

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus}
_BODYLESS: Final = frozenset({204, 304})


class Writer:
    """The reply to one request.

    :param method: the request's.
    :param version: the request's, ``b"1.1"``.
    :param headers: the request's, names in lower case; None: there was no request that could be read.
    """

    def __init__(
        self, method: bytes = b"GET", version: bytes = b"1.1", headers: Mapping[bytes, bytes] | None = None
    ) -> None:
        self._head_only = method == b"HEAD"
        self._modern = version >= b"1.1"
        self._chunked = False
        self.begun = False
        # "If the received protocol is HTTP/1.1 (or later), the connection will persist" unless the field says "close"
        # - RFC 9112 section 9.3. Older clients that would keep it are not worth the rules they need.
        self.stays = self._modern and headers is not None and not _says_close(headers)  #: another request may follow

    def head(self, head: Head, *, close: bool) -> bytes:
        """The head; `close` ends the connection with this reply.

        :raises ValueError: a field has a line break, which would let a stranger write the rest of the reply.
        """
        self.begun = True
        fields = dict(head.headers)
        lines = [b"HTTP/1.1 %d %b" % (head.status, _REASONS.get(head.status, b""))]
        lines += map(b": ".join, head.headers)
        lines.append(b"date: " + date())
        # "A server MUST NOT send a response containing Transfer-Encoding unless the corresponding request indicates
        # HTTP/1.1 (or later minor revisions)" - RFC 9112 section 6.1. For older ones the close is the end.
        if self._modern and head.status not in _BODYLESS and b"content-length" not in fields:
            lines.append(b"transfer-encoding: chunked")
            self._chunked = not self._head_only
        if close or _says_close(fields):
            self.stays = False
        if not self.stays and b"connection" not in fields:
            lines.append(b"connection: close")
        written = b"\r\n".join(lines) + b"\r\n\r\n"
        if not written.count(b"\n") == written.count(b"\r") == len(lines) + 1:
            raise ValueError("a header field holds a line break")
        return written

    def body(self, data: bytes, *, last: bool) -> bytes:
        """A piece of the body, which may be empty, and its end if it is the last."""
        if not self._chunked:
            return data
        return (b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + (b"0\r\n\r\n" if last else b"")


def _says_close(headers: Mapping[bytes, bytes]) -> bool:
    field = headers.get(b"connection", b"")
    return field != b"" and b"close" in map(bytes.strip, field.lower().split(b","))
