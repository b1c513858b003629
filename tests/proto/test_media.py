# Stored files: conditions and ranges by the letter of RFC 9110, as vectors and against a reading of its own.
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from g4f_proto import MEDIA_TYPES, ApiError, Exchange, File, MediaCall, MediaPart, ProviderNotWorking, State, media_part

from .made import API, ask, header, start, status

NAME = "0" * 32 + "-" + "a" * 16 + ".png"
MADE = 784111777  # the second of RFC 9110's own example
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
FILE = File(size=1000, type="image/png", etag="abc", modified=MADE)


def call(method: Any = "GET", **fields: str) -> MediaCall:
    headers = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in fields.items()}
    return MediaCall(name=NAME, method=method, headers=headers)


def answer(file: File = FILE, method: str = "GET", **fields: str) -> tuple[int, int, int]:
    part = media_part(file, call(method, **fields))
    return part.status, part.start, part.stop


def kept(file: File, asked: MediaCall) -> MediaPart | None:
    """None: it is refused with one of the two statuses that may be."""
    try:
        return media_part(file, asked)
    except ApiError as error:
        if error.status not in (412, 416):
            raise
        return None


WHOLE = (200, 0, 1000)
UNCHANGED = (304, 0, 0)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("bytes=0-0", (206, 0, 1)),
        ("bytes=0-499", (206, 0, 500)),
        ("bytes=500-", (206, 500, 1000)),
        ("bytes=999-", (206, 999, 1000)),
        ("bytes=-1", (206, 999, 1000)),
        ("bytes=-500", (206, 500, 1000)),
        ("bytes=-1000", (206, 0, 1000)),
        ("bytes=-9999", (206, 0, 1000)),  # "shorter than the specified suffix-length, the entire representation"
        ("bytes=0-9999", (206, 0, 1000)),
        ("bytes=0-" + "9" * 3000, (206, 0, 1000)),  # "MUST anticipate potentially large decimal numerals"
        ("BYTES=1-2", (206, 1, 3)),  # "range-unit names are case-insensitive"
        (" bytes=1-2 ", (206, 1, 3)),
        ("bytes= 1-2", (206, 1, 3)),
        ("bytes=1-2,", (206, 1, 3)),  # a list may have empty elements: 5.6.1.2
        ("bytes=00001-00002", (206, 1, 3)),
    ],
)
def test_one_range(field: str, expected: tuple[int, int, int]) -> None:
    assert answer(range=field) == expected


@pytest.mark.parametrize(
    "field",
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=2-1", "bytes=1-2,4-5", "items=0-1", "bytes 0-1", "bytes=1",
     "bytes=--1", "bytes=1--2", "bytes=+1-2", "bytes=1-2x", "bytes=0x1-2", "bytes=\xb2-3", "bytes=0-" + "9" * 5000],
)  # fmt: skip
def test_what_is_no_range_or_several_is_the_whole(field: str) -> None:
    assert answer(range=field) == WHOLE


@pytest.mark.parametrize("field", ["bytes=1000-", "bytes=1000-1000", "bytes=5000-9000", "bytes=-0"])
def test_behind_the_end(field: str) -> None:
    with pytest.raises(ApiError) as caught:
        answer(range=field)
    assert caught.value.status == 416
    assert caught.value.code == "range_not_satisfiable"
    assert caught.value.headers == ((b"content-range", b"bytes */1000"),)


def test_an_empty_file() -> None:
    empty = File(size=0, type="image/png", etag="abc", modified=MADE)
    assert answer(empty) == (200, 0, 0)
    assert answer(empty, range="bytes=-5") == (200, 0, 0)
    with pytest.raises(ApiError):
        answer(empty, range="bytes=0-")


