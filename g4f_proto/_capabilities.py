# Which request parameters do something, and who can honour them: honoured or refused, never silently ignored.
#
# A provider names the parameters it honours (`ProviderInfo.native`), and `_emulation` makes up for some. Every other
# parameter is refused when it asks for something, with 400 `unsupported_parameter`; a value that asks for nothing,
# `n: 1`, `tools: []`, `temperature: null`, is what client libraries send by default and passes. A name in neither
# table is not OpenAI's and passes too.
from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from ._catalog import Choice
from ._emulation import emulated
from ._errors import UnsupportedParameter

__all__ = ("PARAMETERS", "check")

_OFF: Final[tuple[JsonValue, ...]] = (None, False, "", [], {})

#: Parameter of a chat that changes its answer -> the values that ask for nothing, beside null, false and empty ones.
PARAMETERS: Final[Mapping[str, tuple[JsonValue, ...]]] = {
    "audio": (),
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "functions": (),
    "logit_bias": (),
    "logprobs": (),
    "max_completion_tokens": (),
    "max_tokens": (),
    "modalities": (["text"],),
    "moderation": (),
    "n": (1,),
    "parallel_tool_calls": (True,),
    "prediction": (),
    "presence_penalty": (0,),
    "proxy": (),
    "reasoning_effort": ("none",),
    "response_format": ({"type": "text"},),
    "seed": (),
    "service_tier": ("auto", "default"),
    "stop": (),
    "temperature": (1,),
    "tool_choice": ("none", "auto"),
    "tools": (),
    "top_logprobs": (0,),
    "top_p": (1,),
    "verbosity": ("medium",),
    "web_search_options": (),
}
# Zero and an empty object are values of these like any other.
_ANY_ASKS: Final = frozenset({"seed", "temperature", "top_p", "web_search_options"})


def check(choice: Choice, body: Mapping[str, JsonValue], *, counting: bool = False) -> None:
    """Refuse what the chosen provider cannot honour.

    :param counting: tokens can be counted here.
    :raises UnsupportedParameter: naming the parameter and the model.
    """
    native = choice.provider.native
    for name in body:
        neutral = PARAMETERS.get(name)
        if neutral is None or name in native or emulated(choice.provider, name, counting=counting):
            continue
        value = body[name]
        if name == "response_format" and isinstance(value, dict) and value.get("type") in native:
            continue
        if _asks(name, value) and value not in neutral:
            raise UnsupportedParameter(
                f"Unsupported parameter: '{name}' is not supported with the model '{choice.model}' "
                f"of the provider '{choice.provider.name}'.",
                param=name,
            )


def _asks(name: str, value: JsonValue) -> bool:
    return value is not None if name in _ANY_ASKS else value not in _OFF
