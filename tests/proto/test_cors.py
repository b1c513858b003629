# Browsers: off by default, on for listed origins only, on errors too, never `*`.
from __future__ import annotations

from dataclasses import replace

import pytest

from g4f_proto import Exchange, ProviderNotWorking

from .made import API, ask, chat, header, status

PAGE = b"https://page.example"
OPEN = replace(API, origins=frozenset({"https://page.example", "http://localhost:3000"}))
LOCKED = replace(OPEN, keys=("k",))
JSON = {b"content-type": b"application/json"}


def told(exchange: Exchange) -> dict[bytes, bytes]:
    assert exchange.head is not None
    return {name: value for name, value in exchange.head.headers if name.startswith(b"access-control-")}


def test_off_by_default() -> None:
    for method in ("OPTIONS", "GET", "POST"):
        exchange, _ = ask(b"{", method, headers={b"origin": PAGE, b"access-control-request-method": b"POST"})
        assert told(exchange) == {}
        assert header(exchange, b"vary") is None


@pytest.mark.parametrize(
    ("method", "target", "body", "expected"),
    [
        ("GET", b"/v1/models", b"", 200),
        ("GET", b"/health", b"", 200),
        ("HEAD", b"/v1/models", b"", 200),
        ("GET", b"/nowhere", b"", 404),
        ("DELETE", b"/v1/models", b"", 405),
        ("POST", b"/v1/chat/completions", b"{", 400),
        ("POST", b"/v1/chat/completions", b"x" * (26 * 1024 * 1024), 413),
    ],
)
def test_a_listed_origin_is_reflected_also_on_errors(method: str, target: bytes, body: bytes, expected: int) -> None:
    exchange, _ = ask(body, method, target, {b"origin": PAGE, **JSON}, api=OPEN)
    assert status(exchange) == expected
    assert told(exchange) == {
        b"access-control-allow-origin": PAGE,
        b"access-control-expose-headers": b"x-request-id, x-g4f-model, retry-after, retry-after-ms, x-should-retry",
    }
    assert header(exchange, b"vary") == b"origin"


def test_refusals_of_the_key_and_of_the_provider_too() -> None:
    exchange, _ = ask(chat(), headers={b"origin": PAGE, **JSON}, api=LOCKED)
    assert status(exchange) == 401
    assert header(exchange, b"access-control-allow-origin") == PAGE
    for body in (chat(), chat(stream=True)):
        exchange, _ = ask(body, headers={b"origin": PAGE, **JSON}, api=OPEN)
        exchange.fail(ProviderNotWorking("gone"))
        assert header(exchange, b"access-control-allow-origin") == PAGE
        exchange, _ = ask(body, headers={b"origin": PAGE, **JSON}, api=OPEN)
        exchange.send("a")
        exchange.end()
        assert header(exchange, b"access-control-allow-origin") == PAGE


@pytest.mark.parametrize(
    "origin",
    [
        b"", b"*", b"null", b"https://page.example.evil.com", b"https://page.example/", b"HTTPS://PAGE.EXAMPLE",
        b"https://page.example, https://evil", b"https://page.example\r\nx: y", b"\xff\xfe", b"http://localhost",
    ],
)  # fmt: skip
def test_no_other_origin_is(origin: bytes) -> None:
    for method in ("GET", "OPTIONS"):
        exchange, _ = ask(b"", method, b"/v1/models", {b"origin": origin}, api=OPEN)
        assert told(exchange) == {}
        assert header(exchange, b"vary") == b"origin"


def test_never_a_star() -> None:
    with pytest.raises(ValueError, match="one by one"):
        replace(API, origins=frozenset({"*"}))
    for origins in (OPEN.origins, frozenset[str]()):
        for headers in ({}, {b"origin": PAGE}, {b"origin": b"https://evil.example"}):
            for method in ("GET", "OPTIONS"):
                exchange, _ = ask(b"", method, b"/v1/models", headers, api=replace(API, origins=origins))
                assert b"*" not in told(exchange).values()


def test_a_preflight_allows_what_is_asked_for() -> None:
    wanted = b"authorization, content-type, x-stainless-retry-count, X-Stainless-Timeout"
    exchange, out = ask(
        b"",
        "OPTIONS",
        b"/v1/chat/completions",
        {b"origin": PAGE, b"access-control-request-method": b"POST", b"access-control-request-headers": wanted},
        api=LOCKED,
    )
    assert (status(exchange), out) == (204, b"")
    assert header(exchange, b"content-length") is None  # RFC 9110 8.6
    assert header(exchange, b"allow") == b"GET, HEAD, POST, OPTIONS"
    assert told(exchange) == {
        b"access-control-allow-origin": PAGE,
        b"access-control-expose-headers": b"x-request-id, x-g4f-model, retry-after, retry-after-ms, x-should-retry",
        b"access-control-allow-methods": b"GET, POST, OPTIONS",
        b"access-control-allow-headers": wanted,
        b"access-control-max-age": b"86400",
    }


def test_a_preflight_that_asks_for_no_header() -> None:
    exchange, _ = ask(b"", "OPTIONS", b"/nowhere", {b"origin": PAGE}, api=OPEN)
    assert header(exchange, b"access-control-allow-headers") == b"authorization, content-type"


def test_nothing_breaks_out_of_the_header_that_is_reflected() -> None:
    wanted = b"x-a\r\nset-cookie: a=b\x00;*\xff"
    headers = {b"origin": PAGE, b"access-control-request-headers": wanted}
    exchange, _ = ask(b"", "OPTIONS", b"/v1/models", headers, api=OPEN)
    assert header(exchange, b"access-control-allow-headers") == b"x-aset-cookie ab"


@pytest.mark.parametrize("kind", [None, b"", b"text/plain", b"application/x-www-form-urlencoded"])
def test_a_page_cannot_post_without_asking(kind: bytes | None) -> None:
    """What a browser sends without a preflight is refused: also a typeless Blob, which has no content-type at all."""
    headers = {b"origin": b"https://evil.example"} | ({} if kind is None else {b"content-type": kind})
    exchange, _ = ask(chat(), headers=headers)
    assert status(exchange) == 415
    assert exchange.call is None