@given(size=st.integers(0, 50), first=st.integers(0, 60) | st.none(), last=st.integers(0, 60) | st.none())
@example(size=0, first=None, last=1)
def test_a_range_is_the_slice_it_names(size: int, first: int | None, last: int | None) -> None:
    content = bytes(range(size))
    file = File(size=size, type="image/png", etag="abc", modified=MADE)
    field = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    part = kept(file, call(range=field))
    if part is None:
        assert (first is not None and first >= size) or last == 0
        return
    got = content[part.start : part.stop]
    fields = dict(part.headers)
    assert fields[b"content-length"] == b"%d" % len(got)
    if part.status == 200:
        assert got == content
        assert b"content-range" not in fields
        assert (first is None and (last is None or not size)) or (
            first is not None and last is not None and last < first
        )
        return
    assert part.status == 206
    assert got
    wanted = content[-last:] if first is None and last else content[first : None if last is None else last + 1]
    assert got == wanted
    assert fields[b"content-range"] == b"bytes %d-%d/%d" % (part.start, part.stop - 1, size)


@given(
    field=st.text(st.characters(max_codepoint=255), max_size=30)
    | st.from_regex(r"bytes=[0-9, -]{0,12}", fullmatch=True)
)
def test_no_field_raises_but_as_416(field: str) -> None:
    for name in ("range", "if_range", "if_none_match", "if_modified_since", "if_match", "if_unmodified_since"):
        part = kept(FILE, call(**{"range": "bytes=0-1", name: field}))
        assert part is None or 0 <= part.start <= part.stop <= FILE.size


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('"abc"', UNCHANGED),
        ('W/"abc"', UNCHANGED),  # the weak comparison
        ("*", UNCHANGED),
        ('"x", W/"y","abc"', UNCHANGED),
        ('"x,abc"', WHOLE),
        ('"ABC"', WHOLE),
        ("abc", WHOLE),
        ("", WHOLE),
        ('"x"', WHOLE),
    ],
)
def test_if_none_match(field: str, expected: tuple[int, int, int]) -> None:
    assert answer(if_none_match=field) == expected
    assert answer(method="HEAD", if_none_match=field)[0] == expected[0]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (DATE, UNCHANGED),
        ("Sunday, 06-Nov-94 08:49:37 GMT", UNCHANGED),
        ("Sun Nov  6 08:49:37 1994", UNCHANGED),
        ("Mon, 07 Nov 1994 08:49:37 GMT", UNCHANGED),
        ("Sun, 06 Nov 1994 08:49:36 GMT", WHOLE),
        ("yesterday", WHOLE),
        ("Sun, 99 Nov 1994 08:49:37 GMT", WHOLE),
        ("", WHOLE),
        ("\xe9", WHOLE),
    ],
)
def test_if_modified_since(field: str, expected: tuple[int, int, int]) -> None:
    assert answer(if_modified_since=field) == expected
    # "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match header field"
    assert answer(if_modified_since=field, if_none_match='"x"') == WHOLE


@pytest.mark.parametrize(
    ("field", "taken"),
    [
        ('"abc"', True),
        (DATE, True),
        ('W/"abc"', False),
        ('"x"', False),
        ("Sun, 06 Nov 1994 08:49:38 GMT", False),
        ("", False),
    ],
)
def test_if_range(field: str, taken: bool) -> None:
    assert answer(range="bytes=0-4", if_range=field) == ((206, 0, 5) if taken else WHOLE)
    assert answer(if_range=field) == WHOLE


@pytest.mark.parametrize(
    ("name", "field", "met"),
    [
        ("if_match", "*", True),
        ("if_match", '"x", "abc"', True),
        ("if_match", 'W/"abc"', False),  # the strong comparison
        ("if_match", '"x"', False),
        ("if_unmodified_since", DATE, True),
        ("if_unmodified_since", "Sun, 06 Nov 1994 08:49:36 GMT", False),
        ("if_unmodified_since", "soon", True),
    ],
)
def test_other_conditions(name: str, field: str, met: bool) -> None:
    if met:
        assert answer(**{name: field}) == WHOLE
        return
    with pytest.raises(ApiError) as caught:
        answer(**{name: field}, if_none_match="*")  # which is not looked at before
    assert caught.value.status == 412


