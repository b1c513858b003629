# What the tests of the core are made of: one small catalog, an exchange in any state, and a reader of replies.
#
# The reader knows nothing of `g4f_proto._sse`: it splits at blank lines and insists on whole frames, pure ASCII and the
# two kinds of lines we promise, so that a defect in the encoder cannot hide behind the same defect in the decoder.
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from g4f_proto import PARAMETERS, Api, Catalog, Exchange, Model, ProviderEvent, ProviderInfo, RequestHead, State

ID = "0123456789abcdef" * 2
CREATED = 1_700_000_000
CHAT = b"/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "hello"}]

ECHO = ProviderInfo(
    name="Echo", label="Echo", default_model="echo", native=frozenset({"max_tokens", "max_completion_tokens", "stop"})
)
BARE = ProviderInfo(name="Bare", label="The bare one", default_model="plain")
MODELS = {
    "Echo": (Model(id="echo", owned_by="us", options=True, created=7), Model(id="org/big-7b", owned_by="org")),
    "Bare": (Model(id="plain", owned_by=""), Model(id="hidden", owned_by="us", listed=False)),
}
CATALOG = Catalog(providers={"Echo": ECHO, "Bare": BARE}, models=MODELS, aliases={"gpt-4o": "echo", "my-bare": "Bare"})
API = Api(catalog=CATALOG)


def serving(*native: str, think_tags: bool = False) -> Api:
    """An API whose one provider, `One`, honours so much by itself; its model is `echo`."""
    one = ProviderInfo(name="One", label="One", default_model="echo", native=frozenset(native), think_tags=think_tags)
    return Api(catalog=Catalog(providers={"One": one}, models={"One": (Model(id="echo", owned_by="us"),)}))


ABLE = serving(*PARAMETERS)  # needs no help with anything
CONSTRAINED = serving("response_format")  # can be held to a JSON Schema, and no more

#: Each parameter with a value that asks for something.
ASKING: dict[str, object] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "frequency_penalty": 0.5,
    "function_call": {"name": "f"},
    "functions": [{"name": "f"}],
    "logit_bias": {"5": 1},
    "logprobs": True,
    "max_completion_tokens": 5,
    "max_tokens": 5,
    "modalities": ["text", "audio"],
    "moderation": {"on": True},
    "n": 2,
    "parallel_tool_calls": True,
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": -0.5,
    "proxy": "http://127.0.0.1:9",
    "reasoning_effort": "high",
    "response_format": {"type": "json_object"},
    "seed": 0,
    "service_tier": "flex",
    "stop": "x",
    "temperature": 0,
    "tool_choice": "required",
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "top_logprobs": 3,
    "top_p": 0,
    "verbosity": "low",
    "web_search_options": {"user_location": None},
}
#: What stands beside a parameter so that it makes sense: OpenAI refuses it alone.
BESIDE: dict[str, dict[str, object]] = {
    "function_call": {"functions": [{"name": "f"}]},
    "modalities": {"audio": {"voice": "alloy", "format": "wav"}},
    "tool_choice": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "top_logprobs": {"logprobs": True},
}


def chat(**fields: object) -> bytes:
    """A valid chat's body, with these fields."""
    return json.dumps({"model": "echo", "messages": MESSAGES, **fields}).encode()


def start(
    method: str = "POST",
    target: bytes = CHAT,
    headers: Mapping[bytes, bytes] | None = None,
    *,
    api: Api = API,
) -> Exchange:
    """An exchange that has seen the head."""
    return Exchange(RequestHead(method, target, headers or {}), api, id=ID, created=CREATED)


def ask(
    body: bytes = b"",
    method: str = "POST",
    target: bytes = CHAT,
    headers: Mapping[bytes, bytes] | None = None,
    *,
    api: Api = API,
) -> tuple[Exchange, bytes]:
    """An exchange that has seen its whole request, and what it answered at once."""
    exchange = start(method, target, headers, api=api)
    if body:
        exchange.receive_data(body)
    return exchange, exchange.receive_end()


def get(target: bytes, headers: Mapping[bytes, bytes] | None = None, *, api: Api = API) -> tuple[Exchange, bytes]:
    """A GET and its answer."""
    return ask(b"", "GET", target, headers, api=api)


def answer(exchange: Exchange, *events: ProviderEvent) -> bytes:
    """What the client gets when the provider says `events` and ends."""
    return b"".join(map(exchange.send, events)) + exchange.end()


def status(exchange: Exchange) -> int:
    assert exchange.head is not None
    return exchange.head.status


def at(exchange: Exchange) -> State:
    """Where it stands; a call, so that type checkers do not take one answer for the next."""
    return exchange.state


def header(exchange: Exchange, name: bytes) -> bytes | None:
    """The one value of a header field; told twice, it fails."""
    assert exchange.head is not None
    values = [value for key, value in exchange.head.headers if key == name]
    assert len(values) <= 1, f"{name!r} is there {len(values)} times"
    return values[0] if values else None


def error(body: bytes) -> dict[str, Any]:
    """The error object of a body, which must have OpenAI's four keys and no other."""
    document = json.loads(body.decode("ascii"))
    assert list(document) == ["error"]
    found: dict[str, Any] = document["error"]
    assert set(found) == {"message", "type", "param", "code"}
    assert isinstance(found["message"], str)
    assert found["message"]
    return found


def refused(body: bytes, **options: Any) -> tuple[int, str | None, str | None]:
    """Status, code and param of the refusal a chat's body meets."""
    exchange, out = ask(body, **options)
    assert exchange.call is None
    found = error(out)
    assert header(exchange, b"content-length") == str(len(out)).encode()
    return status(exchange), found["code"], found["param"]


def blocks(stream: bytes) -> list[str]:
    """The blocks of a stream: `data` of each frame, ``: ping`` for a ping. Everything else fails."""
    text = stream.decode("ascii")
    assert not text or text.endswith("\n\n")
    found = []
    for block in text.split("\n\n")[:-1]:
        assert "\n" not in block
        assert "\r" not in block
        assert block == ": ping" or block.startswith("data: ")
        found.append(block.removeprefix("data: "))
    return found


def chunks(stream: bytes) -> list[dict[str, Any]]:
    """The documents of a whole stream, pings and the terminator left out, which must be there exactly once, last."""
    found = [block for block in blocks(stream) if block != ": ping"]
    assert found[-1] == "[DONE]"
    assert found.count("[DONE]") == 1
    return [json.loads(block) for block in found[:-1]]


def said(stream: bytes) -> str:
    """The text of a stream."""
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks(stream) for choice in chunk.get("choices", ())
    )
