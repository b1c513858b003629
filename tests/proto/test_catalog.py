# Who answers: aliases, then what is served, then the catch-all; never a provider that was not chosen or configured.
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from g4f_proto import (
    CATCH_ALL,
    ApiError,
    Catalog,
    InvalidRequest,
    Kind,
    Model,
    ModelNotFound,
    ProviderInfo,
    ProviderNotFound,
)

from .made import CATALOG, ask, chat, refused


def found(model: str | None, provider: str | None = None, catalog: Catalog = CATALOG) -> tuple[str, str]:
    choice = catalog.resolve(model, provider)[0]
    return choice.provider.name, choice.model


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        ("echo", None, ("Echo", "echo")),
        ("plain", None, ("Bare", "plain")),
        ("echo:anything=1", None, ("Echo", "echo:anything=1")),
        ("echo:", None, ("Echo", "echo:")),
        ("org/big-7b", None, ("Echo", "org/big-7b")),
        ("Echo", None, ("Echo", "echo")),  # a provider's name is its default model
        ("Echo:org/big-7b", None, ("Echo", "org/big-7b")),
        ("Echo:echo:x", None, ("Echo", "echo:x")),
        ("gpt-4o", None, ("Echo", "echo")),
        ("my-bare", None, ("Bare", "plain")),
        ("hidden", None, ("Bare", "hidden")),  # not listed, yet it can be asked for
        ("echo", "Echo", ("Echo", "echo")),
        ("Bare", "Bare", ("Bare", "plain")),
        ("Bare:plain", "Bare", ("Bare", "plain")),
        ("plain", "my-bare", ("Bare", "plain")),  # an alias names a provider too
        (None, "Bare", ("Bare", "plain")),
        ("", "Bare", ("Bare", "plain")),
    ],
)
def test_resolve(model: str | None, provider: str | None, expected: tuple[str, str]) -> None:
    assert found(model, provider) == expected


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("none", None), ("ECHO", None), ("org/big-7b:x", None), ("plain", "Echo"), ("gpt-4o", "Bare"),
        ("Echo:plain", None), ("Nobody:echo", None), (":echo", None), ("*", None), (" echo", None), ("echo\x00", None),
    ],
)  # fmt: skip
def test_a_model_nobody_serves_there(model: str, provider: str | None) -> None:
    with pytest.raises(ModelNotFound) as caught:
        CATALOG.resolve(model, provider)
    assert (caught.value.status, caught.value.code, caught.value.param) == (404, "model_not_found", "model")


@pytest.mark.parametrize("provider", ["Nobody", "echo", "gpt-4o", "\x00"])
def test_a_provider_there_is_not(provider: str) -> None:
    for model in (None, "echo"):
        with pytest.raises(ProviderNotFound):
            CATALOG.resolve(model, provider)


def test_no_model_and_no_default() -> None:
    for catalog in (CATALOG, Catalog()):
        for model in (None, ""):
            with pytest.raises(InvalidRequest) as caught:
                catalog.resolve(model)
            assert (caught.value.code, caught.value.param) == ("missing_required_parameter", "model")


def test_the_operators_defaults() -> None:
    assert found(None, catalog=replace(CATALOG, default_model="plain")) == ("Bare", "plain")
    assert found("", catalog=replace(CATALOG, default_model="gpt-4o")) == ("Echo", "echo")
    at_bare = replace(CATALOG, default_provider="Bare")
    assert found(None, catalog=at_bare) == ("Bare", "plain")
    assert found("echo", "Echo", catalog=at_bare) == ("Echo", "echo")  # the caller chooses
    assert found("Echo:echo", catalog=at_bare) == ("Echo", "echo")
    with pytest.raises(ModelNotFound):
        found("echo", catalog=at_bare)


def test_an_alias_comes_before_what_is_served() -> None:
    assert found("echo", catalog=replace(CATALOG, aliases={"echo": "plain"})) == ("Bare", "plain")
    assert found("x", catalog=replace(CATALOG, aliases={"x": "y", "y": "echo", CATCH_ALL: "plain"})) == (
        "Bare",
        "plain",
    )


def test_the_catch_all_comes_last() -> None:
    catalog = replace(CATALOG, aliases={CATCH_ALL: "echo:caught"})
    assert found("gpt-99", catalog=catalog) == ("Echo", "echo:caught")
    assert found("plain", catalog=catalog) == ("Bare", "plain")
    assert found("*", catalog=catalog) == ("Echo", "echo:caught")
    assert found("gpt-99", catalog=replace(CATALOG, aliases={CATCH_ALL: "Bare:plain"})) == ("Bare", "plain")
    assert found("gpt-99", catalog=replace(CATALOG, aliases={CATCH_ALL: "Bare"})) == ("Bare", "plain")
    with pytest.raises(ModelNotFound):  # a provider the caller chose is not left for another
        found("gpt-99", "Bare", catalog=catalog)


def test_providers_are_asked_in_the_operators_order() -> None:
    both = {name: (Model(id="same", owned_by="x"),) for name in ("Bare", "Echo")}
    assert found("same", catalog=replace(CATALOG, models=both)) == ("Echo", "same")


def test_a_provider_without_models() -> None:
    alone = Catalog(providers={"P": ProviderInfo(name="P", label="P", default_model="m")})
    assert found("P", catalog=alone) == ("P", "m")
    with pytest.raises(ModelNotFound):
        found("m", catalog=alone)