def test_a_condition_comes_before_the_range() -> None:
    assert answer(range="bytes=5000-", if_none_match="*") == UNCHANGED


def test_the_range_of_a_head_is_ignored() -> None:
    assert answer(method="HEAD", range="bytes=0-1") == (200, 0, 0)
    part = media_part(FILE, call("HEAD"))
    assert dict(part.headers)[b"content-length"] == b"1000"


def test_the_fields() -> None:
    assert dict(media_part(FILE, call()).headers) == {
        b"content-type": b"image/png",
        b"content-length": b"1000",
        b"etag": b'"abc"',
        b"last-modified": DATE.encode(),
        b"accept-ranges": b"bytes",
        b"cache-control": b"private, max-age=86400, immutable",
        b"x-content-type-options": b"nosniff",
    }
    assert set(dict(media_part(FILE, call(if_none_match="*")).headers)) == {b"etag", b"cache-control"}


def test_nothing_that_a_browser_runs_is_ever_stored() -> None:
    assert not any(
        "html" in kind or "svg" in kind or "xml" in kind or "script" in kind for kind in MEDIA_TYPES.values()
    )


# The same through the machine.


def asked(method: str = "GET", **fields: str) -> Exchange:
    headers = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    exchange, out = ask(b"", method, f"/media/{NAME}".encode(), headers)
    assert out == b""
    assert isinstance(exchange.call, MediaCall)
    assert exchange.call.name == NAME
    assert exchange.call.method == method
    return exchange


def test_a_file_goes_out_piece_by_piece() -> None:
    exchange = asked()
    assert exchange.send(FILE) == b""
    assert exchange.head is None
    assert exchange.send(b"\x89PNG") == b"\x89PNG"
    assert status(exchange) == 200
    assert header(exchange, b"content-length") == b"1000"
    assert header(exchange, b"transfer-encoding") is None
    assert exchange.send(bytes(996)) == bytes(996)
    assert exchange.end() == b""
    assert exchange.state is State.DONE


def test_a_part() -> None:
    exchange = asked(range="bytes=10-12")
    exchange.send(FILE)
    assert exchange.send(b"abc") == b"abc"
    assert status(exchange) == 206
    assert header(exchange, b"content-range") == b"bytes 10-12/1000"


@pytest.mark.parametrize(("method", "code"), [("HEAD", 200), ("GET", 304)])
def test_nothing_but_a_head(method: str, code: int) -> None:
    exchange = asked(method, **({} if method == "HEAD" else {"if_none_match": "*"}))
    assert exchange.send(FILE) == b""
    assert exchange.end() == b""
    assert status(exchange) == code
    assert header(exchange, b"content-length") == (b"1000" if method == "HEAD" else None)


def test_a_file_that_is_not_there() -> None:
    exchange = asked()
    body = exchange.fail(ApiError("No such file.", status=404, type="invalid_request_error"))
    assert status(exchange) == 404
    assert json.loads(body)["error"]["message"] == "No such file."


def test_a_file_that_breaks_off_says_nothing_more() -> None:
    exchange = asked()
    exchange.send(FILE)
    exchange.send(b"\x89PNG")
    assert exchange.fail(ProviderNotWorking("The disk is gone.")) == b""
    assert exchange.state is State.CLOSED  # the driver leaves the client, who sees that it is not whole
    assert exchange.outcome.error is not None


def test_it_needs_no_key_and_nothing_else_does() -> None:
    from dataclasses import replace

    api = replace(API, keys=("k",))
    assert start("GET", f"/media/{NAME}".encode(), api=api).receive_end() == b""
    exchange = start("GET", b"/media/", api=api)
    exchange.receive_end()
    assert status(exchange) == 401
