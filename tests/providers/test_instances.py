# Instances are valid for a judge that is not ours, plain, the same each time; and where there are none, that is said.
from __future__ import annotations

import copy
import json
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Literal
from uuid import UUID

import jsonschema
import openai
import pytest
from pydantic import AnyUrl, BaseModel, Field, TypeAdapter

from providers.instances import Unsatisfiable, instance
from providers.instances.formats import FORMATS


def judge(schema: Any) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def checked(schema: Any) -> Any:
    """The instance, when it is valid, came without changing the schema, and comes again."""
    before = copy.deepcopy(schema)
    result = instance(schema)
    assert schema == before
    assert json.dumps(instance(schema)) == json.dumps(result)
    judge(schema).validate(result)
    return result


# ---------------------------------------------------------------- what people send

MATH = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"explanation": {"type": "string"}, "output": {"type": "string"}},
                "required": ["explanation", "output"],
                "additionalProperties": False,
            },
        },
        "final_answer": {"type": "string"},
    },
    "required": ["steps", "final_answer"],
    "additionalProperties": False,
}
UI = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "description": "The type of the UI component", "enum": ["div", "button", "form"]},
        "label": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#"}},
        "attributes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                "required": ["name", "value"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["type", "label", "children", "attributes"],
    "additionalProperties": False,
}
LIST = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "number"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
            "additionalProperties": False,
        },
    },
}
WEATHER = {
    "type": "object",
    "properties": {
        "location": {"type": "string", "description": "City and country e.g. Bogota, Colombia"},
        "units": {"type": ["string", "null"], "enum": ["celsius", "fahrenheit", None]},
    },
    "required": ["location", "units"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (MATH, {"steps": [{"explanation": "string", "output": "string"}], "final_answer": "string"}),
        (UI, {"type": "div", "label": "string", "children": [], "attributes": [{"name": "string", "value": "string"}]}),
        (LIST, {"value": 0, "next": None}),
        (WEATHER, {"location": "string", "units": "celsius"}),
    ],
    ids=["math", "ui", "list", "weather"],
)
def test_the_examples_of_openais_documentation(schema: Any, expected: Any) -> None:
    assert checked(schema) == expected


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = []


class Address(BaseModel):
    street: str = Field(min_length=1, max_length=3)
    zip: str = Field(pattern=r"^\d{5}(-\d{4})?$")


class Person(BaseModel):
    name: str
    nick: str | None = None
    home: Address
    others: list[Address] = Field(min_length=2, max_length=3)
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    colors: set[Color] = Field(min_length=2)
    scores: dict[str, float] = Field(min_length=1)
    by_color: dict[Color, int] = Field(min_length=2)
    pair: tuple[int, str]
    rate: float = Field(gt=0, lt=1)
    price: Decimal = Field(ge=0, decimal_places=2)
    even: int = Field(multiple_of=2, gt=3)
    anything: Any


class Times(BaseModel):
    id: UUID
    at: datetime
    day: date
    hour: clock
    long: timedelta
    link: AnyUrl
    four: IPv4Address
    six: IPv6Address
    raw: bytes


class Tree(BaseModel):
    name: str
    left: Tree | None
    right: Tree | None = None
    leaves: list[Tree]
    named: dict[str, Tree] = {}


class Add(BaseModel):
    op: Literal["add"]
    terms: tuple[Expression, Expression]


class Number(BaseModel):
    op: Literal["number"]
    value: float


class Expression(BaseModel):
    root: Add | Number


@pytest.mark.parametrize("model", [Cat, Person, Times, Tree, Expression], ids=lambda model: model.__name__)
def test_what_pydantic_asks_for_it_can_read(model: type[BaseModel]) -> None:
    model.model_validate_json(json.dumps(checked(model.model_json_schema())))


@pytest.mark.parametrize("model", [Cat, Times, Tree, Expression], ids=lambda model: model.__name__)
def test_the_strict_tools_of_openai_python(model: type[BaseModel]) -> None:
    schema = openai.pydantic_function_tool(model)["function"]["parameters"]
    model.model_validate_json(json.dumps(checked(schema)))


def test_types_alone() -> None:
    for kind in (int, float, str, bool, None, list[int], dict[str, int], Color, int | None, Literal[3, "x"]):
        adapter = TypeAdapter[Any](kind)
        adapter.validate_python(checked(adapter.json_schema()))


# ---------------------------------------------------------------- keyword by keyword

