# Honoured or refused, never silently ignored; and what asks for nothing passes, as client libraries send it by default.
from __future__ import annotations

import pytest

from g4f_proto import PARAMETERS, Catalog, Choice, ProviderInfo, UnsupportedParameter
from g4f_proto._capabilities import check

from .made import API, ECHO, MODELS, ask, chat, refused

ASKING: dict[str, object] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "conversation_id": "conv-1",
    "frequency_penalty": 0.5,
    "function_call": {"name": "f"},
    "functions": [{"name": "f"}],
    "logit_bias": {"5": 1},
    "logprobs": True,
    "max_completion_tokens": 5,
    "max_tokens": 5,
    "modalities": ["text", "audio"],
    "moderation": {"on": True},
    "n": 2,
    "parallel_tool_calls": "yes",
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": -0.5,
    "proxy": "http://127.0.0.1:9",
    "reasoning_effort": "high",
    "response_format": {"type": "json_object"},
    "seed": 0,
    "service_tier": "flex",
    "stop": "x",
    "temperature": 0,
    "tool_choice": "required",
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "top_logprobs": 3,
    "top_p": 0,
    "verbosity": "low",
    "web_search_options": {"user_location": None},
}


def test_every_parameter_has_a_case() -> None:
    assert set(ASKING) == set(PARAMETERS)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_who_cannot_honour_it_refuses_it(name: str) -> None:
    assert refused(chat(model="plain", **{name: ASKING[name]})) == (400, "unsupported_parameter", name)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_who_can_honour_it_takes_it(name: str) -> None:
    able = ProviderInfo(name="Able", label="Able", default_model="m", native=frozenset({name}))
    check(Choice(able, "m"), {name: ASKING[name]})  # type: ignore[dict-item]
    with pytest.raises(UnsupportedParameter, match=r"'m'.*'Bare'"):
        check(Choice(ProviderInfo(name="Bare", label="", default_model=""), "m"), {name: ASKING[name]})  # type: ignore[dict-item]


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_its_neutral_values_pass_everywhere(name: str) -> None:
    for value in (None, *PARAMETERS[name]):
        exchange, out = ask(chat(model="plain", **{name: value}))
        assert exchange.call is not None, out


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": []}, {"tools": [], "tool_choice": None}, {"tool_choice": "none"}, {"logit_bias": {}}, {"stop": []},
        {"n": 1}, {"temperature": 1.0}, {"top_p": 1}, {"presence_penalty": 0.0}, {"logprobs": False}, {"functions": []},
        {"top_logprobs": 0}, {"stop": ""}, {"response_format": None}, {"parallel_tool_calls": False},
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


def test_the_refusal_is_the_chosen_providers() -> None:
    assert ask(chat(max_tokens=5))[0].call is not None
    assert refused(chat(max_tokens=5, provider="Bare", model="plain"))[1] == "unsupported_parameter"
    only = Catalog(providers={"Echo": ECHO}, models=MODELS)
    assert only.resolve("echo").provider.native == ECHO.native
    assert API.catalog.resolve("my-bare").provider.native == frozenset()
