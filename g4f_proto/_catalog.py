# Who serves what: an immutable picture of the providers and their models, and the one rule that chooses among them.
#
# Pure data and one pure function. The picture is drawn outside (`providers`), handed in with the Api snapshot and
# replaced as a whole when it changes. A model nobody serves is a 404: a prompt never travels to a provider that the
# caller did not choose or the operator did not configure.
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from ._errors import InvalidRequest, ModelNotFound, ProviderNotFound

__all__ = ("CATCH_ALL", "KINDS", "Catalog", "Choice", "Kind", "Model", "ProviderInfo")

#: What a model can be asked for.
Kind = Literal["chat", "image", "speech", "transcription", "embedding"]
KINDS: Final[frozenset[Kind]] = frozenset(get_args(Kind))
_CHAT: Final[frozenset[Kind]] = frozenset({"chat"})

_REMEMBERED: Final = 1024  # names that requests asked for,
_LONGEST: Final = 256  # unless they are longer: a client may make them up

#: The alias that catches every name nobody serves.
CATCH_ALL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of one provider.

    :param id: the provider's own name for it.
    :param kinds: what it can be asked for.
    :param vision: a chat may show it images.
    :param options: ``id:anything`` is this model too; its provider reads what follows the colon.
    :param listed: told by ``/v1/models``; one whose weights are not here is not, yet it can be asked for and says why.
    """

    id: str
    owned_by: str
    created: int = 0
    kinds: frozenset[Kind] = _CHAT
    vision: bool = False
    options: bool = False
    listed: bool = True

    def named(self, name: str) -> bool:
        """Whether `name` is this model, options included."""
        return self.id == name or (self.options and name.startswith(f"{self.id}:"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInfo:
    """What a provider tells about itself.

    :param native: the request parameters it honours by itself; a request that uses another one is refused. Beside them
        `vision`, `remote_images`, `audio` and `files`: the parts it takes; `usage`: it always tells what it spent;
        `json_object` and `json_schema`: it answers so without being held to it, so that no tools can be made of it.
    :param solid_stops: it refuses stops of white space alone, so the machine ends the answer at those.
    :param think_tags: its models think aloud in ``<think>`` tags, which the machine takes out of the answer.
    :param default_model: what answers when the caller names only the provider.
    :param remote: its models are told by a network: not asked for at the start, and what it serves may be more than it
        tells, so that a caller who names it may ask for any model. It may fail, and rests then.
    :param only_named: it stands in for nobody: it answers who names it or its model, and nobody else.
    :param working: it can answer now, as far as is known.
    """

    name: str
    label: str
    default_model: str
    url: str = ""
    description: str = ""
    auth: bool = False
    native: frozenset[str] = frozenset()
    solid_stops: bool = False
    think_tags: bool = False
    remote: bool = False
    only_named: bool = False
    working: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """What will answer: a provider and that provider's own name for the model."""

    provider: ProviderInfo
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The providers in the operator's order, their models, the operator's aliases and defaults.

    :param absent: providers that this server could have, and what its operator does for that.
    :param complete: the models of every provider are known; if not, who serves a model may still be found out.
    """

    providers: Mapping[str, ProviderInfo] = field(default_factory=dict)
    models: Mapping[str, tuple[Model, ...]] = field(default_factory=dict)  # provider name -> its models
    aliases: Mapping[str, str] = field(default_factory=dict)
    default_model: str | None = None
    default_provider: str | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True
    _by_id: Mapping[str, Mapping[str, Model]] = field(init=False, repr=False, compare=False)  # some list hundreds
    _found: dict[tuple[str | None, str | None, Kind], tuple[Choice, ...]] = field(
        init=False, repr=False, compare=False
    )  # everybody is gone through once for a name, not for each request

    def __post_init__(self) -> None:
        by_id = {provider: {model.id: model for model in models} for provider, models in self.models.items()}
        object.__setattr__(self, "_by_id", by_id)
        object.__setattr__(self, "_found", {})

    def provider(self, name: str) -> ProviderInfo:
        """The provider of that name, or of the name that it is an alias for.

        :raises ProviderNotFound: there is none.
        """
        info = self.providers.get(name) or self.providers.get(self.aliases.get(name, ""))
        if info is None and name in self.absent:
            raise ProviderNotFound(
                f"The provider '{name}' is not set up: the operator of this server {self.absent[name]}.",
                param="provider",
            )
        if info is None:
            raise ProviderNotFound(f"The provider '{name}' does not exist.", param="provider")
        return info

    def resolve(self, model: str | None, provider: str | None = None, kind: Kind = "chat") -> tuple[Choice, ...]:
        """Who can answer a request for `model`, at `provider` if the caller chose one; in order, at least one.

        The operator's aliases come first, then the names the providers serve, then the catch-all.

        :raises InvalidRequest: no model is named and the operator set no default.
        :raises ModelNotFound: nobody serves it.
        :raises ProviderNotFound: the provider named does not exist.
        """
        asked = (model, provider, kind)
        found = self._found.get(asked)
        if found is None:
            found = self._resolve(model, provider, kind)
            if len(self._found) == _REMEMBERED:
                self._found.clear()
            if len(model or "") <= _LONGEST:
                self._found[asked] = found
        return found

    def _resolve(self, model: str | None, provider: str | None, kind: Kind) -> tuple[Choice, ...]:
        provider = provider or None  # "" names none, as null does
        asked = model or (self.default_model if kind == "chat" else None)
        name = self.aliases.get(asked, asked) if asked else None
        if provider is None and name is not None:
            prefix, colon, rest = name.partition(":")
            if colon and prefix in self.providers:
                provider, name = prefix, rest
        if provider is None and self.default_provider is not None:
            usual = self.provider(self.default_provider)
            provider = usual.name if kind == "chat" or self._usual(usual, kind) else None
        if provider is not None:
            candidates = [self.provider(provider)]
        elif name is None and kind == "chat":
            raise InvalidRequest(
                "Missing required parameter: 'model'.", param="model", code="missing_required_parameter"
            )
        else:
            candidates = list(self.providers.values())
        names = dict.fromkeys((name, self.aliases.get(CATCH_ALL, name)))
        for wanted in names:
            if found := self._who(candidates, wanted, kind, named=provider is not None):
                return found
        where = f" at the provider '{provider}'" if provider else ""
        what = "" if kind == "chat" else f" for {kind}"
        raise ModelNotFound(
            f"The model '{asked}' does not exist{what}{where} or you do not have access to it."
            if asked
            else f"There is no model{what}{where}.",
            param="model",
        )

    def _who(
        self, candidates: Iterable[ProviderInfo], wanted: str | None, kind: Kind, *, named: bool
    ) -> tuple[Choice, ...]:
        """Those who serve what is wanted, those who have it at hand before those who would have to install it."""
        ready: list[Choice] = []
        rest: list[Choice] = []
        for info in candidates:
            if wanted is None and info.only_named and not named:
                continue
            if wanted is None or wanted == info.name:
                name: str | None = self._usual(info, kind)
                if name is None and named and info.remote:
                    name = info.default_model
            else:
                name = wanted.removeprefix(f"{info.name}:")
            model = self._model(info.name, name) if name else None
            unknown = (named and info.remote) or (kind == "chat" and wanted in (None, info.name))
            if name and (kind in model.kinds if model is not None else unknown):
                (ready if model is None or model.listed else rest).append(Choice(info, name))
        return (*ready, *rest)

    def _usual(self, info: ProviderInfo, kind: Kind) -> str | None:
        """What answers when only the provider is named."""
        models = [model for model in self.models.get(info.name, ()) if kind in model.kinds]
        if kind == "chat" or self._model(info.name, info.default_model) in models:
            return info.default_model
        return models[0].id if models else None

    def _model(self, provider: str, name: str) -> Model | None:
        """The provider's model of that name, options included."""
        known = self._by_id.get(provider, {})
        model, prefix, colon = known.get(name), name, ":"
        while colon and not (model is not None and model.named(name)):
            prefix, colon, _ = prefix.rpartition(":")
            model = known.get(prefix)
        return model
