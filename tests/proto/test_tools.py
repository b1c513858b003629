# Tools for a model that has none: what the provider is asked instead, and its answer read back at every split.
from __future__ import annotations

import itertools
import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import ProviderEvent, ToolCall
from g4f_proto._tools import ToolReader

from .made import ABLE, CONSTRAINED, MESSAGES, answer, ask, chat

NAME = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def read(*pieces: str) -> list[Any]:
    """What a reader says, neighbours joined: texts, and calls as (id, name, arguments)."""
    reader = ToolReader("1")
    out: list[Any] = []
    for piece in pieces:
        for event in reader.push(piece):
            if isinstance(event, ToolCall):
                assert event.index == 0
                if event.name is not None:
                    assert event.arguments == ""
                    out.append([event.id, event.name, ""])
                else:
                    assert event.id is None
                    assert event.arguments
                    out[-1][2] += event.arguments
            else:
                assert isinstance(event, str)
                assert event
                out.append(out.pop() + event if out and isinstance(out[-1], str) else event)
    return out


def splits(text: str) -> list[list[str]]:
    """Letter by letter, every two pieces, every three of a short one, and pieces of one length."""
    found = [list(text)] + [[text[i : i + n] for i in range(0, len(text), n)] for n in (2, 3, 5, 7)]
    found += [[text[:a], text[a:]] for a in range(len(text) + 1)]
    if len(text) < 45:
        found += [[text[:a], text[a:b], text[b:]] for a, b in itertools.combinations(range(len(text) + 1), 2)]
    return found


CALL = ["call_1", "get_weather"]
READ: list[tuple[str, list[Any]]] = [
    ('{"name": "get_weather", "arguments": {"a": 1}}', [[*CALL, '{"a": 1}']]),
    ('{"name":"get_weather","arguments":{}}', [[*CALL, "{}"]]),
    (' \n\t{ "name" :\r\n"get_weather" , "arguments" : \n {"a": [ ]} \n } \n', [[*CALL, '{"a": [ ]}']]),
    ('{"name":"get_weather","arguments":{"a":"}]\\"{","b":{"c":[{}]}}}', [[*CALL, '{"a":"}]\\"{","b":{"c":[{}]}}']]),
    ('{"name":"get_weather","arguments":{"a":"\\\\"}}', [[*CALL, '{"a":"\\\\"}']]),
    ('{"name":"get_weather","arguments":12 }', [[*CALL, "12"]]),
    ('{"name":"get_weather","arguments":" x " }', [[*CALL, '" x "']]),
    ('{"name":"get_weather","arguments":null}more', [[*CALL, "null"]]),
    ('{"name":"get\\u005fweather","arguments":[]}', [[*CALL, "[]"]]),
    ('{"answer": "hello world"}', ["hello world"]),
    ('{"answer":""}', []),
    (' { "answer" : "  two  spaces " } ', ["  two  spaces "]),
    ('{"answer":"a\\n\\t\\"b\\"\\\\ \\/ c"}', ['a\n\t"b"\\ / c']),
    ('{"answer":"C:\\\\users\\\\u12"}', ["C:\\users\\u12"]),
    ('{"answer":"\\\\\\\\u00e9 \\u00e9\\u0001"}', ["\\\\u00e9 é\x01"]),
    ('{"answer":"\\ud83d\\ude00!"}', ["😀!"]),
    ('{"answer":"\\uD83D\\uDE00\\uD83D\\uDE00"}', ["😀😀"]),
    ('{"answer":"\\ud83d"}', ["\ud83d"]),
    ('{"answer":"\\ud83d!"}', ["\ud83d!"]),
    ('{"answer":"\\ud83d\\n"}', ["\ud83d\n"]),
    ('{"answer":"\\ud83d\\u0041"}', ["\ud83dA"]),
    ('{"answer":"\\ude00\\ud83d"}', ["\ude00\ud83d"]),
    ('{"answer":"\\ud83d\\ud83d\\ude00"}', ["\ud83d😀"]),
    ('{"answer":"raw\nline"}', ["raw\nline"]),
    ('{"answer":"\\x \\u12 \\ud83d\\udcZ"}', ["\\x \\u12 \ud83d\\udcZ"]),
    ('{"answer":"done"} and {"answer":"more"}', ["done"]),
    ('{"answer": {"a": [1, "}"]} }', ['{"a": [1, "}"]}']),
    ('{"answer":[1]}', ["[1]"]),
    ('{"answer":true}', ["true"]),
    ("Hello {world}", ["Hello {world}"]),
    (" \n Hello", [" \n Hello"]),
    ('{"city": "x"}', ['{"city": "x"}']),
    ('{"arguments": {}, "name": "f"}', ['{"arguments": {}, "name": "f"}']),
    ('{"name": 5}', ['{"name": 5}']),
    ('["answer"]', ['["answer"]']),
    ("   ", []),
    ('{"na', []),
    ('{"name":"get_weather","arguments":', [[*CALL, ""]]),
    ('{"name":"get_weather","arguments":{"a', [[*CALL, '{"a']]),
    ('{"answer":"cut\\u00', ["cut"]),
]


