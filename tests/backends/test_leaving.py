# Who leaves stops the provider, from every backend; the suite of `conformance` asks the same with small requests.
from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from .conftest import Server, started


def said(server: Server, model: str, words: str = "x") -> str:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    body = {"model": model, "messages": [{"role": "user", "content": words}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    try:
        return str(json.loads(connection.getresponse().read())["choices"][0]["message"]["content"])
    finally:
        connection.close()


def wait_for(server: Server, running: str) -> None:
    for _ in range(200):
        if said(server, "scripted:report=running") == running:
            return
        time.sleep(0.05)
    raise AssertionError(f"there are never {running} at work")


@pytest.mark.parametrize("size", [10, 200_000, 3_000_000])
def test_a_large_request_does_not_hide_that_its_client_left(server: Server, size: int) -> None:
    wait_for(server, "0")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    message = {"role": "user", "content": "x" * size}
    body = {"model": "scripted:silence=60s", "messages": [message]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    wait_for(server, "1")
    connection.close()
    wait_for(server, "0")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "trio"])
def test_more_connections_than_descriptors_are_no_end_of_the_server(loop: str) -> None:
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))"
    run = "from backends.h11 import BACKEND, main; main(BACKEND)"
    with started("-c", f"{few}; {run}", "--port", "0", "--loop", loop) as server:
        with ExitStack() as crowd:
            for _ in range(80):
                crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            time.sleep(0.2)  # nothing tells when the server has seen them
        for _ in range(100):
            with suppress(
                OSError, http.client.HTTPException
            ):  # until it has seen them leave, uvloop hangs up on others
                return wait_for(server, "0")
            time.sleep(0.05)
        raise AssertionError("the server is gone")
