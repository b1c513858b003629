# Copilot against a scripted service over real sockets: what is asked, every way it answers, every way it does not.
from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from pydantic import SecretStr

from g4f_proto import ApiError, ChatCall, ChatRequest, ProviderEvent, Reasoning
from providers.copilot import Copilot
from providers.upstream import UPSTREAMS, Timeouts, Upstream
from tests.providers.peers import Peer
from tests.providers.test_websocket import served

pytestmark = pytest.mark.anyio

Script = Callable[[Peer], Awaitable[object]]
TOKEN = "secret-token+/="
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")


class Service:
    """A service that keeps what it was asked. `script` plays a socket once its opening was read."""

    def __init__(
        self, script: Script | None = None, *, upgrade: int = 101, rest: int = 200, drip: bool = False
    ) -> None:
        self.script, self.upgrade, self.rest, self.drip = script, upgrade, rest, drip
        self.extra: dict[str, str] = {}
        self.reply = b'{"currentConversationId":"c-1"}'
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.opening: list[dict[str, Any]] = []
        self.goodbye: bool | None = None
        self.left = anyio.Event()

    async def __call__(self, stream: ByteStream) -> None:
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    data += await stream.receive()
                head, _, data = data.partition(b"\r\n\r\n")
                self.heads.append(head)
                if head.startswith(b"CONNECT"):
                    await stream.send(b"HTTP/1.1 200 ok\r\n\r\n")
                    continue
                if head.startswith(b"GET"):
                    await self._socket(Peer(stream, drip=self.drip), head + b"\r\n\r\n")
                    return
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                while len(data) < size:
                    data += await stream.receive()
                self.bodies.append(data[:size])
                data = data[size:]
                await self._rest(stream, head)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass

    async def _rest(self, stream: ByteStream, head: bytes) -> None:
        reply = b'{"url":"https://kept.test/1"}' if b"attachments" in head else self.reply
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.extra.items())
        await stream.send(b"HTTP/1.1 %d x\r\n%bcontent-length: %d\r\n\r\n%b" % (
            self.rest, lines.encode(), len(reply), reply,
        ))  # fmt: skip

    async def _socket(self, peer: Peer, head: bytes) -> None:
        if self.upgrade != 101:
            await peer.refuse(self.upgrade, head, **self.extra)
            return
        await peer.accept(head)
        self.opening = [json.loads(await peer.text()) for _ in range(3)]
        assert self.script is not None
        await self.script(peer)
        self.goodbye = await peer.gone()
        self.left.set()


class Jar:
    """Cookies, and who asked for them."""

    def __init__(self, **cookies: str) -> None:
        self.cookies = cookies
        self.asked: list[tuple[str, str]] = []

    async def for_domain(self, host: str, principal: str = "") -> Mapping[str, str]:
        self.asked.append((host, principal))
        return self.cookies


def upstream(port: int = 9, token: str = TOKEN, *, silence: float = 60.0, **fields: Any) -> Upstream:
    known = next(one.upstream for one in UPSTREAMS if one.upstream.name == "Copilot")
    return replace(
        known,
        base_url=f"http://127.0.0.1:{port}",
        key=SecretStr(token) if token else None,
        timeouts=Timeouts(between=silence),
        **fields,
    )


@asynccontextmanager
async def at(
    service: Service, *, token: str = TOKEN, silence: float = 60.0, cookies: Jar | None = None, **options: Any
) -> AsyncGenerator[Copilot, None]:
    async with served(service) as port:
        copilot = Copilot(upstream(port, token, silence=silence, **options), cookies=cookies)
        try:
            yield copilot
        finally:
            await copilot.aclose()


def call(content: Any = "Hi", *, model: str = "Copilot", stream: bool = True) -> ChatCall:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": content}]}
    return ChatCall(
        provider="Copilot", model=model, principal="who asks", request=ChatRequest.model_validate(body), body=body
    )


async def answer(copilot: Copilot, asked: ChatCall | None = None) -> list[ProviderEvent]:
    with anyio.fail_after(10):
        async with aclosing(copilot.stream(asked or call())) as events:
            return [event async for event in events]


async def refused(copilot: Copilot, asked: ChatCall | None = None) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await answer(copilot, asked)
    assert "secret" not in f"{caught.value!r} {caught.value.message}"
    return caught.value


def says(*messages: Mapping[str, Any]) -> Script:
    async def script(peer: Peer) -> None:
        for message in messages:
            await peer.send(json.dumps(message))

    return script


def text(text: str) -> dict[str, Any]:
    return {"event": "appendText", "partId": "p", "text": text}


DONE = {"event": "done"}
GREETING = [{"event": "connected"}, {"event": "chainOfThought", "text": "Hm."}, text("Hel"), text("lö"), DONE]


# --- what is asked ---


