# A chat of an upstream: the client's own body out, the events of its stream or its document in.
#
# The hot path of a gateway. What one read of the socket brings is decoded and handed on at once, text as it came. The
# answer is asked for as the client wants it, as a stream or in one piece: a document costs less than its chunks.
from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from math import inf
from typing import Final, Protocol

import anyio
from pydantic import JsonValue

from g4f_proto import (
    ApiError,
    ChatCall,
    ChatStreamReader,
    CompletionStreamReader,
    Event,
    ForChoice,
    MessageStreamReader,
    ProviderEvent,
    ResponseStreamReader,
    Usage,
    ask_message,
    ask_response,
    read_completion_reply,
    read_message,
    read_reply,
    read_response,
    with_messages,
)

from . import errors
from .bodies import chat_body, completion_body, packed
from .link import Link
from .transport import MAX_REPLY, Reply

__all__ = ("chat", "complete")

_BOM_AND_BLANKS: Final = b"\xef\xbb\xbf \t\r\n"


class _Reader(Protocol):
    done: bool

    def feed(self, data: bytes) -> Iterator[ProviderEvent]: ...
    def end(self) -> None: ...


class _Streamed(Protocol):
    def __call__(self, *, failed: Callable[[JsonValue], ApiError]) -> _Reader: ...


class _Whole(Protocol):
    def __call__(self, body: bytes, *, failed: Callable[[JsonValue], ApiError]) -> list[ProviderEvent]: ...


def chat(link: Link, call: ChatCall) -> AsyncGenerator[ProviderEvent, None]:
    """The answer. Closing it, or cancelling its task, closes the connection: so upstreams know that nobody listens."""
    match link.upstream.api:
        case "chat":
            body = chat_body(call, link.upstream)
            return _answer(link, call, "/chat/completions", body, ChatStreamReader, read_reply)
        case "responses":
            body = packed(ask_response(call))
            return _answer(link, call, "/responses", body, ResponseStreamReader, read_response)
        case "messages":
            return _answer(link, call, "/messages", packed(ask_message(call)), MessageStreamReader, read_message)


def complete(link: Link, call: ChatCall) -> AsyncGenerator[ProviderEvent, None]:
    """What goes on with the prompts: a completion where the upstream makes them, else a chat for each prompt."""
    if link.upstream.completions:
        body = completion_body(call, link.upstream)
        return _answer(link, call, "/completions", body, CompletionStreamReader, read_completion_reply)
    return chat(link, call) if len(call.prompts) == 1 else _each(link, call)


async def _answer(
    link: Link, call: ChatCall, endpoint: str, body: bytes, streamed: _Streamed, whole: _Whole
) -> AsyncGenerator[ProviderEvent, None]:
    timeouts = link.upstream.timeouts
    deadline = anyio.current_time() + timeouts.first if call.request.stream else inf
    reply = await link.post(endpoint, body, model=call.model, asked=call.body, deadline=deadline)
    try:
        data = await _begin(reply, deadline)
        if data.lstrip(_BOM_AND_BLANKS).startswith(b"{"):  # whatever its type says, and whatever was asked for
            events = whole(await reply.read(data, deadline=deadline), failed=link.reported)
            link.tells_usage &= Usage in map(type, events)
            for event in events:
                yield event
            return
        reader = streamed(failed=link.reported)
        told = False
        room = inf if call.request.stream else MAX_REPLY  # who asked for one piece gets it from our memory
        while data and not reader.done:
            room -= len(data)
            if room < 0:
                raise errors.unreadable()
            said = False
            for event in reader.feed(data):
                said = True
                if type(event) is Usage:
                    told = True
                yield event
            if said:
                deadline = anyio.current_time() + timeouts.between
            if not reader.done:
                data = await reply.receive(deadline=deadline)
        reader.end()
        link.tells_usage &= told
        await reply.finish()
    finally:
        await reply.aclose()


async def _each(link: Link, call: ChatCall) -> AsyncGenerator[ProviderEvent, None]:
    """The prompts one after the other; choices are numbered prompt by prompt, and what they cost is added up."""
    each = (call.request.n or 1) // len(call.prompts)
    spent: list[Usage] = []
    for place, prompt in enumerate(call.prompts):
        alone = replace(call, prompts=(), body={**call.body, "n": each})
        async with aclosing(chat(link, with_messages(alone, [{"role": "user", "content": prompt}]))) as events:
            async for event in events:
                if isinstance(event, Usage):
                    spent.append(event)
                    continue
                index, said = (event.index, event.event) if isinstance(event, ForChoice) else (0, event)
                index += place * each
                if index and isinstance(said, Event):
                    yield ForChoice(index=index, event=said)
                else:
                    yield said
    if spent:
        yield Usage(
            prompt_tokens=sum(one.prompt_tokens for one in spent),
            completion_tokens=sum(one.completion_tokens for one in spent),
            cached_tokens=sum(one.cached_tokens for one in spent),
            reasoning_tokens=sum(one.reasoning_tokens for one in spent),
        )


async def _begin(reply: Reply, deadline: float) -> bytes:
    """The body as far as it must be known to tell a document from a stream."""
    begun = data = await reply.receive(deadline=deadline)
    while data and not begun.lstrip(_BOM_AND_BLANKS):
        data = await reply.receive(deadline=deadline)
        begun += data
    return begun
