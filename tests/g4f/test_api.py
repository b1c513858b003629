# The drop-in names: settings made in a program, a server started by one, and the application under gunicorn.
from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from backends.settings import Settings
from g4f.api import AppConfig, create_app
from tests.backends.conftest import ROOT, started

PROGRAM = """
from g4f.api import AppConfig, run_api
AppConfig.set_config(g4f_api_key="secret", model="scripted", timeout=300, ignored_providers=["Local"])
AppConfig.set_config(gui=True, demo=False)
run_api({arguments})
"""


def get(port: int, target: str, key: str | None = "secret", body: object = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"content-type": "application/json"} | ({} if key is None else {"g4f-api-key": key})
    connection.request("GET" if body is None else "POST", target, body and json.dumps(body), headers)
    reply = connection.getresponse()
    try:
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


@pytest.fixture
def config() -> Iterator[type[AppConfig]]:
    before = dict(AppConfig.given)
    yield AppConfig
    AppConfig.given.clear()
    AppConfig.given.update(before)


@pytest.mark.parametrize(
    "arguments", ['host="127.0.0.1", port=0, debug=True', 'bind="127.0.0.1:0"', 'port=0, backend="quart"']
)
def test_a_program_that_serves(arguments: str) -> None:
    with started("-c", PROGRAM.format(arguments=arguments)) as server:
        assert get(server.port, "/v1/models", key=None)[0] == 401
        listed = json.loads(get(server.port, "/v1/models")[2])["data"]
        assert "smollm2" not in [one["id"] for one in listed]
        said = get(server.port, "/v1/chat/completions", body={"messages": [{"role": "user", "content": "hi there"}]})
        assert json.loads(said[2])["choices"][0]["message"]["content"] == "hi there"
        status, headers, page = get(server.port, "/", key=None)
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert page.startswith(b"<!doctype html>")


def test_what_is_set_stays_set(config: type[AppConfig]) -> None:
    config.set_config(model="scripted", provider="Scripted")
    config.set_config(model="smollm2", gui=None)
    settings = Settings(**config.given)  # type: ignore[arg-type]
    assert (settings.model, settings.provider, settings.gui) == ("smollm2", "Scripted", False)


def test_what_cannot_be_is_said(config: type[AppConfig]) -> None:
    with pytest.raises(ValueError, match="no demo mode"):
        config.set_config(demo=True)
    with pytest.raises(TypeError):
        config.set_config(unheard_of=1)  # type: ignore[call-arg]
    config.set_config(provider="Nobody")
    with pytest.raises(ValueError, match="unknown provider 'Nobody'"):
        create_app()


def test_under_gunicorn() -> None:
    """The command of the G4F REST API, its port and workers aside."""
    command = [
        sys.executable, "-m", "gunicorn", "g4f.api:create_app", "--workers", "2", "--worker-class",
        "uvicorn.workers.UvicornWorker", "--bind", "127.0.0.1:0", "--access-logfile", "-", "--error-logfile", "-",
    ]  # fmt: skip
    environment = {**os.environ, "G4F_API_KEY": "secret", "G4F_MODEL": "scripted", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            port, ready, said = 0, 0, ""
            while ready < 2:
                line = process.stderr.readline()
                assert line, said
                said += line
                port = int(found[1]) if (found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", line)) else port
                ready += "Application startup complete" in line
            assert get(port, "/v1/models", key="wrong")[0] == 401
            body = {"messages": [{"role": "user", "content": "one two three"}], "stream": True}
            status, headers, stream = get(port, "/v1/chat/completions", body=body)
            assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            assert stream.endswith(b"data: [DONE]\n\n")
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
        assert process.wait(20) == 0