@pytest.mark.parametrize(("text", "expected"), READ, ids=lambda value: str(value)[:40])
def test_at_every_split(text: str, expected: list[Any]) -> None:
    assert read(text) == expected
    for pieces in splits(text):
        assert read(*pieces) == expected, pieces


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
PLACES = st.lists(st.integers(0, 400), max_size=8)
INDENTS = st.sampled_from([None, 0, 2])


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@given(JSON, PLACES, INDENTS, st.booleans())
def test_any_arguments(arguments: object, places: list[int], indent: int | None, ascii_only: bool) -> None:
    text = json.dumps({"name": "f", "arguments": arguments}, indent=indent, ensure_ascii=ascii_only)
    ((_, name, found),) = read(*cut(text, places))
    assert name == "f"
    assert json.loads(found) == json.loads(json.dumps(arguments))
    assert found == found.strip()
    assert read(*text) == read(text) == [["call_1", "f", found]]


@given(st.text(st.characters() | st.sampled_from('\\"u/\ud83d\ude00\n'), max_size=20), PLACES, st.booleans())
def test_any_words(words: str, places: list[int], ascii_only: bool) -> None:
    text = json.dumps({"answer": words}, ensure_ascii=ascii_only)
    expected = json.loads(text)["answer"]
    for pieces in (cut(text, places), [text], list(text)):
        assert "".join(read(*pieces)) == expected


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), PLACES)
def test_any_object_as_the_answer(answer: dict[str, object], places: list[int]) -> None:
    text = json.dumps({"answer": answer})
    assert json.loads("".join(read(*cut(text, places)))) == json.loads(json.dumps(answer))


@given(st.text(st.sampled_from('{}":,\\ anmeswrgut019d8[]'), max_size=40), PLACES)
def test_no_text_breaks_it_and_no_split_changes_it(text: str, places: list[int]) -> None:
    """White space apart, where there should be one JSON value and there is more: between values it says nothing."""
    for prefix in ("", '{"answer":"', '{"answer":', '{"name":"f","arguments":'):
        found = [read(*pieces) for pieces in ([prefix + text], cut(prefix + text, places), list(prefix + text))]
        if prefix.endswith(":"):
            found = [["".join(str(one).split()) for one in said] for said in found]
        assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    "begun", ["", "{", '{"name":"', '{"name":"f","arguments":', '{"answer":"', '{"answer":"\\ud83d']
)
@pytest.mark.parametrize("piece", [" ", "x", "\\", "\\u", '\\"', "\\ud83d", "{"])
def test_what_is_held_does_not_grow(begun: str, piece: str) -> None:
    """Every piece is looked at once: what waits for its end is never longer than two escapes, or than a name."""
    reader = ToolReader("1")
    reader.push(begun)
    for _ in range(2000):
        reader.push(piece)
        assert len(reader._held) <= 12
        assert len(reader._head) <= 260


