# The whole server in front of an upstream: who is there by the environment, what it tells, and what it must never tell.
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.backends.conftest import ROOT
from tests.providers.upstream.peer import COMPLETION, KEY, Act, Step, chunked, delta, head, reply, serving
from tests.providers.upstream.test_transport import proxying

pytestmark = pytest.mark.anyio
PROXY = "must be http://, https:// or socks5:// with a host"
BODY: dict[str, Any] = {"model": "far", "messages": [{"role": "user", "content": "x"}]}
MODELS = reply(b'{"data":[{"id":"far"},{"id":"text-embedding-far"}]}')


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # the server is a process of its own


@contextmanager
def server(log: Path, *options: str, **environ: str) -> Iterator[str]:
    """A server's URL; everything it says is in `log`."""
    command = [sys.executable, "-m", "backends.h11", "--port", "0", "--debug", *options]
    env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")} | environ
    with (
        log.open("wb") as said,
        subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as process,
    ):
        try:
            while not (ready := re.search(r"Listening on (http://\S+)", log.read_text())):
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            yield ready[1]
        finally:
            process.terminate()


async def test_a_key_in_the_environment_is_told_nobody(tmp_path: Path) -> None:
    refusal = json.dumps(
        {"error": {"message": f"Incorrect API key provided: {KEY}", "code": KEY, "type": KEY}}
    ).encode()
    log = tmp_path / "log"
    script = [
        [MODELS],
        [reply(refusal, status=401)],
        [reply(refusal, status=400)],
        [reply(refusal)],
        [reply(refusal, status=500)],
    ]
    async with serving(*script) as peer:  # fmt: skip
        base = f"http://127.0.0.1:{peer.port}/v1"
        with server(log, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=base) as url:
            async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=10) as http:
                shown = [await http.get(path) for path in ("/v1/models", "/v1/providers", "/v1/providers/OpenAI")]
                assert [one.status_code for one in shown] == [200, 200, 200]
                assert "far" in [model["id"] for model in shown[0].json()["data"]]
                assert "OpenAI" in shown[2].text
                refused = [await http.post("/v1/chat/completions", json=BODY) for _ in range(4)]
                assert [one.status_code for one in refused] == [502, 400, 502, 502]
        assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in peer.requests)
        for one in (*shown, *refused):
            assert KEY not in one.text + str(one.headers)
            assert str(peer.port) not in one.text
    assert "answered with status 401" in log.read_text()
    assert KEY not in log.read_text()


async def test_nobody_but_us_writes_to_the_log(tmp_path: Path) -> None:
    log, file = tmp_path / "log", tmp_path / "g4f.toml"
    async with serving([reply(json.dumps(COMPLETION).encode())]) as peer, proxying(peer.port) as seen:
        url, proxy = f"http://127.0.0.1:{peer.port}/v1", f"socks5://127.0.0.1:{seen.port}"
        file.write_text(f"[providers.mine]\nbase_url = '{url}'\nmodels = ['far']\nproxy = '{proxy}'\n")
        with server(log, "--config", str(file)) as url:
            async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=10) as http:
                assert (await http.post("/v1/chat/completions", json=BODY)).status_code == 200
        assert seen.asked
    lines = log.read_text().splitlines()
    assert len(lines) > 1
    assert [line for line in lines if "g4f" not in line] == lines[:1], "a library's may hold what is in our headers"


@pytest.mark.parametrize("stream", [False, True], ids=["document", "stream"])
async def test_a_client_that_leaves_is_left(tmp_path: Path, stream: bool) -> None:
    script: list[Step] = [head(), chunked(delta("a")), Act.HANG] if stream else [Act.HANG]
    file = tmp_path / "g4f.toml"
    async with serving(script) as peer:
        file.write_text(f"[providers.mine]\nbase_url = 'http://127.0.0.1:{peer.port}/v1'\nmodels = ['far']\n")
        with server(tmp_path / "log", "--config", str(file)) as url:
            async with (
                httpx2.AsyncClient(base_url=url, trust_env=False, timeout=10) as http,
                anyio.create_task_group() as all,
            ):
                all.start_soon(lambda: http.post("/v1/chat/completions", json={**BODY, "stream": stream}))
                with anyio.fail_after(10):
                    while not peer.requests:
                        await anyio.sleep(0.01)
                assert not peer.gone.is_set()
                all.cancel_scope.cancel()
            with anyio.fail_after(2):
                await peer.gone.wait()


async def test_an_upstream_that_is_not_there_delays_nothing(tmp_path: Path) -> None:
    async with serving([]) as peer:
        pass
    file = tmp_path / "g4f.toml"
    file.write_text(f"[providers.gone]\nbase_url = 'http://127.0.0.1:{peer.port}'\n")
    with server(tmp_path / "log", "--config", str(file)) as url, httpx2.Client(base_url=url, trust_env=False) as http:
        assert "scripted" in [model["id"] for model in http.get("/v1/models").json()["data"]]
        assert http.post("/v1/chat/completions", json={**BODY, "model": "scripted"}).status_code == 200
        refused = http.post("/v1/chat/completions", json={**BODY, "model": "gone:x"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (502, "provider_not_working")


async def test_the_reply_tells_who_answered(tmp_path: Path) -> None:
    file = tmp_path / "g4f.toml"
    async with serving([MODELS], [reply(json.dumps(COMPLETION).encode())]) as peer:
        file.write_text(f"[providers.mine]\nbase_url = 'http://127.0.0.1:{peer.port}/v1'\n")
        with server(tmp_path / "log", "--config", str(file), "--alias", "gpt-4=far") as url:
            async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=10) as http:
                for fields in (
                    {},
                    {"model": "mine:far"},
                    {"model": "gpt-4"},
                    {"provider": "mine"},
                    {"provider": "mine", "model": None},
                ):
                    said = (await http.post("/v1/chat/completions", json={**BODY, **fields})).json()
                    assert said["provider"] == "mine"
                    assert said["choices"][0]["message"]["content"] == "Hé ж😀"
                    assert peer.requests[-1].json["model"] == "far"
                wrong = await http.post("/v1/embeddings", json={"model": "far", "input": "x"})
                assert wrong.status_code == 404


def test_a_proxy_without_its_package() -> None:
    hide = "import sys; sys.modules['httpx2'] = None; sys.argv[0] = 'g4f'; from g4f.cli import main; main()"
    command = [sys.executable, "-c", hide, "api", "--port", "0", "--proxy", "http://127.0.0.1:1"]
    env = {**os.environ, "XAI_API_KEY": KEY}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "Error: the package 'httpx2' is not installed: pip install 'g4f-proto[proxy]'\n",
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--config", "nowhere.toml"], "Error: cannot read nowhere.toml: No such file or directory\n"),
        (["--proxy", "http://hush:port"], f"Error: invalid proxy: Value error, {PROXY}\n"),
        (["--proxy", "ftp://hush"], f"Error: invalid proxy: Value error, {PROXY}\n"),
        (["--provider", "OpenAI"], "Error: unknown provider 'OpenAI'; there are: "),
    ],
)  # fmt: skip
def test_what_keeps_the_server_from_starting(options: list[str], told: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    command = [sys.executable, "-m", "backends.h11", "--port", "0", *options]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1
