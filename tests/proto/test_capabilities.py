# Native, emulated or refused, never silently ignored; and what asks for nothing passes, as clients send it by default.
from __future__ import annotations

from typing import Any

import pytest

from g4f_proto import PARAMETERS, Catalog, Choice, ProviderInfo, UnsupportedParameter, emulated
from g4f_proto._capabilities import check
from g4f_proto._emulation import EMULATED

from .made import API, ASKING, BESIDE, ECHO, MODELS, ask, chat, refused


def test_every_parameter_has_a_case() -> None:
    assert set(ASKING) == set(PARAMETERS)


def info(*native: str, name: str = "Able") -> ProviderInfo:
    return ProviderInfo(name=name, label=name, default_model="m", native=frozenset(native))


ALWAYS = {"n", "stop"}  # emulated for everybody
CONSTRAINED = {"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"}  # by a JSON Schema
#: Asks for something by itself; `parallel_tool_calls` says how tools may be called, and true is what everybody does.
ASKED = sorted(set(PARAMETERS) - {"parallel_tool_calls"})


def test_what_is_emulated() -> None:
    assert {name for name, needed in EMULATED.items() if needed is None} == ALWAYS
    assert {name for name, needed in EMULATED.items() if needed == "response_format"} == CONSTRAINED
    assert len(EMULATED) == len(ALWAYS | CONSTRAINED)
    bare, constrained, able = info(), info("response_format"), info("response_format", "tools")
    assert {name for name in PARAMETERS if emulated(bare, name, counting=False)} == ALWAYS
    assert {name for name in PARAMETERS if emulated(constrained, name, counting=False)} == ALWAYS | CONSTRAINED
    assert {name for name in PARAMETERS if emulated(able, name, counting=False)} == ALWAYS, (
        "who has tools is asked for tools"
    )


LIMITS = {"max_tokens", "max_completion_tokens"}


def test_limits_are_kept_by_who_can_count() -> None:
    assert {name for name in LIMITS if emulated(info(), name, counting=True)} == LIMITS
    for known in LIMITS:  # the other name means the same
        assert {name for name in LIMITS if emulated(info(known), name, counting=False)} == LIMITS


@pytest.mark.parametrize("name", sorted(set(ASKED) - ALWAYS))
def test_who_cannot_honour_it_refuses_it(name: str) -> None:
    status, code, param = refused(chat(model="plain", **{**BESIDE.get(name, {}), name: ASKING[name]}))
    assert (status, code) == (400, "unsupported_parameter")
    assert param in {name, *BESIDE.get(name, {})}


@pytest.mark.parametrize("name", sorted(set(ASKED) - ALWAYS))
def test_who_can_honour_it_takes_it(name: str) -> None:
    check(Choice(info(name), "m"), {name: ASKING[name]})  # type: ignore[dict-item]
    with pytest.raises(UnsupportedParameter, match=r"'m'.*'Bare'") as caught:
        check(Choice(info(name="Bare"), "m"), {name: ASKING[name]})  # type: ignore[dict-item]
    assert caught.value.param == name


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_what_everybody_takes(name: str) -> None:
    exchange, out = ask(chat(model="plain", **{name: ASKING[name]}))
    assert exchange.call is not None, out
    assert name not in exchange.call.body, "the provider does not hear of it"
    assert getattr(exchange.call.request, name) is None


@pytest.mark.parametrize("name", sorted(CONSTRAINED))
def test_who_has_tools_is_not_helped_with_the_rest(name: str) -> None:
    """What a provider of tools of its own does not name it would not honour, and nobody would in its place."""
    able = info("tools", "response_format")
    value: Any = ASKING[name]
    if name in ("tools", "parallel_tool_calls"):
        check(Choice(able, "m"), {name: value})
    else:
        with pytest.raises(UnsupportedParameter):
            check(Choice(able, "m"), {name: value})


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_its_neutral_values_pass_everywhere(name: str) -> None:
    for value in (None, *PARAMETERS[name]):
        body: dict[str, Any] = {name: value}
        exchange, out = ask(chat(model="plain", **body))
        assert exchange.call is not None, out


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": []}, {"tools": [], "tool_choice": None}, {"tool_choice": "none"}, {"logit_bias": {}}, {"stop": []},
        {"n": 1}, {"temperature": 1.0}, {"top_p": 1}, {"presence_penalty": 0.0}, {"logprobs": False},
        {"tool_choice": "auto"}, {"tools": [], "tool_choice": "auto"}, {"functions": None, "function_call": "auto"},
        {"top_logprobs": 0}, {"logprobs": False, "top_logprobs": 0}, {"n": None, "stop": None},
        {"stop": ""}, {"response_format": None}, {"parallel_tool_calls": False},
    ],
)  # fmt: skip
def test_what_asks_for_nothing(fields: dict[str, object]) -> None:
    assert ask(chat(model="plain", **fields))[0].call is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"store": True}, {"metadata": {"a": "b"}}, {"user": "me"}, {"stream_options": None}, {"safety_identifier": "x"},
        {"prompt_cache_key": "x"}, {"stream_options": {"include_obfuscation": False}}, {"strict": True},
        {"x": {"y": [1]}}, {"extra_body": {}}, {"timeout": 5}, {"": 1}, {"\x00": 1},
    ],
)  # fmt: skip
def test_unknown_and_harmless_fields_pass(fields: dict[str, object]) -> None:
    exchange, _ = ask(chat(**fields))
    assert exchange.call is not None
    assert all(exchange.call.body[name] == value for name, value in fields.items())


def test_an_empty_object_may_ask_for_something() -> None:
    """ "web_search_options": {} is how a search is asked for."""
    assert refused(chat(web_search_options={})) == (400, "unsupported_parameter", "web_search_options")


def test_the_refusal_is_the_chosen_providers() -> None:
    assert ask(chat(max_tokens=5))[0].call is not None
    assert refused(chat(max_tokens=5, provider="Bare", model="plain"))[1] == "unsupported_parameter"
    only = Catalog(providers={"Echo": ECHO}, models=MODELS)
    assert only.resolve("echo")[0].provider.native == ECHO.native
    assert API.catalog.resolve("my-bare")[0].provider.native == frozenset()


def test_a_format_may_be_had_by_its_own_name() -> None:
    """Not by a grammar: so no tools can be made of it."""
    shape = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
    able = Choice(info("json_object"), "m")
    check(able, {"response_format": {"type": "json_object"}})
    for refused_ in ({"response_format": shape}, {"tools": ASKING["tools"]}):
        with pytest.raises(UnsupportedParameter):
            check(able, refused_)  # type: ignore[arg-type]