async def test_a_question_and_its_answer() -> None:
    service = Service(says(*GREETING))
    async with at(service) as copilot:
        assert await answer(copilot) == [Reasoning(text="Hm."), "Hel", "lö"]
        with anyio.fail_after(5):
            await service.left.wait()
    assert service.goodbye
    start, socket = service.heads
    assert start.startswith(b"POST /c/api/start HTTP/1.1\r\n")
    assert b"\r\nauthorization: Bearer secret-token+/=\r\n" in start
    assert json.loads(service.bodies[0])["startNewConversation"] is True
    assert socket.startswith(b"GET /c/api/chat?api-version=2&clientSessionId=")
    assert b"&accessToken=secret-token%2B%2F%3D HTTP/1.1\r\n" in socket
    assert [message["event"] for message in service.opening] == ["setOptions", "reportLocalConsents", "send"]
    send = service.opening[2]
    assert (send["conversationId"], send["mode"]) == ("c-1", "chat")
    assert send["content"] == [{"type": "text", "text": "Hi"}]
    for head in service.heads:  # we are who we are
        assert b"mozilla" not in head.lower()


async def test_byte_by_byte_and_in_one_piece() -> None:
    async with at(Service(says(*GREETING), drip=True)) as copilot:
        assert await answer(copilot, call(stream=False)) == [Reasoning(text="Hm."), "Hellö"]


@pytest.mark.parametrize(
    ("model", "mode"),
    [("Think Deeper", "reasoning"), ("Smart", "smart"), ("Study", "study"), ("gpt-4o", "chat"), ("o1", "reasoning")],
)
async def test_a_model_is_a_mode(model: str, mode: str) -> None:
    service = Service(says(DONE))
    async with at(service) as copilot:
        await answer(copilot, call(model=model))
        assert model in [one.id for one in await copilot.models()]
    assert service.opening[2]["mode"] == mode


@pytest.mark.parametrize("whose", ["the operator's", "the caller's", "none that is allowed"])
async def test_both_ways_go_through_the_proxy(whose: str) -> None:
    pytest.importorskip("httpx2")
    service = Service(says(DONE))
    async with served(service) as port:
        proxy = f"http://127.0.0.1:{port}"
        far = replace(upstream(), base_url="http://copilot.invalid", any_proxy=whose == "the caller's")
        if whose == "none that is allowed":
            far = upstream()  # where nobody listens
        copilot = Copilot(replace(far, proxy=SecretStr(proxy)) if whose == "the operator's" else far)
        asked = call()
        if whose != "the operator's":
            asked = replace(asked, body={**asked.body, "proxy": proxy})
        if whose == "none that is allowed":
            await refused(copilot, asked)
        else:
            await answer(copilot, asked)
        await copilot.aclose()
    lines = [head.partition(b"\r\n")[0] for head in service.heads]
    if whose == "none that is allowed":
        assert lines == []
        return
    start, connect, socket = lines
    assert start == b"POST http://copilot.invalid/c/api/start HTTP/1.1"
    assert connect == b"CONNECT copilot.invalid:80 HTTP/1.1"
    assert socket.startswith(b"GET /c/api/chat?")


async def test_an_image_is_uploaded_first() -> None:
    service = Service(says(DONE))
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is it?"}]
    async with at(service) as copilot:
        await answer(copilot, call(parts))
    assert service.heads[0].startswith(b"POST /c/api/attachments HTTP/1.1\r\n")
    assert b"\r\ncontent-type: image/png\r\n" in service.heads[0]
    assert service.bodies[0] == PNG
    assert service.opening[2]["content"] == [
        {"type": "image", "url": "https://kept.test/1"},
        {"type": "text", "text": "What is it?"},
    ]


async def test_cookies_serve_in_place_of_a_token_and_smuggle_nothing() -> None:
    service = Service(says(DONE))
    jar = Jar(session="secret", bad="x\r\nHost: evil", worse="a; b=c")
    async with at(service, token="", cookies=jar) as copilot:
        assert not copilot.info.working
        assert await copilot.models()
        assert copilot.info.working
        await answer(copilot)
    assert jar.asked == [("127.0.0.1", ""), ("127.0.0.1", "who asks")]
    for head in service.heads:
        assert b"\r\ncookie: session=secret\r\n" in head.lower() + b"\r\n"
        assert b"evil" not in head
        assert b"Bearer" not in head


async def test_with_the_operators_token_go_the_operators_cookies() -> None:
    service, jar = Service(says(DONE)), Jar(session="secret")
    async with at(service, cookies=jar) as copilot:
        await answer(copilot)
    assert jar.asked == [("127.0.0.1", "")]
    assert b"\r\ncookie: session=secret" in service.heads[1].lower()


async def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.copilot.provider.find_spec", lambda name: None)
    error = await refused(Copilot(upstream()))
    assert (error.status, error.code) == (404, "model_not_installed")
    assert "g4f-proto[copilot]" in error.message


