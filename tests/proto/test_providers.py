# The providers' list and one of them, in the G4F REST API's shapes.
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from g4f_proto import Api, Catalog, Model, ProviderInfo

from .made import error, get, status

CATALOG = Catalog(
    providers={
        "Eyes": ProviderInfo(name="Eyes", label="E", default_model="a", url="https://e.example", description="Sees"),
        "Painter": ProviderInfo(name="Painter", label="P", default_model="p", auth=True),
        "Away": ProviderInfo(name="Away", label="A", default_model="x", remote=True),
        "Resting": ProviderInfo(name="Resting", label="R", default_model="x", remote=True, working=False),
        "Bare": ProviderInfo(name="Bare", label="B", default_model="b"),
        "Speaker": ProviderInfo(name="Speaker", label="S", default_model="s"),
    },
    models={
        "Eyes": (
            Model(id="a", owned_by="us"),
            Model(id="b", owned_by="us", vision=True),
            Model(id="v", owned_by="us", kinds=frozenset({"embedding"})),
        ),
        "Painter": (Model(id="p", owned_by="us", kinds=frozenset({"image"})),),
        "Bare": (Model(id="b", owned_by="us", listed=False),),
        "Speaker": (Model(id="s", owned_by="us", kinds=frozenset({"speech"})),),
    },
    aliases={"See": "Eyes"},
)
API = Api(catalog=CATALOG)
EYES = {
    "provider": "Eyes",
    "models": ["a", "b", "v"],
    "image_models": [],
    "vision_models": ["b"],
    "url": "https://e.example",
    "working": True,
    "auth": False,
}


def fetched(target: bytes) -> Any:
    exchange, out = get(target, api=API)
    assert status(exchange) == 200
    return json.loads(out)


def test_the_list() -> None:
    found = fetched(b"/v1/providers")
    assert found["object"] == "list"
    eyes, painter, away, resting, bare, _ = found["data"]
    assert eyes == EYES
    assert (painter["models"], painter["image_models"], painter["auth"]) == (["p"], ["p"], True)
    assert (away["working"], away["models"]) == (True, [])  # what it serves is not known yet
    assert not resting["working"]
    assert (bare["working"], bare["models"]) == (False, [])  # nothing of it is installed


@pytest.mark.parametrize("name", [b"Eyes", b"See"])
def test_one(name: bytes) -> None:
    assert fetched(b"/v1/providers/" + name) == {**EYES, "stream": True, "description": "Sees"}


@pytest.mark.parametrize(
    ("name", "streams"),
    [(b"Painter", False), (b"Speaker", True), (b"Away", True)],  # of the last one nothing is known yet, but that
)
def test_who_streams(name: bytes, streams: bool) -> None:
    assert fetched(b"/v1/providers/" + name)["stream"] is streams


def test_one_there_is_not() -> None:
    exchange, out = get(b"/v1/providers/Nobody", api=API)
    assert (status(exchange), error(out)["code"]) == (404, "provider_not_found")


def test_none_at_all() -> None:
    _, out = get(b"/v1/providers", api=replace(API, catalog=Catalog()))
    assert json.loads(out) == {"object": "list", "data": []}
