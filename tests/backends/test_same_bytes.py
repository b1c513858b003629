# The same request gives the same bytes from every backend: status, content type, body.
from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest

from tests.backends.conftest import Server, started

Answer = tuple[int, str | None, bytes]

CHAT = {"model": "scripted", "messages": [{"role": "user", "content": "h\u00e9llo \U0001f600 w\u00f6rld"}]}
REQUESTS = {
    "chat": ("POST", "/v1/chat/completions", CHAT),
    "stream": ("POST", "/v1/chat/completions", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
    "stream that fails": ("POST", "/v1/chat/completions", {**CHAT, "stream": True, "model": "scripted:tokens=9,cut=3"}),
    "failure": ("POST", "/v1/chat/completions", {**CHAT, "model": "scripted:error=429"}),
    "one provider": ("POST", "/api/Scripted/chat/completions", CHAT),
    "models": ("GET", "/v1/models", None),
    "model": ("GET", "/v1/models/scripted%3Adelay=1ms", None),
    "head": ("HEAD", "/v1/models", None),
    "health": ("GET", "//health/", None),
    "unknown path": ("GET", "/nope/%E2%82%AC?x=1", None),
    "wrong method": ("DELETE", "/v1/chat/completions", None),
    "strange method": ("BREW", "/v1/models", None),
    "preflight": ("OPTIONS", "/v1/chat/completions", None),
    "bad field": ("POST", "/v1/chat/completions", {**CHAT, "temperature": 9}),
}


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    script = ("-m", "tests.backends.pinned")
    with (
        started(*script, "h11", "asyncio") as one,
        started(*script, "h11", "trio") as two,
        started(*script, "quart", "asyncio") as three,
        started(*script, "sanic", "asyncio") as four,
    ):
        yield {"h11-asyncio": one, "h11-trio": two, "quart": three, "sanic": four}


def ask(server: Server, method: str, target: str, body: object) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"authorization": "Bearer k", "content-type": "application/json", "origin": "https://a.example"}
    try:
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        assert response.getheader("x-request-id") == "req_" + "0" * 32
        assert response.getheader("access-control-allow-origin") == "https://a.example"
        return response.status, response.getheader("content-type"), response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("name", REQUESTS)
def test_same_bytes(servers: dict[str, Server], name: str) -> None:
    answers = {server: ask(running, *REQUESTS[name]) for server, running in servers.items()}
    status, kind, body = answers["h11-asyncio"]
    assert status in (200, 204, 400, 404, 405, 429)
    for server, answer in answers.items():
        assert answer == (status, kind, body), server
