# Bytes -> one JSON object: RFC 8259 and no more, and nothing but InvalidRequest for a stranger's bytes.
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import InvalidRequest
from g4f_proto._schema import parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(body: bytes) -> object:
    return parse(body, depth=128)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", {}),
        (b" \t\r\n{ }\n", {}),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a":1,"a":2}', {"a": 2}),  # the last one counts
        (b'{"a":"\\ud83d"}', {"a": "\ud83d"}),  # JSON.stringify writes that
        (b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        ('{"a":"ж\u2028"}'.encode(), {"a": "ж\u2028"}),
        (b'{"a":"\\u0000"}', {"a": "\x00"}),
        (b'{"a":[-0.0,1e308,1e-999]}', {"a": [-0.0, 1e308, 0.0]}),
        (b'{"a":' + b"9" * 4300 + b"}", {"a": 10**4300 - 1}),
        (b'{"":{"":[]}}', {"": {"": []}}),
        (b'{"a":"\x7f"}', {"a": "\x7f"}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_objects(body: bytes, expected: object) -> None:
    assert read(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"\x00", b"[]", b"null", b"true", b"1", b'"x"', b"{", b"}", b'{"a"', b'{"a":', b'{"a":1',
        b'{"a":1,}', b"{'a':1}", b"{a:1}", b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":0x1}',
        b'{"a":1_0}', b'{"a":NaN}', b'{"a":1e999}', b'{"a":[-1.5e308, -9e400]}',
        b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":nan}', b'{"a":"\x01"}',
        b'{"a":"\n"}', b'{"a":"\\x41"}', b'{"a":tru}', b'{"a":"\\u12"}', b'{"a":"', b"{}{}", b"{} x", b"{}\x00",
        b'{"a":1}/* */', b'\xff{"a":1}', b'{"a":"\xff"}', b'{"a":"\xed\xa0\xbd"}', b'{"a":"\xc0\x80"}',
        b'{"a":"\xe2\x82"}', b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xef\xbb{}", "{}".encode("utf-16"),
        "{}".encode("utf-16-le"), "{}".encode("utf-32"), b'{"a":' + b"9" * 4301 + b"}", b"\x1f\x8b\x08\x00",
        b"data: {}\n\n", b"a=b&c=d", b"--boundary\r\n",
    ],
    ids=lambda body: repr(body)[:30],
)  # fmt: skip
def test_everything_else_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "invalid_json", None)
    assert len(caught.value.message) < 300
    assert "sys." not in caught.value.message
    caught.value.body()


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_depth_at_its_edge(limit: int) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"b":', b"}")):
        empty = b"[]" if opening == b"[" else b"{}"
        for levels in (limit, limit + 1):
            inner = opening * (levels - 2) + empty + closing * (levels - 2) if levels > 1 else b"1"
            body = b'{"wide":[1],"a":' + inner + b"}" if limit > 1 else b'{"a":' + inner + b"}"
            if levels <= limit:
                assert parse(body, depth=limit)
            else:
                with pytest.raises(InvalidRequest, match=f"deeper than {limit} levels"):
                    parse(body, depth=limit)


def test_width_is_no_depth() -> None:
    document = {"a": [[1], {"b": {}}] * 500, "c": {"d": [[], []]}}
    assert parse(json.dumps(document).encode(), depth=4) == document


@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans(), st.booleans())
def test_what_json_writes_is_read(document: dict[str, object], ascii_only: bool, bom: bool) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only)
    body = (b"\xef\xbb\xbf" if bom else b"") + text.encode("utf-8", "surrogatepass" if ascii_only else "replace")
    assert read(body) == json.loads(body.decode("utf-8-sig"))


@given(st.binary(max_size=50) | st.text('{}[]"\\,:0e.-ntru ', max_size=40).map(str.encode), st.integers(1, 6))
def test_a_strangers_bytes_are_an_object_or_refused(body: bytes, depth: int) -> None:
    try:
        found = parse(body, depth=depth)
    except InvalidRequest as refusal:
        refusal.body()
        return
    assert found == json.loads(body.decode("utf-8-sig"))


def test_whole_byte_by_byte_and_with_rubbish() -> None:
    whole = b'{"a":[1,{"b":"c"}]}'
    assert read(whole)
    for end in range(len(whole)):
        with pytest.raises(InvalidRequest):
            read(whole[:end])
    for rubbish in (b"x", b"]", b"}", b",", b'"', b"\xef\xbb\xbf", whole):
        with pytest.raises(InvalidRequest):
            read(whole + rubbish)
