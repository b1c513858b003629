# The client's own body as an upstream wants it. Unknown fields pass; what is ours does not, and of a chat nothing that
# the upstream does not honour: such a parameter asks for nothing, or was emulated, but the strict refuse its very name.
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from g4f_proto import PARAMETERS, ChatCall

from .upstream import Upstream

__all__ = ("chat_body", "completion_body", "own_body", "packed")

#: Fields of the G4F REST API that mean this server, not the one behind it.
_OURS: Final = frozenset({"provider", "conversation_id", "proxy", "timeout"})
#: OpenAI's fields that change no answer, which client libraries send, and what all know of a message.
_WITHOUT_EFFECT: Final = frozenset(
    {"metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store", "user"}
)
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_OF_A_MESSAGE: Final = frozenset({"role", "content", "name", "tool_calls", "tool_call_id"})


def own_body(asked: Mapping[str, JsonValue], model: str, upstream: Upstream) -> dict[str, JsonValue]:
    """The client's body, less what is ours, with the upstream's own names."""
    body: dict[str, JsonValue] = {name: value for name, value in asked.items() if name not in _OURS}
    body["model"] = model
    for name, there in upstream.names.items():
        if name in body:
            value = body.pop(name)
            if value is not None:  # the newer of two names wins, as it does everywhere
                body[there] = value
    return body


def chat_body(call: ChatCall, upstream: Upstream) -> bytes:
    """A chat's body."""
    return packed(_chat(call, upstream))


def completion_body(call: ChatCall, upstream: Upstream) -> bytes:
    """A legacy completion's body: all the prompts, and `n` for each of them."""
    body = _chat(call, upstream)
    del body["messages"]
    each = (call.request.n or 1) // len(call.prompts)
    prompts: list[JsonValue] = list(call.prompts)
    body |= {"prompt": prompts[0] if len(prompts) == 1 else prompts, "n": each}
    return packed(body)


def _chat(call: ChatCall, upstream: Upstream) -> dict[str, JsonValue]:
    native = upstream.native
    honoured = {name: value for name, value in call.body.items() if name in native or name not in PARAMETERS}
    body = own_body(honoured, call.model, upstream)
    # Usage is asked for: who pays wants to know, whether the client asks or not.
    options = body.pop("stream_options", None)  # OpenAI: "Only set this when you set stream: true"
    if call.request.stream and upstream.stream_usage:
        body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    if upstream.strict:
        body = {name: value for name, value in body.items() if name not in _WITHOUT_EFFECT}
    if upstream.strict or not upstream.developer_role:
        body["messages"] = [_message(message, upstream) for message in call.body["messages"]]  # type: ignore[union-attr]
    return body


def _message(message: JsonValue, upstream: Upstream) -> JsonValue:
    if not isinstance(message, dict):
        return message
    if upstream.strict:
        message = {name: value for name, value in message.items() if name in _OF_A_MESSAGE}
    if not upstream.developer_role and message.get("role") == "developer":
        message = {**message, "role": "system"}
    return message


def packed(body: Mapping[str, JsonValue]) -> bytes:
    """ASCII: lone surrogates, which clients send as escapes, stay what they are."""
    return _ENCODER.encode(body).encode("ascii")
