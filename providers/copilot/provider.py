# Copilot as a provider: its card, its models, and with whose access it is asked.
#
# With the operator's token it is the operator's account that asks, with the operator's cookies; without one, it is that
# of whoever uploaded cookies, beside the operator's. Accounts are never mixed. What needs the network stands in
# `session`, and is looked for when it is needed: its websocket comes with an extra.
from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from g4f_proto import (
    Call,
    ChatCall,
    InvalidRequest,
    Model,
    ModelNotFound,
    ModelNotInstalled,
    ProviderEvent,
    ProviderInfo,
    ProviderNotFound,
)

from ..upstream import Upstream

if TYPE_CHECKING:
    from .session import Session

__all__ = ("Cookies", "Copilot")


class Cookies(Protocol):
    """Where cookies are kept."""

    async def for_domain(self, host: str, principal: str = "") -> Mapping[str, str]:
        """The values of the cookies for `host` by name: the operator's, and those `principal` uploaded."""


#: Model -> the mode of the service that answers. Which weights stand behind a mode is the service's secret; the names
#: of OpenAI's models are those that clients of this API ask for.
_MODES: Final[Mapping[str, str]] = {
    "Copilot": "chat",
    "Think Deeper": "reasoning",
    "Smart": "smart",
    "Study": "study",
    "gpt-4": "chat",
    "gpt-4o": "chat",
    "gpt-4-vision": "chat",
    "o1": "reasoning",
    "gpt-5": "smart",
}
#: A name and a value that end neither the cookie nor the header field. https://www.rfc-editor.org/rfc/rfc6265#section-4.1.1
_PAIR: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+=[\x21-\x3a\x3c-\x7e]*")


class Copilot:
    """Microsoft Copilot.

    :param upstream: where it is, its key the access token of the operator's account; without one, cookies must do.
    :param cookies: asked at each call: they may be uploaded while the server runs, and serve who uploaded them.
    """

    def __init__(self, upstream: Upstream, *, cookies: Cookies | None = None) -> None:
        self._upstream = upstream
        self._cookies = cookies
        self._has_cookies = False
        self._domain = urlsplit(upstream.base_url).hostname or ""
        self._session: Session | None = None

    @property
    def info(self) -> ProviderInfo:
        upstream = self._upstream
        return ProviderInfo(
            name=upstream.name,
            label=upstream.label,
            default_model=upstream.default_model,
            url=upstream.url,
            description="Microsoft Copilot AI assistant",
            auth=True,
            native=upstream.native | ({"proxy"} if upstream.any_proxy else set()),
            remote=True,
            working=upstream.key is not None or self._has_cookies,
        )

    async def models(self) -> Sequence[Model]:
        self._has_cookies = bool(await self._cookie_header(""))
        if self._upstream.key is None and not self._has_cookies:
            return ()
        names = self._upstream.models or tuple(_MODES)
        return tuple(Model(id=name, owned_by="Microsoft", vision=True) for name in names)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        if not isinstance(call, ChatCall):
            raise InvalidRequest("The provider 'Copilot' answers chats only.", param="provider")
        cookies = await self._cookie_header("" if self._upstream.key else call.principal)
        if not (self._upstream.key or cookies):
            raise ProviderNotFound(
                "The provider 'Copilot' is not set up: the operator of this server sets COPILOT_ACCESS_TOKEN, or "
                f"cookies of {self._domain} are uploaded to /v1/upload_cookies.",
                param="provider",
            )
        if call.model not in _MODES:
            raise ModelNotFound(f"The provider 'Copilot' does not serve the model '{call.model}'.", param="model")
        session = self._session = self._session or self._open()
        async with aclosing(session.ask(call, mode=_MODES[call.model], cookies=cookies)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.aclose()

    def _open(self) -> Session:
        if find_spec("websockets") is None:
            raise ModelNotInstalled(
                "Copilot needs a package that is not on this server. To install it: pip install 'g4f-proto[copilot]'",
                param="provider",
            )
        from .session import Session

        return Session(self._upstream)

    async def _cookie_header(self, principal: str) -> str:
        """The cookies that `principal` may use, as the value of a header field."""
        cookies = await self._cookies.for_domain(self._domain, principal) if self._cookies else {}
        return "; ".join(filter(_PAIR.fullmatch, (f"{name}={value}" for name, value in cookies.items())))
