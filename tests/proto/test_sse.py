# Server-sent events: WHATWG's rules in, at every split of the bytes; `data:` lines and comments out.
from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import DONE, PING, SseDecoder, SseError, SseEvent, frame
from g4f_proto._sse import MAX_EVENT

BOM = b"\xef\xbb\xbf"


def read(*pieces: bytes, max_event: int = MAX_EVENT) -> list[SseEvent]:
    decoder, short = SseDecoder(max_event=max_event), SseDecoder(max_event=max_event)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    assert [data for piece in pieces for data in short.feed_data(piece)] == [event.data for event in events]
    return events


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


VECTORS: list[tuple[bytes, list[SseEvent]]] = [
    (b"", []),
    (b"\n\n\n", []),
    (b"data: a\n\n", [SseEvent("a")]),
    (b"data:a\n\n", [SseEvent("a")]),
    (b"data:  a\n\n", [SseEvent(" a")]),
    (b"data: a \n\n", [SseEvent("a ")]),
    (b"data\n\n", [SseEvent("")]),
    (b"data:\n\n", [SseEvent("")]),
    (b"data\ndata\n\n", [SseEvent("\n")]),
    (b"data: a\ndata: b\n\n", [SseEvent("a\nb")]),
    (b"data: a\r\n\r\n", [SseEvent("a")]),
    (b"data: a\r\r", [SseEvent("a")]),
    (b"data: a\n\r", [SseEvent("a")]),
    (b"data: a\r\n\n", [SseEvent("a")]),
    (b"data: a\n\r\n", [SseEvent("a")]),
    (b"data: a\r\n\rdata: b\n\r\n", [SseEvent("a"), SseEvent("b")]),
    (b"data: a\r\r\ndata: b\r\r", [SseEvent("a"), SseEvent("b")]),
    (b"data: a\n\ndata: b\n\n", [SseEvent("a"), SseEvent("b")]),
    (BOM + b"data: a\n\n", [SseEvent("a")]),
    (BOM + BOM + b"data: a\n\n", []),  # one BOM, not two
    (b"data: a\n\n" + BOM + b"data: b\n\n", [SseEvent("a")]),
    (b"data: " + BOM + b"a\n\n", [SseEvent("\ufeffa")]),
    (b"\xef\xbbdata: a\n\ndata: b\n\n", [SseEvent("b")]),
    (b": comment\n\n", []),
    (b":\n\n: ping\n\ndata: a\n\n", [SseEvent("a")]),
    (b"data: a\n: in between\ndata: b\n\n", [SseEvent("a\nb")]),
    (b"event: e\ndata: a\n\ndata: b\n\n", [SseEvent("a", "e"), SseEvent("b")]),
    (b"event: e\n\ndata: a\n\n", [SseEvent("a")]),
    (b"event\ndata: a\n\n", [SseEvent("a")]),
    (b"event: e\nevent: f\ndata: a\n\n", [SseEvent("a", "f")]),
    (b"event: message\ndata: a\n\n", [SseEvent("a")]),
    (b"id: 1\nretry: 5\ndata: a\n\n", [SseEvent("a")]),
    (b"id: 1\n\nretry: 5\n\n", []),
    (b"Data: a\n\n data: b\n\ndata : c\n\ndatax: d\n\n", []),
    (b"data: a:b: c\n\n", [SseEvent("a:b: c")]),
    (b"data: \xff\xe2\x82\n\n", [SseEvent("\ufffd\ufffd")]),
    (b"data: \xe2\x82\ndata: \xac\n\n", [SseEvent("\ufffd\n\ufffd")]),
    ("data: ж\u2028\u0085\x0b\x0c\n\n".encode(), [SseEvent("ж\u2028\u0085\x0b\x0c")]),
    (b"data: \x00\n\n", [SseEvent("\x00")]),
    (b"data: a", []),
    (b"data: a\n", []),
    (b"data: a\n\ndata: b\n", [SseEvent("a")]),
    (b"{}\n\n<html>\n\n", []),
]


@pytest.mark.parametrize(("stream", "expected"), VECTORS, ids=lambda value: repr(value)[:40])
def test_whole_byte_by_byte_and_with_rubbish(stream: bytes, expected: list[SseEvent]) -> None:
    assert read(stream) == expected
    assert read(*(bytes([byte]) for byte in stream)) == expected
    assert read(*itertools.chain.from_iterable((b"", bytes([byte]), b"") for byte in stream)) == expected
    for place in range(len(stream)):
        assert read(stream[:place], stream[place:]) == expected
    assert read(stream + b"\n\n" + b"rubbish: \xff\x00", b"data")[: len(expected)] == expected


LINES = st.lists(
    st.sampled_from([
        b"data: a", b"data:", b"data", b"data: b: c", b"event: e", b"event", b"id: 5", b"retry: 1", b":", b": ping",
        b"", b"", b"", "data: ж😀".encode(), b"data: \xff", b"x", b" data: a", BOM, BOM + b"data: a",
    ]),
    max_size=12,
)  # fmt: skip
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


