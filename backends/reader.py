# What the raw server reads: bytes of one connection in, the heads and bodies of its requests out. No I/O.
#
# h11 judges the syntax, and costs 35 us a request. So a head that came whole and looks as clients write theirs is read
# by one pattern, which takes nothing that h11 would refuse and understands it as h11 does (tests hold the two against
# each other); everything else is h11's, byte for byte: chunked bodies, `Expect`, odd spelling, a head in two pieces.
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import h11

from g4f_proto import ApiError, InvalidRequest, TooManyHeaders

__all__ = ("Reader", "Request")

#: An ordinary head. Possessive, so that a hostile one costs no more than its length.
_HEAD: Final = re.compile(
    rb"([A-Z]++) (/[!-~]*+) HTTP/1\.1\r\n"
    rb"((?:[-!#$%&'*+.^_`|~0-9A-Za-z]++:[\t -~]*+\r\n)++)\r\n"
)
#: What needs more than a length to find the end of the request, or has a rule of its own.
_UNUSUAL: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
_MOST_DIGITS: Final = 18
#: The request was read to its end, whether the connection goes on or not; another protocol, which it may have proposed,
#: is never switched to.
_READ: Final = (h11.DONE, h11.MUST_CLOSE, h11.MIGHT_SWITCH_PROTOCOL)  # type: ignore[attr-defined]  # documented, not in __all__


class Request(NamedTuple):
    """The head of a request.

    :param version: ``b"1.1"``.
    :param headers: names in lower case; of a repeated one, the last.
    """

    method: bytes
    target: bytes
    version: bytes
    headers: Mapping[bytes, bytes]


class Reader:
    """The requests of one connection, one after the other: `head`, then `body` to its end, then `next`.

    :param limit: bytes that an unfinished head, or the line of a chunk, may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = b""  # came, and was not used
        self._left = 0  # bytes of the body still to come, where it is read here
        self._h11: h11.Connection | None = None  # reads this request
        self.ended = False  #: nothing more will come

    def feed(self, data: bytes) -> None:
        """What came in; empty at the end."""
        self.ended = self.ended or not data
        if self._h11 is None:
            self._data += data
        else:
            self._h11.receive_data(data)

    @property
    def waiting(self) -> int:
        """Bytes that came and were not used."""
        return len(self._data if self._h11 is None else self._h11.trailing_data[0])

    @property
    def whole(self) -> bool:
        """The request was read to its end."""
        return not self._left if self._h11 is None else self._h11.their_state in _READ

    @property
    def asks_to_go_on(self) -> bool:
        """The client sends the body when it is told to: ``Expect: 100-continue``."""
        return self._h11 is not None and self._h11.they_are_waiting_for_100_continue

    def head(self) -> Request | None:
        """The head of the request; None when more of it must come, or when no request does before the end.

        :raises ApiError: it is malformed, or too long.
        """
        if self._h11 is None:
            request = self._ordinary()
            if request is not None:
                return request
            self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limit)
            self._h11.receive_data(self._data)  # nothing: the end
            self._data = b""
            if self.ended:
                self._h11.receive_data(b"")
        event = self._event(self._h11)
        if not isinstance(event, h11.Request):
            return None
        return Request(event.method, bytes(event.target), event.http_version, dict(event.headers))

    def body(self) -> bytes | None:
        """The next piece of the body; empty at its end; None when more must come.

        :raises ApiError: it is malformed, or ends too soon.
        """
        if self._h11 is None:
            data, self._data = self._data[: self._left], self._data[self._left :]
            self._left -= len(data)
            if data or not self._left:
                return data
            if self.ended:
                raise _invalid("the body ends too soon")
            return None
        event = self._event(self._h11)
        if isinstance(event, h11.Data):
            return bytes(event.data)
        return None if event is h11.NEED_DATA else b""

    def skip(self) -> None:
        """Nobody wants the rest of the body: what of it came already is used up.

        :raises ApiError: it is malformed.
        """
        while not self.whole and self.body():
            pass

    def next(self) -> None:
        """Go on with the next request."""
        if self._h11 is not None:
            self._data, self._h11 = self._h11.trailing_data[0], None

    def _ordinary(self) -> Request | None:
        """An ordinary head; then its body is read here."""
        found = _HEAD.match(self._data)
        if found is None:
            return None
        method, target, block = found.groups()
        lines = block.split(b"\r\n")
        headers: dict[bytes, bytes] = {}
        for line in lines[:-1]:
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip(b" \t")
        length = headers.get(b"content-length", b"0")
        if (
            len(headers) < len(lines) - 1  # a field is repeated
            or not headers.keys().isdisjoint(_UNUSUAL)
            or b"host" not in headers
            or not length.isdigit()
            or len(length) > _MOST_DIGITS
            or method == b"CONNECT"
        ):
            return None
        self._left, self._data = int(length), self._data[found.end() :]
        return Request(method, target, b"1.1", headers)

    @staticmethod
    def _event(parser: h11.Connection) -> object:
        try:
            return parser.next_event()
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == 431:
                raise TooManyHeaders("The header fields are longer than this server reads.") from None
            flaw = str(error).partition(": bytearray(")[0]  # what h11 read, as Python writes it, is no help
            raise _invalid(flaw, status=error.error_status_hint) from None


def _invalid(flaw: str, *, status: int = 400) -> ApiError:
    return InvalidRequest(f"The request is not valid HTTP: {flaw}.", code="invalid_http", status=status)
