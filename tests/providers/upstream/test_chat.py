# Chats over real sockets, on both loops, with upstreams that behave and misbehave: each with its documented outcome.
from __future__ import annotations

import gzip
import json
import zlib
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from g4f_proto import ApiError, Finish, ProviderEvent, ProviderNotWorking, ProviderTimeout, RateLimited, Usage
from providers.upstream import OpenAICompatible, Timeouts
from tests.providers.upstream.peer import (
    COMPLETION,
    DONE,
    END,
    EVENTS,
    Act,
    Peer,
    Step,
    chat,
    chunked,
    collect,
    delta,
    head,
    reply,
    serving,
)

pytestmark = pytest.mark.anyio

SAID = ["Hé", " ж😀", Finish(reason="stop"), Usage(prompt_tokens=3, completion_tokens=2)]
WHOLE = ["Hé ж😀", Finish(reason="stop"), Usage(prompt_tokens=3, completion_tokens=2)]
DOCUMENT = json.dumps(COMPLETION).encode()
LONG = "x" * 10_000_000


async def ask(peer: Peer, **fields: Any) -> tuple[list[ProviderEvent], ApiError | None]:
    """What was said, and the error it ended with."""
    provider = OpenAICompatible(peer.upstream(**fields.pop("upstream", {})))
    said: list[ProviderEvent] = []
    try:
        async with aclosing(provider.stream(chat(**fields))) as events:
            async for event in events:
                said.append(event)
    except ApiError as error:
        return said, error
    finally:
        await provider.aclose()
    return said, None


def body(data: bytes, size: int | None = None, *headers: str, type: str = "text/event-stream") -> list[Step]:
    return [head(*headers, type=type), chunked(data, size), END]


BEHAVING: dict[str, tuple[list[Step], list[Any]]] = {
    "in one piece": (body(EVENTS), SAID),
    "one byte a chunk": (body(EVENTS, 1), SAID),
    "CRLF": (body(EVENTS.replace(b"\n", b"\r\n")), SAID),
    "CR": (body(EVENTS.replace(b"\n", b"\r"), 7), SAID),
    "BOM": (body(b"\xef\xbb\xbf" + EVENTS, 2), SAID),
    "comments": (body(b": hello\n\n" + EVENTS.replace(b"data:", b": ping\n\ndata:")), SAID),
    "names of events": (body(EVENTS.replace(b"data:", b"event: chunk\nid: 5\nretry: 9\ndata:")), SAID),
    "a line of 10 MB": (body(delta(LONG) + DONE), [LONG]),
    "gzip": (body(gzip.compress(EVENTS), 3, "content-encoding: gzip"), SAID),
    "deflate": (body(zlib.compress(EVENTS), None, "content-encoding: deflate"), SAID),
    "another type": (body(EVENTS, type="text/plain"), SAID),
    "a stream that says it is JSON": (body(EVENTS, type="application/json"), SAID),
    "a document instead of a stream": ([reply(DOCUMENT)], WHOLE),
    "a document that says it is a stream": (body(b"\n \n" + DOCUMENT, 1), WHOLE),
    "no [DONE]": (body(EVENTS.removesuffix(DONE)), SAID),
    "no length": ([b"HTTP/1.1 200 OK\r\n\r\n" + EVENTS, Act.CLOSE], SAID),
    "a reply of HTTP/1.0": ([b"HTTP/1.0 200 OK\r\n\r\n" + EVENTS, Act.CLOSE], SAID),
    "100 and 103 first": ([b"HTTP/1.1 100 -\r\n\r\nHTTP/1.1 103 -\r\nlink: x\r\n\r\n", *body(EVENTS)], SAID),
    "trailers": ([head(), chunked(EVENTS), b"0\r\ncontent-encoding: br\r\n\r\n"], SAID),
    "broken off behind [DONE]": ([head(), chunked(EVENTS), Act.RESET], SAID),
    "never ended behind [DONE]": ([head(), chunked(EVENTS), Act.HANG], SAID),
    "more behind [DONE]": (body(EVENTS + delta("more")), SAID),
}  # fmt: skip


@pytest.mark.parametrize("name", BEHAVING)
async def test_what_is_read(name: str) -> None:
    script, expected = BEHAVING[name]
    async with serving(script) as peer:
        assert await ask(peer) == (expected, None)


