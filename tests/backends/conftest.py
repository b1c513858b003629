# Servers as users start them: subprocesses on free ports, waited for by their ready line, ended by a signal.
from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest

ROOT = Path(__file__).parents[2]
SERVERS = {
    "h11-asyncio": ("h11", "asyncio"),
    "h11-uvloop": ("h11", "uvloop"),
    "h11-trio": ("h11", "trio"),
    "quart": ("quart", "auto"),
    "sanic": ("sanic", "auto"),
}


class Server:
    """A running server: its process and its URL."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url
        self.port = int(url.rpartition(":")[2])


@contextmanager
def started(*command: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        said = ""
        while not (ready := re.search(r"Listening on (https?://\S+)", said)):
            line = process.stderr.readline()
            assert line, f"the server did not start: {said}"
            said += line
        yield Server(process, ready[1])
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each of our servers, serving `scripted` and, where its weights are pulled, `smollm2`."""
    name, loop = SERVERS[request.param]
    with started("-m", f"backends.{name}", "--port", "0", "--loop", loop, "--alias", "gpt-4o-mini=scripted") as running:
        yield running


def client_of(server: Server, path: str = "/v1", *, key: str = "none") -> openai.OpenAI:
    """A client of it; close it: what is left open is blamed on the test that runs when it is collected."""
    return openai.OpenAI(base_url=f"{server.url}{path}", api_key=key, max_retries=0)


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with client_of(server) as client:
        yield client
