# The adapter for everything that speaks OpenAI's API, as a provider.
from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from g4f_proto import Call, ChatCall, InvalidRequest, Model, ProviderEvent, ProviderInfo, read_models

from .chat import chat
from .link import Link
from .upstream import Upstream

__all__ = ("OpenAICompatible",)


class OpenAICompatible:
    """One upstream that speaks OpenAI's API."""

    def __init__(self, upstream: Upstream) -> None:
        self._link = Link(upstream)
        self.info = ProviderInfo(  # without its address: that may be nobody's business
            name=upstream.name,
            label=upstream.label,
            url=upstream.url,
            default_model=upstream.default_model or "".join(upstream.models[:1]),
            auth=upstream.key is not None,
            native=upstream.native | ({"proxy"} if upstream.any_proxy else set()),
            remote=True,
        )

    async def models(self) -> Sequence[Model]:
        """What it serves: what the operator says, else what it says itself.

        :raises ApiError: it does not tell, within ten seconds.
        """
        upstream = self._link.upstream
        if upstream.models:
            models = tuple(Model(id=name, owned_by=upstream.label) for name in upstream.models)
        else:
            models = read_models(await self._link.models())
        if not self.info.default_model and models:
            self.info = replace(self.info, default_model=models[0].id)
        return models

    def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        """The answer to `call`."""
        if isinstance(call, ChatCall):
            return chat(self._link, call)
        raise InvalidRequest(f"The provider '{self.info.name}' answers chats only.", param="provider")

    async def aclose(self) -> None:
        """Close the idle connections."""
        await self._link.aclose()
