# Copilot, asked with the operator's own access token or cookies: a conversation is started, a socket opened, one answer
# read. Nothing here pretends to be a browser or a person; where the service wants one, the caller is told so.
#
# Each call is a conversation of its own: what was said before stands in the prompt, so an answer never depends on what
# another client, or a server that was restarted, said to the same account.
from __future__ import annotations

import json
import re
import ssl
import uuid
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import anyio
from pydantic import JsonValue

from g4f_proto import (
    ApiError,
    Call,
    ChatCall,
    ImageLimits,
    MiB,
    Model,
    ModelNotFound,
    ProviderEvent,
    ProviderInfo,
    ProviderNotFound,
    ProviderNotWorking,
    read_data_uri,
)

from ..upstream import errors
from ..upstream.pool import Pool
from ..upstream.transport import Request, Transport
from ..websocket import Refused, Unreachable, WebSocket, WebSocketError, connect
from .frames import PONG, Answer, Send, challenged, opening
from .prompt import flatten

__all__ = ("Cookies", "Copilot")


class Cookies(Protocol):
    """Where cookies are kept."""

    async def for_domain(self, host: str, principal: str = "") -> Mapping[str, str]:
        """The values of the cookies for `host` by name: the operator's, and those `principal` uploaded."""


_URL: Final = "https://copilot.microsoft.com"
_CHAT: Final = "Copilot"
#: Model -> the mode of the service that answers. Which weights stand behind a mode is the service's secret; the names
#: of OpenAI's models are those that clients of this API ask for.
_MODES: Final[Mapping[str, str]] = {
    _CHAT: "chat",
    "Think Deeper": "reasoning",
    "Smart": "smart",
    "Study": "study",
    "gpt-4": "chat",
    "gpt-4o": "chat",
    "gpt-4-vision": "chat",
    "o1": "reasoning",
    "gpt-5": "smart",
}
_START: Final[Mapping[str, JsonValue]] = {
    "timeZone": "UTC",
    "startNewConversation": True,
    "teenSupportEnabled": True,
    "correctPersonalizationSetting": True,
    "performUserMerge": True,
    "deferredDataUseCapable": True,
}
_MAX_MESSAGE: Final = 16 * MiB  #: previews of images come as base64
#: A name and a value that end neither the cookie nor the header field. https://www.rfc-editor.org/rfc/rfc6265#section-4.1.1
_PAIR: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+=[\x21-\x3a\x3c-\x7e]*")
_T = TypeVar("_T")


class Copilot:
    """Microsoft Copilot.

    :param token: the access token of the operator's account.
    :param cookies: asked at each call: they may be uploaded while the server runs, and serve who uploaded them.
    :param patience: seconds to connect in.
    :param silence: seconds the service may say nothing but that it is still there.
    """

    def __init__(
        self,
        *,
        token: str = "",
        cookies: Cookies | None = None,
        base_url: str = _URL,
        tls: ssl.SSLContext | None = None,
        patience: float = 10.0,
        silence: float = 60.0,
    ) -> None:
        self._token = token
        self._cookies = cookies
        self._base_url = base_url
        self._domain = urlsplit(base_url).hostname or ""
        self._pool: Transport | None = None  # made when it is needed: certificates take their time to load
        self._tls = tls
        self._patience = patience
        self._silence = silence
        self._has_cookies = False

    def __repr__(self) -> str:  # its token is nobody's business
        return "<Copilot>"

    @property
    def info(self) -> ProviderInfo:
        return ProviderInfo(
            name="Copilot",
            label="Microsoft Copilot",
            default_model=_CHAT,
            url=_URL,
            description="Microsoft Copilot AI assistant",
            auth=True,
            native=frozenset({"vision"}),
            remote=True,
            working=bool(self._token) or self._has_cookies,
        )

    async def models(self) -> Sequence[Model]:
        self._has_cookies = bool(await self._headers(""))
        if not (self._token or self._has_cookies):
            return ()
        return tuple(Model(id=name, owned_by="Microsoft", vision=True) for name in _MODES)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ChatCall)
        headers = await self._headers(call.principal)
        if not (self._token or headers):
            raise ProviderNotFound(
                "The provider 'Copilot' is not set up: the operator of this server sets COPILOT_ACCESS_TOKEN, or "
                f"cookies of {self._domain} are uploaded to /v1/upload_cookies.",
                param="provider",
            )
        if call.model not in _MODES:
            raise ModelNotFound(f"The provider 'Copilot' does not serve the model '{call.model}'.", param="model")
        shown = [url for message in call.request.messages for url in message.image_urls]
        images = [await self._upload(headers, url) for url in shown]
        frames = opening(
            await self._start(headers), flatten(call.request.messages), mode=_MODES[call.model], images=images
        )
        answer = Answer(whole=not call.request.stream)
        try:
            async with self._connect(headers) as socket:
                deadline = anyio.current_time() + self._silence
                for frame in frames:
                    await _within(deadline, socket.send(frame))
                while not answer.done:
                    events = answer.receive(await _within(deadline, socket.receive()))
                    if events != (PONG,):  # a ping says that it is still there, and not that it does something
                        deadline = anyio.current_time() + self._silence
                    for event in events:
                        if isinstance(event, Send):
                            await _within(deadline, socket.send(event.text))
                        else:
                            yield event
        except WebSocketError as error:
            raise _failure(error) from None

    async def aclose(self) -> None:
        if self._pool is not None:
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
        if self._pool is None:
            self._pool = Pool(self._base_url, connect=self._patience, tls=self._tls)
        sent = {"content-type": content_type, "accept": "application/json", "user-agent": "g4f-proto", **headers}
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
            headers={"User-Agent": "g4f-proto", **headers},
            max_size=_MAX_MESSAGE,
            timeout=self._patience,
            tls=self._tls,
        )

    async def _headers(self, principal: str) -> Mapping[str, str]:
        """The cookies that `principal` may use, as a header field."""
        cookies = await self._cookies.for_domain(self._domain, principal) if self._cookies else {}
        pairs = [f"{name}={value}" for name, value in cookies.items()]
        return {"cookie": "; ".join(filter(_PAIR.fullmatch, pairs))} if pairs else {}


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
