# The adapter for everything that speaks OpenAI's API, as a provider.
from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from g4f_proto import (
    Call,
    ChatCall,
    EmbeddingCall,
    ImageCall,
    InvalidRequest,
    Model,
    ProviderEvent,
    ProviderInfo,
    SpeechCall,
    TranscriptionCall,
    read_models,
)

from .chat import chat, complete
from .kinds import with_kind
from .link import Link
from .media import embed, paint, speak, write_down
from .upstream import APIS, Upstream

__all__ = ("OpenAICompatible",)


class OpenAICompatible:
    """One upstream that speaks OpenAI's API, or another one that says the same of a chat."""

    def __init__(self, upstream: Upstream) -> None:
        self._link = Link(upstream)
        self._info = ProviderInfo(  # without its address: that may be nobody's business
            name=upstream.name,
            label=upstream.label,
            url=upstream.url,
            default_model=upstream.default_model or "".join(upstream.models[:1]),
            auth=upstream.key is not None,
            native=upstream.native
            | ({"proxy"} if upstream.any_proxy else set())
            | ({"usage"} if upstream.stream_usage else set()),  # to count what it tells anyway costs 8 % of a request
            think_tags=upstream.think_tags,
            remote=True,
            solid_stops=APIS[upstream.api].solid_stops,
        )

    @property
    def info(self) -> ProviderInfo:
        """Its card; an upstream that was heard to tell no usage does not count by itself."""
        if not self._link.tells_usage and "usage" in self._info.native:
            self._info = replace(self._info, native=self._info.native - {"usage"})
        return self._info

    async def models(self) -> Sequence[Model]:
        """What it serves: what the operator says, else what it says itself.

        :raises ApiError: it does not tell, within ten seconds.
        """
        upstream = self._link.upstream
        if upstream.models:
            models: Sequence[Model] = [Model(id=name, owned_by=upstream.label) for name in upstream.models]
        else:
            found = read_models(await self._link.models())
            models = [replace(model, id=model.id.removeprefix(upstream.models_prefix)) for model in found]
        if not self.info.default_model and models:
            self._info = replace(self._info, default_model=models[0].id)
        return [with_kind(model) for model in models]

    def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        """The answer to `call`."""
        link = self._link
        match call:
            case ChatCall():
                return complete(link, call) if call.prompts else chat(link, call)
            case EmbeddingCall():
                return embed(link, call)
            case ImageCall():
                return paint(link, call)
            case SpeechCall():
                return speak(link, call)
            case TranscriptionCall():
                return write_down(link, call)
        raise InvalidRequest(f"The provider '{self.info.name}' keeps no files.", param="provider")

    async def aclose(self) -> None:
        """Close the idle connections."""
        await self._link.aclose()
