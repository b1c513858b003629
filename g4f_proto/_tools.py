# Tools for a model that has none: told in the prompt, forced by a JSON Schema, read back as they are written.
#
# A provider that can constrain its answer to a JSON Schema can call tools whatever its model was trained for: the
# answer is one object, `{"name": ..., "arguments": ...}` for a call or `{"answer": ...}` for words, and nothing else
# can be said. The request is rewritten as JSON, before any provider sees it; the answer is read incrementally, so
# that arguments stream as they are made.
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from ._events import Event, ToolCall
from ._schema.chat import ChatRequest, Message
from ._schema.tools import Function, JsonFormat, NamedFunction

__all__ = ("ToolReader", "forced", "offered", "rewrite")

Json = dict[str, JsonValue]
_FIELDS: Final = ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call")
_RESULTS: Final = frozenset({"tool", "function"})
#: Said behind what a tool returned: a model that was not trained for tools would rather call it again.
_GO_ON: Final = "Now answer my question in a sentence."
#: Keywords of a JSON Schema whose members are names and not keywords, and those whose values are data.
_NAMES: Final = frozenset({
    "properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions",
})  # fmt: skip
_DATA: Final = frozenset({"const", "enum", "default", "examples"})


def offered(request: ChatRequest) -> tuple[Sequence[Function], bool]:
    """The functions the model may call, and whether it must call one."""
    functions = [tool.function for tool in request.tools or ()] or list(request.functions or ())
    choice = request.tool_choice if request.tools else request.function_call
    if choice == "none":
        return [], False
    if isinstance(choice, NamedFunction):
        return [function for function in functions if function.name == choice.name], True
    if choice is None or isinstance(choice, str):
        return functions, choice == "required"
    if choice.type == "function":
        return [function for function in functions if function.name == choice.function.name], True
    allowed = {tool.function.name for tool in choice.allowed_tools.tools}
    return [function for function in functions if function.name in allowed], choice.allowed_tools.mode == "required"


def forced(request: ChatRequest) -> tuple[Sequence[Function], bool]:
    """The functions that a model without tools is made to choose from, and whether it must call one.

    None when it has repeated a call and need not call: it would for ever, and says what the result is when it is let.
    """
    functions, must = offered(request)
    if not must:
        made: set[tuple[str, str]] = set()
        for message in reversed(request.messages):
            if message.role == "user":
                break
            called = [call.function for call in message.tool_calls or ()]
            for call in [*called, message.function_call] if message.function_call else called:
                if (call.name, call.arguments) in made:
                    return [], False
                made.add((call.name, call.arguments))
    return functions, must


