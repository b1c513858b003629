# The command line: what it says when a server cannot start, and where a setting comes from.
from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys

import pytest

from backends.settings import Settings
from tests.backends.conftest import ROOT, started

HIDE = "import sys; sys.modules[{name!r}] = None; sys.argv[0] = 'g4f'; from g4f.cli import main; main()"


def ends(*command: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("backend", ["h11", "quart", "sanic"])
def test_a_port_in_use(backend: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = ends("-m", f"backends.{backend}", "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert said.startswith("Error: cannot listen on 127.0.0.1:")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--provider", "Nobody"], "unknown provider 'Nobody'; there are: "),
        (["--alias", "nonsense"], "'nonsense' is not NAME=MODEL"),
        (["--port", "99999"], "invalid port"),
        (["--timeout", "0"], "invalid timeout"),
        (["--public-url", "images.example"], "invalid public_url"),
        (["--media-size", "0"], "invalid media_size"),
        (["--host", "0.0.0.0"], "0.0.0.0 is reachable from other machines"),
        (["--loop", "curio"], "the h11 backend runs on: auto, asyncio, uvloop, trio; not on 'curio'"),
        (["--alias", "a=nobody"], "the alias 'a' stands for 'nobody', which nobody serves"),
        (["--model", "nobody"], "the default model 'nobody' is served by nobody"),
    ],
)
def test_a_setting_that_cannot_be(options: list[str], words: str) -> None:
    code, said = ends("-m", "backends.h11", "--port", "0", *options)
    assert code == 2
    assert words in said
    assert "Traceback" not in said


def test_a_loop_the_backend_does_not_run_on() -> None:
    code, said = ends("-m", "backends.quart", "--port", "0", "--loop", "trio")
    assert (code, said) == (2, "Error: the quart backend runs on: auto, asyncio, uvloop; not on 'trio'\n")


@pytest.mark.parametrize(
    ("package", "options", "extra"),
    [
        ("quart", ["--backend", "quart"], "quart"),
        ("hypercorn", ["--backend", "quart"], "quart"),
        ("sanic", ["--backend", "sanic"], "sanic"),
        ("trio", ["--loop", "trio"], "trio"),
        ("uvloop", ["--loop", "uvloop"], "uvloop"),
    ],
)
def test_a_missing_extra_is_told_with_its_command(package: str, options: list[str], extra: str) -> None:
    code, said = ends("-c", HIDE.format(name=package), "api", "--port", "0", *options)
    assert code == 2
    assert said == f"Error: the package '{package}' is not installed: pip install 'g4f-proto[{extra}]'\n"


def test_the_module_of_a_backend_tells_its_missing_extra_too() -> None:
    hide = "import sys, runpy; sys.modules['sanic'] = None; runpy.run_module('backends.sanic', run_name='__main__')"
    code, said = ends("-c", hide)
    assert code == 2
    assert said == "Error: the package 'sanic' is not installed: pip install 'g4f-proto[sanic]'\n"


def test_the_environment_stands_under_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G4F_API_KEY", "from the\nenvironment")
    monkeypatch.setenv("G4F_TIMEOUT", "")
    monkeypatch.setenv("G4F_DEBUG", "true")
    monkeypatch.setenv("G4F_ALIAS", "gpt-4o=scripted:tokens=2,delay=1ms *=scripted")
    settings = Settings()
    assert settings.alias == {"gpt-4o": "scripted:tokens=2,delay=1ms", "*": "scripted"}
    assert settings.api_key == ("from", "the", "environment")
    assert settings.debug is True
    assert settings.timeout == 600
    given = Settings(api_key="given,too")  # type: ignore[arg-type]  # what the command line says
    assert given.api_key == ("given,too",)
    assert "given" not in repr(given)


def test_the_default_model_and_the_catch_all_and_the_key() -> None:
    options = ("--port", "0", "--model", "scripted", "--alias", "*=scripted:tokens=2", "--g4f-api-key", "k")
    with started("-m", "g4f.cli", "api", "--backend", "h11", *options) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        for body, key, status, words in (
            ('{"messages":[{"role":"user","content":"a b c"}]}', "k", 200, b'"content":"a b c"'),
            ('{"model":"gpt-9","messages":[{"role":"user","content":"a b c"}]}', "k", 200, b'"content":"a b"'),
            ('{"messages":[{"role":"user","content":"a b c"}]}', "K", 401, b"invalid_api_key"),
        ):
            connection.request("POST", "/v1/chat/completions", body, {"x-api-key": key})
            response = connection.getresponse()
            assert response.status == status
            assert words in response.read()
            if status == 200:
                assert (response.getheader("x-g4f-model") or "").startswith("scripted")
        connection.close()
