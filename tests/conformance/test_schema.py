"""The suite's own reading of JSON Schema: what is valid passes, what is not is named, what it does not know raises."""

import pytest

from conformance.found import Json
from conformance.schema import errors

Schema = dict[str, Json]
TREE: Schema = {
    "$defs": {
        "node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}
    },
    "$ref": "#/$defs/node",
}

#: a schema, values that are valid against it, values that are not
TABLE: list[tuple[Schema, list[Json], list[Json]]] = [
    ({"type": "integer"}, [0, -1, 2.0], [1.5, "1", True, None]),
    ({"type": "number"}, [0, 1.5], [True, "1"]),
    ({"type": "boolean"}, [True], [1, 0]),
    ({"type": "null"}, [None], [0, "", False]),
    ({"type": ["string", "null"]}, ["", None], [0, []]),
    ({"enum": ["a", 1]}, ["a", 1], ["b", True]),
    ({"const": "lamp"}, ["lamp"], ["Lamp", None]),
    ({"minimum": 3, "maximum": 5}, [3, 5, "2"], [2, 6, 5.1]),
    ({"minLength": 1, "maxLength": 2}, ["a", "ab", 7], ["", "abc"]),
    ({"pattern": "^a"}, ["ab"], ["ba"]),
    ({"items": {"type": "string"}, "minItems": 1, "maxItems": 2}, [["a"], "x"], [[], ["a", 1], ["a", "b", "c"]]),
    ({"type": "object", "required": ["a"]}, [{"a": 1}], [{}, {"b": 1}, []]),
    ({"properties": {"a": {"type": "null"}}, "additionalProperties": False}, [{}, {"a": None}], [{"a": 1}, {"b": 1}]),
    ({"anyOf": [{"type": "null"}, {"type": "string"}]}, [None, "a"], [1, {}]),
    (TREE, [{}, {"next": None}, {"next": {"next": {}}}], [[], {"next": 1}, {"next": {"next": 7}}]),
    ({"title": "T", "description": "D"}, [None, 1], []),
]


@pytest.mark.parametrize(("schema", "right", "wrong"), TABLE, ids=[str(schema)[:50] for schema, _, _ in TABLE])
def test_values(schema: Schema, right: list[Json], wrong: list[Json]) -> None:
    for value in right:
        assert list(errors(value, schema)) == []
    for value in wrong:
        assert list(errors(value, schema)) != [], value


def test_the_place_is_named() -> None:
    schema: Schema = {"properties": {"a": {"items": {"type": "string"}}}}
    assert list(errors({"a": ["x", 1]}, schema)) == ["$.a[1] is 1, not of type string"]


def test_what_is_not_implemented_is_not_ignored() -> None:
    with pytest.raises(ValueError, match="must not use 'not'"):
        list(errors(1, {"not": {}}))
