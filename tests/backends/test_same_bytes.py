# The same request gives the same bytes from every backend: status, header fields, body.
from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.backends.conftest import Server, started

Answer = tuple[int, dict[str, str], bytes]

#: Fields of the connection, of the time and of the server itself.
OTHERS = {"alt-svc", "connection", "date", "keep-alive", "openai-processing-ms", "server", "transfer-encoding"}
FILE = f"/media/{'a' * 32}-{'b' * 16}.png"
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
    "images": ("POST", "/v1/images/generations", {"prompt": "h\u00e9", "n": 2, "response_format": "b64_json"}),
    "images refused": ("POST", "/api/Scripted/images/generations", {"prompt": "x", "size": "9x9"}),
    "file": ("GET", FILE, None),
    "head of a file": ("HEAD", FILE, None),
    "part of a file": ("GET", FILE, None, {"range": "bytes=-7"}),
    "no such part": ("GET", FILE, None, {"range": "bytes=999999-"}),
    "unchanged file": ("GET", FILE, None, {"if-none-match": "*"}),
    "another file": ("GET", FILE, None, {"if-match": '"x"'}),
    "no file": ("GET", FILE.replace("a", "c"), None),
}


@pytest.fixture(scope="module")
def servers(media_dir: Path) -> Iterator[dict[str, Server]]:
    (media_dir / FILE.removeprefix("/media/")).write_bytes(bytes(range(256)) * 300)
    os.utime(media_dir / FILE.removeprefix("/media/"), (1, 1))
    script = ("-m", "tests.backends.pinned")
    with (
        started(*script, "h11", "asyncio") as one,
        started(*script, "h11", "trio") as two,
        started(*script, "quart", "asyncio") as three,
        started(*script, "sanic", "asyncio") as four,
    ):
        yield {"h11-asyncio": one, "h11-trio": two, "quart": three, "sanic": four}


def ask(server: Server, method: str, target: str, body: object, fields: dict[str, str] | None = None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {
        "authorization": "Bearer k",
        "content-type": "application/json",
        "origin": "https://a.example",
        **(fields or {}),
    }
    try:
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        assert response.getheader("x-request-id") == "req_" + "0" * 32
        assert response.getheader("access-control-allow-origin") == "https://a.example"
        parsedate_to_datetime(response.getheader("date", ""))
        told = {name.lower(): value for name, value in response.getheaders() if name.lower() not in OTHERS}
        if told.get("content-type", "").startswith("text/event-stream"):
            told.pop("content-length", None)  # Sanic tells it when the whole stream fits into its first write
        return response.status, told, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("name", REQUESTS)
def test_same_bytes(servers: dict[str, Server], name: str) -> None:
    answers = {server: ask(running, *REQUESTS[name]) for server, running in servers.items()}
    assert answers["h11-asyncio"][0] in (200, 204, 206, 304, 400, 404, 405, 412, 416, 429)
    for server, answer in answers.items():
        assert answer == answers["h11-asyncio"], server


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"NONSENSE\r\n\r\n", (400, "invalid_http")),
        (b"GET / HTTP/1.1\r\n\r\n", (400, "invalid_http")),  # no Host
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", (400, "invalid_http")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + 70_000 * b"x", (431, "headers_too_large")),
        (b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", (401, "invalid_api_key")),
        (b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n", (401, "invalid_api_key")),
    ],
)
def test_what_frameworks_fail_on_gets_an_answer_like_any_other(
    servers: dict[str, Server], sent: bytes, expected: tuple[int, str]
) -> None:
    for name, running in servers.items():
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
            client.sendall(sent)
            response = http.client.HTTPResponse(client)
            response.begin()
            error = json.loads(response.read())["error"]
        assert (response.status, error["code"]) == expected, name
        assert "bytearray" not in error["message"], name
        assert response.getheader("x-request-id") == "req_" + "0" * 32, name
        assert response.getheader("openai-processing-ms", "").isdigit(), name


def test_a_websocket_is_not_opened(servers: dict[str, Server]) -> None:
    handshake = {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": "13"}
    for name, running in servers.items():
        fields = {**handshake, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
        status, told, body = ask(running, "GET", "/health", None, fields)
        assert (status, told["content-type"]) in ((200, "application/json"), (400, "application/json")), name
        assert json.loads(body), name
