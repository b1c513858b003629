# Upstreams that are asked with Anthropic's Messages, and with OpenAI's Responses, over real sockets on both loops: some
# that behave, some that do not, and our own server behind our own server.
from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from g4f_proto import (
    ApiError,
    Finish,
    InvalidRequest,
    ModelNotFound,
    ProviderEvent,
    ProviderNotWorking,
    ProviderTimeout,
    RateLimited,
    Reasoning,
    ToolCall,
    UnsupportedParameter,
    Usage,
)
from providers.upstream import OpenAICompatible, Timeouts
from tests.backends.conftest import started
from tests.providers.upstream.peer import END, KEY, Act, Peer, Step, chat, chunked, head, reply, serving

anyio_test = pytest.mark.anyio


def events(*found: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in found)


def block(index: int, block: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


TEXT = {"type": "text", "text": ""}
#: As recorded from Anthropic's documentation, and what it says.
MESSAGE = events(
    {"type": "message_start", "message": {"id": "msg_1", "content": [], "usage": {"input_tokens": 4}}},
    *block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "EqQB"},
    ),
    {"type": "ping"},
    *block(1, TEXT, {"type": "text_delta", "text": "Hé"}, {"type": "text_delta", "text": " ж😀"}),
    *block(
        2,
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "input_json_delta", "partial_json": '{"a": 1}'},
    ),
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
)  # fmt: skip
SAID: list[ProviderEvent] = [
    Reasoning(text="hm"), "Hé", " ж😀", ToolCall(index=0, id="toolu_1", name="f"),
    ToolCall(index=0, arguments='{"a": 1}'), Finish(reason="tool_calls"), Usage(prompt_tokens=4, completion_tokens=9),
]  # fmt: skip
WHOLE = {
    "type": "message",
    "content": [{"type": "text", "text": "Hé ж😀"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
OVER = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


async def ask(peer: Peer, api: str, **fields: Any) -> tuple[list[ProviderEvent], ApiError | None]:
    """What was said, and the error it ended with."""
    provider = OpenAICompatible(peer.upstream(api=api, **fields.pop("upstream", {})))
    said: list[ProviderEvent] = []
    try:
        async for event in provider.stream(chat(**fields)):
            said.append(event)
    except ApiError as error:
        return said, error
    finally:
        await provider.aclose()
    return said, None


@anyio_test
@pytest.mark.parametrize("size", [None, 1])
async def test_a_message_in_pieces(size: int | None) -> None:
    async with serving([head(), chunked(MESSAGE, size), END]) as peer:
        assert await ask(peer, "messages", upstream={"key": SecretStr(KEY)}) == (SAID, None)
        [request] = peer.requests
        assert (request.method, request.path) == ("POST", "/v1/messages")
        assert request.headers["x-api-key"] == KEY
        assert request.headers["anthropic-version"] == "2023-06-01"
        assert "authorization" not in request.headers
        assert request.json == {
            "model": "m",
            "max_tokens": 16384,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
            "stream": True,
        }


@anyio_test
async def test_a_message_in_one_piece() -> None:
    async with serving([reply(json.dumps(WHOLE).encode())]) as peer:
        said = ["Hé ж😀", Finish(reason="stop"), Usage(prompt_tokens=3, completion_tokens=2)]
        assert await ask(peer, "messages", stream=False) == (said, None)
        assert peer.requests[0].json["stream"] is False


@anyio_test
async def test_what_the_api_cannot_say_never_leaves() -> None:
    async with serving([reply(b"{}")]) as peer:
        said, error = await ask(peer, "messages", temperature=1.5)
        assert (said, type(error), peer.requests) == ([], UnsupportedParameter, [])


DENIED = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
WRONG = {"type": "error", "error": {"type": "invalid_request_error", "message": "messages.0: wrong"}}
NO_MODEL = {"type": "error", "error": {"type": "not_found_error", "message": "model: m"}}
LIMITED = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}}
PIECE = block(0, TEXT, {"type": "text_delta", "text": "a"})
FAILED, BROKEN = "The provider answered with an error.", "The provider broke its reply off."


def refused(status: int, found: object, *headers: str) -> list[Step]:
    return [reply(json.dumps(found).encode(), *headers, status=status)]


@anyio_test
@pytest.mark.parametrize(
    ("script", "said", "kind", "message"),
    [
        (refused(400, WRONG), [], InvalidRequest, "messages.0: wrong"),
        (refused(401, DENIED), [], ProviderNotWorking, "The provider does not accept this server's access."),
        (refused(404, NO_MODEL), [], ModelNotFound, "model: m"),
        (refused(429, LIMITED, "retry-after: 7"), [], RateLimited, "Slow down."),
        (refused(529, OVER), [], ProviderNotWorking, FAILED),
        ([reply(json.dumps(LIMITED).encode())], [], RateLimited, "Slow down."),
        ([head(), chunked(events(*PIECE, OVER)), END], ["a"], ProviderNotWorking, FAILED),
        ([head(), chunked(events(*PIECE)), END], ["a"], ProviderNotWorking, "The provider broke its stream off."),
        ([head(), chunked(events(*PIECE)), 0.05, Act.RESET], ["a"], ProviderNotWorking, BROKEN),
        ([head(), chunked(b"data: {\n\n"), END], [], ProviderNotWorking, "The provider's stream could not be read."),
        ([head(), chunked(events(*PIECE)), Act.HANG], ["a"], ProviderTimeout, "The provider did not answer in time."),
    ],
)  # fmt: skip
async def test_messages_that_go_wrong(script: list[Step], said: list[str], kind: type[ApiError], message: str) -> None:
    async with serving(script) as peer:
        found, error = await ask(peer, "messages", upstream={"timeouts": Timeouts(connect=5, first=5, between=0.2)})
        assert (found, type(error)) == (said, kind)
        assert error is not None
        assert error.message == message
        assert error.retry_after == (7 if b"retry-after" in str(script).encode() else None)


@anyio_test
async def test_anthropic_s_models() -> None:
    """The list has more than a page of its own length."""
    listed = {"data": [{"type": "model", "id": "claude-x", "display_name": "X", "created_at": "2026-01-01T00:00:00Z"}]}
    async with serving([reply(json.dumps(listed).encode())]) as peer:
        provider = OpenAICompatible(peer.upstream(api="messages"))
        [model] = await provider.models()
        await provider.aclose()
        assert (model.id, peer.requests[0].path) == ("claude-x", "/v1/models?limit=1000")
        assert peer.requests[0].headers["anthropic-version"] == "2023-06-01"


@anyio_test
async def test_a_response_in_pieces_and_in_one() -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": "Hé"}]}
    response = {"status": "completed", "output": [item], "usage": {"input_tokens": 3, "output_tokens": 2}}
    stream = events(
        {"type": "response.created", "response": {}},
        {"type": "response.output_text.delta", "delta": "Hé", "output_index": 0},
        {"type": "response.completed", "response": response},
    )
    said = ["Hé", Finish(reason="stop"), Usage(prompt_tokens=3, completion_tokens=2)]
    async with serving([head(), chunked(stream, 5), END], [reply(json.dumps(response).encode())]) as peer:
        assert await ask(peer, "responses", upstream={"key": SecretStr(KEY)}) == (said, None)
        assert await ask(peer, "responses", stream=False) == (said, None)
        assert peer.requests[0].path == "/v1/responses"
        assert peer.requests[0].headers["authorization"] == f"Bearer {KEY}"
        message = {"type": "message", "role": "user", "content": "x"}
        assert peer.requests[0].json == {"model": "m", "input": [message], "stream": True, "store": False}


# --- our own servers, one behind the other ---

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["a"]}}}
SCHEMA = {"name": "x", "schema": {"type": "object", "required": ["a"]}}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("scripted", {}),
    ("scripted:tokens=100", {"max_tokens": 30}),
    ("scripted:reasoning=3", {"reasoning_effort": "low"}),
    ("scripted:calls=2", {"tools": [TOOL]}),
    ("scripted:tokens=5", {"n": 2}),
    ("scripted", {"stop": ["there"]}),
    ("scripted", {"stop": "\n", "max_tokens": 16}),
    ("scripted", {"functions": [TOOL["function"]]}),
    ("scripted", {"response_format": {"type": "json_schema", "json_schema": SCHEMA}}),
]


