"""Calls of tools as clients put them together: from a whole reply, and from the deltas of a stream.

Assembling is literal, as the SDKs' is: a delta goes where its `index` says, its strings are appended. What a client
would choke on raises `Failed` here, so that each room's case states one rule and not how to read a call.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from conformance import shapes
from conformance.case import Failed
from conformance.found import Found, Json, show
from conformance.schema import errors
from conformance.target import SCRIPTED, Stream, Target, completed

PLACE: dict[str, Json] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
NOTHING: dict[str, Json] = {"type": "object", "properties": {}, "additionalProperties": False}
SCHEMAS = {"get_weather": PLACE, "get_time": NOTHING}
FUNCTIONS: list[dict[str, Json]] = [
    {"name": "get_weather", "description": "The weather in a city now", "parameters": PLACE},
    {"name": "get_time", "description": "The time now", "parameters": NOTHING},
]
TOOLS: list[dict[str, Json]] = [{"type": "function", "function": function} for function in FUNCTIONS]
QUESTION: dict[str, Json] = {"role": "user", "content": "What is the weather in Paris, in celsius? Use the tool."}


BOTH: dict[str, Json] = {
    "role": "user",
    "content": "What is the weather in Paris, and what time is it? Use both tools.",
}


@dataclass(slots=True)
class Call:
    """One call, complete; `fragments` is in how many pieces its arguments came."""

    id: str
    name: str
    arguments: str
    fragments: int = 1

    def message(self) -> dict[str, Json]:
        """The entry of `tool_calls` in a history."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


def valid(text: str, schema: dict[str, Json], what: str) -> Json:
    """`text`, which must be JSON that is valid against `schema`, read."""
    try:
        value: Json = json.loads(text)
    except ValueError:
        raise Failed(f"{what}: not JSON: {show(text)}") from None
    wrong = list(errors(value, schema))
    if wrong:
        raise Failed(f"{what}: {'; '.join(wrong[:3])}")
    return value


def asking(target: Target, calls: int | None = None, **fields: object) -> dict[str, object]:
    """Fields of a request that offers both tools and must end in calls, of the scripted provider in `calls` of them."""
    model = f"{SCRIPTED}:calls={calls}" if calls is not None and "scripted" in target.has else target.model
    asked: dict[str, object] = {"model": model, "messages": [QUESTION], "tools": TOOLS, "tool_choice": "required"}
    return asked | {"max_tokens": 400} | fields


def ask(target: Target, calls: int | None = None, **fields: object) -> Found:
    """The first choice of a whole reply with calls; not applicable where tools are refused as such."""
    return completed(shapes.offered(target.chat_reply(**asking(target, calls, **fields)), "tools"))["choices"][0]


def stream(target: Target, calls: int | None = None, **fields: object) -> Stream:
    """The same, streamed."""
    shapes.offered(target.chat_reply(**asking(target, calls)), "tools")
    return target.stream(**asking(target, calls, **fields))


def whole(choice: Found) -> list[Call]:
    """The calls of a whole reply's choice, at least one."""
    entries = list(choice["message"]["tool_calls"])
    if not entries:
        raise Failed(f"{choice.path}.message.tool_calls is empty")
    for entry in entries:
        entry["type"].equals("function")
    return _distinct([_entry(entry) for entry in entries])


def _entry(entry: Found) -> Call:
    function = entry["function"]
    return Call(entry["id"].text(), function["name"].text(), function["arguments"].text())


def deltas(stream: Stream, choice: int = 0) -> list[Found]:
    """Every entry of `delta.tool_calls` of one choice, in its order."""
    found = [one for one in stream.choices if one.get("index").value in (choice, None)]
    entries = [one["delta"].get("tool_calls") for one in found]
    return [entry for entry in entries if not entry.is_null() for entry in entry]


def assembled(stream: Stream, choice: int = 0) -> list[Call]:
    """The calls of a streamed choice, at least one, by their index from 0."""
    calls: dict[int, Call] = {}
    for delta in deltas(stream, choice):
        index = delta["index"].integer()
        function = delta.get("function")
        call = calls.setdefault(index, Call("", "", "", 0))
        call.id += delta.get("id").text_or_null() or ""
        call.name += function.get("name").text_or_null() or ""
        piece = function.get("arguments").text_or_null() or ""
        call.arguments += piece
        call.fragments += bool(piece)
    if list(calls) != list(range(len(calls))) or not calls:
        raise Failed(f"the indexes of the calls are {list(calls)}, in the order of their coming, instead of 0, 1, ...")
    return _distinct(list(calls.values()))


def _distinct(calls: Sequence[Call]) -> list[Call]:
    ids = [call.id for call in calls]
    if not all(ids) or len(set(ids)) < len(ids):
        raise Failed(f"the ids of the calls are {ids}: empty, or not unique")
    return list(calls)


def named(calls: Sequence[Call], *names: str) -> None:
    """Each call is of one of `names`, with valid arguments."""
    for call in calls:
        if call.name not in names:
            raise Failed(f"a call of {call.name!r}, allowed were {list(names)}")
        valid(call.arguments, SCHEMAS[call.name], f"arguments of {call.name}")
