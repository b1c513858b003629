# Two people, two keys, one conversation id: neither ever sees a word of the other. The command line takes one key, so
# the server is this file: python -m tests.backends.test_sdk_keys BACKEND LOOP
from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator

import anyio
import openai
import pytest

from backends.command import listen, load
from backends.service import Service
from providers import Scripted
from tests.backends.conftest import SERVERS, Server, client_of, started

KEYS = ("sk-alice", "sk-bob")
CONVERSATION = {"conversation_id": "the same"}


def main(name: str, loop: str) -> None:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]

    def ready() -> None:
        print(f"Listening on http://127.0.0.1:{port}", file=sys.stderr, flush=True)

    service = Service([Scripted()], keys=KEYS)
    backend, options = ("trio", {}) if loop == "trio" else ("asyncio", {"use_uvloop": loop == "uvloop"})
    anyio.run(load(name).serve, service, listener, ready, backend=backend, backend_options=options)


@pytest.fixture(scope="module", params=SERVERS)
def shared(request: pytest.FixtureRequest) -> Iterator[Server]:
    name, loop = SERVERS[request.param]
    with started("-m", "tests.backends.test_sdk_keys", name, loop) as running:
        yield running


def shown(client: openai.OpenAI) -> int:
    """How many messages the model is shown; two more than the last time."""
    reply = client.chat.completions.create(
        model="scripted:report=messages", messages=[{"role": "user", "content": "?"}], extra_body=CONVERSATION
    )
    return int(reply.choices[0].message.content or "")


def shown_to(server: Server, headers: dict[str, str]) -> int:
    """The same, asked without the SDK, which spells keys in one way only."""
    body = {"model": "scripted:report=messages", "messages": [{"role": "user", "content": "?"}]} | CONVERSATION
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    reply = json.loads(connection.getresponse().read())
    connection.close()
    return int(reply["choices"][0]["message"]["content"])


def test_two_keys_share_no_conversation(shared: Server) -> None:
    with client_of(shared, key=KEYS[0]) as alice, client_of(shared, key=KEYS[1]) as bob:
        for words in ("my secret is", "forty two"):
            alice.chat.completions.create(
                model="scripted", messages=[{"role": "user", "content": words}], extra_body=CONVERSATION
            )
        assert shown(bob) == 1
        assert shown(alice) == 5
        assert shown(bob) == 3
    for spelling, expected in (("x-api-key", 7), ("g4f-api-key", 9)):  # another spelling is the same person
        assert shown_to(shared, {spelling: KEYS[0]}) == expected
    with client_of(shared, "/api/Scripted/the%20same", key=KEYS[1]) as path:
        assert shown(path) == 5


def test_two_keys_at_once(shared: Server) -> None:
    async def turns(key: str, seen: list[int]) -> None:
        async with openai.AsyncOpenAI(base_url=f"{shared.url}/v1", api_key=key, max_retries=0) as client:

            async def turn() -> None:
                reply = await client.chat.completions.create(
                    model="scripted:report=messages,delay=2ms",
                    messages=[{"role": "user", "content": key}],
                    extra_body={"conversation_id": "at once"},
                )
                # every message is the one word of its key or a number: two words a turn, and never more
                assert reply.usage is not None
                assert reply.usage.prompt_tokens == int(reply.choices[0].message.content or "")
                seen.append(reply.usage.prompt_tokens)

            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(turn)

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            for key in KEYS:
                tasks.start_soon(turns, key, seen[key])

    seen: dict[str, list[int]] = {key: [] for key in KEYS}
    anyio.run(run)
    assert [sorted(counts) for counts in seen.values()] == [list(range(1, 20, 2))] * 2


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