@pytest.fixture(scope="module")
def hops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    """A client of a server, and one of a server that asks it in both ways."""
    with ExitStack() as stack:
        near = stack.enter_context(started("-m", "backends.h11", "--port", "0", "--g4f-api-key", "between-us-1234"))
        file: Path = tmp_path_factory.mktemp("apis") / "upstreams.toml"
        file.write_text(
            "".join(
                f"[providers.{api}]\nbase_url='{near.url}/v1'\napi='{api}'\napi_key='between-us-1234'\n"
                for api in ("messages", "responses")
            )
        )
        command = ("-m", "backends.h11", "--port", "0", "--loop", "trio", "--config", str(file))
        far = stack.enter_context(started(*command, "--ignored-providers", "Scripted"))
        headers = {"authorization": "Bearer between-us-1234"}
        clients = [
            stack.enter_context(httpx2.Client(base_url=server.url, headers=headers, trust_env=False, timeout=20))
            for server in (near, far)
        ]
        yield clients[0], clients[1]


def choices(client: httpx2.Client, model: str, fields: dict[str, Any], *, stream: bool) -> list[dict[str, Any]]:
    """What each choice says and why it ends; ids, which are a server's own, left out."""
    said = {"messages": [{"role": "user", "content": "héllo 😀 there"}], "model": model, "stream": stream, **fields}
    found = client.post("/v1/chat/completions", json=said)
    assert found.status_code == 200, found.text
    if not stream:
        documents = [found.json()]
    else:
        documents = [json.loads(line[6:]) for line in found.text.split("\n") if line.startswith("data: {")]
    told: dict[int, dict[str, Any]] = {}
    for choice in (choice for document in documents for choice in document["choices"]):
        one = told.setdefault(choice["index"], {"content": "", "reasoning": "", "calls": {}, "reason": None})
        delta = choice.get("delta") or choice.get("message") or {}
        one["content"] += delta.get("content") or ""
        one["reasoning"] += delta.get("reasoning") or ""
        one["reason"] = choice["finish_reason"] or one["reason"]
        calls = delta.get("tool_calls") or [{"function": call} for call in [delta.get("function_call")] if call]
        for place, call in enumerate(calls):
            known = one["calls"].setdefault(call.get("index", place), ["", ""])
            known[0] += call["function"].get("name") or ""
            known[1] += call["function"]["arguments"]
    for one in told.values():  # the text of an object is its writer's own
        one["calls"] = {place: [name, json.loads(arguments)] for place, (name, arguments) in one["calls"].items()}
    usages = [document["usage"] for document in documents if document.get("usage")]
    spent = {name: usages[-1][name] for name in ("prompt_tokens", "completion_tokens")} if usages else {}
    return [*(told[index] for index in sorted(told)), spent]


