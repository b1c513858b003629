# A call as the request an upstream wants: the client's own body, with what is ours taken out of it.
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from pydantic import JsonValue

from g4f_proto import ChatCall

from .upstream import Upstream

__all__ = ("chat_body", "headers_of", "path_of")

#: Fields of the G4F REST API that mean this server, not the one behind it.
_OURS: Final = ("provider", "conversation_id", "proxy", "timeout")


def headers_of(upstream: Upstream) -> tuple[tuple[str, str], ...]:
    """What every request carries. Nothing is asked to be packed: inflating costs more than the wire."""
    headers = {
        "accept": "application/json, text/event-stream",
        "accept-encoding": "identity",
        "user-agent": "g4f-proto",
    }
    if upstream.key is not None:
        key = upstream.key.get_secret_value()
        headers |= {upstream.key_header: key} if upstream.key_header else {"authorization": f"Bearer {key}"}
    headers |= {name.lower(): value.get_secret_value() for name, value in upstream.headers.items()}
    return tuple(headers.items())


def path_of(upstream: Upstream, endpoint: str, model: str) -> str:
    """Where `endpoint`, ``/chat/completions``, is for `model`."""
    if not upstream.api_version:
        return endpoint
    return f"/deployments/{quote(model, safe='')}{endpoint}?api-version={quote(upstream.api_version)}"


def chat_body(call: ChatCall, upstream: Upstream) -> bytes:
    """The body of a chat: unknown fields pass, `stream_options` asks for the usage."""
    body: dict[str, JsonValue] = {name: value for name, value in call.body.items() if name not in _OURS}
    body["model"] = call.model
    if call.request.stream:
        if upstream.stream_usage:
            options = body.get("stream_options")
            body["stream_options"] = {**(options if isinstance(options, Mapping) else {}), "include_usage": True}
        else:
            body.pop("stream_options", None)
    else:  # OpenAI: "Only set this when you set stream: true"
        body.pop("stream_options", None)
    if upstream.limit is not None and call.request.token_limit is not None:
        body.pop("max_tokens", None)
        body.pop("max_completion_tokens", None)
        body[upstream.limit] = call.request.token_limit
    return json.dumps(body, separators=(",", ":")).encode("ascii")
