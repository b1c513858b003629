# Paths as they are in the wild: no redirects, doubled slashes, `/v1` once, twice or never, ids with slashes.
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import ROUTES, Endpoint, MethodNotAllowed, Route, UnknownUrl
from g4f_proto._routes import match

from .made import ask, chat, error, get, header, status


@pytest.mark.parametrize(
    ("target", "endpoint"),
    [
        (b"/v1/chat/completions", Endpoint.CHAT),
        (b"/chat/completions", Endpoint.CHAT),
        (b"/v1/chat/completions/", Endpoint.CHAT),
        (b"//v1//chat///completions//", Endpoint.CHAT),
        (b"/v1/v1/chat/completions", Endpoint.CHAT),
        (b"/v1/v1/v1/chat/completions", Endpoint.CHAT),
        (b"/v1/chat/completions?api-version=2024", Endpoint.CHAT),
        (b"/v1/chat/completions?", Endpoint.CHAT),
        (b"/v1/chat/completions#x", Endpoint.CHAT),
        (b"/v1/ch%61t/completions", Endpoint.CHAT),
        (b"http://127.0.0.1:1337/v1/chat/completions", Endpoint.CHAT),
        (b"https://user@host//v1/chat/completions/?a=b", Endpoint.CHAT),
    ],
)
def test_post(target: bytes, endpoint: Endpoint) -> None:
    assert match("POST", target) == Route(endpoint)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/v1/models", Route(Endpoint.MODELS)),
        (b"/models", Route(Endpoint.MODELS)),
        (b"/models/", Route(Endpoint.MODELS)),
        (b"//models", Route(Endpoint.MODELS)),
        (b"/v1/models?limit=2", Route(Endpoint.MODELS)),
        (b"http://h/models", Route(Endpoint.MODELS)),
        (b"/health", Route(Endpoint.HEALTH)),
        (b"/health/", Route(Endpoint.HEALTH)),
        (b"/v1/models/echo", Route(Endpoint.MODEL, model="echo")),
        (b"/v1/models/echo/", Route(Endpoint.MODEL, model="echo")),
        (b"/v1/models/org/big-7b", Route(Endpoint.MODEL, model="org/big-7b")),
        (b"/v1/models/org%2Fbig-7b", Route(Endpoint.MODEL, model="org/big-7b")),
        (b"/v1/models/org//big-7b", Route(Endpoint.MODEL, model="org/big-7b")),
        (b"/v1/models/v1", Route(Endpoint.MODEL, model="v1")),
        (b"/v1/models/a%20b%3Ac", Route(Endpoint.MODEL, model="a b:c")),
        (b"/v1/models/a%00b", Route(Endpoint.MODEL, model="a\x00b")),
        (b"/v1/models/%D0%B6", Route(Endpoint.MODEL, model="ж")),
        ("/v1/models/ж".encode(), Route(Endpoint.MODEL, model="ж")),
        (b"/v1/models/%ff", Route(Endpoint.MODEL, model="\ufffd")),
        (b"/v1/models/100%", Route(Endpoint.MODEL, model="100%")),
        (b"/v1/models/%zz", Route(Endpoint.MODEL, model="%zz")),
        (b"/v1/models/a%3Fb", Route(Endpoint.MODEL, model="a?b")),
        (b"/api/Echo/models", Route(Endpoint.MODELS, provider="Echo")),
        (b"/v1/api/Echo/models/", Route(Endpoint.MODELS, provider="Echo")),
        (b"/api/A%2FB/models", Route(Endpoint.MODELS, provider="A/B")),
    ],
)
def test_get_and_head(target: bytes, expected: Route) -> None:
    assert match("GET", target) == match("HEAD", target) == expected


def test_the_provider_in_the_path() -> None:
    expected = Route(Endpoint.CHAT, provider="Echo")
    assert match("POST", b"/api/Echo/chat/completions") == match("POST", b"//api//Echo/chat/completions/?x") == expected