@pytest.mark.parametrize("stream", [False, True], ids=["document", "stream"])
@pytest.mark.parametrize("api", ["messages", "responses"])
@pytest.mark.parametrize(("model", "fields"), ASKED, ids=lambda value: str(value)[:30])
def test_two_hops_say_the_same(hops: Any, api: str, model: str, fields: dict[str, Any], stream: bool) -> None:
    near, far = hops
    here, there = (choices(to, name, fields, stream=stream) for to, name in ((near, model), (far, f"{api}:{model}")))
    if "stop" in fields:  # one of the two was stopped by the machine, which tells what it counted itself
        here[-1] = there[-1] = {}
    assert there == here


@pytest.mark.parametrize("stream", [False, True], ids=["document", "stream"])
@pytest.mark.parametrize("api", ["messages", "responses"])
@pytest.mark.parametrize(("status", "told"), [(400, 400), (404, 404), (429, 429), (500, 502), (503, 502), (504, 504)])
def test_errors_have_their_true_status(hops: Any, api: str, status: int, told: int, stream: bool) -> None:
    _, far = hops
    body = {"model": f"{api}:scripted:error={status}", "messages": [{"role": "user", "content": "x"}], "stream": stream}
    found = far.post("/v1/chat/completions", json=body)
    assert found.status_code == told
    assert set(found.json()["error"]) == {"message", "type", "param", "code"}
    choices(far, f"{api}:scripted", {}, stream=stream)  # and the provider is not thought to be broken


@pytest.mark.parametrize("api", ["messages", "responses"])
def test_an_error_in_the_middle(hops: Any, api: str) -> None:
    _, far = hops
    body = {"model": f"{api}:scripted:error=429,after=2", "messages": [{"role": "user", "content": "a b c"}]}
    found = far.post("/v1/chat/completions", json={**body, "stream": True}).text
    error = json.loads(found.split("data: ")[-2])["error"]
    assert error["type"] == "rate_limit_error"
    assert '"content":" b"' in found


def test_each_api_through_each(hops: Any) -> None:
    """A client of one API and an upstream of another: the machine stands between them."""
    _, far = hops
    for api in ("messages", "responses"):
        model = f"{api}:scripted:reasoning=2,calls=1"
        tool = {"name": "f", "input_schema": {"type": "object", "required": ["a"]}}
        turns = [{"role": "user", "content": "hello"}]
        told = far.post("/v1/messages", json={
            "model": model, "max_tokens": 64, "messages": turns, "tools": [tool], "thinking": {"type": "adaptive"},
            "output_config": {"effort": "low"},
        }).json()  # fmt: skip
        assert [block["type"] for block in told["content"]] == ["thinking", "tool_use"]
        assert list(told["content"][1]["input"]) == ["a"]
        other = far.post("/v1/responses", json={
            "model": model, "input": "hello", "tools": [{"type": "function", **TOOL["function"]}],  # type: ignore[dict-item]
            "reasoning": {"effort": "low"},
        }).json()  # fmt: skip
        assert [item["type"] for item in other["output"]] == ["reasoning", "function_call"]
        assert other["usage"]["total_tokens"] > 0
