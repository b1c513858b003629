# An upstream that tells no usage is found out by its first answer; from then on its tokens are counted here.
from __future__ import annotations

import json
from typing import Any

import pytest

from backends.service import Service
from providers.upstream import OpenAICompatible
from tests.backends.test_routing import ask
from tests.providers.upstream.peer import COMPLETION, DONE, END, USAGE, chunked, delta, head, reply, serving

pytestmark = pytest.mark.anyio
SILENT = reply(json.dumps({name: value for name, value in COMPLETION.items() if name != "usage"}).encode())
STREAM = [head(), chunked(delta("a b") + delta(finish="stop") + DONE) + END]
TOLD = [head(), chunked(delta("a b") + delta(finish="stop") + delta(usage=USAGE) + DONE) + END]


async def usage(service: Service, *, stream: bool) -> Any:
    status, said = await ask(service, model="m", provider="Mine", stream=stream)
    assert status == 200
    return said[-1].get("usage") if stream else said["usage"]


@pytest.mark.parametrize("stream", [False, True])
async def test_it_is_counted_from_the_second_answer_on(stream: bool) -> None:
    script = STREAM if stream else [SILENT]
    async with serving(script) as peer, Service([OpenAICompatible(peer.upstream())]) as service:
        assert not await usage(service, stream=stream)
        for _ in range(2):
            counted = await usage(service, stream=stream)
            assert counted["prompt_tokens"] > 0
            assert counted["completion_tokens"] > 0


async def test_what_is_told_is_told() -> None:
    async with serving(TOLD, TOLD, STREAM, TOLD) as peer, Service([OpenAICompatible(peer.upstream())]) as service:
        told = [await usage(service, stream=True) for _ in range(4)]
        assert [one and one["prompt_tokens"] for one in told] == [3, 3, None, 3]
