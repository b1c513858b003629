"""The suite's own SSE parser: what it reads, and that it reports every sin. Each vector whole, and byte by byte."""

import pytest

from conformance.sse import Event, Kind, SseReader

OK = b'data: {"a":1}\n\n'
END = b"data: [DONE]\n\n"

VECTORS: dict[str, tuple[bytes, tuple[Kind, ...]]] = {
    "right": (OK + END, ()),
    "comments between events": (b": ping\n\n" + OK + b": ping\n\n:\n\n" + END, ()),
    "a comment inside an event": (b': ping\ndata: {"a":1}\n\n' + END, ()),
    "no space behind the colon": (b'data:{"a":1}\n\n' + END, ()),
    "CRLF": ((OK + END).replace(b"\n", b"\r\n"), ()),
    "CR": ((OK + END).replace(b"\n", b"\r"), ()),
    "extra blank lines": (b"\n\n" + OK + b"\n\n\n" + END + b"\n", ()),
    "a BOM": (b"\xef\xbb\xbf" + OK + END, (Kind.BOM,)),
    "an id": (b"id: 1\n" + OK + END, (Kind.ID,)),
    "a retry": (b"retry: 10\n" + OK + END, (Kind.RETRY,)),
    "a retry alone": (b"retry: 10\n\n" + OK + END, (Kind.RETRY, Kind.NO_DATA)),
    "an event name": (b"event: message\n" + OK + END, (Kind.NAME,)),
    "a keepalive event": (b"event: keepalive\n\n" + OK + END, (Kind.NAME, Kind.NO_DATA)),
    "a keepalive as data": (b"data: : ping\n\n" + OK + END, (Kind.JSON,)),
    "empty data": (b"data:\n\n" + OK + END, (Kind.NO_DATA,)),
    "an unknown field": (b"date: 1\n" + OK + END, (Kind.FIELD,)),
    "JSON without a field": (b'{"error": "x"}\n' + OK + END, (Kind.FIELD,)),
    "two data lines": (b'data: {"a":\ndata: 1}\n\n' + END, (Kind.LINES,)),
    "not JSON": (b"data: {'a': 1}\n\n" + END, (Kind.JSON,)),
    "a JSON array": (b"data: [1]\n\n" + END, (Kind.JSON,)),
    "not UTF-8": (b'data: {"a":"\xe9"}\n\n' + END, (Kind.UTF8,)),
    "[DONE] and a space": (OK + b"data: [DONE] \n\n", (Kind.DONE,)),
    "two spaces and [DONE]": (OK + b"data:  [DONE]\n\n", (Kind.DONE,)),
    "no [DONE]": (OK, (Kind.NO_END,)),
    "nothing": (b"", (Kind.NO_END,)),
    "[DONE] without its blank line": (OK + b"data: [DONE]\n", (Kind.CUT, Kind.NO_END)),
    "cut in a line": (OK + b'data: {"a', (Kind.CUT, Kind.NO_END)),
    "an event after [DONE]": (OK + END + OK, (Kind.AFTER,)),
    "a comment after [DONE]": (OK + END + b": bye\n\n", (Kind.AFTER,)),
    "a second [DONE]": (OK + END + END, (Kind.AFTER,)),
}


def read(pieces: list[bytes]) -> SseReader:
    reader = SseReader()
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    return reader


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name: str) -> None:
    data, kinds = VECTORS[name]
    whole = read([data])
    assert tuple(violation.kind for violation in whole.violations) == kinds
    single = read([data[at : at + 1] for at in range(len(data))])
    assert (single.events, single.comments, single.violations) == (whole.events, whole.comments, whole.violations)


def test_every_kind_has_a_vector() -> None:
    assert {kind for _, kinds in VECTORS.values() for kind in kinds} == set(Kind)


def test_what_is_read() -> None:
    reader = SseReader(names=frozenset({"ping"}))
    assert reader.feed(b': hi\nevent: ping\ndata: {"a"') == []
    assert reader.feed(b":1}\n\n") == [Event('{"a":1}', "ping")]
    assert (reader.comments, reader.violations, reader.done) == (["hi"], [], False)


def test_a_violation_says_what_was_seen() -> None:
    assert "id: 7" in str(read([b"id: 7\n", OK, END]).violations[0])
