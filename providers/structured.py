# JSON from a provider that cannot be held to it: asked for in the prompt, collected, judged, and refused if it is not.
#
# Wrapped around a provider without `response_format`; a call that wants no JSON goes straight through. The answer comes
# when it is whole, in one piece, for only then is it known to be valid; what is not valid is the provider's failure,
# so that another one may be asked, and never an answer. The judge is the one of `instances`: a schema is a stranger's
# program, and that judge takes a bounded number of steps, knows patterns that no text can keep busy, and fetches
# nothing.
from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from g4f_proto import (
    Call,
    ChatCall,
    Finish,
    ForChoice,
    InvalidRequest,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    Refusal,
    Scored,
    ToolCall,
    UnsupportedParameter,
    with_messages,
)

from .instances import Unsatisfiable, instance, valid
from .provider import Provider

__all__ = ("Structured",)

_OBJECT: Final[dict[str, JsonValue]] = {"type": "object"}
_NOTHING_ELSE: Final = "and with nothing else: no words around it, no code fence."
#: What nearly every model does all the same.
_FENCED: Final = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
_CUT: Final = frozenset({"length", "content_filter"})  # an answer that is not whole is told as far as it goes


class Structured:
    """`provider`, whose answers are valid JSON where JSON is asked for."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @property
    def info(self) -> ProviderInfo:
        info = self._provider.info
        return replace(info, native=info.native | {"json_object", "json_schema"})

    async def models(self) -> Sequence[Model]:
        return await self._provider.models()

    def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        if isinstance(call, ChatCall):
            asked = call.request.response_format
            if asked is not None and asked.type != "text" and asked.type not in self._provider.info.native:
                return self._judged(call)
        return self._provider.stream(call)

    async def _judged(self, call: ChatCall) -> AsyncGenerator[ProviderEvent, None]:
        schema = call.request.schema_asked or _OBJECT
        try:
            instance(schema)  # one that no answer is valid against is refused before anybody works for it
        except Unsatisfiable as error:
            raise InvalidRequest(
                f"The schema cannot be satisfied: {error}", param="response_format", code="invalid_schema"
            ) from None
        if call.request.logprobs:
            raise UnsupportedParameter(
                f"The model '{call.model}' cannot tell the probabilities of JSON.", param="logprobs"
            )
        texts: dict[int, list[str]] = {}
        ends: dict[int, Finish] = {}
        others: set[int] = set()  # choices that said something else, calls or a refusal
        async with aclosing(self._provider.stream(_asking(call))) as events:
            async for event in events:
                index, said = (event.index, event.event) if isinstance(event, ForChoice) else (0, event)
                if isinstance(said, str | Scored):
                    texts.setdefault(index, []).append(said if isinstance(said, str) else said.text)
                elif isinstance(said, Finish):
                    ends[index] = said
                else:
                    if isinstance(said, ToolCall | Refusal):
                        others.add(index)
                    yield event
        for index in sorted(texts.keys() | ends.keys() | {0}):
            text, end = "".join(texts.get(index, ())), ends.get(index, Finish(reason="stop"))
            if end.reason not in _CUT and (text or index not in others):
                text = self._checked(text, schema)
            for told in (text, end):
                yield told if index == 0 else ForChoice(index=index, event=told)

    def _checked(self, text: str, schema: Mapping[str, JsonValue]) -> str:
        thought = ""
        if self._provider.info.think_tags and text.lstrip().startswith("<think>"):
            thought, tag, text = text.partition("</think>")
            thought += tag
        if fenced := _FENCED.fullmatch(text):
            text = fenced[1]
        try:
            if valid(dict(schema), json.loads(text, parse_constant=_no_json)):
                return thought + text
        except (ValueError, RecursionError):  # Unsatisfiable is a ValueError
            pass
        raise ProviderNotWorking("The model did not answer with the JSON that was asked for.", code="invalid_answer")

    async def aclose(self) -> None:
        await self._provider.aclose()


def _no_json(name: str) -> None:
    raise ValueError(name)  # NaN and infinite numbers


def _asking(call: ChatCall) -> ChatCall:
    """The same call with the format in words."""
    schema = call.request.schema_asked
    wanted = f"Answer with one JSON object, {_NOTHING_ELSE}"
    if schema is not None:
        wanted = f"Answer with JSON that is valid against this JSON Schema, {_NOTHING_ELSE}\n{json.dumps(schema)}"
    body = {name: value for name, value in call.body.items() if name != "response_format"}
    given = body["messages"]
    assert isinstance(given, list)  # it was validated
    turns = [message for message in given if isinstance(message, dict)]
    return with_messages(replace(call, body=body), [{"role": "system", "content": wanted}, *turns])
