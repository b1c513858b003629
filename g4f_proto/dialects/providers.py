# The providers dialect of the G4F REST API: the list, and one provider with what else is to be told of it.
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from .._catalog import Catalog, Kind, ProviderInfo
from . import Asked

__all__ = ("list_providers", "one_provider")

#: What can leave while it is made.
_STREAMED: Final[frozenset[Kind]] = frozenset({"chat", "speech", "transcription"})


def list_providers(asked: Asked) -> bytes:
    """Every provider, in the operator's order."""
    catalog = asked.api.catalog
    return _dump({"object": "list", "data": [_entry(catalog, info) for info in catalog.providers.values()]})


def one_provider(asked: Asked) -> bytes:
    """One provider, by its name or an alias.

    :raises ProviderNotFound: there is none of that name.
    """
    catalog = asked.api.catalog
    info = catalog.provider(asked.route.provider or "")
    models = catalog.models.get(info.name, ())
    # What a remote one serves may not be known yet; there is none that does not chat.
    streams = any(model.kinds & _STREAMED for model in models) or (info.remote and not models)
    return _dump({**_entry(catalog, info), "stream": streams, "description": info.description})


def _entry(catalog: Catalog, info: ProviderInfo) -> dict[str, JsonValue]:
    listed = [model for model in catalog.models.get(info.name, ()) if model.listed]
    return {
        "provider": info.name,
        "models": [model.id for model in listed],
        "image_models": [model.id for model in listed if "image" in model.kinds],
        "vision_models": [model.id for model in listed if model.vision],
        "url": info.url,
        "working": info.working and (info.remote or bool(listed)),
        "auth": info.auth,
    }


def _dump(document: Mapping[str, JsonValue]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")
