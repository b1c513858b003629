# One question to Copilot: a conversation is started, a socket opened, one answer read. Nothing here pretends to be a
# browser or a person; where the service wants one, the caller is told so.
#
# Each question is a conversation of its own: what was said before stands in the prompt, so an answer never depends on
# what another client, or a server that was restarted, said to the same account.
from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final, TypeVar
from urllib.parse import urlencode

import anyio
from pydantic import JsonValue

from g4f_proto import ApiError, ChatCall, ImageLimits, MiB, ProviderEvent, ProviderNotWorking, read_data_uri

from ..upstream import Upstream, errors
from ..upstream.link import JSON, Link, headers_of
from ..upstream.transport import Request
from ..websocket import Refused, Unreachable, WebSocket, WebSocketError, connect
from .frames import PONG, Answer, Send, challenged, opening
from .prompt import flatten

__all__ = ("Session",)

_START: Final[Mapping[str, JsonValue]] = {
    "timeZone": "UTC",
    "startNewConversation": True,
    "teenSupportEnabled": True,
    "correctPersonalizationSetting": True,
    "performUserMerge": True,
    "deferredDataUseCapable": True,
}
_MAX_MESSAGE: Final = 16 * MiB  #: previews of images come as base64
_T = TypeVar("_T")


class Session:
    """The way to the service.

    :param upstream: its key is the access token, if there is one.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._link = Link(upstream)

    async def ask(self, call: ChatCall, *, mode: str, cookies: str) -> AsyncGenerator[ProviderEvent, None]:
        """The answer, as it is made.

        :param cookies: the value of the header field, or empty.
        :raises ApiError: the service cannot be reached, refuses or fails.
        """
        silence = self._upstream.timeouts.between
        messages = call.request.messages
        shown = [url for message in messages for url in message.image_urls]
        images = [await self._upload(call, cookies, url) for url in shown]
        conversation = await self._start(call, cookies)
        answer = Answer(whole=not call.request.stream)
        try:
            async with self._connect(call, cookies) as socket:
                deadline = anyio.current_time() + silence
                for frame in opening(conversation, flatten(messages), mode=mode, images=images):
                    await _within(deadline, socket.send(frame))
                while not answer.done:
                    events = answer.receive(await _within(deadline, socket.receive()))
                    for event in events:
                        if isinstance(event, Send):
                            await _within(deadline, socket.send(event.text))
                        else:
                            yield event
                    # A ping says that it is still there, and not that it does something. A client that was slow to
                    # take the events has not used up the service's time.
                    if events != (PONG,):
                        deadline = anyio.current_time() + silence
        except WebSocketError as error:
            raise _failure(error) from None

    async def aclose(self) -> None:
        """Close what is idle."""
        await self._link.aclose()

    async def _start(self, call: ChatCall, cookies: str) -> str:
        """A new conversation; its id."""
        body = json.dumps(_START).encode()
        return await self._post(call, cookies, "/c/api/start", JSON, body, "currentConversationId")

    async def _upload(self, call: ChatCall, cookies: str, url: str) -> str:
        """Where the service keeps an image that was shown as a data URI."""
        image = read_data_uri(url, param="messages", limits=ImageLimits())
        return await self._post(call, cookies, "/c/api/attachments", image.media_type, image.data, "url")

    async def _post(self, call: ChatCall, cookies: str, path: str, type: str, body: bytes, wanted: str) -> str:
        """The field `wanted` of the reply."""
        headers = {**dict(headers_of(self._upstream)), "content-type": type, **_cookie(cookies)}
        deadline = anyio.current_time() + self._upstream.timeouts.between
        request = Request("POST", path, tuple(headers.items()), body)
        async with aclosing(await self._link.send(request, asked=call.body, deadline=deadline)) as reply:
            if reply.status != 200:
                raise _refused(reply.status, reply.headers)
            try:
                value = json.loads(await reply.read(limit=MiB, deadline=deadline))[wanted]
            except (ValueError, LookupError, TypeError, RecursionError):
                raise errors.unreadable() from None
        if not isinstance(value, str):
            raise errors.unreadable()
        return value

    def _connect(self, call: ChatCall, cookies: str) -> AbstractAsyncContextManager[WebSocket]:
        upstream, proxy = self._upstream, self._link.proxy(call.body)
        query = {"api-version": "2", "clientSessionId": str(uuid.uuid4())}
        if upstream.key is not None:  # in the address: what opens a socket in a browser can set no header
            query["accessToken"] = upstream.key.get_secret_value()
        return connect(
            f"ws{upstream.base_url.removeprefix('http')}/c/api/chat?{urlencode(query)}",
            headers={"user-agent": "g4f-proto", **_cookie(cookies)},
            max_size=_MAX_MESSAGE,
            timeout=upstream.timeouts.connect,
            proxy=proxy.get_secret_value() if proxy else None,
        )


def _cookie(cookies: str) -> dict[str, str]:
    return {"cookie": cookies} if cookies else {}


async def _within(deadline: float, step: Awaitable[_T]) -> _T:
    with anyio.CancelScope(deadline=deadline):
        return await step
    raise errors.too_slow()


def _failure(error: WebSocketError) -> ApiError:
    if isinstance(error, Refused):
        return _refused(error.status, {k.encode("latin-1"): v.encode("latin-1") for k, v in error.headers.items()})
    if isinstance(error, Unreachable):
        return errors.unreachable()
    return errors.broken_off()


def _refused(status: int, headers: Mapping[bytes, bytes]) -> ApiError:
    if headers.get(b"cf-mitigated") == b"challenge":
        # https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/
        return challenged()
    if status in (401, 403, 460):
        return ProviderNotWorking(
            "Copilot does not accept this server's access. The operator of this server can sign in at "
            "https://copilot.microsoft.com and set a fresh COPILOT_ACCESS_TOKEN or upload fresh cookies.",
            code="provider_error",
        )
    # What was wrong with a request of ours, 400 or 404, is not the caller's fault.
    return errors.refused(status if status in (429, 408, 504, 524) else 502, headers, b"", secrets=())
