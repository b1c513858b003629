# Files of cookies: what each kind holds, and what is no such file.
from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import ApiError, Cookie, InvalidRequest, read_cookies

SESSION = {"name": "session", "value": "abc", "domain": ".example.com"}


def read(document: object, filename: str = "cookies.json") -> tuple[Cookie, ...]:
    return read_cookies(filename, json.dumps(document).encode())


def har(*requests: object) -> dict[str, Any]:
    return {"log": {"version": "1.2", "entries": [{"request": request} for request in requests]}}


def refusal(filename: str, data: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read_cookies(filename, data)
    assert (caught.value.status, caught.value.code, caught.value.param) == (422, "invalid_cookie_file", "files")
    return caught.value


def test_an_export_of_a_browser_extension() -> None:
    exported = [
        {**SESSION, "hostOnly": False, "httpOnly": True, "secure": True, "sameSite": "no_restriction",
         "session": False, "storeId": "0", "expirationDate": 1893456000.5, "path": "/", "id": 1},
        {"name": "a", "value": "", "domain": "WWW.example.com", "hostOnly": True, "session": True},
    ]  # fmt: skip
    assert read(exported) == (
        Cookie(name="session", value="abc", domain="example.com", expires=1893456000.5),
        Cookie(name="a", value="", domain="www.example.com", alone=True),
    )


def test_a_storage_state_and_selenium() -> None:
    state = {"cookies": [{**SESSION, "expires": -1}, {**SESSION, "name": "b", "domain": "example.com"}], "origins": []}
    assert read(state) == (
        Cookie(name="session", value="abc", domain="example.com"),
        Cookie(name="b", value="abc", domain="example.com", alone=True),
    )
    assert read([{**SESSION, "expiry": 7}])[0].expires == 7


def test_names_and_values_of_the_site_that_the_file_is_named_for() -> None:
    assert read({"a": "1", "b": "2"}, "Copilot.Microsoft.com.json") == (
        Cookie(name="a", value="1", domain="copilot.microsoft.com"),
        Cookie(name="b", value="2", domain="copilot.microsoft.com"),
    )
    for name in ("cookies.json", "", "a/..json", "-.com.json"):
        assert "name it for the site" in refusal(name, b'{"a": "1"}').message


def test_a_har() -> None:
    found = read(
        har(
            {
                "url": "https://Chat.example.com:8443/x?y",
                "cookies": [{"name": "a", "value": "1", "path": "/", "expires": "2030-01-01T00:00:00Z"}],
                "headers": [
                    {"name": "Cookie", "value": "a=2; b=x=y;c; =d"},
                    {"name": "authorization", "value": "Bearer private"},
                ],
                "postData": {"text": "private"},
            },
            {"url": "data:text/plain,x", "cookies": [{"name": "no", "value": "1"}]},
            {"url": "https://other.example/", "cookies": [{"name": "a b", "value": ""}], "headers": [7, {"name": "x"}]},
            {"url": 7},
            None,
        ),
        "log.har",
    )
    assert found == (
        Cookie(name="a", value="2", domain="chat.example.com", alone=True),
        Cookie(name="b", value="x=y", domain="chat.example.com", alone=True),
    )


def test_the_later_one_counts() -> None:
    assert read([SESSION, {**SESSION, "value": "new"}]) == (Cookie(name="session", value="new", domain="example.com"),)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"# Netscape HTTP Cookie File", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"7", "neither a list of cookies nor a HAR"),
        (b"[]", "there are no cookies in it"),
        (b'{"cookies": []}', "there are no cookies in it"),
        (b'{"log": {"entries": []}}', "there are no cookies in it"),
        (b'{"log": {}}', "a HAR without entries"),
        (b"[7]", "the entry 0 is no cookie"),
        (b'[{"name": "a", "value": "b"}]', "the entry 0 has no valid"),
        (b'[{"name": "a", "value": 7, "domain": "b.c"}]', "the entry 0 has no valid"),
        (b'[{"name": "a b", "value": "", "domain": "b.c"}]', "the entry 0 has no valid"),
        (b'[{"name": "a", "value": "1;b=2", "domain": "b.c"}]', "the entry 0 has no valid"),
        (b'[{"name": "a", "value": "1\\r\\nX: y", "domain": "b.c"}]', "the entry 0 has no valid"),
        (b'[{"name": "a", "value": "", "domain": "b..c"}]', "the entry 0 has no valid"),
        (b'[{"name": "a", "value": "", "domain": "../b"}]', "the entry 0 has no valid"),
    ],
)
def test_what_is_no_file_of_cookies(data: bytes, why: str) -> None:
    assert why in refusal("cookies.json", data).message


def test_too_many() -> None:
    many = [{**SESSION, "name": f"n{number}"} for number in range(10_001)]
    assert len(read(many[1:])) == 10_000
    assert "more than 10000" in refusal("a.json", json.dumps(many).encode()).message


def test_a_refusal_tells_no_content() -> None:
    data = json.dumps([SESSION, {"name": "key", "value": "s3cret", "domain": "not a domain"}]).encode()
    assert "s3cret" not in refusal("a.json", data).message


@pytest.mark.parametrize(
    ("domain", "host", "sent"),
    [
        (".example.com", "example.com", True),
        (".example.com", "www.example.com", True),
        (".example.com", "notexample.com", False),
        (".example.com", "example.com.evil.org", False),
        ("example.com", "example.com", True),
        ("example.com", "www.example.com", False),
    ],
)
def test_who_is_sent_a_cookie(domain: str, host: str, sent: bool) -> None:
    assert read([{**SESSION, "domain": domain}])[0].sent_to(host) is sent


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["log", "entries", "request", "url", "cookies", "headers", "name", "value", "domain", "expires"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.text(max_size=12))
def test_a_strangers_file_never_raises_anything_else(document: object, filename: str) -> None:
    with suppress(InvalidRequest):
        read(document, filename)
