# Conversations that the server keeps, through openai-python on every server: by the body, by the path, fifty turns of
# one at once.
from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import openai
from openai.types.chat import ChatCompletionMessageParam

from tests.backends.conftest import Server, client_of

SCRIPTED = "scripted"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello big world"}]


def asynchronously(server: Server, test: Callable[[openai.AsyncOpenAI], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
            await test(client)

    anyio.run(main)


def count(client: openai.OpenAI, conversation: str) -> int:
    """How many messages the model is shown in that conversation."""
    reply = client.chat.completions.create(
        model="scripted:report=messages", messages=HELLO, extra_body={"conversation_id": conversation}
    )
    return int(reply.choices[0].message.content or "")


def test_conversations(client: openai.OpenAI, server: Server) -> None:
    key = "sdk conversation"
    body = {"conversation_id": key}
    client.chat.completions.create(model=SCRIPTED, messages=HELLO, extra_body=body)
    with client.chat.completions.stream(model=SCRIPTED, messages=HELLO, extra_body=body) as stream:
        stream.until_done()
    assert count(client, key) == 5
    assert count(client, f"{key} of another") == 1
    with client_of(server, "/api/Scripted/sdk%20conversation") as by_path:
        assert count(by_path, "ignored, for the path names one") == 7


def test_turns_at_once_lose_none(server: Server) -> None:
    async def test(client: openai.AsyncOpenAI) -> None:
        shown = []

        async def turn(number: int) -> None:
            reply = client.chat.completions.create(
                model="scripted:report=messages" if number % 2 else "scripted:delay=1ms",
                messages=[{"role": "user", "content": f"turn {number}"}],
                extra_body={"conversation_id": "fifty"},
            )
            text = (await reply).choices[0].message.content or ""
            shown.append(int(text) if number % 2 else 0)
            assert number % 2 or text == f"turn {number}"

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(turn, number)
        odd = [number for number in shown if number]
        assert len(shown) == 50
        assert len(set(odd)) == 25  # each saw a history of its own length: none was answered beside another
        assert all(number % 2 == 1 and number < 100 for number in odd)
        last = await client.chat.completions.create(
            model="scripted:report=messages", messages=HELLO, extra_body={"conversation_id": "fifty"}
        )
        assert last.choices[0].message.content == "101"

    asynchronously(server, test)
