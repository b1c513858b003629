# A chat of an upstream: the client's own body out, the events of its stream or its document in.
#
# The hot path of a gateway. What one read of the socket brings is decoded and handed on at once, text as it came. The
# answer is asked for as the client wants it, as a stream or in one piece: one document costs a tenth of its chunks.
from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from math import inf
from typing import Final

import anyio
from pydantic import JsonValue

from g4f_proto import ChatCall, ChatStreamReader, ProviderEvent, read_reply

from .link import Link
from .transport import Reply
from .upstream import Upstream

__all__ = ("chat", "own_body")

#: Fields of the G4F REST API that mean this server, not the one behind it.
_OURS: Final = frozenset({"provider", "conversation_id", "proxy", "timeout"})
_BOM_AND_BLANKS: Final = b"\xef\xbb\xbf \t\r\n"


async def chat(link: Link, call: ChatCall) -> AsyncGenerator[ProviderEvent, None]:
    """The answer. Closing it, or cancelling its task, closes the connection: so upstreams know that nobody listens."""
    timeouts = link.upstream.timeouts
    deadline = anyio.current_time() + timeouts.first if call.request.stream else inf
    body = chat_body(call, link.upstream)
    reply = await link.post("/chat/completions", body, model=call.model, asked=call.body, deadline=deadline)
    async with aclosing(reply):
        data = await _begin(reply, deadline)
        if data.lstrip(_BOM_AND_BLANKS).startswith(b"{"):  # whatever its type says, and whatever was asked for
            for event in read_reply(await reply.read(data), failed=link.reported):
                yield event
            return
        reader = ChatStreamReader(failed=link.reported)
        while data and not reader.done:
            said = False
            for event in reader.feed(data):
                said = True
                yield event
            if said:
                deadline = anyio.current_time() + timeouts.between
            if not reader.done:
                data = await reply.receive(deadline=deadline)
        reader.end()
        await reply.finish()


async def _begin(reply: Reply, deadline: float) -> bytes:
    """The body as far as it must be known to tell a document from a stream."""
    begun = data = await reply.receive(deadline=deadline)
    while data and not begun.lstrip(_BOM_AND_BLANKS):
        data = await reply.receive(deadline=deadline)
        begun += data
    return begun


def own_body(asked: Mapping[str, JsonValue], model: str, upstream: Upstream) -> dict[str, JsonValue]:
    """The client's body as the upstream wants it: unknown fields pass, what is ours does not."""
    body: dict[str, JsonValue] = {name: value for name, value in asked.items() if name not in _OURS}
    body["model"] = model
    for name, there in upstream.names.items():
        if name in body:
            value = body.pop(name)
            if value is not None:  # the newer of two names wins, as it does everywhere
                body[there] = value
    return body


def chat_body(call: ChatCall, upstream: Upstream) -> bytes:
    """A chat's body. Usage is asked for: who pays wants to know, whether the client asks or not."""
    body = own_body(call.body, call.model, upstream)
    options = body.pop("stream_options", None)  # OpenAI: "Only set this when you set stream: true"
    if call.request.stream and upstream.stream_usage:
        body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    return json.dumps(body, separators=(",", ":")).encode("ascii")
