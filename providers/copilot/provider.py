# Copilot as a provider: its card, its models, and with whose access it is asked.
#
# With the operator's token it is the operator's account that asks, with the operator's cookies; without one, it is that
# of whoever uploaded cookies, beside the operator's. Accounts are never mixed. What needs the network stands in
# `session`, and is looked for when it is needed: its websocket comes with an extra.
from __future__ import annotations

import re
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from g4f_proto import (
    Call,
    ChatCall,
    Model,
    ModelNotFound,
    ModelNotInstalled,
    ProviderEvent,
    ProviderInfo,
    ProviderNotFound,
)

if TYPE_CHECKING:
    from .session import Session

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
#: A name and a value that end neither the cookie nor the header field. https://www.rfc-editor.org/rfc/rfc6265#section-4.1.1
_PAIR: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+=[\x21-\x3a\x3c-\x7e]*")


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
        self._session: Session | None = None
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
        self._has_cookies = bool(await self._cookie_header(""))
        if not (self._token or self._has_cookies):
            return ()
        return tuple(Model(id=name, owned_by="Microsoft", vision=True) for name in _MODES)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ChatCall)
        cookies = await self._cookie_header("" if self._token else call.principal)
        if not (self._token or cookies):
            raise ProviderNotFound(
                "The provider 'Copilot' is not set up: the operator of this server sets COPILOT_ACCESS_TOKEN, or "
                f"cookies of {self._domain} are uploaded to /v1/upload_cookies.",
                param="provider",
            )
        if call.model not in _MODES:
            raise ModelNotFound(f"The provider 'Copilot' does not serve the model '{call.model}'.", param="model")
        session = self._session = self._session or self._open()
        async with aclosing(session.ask(call.request, mode=_MODES[call.model], cookies=cookies)) as events:
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

        return Session(self._base_url, self._token, tls=self._tls, patience=self._patience, silence=self._silence)

    async def _cookie_header(self, principal: str) -> str:
        """The cookies that `principal` may use, as the value of a header field."""
        cookies = await self._cookies.for_domain(self._domain, principal) if self._cookies else {}
        return "; ".join(filter(_PAIR.fullmatch, (f"{name}={value}" for name, value in cookies.items())))