# The request, rewritten.


def rewritten(*, api: Any = CONSTRAINED, **fields: Any) -> dict[str, Any]:
    exchange, out = ask(chat(**fields), api=api)
    assert exchange.call is not None, out
    return dict(exchange.call.body)


def forced(parameters: object, **fields: Any) -> dict[str, Any]:
    """The schema that the provider is held to when it may call `f` with these parameters."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    schema = rewritten(tools=tools, **fields)["response_format"]["json_schema"]["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    found: dict[str, Any] = schema
    return found


def accepts(schema: dict[str, Any], instance: object) -> bool:
    found: bool = jsonschema.Draft202012Validator(schema).is_valid(instance)
    return found


TREE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "required": ["value"],
    "additionalProperties": False,
}
POINT = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"], "additionalProperties": False}
NODE = {
    "type": "object",
    "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["kids"],
}
SCHEMAS: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    ({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, [{"a": 1}], [{}, {"a": "1"}, 5]),
    (TREE, [{"value": 1}, {"value": 1, "next": {"value": 2, "next": None}}], [{"value": 1, "next": {"value": "2"}}]),
    (
        {"type": "object", "properties": {"p": {"$ref": "#/$defs/point"}}, "$defs": {"point": POINT}},
        [{"p": {"x": 1}}, {}],
        [{"p": {}}, {"p": {"x": "1"}}],
    ),
    (
        {"type": "object", "properties": {"p": {"$ref": "#/definitions/point"}}, "definitions": {"point": POINT}},
        [{"p": {"x": 1}}],
        [{"p": {}}],
    ),
    (
        {"properties": {"a": {"$ref": "#/$defs/s"}, "b": {"$ref": "#/definitions/s"}},
         "$defs": {"s": {"type": "string"}},
         "definitions": {"s": {"type": "integer"}}},
        [{"a": "x", "b": 1}],
        [{"a": 1}, {"b": "x"}],
    ),
    ({"$ref": "#/$defs/node", "$defs": {"node": NODE}}, [{"kids": [{"kids": []}]}], [{"kids": [{}]}, {}]),
    (
        {"properties": {"a": {"type": "integer"}, "b": {"$ref": "#/properties/a"}}},
        [{"a": 1, "b": 2}],
        [{"a": 1, "b": "2"}],
    ),
    (
        {"properties": {"a": {"$defs": {"inner": {"type": "integer"}}, "$ref": "#/properties/a/$defs/inner"}}},
        [{"a": 1}],
        [{"a": "1"}],
    ),
    (  # names that are no keywords here
        {"type": "object", "required": ["definitions", "$ref"], "additionalProperties": False,
         "properties": {"definitions": {"type": "array"}, "$defs": {"type": "object"}, "$ref": {"type": "string"},
                        "$id": {"type": "integer"}}},
        [{"definitions": [], "$ref": "#/x"}, {"definitions": [], "$ref": "y", "$defs": {}, "$id": 1}],
        [{"definitions": {}, "$ref": "#"}, {"$ref": "#"}, {"definitions": [], "$ref": 5}],
    ),
    ({"const": {"$ref": "#/$defs/x", "$id": "i"}}, [{"$ref": "#/$defs/x", "$id": "i"}], [{}, {"$ref": "#"}]),
    ({"enum": [{"$ref": "#"}, {"definitions": {}}]}, [{"$ref": "#"}, {"definitions": {}}], [{}]),
    ({**TREE, "$id": "https://example.com/tree", "$schema": "https://json-schema.org/draft/2020-12/schema"},
     [{"value": 1, "next": {"value": 2}}], [{"next": None}]),
    ({"$defs": {"a/b~c": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/a~1b~0c"}}},
     [{"a": 1}], [{"a": ""}]),
    ({"properties": {"a": {"$ref": "#word"}}, "$defs": {"w": {"$anchor": "word", "type": "string"}}},
     [{"a": "x"}], [{"a": 1}]),
    ({}, [{}, {"a": 1}], []),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "good", "bad"), SCHEMAS, ids=lambda value: str(value)[:40])
def test_the_forced_schema_accepts_exactly_the_calls(parameters: Any, good: list[Any], bad: list[Any]) -> None:
    for choice in ("auto", "required"):
        schema = forced(parameters, tool_choice=choice)
        for arguments in good:
            assert accepts(parameters, arguments)
            assert accepts(schema, {"name": "f", "arguments": arguments})
        for arguments in bad:
            assert not accepts(parameters, arguments)
            assert not accepts(schema, {"name": "f", "arguments": arguments})
        call = {"name": "f", "arguments": good[0]}
        assert not accepts(schema, {**call, "name": "g"})
        assert not accepts(schema, {**call, "x": 1})
        assert not accepts(schema, {"name": "f"})
        assert not accepts(schema, good[0]) or good[0] == {"name": "f"}
        assert accepts(schema, {"answer": "words"}) is (choice == "auto")
        assert not accepts(schema, {"answer": 5})


def test_two_functions_with_definitions_of_one_name() -> None:
    def function(name: str, kind: str) -> dict[str, object]:
        parameters = {"properties": {"a": {"$ref": "#/$defs/it"}}, "$defs": {"it": {"type": kind}}}
        return {"type": "function", "function": {"name": name, "parameters": parameters}}

    body = rewritten(tools=[function("f", "string"), function("g", "integer")])
    schema = body["response_format"]["json_schema"]["schema"]
    assert accepts(schema, {"name": "f", "arguments": {"a": "x"}})
    assert accepts(schema, {"name": "g", "arguments": {"a": 1}})
    assert not accepts(schema, {"name": "f", "arguments": {"a": 1}})
    assert not accepts(schema, {"name": "g", "arguments": {"a": "x"}})


def test_a_schema_for_the_words_too() -> None:
    told = {"type": "json_schema", "json_schema": {"name": "n", "schema": TREE}}
    schema = forced({"type": "object"}, response_format=told)
    assert accepts(schema, {"answer": {"value": 1, "next": {"value": 2}}})
    assert not accepts(schema, {"answer": {"value": 1, "next": {}}})
    assert not accepts(schema, {"answer": "words"})
    schema = forced({"type": "object"}, response_format={"type": "json_object"})
    assert accepts(schema, {"answer": {"any": 1}})
    assert not accepts(schema, {"answer": "words"}), "json_object is not forgotten when tools are offered"


def test_the_rest_of_the_body_stays() -> None:
    body = rewritten(tools=[NAME], tool_choice="auto", parallel_tool_calls=False, store=True, x=[1])
    assert set(body) == {"model", "messages", "store", "x", "response_format"}
    assert body["messages"][1:] == MESSAGES
    assert body["messages"][0]["role"] == "system"
    assert '"f"' in json.dumps(body["response_format"])
    assert "- f: no description." in body["messages"][0]["content"]


def test_who_may_call_nothing_is_asked_for_nothing() -> None:
    body = rewritten(tools=[NAME], tool_choice="none")
    assert body == {"model": "echo", "messages": MESSAGES}


def test_only_what_may_be_called_is_told() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
    body = rewritten(tools=tools, tool_choice={"type": "function", "function": {"name": "g"}})
    schema = body["response_format"]["json_schema"]["schema"]
    assert accepts(schema, {"name": "g", "arguments": {}})
    assert not accepts(schema, {"name": "f", "arguments": {}})
    assert not accepts(schema, {"answer": "words"})
    assert "- f" not in body["messages"][0]["content"]


def entry(id: str, name: str, arguments: str) -> dict[str, object]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


HISTORY = [
    *MESSAGES,
    {"role": "assistant", "content": "I look.", "tool_calls": [entry("c1", "f", '{"a": 1}'), entry("c2", "g", "{}")]},
    {"role": "tool", "tool_call_id": "c1", "content": "42"},
    {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "43"}]},
    {"role": "tool", "tool_call_id": "c9", "content": "44"},
    {"role": "assistant", "content": None, "function_call": {"name": "h", "arguments": "[]"}},
    {"role": "function", "name": "h", "content": "45"},
    {"role": "assistant", "content": [{"type": "text", "text": "done"}]},
]
RETOLD = [
    *MESSAGES,
    {"role": "assistant", "content": 'I look.\nI call f with {"a": 1}.\nI call g with {}.'},
    {"role": "user", "content": "f returned: 42"},
    {"role": "user", "content": "g returned: 43"},
    {"role": "user", "content": "The tool returned: 44"},
    {"role": "assistant", "content": "I call h with []."},
    {"role": "user", "content": "h returned: 45"},
    {"role": "assistant", "content": [{"type": "text", "text": "done"}]},
]


def test_the_history_is_told_in_words() -> None:
    assert rewritten(messages=HISTORY, tools=[NAME])["messages"][1:] == RETOLD
    assert rewritten(messages=HISTORY, tools=[NAME], tool_choice="none")["messages"] == RETOLD


def test_a_history_of_calls_is_retold_without_tools_too() -> None:
    """The last turn of many agents offers no tools any more; a model that has none would not know the roles."""
    assert rewritten(messages=HISTORY) == {"model": "echo", "messages": RETOLD}


def test_who_has_tools_gets_the_request_as_it_is() -> None:
    fields = {"messages": HISTORY, "tools": [NAME], "tool_choice": "required"}
    assert rewritten(api=ABLE, **fields) == {"model": "echo", **fields}


def test_events_of_one_push() -> None:
    events: list[ProviderEvent] = [*ToolReader("x").push('{"name":"f","arguments":{}}')]
    assert events == [ToolCall(index=0, id="call_x", name="f"), ToolCall(index=0, arguments="{}")]


def test_when_the_tools_have_answered_they_may_be_called_again() -> None:
    body = rewritten(messages=HISTORY[:4], tools=[NAME])
    assert [turn["content"] for turn in body["messages"][-2:]] == [
        "f returned: 42", "g returned: 43\nNow answer my question in a sentence.",
    ]  # fmt: skip
    schema = body["response_format"]["json_schema"]["schema"]
    assert accepts(schema, {"name": "f", "arguments": {}})
    assert accepts(schema, {"answer": "it is 42"})
    must = rewritten(messages=HISTORY[:4], tools=[NAME], tool_choice="required")
    assert must["messages"][-1]["content"] == "g returned: 43"
    exchange, _ = ask(chat(messages=HISTORY[:4], tools=[NAME]), api=CONSTRAINED)
    (choice,) = json.loads(answer(exchange, '{"name": "f", "arguments": {}}'))["choices"]
    assert choice["finish_reason"] == "tool_calls"


def test_who_repeats_a_call_is_asked_for_words() -> None:
    """A model that was not trained for tools would go on for ever; of a required call there is no way out."""
    result = {"role": "tool", "tool_call_id": "c1", "content": "42"}
    called = {"role": "assistant", "tool_calls": [entry("c1", "f", "{}")]}
    other = {"role": "assistant", "tool_calls": [entry("c1", "f", '{"a": 1}')]}
    old = {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}
    for turns, words in (
        ([*MESSAGES, called, result, called, result], True),
        ([*MESSAGES, called, result, old, result], True),
        ([*MESSAGES, called, result, other, result, called, result], True),
        ([*MESSAGES, called, result, other, result], False),
        ([*MESSAGES, called, result, *MESSAGES, called, result], False),
    ):
        assert ("response_format" not in rewritten(messages=turns, tools=[NAME])) is words
        assert "response_format" in rewritten(messages=turns, tools=[NAME], tool_choice="required")
    exchange, _ = ask(chat(messages=[*MESSAGES, called, result, called, result], tools=[NAME]), api=CONSTRAINED)
    assert json.loads(answer(exchange, '{"answer": "as it is"}'))["choices"][0]["message"]["content"] == (
        '{"answer": "as it is"}'
    )
