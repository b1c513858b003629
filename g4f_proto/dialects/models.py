# The models dialect: the list, one entry, and the reader of an upstream's list.
#
# OpenAI's four required keys (id, object, created, owned_by) and the G4F REST API's own (image, vision, provider). A
# provider is listed too, as a model that its default model answers, so every id that is listed can be called.
# https://platform.openai.com/docs/api-reference/models/object
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from .._catalog import CATCH_ALL, KINDS, Catalog, Kind, Model, ProviderInfo
from .._errors import ModelNotFound, ProviderNotWorking
from . import Asked

__all__ = ("list_models", "one_model", "read_models")


def list_models(asked: Asked) -> bytes:
    """Every name that can stand in `model`: models in the providers' order, aliases, then the providers themselves.

    Of one provider, if the path names it: its models.

    :raises ProviderNotFound: there is none of that name.
    """
    catalog = asked.api.catalog
    if asked.route.provider is None:
        return _list(list(_entries(catalog)))
    info = catalog.provider(asked.route.provider)
    return _list([_model(model, info) for model in catalog.models.get(info.name, ()) if model.listed])


def one_model(asked: Asked) -> bytes:
    """The entry of one name that the list shows, or of a model with options that would be answered.

    :raises ModelNotFound: nobody serves it.
    """
    catalog, name = asked.api.catalog, asked.route.model or ""
    for entry in _entries(catalog):
        if entry["id"] == name:
            return _dump(entry)
    for kind in KINDS:
        try:
            choices = catalog.resolve(name, kind=kind)
        except ModelNotFound:
            continue
        for choice in choices:
            for model in catalog.models.get(choice.provider.name, ()):
                if model.listed and model.named(choice.model):
                    return _dump({**_model(model, choice.provider), "id": name})
    raise ModelNotFound(f"The model '{name}' does not exist or you do not have access to it.", param="model")


def read_models(body: bytes) -> tuple[Model, ...]:
    """An upstream's list, entries without an id left out.

    :raises ProviderNotWorking: it is no list of models.
    """
    try:
        document = json.loads(body)
        entries = document if isinstance(document, list) else document["data"]
        return tuple(
            Model(
                id=entry["id"],
                owned_by=str(entry.get("owned_by") or ""),
                created=entry["created"] if type(entry.get("created")) is int else 0,
                kinds=_read_kinds(entry),
                vision=entry.get("vision") is True,
            )
            for entry in entries
            if isinstance(entry, dict) and isinstance(entry.get("id"), str)
        )
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ProviderNotWorking("The provider's list of models could not be read.") from None


def _read_kinds(entry: Mapping[str, JsonValue]) -> frozenset[Kind]:
    told = entry.get("kinds")  # by a server like this one
    known = frozenset(kind for kind in KINDS if isinstance(told, list) and kind in told)
    return known or frozenset({"image"} if entry.get("image") is True else {"chat"})


def _entries(catalog: Catalog) -> Iterator[dict[str, JsonValue]]:
    seen: set[str] = set()
    aliases = _aliases(catalog)
    for name, info in catalog.providers.items():
        for model in catalog.models.get(name, ()):
            if model.listed and model.id not in seen:
                seen.add(model.id)
                yield aliases.pop(model.id, {}) or _model(model, info)  # an alias comes before what is served
    seen.update(aliases)
    yield from aliases.values()
    for name, info in catalog.providers.items():
        models = [model for model in catalog.models.get(name, ()) if model.listed]
        if name not in seen and models:
            kinds = frozenset(kind for model in models for kind in model.kinds)
            flags = _flags(kinds, vision=any(model.vision for model in models))
            yield {**_entry(name, info.label), **flags, "provider": True}


def _aliases(catalog: Catalog) -> dict[str, dict[str, JsonValue]]:
    found: dict[str, dict[str, JsonValue]] = {}
    for alias, target in catalog.aliases.items():
        for name, info in catalog.providers.items():
            for model in catalog.models.get(name, ()):
                if model.listed and alias != CATCH_ALL and model.named(target.removeprefix(f"{name}:")):
                    found.setdefault(alias, {**_model(model, info), "id": alias})
    return found


def _model(model: Model, info: ProviderInfo) -> dict[str, JsonValue]:
    entry = _entry(model.id, model.owned_by or info.label, model.created)
    return {**entry, **_flags(model.kinds, vision=model.vision), "provider": False}


def _flags(kinds: frozenset[Kind], *, vision: bool) -> dict[str, JsonValue]:
    return {"image": "image" in kinds, "vision": vision, "kinds": [*sorted(kinds)]}


def _entry(id: str, owned_by: str, created: int = 0) -> dict[str, JsonValue]:
    return {"id": id, "object": "model", "created": created, "owned_by": owned_by}


def _list(entries: Sequence[Mapping[str, JsonValue]]) -> bytes:
    return _dump({"object": "list", "data": [dict(entry) for entry in entries]})


def _dump(document: Mapping[str, JsonValue]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")
