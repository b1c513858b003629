# Who serves what: an immutable picture of the providers and their models, and the one rule that chooses among them.
#
# Pure data and one pure function. The picture is drawn outside (`providers`), handed in with the Api snapshot and
# replaced as a whole when it changes. A model nobody serves is a 404: a prompt never travels to a provider that the
# caller did not choose or the operator did not configure.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ._errors import InvalidRequest, ModelNotFound, ProviderNotFound

__all__ = ("CATCH_ALL", "Catalog", "Choice", "Model", "ProviderInfo")

#: The alias that catches every name nobody serves.
CATCH_ALL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of one provider.

    :param id: the provider's own name for it.
    :param options: ``id:anything`` is this model too; its provider reads what follows the colon.
    :param listed: told by ``/v1/models``; one whose weights are not here is not, yet it can be asked for and says why.
    """

    id: str
    owned_by: str
    created: int = 0
    image: bool = False
    vision: bool = False
    options: bool = False
    listed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInfo:
    """What a provider tells about itself.

    :param native: the request parameters it honours by itself; a request that uses another one is refused.
    :param think_tags: its models think aloud in ``<think>`` tags, which the machine takes out of the answer.
    :param default_model: what answers when the caller names only the provider.
    """

    name: str
    label: str
    default_model: str
    url: str = ""
    description: str = ""
    auth: bool = False
    native: frozenset[str] = frozenset()
    think_tags: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What will answer: a provider and that provider's own name for the model."""

    provider: ProviderInfo
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The providers in the operator's order, their models, the operator's aliases and defaults."""

    providers: Mapping[str, ProviderInfo] = field(default_factory=dict)
    models: Mapping[str, tuple[Model, ...]] = field(default_factory=dict)  # provider name -> its models
    aliases: Mapping[str, str] = field(default_factory=dict)
    default_model: str | None = None
    default_provider: str | None = None

    def provider(self, name: str) -> ProviderInfo:
        """The provider of that name, or of the name that it is an alias for.

        :raises ProviderNotFound: there is none.
        """
        info = self.providers.get(name) or self.providers.get(self.aliases.get(name, ""))
        if info is None:
            raise ProviderNotFound(f"The provider '{name}' does not exist.", param="provider")
        return info

    def resolve(self, model: str | None, provider: str | None = None) -> Choice:
        """What answers a request for `model`, at `provider` if the caller chose one.

        The operator's aliases come first, then the names the providers serve, then the catch-all.

        :raises InvalidRequest: no model is named and the operator set no default.
        :raises ModelNotFound: nobody serves it.
        :raises ProviderNotFound: the provider named does not exist.
        """
        asked = model or self.default_model
        name = self.aliases.get(asked, asked) if asked else None
        if provider is None and name is not None:
            prefix, colon, rest = name.partition(":")
            if colon and prefix in self.providers:
                provider, name = prefix, rest
        provider = provider or self.default_provider
        if provider is None:
            if name is None:
                raise InvalidRequest(
                    "Missing required parameter: 'model'.", param="model", code="missing_required_parameter"
                )
            candidates = tuple(self.providers.values())
        else:
            info = self.provider(provider)
            candidates = (info,)
            if name is None:
                return Choice(info, info.default_model)
        fallback = self.aliases.get(CATCH_ALL)
        for wanted in (name,) if fallback is None else (name, fallback):
            for info in candidates:
                found = self._served(info, wanted)
                if found is not None:
                    return Choice(info, found)
        where = f" at the provider '{provider}'" if provider else ""
        raise ModelNotFound(
            f"The model '{asked}' does not exist{where} or you do not have access to it.", param="model"
        )

    def _served(self, info: ProviderInfo, name: str) -> str | None:
        if name == info.name:
            return info.default_model
        name = name.removeprefix(f"{info.name}:")
        base = name.partition(":")[0]
        for model in self.models.get(info.name, ()):
            if model.id == name or (model.options and model.id == base):
                return name
        return None