@pytest.mark.parametrize(
    "target",
    [
        b"", b"//", b"/v1", b"/v1/", b"/v1/v1", b"/nowhere", b"/v1/chat", b"/v1/chat/completions/x", b"/api",
        b"/api/Echo", b"/api/chat/completions", b"/api/Echo/chat", b"/api/Echo/chat/completions/x", b"/v2/models",
        b"/v1/../v1/models", b"/V1/models", b"/v1/Models", b"http://h", b"http://h?x", b"/health/x",
        b"?", b"#", b"\xff", b"/v1/chat/completions%00",
    ],
)  # fmt: skip
def test_unknown(target: bytes) -> None:
    for method in ("GET", "POST", "HEAD", "DELETE"):
        with pytest.raises(UnknownUrl) as caught:
            match(method, target)
        assert (caught.value.status, caught.value.code) == (404, "unknown_url")


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("GET", b"/v1/chat/completions", b"POST, OPTIONS"),
        ("HEAD", b"/v1/chat/completions", b"POST, OPTIONS"),
        ("PUT", b"//chat/completions/", b"POST, OPTIONS"),
        ("POST", b"/v1/models", b"GET, HEAD, OPTIONS"),
        ("DELETE", b"/v1/models/echo", b"GET, HEAD, OPTIONS"),
        ("POST", b"/health", b"GET, HEAD, OPTIONS"),
        ("get", b"/health", b"GET, HEAD, OPTIONS"),
        ("GET", b"/api/Echo/chat/completions", b"POST, OPTIONS"),
        ("\r\nX", b"/api/Echo/models", b"GET, HEAD, OPTIONS"),
    ],
)
def test_another_method(method: str, target: bytes, allow: bytes) -> None:
    with pytest.raises(MethodNotAllowed):
        match(method, target)
    exchange, out = ask(b"", method, target)
    assert status(exchange) == 405
    assert header(exchange, b"allow") == allow
    if method != "HEAD":
        assert error(out)["code"] == "method_not_allowed"
    assert MethodNotAllowed.headers == (), "one request's Allow is not another's"


def test_every_route_of_the_table_is_found() -> None:
    for method, path, endpoint, _ in ROUTES:
        target = path.replace("{provider}", "P").replace("{model...}", "a/b").encode()
        spellings = (target, target + b"?q=1")
        for spelled in spellings if path == "/" else (*spellings, target + b"/", b"/" + target):
            found = match(method, spelled)
            assert found.endpoint is endpoint
            assert found.provider == ("P" if "{provider}" in path else None)
            assert found.model == ("a/b" if "{model" in path else None)


def test_the_page_has_one_path() -> None:
    for method, target in (("GET", b"/"), ("HEAD", b"/"), ("GET", b"/?x")):
        assert match(method, target) == Route(Endpoint.GUI)
    with pytest.raises(UnknownUrl):
        match("POST", b"/")


@given(st.text(max_size=8), st.binary(max_size=30))
def test_any_target_is_a_route_or_an_error(method: str, target: bytes) -> None:
    try:
        match(method, target)
    except (UnknownUrl, MethodNotAllowed) as refusal:
        refusal.body().decode("ascii")


def test_options_is_answered_everywhere() -> None:
    for target in (b"*", b"/", b"/nowhere", b"/v1/models", b"http://h/v1/chat/completions"):
        exchange, out = ask(b"", "OPTIONS", target)
        assert (status(exchange), out) == (204, b"")


def test_a_chat_by_every_spelling_of_its_path() -> None:
    for target in (b"//v1/chat/completions", b"/chat/completions/", b"/v1/v1/chat/completions"):
        exchange, _ = ask(chat(), target=target)
        assert exchange.call is not None
    exchange, _ = ask(chat(model="plain"), target=b"/api/Bare/chat/completions")
    assert exchange.call is not None
    assert exchange.call.provider == "Bare"
    exchange, out = ask(chat(), target=b"/api/Nobody/chat/completions")
    assert (status(exchange), error(out)["code"]) == (404, "provider_not_found")


def test_a_slashed_model_id_is_retrievable() -> None:
    for target in (b"/v1/models/org/big-7b", b"/models/org%2fbig-7b/"):
        exchange, out = get(target)
        assert (status(exchange), json.loads(out)["id"]) == (200, "org/big-7b")
