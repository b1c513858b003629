# What the raw server reads, held against h11: a request that is read by the pattern is one that h11 reads alike.
from __future__ import annotations

from contextlib import nullcontext
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.reader import Reader
from g4f_proto import ApiError

Read = tuple[object, bytes, bool, bytes]  # the head, the body, whether the request is whole, what follows

BODY = b'{"model": "scripted"}'
USUAL = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n"
LIMIT = 4096


def read(data: bytes, *, judge: bool = False, step: int = 0, ended: bool = False) -> Read | str:
    """One request and what follows it, or what is wrong with it.

    :param judge: h11 reads it all, the pattern nothing.
    :param step: bytes that come in at a time once the head is read; 0: all.
    :param ended: nothing follows.
    """
    reader = Reader(LIMIT)
    with patch.object(Reader, "_ordinary", lambda self: None) if judge else nullcontext():
        try:
            if step:
                end = data.find(b"\r\n\r\n") + 4
                pieces = [data[:end], *(data[at : at + step] for at in range(end, len(data), step))]
            else:
                pieces = [data]
            if ended:
                pieces.append(b"")
            reader.feed(pieces.pop(0))
            head = reader.head()
            while head is None and pieces:
                reader.feed(pieces.pop(0))
                head = reader.head()
            if head is None:
                return (None, b"", False, b"")
            body = b""
            while (piece := reader.body()) != b"":
                if piece is None:
                    if not pieces:
                        break
                    reader.feed(pieces.pop(0))
                else:
                    body += piece
            for rest in pieces:
                reader.feed(rest)
        except ApiError as error:
            return str(error.status)
        whole = reader.whole
        reader.next()
        return head, body, whole, bytes(reader._data)


@pytest.mark.parametrize("step", [0, 1, 2, 7])
@pytest.mark.parametrize("rest", [b"", b"GET / HTTP/1.1\r\n", b"\x00rubbish"])
def test_an_ordinary_request(step: int, rest: bytes) -> None:
    found = read(USUAL + BODY + rest, step=step)
    assert found == read(USUAL + BODY + rest, step=step, judge=True)
    assert isinstance(found, tuple)
    head, body, whole, follows = found
    assert head == (
        b"POST",
        b"/v1/chat/completions",
        b"1.1",
        {b"host": b"x", b"content-type": b"application/json", b"content-length": b"21"},
    )
    assert (body, whole, follows) == (BODY, True, rest)


def test_an_ordinary_request_costs_h11_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.reader.h11.Connection", None)
    assert read(USUAL + BODY) == read(USUAL + BODY, step=3)


def mostly(usual: list[bytes], *odd: bytes) -> st.SearchStrategy[bytes]:
    """A usual one, nine times in ten."""
    return st.sampled_from(usual * -(-9 * len(odd) // len(usual)) + list(odd))


NAMES = mostly(
    [b"Content-Length", b"X-Thing", b"content-type", b"Connection", b"authorization", b"x-y_z~"],
    *(b"Host", b"CONTENT-LENGTH", b"Transfer-Encoding", b"Expect", b"Upgrade"),
    *(b"", b"a b", b"x:", b" host", b"x\x00", b"\xc3\xa4", b"x\t"),
)
VALUES = mostly(
    [b"5", b"0", b"x", b"close", b"", b" ", b" 5 ", b"\t5\t", b"a  b"],
    *(b"05", b"+5", b"-1", b"5, 5", b"5,6", b"9" * 18, b"9" * 19, b"9" * 21, b"0x5", b"5 5", b"\xb2"),
    *(b"chunked", b"gzip, chunked", b"100-continue", b"websocket"),
    *(b"\x00", b"\xe4", b"a\x7fb", b"a\rb", b"a\nb", b"a\r\n b", b"\x0b5", b"a\x01b"),
)
LINE_ENDS = mostly([b"\r\n"], b"\n", b"\r", b"\r\r\n", b"")
FIELDS = st.tuples(NAMES, mostly([b":", b": "], b" :", b"", b": ", b":\t"), VALUES, LINE_ENDS).map(b"".join)
HEADS = st.tuples(
    mostly([b"GET", b"POST", b"HEAD", b"OPTIONS", b"DELETE"], b"CONNECT", b"get", b"P-T", b""),
    mostly([b" "], b"  ", b"\t", b""),
    mostly([b"/", b"/v1/models?x=1"], b"*", b"http://x/", b"/a b", b"/\xc3\xa4", b"/\x7f", b"x:1", b""),
    mostly([b" "], b"  ", b""),
    mostly([b"HTTP/1.1"], b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b"HTTP/1.10", b"HTTP/1.1 "),
    LINE_ENDS,
    mostly([b"Host: x\r\n"], b"", b"host:\r\n"),
    st.lists(FIELDS, max_size=4).map(b"".join),
    mostly([b"\r\n"], b"\n", b""),
).map(b"".join)
BODIES = st.sampled_from([b"", b"hello", b"hell", b"hello more", b"5\r\nhello\r\n0\r\n\r\n"])


@given(head=HEADS, body=BODIES, step=st.integers(0, 3), ended=st.booleans())
@example(head=USUAL, body=BODY, step=0, ended=True)
@example(head=USUAL, body=BODY[:-1], step=0, ended=True)
@example(head=b"GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n", body=b"", step=0, ended=False)
@example(head=b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", body=b"", step=0, ended=False)
@example(
    head=b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    body=b"hello",
    step=0,
    ended=False,
)
@example(
    head=b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    body=b"0\r\n\r\n",
    step=0,
    ended=False,
)
@example(head=b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", body=b"", step=0, ended=False)
@example(head=b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", body=b"", step=0, ended=False)
def test_whatever_comes_is_read_as_h11_reads_it(head: bytes, body: bytes, step: int, ended: bool) -> None:
    assert read(head + body, step=step, ended=ended) == read(head + body, step=step, ended=ended, judge=True)


@given(head=HEADS)
def test_what_the_pattern_takes_h11_takes_for_the_same(head: bytes) -> None:
    """The same with nothing between: a head that the pattern takes, and h11's word on it."""
    reader = Reader(LIMIT)
    reader.feed(head)
    found = reader._ordinary()
    if found is not None:
        judged = read(head, judge=True)
        assert isinstance(judged, tuple)
        assert judged[0] == found


def test_a_refused_body_is_used_up_as_far_as_it_came() -> None:
    reader = Reader(LIMIT)
    reader.feed(USUAL + BODY[:10])
    assert reader.head() is not None
    reader.skip()
    assert (reader.whole, reader.waiting) == (False, 0)
    reader.feed(BODY[10:] + b"next")
    reader.skip()
    assert (reader.whole, reader.waiting) == (True, 4)


def test_a_hostile_head_costs_no_more_than_its_length() -> None:
    # A pattern that could go back would try each of these lines again with each shorter value.
    head = b"GET / HTTP/1.1\r\n" + b"x: " + b" " * 1_000_000 + b"\x00\r\n" + b"a:b\r\n" * 10_000
    reader = Reader(LIMIT)
    reader.feed(head)
    assert reader._ordinary() is None