async def test_without_access_nothing_is_asked_and_the_variable_is_named() -> None:
    service = Service()
    async with at(service, token="") as copilot:
        assert (copilot.info.working, await copilot.models()) == (False, ())
        error = await refused(copilot)
    assert (error.status, error.code) == (404, "provider_not_found")
    assert "COPILOT_ACCESS_TOKEN" in error.message
    assert service.heads == []


async def test_a_model_it_does_not_have() -> None:
    service = Service()
    async with at(service) as copilot:
        assert (await refused(copilot, call(model="gpt-2"))).status == 404
    assert service.heads == []


# --- how it fails ---


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ({"event": "challenge", "method": None, "id": "x"}, 502, "provider_challenge"),
        ({"event": "error", "errorCode": "text-too-long"}, 400, "context_length_exceeded"),
        ({"event": "error", "errorCode": "chat-service-unavailable"}, 502, "provider_not_working"),
        ({"event": "replaceText", "text": "no", "partId": "p"}, 502, "answer_replaced"),
        ({"no": "event"}, 502, "provider_not_working"),
    ],
)
async def test_what_it_says_is_wrong(message: dict[str, Any], status: int, code: str) -> None:
    service = Service(says(text("Well"), message, text("never")))
    async with at(service) as copilot:
        error = await refused(copilot)
        with anyio.fail_after(5):
            await service.left.wait()
    assert (error.status, error.code) == (status, code)
    assert service.goodbye is False


STATUSES = [
    (401, {}, 502, "provider_error"),
    (403, {}, 502, "provider_error"),
    (460, {}, 502, "provider_error"),
    (403, {"cf-mitigated": "challenge"}, 502, "provider_challenge"),
    (429, {"retry-after": "7"}, 429, "rate_limit_exceeded"),
    (400, {}, 502, "provider_not_working"),
    (503, {}, 502, "provider_not_working"),
]


@pytest.mark.parametrize("where", ["rest", "upgrade"])
@pytest.mark.parametrize(("status", "headers", "told", "code"), STATUSES)
async def test_refusals(where: str, status: int, headers: dict[str, str], told: int, code: str) -> None:
    service = Service(**{where: status})  # type: ignore[arg-type]
    service.extra = headers
    async with at(service) as copilot:
        error = await refused(copilot)
    assert (error.status, error.code) == (told, code)
    assert error.retry_after == (7 if status == 429 else None)


@pytest.mark.parametrize("reply", [b"", b"<html>", b"[]", b"{}", b'{"currentConversationId":7}'])
async def test_a_start_that_cannot_be_read(reply: bytes) -> None:
    service = Service()
    service.reply = reply
    async with at(service) as copilot:
        assert (await refused(copilot)).code == "provider_not_working"


async def test_nobody_there() -> None:
    async with served(Service()) as port:
        pass
    copilot = Copilot(upstream(port))
    assert (await refused(copilot)).code == "provider_not_working"


@pytest.mark.parametrize("goodbye", [False, True])
async def test_cut_in_the_middle(goodbye: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(json.dumps(text("Hal")))
        if goodbye:
            await peer.close()
        else:
            await peer.stream.aclose()

    async with at(Service(script)) as copilot:
        events = []
        with pytest.raises(ApiError) as caught:
            async with aclosing(copilot.stream(call())) as stream:
                async for event in stream:
                    events.append(event)
    assert (events, caught.value.status) == (["Hal"], 502)


async def test_silence_ends_it_and_pings_are_answered_but_are_silence_too() -> None:
    pongs = []

    async def script(peer: Peer) -> None:
        await peer.send(json.dumps(text("Hal")))
        while True:
            await peer.send('{"event":"ping"}')
            pongs.append(json.loads(await peer.text()))
            await anyio.sleep(0.01)

    async with at(Service(script), silence=0.1) as copilot:
        assert (await refused(copilot)).status == 504
    assert pongs[0] == {"event": "pong"}


async def test_a_slow_client_is_not_the_services_silence() -> None:
    async with (
        at(Service(says(text("one"), text("two"), DONE)), silence=0.05) as copilot,
        aclosing(copilot.stream(call())) as events,
    ):
        assert await anext(events) == "one"
        await anyio.sleep(0.1)
        assert [event async for event in events] == ["two"]


@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_the_client_leaves(how: str) -> None:
    service = Service(says(text("one")))
    async with at(service) as copilot:
        with anyio.CancelScope() as scope:
            async with aclosing(copilot.stream(call())) as events:
                assert await anext(events) == "one"
                if how == "cancelled":
                    scope.cancel()
                    await anext(events)
        with anyio.fail_after(5):
            await service.left.wait()
    assert service.goodbye is False


async def test_keys_are_in_no_log_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with at(Service(says(*GREETING)), cookies=Jar(a="secret")) as copilot:
        await answer(copilot)
        assert "secret" not in f"{copilot!r} {copilot.info!r}"
    async with at(Service(upgrade=403)) as copilot:
        await refused(copilot)
    told = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert not [line for line in told if "secret" in line]
