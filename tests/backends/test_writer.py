# What the raw server writes, read back by h11's client, and the rules that it keeps on the way.
from __future__ import annotations

import h11
import pytest

from backends.writer import Writer
from g4f_proto import Head

PIECES = (b"one", b"", b"two" * 100)
BODY = b"".join(PIECES)
LENGTH = (b"content-length", b"%d" % len(BODY))
TYPE = (b"content-type", b"text/plain")


def reply(writer: Writer, head: Head, pieces: tuple[bytes, ...] = PIECES, *, close: bool = False) -> bytes:
    out = writer.head(head, close=close)
    for piece in pieces:
        out += writer.body(piece, last=False)
    return out + writer.body(b"", last=True)


def read(data: bytes, method: str = "POST") -> tuple[h11.Response, bytes, bool]:
    """The head, the body, and whether the connection goes on."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    head = client.next_event()
    assert isinstance(head, h11.Response)
    body = b""
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:  # its end is the connection's
            client.receive_data(b"")
        elif isinstance(event, h11.Data):
            body += event.data
        else:
            assert isinstance(event, h11.EndOfMessage)
            break
    assert client.trailing_data[0] == b""
    return head, body, client.our_state is h11.DONE and client.their_state is h11.DONE


@pytest.mark.parametrize("headers", [(TYPE,), (TYPE, LENGTH)], ids=["chunked", "length"])
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_body_comes_whole_and_ends_where_it_should(headers: tuple[tuple[bytes, bytes], ...], version: bytes) -> None:
    writer = Writer(b"POST", version, {})
    data = reply(writer, Head(200, headers))
    head, body, goes_on = read(data)
    assert (head.status_code, head.reason, body) == (200, b"OK", BODY)
    assert goes_on is writer.stays is (version == b"1.1")
    assert (b"transfer-encoding" in dict(head.headers)) is (version == b"1.1" and LENGTH not in headers)


@pytest.mark.parametrize(
    ("asked", "told", "close", "stays"),
    [
        ({}, (), False, True),
        ({b"connection": b"keep-alive"}, (), False, True),
        ({b"connection": b"x, Close"}, (), False, False),
        ({}, ((b"connection", b"close"),), False, False),
        ({}, (), True, False),
        (None, (), False, False),
    ],
)
def test_who_ends_the_connection_and_that_it_is_said(
    asked: dict[bytes, bytes] | None, told: tuple[tuple[bytes, bytes], ...], close: bool, stays: bool
) -> None:
    writer = Writer(b"POST", b"1.1", asked)
    head, _, goes_on = read(reply(writer, Head(200, (LENGTH, *told)), close=close))
    assert writer.stays is goes_on is stays
    assert [value for name, value in head.headers if name == b"connection"] == ([] if stays else [b"close"])


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("POST", 304)])
def test_some_replies_have_no_body(method: str, status: int) -> None:
    writer = Writer(method.encode(), b"1.1", {})
    head, body, goes_on = read(reply(writer, Head(status, (TYPE,)), ()), method)
    assert (body, goes_on) == (b"", True)
    assert (b"transfer-encoding" in dict(head.headers)) is (method == "HEAD")  # as a GET's would have


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb"])
def test_a_field_cannot_write_the_rest_of_the_reply(value: bytes) -> None:
    with pytest.raises(ValueError, match="line break"):
        Writer(b"GET", b"1.1", {}).head(Head(200, ((b"x-g4f-model", value),)), close=False)
