# Who may call: fail closed, one rule on every path, before anything is told about paths.
from __future__ import annotations

from dataclasses import replace

import pytest

from g4f_proto import Api, State

from .made import API, ask, chat, error, header, start, status

KEY = "sk-right"
LOCKED = replace(API, keys=(KEY, "sk-other"))
ADMITTED = [
    {b"authorization": b"Bearer sk-right"},
    {b"authorization": b"bearer sk-right"},
    {b"authorization": b"BEARER   sk-right  "},
    {b"authorization": b"Bearer sk-other"},
    {b"g4f-api-key": b"sk-right"},
    {b"x-api-key": b"sk-right"},
    {b"authorization": b"Bearer sk-right", b"g4f-api-key": b"sk-right", b"x-api-key": b"sk-right"},
    {b"authorization": b"Bearer not-this", b"g4f-api-key": b"sk-right"},  # SDKs always send their own placeholder
    {b"authorization": b"", b"x-api-key": b"sk-right"},
    {b"authorization": b"Basic dXNlcg==", b"x-api-key": b"sk-right"},
]
SHUT_OUT = [
    {},
    {b"authorization": b""},
    {b"authorization": b"Bearer"},
    {b"authorization": b"Bearer "},
    {b"authorization": b"Bearer   "},
    {b"authorization": b"sk-right"},
    {b"authorization": b"Basic sk-right"},
    {b"authorization": b"Token sk-right"},
    {b"authorization": b"Bearer\tsk-right"},
    {b"authorization": b"Bearersk-right"},
    {b"authorization": b"Bearer sk-righ"},
    {b"authorization": b"Bearer sk-rightt"},
    {b"authorization": b"Bearer SK-RIGHT"},
    {b"authorization": b"Bearer sk-right, Bearer sk-right"},  # two fields, joined: nobody knows which one was meant
    {b"authorization": b"Bearer sk-right\x00"},
    {b"g4f-api-key": b""},
    {b"x-api-key": b""},
    {b"g4f-api-key": b"Bearer sk-right"},
    {b"x-api-key": b"sk-right sk-other"},
    {b"api-key": b"sk-right"},
    {b"x-api-key": b"\xff\xfe"},
    {b"g4f-api-key": "sk-right\u00e9".encode()},
]


@pytest.mark.parametrize("headers", ADMITTED, ids=str)
def test_a_right_key_opens(headers: dict[bytes, bytes]) -> None:
    exchange, out = ask(chat(), headers=headers, api=LOCKED)
    assert (exchange.state, out) == (State.CALLING, b"")


@pytest.mark.parametrize("headers", SHUT_OUT, ids=str)
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", b"/v1/chat/completions"),
        ("POST", b"/api/Echo/chat/completions"),
        ("GET", b"/v1/models"),
        ("GET", b"/v1/models/echo"),
        ("GET", b"/nowhere"),  # a stranger learns nothing about paths
        ("GET", b"/"),
        ("DELETE", b"/v1/models"),
        ("POST", b"/health"),
        ("options", b"/v1/models"),  # methods are case-sensitive: no preflight
    ],
)
def test_no_key_or_a_wrong_one(headers: dict[bytes, bytes], method: str, target: bytes) -> None:
    exchange = start(method, target, headers, api=LOCKED)
    assert exchange.receive_data(chat()) is False, "a refused body is not read"
    out = exchange.receive_end()
    assert status(exchange) == 401
    found = error(out)
    assert (found["type"], found["code"], found["param"]) == ("authentication_error", "invalid_api_key", None)
    assert header(exchange, b"www-authenticate") == b"Bearer"
    assert header(exchange, b"x-request-id")
    assert header(exchange, b"allow") is None
    assert b"sk-" not in out


@pytest.mark.parametrize("target", [b"/health", b"/v1/health", b"//health/", b"/health?x=1"])
def test_health_needs_no_key(target: bytes) -> None:
    for method in ("GET", "HEAD"):
        assert status(ask(b"", method, target, api=LOCKED)[0]) == 200


@pytest.mark.parametrize("target", [b"/health/../v1/models", b"/health/x", b"/health%2f..%2fv1%2fmodels", b"/healthz"])
def test_nothing_hides_behind_health(target: bytes) -> None:
    assert status(ask(b"", "GET", target, api=LOCKED)[0]) == 401


def test_preflight_needs_no_key() -> None:
    assert status(ask(b"", "OPTIONS", api=LOCKED)[0]) == 204


def test_without_keys_it_is_open() -> None:
    assert ask(chat(), headers={b"authorization": b"Bearer anything"})[0].call is not None


@pytest.mark.parametrize("given", [b"", b" ", b"x"])
def test_an_empty_key_opens_nothing(given: bytes) -> None:
    for name, value in ((b"authorization", b"Bearer " + given), (b"g4f-api-key", given), (b"x-api-key", given)):
        assert status(ask(chat(), headers={name: value}, api=Api(keys=("",)))[0]) == 401


def test_a_key_that_is_not_ascii() -> None:
    api = replace(API, keys=("ключ-é",))
    assert ask(chat(), headers={b"x-api-key": "ключ-é".encode()}, api=api)[0].call is not None
    assert status(ask(chat(), headers={b"x-api-key": "ключ-é".encode("utf-16")}, api=api)[0]) == 401
    assert status(ask(chat(), headers={b"authorization": b"Bearer \xe9"}, api=replace(API, keys=("é",)))[0]) == 401


@pytest.mark.parametrize("surrogate", [0xD83D, 0xDCFF])
def test_a_key_that_nobody_can_send(surrogate: int) -> None:
    exchange, _ = ask(chat(), headers={b"x-api-key": b"\xff"}, api=replace(API, keys=(chr(surrogate),)))
    assert status(exchange) == 401
