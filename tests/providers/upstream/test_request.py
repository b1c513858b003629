# What an upstream is asked: the client's own body, less what is ours; headers, paths, Azure's two kinds; its models.
from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from g4f_proto import ApiError, ProviderNotWorking, ProviderTimeout
from providers.upstream import OpenAICompatible
from tests.providers.upstream.peer import (
    COMPLETION,
    END,
    EVENTS,
    KEY,
    Act,
    Peer,
    chat,
    chunked,
    collect,
    head,
    reply,
    serving,
)

pytestmark = pytest.mark.anyio
DOCUMENT = reply(json.dumps(COMPLETION).encode())


async def sent(peer: Peer, upstream: dict[str, Any] | None = None, **fields: Any) -> Any:
    """The body that an upstream sees for a chat of these fields."""
    provider = OpenAICompatible(peer.upstream(**(upstream or {})))
    await collect(provider, chat(**fields))
    await provider.aclose()
    return peer.requests[-1].json


async def test_the_body_is_the_clients() -> None:
    async with serving([DOCUMENT]) as peer:
        body = await sent(
            peer, provider="Mine", conversation_id="c", timeout=5, proxy="http://x", strange={"a": [1]}, user="é\ud83d"
        )
        assert body == {
            "model": "m",
            "messages": [{"role": "user", "content": "x"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "strange": {"a": [1]},
            "user": "é\ud83d",
        }
        request = peer.requests[0]
        assert (request.method, request.path) == ("POST", "/v1/chat/completions")
        assert request.headers == {
            "host": f"127.0.0.1:{peer.port}",
            "accept": "*/*",
            "accept-encoding": "identity",
            "user-agent": "g4f-proto",
            "content-type": "application/json",
            "content-length": str(len(request.body)),
        }


async def test_usage_is_asked_for() -> None:
    async with serving([DOCUMENT]) as peer:
        assert (await sent(peer, stream_options={"include_usage": False, "more": 1}))["stream_options"] == {
            "include_usage": True,
            "more": 1,
        }
        assert "stream_options" not in await sent(peer, stream=False, stream_options={"include_usage": True})
        assert "stream_options" not in await sent(peer, {"stream_usage": False}, stream_options={"include_usage": True})


async def test_parameters_by_another_name() -> None:
    names = {"names": {"max_completion_tokens": "max_tokens", "seed": "random_seed"}}
    async with serving([DOCUMENT]) as peer:
        body = await sent(peer, names, max_completion_tokens=5, max_tokens=7, seed=1)
        assert (body["max_tokens"], body["random_seed"]) == (5, 1)
        assert not {"max_completion_tokens", "seed"} & set(body)
        assert (await sent(peer, names, max_completion_tokens=None, max_tokens=7))["max_tokens"] == 7


async def test_developers_are_the_system_where_they_are_not_known() -> None:
    messages = [{"role": "developer", "content": "a", "name": "b"}, {"role": "user", "content": "c"}]
    async with serving([DOCUMENT]) as peer:
        assert (await sent(peer, messages=messages))["messages"] == messages
        assert (await sent(peer, {"developer_role": False}, messages=messages))["messages"] == [
            {"role": "system", "content": "a", "name": "b"},
            messages[1],
        ]


async def test_what_it_does_not_honour_is_not_named() -> None:
    """Such a parameter asks for nothing, or the request would have been refused; some refuse its very name."""
    neutral = {"n": 1, "logprobs": False, "frequency_penalty": 0, "tool_choice": "auto", "modalities": ["text"]}
    async with serving([DOCUMENT]) as peer:
        body = await sent(peer, {"native": frozenset({"temperature"})}, temperature=1, x=2, **neutral)
        assert set(body) == {"model", "messages", "stream", "stream_options", "temperature", "x"}
        assert set(neutral) - set(await sent(peer, **neutral)) == {"modalities"}


async def test_the_strict_are_told_nothing_beside_the_point() -> None:
    extra = {"user": "u", "store": False, "metadata": {}, "x": 1}
    turn = {"role": "assistant", "content": "a", "refusal": None, "reasoning_content": "r"}
    messages = [turn, {"role": "user", "content": "c"}]
    async with serving([DOCUMENT]) as peer:
        assert set(extra) <= set(await sent(peer, messages=messages, **extra))
        body = await sent(peer, {"strict": True}, messages=messages, **extra)
        assert set(body) == {"model", "messages", "stream", "stream_options", "x"}
        assert body["messages"] == [{"role": "assistant", "content": "a"}, messages[1]]


async def test_keys_and_headers() -> None:
    async with serving([DOCUMENT]) as peer:
        await sent(peer, {"key": SecretStr(KEY), "headers": {"X-Team": SecretStr("blue")}})
        assert peer.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert peer.requests[0].headers["x-team"] == "blue"
        await sent(peer, {"key": SecretStr(KEY), "key_header": "api-key"})
        assert peer.requests[1].headers["api-key"] == KEY
        assert "authorization" not in peer.requests[1].headers


async def test_azures_older_api() -> None:
    async with serving([DOCUMENT], [reply(b'{"data":[{"id":"gpt"}]}')]) as peer:
        fields = {"base_url": f"http://127.0.0.1:{peer.port}/openai", "api_version": "2024-10-21"}
        await sent(peer, fields)
        assert peer.requests[0].path == "/openai/deployments/m/chat/completions?api-version=2024-10-21"
        provider = OpenAICompatible(peer.upstream(**fields))
        assert [model.id for model in await provider.models()] == ["gpt"]
        assert peer.requests[1].path == "/openai/models?api-version=2024-10-21"
        await provider.aclose()


async def test_models_are_asked_for_until_the_operator_names_them() -> None:
    async with serving([reply(b'{"object":"list","data":[{"id":"a","owned_by":"them"},{"id":"b"}]}')]) as peer:
        provider = OpenAICompatible(peer.upstream(key=SecretStr(KEY)))
        assert provider.info.default_model == ""
        assert [model.id for model in await provider.models()] == ["a", "b"]
        assert provider.info.default_model == "a"
        assert (peer.requests[0].method, peer.requests[0].path) == ("GET", "/v1/models")
        assert peer.requests[0].headers["authorization"] == f"Bearer {KEY}"
        await provider.aclose()
        named = OpenAICompatible(peer.upstream(models=("c",)))
        assert [(model.id, model.owned_by) for model in await named.models()] == [("c", "Mine")]
        assert named.info.default_model == "c"
        assert len(peer.requests) == 1
        await named.aclose()


async def test_a_prefix_of_models_need_not_be_said() -> None:
    async with serving([reply(b'{"data":[{"id":"models/gemini"},{"id":"other"}]}')]) as peer:
        provider = OpenAICompatible(peer.upstream(models_prefix="models/", think_tags=True))
        assert [model.id for model in await provider.models()] == ["gemini", "other"]
        assert provider.info.think_tags
        await provider.aclose()


async def test_models_that_are_listed_elsewhere() -> None:
    async with serving([reply(b'[{"id":"x/y","name":"Y"}]')]) as peer:
        provider = OpenAICompatible(peer.upstream(models_url=f"http://127.0.0.1:{peer.port}/catalog/models"))
        assert [model.id for model in await provider.models()] == ["x/y"]
        assert peer.requests[0].path == "/catalog/models"
        await provider.aclose()


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([reply(b"{}", status=500)], ProviderNotWorking),
        ([reply(b"<html>")], ProviderNotWorking),
        ([Act.HANG], ProviderTimeout),
    ],
    ids=["500", "a page", "silence"],
)
async def test_models_that_are_not_told(script: Any, kind: type[ApiError], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.upstream.link._LIST_TIMEOUT", 0.2 if script == [Act.HANG] else 5.0)
    async with serving(script) as peer:
        provider = OpenAICompatible(peer.upstream())
        with pytest.raises(kind):
            await provider.models()
        await provider.aclose()


async def test_an_ipv6_address() -> None:
    async with serving([head(), chunked(EVENTS), END], host="::1") as peer:
        await sent(peer, {"base_url": f"http://[::1]:{peer.port}"})
        assert peer.requests[0].headers["host"] == f"[::1]:{peer.port}"
        assert peer.requests[0].path == "/chat/completions"
