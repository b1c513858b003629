# The models dialect: everything that is listed is complete and can be called; the reader takes what upstreams send.
from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import Api, Catalog, Kind, Model, ProviderInfo, ProviderNotWorking, read_models

from .made import API, CATALOG, ask, chat, error, get, header, status

KEYS = {"id", "object", "created", "owned_by", "image", "vision", "kinds", "provider"}


def listed(target: bytes = b"/v1/models", catalog: Catalog = CATALOG) -> list[dict[str, Any]]:
    exchange, out = get(target, api=replace(API, catalog=catalog))
    assert status(exchange) == 200
    assert header(exchange, b"content-type") == b"application/json"
    document = json.loads(out.decode("ascii"))
    assert set(document) == {"object", "data"}
    assert document["object"] == "list"
    data: list[dict[str, Any]] = document["data"]
    for entry in data:
        assert set(entry) == KEYS
        assert entry["object"] == "model"
        assert isinstance(entry["created"], int)
        assert isinstance(entry["owned_by"], str)
        assert entry["owned_by"]
    return data


def test_the_list() -> None:
    assert [(entry["id"], entry["provider"]) for entry in listed()] == [
        ("echo", False), ("org/big-7b", False), ("plain", False), ("gpt-4o", False), ("Echo", True), ("Bare", True),
    ]  # fmt: skip
    assert listed(catalog=Catalog()) == []


def test_every_name_that_is_listed_can_be_called_and_retrieved() -> None:
    for entry in listed():
        assert ask(chat(model=entry["id"]))[0].call is not None
        exchange, out = get(b"/v1/models/" + entry["id"].encode())
        assert (status(exchange), json.loads(out)) == (200, entry)


ALL_KINDS = Catalog(
    providers={
        name: ProviderInfo(name=name, label=name, default_model=default)
        for name, default in (("Eyes", "see"), ("Painter", "paint"), ("Empty", "none"))
    },
    models={
        "Eyes": (
            Model(id="see", owned_by="us", vision=True),
            Model(id="gone", owned_by="us", listed=False),
            Model(id="hear", owned_by="us", kinds=frozenset({"transcription"})),
        ),
        "Painter": (
            Model(id="paint", owned_by="us", kinds=frozenset({"image"})),
            Model(id="org/embed:1", owned_by="us", kinds=frozenset({"embedding"})),
        ),
        "Empty": (Model(id="none", owned_by="us", kinds=frozenset({"speech"}), listed=False),),
    },
    aliases={"dall-e-3": "paint", "text-embedding-3-small": "org/embed:1", "*": "see"},
)


def test_the_flags_are_true() -> None:
    flags = {entry["id"]: (entry["image"], entry["vision"], entry["provider"]) for entry in listed(catalog=ALL_KINDS)}
    assert flags == {
        "see": (False, True, False),
        "hear": (False, False, False),
        "paint": (True, False, False),
        "org/embed:1": (False, False, False),
        "dall-e-3": (True, False, False),
        "text-embedding-3-small": (False, False, False),
        "Eyes": (False, True, True),
        "Painter": (True, False, True),
    }


@pytest.mark.parametrize(
    ("name", "kind", "model"),
    [
        ("see", "chat", "see"),
        ("hear", "transcription", "hear"),
        ("paint", "image", "paint"),
        ("dall-e-3", "image", "paint"),
        ("org/embed:1", "embedding", "org/embed:1"),
        ("text-embedding-3-small", "embedding", "org/embed:1"),
        ("Eyes", "chat", "see"),
        ("Eyes", "transcription", "hear"),
        ("Painter", "image", "paint"),
        ("Painter", "embedding", "org/embed:1"),
    ],
)
def test_what_is_listed_is_answered_at_the_endpoint_of_its_kind(name: str, kind: Kind, model: str) -> None:
    assert name in {entry["id"] for entry in listed(catalog=ALL_KINDS)}
    (choice, *_) = ALL_KINDS.resolve(name, kind=kind)
    assert choice.model == model
    exchange, out = get(b"/v1/models/" + name.encode(), api=replace(API, catalog=ALL_KINDS))
    assert (status(exchange), json.loads(out)["id"]) == (200, name)


def test_no_id_is_listed_twice() -> None:
    same = {name: (Model(id="same", owned_by=name), Model(id="Echo", owned_by=name)) for name in ("Echo", "Bare")}
    data = listed(catalog=replace(CATALOG, models=same, aliases={"same": "same", "x": "same", "*": "same"}))
    ids = [entry["id"] for entry in data]
    assert sorted(ids) == ["Bare", "Echo", "same", "x"]
    assert data[0]["owned_by"] == "Echo"  # the first that serves it


def test_an_alias_that_hides_a_model_is_listed_as_what_answers() -> None:
    catalog = replace(ALL_KINDS, aliases={"see": "paint", "Painter": "hear"})
    kinds = {entry["id"]: (entry["kinds"], entry["image"], entry["provider"]) for entry in listed(catalog=catalog)}
    assert kinds["see"] == (["image"], True, False)
    assert kinds["Painter"] == (["transcription"], False, False)


