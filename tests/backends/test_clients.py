# Real clients against every server, over real sockets: openai-python, sync and async, and curl.
from __future__ import annotations

import json
import shutil
import subprocess

import anyio
import openai
import pytest

from tests.backends.conftest import Server

HELLO: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hello big world"}]


def test_one_answer(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    assert reply.model == "gpt-4o-mini"
    assert reply.choices[0].message.content == "hello big world"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens == 6


def test_a_stream(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="scripted:delay=1ms", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello big world"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


def test_the_stream_helper(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="scripted", messages=HELLO) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.role == "assistant"
    assert final.choices[0].message.content == "hello big world"


def test_models(client: openai.OpenAI) -> None:
    ids = [model.id for model in client.models.list()]
    assert {"scripted", "gpt-4o-mini", "Scripted"} <= set(ids)
    for id in ids:
        assert client.models.retrieve(id).id == id


@pytest.mark.parametrize(
    ("model", "kind", "code"),
    [
        ("nobody", openai.NotFoundError, "model_not_found"),
        ("scripted:error=429", openai.RateLimitError, "rate_limit_exceeded"),
        ("scripted:error=401", openai.AuthenticationError, None),
        ("scripted:cut=0", openai.InternalServerError, "provider_not_working"),
        ("scripted:nonsense=1", openai.BadRequestError, "invalid_value"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_errors_have_their_classes(
    client: openai.OpenAI, model: str, kind: type[openai.APIStatusError], code: str | None, stream: bool
) -> None:
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=model, messages=HELLO, stream=stream)
    assert caught.value.code == code
    assert caught.value.request_id is not None


def test_a_stream_that_breaks_off_raises(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="scripted:tokens=9,cut=5,delay=5ms", messages=HELLO, stream=True)
    texts = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in stream:
            texts.append(chunk.choices[0].delta.content or "")
    assert caught.value.code == "provider_not_working"
    assert "".join(texts) == "hello big world hello big"


def test_async(server: Server) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client:

            async def one(number: int) -> None:
                text = f"number {number} " * 5
                stream = await client.chat.completions.create(
                    model="scripted:delay=1ms", messages=[{"role": "user", "content": text}], stream=True
                )
                assert "".join([c.choices[0].delta.content or "" async for c in stream]) == text

            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(one, number)

    anyio.run(main)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(server: Server) -> None:
    body = json.dumps({"model": "gpt-4o-mini", "messages": HELLO, "stream": False})
    done = subprocess.run(
        ["curl", "-sS", "-X", "POST", f"{server.url}/v1/chat/completions", "-H", "Content-Type: application/json"]
        + ["-H", "g4f-api-key: your-secret-key", "-d", body],
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert json.loads(done.stdout)["choices"][0]["message"]["content"] == "hello big world"
