# One question to Copilot: a conversation is started, a socket opened, one answer read. Nothing here pretends to be a
# browser or a person; where the service wants one, the caller is told so.
#
# Each question is a conversation of its own: what was said before stands in the prompt, so an answer never depends on
# what another client, or a server that was restarted, said to the same account.
from __future__ import annotations

import json
import ssl
import uuid
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeVar
from urllib.parse import quote

import anyio
from pydantic import JsonValue

from g4f_proto import ApiError, ChatRequest, ImageLimits, MiB, ProviderEvent, ProviderNotWorking, read_data_uri

from ..upstream import errors
from ..upstream.pool import Pool
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

    :param token: the access token of the operator's account, or empty.
    :param patience: seconds to connect in.
    :param silence: seconds the service may say nothing but that it is still there.
    """

    def __init__(
        self, base_url: str, token: str, *, tls: ssl.SSLContext | None, patience: float, silence: float
    ) -> None:
        self._base_url = base_url
        self._token = token
        self._pool = Pool(base_url, connect=patience, tls=tls)
        self._tls = tls
        self._patience = patience
        self._silence = silence

    async def ask(self, request: ChatRequest, *, mode: str, cookies: str) -> AsyncGenerator[ProviderEvent, None]:
        """The answer, as it is made.

        :param cookies: the value of the header field, or empty.
        :raises ApiError: the service cannot be reached, refuses or fails.
        """
        headers = {"user-agent": "g4f-proto", **({"cookie": cookies} if cookies else {})}
        shown = [url for message in request.messages for url in message.image_urls]
        images = [await self._upload(headers, url) for url in shown]
        conversation = await self._start(headers)
        answer = Answer(whole=not request.stream)
        try:
            async with self._connect(headers) as socket:
                deadline = anyio.current_time() + self._silence
                for frame in opening(conversation, flatten(request.messages), mode=mode, images=images):
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
                        deadline = anyio.current_time() + self._silence
        except WebSocketError as error:
            raise _failure(error) from None

    async def aclose(self) -> None:
        """Close what is idle."""
        await self._pool.aclose()

    async def _start(self, headers: Mapping[str, str]) -> str:
        """A new conversation; its id."""
        body = json.dumps(_START).encode()
        return await self._post(headers, "/c/api/start", "application/json", body, "currentConversationId")

    async def _upload(self, headers: Mapping[str, str], url: str) -> str:
        """Where the service keeps an image that was shown as a data URI."""
        image = read_data_uri(url, param="messages", limits=ImageLimits())
        return await self._post(headers, "/c/api/attachments", image.media_type, image.data, "url")

    async def _post(self, headers: Mapping[str, str], path: str, content_type: str, body: bytes, wanted: str) -> str:
        """The field `wanted` of the reply."""
        sent = {"content-type": content_type, "accept": "application/json", **headers}
        if self._token:
            sent["authorization"] = f"Bearer {self._token}"
        deadline = anyio.current_time() + self._silence
        reply = await self._pool.send(Request("POST", path, tuple(sent.items()), body), deadline=deadline)
        try:
            if reply.status != 200:
                raise _refused(reply.status, reply.headers)
            value = json.loads(await reply.read(limit=MiB, deadline=deadline))[wanted]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise errors.unreadable() from None
        finally:
            await reply.aclose()
        if not isinstance(value, str):
            raise errors.unreadable()
        return value

    def _connect(self, headers: Mapping[str, str]) -> AbstractAsyncContextManager[WebSocket]:
        # The service takes the token of a socket in its address: what opens one in a browser can set no header.
        token = f"&accessToken={quote(self._token, safe='')}" if self._token else ""
        return connect(
            f"ws{self._base_url.removeprefix('http')}/c/api/chat?api-version=2&clientSessionId={uuid.uuid4()}{token}",
            headers=headers,
            max_size=_MAX_MESSAGE,
            timeout=self._patience,
            tls=self._tls,
        )


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
