# A real upstream of somebody else's: llama.cpp's own HTTP server, with the embedded model's weights.
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from pydantic import SecretStr

from g4f_proto import Embedding, EmbeddingCall, Finish, InvalidRequest, ProviderNotWorking, Usage
from providers import weights
from providers.upstream import OpenAICompatible, Upstream
from tests.backends.conftest import started
from tests.providers.upstream.peer import chat, collect

pytestmark = pytest.mark.anyio
KEY = "llama-secret-key"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("xllamacpp")
    path = weights.installed(weights.find("smollm2"))
    if path is None:
        pytest.skip("needs `g4f pull smollm2`")
    script = Path(__file__).parent / "llama_server.py"
    pipe = subprocess.PIPE
    command = [sys.executable, script, path]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
async def llama(address: str) -> AsyncIterator[OpenAICompatible]:
    provider = OpenAICompatible(Upstream(name="LlamaCpp", label="", base_url=f"{address}/v1", key=SecretStr(KEY)))
    yield provider
    await provider.aclose()


def ask(content: str, **fields: Any) -> Any:
    return chat(messages=[{"role": "user", "content": content}], **{"max_tokens": 20, **fields})


async def test_its_models(llama: OpenAICompatible) -> None:
    assert [model.id for model in await llama.models()] == ["smollm2"]


async def test_a_stream_and_a_document_say_the_same(llama: OpenAICompatible) -> None:
    streamed = await collect(llama, ask("What is the capital of France?"))
    whole = await collect(llama, ask("What is the capital of France?", stream=False))
    words = [event for event in streamed if isinstance(event, str)]
    assert len(words) > 3
    assert whole[0] == "".join(words)
    usage = [event for event in streamed if isinstance(event, Usage)]
    assert len(usage) == 1
    assert usage[0].completion_tokens >= len(words)
    finish = next(event for event in streamed if isinstance(event, Finish))
    assert finish in whole


async def test_embeddings(llama: OpenAICompatible) -> None:
    texts = ("The cat sits on the mat.", "A cat is on a mat.")
    for encoding in ("float", "base64"):
        body: Any = {"input": list(texts), "encoding_format": encoding}
        call = EmbeddingCall(provider="LlamaCpp", model="smollm2", inputs=texts, body=body)
        first, second, usage = [event async for event in llama.stream(call)]
        assert isinstance(first, Embedding)
        assert isinstance(second, Embedding)
        assert len(first.vector) == len(second.vector) == 576
        assert isinstance(usage, Usage)
        assert sum(a * b for a, b in zip(first.vector, second.vector, strict=True)) > 0.8


async def test_it_is_held_to_a_schema(llama: OpenAICompatible) -> None:
    schema = TOOL["function"]["parameters"]  # type: ignore[index]
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    said = await collect(llama, ask("The weather?", response_format=form))
    assert json.loads("".join(event for event in said if isinstance(event, str)))["city"] in ("Paris", "Rome")


async def test_what_it_refuses(llama: OpenAICompatible) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await collect(llama, ask("word " * 5000))
    assert "context" in caught.value.message
    stranger = OpenAICompatible(Upstream(name="L", label="", base_url=llama._link.upstream.base_url))
    with pytest.raises(ProviderNotWorking) as refused:
        await collect(stranger, ask("hi"))
    assert refused.value.code == "provider_error"
    await stranger.aclose()


async def test_leaving_stops_it(llama: OpenAICompatible, address: str) -> None:
    async with httpx2.AsyncClient(
        base_url=address, headers={"authorization": f"Bearer {KEY}"}, trust_env=False
    ) as http:

        async def busy() -> bool:
            return any(slot["is_processing"] for slot in (await http.get("/slots")).json())

        with anyio.fail_after(10):
            events = llama.stream(ask("Tell me a story.", max_tokens=1900, ignore_eos=True))
            await anext(events)
            assert await busy()
            await events.aclose()
            while await busy():
                await anyio.sleep(0.02)


def test_tools_by_our_server(address: str, tmp_path: Path) -> None:
    """Its model knows no tools: our server makes them of a JSON Schema that llama.cpp is held to."""
    file = tmp_path / "g4f.toml"
    native = "['max_tokens', 'temperature', 'response_format', 'seed', 'stop']"
    file.write_text(f"[providers.LlamaCpp]\nbase_url = '{address}/v1'\napi_key = '{KEY}'\nnative = {native}\n")
    with started("-m", "backends.h11", "--port", "0", "--config", str(file)) as server:
        body = {
            "model": "LlamaCpp:smollm2",
            "messages": [{"role": "user", "content": "What is the weather in Rome?"}],
            "tools": [TOOL],
            "tool_choice": "required",
            "temperature": 0,
        }
        with httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as http:
            message = http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
            models = http.get("/v1/models").json()
    (called,) = message["tool_calls"]
    assert called["function"]["name"] == "get_weather"
    assert json.loads(called["function"]["arguments"])["city"] in ("Paris", "Rome")
    assert "smollm2" in [model["id"] for model in models["data"]]