PLAIN: list[tuple[Any, Any]] = [
    (True, {}),
    ({}, {}),
    ({"unknown": 1}, {}),
    ({"type": ["null", "string"]}, "string"),
    ({"type": "boolean"}, True),
    ({"properties": {"a": {"type": "null"}}}, {"a": None}),
    ({"items": {"type": "null"}}, [None]),
    ({"maxLength": 3}, "str"),
    ({"minLength": 8}, "stringgg"),
    ({"minimum": 3}, 3),
    ({"enum": ["b", "a"], "not": {"const": "b"}}, "a"),
    ({"enum": [1, "1"], "type": "string"}, "1"),
    ({"const": {"a": [None]}}, {"a": [None]}),
    ({"type": "string", "examples": [3, "Ada"], "default": "no"}, "Ada"),
    ({"type": "integer", "maximum": -3}, -3),
    ({"type": "integer", "exclusiveMinimum": 2.5, "multipleOf": 4}, 4),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
    ({"type": "number", "minimum": 0.25, "multipleOf": 0.1}, 0.4),  # 0.3 / 0.1 is not 3 for those who divide floats
    ({"type": "number", "minimum": 0.5, "allOf": [{"multipleOf": 0.2}, {"multipleOf": 0.3}]}, 1.8),
    ({"type": "number", "minimum": 1e300}, 1e300),
    ({"type": "number", "not": {"type": "integer"}}, 0.5),
    ({"type": "array", "minItems": 2, "items": {"type": "boolean"}, "uniqueItems": True}, [True, False]),
    ({"prefixItems": [{"const": 1}, {"enum": [1, 2]}], "uniqueItems": True, "items": False}, [1, 2]),
    ({"prefixItems": [{"enum": [1, 2]}, {"const": 1}], "uniqueItems": True, "minItems": 2}, [2, 1]),
    ({"items": {"type": "integer"}, "contains": {"const": 3}, "minContains": 2, "minItems": 3}, [3, 3, 0]),
    ({"items": {"enum": [1, 2]}, "contains": {"const": 1}, "maxContains": 1, "minItems": 3}, [1, 2, 2]),
    ({"type": "object", "required": ["a"], "additionalProperties": {"type": "null"}}, {"a": None}),
    ({"patternProperties": {"^x": {"const": 1}}, "additionalProperties": False, "minProperties": 1}, {"x": 1}),
    ({"type": "object", "minProperties": 1, "propertyNames": {"enum": ["k"]}}, {"k": {}}),
    ({"required": ["a"], "dependentRequired": {"a": ["b"], "b": ["c"]}}, {"a": {}, "b": {}, "c": {}}),
    ({"properties": {"a": {"const": 1}}, "dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1, "b": {}}),
    ({"properties": {"a": {"const": 1}, "b": {"const": 2}}, "maxProperties": 1}, {"a": 1}),
    ({"allOf": [{"properties": {"a": {"minimum": 2}}}, {"properties": {"a": {"multipleOf": 3}}}]}, {"a": 3}),
    ({"type": "integer", "oneOf": [{"minimum": 0}, {"maximum": 5}]}, 6),
    ({"type": "integer", "if": {"minimum": 0}, "then": {"minimum": 7}}, 7),
    ({"type": "object", "not": {"required": ["a"]}, "properties": {"a": {"const": 1}}}, {}),
    ({"$ref": "#/$defs/a~1b~0c%25", "$defs": {"a/b~c%": {"const": 1}}}, 1),
    ({"$ref": "#here", "definitions": {"x": {"$anchor": "here", "type": "null"}}}, None),
    ({"$id": "https://a.b/c", "$ref": "https://a.b/c#/$defs/x", "$defs": {"x": {"const": 2}}}, 2),
    ({"$ref": "#/$defs/x", "minimum": 5, "$defs": {"x": {"type": "integer"}}}, 5),
    ({"type": "integer", "minimum": 1e300}, int(1e300)),
    ({"$ref": "#/$defs/~01", "$defs": {"~1": {"const": 1}, "/": {"const": 2}}}, 1),
]

#: What no small change of the plainest value breaks.
NEGATED: list[tuple[Any, Any]] = [
    ({"type": "integer", "not": {"maximum": 1000}}, 1001),
    ({"type": "integer", "not": {"minimum": -1000}}, -1001),
    ({"type": "integer", "not": {"exclusiveMaximum": 1000}}, 1000),
    ({"type": "integer", "not": {"exclusiveMinimum": -1000}}, -1000),
    ({"type": "integer", "not": {"anyOf": [{"maximum": 1000}, {"multipleOf": 2}]}}, 1001),
    ({"type": "integer", "not": {"allOf": [{"maximum": 1000}]}}, 1001),
    ({"type": "integer", "not": {"not": {"minimum": 1000}}}, 1000),
    ({"type": "integer", "not": {"$ref": "#/$defs/x"}, "$defs": {"x": {"maximum": 1000}}}, 1001),
    ({"type": "integer", "not": {"oneOf": [{"maximum": 1000}, {"minimum": 2000}]}}, 1001),
    ({"type": "integer", "not": {"oneOf": [{"maximum": 1000}, {"minimum": 900}]}}, 900),
    ({"type": "integer", "if": {"maximum": 1000}, "then": False}, 1001),
    ({"type": "integer", "not": {"if": {"minimum": -50}, "then": {"maximum": 1000}}}, 1001),
    ({"type": "integer", "oneOf": [{"maximum": 1000}, {"minimum": 0}, {"maximum": 500}]}, 1001),
    ({"type": "string", "not": {"maxLength": 8}, "pattern": "^[ab]*$"}, "a" * 9),
    ({"type": "string", "not": {"type": "string", "minLength": 0, "pattern": "^[a-z]*$"}}, "0"),
    ({"type": "array", "not": {"maxItems": 18}, "items": {"type": "null"}}, [None] * 19),
    ({"type": "array", "items": {"type": "integer"}, "not": {"items": {"maximum": 1000}}}, [1001]),
    ({"type": "array", "not": {"prefixItems": [True, {"maximum": 1000}]}}, [{}, 1001]),
    ({"type": "array", "minItems": 2, "not": {"contains": {"not": {"type": "null"}}}}, [None, None]),
    ({"type": "array", "items": {"enum": [1, 2]}, "maxItems": 3,
      "not": {"contains": {"const": 1}, "minContains": 0, "maxContains": 2}}, [1, 1, 1]),
    ({"type": "object", "properties": {"a": {"type": "integer"}}, "not": {"properties": {"a": {"maximum": 1000}}}},
     {"a": 1001}),
    ({"type": "object", "not": {"additionalProperties": {"maximum": 1000}}}, {"other": 1001}),
    ({"type": "object", "not": {"patternProperties": {"^o": True}, "additionalProperties": {"maximum": 1000}}},
     {"": 1001}),
    ({"type": "object", "not": {"patternProperties": {"^x": {"maximum": 1000}}}}, {"x": 1001}),
    ({"type": "object", "not": {"propertyNames": {"maxLength": 20}}}, {"string" + "g" * 15: {}}),
    ({"type": "object", "not": {"dependentRequired": {"a": ["b"]}}, "maxProperties": 1}, {"a": {}}),
    ({"type": "object", "not": {"dependentSchemas": {"a": {"required": ["b"]}}}, "maxProperties": 1}, {"a": {}}),
    ({"type": "object", "required": ["a"], "not": {"required": ["b"]}, "minProperties": 2}, {"a": {}, "property": {}}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "expected"), PLAIN + NEGATED, ids=lambda value: json.dumps(value)[:60])
def test_plain_values(schema: Any, expected: Any) -> None:
    assert checked(schema) == expected


@pytest.mark.parametrize("more", [{}, {"minLength": 30}, {"pattern": "1"}], ids=["sample", "long", "pattern"])
@pytest.mark.parametrize("form", sorted(FORMATS))
def test_formats(form: str, more: dict[str, Any]) -> None:
    schema = {"type": "array", "items": {"type": "string", "format": form, **more}, "minItems": 3, "uniqueItems": True}
    try:
        assert len(checked(schema)) == 3
    except Unsatisfiable:
        assert (more, form in SHORT) == ({"minLength": 30}, True)


#: Formats whose texts, as we write them, never get this long.
SHORT = {
    "date", "duration", "ipv4", "ipvanyaddress", "ipv4network", "ipv4interface", "ipv6network", "ipv6interface", "time",
}  # fmt: skip

PATTERNS = [
    (r"^\d{3}-\d{4}$", "000-0000"),
    (r"^(\([0-9]{3}\))?[0-9]{3}-[0-9]{4}$", "000-0000"),
    (r"foo|bar", "bar"),
    (r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", "0"),
    (r"^(?=.*[A-Z])(?=.*\d)[^\s]{4,}$", "aa0A"),
    (r"^@[a-zA-Z0-9_]+$", "@a"),
    (r"(^|,)x\/[\w.-]?", "x/"),
    (r"\u00e9[\x41-\x43]", "éA"),
    (r"^[^\x00-\x7f]$", "¡"),
    ("", "string"),
]


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS)
def test_patterns(pattern: str, expected: str) -> None:
    assert checked({"type": "string", "pattern": pattern}) == expected


def test_patterns_go_together_with_lengths_formats_and_names() -> None:
    both = {
        "type": "string",
        "pattern": "^[a-z]*$",
        "allOf": [{"pattern": "b.*c"}],
        "minLength": 5,
        "not": {"pattern": "a"},
    }
    assert checked(both) == "bbbbc"
    assert checked({"type": "string", "format": "email", "pattern": r"@x\.org$"}) == "a@x.org"
    assert checked({"propertyNames": {"pattern": "^x"}, "minProperties": 2}) == {"x": {}, "xa": {}}


# ---------------------------------------------------------------- what is impossible or refused

IMPOSSIBLE = [
    (False, "#: "),
    ({"type": "integer", "minimum": 5, "maximum": 1}, "#: no number satisfies maximum, minimum"),
    ({"type": "string", "minLength": 2, "pattern": "^.$"}, "#: no string satisfies minLength, pattern"),
    ({"type": "object", "properties": {"a": {"type": "object", "properties": {"b": False}, "required": ["b"]}},
      "required": ["a"]}, "#/properties/a/properties/b: nothing can satisfy this"),
    ({"type": "object", "properties": {"a": {"type": "null", "const": 1}}, "required": ["a"]}, "#/properties/a: "),
    ({"type": "object", "properties": {"a": {"allOf": [{"type": "null"}, {"type": "object"}]}}, "required": ["a"]},
     "#/properties/a/allOf/0: nothing can satisfy this together with the rest"),
    ({"enum": []}, "#: "),
    ({"type": "object", "not": {"patternProperties": {"": True}, "additionalProperties": False}}, "#/not"),
    ({"type": "integer", "minimum": 10**400}, "#: "),
    ({"enum": [1, 2], "type": "string"}, "#: none of the values"),
    ({"type": "array", "items": {"type": "boolean"}, "minItems": 3, "uniqueItems": True}, "#: there are no 3"),
    ({"type": "array", "items": {"const": 1}, "contains": {"const": 2}}, "#: no array"),
    ({"type": "object", "required": ["a", "b"], "maxProperties": 1}, "#: more properties are required"),
    ({"type": "object", "required": ["a"], "propertyNames": {"maxLength": 0}}, "#/propertyNames: it forbids 'a'"),
    ({"type": "object", "additionalProperties": False, "minProperties": 1}, "#: it cannot have 1 properties"),
    ({"not": {}}, "#/not: "),
    ({"oneOf": [{"type": "integer"}, {"type": "integer"}], "type": "integer"}, "#/oneOf/"),
    ({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]},
     "#/properties/next: the instance contains itself without an end"),
    ({"$ref": "#"}, "#: the schema refers to itself without an end"),
    ({"anyOf": [{"$ref": "#"}]}, "the schema refers to itself without an end"),
]  # fmt: skip
REFUSED = [
    ({"$ref": "https://example.com/schema"}, "#/$ref: 'https://example.com/schema' leads out of the document"),
    ({"$ref": "#/$defs/nowhere"}, "#/$ref: '#/$defs/nowhere' leads to no schema"),
    ({"$ref": "#nowhere"}, "leads to no schema"),
    ({"unevaluatedProperties": False}, "#: 'unevaluatedProperties' is not supported"),
    ({"$dynamicRef": "#a"}, "#: '$dynamicRef' is not supported"),
    ({"pattern": r"\bword"}, "#/pattern: the pattern '\\bword' cannot be read: '\\b' is not understood"),
    ({"pattern": "(?<=a)b"}, "the group '(?<=' is not understood"),
    ({"pattern": "(a"}, "missing ')'"),
    ({"pattern": "a)"}, "unmatched ')'"),
    ({"pattern": "a**"}, "nothing to repeat"),
    ({"pattern": "[b-a]"}, "a range is out of order"),
    ({"pattern": "a" * 10_001}, "longer than 10000 characters"),
    ({"type": "any"}, "#/type: this is not what the keyword takes"),
    ({"minimum": "1"}, "#/minimum: this is not what the keyword takes"),
    ({"properties": {"a": 5}, "required": ["a"]}, "#/properties/a: a schema must be an object, true or false"),
    ([], "#: a schema must be"),
]


@pytest.mark.parametrize(("schema", "message"), IMPOSSIBLE + REFUSED, ids=lambda value: json.dumps(value)[:60])
def test_it_is_said_where_and_why(schema: Any, message: str) -> None:
    with pytest.raises(Unsatisfiable) as error:
        instance(schema)
    assert message in str(error.value)


@pytest.mark.parametrize("width", [2, 5, 30])
def test_definitions_that_all_refer_to_all(width: int) -> None:
    every = [{"$ref": f"#/$defs/d{i}"} for i in range(width)]
    members = {f"p{i}": ref for i, ref in enumerate(every)}
    optional = {f"d{i}": {"type": "object", "properties": members} for i in range(width)}
    checked({"anyOf": every, "$defs": optional})
    choice = {"anyOf": [*every, {"type": "null"}]}
    required = {
        f"d{i}": {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]}
        for i in range(width)
    }
    assert checked({**choice, "$defs": required}) == {"a": None, "b": None}


def test_a_schema_of_schemas() -> None:
    checked(jsonschema.Draft7Validator.META_SCHEMA)