BROKEN: dict[str, tuple[list[Step], list[Any], type[ApiError], str]] = {
    "an error with 200": ([reply(b'{"error":{"message":"m","code":429}}')], [], RateLimited, "m"),
    "an error in the stream": (
        body(delta("a") + b'data: {"error":{"message":"no","type":"server_error"}}\n\n' + DONE),
        ["a"],
        ProviderNotWorking,
        "The provider answered with an error.",
    ),
    "an event named error": (
        body(delta("a") + b'event: error\ndata: {"error":{"message":"slow","code":"rate_limit_exceeded"}}\n\n'),
        ["a"],
        RateLimited,
        "slow",
    ),
    "reset behind the first token": (
        [head(), chunked(delta("a")), 0.05, Act.RESET],
        ["a"],
        ProviderNotWorking,
        "The provider broke its reply off.",
    ),
    "ended without an end": (
        body(delta("a")), ["a"], ProviderNotWorking, "The provider broke its stream off."
    ),
    "hung up in the stream": (
        [head(), chunked(delta("a"))[:-9], Act.CLOSE], [], ProviderNotWorking, "The provider broke its reply off."
    ),
    "hung up in a document": (
        [reply(DOCUMENT)[:-1], Act.CLOSE], [], ProviderNotWorking, "The provider broke its reply off."
    ),
    "hung up in the head": (
        [b"HTTP/1.1 200 OK\r\nx", Act.CLOSE], [], ProviderNotWorking, "The provider broke its reply off."
    ),
    "hung up at once": ([Act.CLOSE], [], ProviderNotWorking, "The provider broke its reply off."),
    "reset at once": ([Act.RESET], [], ProviderNotWorking, "The provider broke its reply off."),
    "no HTTP": ([b"SSH-2.0-OpenSSH_9.6\r\n"], [], ProviderNotWorking, "The provider's reply could not be read."),
    "a head without end": (
        [b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000],
        [],
        ProviderNotWorking,
        "The provider's reply could not be read.",
    ),
    "nonsense between chunks": (
        [head(), chunked(delta("a")) + b"xyz\r\n"], ["a"], ProviderNotWorking, "The provider's reply could not be read."
    ),
    "no JSON": (body(b"data: {nonsense\n\n"), [], ProviderNotWorking, "The provider's stream could not be read."),
    "a page": ([reply(b"<html>", type="text/html")], [], ProviderNotWorking, "The provider broke its stream off."),
    "nothing": ([reply(b"")], [], ProviderNotWorking, "The provider broke its stream off."),
    "cut gzip": (
        [reply(gzip.compress(DOCUMENT)[:-9], "content-encoding: gzip")],
        [],
        ProviderNotWorking,
        "The provider broke its reply off.",
    ),
    "no gzip": (
        body(EVENTS, None, "content-encoding: gzip"),
        [],
        ProviderNotWorking,
        "The provider's reply could not be read.",
    ),
    "packed in a way nobody asked for": (
        body(EVENTS, None, "content-encoding: br"),
        [],
        ProviderNotWorking,
        "The provider's reply could not be read.",
    ),
    "a redirect": (
        [b"HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"],
        [],
        ProviderNotWorking,
        "The provider answered with an error.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_refused(name: str) -> None:
    script, expected, kind, message = BROKEN[name]
    async with serving(script) as peer:
        said, error = await ask(peer)
    assert said == expected
    assert type(error) is kind
    assert error.message == message


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([Act.HANG], []),
        ([head(), Act.HANG], []),
        ([head(), chunked(delta("a")), Act.HANG], ["a"]),
        ([head(), chunked(b'{"id":'), Act.HANG], []),
    ],
    ids=["silence", "behind the head", "behind a token", "within a document"],
)
async def test_silence_for_ever(script: list[Step], said: list[str]) -> None:
    async with serving(script) as peer:
        found = await ask(peer, upstream={"timeouts": Timeouts(connect=5, first=0.2, between=0.2)})
        with anyio.fail_after(5):
            await peer.gone.wait()
    assert found[0] == said
    assert isinstance(found[1], ProviderTimeout)


async def test_comments_are_no_token() -> None:
    async with serving([head(), *[chunked(b": ping\n\n"), 0.05] * 100]) as peer:
        said, error = await ask(peer, upstream={"timeouts": Timeouts(connect=5, first=0.3, between=0.3)})
    assert said == []
    assert isinstance(error, ProviderTimeout)


async def test_a_port_where_nobody_listens() -> None:
    async with serving([]) as peer:
        pass
    said, error = await ask(peer)
    assert said == []
    assert type(error) is ProviderNotWorking
    assert error.message == "The provider could not be reached."


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example"])
async def test_a_host_that_is_none(host: str) -> None:
    provider = OpenAICompatible(Peer(port=80).upstream(base_url=f"http://{host}"))
    with pytest.raises(ProviderNotWorking, match="could not be reached"):
        await collect(provider, chat())
    await provider.aclose()


async def test_a_reply_in_one_piece() -> None:
    async with serving([reply(DOCUMENT)]) as peer:
        assert await ask(peer, stream=False) == (WHOLE, None)
        assert "stream_options" not in peer.requests[0].json


async def test_a_stream_where_a_document_was_asked_for() -> None:
    async with serving(body(EVENTS)) as peer:
        assert await ask(peer, stream=False) == (SAID, None)


async def test_a_stream_that_is_too_long_for_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.upstream.chat.MAX_REPLY", len(EVENTS) - 1)
    async with serving(body(EVENTS, 50)) as peer:
        assert await ask(peer) == (SAID, None), "of a stream nothing is kept"
        _, error = await ask(peer, stream=False)
        assert isinstance(error, ProviderNotWorking)


@pytest.mark.parametrize("script", [[Act.HANG], [head(), chunked(delta("a")), Act.HANG]], ids=["before", "after"])
async def test_cancelling_closes_the_connection_at_once(script: list[Step]) -> None:
    async with serving(script) as peer:
        provider = OpenAICompatible(peer.upstream())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, provider, chat())
            while not peer.requests:
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            await peer.gone.wait()
        await provider.aclose()


async def test_closing_the_generator_closes_the_connection_at_once() -> None:
    async with serving([head(), chunked(delta("a")), Act.HANG]) as peer:
        provider = OpenAICompatible(peer.upstream())
        events = provider.stream(chat())
        assert await anext(events) == "a"
        await events.aclose()
        with anyio.fail_after(5):
            await peer.gone.wait()
        await provider.aclose()
