# SIGTERM: answers being made finish, idle connections end, nothing new begins; a second signal ends the grace with the
# error frame and the terminator.
from __future__ import annotations

import http.client
import json
import signal
import socket
import time

import pytest

from tests.backends.conftest import SERVERS, Server, started


def begin(server: Server, model: str, *, stream: bool) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    return connection


def until_refused(server: Server) -> None:
    """The first signal has arrived: nothing new begins. Two signals at once may be seen as one."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("the server still takes connections")


@pytest.mark.parametrize("name", SERVERS)
def test_running_answers_finish(name: str) -> None:
    backend, loop = SERVERS[name]
    with started("-m", f"backends.{backend}", "--port", "0", "--loop", loop) as server:
        idle = socket.create_connection(("127.0.0.1", server.port))
        streaming = begin(server, "scripted:tokens=10,delay=50ms", stream=True)
        response = streaming.getresponse()
        single = begin(server, "scripted:tokens=10,delay=50ms", stream=False)
        time.sleep(0.1)  # the single request is on its way, nothing tells when it is in
        server.process.send_signal(signal.SIGTERM)
        body = response.read()
        assert body.count(b'"content":') == 11
        assert body.endswith(b"data: [DONE]\n\n")
        assert b'"error"' not in body
        reply = single.getresponse()
        assert reply.status == 200
        assert json.loads(reply.read())["usage"]["completion_tokens"] == 10
        assert server.process.wait(10) == 0
        idle.close()
        streaming.close()
        single.close()


@pytest.mark.parametrize("name", SERVERS)
def test_a_second_signal_ends_the_grace_with_an_error(name: str) -> None:
    backend, loop = SERVERS[name]
    with started("-m", f"backends.{backend}", "--port", "0", "--loop", loop) as server:
        streaming = begin(server, "scripted:tokens=1000,delay=50ms", stream=True)
        response = streaming.getresponse()
        single = begin(server, "scripted:silence=100s", stream=False)
        time.sleep(0.1)  # as above
        server.process.send_signal(signal.SIGTERM)
        until_refused(server)
        server.process.send_signal(signal.SIGTERM)
        last = response.read().rpartition(b'data: {"error"')
        assert b'"code":"shutting_down"' in last[2]
        assert last[2].endswith(b"data: [DONE]\n\n")
        reply = single.getresponse()
        assert reply.status == 503
        assert json.loads(reply.read())["error"]["code"] == "shutting_down"
        assert server.process.wait(10) == 0
        streaming.close()
        single.close()
