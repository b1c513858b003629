# One connection without a socket: the same reply at every split of its bytes, and nothing worse than an error for any.
from __future__ import annotations

import itertools
import socket
from collections.abc import Coroutine, Iterator
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import ApiError
from providers.upstream.connection import Connection, Unused

HEADS = [
    b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nX-Name: v\r\n\r\n%b",
    b"HTTP/1.1 429 Slow\r\nRETRY-AFTER: 1\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nt: u\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b",
    b"HTTP/1.0 200 OK\r\nx-length: %d\r\n\r\n%b",
]


class Pieces(ByteStream):
    """Gives what it was made of, then its end; never waits."""

    def __init__(self, pieces: Iterator[bytes], raw: socket.socket) -> None:
        self._pieces, self._raw = pieces, raw

    async def receive(self, max_bytes: int = 65536) -> bytes:
        for piece in self._pieces:
            if piece:
                return piece
        raise anyio.EndOfStream

    async def send(self, item: bytes) -> None: ...

    async def send_eof(self) -> None: ...

    async def aclose(self) -> None: ...

    @property
    def extra_attributes(self) -> dict[Any, Any]:
        return {SocketAttribute.raw_socket: lambda: self._raw}


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that never waits."""
    try:
        work.send(None)
    except StopIteration as over:
        return over.value
    raise AssertionError("it waits")


def read(*pieces: bytes) -> tuple[int, dict[bytes, bytes], bytes, str]:
    """Status, headers, body, and how it ended."""
    left, right = socket.socketpair()
    with left, right:

        async def give(connection: Connection) -> None: ...

        connection = Connection(Pieces(iter(pieces), left), give)
        body = b""
        try:
            run(connection.request(b"x"))
            while data := run(connection.pull()):
                body += data
        except (ApiError, Unused) as error:
            return connection.status, {}, body, type(error).__name__
        return connection.status, connection.headers, body, "whole"


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


@given(st.sampled_from(HEADS), st.binary(max_size=40), st.lists(st.integers(0, 300), max_size=8))
def test_any_split_gives_the_same(head: bytes, body: bytes, places: list[int]) -> None:
    whole = head % (len(body), body)
    if head is HEADS[1] and not body:
        return  # a chunk without bytes is the last one
    found = read(whole)
    assert found[2:] == (body, "whole")
    assert read(*cut(whole, places)) == found
    assert read(*(bytes([byte]) for byte in whole)) == found


@given(st.sampled_from(HEADS[:3]), st.binary(min_size=1, max_size=40), st.integers(1, 400))
def test_a_reply_that_is_cut_is_no_whole_one(head: bytes, body: bytes, place: int) -> None:
    whole = head % (len(body), body)
    short = whole[: -(place % len(whole)) or -1]
    _, _, said, end = read(short)
    assert end in ("ProviderNotWorking", "Unused")
    assert body.startswith(said)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_any_bytes_end_in_a_reply_or_an_error(data: bytes, places: list[int]) -> None:
    for begun in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"):
        found = read(*cut(begun + data, places))
        assert found[3] in ("whole", "ProviderNotWorking", "Unused")


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZ\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\nx: y\r\n\r\n" + b"x" * 10,
        b"HTTP/1.1 099 No\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(reply: bytes) -> None:
    assert read(reply)[3] == "ProviderNotWorking"
