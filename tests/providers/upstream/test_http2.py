# HTTP/2 to an upstream, Hypercorn's: the same events, and who leaves is seen to leave.
from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from g4f_proto import ProviderEvent
from providers.upstream import OpenAICompatible, proxied
from tests.backends.conftest import ROOT
from tests.providers.upstream.peer import Peer, chat, collect
from tests.providers.upstream.test_chat import SAID
from tests.providers.upstream.test_transport import PEM

# httpx2 leaves generators of its own to the garbage collector; trio says so.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")]


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    pytest.importorskip("hypercorn")
    command = [sys.executable, str(Path(__file__).parent / "http2_server.py"), str(PEM)]
    env, pipe = {**os.environ, "PYTHONPATH": str(ROOT)}, subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield Peer(port=int(process.stdout.readline()))
        finally:
            process.kill()


async def test_http2(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxied, "trusted", lambda: ssl.create_default_context(cafile=PEM))
    provider = OpenAICompatible(peer.upstream(base_url=f"https://localhost:{peer.port}/v1", http2=True))
    said: list[list[ProviderEvent]] = []

    async def one() -> None:
        said.append(await collect(provider, chat()))

    async def seen(what: str) -> list[str]:
        return [model.id for model in await provider.models() if model.id.startswith(what)]

    left = await seen("left")
    await one()
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(one)
    assert said == [SAID] * 6
    assert set(await seen("versions")) == {"versions:2"}
    events = provider.stream(chat(stop=["hang"]))
    assert await anext(events) == "Hé"
    await events.aclose()
    with anyio.fail_after(5):
        while await seen("left") == left:
            await anyio.sleep(0.02)
    await one()
    assert said[6] == SAID
    await provider.aclose()
