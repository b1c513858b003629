# Another provider in the place of one that failed, and a catalog that is learned while the request waits.
from __future__ import annotations

import json
from dataclasses import replace

import pytest

from g4f_proto import (
    PARAMETERS,
    QUIET,
    Api,
    ApiError,
    Catalog,
    Exchange,
    InvalidRequest,
    Model,
    ModelNotInstalled,
    Overloaded,
    ProviderInfo,
    ProviderNotWorking,
    ProviderTimeout,
    RateLimited,
    State,
)

from .made import API, CATALOG, answer, ask, at, chat, chunks, error, get, said, status

FAILED = ProviderNotWorking("no")


def serving(*natives: frozenset[str]) -> Api:
    """Providers `P0`, `P1`... that all serve `same`, and honour so much."""
    infos = {
        f"P{number}": ProviderInfo(name=f"P{number}", label="", default_model="same", native=native)
        for number, native in enumerate(natives)
    }
    return Api(catalog=Catalog(providers=infos, models=dict.fromkeys(infos, (Model(id="same", owned_by="us"),))))


ALL = frozenset(PARAMETERS)
THREE = serving(ALL, ALL, ALL)


def provider(exchange: Exchange) -> str:
    assert exchange.call is not None
    return exchange.call.provider


def test_the_next_one_answers_alone() -> None:
    exchange, _ = ask(chat(model="same"), api=THREE)
    assert exchange.send("half an ans") == b""
    assert exchange.another(FAILED)
    assert (provider(exchange), at(exchange)) == ("P1", State.CALLING)
    document = json.loads(answer(exchange, "whole"))
    assert document["choices"][0]["message"]["content"] == "whole"
    assert (document["provider"], document["model"]) == ("P1", "same")


def test_a_stream_of_which_nothing_but_pings_is_out() -> None:
    exchange, _ = ask(chat(model="same", stream=True), api=THREE)
    assert exchange.send(QUIET)
    head = exchange.head
    assert exchange.another(FAILED)
    assert exchange.another(FAILED)
    assert (provider(exchange), at(exchange)) == ("P2", State.STREAMING)
    out = answer(exchange, "a", "b")
    assert exchange.head is head
    assert said(out) == "ab"
    assert {chunk["provider"] for chunk in chunks(out)} == {"P2"}
    assert sum("role" in choice["delta"] for chunk in chunks(out) for choice in chunk["choices"]) == 1


def test_not_when_something_was_delivered() -> None:
    exchange, _ = ask(chat(model="same", stream=True), api=THREE)
    assert exchange.send("a")
    assert not exchange.another(FAILED)
    assert provider(exchange) == "P0"
    assert error(exchange.fail(FAILED).split(b"\n\n")[0].removeprefix(b"data: "))["code"] == "provider_not_working"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (FAILED, True), (ProviderTimeout("t"), True), (RateLimited("r"), True), (Overloaded("o"), True),
        (ModelNotInstalled("m"), True), (InvalidRequest("i"), False),
    ],
)  # fmt: skip
def test_only_when_it_is_the_providers_failure(failure: ApiError, expected: bool) -> None:
    exchange, _ = ask(chat(model="same"), api=THREE)
    assert exchange.another(failure) is expected
    assert provider(exchange) == ("P1" if expected else "P0")


def test_the_last_one_has_none_behind_it() -> None:
    exchange, _ = ask(chat(model="same"), api=THREE)
    assert [exchange.another(FAILED) for _ in range(4)] == [True, True, False, False]
    assert error(exchange.fail(FAILED))["code"] == "provider_not_working"
    assert status(exchange) == 502
    alone, _ = ask(chat(model="same", provider="P1"), api=THREE)
    assert not alone.another(FAILED), "the caller chose one"


def test_one_that_cannot_honour_the_request_is_passed_over() -> None:
    some = serving(frozenset(), ALL, frozenset(), ALL)
    exchange, _ = ask(chat(model="same", seed=7), api=some)
    assert provider(exchange) == "P1"
    assert exchange.another(FAILED)
    assert provider(exchange) == "P3"
    assert not exchange.another(FAILED)
    exchange, out = ask(chat(model="same", seed=7), api=serving(frozenset(), frozenset()))
    assert (status(exchange), error(out)["code"], error(out)["param"]) == (400, "unsupported_parameter", "seed")
    assert not ask(chat(model="same", seed=7), api=serving(ALL, frozenset()))[0].another(FAILED)


def test_what_one_lacks_is_emulated_for_it_alone() -> None:
    exchange, _ = ask(chat(model="same", stop="x"), api=serving(frozenset(), ALL))
    exchange.send("ax")
    assert exchange.satisfied
    assert exchange.another(FAILED)
    assert not exchange.satisfied
    assert json.loads(answer(exchange, "bxc"))["choices"][0]["message"]["content"] == "bxc", "P1 stops by itself"


def test_a_model_that_becomes_known() -> None:
    api = replace(API, catalog=replace(CATALOG, complete=False))
    exchange, out = ask(chat(model="new"), api=api)
    assert (out, exchange.head, exchange.call, at(exchange)) == (b"", None, None, State.WAITING)
    known = replace(CATALOG, models={**CATALOG.models, "Bare": (Model(id="new", owned_by="us"),)})
    assert exchange.learn(known) == b""
    assert provider(exchange) == "Bare"
    assert json.loads(answer(exchange, "hi"))["model"] == "new"


def test_a_model_that_stays_unknown() -> None:
    exchange, _ = ask(chat(model="new"), api=replace(API, catalog=replace(CATALOG, complete=False)))
    out = exchange.learn(CATALOG)
    assert (status(exchange), error(out)["code"]) == (404, "model_not_found")


def test_what_is_known_does_not_wait_and_a_list_does() -> None:
    api = replace(API, catalog=replace(CATALOG, complete=False))
    assert ask(chat(), api=api)[0].call is not None
    exchange, out = get(b"/v1/models", api=api)
    assert (out, at(exchange)) == (b"", State.WAITING)
    names = [entry["id"] for entry in json.loads(exchange.learn(CATALOG))["data"]]
    assert names == [entry["id"] for entry in json.loads(get(b"/v1/models")[1])["data"]]