@given(LINES, st.data(), st.booleans(), st.lists(st.integers(0, 300), max_size=8))
def test_any_split_and_any_line_ends_give_the_same(
    lines: list[bytes], data: st.DataObject, bom: bool, places: list[int]
) -> None:
    plain = b"".join(line + b"\n" for line in lines)
    mixed, last = b"", b""
    for line in lines:
        # an empty line after CR must not begin with LF, or the two would be one line end
        last = data.draw(ENDS if line or last != b"\r" else st.sampled_from([b"\r", b"\r\n"]))
        mixed += line + last
    start = BOM if bom else b""
    expected = read(start + plain)
    assert read(*cut(start + mixed, places)) == expected
    assert read(*(bytes([byte]) for byte in start + mixed)) == expected


@given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=6), st.integers(1, 20))
def test_any_bytes_at_any_split(data: bytes, places: list[int], limit: int) -> None:
    def run(pieces: list[bytes], *, short: bool = False) -> list[str]:
        decoder = SseDecoder(max_event=limit)
        found: list[str] = []
        try:
            for piece in pieces:
                found.extend(decoder.feed_data(piece) if short else (event.data for event in decoder.feed(piece)))
        except SseError:
            found.append("too long")
        return found

    assert run([data]) == run(cut(data, places)) == run([bytes([byte]) for byte in data])
    assert run([data], short=True) == run(cut(data, places), short=True) == run([data])


@given(st.lists(st.text(), max_size=6))
def test_what_is_framed_is_read(texts: list[str]) -> None:
    documents = [text.encode("unicode_escape").replace(b"\n", b"") for text in texts]
    stream = PING.join(map(frame, documents)) + PING + DONE
    events = read(stream)
    assert [event.data.encode() for event in events] == [*documents, b"[DONE]"]
    assert all(event.name == "message" for event in events)


def test_constants() -> None:
    assert PING == b": ping\n\n"
    assert DONE == b"data: [DONE]\n\n"
    assert frame(b'{"a":1}') == b'data: {"a":1}\n\n'


@pytest.mark.parametrize("line", [b"data: ", b": ", b"x: ", b"event: ", b""])
def test_an_event_is_bounded_whatever_its_line_is(line: bytes) -> None:
    fits = line + b"x" * (100 - len(line))
    assert read(fits + b"\n\n", max_event=100) is not None
    for pieces in ([fits + b"x\n\n"], [fits, b"x\n\n"], [fits, b"x"], [bytes([byte]) for byte in fits + b"x"]):
        with pytest.raises(SseError):
            read(*pieces, max_event=100)


def test_many_short_lines_are_one_long_event() -> None:
    assert read(b"data: 123456789\n" * 9 + b"\n", max_event=100)
    with pytest.raises(SseError):
        read(b"data: 123456789\n" * 11 + b"\n", max_event=100)
    with pytest.raises(SseError):
        read(b"data\n" * 1000, max_event=100)
    assert len(read(b"data: 123456789\n\n" * 1000, max_event=100)) == 1000


def test_what_came_before_the_fault_is_not_lost() -> None:
    decoder = SseDecoder(max_event=10)
    events = decoder.feed(b"data: a\n\n" + b"x" * 11)
    assert next(events) == SseEvent("a")
    with pytest.raises(SseError):
        next(events)


class Counted(bytearray):
    """Counts the bytes a search looks at."""

    looked = 0

    def find(self, sub: bytes, start: int = 0) -> int:  # type: ignore[override]
        at = super().find(sub, start)
        self.looked += (at if at >= 0 else len(self)) - start
        return at


@pytest.mark.parametrize(
    "pieces",
    [
        [b"data: "] + [b"x" * 64] * 20_000,
        [b"data: x\r\r" * 20_000],
        [b"data: x\n\n" * 20_000],
        [b"data: x\r\n\r\n" * 20_000],
        [b"data: x\r\r" * 20_000 + b"\n"],
        [b"\r" * 100_000, b"\n" * 100_000],
        [b"x" * 100_000 + b"\n" * 10_000 + b"\r" * 10_000],
    ],
    ids=["a line in pieces", "CR", "LF", "CRLF", "CRs before a LF", "empty lines", "mixed"],
)
def test_every_byte_is_looked_at_a_few_times(pieces: list[bytes]) -> None:
    decoder = SseDecoder()
    decoder._tail = counted = Counted()
    for piece in pieces:
        for _ in decoder.feed(piece):
            pass
    assert counted.looked <= 3 * sum(map(len, pieces))


def test_ten_megabytes_in_one_line_of_small_pieces() -> None:
    decoder = SseDecoder()
    pieces = [b"data: ", *[b"x" * 64] * 160_000, b"\n\n"]
    found = [event for piece in pieces for event in decoder.feed(piece)]
    assert [len(event.data) for event in found] == [64 * 160_000]