def test_of_one_provider() -> None:
    assert [entry["id"] for entry in listed(b"/api/Bare/models")] == ["plain"]
    assert [entry["owned_by"] for entry in listed(b"/api/Bare/models")] == ["The bare one"]
    exchange, out = get(b"/api/Nobody/models")
    assert (status(exchange), error(out)["code"]) == (404, "provider_not_found")


def test_what_is_not_installed_is_not_listed() -> None:
    assert "hidden" not in [entry["id"] for entry in listed()]
    assert status(get(b"/v1/models/hidden")[0]) == 404
    only = replace(CATALOG, models={"Bare": (Model(id="hidden", owned_by="us", listed=False),)})
    assert listed(catalog=only) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"echo:tokens=3", "echo:tokens=3"),
        (b"echo%3Atokens=3", "echo:tokens=3"),
        (b"Echo:echo", "Echo:echo"),
        (b"gpt-4o", "gpt-4o"),
        (b"org/big-7b", "org/big-7b"),
    ],
)
def test_one(name: bytes, expected: str) -> None:
    exchange, out = get(b"/v1/models/" + name)
    assert (status(exchange), json.loads(out)["id"]) == (200, expected)
    assert set(json.loads(out)) == KEYS


@pytest.mark.parametrize("name", [b"none", b"plain:x", b"*", b"%00", b"%ff", b"ech", b"Nobody:echo", b"x" * 5000])
def test_one_there_is_not(name: bytes) -> None:
    exchange, out = get(b"/v1/models/" + name)
    assert status(exchange) == 404
    assert (error(out)["code"], error(out)["param"]) == ("model_not_found", "model")


def test_a_provider_that_has_no_models() -> None:
    alone = Catalog(providers={"P": ProviderInfo(name="P", label="P", default_model="m")})
    for name in (b"P", b"m", b"P:m"):
        assert status(get(b"/v1/models/" + name, api=replace(API, catalog=alone))[0]) == 404


def test_the_catch_all_lists_nothing_yet_answers() -> None:
    catalog = replace(CATALOG, aliases={"*": "echo"})
    assert "*" not in [entry["id"] for entry in listed(catalog=catalog)]
    exchange, out = get(b"/v1/models/gpt-99", api=replace(API, catalog=catalog))
    assert (status(exchange), json.loads(out)["id"]) == (200, "gpt-99")


def test_an_alias_with_options() -> None:
    catalog = replace(CATALOG, aliases={"slow": "echo:delay=1s", "bad": "plain:x", "nobody": "none"})
    assert [entry["id"] for entry in listed(catalog=catalog)][3:4] == ["slow"]
    assert "bad" not in [entry["id"] for entry in listed(catalog=catalog)]


def test_names_are_ascii_json_whatever_they_are() -> None:
    odd = (Model(id='a"b\\\u2028\ud83d\n', owned_by="é"),)
    data = listed(catalog=replace(CATALOG, models={"Echo": odd}, aliases={}))
    assert (data[0]["id"], data[0]["owned_by"]) == ('a"b\\\u2028\ud83d\n', "é")


# The reader of an upstream's list.


def test_what_is_written_is_read() -> None:
    _, out = get(b"/v1/models")
    assert [(model.id, model.created, model.options) for model in read_models(out)][:2] == [
        ("echo", 7, False),
        ("org/big-7b", 0, False),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"data":[]}', []),
        (b"[]", []),
        (b'[{"id":"a","created":true}]', ["a"]),
        (b'{"data":[{"id":"a","created":"x","owned_by":null},{"id":5},{},5,null,{"id":"b"}]}', ["a", "b"]),
    ],
)
def test_what_upstreams_send(body: bytes, expected: list[str]) -> None:
    assert [model.id for model in read_models(body)] == expected
    assert all(type(model.created) is int for model in read_models(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"5",
        b'"x"',
        b'{"data":null}',
        b'{"data":5}',
        b"<html>",
        b"\xff",
        b"[" * 100_000,
        b'{"error":{}}',
    ],
)
def test_no_list(body: bytes) -> None:
    with pytest.raises(ProviderNotWorking):
        read_models(body)


@given(st.binary(max_size=40) | st.text('{}[]":,0adit', max_size=40).map(str.encode))
def test_any_bytes_are_a_list_or_a_provider_that_does_not_work(body: bytes) -> None:
    with suppress(ProviderNotWorking):
        assert all(model.id is not None for model in read_models(body))


def test_a_server_like_this_one_tells_what_its_models_do() -> None:
    told = {model.id: model.kinds for model in read_models(get(b"/v1/models", api=Api(catalog=ALL_KINDS))[1])}
    for models in ALL_KINDS.models.values():
        assert {model.id: told[model.id] for model in models if model.listed} == {
            model.id: model.kinds for model in models if model.listed
        }
    assert read_models(b'[{"id": "x", "kinds": ["speech", "dance"]}, {"id": "y", "kinds": "chat"}]') == (
        Model(id="x", owned_by="", kinds=frozenset({"speech"})),
        Model(id="y", owned_by=""),
    )