def rewrite(request: ChatRequest, body: Mapping[str, JsonValue]) -> Json:
    """`body` without tools, for a provider that honours ``response_format``."""
    rest: Json = {name: value for name, value in body.items() if name not in _FIELDS}
    names = {call.id: call.function.name for message in request.messages for call in message.tool_calls or ()}
    given = body["messages"]
    assert isinstance(given, list)  # it was validated
    messages: list[JsonValue] = [
        _message(message, raw, names) for message, raw in zip(request.messages, given, strict=True)
    ]
    functions, must = forced(request)
    if functions:
        messages.insert(0, {"role": "system", "content": _prompt(functions, must)})
        schema = _schema(functions, must, _answer(request))
        rest["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        told = messages[-1]
        if not must and request.messages[-1].role in _RESULTS and isinstance(told, dict):
            messages[-1] = {**told, "content": f"{told['content']}\n{_GO_ON}"}
    rest["messages"] = messages
    return rest


def _message(message: Message, raw: JsonValue, names: Mapping[str, str]) -> JsonValue:
    called = [call.function for call in message.tool_calls or ()]
    if message.function_call is not None:
        called.append(message.function_call)
    if called:
        # In words: what looks like the answer that is forced is repeated when none is.
        calls = [f"I call {call.name} with {call.arguments}." for call in called]
        return {"role": "assistant", "content": "\n".join([message.text, *calls] if message.text else calls)}
    if message.role in _RESULTS:
        name = message.name or names.get(message.tool_call_id or "", "The tool")
        return {"role": "user", "content": f"{name} returned: {message.text}"}
    return raw


def _answer(request: ChatRequest) -> JsonValue:
    """What an answer in words shall be valid against; None: any text."""
    return {"type": "object"} if isinstance(request.response_format, JsonFormat) else request.schema_asked


def _prompt(functions: Sequence[Function], must: bool) -> str:
    lines = []
    for function in functions:
        arguments = json.dumps(function.parameters or {})
        lines.append(f"- {function.name}: {function.description or 'no description'}. Arguments: {arguments}")
    otherwise = "" if must else ' If none of them helps, answer with {"answer": "..."}.'
    return (
        "You can call these functions:\n"
        + "\n".join(lines)
        + '\nTo call one, answer with {"name": "...", "arguments": {...}}.'
        + otherwise
    )


def _schema(functions: Sequence[Function], must: bool, answer: JsonValue) -> Json:
    definitions: Json = {}
    branches: list[JsonValue] = []
    for position, function in enumerate(functions):
        arguments = _hoist(function.parameters or {"type": "object", "properties": {}}, f"f{position}", definitions)
        branches.append(_object({"name": {"const": function.name}, "arguments": arguments}))
    if not must:
        words: JsonValue = {"type": "string"} if answer is None else _hoist(answer, "answer", definitions)
        branches.append(_object({"answer": words}))
    return {"anyOf": branches, **({"$defs": definitions} if definitions else {})}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _hoist(schema: JsonValue, name: str, definitions: Json) -> JsonValue:
    """`schema` as a part of a larger one: when it refers to itself it moves to a definition, and its references too."""
    root = f"#/$defs/{name}"
    refers = False

    def move(part: JsonValue, named: bool = False) -> JsonValue:
        nonlocal refers
        if isinstance(part, list):
            return [move(inner) for inner in part]
        if not isinstance(part, dict):
            return part
        if named:
            return {key: move(value) for key, value in part.items()}
        moved: Json = {}
        for key, value in part.items():
            if key in ("$id", "$schema"):
                continue  # they would make it a document of its own, with references of its own
            if key == "$ref" and isinstance(value, str) and (value == "#" or value.startswith("#/")):
                moved[key] = root + value[1:]
                refers = True
            else:
                moved[key] = value if key in _DATA else move(value, key in _NAMES)
        return moved

    moved = move(schema)
    if not refers:
        return moved
    definitions[name] = moved
    return {"$ref": root}


class ToolReader:
    """The forced answer, read as it is written: text in, tool calls or words out.

    A provider that was not held to the schema after all is taken at its word: what cannot be such an object is text.

    :param id: what the call's id is made of, unique to the request.
    """

    # The object's beginning without its white space; the longest name is 64 letters.
    _CALL: Final = re.compile(r'\{"name":("(?:[^"\\]|\\.)*"),"arguments":')
    _ANSWER: Final = '{"answer":'
    _NAMED: Final = '{"name":"'
    _LONGEST: Final = 256
    # As much of a string as can be decoded: an escape that is not complete waits, and so does half a surrogate pair
    # until it is known whether the other half follows. What JSON does not allow stays as it is.
    _UNITS: Final = re.compile(
        r"""(?:[^"\\]+
        |\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2}
            |(?=[^\\]|\\[^u]|\\u(?:[^dD]|[dD](?:[^c-fC-F]|[c-fC-F][0-9a-fA-F]?[^0-9a-fA-F]))))
        |\\u(?![dD][89abAB])[0-9a-fA-F]{4}
        |\\u[0-9a-fA-F]{0,3}(?=[^0-9a-fA-F])
        |\\[^u])*""",
        re.VERBOSE,
    )
    _ESCAPE: Final = re.compile(
        r'\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt]'
    )

    def __init__(self, id: str) -> None:
        self._id = id
        self._mode = ""  # what is being read: nothing known, "call", "words", "value", "plain", or "over"
        self._raw: list[str] = []  # everything, as long as nothing is known
        self._head = ""  # the same without white space
        self._held = ""  # of words: an escape that is not complete
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def push(self, text: str) -> list[Event]:
        """What these characters add."""
        if text and '"' not in text and "\\" not in text:  # the inside of a string: most of what there is
            if self._mode == "words" and not self._held:
                return [text]
            if self._quoted and not self._escaped:
                return [ToolCall(index=0, arguments=text) if self._mode == "call" else text]
        out: list[Event] = []
        if not self._mode:
            text = self._begin(text, out)
        if self._mode in ("call", "value"):
            if piece := self._value(text):
                out.append(ToolCall(index=0, arguments=piece) if self._mode == "call" else piece)
            if self._depth < 0:
                self._mode = "over"
        elif self._mode == "words":
            if piece := self._words(text):
                out.append(piece)
        elif self._mode == "plain" and text:
            out.append(text)
        return out

    def _begin(self, text: str, out: list[Event]) -> str:
        """Read the beginning of the object; the text behind it."""
        self._raw.append(text)
        for position, character in enumerate(text):
            if character in " \t\r\n":
                continue
            if self._head == self._ANSWER:
                self._mode = "words" if character == '"' else "value"
                return text[position + (character == '"') :]
            self._head += character
            if character == ":" and (match := self._CALL.fullmatch(self._head)):
                self._mode = "call"
                out.append(ToolCall(index=0, id=f"call_{self._id}", name=self._decoded(match[1][1:-1])))
                return text[position + 1 :]
            expected = self._NAMED.startswith(self._head[: len(self._NAMED)]) or self._ANSWER.startswith(self._head)
            if not expected or len(self._head) > self._LONGEST:
                self._mode = "plain"
                return "".join(self._raw)
        return ""

    def _value(self, text: str) -> str:
        """The JSON text up to the end of the value: the brace that closes the object around it is not part of it."""
        outside = self._depth == 0 and not self._quoted
        for position, character in enumerate(text):
            if self._quoted:
                if self._escaped:
                    self._escaped = False
                elif character == "\\":
                    self._escaped = True
                elif character == '"':
                    self._quoted = False
            elif character == '"':
                self._quoted = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth < 0:
                    text = text[:position]
                    break
        # White space around the value is not part of it either.
        text = text.lstrip(" \t\r\n") if outside else text
        return text.rstrip(" \t\r\n") if self._depth <= 0 and not self._quoted else text

    def _words(self, text: str) -> str:
        text = self._held + text
        match = self._UNITS.match(text)
        assert match is not None  # the pattern matches the empty string
        self._held = text[match.end() :]
        if self._held.startswith('"'):
            self._mode, self._held = "over", ""
        return self._decoded(match[0])

    def _decoded(self, raw: str) -> str:
        return self._ESCAPE.sub(lambda match: str(json.loads(f'"{match[0]}"')), raw) if "\\" in raw else raw
