# Uploads: the same form at every split of the bytes, a refusal for everything else, and a limit on all that can grow.
from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from g4f_proto import ApiError, BodyTooLarge, Form, FormFile, FormLimits, FormReader, InvalidRequest

TYPE = b"multipart/form-data; boundary=xYz"
SMALL = FormLimits(file=32, field=16, header=128, parts=3)


def part(data: bytes, disposition: bytes = b'form-data; name="a"', *headers: bytes) -> bytes:
    lines = (b"--xYz", b"Content-Disposition: " + disposition, *headers, b"", data)
    return b"\r\n".join(lines) + b"\r\n"


def file(data: bytes, filename: bytes = b"a.bin", *headers: bytes) -> bytes:
    return part(data, b'form-data; name="file"; filename="' + filename + b'"', *headers)


END = b"--xYz--\r\n"


def read(*pieces: bytes, content_type: bytes = TYPE, limits: FormLimits | None = None) -> Form:
    reader = FormReader(content_type, limits)
    for piece in pieces:
        reader.feed(piece)
    return reader.end()


def each(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


def verdict(*pieces: bytes, limits: FormLimits | None = SMALL) -> Form | tuple[int, str | None, str | None]:
    """The form, or what is said instead; anything but an ApiError fails the test."""
    try:
        return read(*pieces, limits=limits)
    except ApiError as error:
        return error.status, error.code, error.param


def form(fields: dict[str, list[str]], *files: tuple[str, str, bytes]) -> Form:
    found = [FormFile(name="file", filename=name, content_type=kind, data=data) for name, kind, data in files]
    return Form(fields=fields, files=found)


VECTORS: list[tuple[bytes, Form]] = [
    (END, form({})),
    (part(b"1") + END, form({"a": ["1"]})),
    (b"\r\n" + part(b"1") + END, form({"a": ["1"]})),
    (part(b"1") + part(b"2") + END, form({"a": ["1", "2"]})),
    (part(b"") + b"--xYz--", form({"a": [""]})),
    (part("é\r\n--xY".encode()) + END, form({"a": ["é\r\n--xY"]})),
    (part(b"1", b"form-data; name=a") + END, form({"a": ["1"]})),
    (part(b"1", b'form-data; name="a"', b"Content-Type: text/plain; charset=UTF-8") + END, form({"a": ["1"]})),
    (part(b"1", b'FORM-DATA; NAME="a"') + END, form({"a": ["1"]})),
    (part(b"1", b'form-data; name="%22"') + END, form({'"': ["1"]})),
    (file(b"") + END, form({}, ("a.bin", "", b""))),
    (file(b"\r\n\r\n--xY\r\n--\x00\xff") + END, form({}, ("a.bin", "", b"\r\n\r\n--xY\r\n--\x00\xff"))),
    (file(b"1", b"", b"Content-Type: Audio/MPEG; x=1") + END, form({}, ("", "audio/mpeg", b"1"))),
    (file(b"1", "ü.wav".encode()) + part(b"2") + END, form({"a": ["2"]}, ("ü.wav", "", b"1"))),
    (file(b"1", b"C:\\\\music\\\\a.wav") + END, form({}, ("a.wav", "", b"1"))),
]


@pytest.mark.parametrize(("body", "expected"), VECTORS)
def test_whole_byte_by_byte_and_with_rubbish_behind_it(body: bytes, expected: Form) -> None:
    assert read(body) == expected
    assert read(*each(body)) == expected
    assert read(body + b"rubbish\r\n--xYz\r\n") == expected
    assert read(*each(body + b"rubbish\r\n--xYz\r\n")) == expected


MALFORMED = [
    b"",
    b"{}",
    b"\r\n",
    b"--xY",
    b"--xYz",
    b"--xYz\n",
    b"preamble\r\n" + part(b"1") + END,
    b"\r\n\r\n" + END,
    b"--xYz-\r\n",
    part(b"1"),
    part(b"1") + b"--xYz",
    part(b"1") + b"--xYz?",
    part(b"1").replace(b"\r\n", b"\n") + END,
    part(b"1", b"attachment; name=a") + END,
    part(b"1", b"form-data") + END,
    part(b"1", b'form-data; name=""') + END,
    part(b"\xff") + END,
    part(b"1", b'form-data; name="\xff"') + END,
    part(b"1", b'form-data; name="a"', b"Content-Type: text/plain; charset=utf-16") + END,
    part(b"1", b'form-data; name="a"', b"no colon") + END,
    part(b"1", b'form-data; name="a"', b"X: a\nY: b") + END,
    part(b"1", b'form-data; name="a"', b"X: a\rb") + END,
    part(b"1", b'form-data; name="a"', b"Content-Length: 2") + END,
    part(b"1", b'form-data; name="a"', b"Content-Length: x") + END,
    part(b"1", b'form-data; name="a"', b"Content-Length: " + b"9" * 30) + END,
    b"--xYz\r\n\r\n1\r\n" + END,
    b"--xYz\r\n folded\r\n\r\n1\r\n" + END,
]


@pytest.mark.parametrize("body", MALFORMED)
def test_malformed_is_a_400_at_every_split(body: bytes) -> None:
    refusal = (400, "invalid_multipart", None)
    assert verdict(body) == refusal
    assert verdict(*each(body)) == refusal


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        (b"", 415, "unsupported_media_type"),
        (b"application/json", 415, "unsupported_media_type"),
        (b"multipart/mixed; boundary=a", 415, "unsupported_media_type"),
        (b"multipart/form-data", 400, "invalid_multipart"),
        (b"multipart/form-data; boundary=", 400, "invalid_multipart"),
        (b'multipart/form-data; boundary=""', 400, "invalid_multipart"),
        (b'multipart/form-data; boundary="a "', 400, "invalid_multipart"),
        (b'multipart/form-data; boundary="a\xffb"', 400, "invalid_multipart"),
        (b"multipart/form-data; boundary=" + b"a" * 71, 400, "invalid_multipart"),
    ],
)
def test_a_body_that_is_no_form(content_type: bytes, status: int, code: str) -> None:
    with pytest.raises(InvalidRequest if status == 400 else ApiError) as refused:
        FormReader(content_type)
    assert (refused.value.status, refused.value.code) == (status, code)