def test_through_the_wire() -> None:
    exchange, _ = ask(chat(model="gpt-4o"))
    assert exchange.call is not None
    assert exchange.call.model == "echo"
    assert refused(chat(model="none")) == (404, "model_not_found", "model")
    assert refused(chat(provider="Nobody")) == (404, "provider_not_found", "provider")
    assert refused(chat(model=None)) == (400, "missing_required_parameter", "model")
    assert refused(chat(model="")) == (400, "missing_required_parameter", "model")
    assert ask(chat(model="", provider="Echo"))[0].call is not None
    assert ask(chat(provider=""))[0].call is not None
    exchange, _ = ask(chat(provider="Bare"), target=b"/api/Echo/chat/completions")  # the path wins
    assert exchange.call is not None
    assert exchange.call.provider == "Echo"


def test_errors_are_api_errors() -> None:
    for kind in (ModelNotFound, ProviderNotFound, InvalidRequest):
        assert issubclass(kind, ApiError)


KINDS_SERVED = replace(
    CATALOG,
    models={
        "Echo": (Model(id="echo", owned_by="us"), Model(id="brush", owned_by="us", kinds=frozenset({"image"}))),
        "Bare": (
            Model(id="plain", owned_by="us"),
            Model(id="voice", owned_by="us", kinds=frozenset({"speech"}), listed=False),
            Model(id="brush", owned_by="us", kinds=frozenset({"image"})),
        ),
    },
)


def who(model: str | None, provider: str | None = None, kind: Kind = "image", **changes: Any) -> list[tuple[str, str]]:
    choices = replace(KINDS_SERVED, **changes).resolve(model, provider, kind)
    return [(choice.provider.name, choice.model) for choice in choices]


def test_all_who_serve_it_in_order() -> None:
    assert who("brush") == [("Echo", "brush"), ("Bare", "brush")]
    assert who("brush", "Bare") == who("Bare:brush") == [("Bare", "brush")]
    listed = replace(KINDS_SERVED.models["Echo"][1], listed=False)
    later = {**KINDS_SERVED.models, "Echo": (listed,)}
    assert who("brush", models=later) == [("Bare", "brush"), ("Echo", "brush")], "who would have to install it is last"


def test_a_model_does_what_it_does() -> None:
    for model, kind in (("echo", "image"), ("brush", "chat"), ("Bare:brush", "speech"), ("plain", "embedding")):
        with pytest.raises(ModelNotFound):
            who(model, kind=kind)  # type: ignore[arg-type]


def test_no_model_is_named_and_something_else_than_a_chat_is_asked_for() -> None:
    assert who(None) == [("Echo", "brush"), ("Bare", "brush")]
    assert who(None, kind="speech") == [("Bare", "voice")]
    assert who(None, "Bare", kind="speech") == who("Bare", kind="speech") == [("Bare", "voice")]
    assert who(None, default_model="echo") == [("Echo", "brush"), ("Bare", "brush")], "the default is a chat's"
    with pytest.raises(ModelNotFound):
        who(None, kind="transcription")


def test_a_test_double_answers_only_who_names_it() -> None:
    double = ProviderInfo(name="Double", label="D", default_model="d", only_named=True)
    catalog = Catalog(
        providers={"Double": double}, models={"Double": (Model(id="d", owned_by="us", kinds=frozenset({"image"})),)}
    )
    with pytest.raises(ModelNotFound):
        catalog.resolve(None, kind="image")
    chosen = replace(catalog, default_provider="Double")
    for choices in (
        catalog.resolve("d", kind="image"),
        catalog.resolve("Double", kind="image"),
        catalog.resolve(None, "Double", kind="image"),
        chosen.resolve(None, kind="image"),
    ):
        assert [(choice.provider.name, choice.model) for choice in choices] == [("Double", "d")]


def test_the_default_provider_and_the_catch_all_of_a_kind() -> None:
    assert who("brush", default_provider="Bare") == [("Bare", "brush")]
    assert who("voice", kind="speech", default_provider="Echo") == [("Bare", "voice")], "Echo does not speak"
    assert who("dall-e-3", aliases={CATCH_ALL: "brush"}) == [("Echo", "brush"), ("Bare", "brush")]
    with pytest.raises(ModelNotFound):
        who("dall-e-3", aliases={CATCH_ALL: "echo"})


def test_a_remote_provider_may_serve_more_than_it_tells() -> None:
    far = ProviderInfo(name="Far", label="Far", default_model="big", remote=True)
    changes: dict[str, Any] = {"providers": {**CATALOG.providers, "Far": far}}
    assert who("any", "Far", **changes) == who("Far:any", **changes) == [("Far", "any")]
    assert who(None, "Far", **changes) == who("Far", "Far", **changes) == [("Far", "big")]
    with pytest.raises(ModelNotFound):  # it was not named
        who("any", **changes)
    told = {**KINDS_SERVED.models, "Far": (Model(id="any", owned_by="far"),)}
    with pytest.raises(ModelNotFound):  # it is known to do something else
        who("Far:any", models=told, **changes)


def test_what_was_found_once_is_found_again_and_not_by_another_catalog() -> None:
    info = ProviderInfo(name="P", label="P", default_model="m", remote=True)
    catalog = Catalog(providers={"P": info}, models={"P": (Model(id="m", owned_by="p"),)})
    for number in range(3000):  # more than it keeps
        for _ in range(2):
            assert [choice.model for choice in catalog.resolve(f"x{number}", "P")] == [f"x{number}"]
    assert [choice.model for choice in catalog.resolve("m" * 1000, "P")] == ["m" * 1000]
    assert [choice.model for choice in catalog.resolve("m")] == ["m"]
    with pytest.raises(ModelNotFound):
        replace(catalog, models={}).resolve("m")
