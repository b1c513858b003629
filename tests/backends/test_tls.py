# HTTPS on every backend: a stream, a reply, a stranger who does not shake hands, a certificate that is none.
from __future__ import annotations

import http.client
import json
import socket
import ssl
from pathlib import Path

import pytest

from tests.backends.conftest import SERVERS, started
from tests.backends.test_command import ends

PEM = Path(__file__).parents[1] / "conformance" / "localhost.pem"


@pytest.mark.parametrize("server", SERVERS)
def test_https(server: str) -> None:
    name, loop = SERVERS[server]
    with started("-m", f"backends.{name}", "--port", "0", "--loop", loop, "--ssl-certfile", str(PEM)) as running:
        assert running.url.startswith("https://")
        with socket.create_connection(("127.0.0.1", running.port)) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            connection = http.client.HTTPSConnection(
                "localhost", running.port, timeout=10, context=ssl.create_default_context(cafile=PEM)
            )
            for stream in (False, True, False):
                body = {"model": "scripted", "messages": [{"role": "user", "content": "a b"}], "stream": stream}
                connection.request("POST", "/v1/chat/completions", json.dumps(body))
                reply = connection.getresponse()
                assert reply.status == 200
                assert (b"data: [DONE]" in reply.read()) is stream
            connection.request("POST", "/v1/images/generations", json.dumps({"prompt": "x", "model": "scripted"}))
            url = json.loads(connection.getresponse().read())["data"][0]["url"]
            assert url.startswith(f"https://localhost:{running.port}/media/")
            connection.close()


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    for path in (tmp_path / "none.pem", tmp_path / "missing.pem"):
        code, said = ends("-m", "backends.h11", "--port", "0", "--ssl-certfile", str(path))
        assert code == 2
        assert f"the certificate {path} cannot be used" in said
        assert said.count("\n") == 1