@pytest.mark.parametrize(
    "content_type",
    [b'Multipart/Form-Data; charset=utf-8; boundary="a b:c/d=e?f"', b"multipart/form-data;boundary=" + b"a" * 70],
)
def test_boundaries_that_are_allowed(content_type: bytes) -> None:
    boundary = content_type.rpartition(b"boundary=")[2].strip(b'"')
    body = b"--" + boundary + b"\r\n" + part(b"1").partition(b"\r\n")[2] + b"--" + boundary + b"--"
    assert read(body, content_type=content_type) == form({"a": ["1"]})


@pytest.mark.parametrize(
    ("body", "param", "word"),
    [
        (file(b"x" * 33, b"big.wav"), "file", "big.wav"),
        (part(b"x" * 17), "a", "'a'"),
        (part(b"1", b'form-data; name="a"', b"X: " + b"x" * 128), None, "header"),
        (b"--xYz\r\nX: " + b"x" * 999, None, "header"),
        (part(b"1", b'form-data; name="a"', *[b"X: 1"] * 9), None, "header"),
        (part(b"1") * 4, None, "count"),
    ],
)
def test_over_a_limit(body: bytes, param: str | None, word: str) -> None:
    for pieces in ([body], each(body)):
        with pytest.raises(BodyTooLarge, match=word) as refused:
            read(*pieces, limits=SMALL)
        assert (refused.value.status, refused.value.param) == (413, param)


def test_limits_are_inclusive() -> None:
    body = file(b"x" * 32) + part(b"x" * 16) + part(b"") + END
    assert read(*each(body), limits=SMALL) == form({"a": ["x" * 16, ""]}, ("a.bin", "", b"x" * 32))


def test_a_file_over_the_cap_is_refused_while_it_comes() -> None:
    reader, room = FormReader(TYPE), FormLimits().file
    reader.feed(file(b"x" * (room - 1))[:-2])
    reader.feed(b"y")
    with pytest.raises(BodyTooLarge, match=r"The file 'a.bin' is larger than 26214400 bytes."):
        reader.feed(b"z")
    with pytest.raises(ApiError):  # spent, and still no other exception
        for _ in range(3):
            reader.feed(b"z")
        reader.end()


ANYTHING = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([part(b"1"), file(b"2"), END, b"\r\n", b"--xYz", b"--", b"\n", b"\r", b"\r\n\r\n", b":"]),
)
#: Half of it begins well, so that what is behind the first boundary is met too.
BODIES = st.tuples(st.sampled_from([b"", part(b"0"), b"--xYz\r\n"]), st.lists(ANYTHING, max_size=8)).map(
    lambda drawn: drawn[0] + b"".join(drawn[1])
)
PLACES = st.lists(st.integers(min_value=0, max_value=2**16), max_size=12)


@settings(max_examples=1000)
@given(BODIES, PLACES)
def test_malformed_or_not_every_split_gets_the_same_answer(body: bytes, places: list[int]) -> None:
    assert verdict(*cut(body, places)) == verdict(body) == verdict(*each(body))


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text(max_size=9)), max_size=9), st.binary(max_size=99), PLACES
)
def test_what_goes_in_comes_out(fields: list[tuple[str, str]], data: bytes, places: list[int]) -> None:
    body = b"".join(part(value.encode(), f'form-data; name="{name}"'.encode()) for name, value in fields)
    found = read(*cut(body + file(data) + END, places))
    assert [(name, value) for name in "ab" for value in found.fields.get(name, [])] == sorted(
        fields, key=lambda field: field[0]
    )
    assert [each.data for each in found.files] == [data]
