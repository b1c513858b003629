# A schema is a stranger's program: whatever it asks for, an answer comes soon; and a large honest one is served.
from __future__ import annotations

import json
import time
from typing import Any

import jsonschema
import pytest

from providers.instances import Unsatisfiable, instance


def chain(length: int, **leaf: Any) -> Any:
    defs: dict[str, Any] = {
        f"d{i}": {"type": "object", "properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}}, "required": ["a"]}
        for i in range(length)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**defs, f"d{length}": leaf}}


def nested(depth: int) -> Any:
    schema: Any = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


TOO_MUCH: dict[str, Any] = {
    "items": {"type": "array", "minItems": 10**9},
    "letters": {"type": "string", "minLength": 10**9},
    "properties": {"type": "object", "minProperties": 10**9},
    "size": {"type": "array", "items": {"const": "x" * 1000}, "minItems": 2000},
    "a diamond": {
        "$ref": "#/$defs/d0",
        "$defs": {
            "d40": True,
            **{
                f"d{i}": {"type": "array", "prefixItems": [{"$ref": f"#/$defs/d{i + 1}"}] * 2, "minItems": 2}
                for i in range(40)
            },
        },
    },
    "deep instances": chain(1000),
    "deep references": {"$ref": "#/$defs/d0", "$defs": {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(5000)}},
    "deep schemas": nested(50_000),
    "choices": {
        "type": "integer",
        "allOf": [{"oneOf": [{"minimum": i}, {"maximum": -i}, {"multipleOf": i}]} for i in range(1, 25)],
        "not": {"type": "number"},
    },
    "backtracking": {"enum": ["a" * n + "!" for n in range(2000)], "pattern": "^(a+)+$"},
    "lookaheads": {
        "pattern": "^" + "".join(f"(?=.*{c})" for c in "abcdefghijklmnopqrst"),
        "maxLength": 19,
        "type": "string",
    },
    "parentheses": {"pattern": "(" * 4000 + ")" * 4000},
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_given_up_soon(name: str) -> None:
    start = time.process_time()
    with pytest.raises(Unsatisfiable):
        instance(TOO_MUCH[name])
    assert time.process_time() - start < 10


NAMES = [f"property{i}" for i in range(17_000)]
LARGE = {
    "required": {"type": "object", "properties": {name: {"type": "string"} for name in NAMES}, "required": NAMES},
    "optional": {"type": "object", "properties": {name: {"type": "number", "minimum": 1} for name in NAMES}},
    "enum": {"enum": [f"value {name}" for name in NAMES * 2], "type": "string"},
    "oneOf": {
        "oneOf": [{"type": "object", "properties": {"k": {"const": n}}, "required": ["k"]} for n in NAMES[:12_000]]
    },
    "not oneOf": {"not": {"oneOf": [{"type": "object", "required": [name], "minProperties": 3} for name in NAMES]}},
    "description": {"type": "object", "description": "x" * 1_000_000},
    "definitions": {"$ref": "#/$defs/property16999", "$defs": {name: {"enum": ["x" * 40]} for name in NAMES}},
}


@pytest.mark.parametrize("name", LARGE)
def test_a_megabyte_of_schema(name: str) -> None:
    assert len(json.dumps(LARGE[name])) > 700_000
    jsonschema.Draft202012Validator(LARGE[name]).validate(instance(LARGE[name]))
