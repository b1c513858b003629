# What the scripted provider says to a request: words, thoughts, calls of tools, JSON that fits a schema, facts of
# images.
from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import chain, cycle, islice

import anyio.to_thread
from pydantic import JsonValue

from g4f_proto import (
    ChatRequest,
    Event,
    Function,
    ImageLimits,
    InvalidRequest,
    Message,
    Reasoning,
    Scored,
    TokenLogprob,
    ToolCall,
    offered,
    read_data_uri,
)

from .instances import Unsatisfiable, instance
from .pictures import describe
from .script import Script

__all__ = ("compose", "scored")

_RESULTS = frozenset({"tool", "function"})


async def compose(request: ChatRequest, script: Script, report: str | None) -> Iterable[Event]:
    """The deltas of the answer, in order; `report` is said instead of the message if it is given.

    :raises InvalidRequest: a schema that no JSON is valid against.
    """
    words = _words("thinking about it", script.reasoning) if script.reasoning else ()
    thoughts = [Reasoning(text=word) for word in words]
    functions, must = offered(request)
    calls = _calls(request, script, functions, must) if report is None else 0
    if calls:
        return chain(thoughts, _call(request, functions, calls))
    if report is None and request.response_format is not None and request.response_format.type != "text":
        schema = request.schema_asked
        said = {"message": _said(request.messages)} if schema is None else _instance(schema, "response_format")
        return chain(thoughts, _pieces(json.dumps(said, ensure_ascii=False)))
    if report is None:
        facts = [await _describe(url) for url in request.messages[-1].image_urls]
        report = "; ".join(facts) or None
    return chain(thoughts, _words(_said(request.messages) if report is None else report, script.tokens))


async def _describe(url: str) -> str:
    image = read_data_uri(url, param="messages", limits=ImageLimits())
    return await anyio.to_thread.run_sync(describe, image)


def scored(text: str, top: int) -> Scored:
    """`text` as one token that was certain, with `top` others that were not."""
    others = tuple(TokenLogprob(token=f"{text}{number}", logprob=-10.0 - number) for number in range(1, top))
    best = (TokenLogprob(token=text, logprob=0.0), *others) if top else ()
    return Scored(text=text, tokens=(TokenLogprob(token=text, logprob=0.0, top=best),))


def _said(messages: Sequence[Message]) -> str:
    """The last user's words, or what the tools returned when that is what came last."""
    results = []
    for message in reversed(messages):
        if message.role not in _RESULTS:
            break
        results.append(message.text)
    if results:
        return " ".join(reversed(results))
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def _calls(request: ChatRequest, script: Script, functions: Sequence[Function], must: bool) -> int:
    """How often tools are called."""
    if not functions:
        return 0
    asked = request.messages[-1].role == "user"
    calls = int(asked) if script.calls is None else script.calls if asked or must else 0
    if request.parallel_tool_calls is False or request.functions:
        calls = min(calls, 1)
    return max(calls, 1) if must else calls


def _call(request: ChatRequest, functions: Sequence[Function], calls: int) -> Iterator[Event]:
    turn = sha256(repr([(m.role, m.text, m.tool_call_id) for m in request.messages]).encode("utf-8", "replace"))
    for index in range(calls):
        function = functions[index % len(functions)]
        arguments = json.dumps(_instance(function.parameters or {"type": "object"}, "tools"), ensure_ascii=False)
        yield ToolCall(index=index, id=f"call_{turn.hexdigest()[:22]}{index:02}", name=function.name)
        for piece in _pieces(arguments):
            yield ToolCall(index=index, arguments=piece)


def _instance(schema: dict[str, JsonValue], param: str) -> JsonValue:
    try:
        return instance(schema)
    except Unsatisfiable as error:
        raise InvalidRequest(f"The schema cannot be satisfied: {error}", param=param, code="invalid_schema") from None


def _pieces(text: str) -> list[str]:
    return re.findall(r".{1,8}", text, re.DOTALL)


def _words(text: str, count: int | None) -> Iterator[str]:
    # A word takes the space before it along, as tokens do: joined, the deltas are the message again.
    words = re.findall(r"\s*\S+(?:\s+\Z)?", text)
    if count is None:
        return iter(words)
    words = words or ["word"]
    first, again = words[0], " " + words[0].lstrip()
    return islice(chain([first], cycle([*words[1:], again])), count)
