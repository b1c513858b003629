"""One socket to a server, for a judge: it can be rude, and it forgives nothing.

A client library repairs what servers do wrong, and cannot say `Content-Length` twice. Here the request is whatever
bytes a case wants, and the reply is read strictly (`message`). A `Connection` can read in small steps, stop reading,
close politely or reset. Blocking, with a deadline on every read. This file knows nothing of JSON, SSE or OpenAI.
"""

import select
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Iterator
from typing import Self

from conformance.message import (
    Gone,
    Impossible,
    Reply,
    Silent,
    Unreachable,
    Url,
    Violation,
    chunk_size,
    framing,
    header_field,
    status_line,
)

MAX_LINE = 65_536  # a status or header line; httptools, nginx and h11 stop between 8 and 64 KiB


class Connection:
    """One socket to the server. Reading raises `Silent` after `timeout` seconds without a byte."""

    def __init__(self, url: Url, timeout: float = 30.0, *, receive_buffer: int | None = None) -> None:
        self._buffer = bytearray()
        self._ended = False  # TLS says it once; TCP may stay open behind it
        self._framing: tuple[str, int] = ("none", 0)
        self._sock: socket.socket = self._connect(url, timeout, receive_buffer)

    @staticmethod
    def _connect(url: Url, timeout: float, receive_buffer: int | None) -> socket.socket:
        error: Exception | None = None
        try:
            for family, kind, proto, _, address in socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM):
                sock = socket.socket(family, kind, proto)
                try:
                    if receive_buffer:  # before connect(): it decides the window that is offered
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
                    sock.settimeout(timeout)
                    sock.connect(address)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    if url.scheme == "https":
                        return ssl.create_default_context().wrap_socket(sock, server_hostname=url.host)
                    return sock
                except OSError as failed:
                    sock.close()
                    error = failed
        except OSError as failed:
            error = failed
        raise Unreachable(f"cannot connect to {url}: {error}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # writing

    def send(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise Silent("the server stopped reading") from None
        except OSError as error:
            raise Gone(f"the server closed the connection while it was being written to ({error})") from None

    def send_until_answered(self, pieces: Iterable[bytes], pause: float = 0) -> int:
        """Send piece after piece until the server says something or closes; returns the bytes taken by then.

        Before each piece it listens for `pause` seconds, lest a fast loopback outruns a server that means to refuse.
        """
        sent = 0
        for piece in pieces:
            if self.readable(pause):
                break
            try:
                self.send(piece)
            except Gone:
                break
            sent += len(piece)
        return sent

    def finish_sending(self) -> None:
        """Half-close: the server reads the end of the stream, but may still answer."""
        if isinstance(self._sock, ssl.SSLSocket):  # its shutdown() drops the whole TLS layer
            raise Impossible("a TLS connection cannot be closed in one direction")
        self._sock.shutdown(socket.SHUT_WR)

    # reading

    def readable(self, seconds: float) -> bool:
        """Whether bytes, or the end, can be read within that time."""
        end = time.monotonic() + seconds
        while not self._buffer and not self._ended:
            left = max(0.0, end - time.monotonic())
            if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
                return True
            if not select.select([self._sock], [], [], left)[0]:
                return False
            if not isinstance(self._sock, ssl.SSLSocket) or self._tls_data(self._sock):
                return True
        return True

    def _tls_data(self, sock: ssl.SSLSocket) -> bool:
        """Whether a readable TLS socket has something to say: a session ticket is none."""
        timeout = sock.gettimeout()
        sock.settimeout(0)
        try:
            data = sock.recv(65_536)
            self._buffer += data
            self._ended = not data
        except ssl.SSLWantReadError:
            return False
        except OSError:
            pass  # reset: the next read will tell
        finally:
            sock.settimeout(timeout)
        return True

    def closed_within(self, seconds: float) -> bool:
        """Whether the server ends the connection in that time; bytes that come before are thrown away."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._buffer.clear()
            if self.readable(left):
                try:
                    if not self._fill():
                        return True
                except Gone:
                    return True
        return False

    def head(self, method: str = "GET") -> Reply:
        """The next status line with its headers; interim (1xx) ones too. `method` decides whether a body follows."""
        version, status, reason = status_line(self._line("a status line"))
        headers: list[tuple[str, str]] = []
        while line := self._line("a header"):
            headers.append(header_field(line))
        reply = Reply(version, status, reason, tuple(headers))
        self._framing = framing(reply, method)
        return reply

    def reply(self, method: str = "GET") -> Reply:
        """The next final reply, whole."""
        while (head := self.head(method)).status < 200:
            pass
        body = b"".join(self.pieces())
        return Reply(head.version, head.status, head.reason, head.headers, body)

    def pieces(self) -> Iterator[bytes]:
        """The body as it is framed: one HTTP chunk each, or what came in one read."""
        kind, left = self._framing
        if kind == "chunked":
            yield from self._chunks()
        elif kind == "length":
            while left:
                if not self._buffer and not self._fill():
                    raise Gone(f"the connection ended {left} bytes before Content-Length was reached")
                piece = self._take(min(left, len(self._buffer)))
                left -= len(piece)
                self._framing = ("length", left)  # whoever stops iterating here can go on with another iterator
                yield piece
        elif kind == "close":
            while self._buffer or self._fill():
                yield self._take(len(self._buffer))
        self._framing = ("none", 0)

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = chunk_size(self._line("a chunk size"))
            if size == 0:
                break
            while len(self._buffer) < size + 2:
                if not self._fill():
                    raise Gone("the connection ended inside a chunk")
            data, end = self._take(size), self._take(2)
            if end != b"\r\n":
                raise Violation(f"a chunk ends in {end!r} instead of CRLF")
            yield data  # the CRLF is taken before, for the same reason
        while self._line("a trailer"):
            pass

    def _line(self, what: str) -> bytes:
        """Up to CRLF, without it."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise Violation(f"{what} of more than {MAX_LINE} bytes")
            if not self._fill():
                seen = f" after {bytes(self._buffer[:60])!r}" if self._buffer else ""
                raise Gone(f"the connection ended where {what} was due{seen}")
        line = self._take(end + 1)
        if not line.endswith(b"\r\n"):
            raise Violation(f"{what} ends in a bare LF: {line[:80]!r}")
        return line[:-2]

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _fill(self) -> bool:
        """Read once; False at the end of the stream."""
        try:
            data = self._sock.recv(65_536)
        except TimeoutError:
            raise Silent(f"no byte for {self._sock.gettimeout():g} s") from None
        except OSError as error:
            raise Gone(f"the server reset the connection ({error})") from None
        self._buffer += data
        self._ended = not data
        return bool(data)

    # leaving

    def close(self) -> None:
        self._sock.close()

    def reset(self) -> None:
        """Leave with RST instead of FIN, as a killed process or a dropped route does."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()
