# What a value must satisfy so that a schema does not hold: ways, each a schema again, any of which will do.
#
# The search asks only when values made without a thought for the `not` have matched it again and again; so a way may be
# stricter than the opposite of its keyword (break one rule, in one place), and keywords that a small change of a value
# breaks anyway (`const`, `enum`, `multipleOf`, `uniqueItems`) have none.
from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, islice
from typing import Final

from pydantic import JsonValue

from .document import Document
from .vocabulary import Part, Schema

__all__ = ("negations",)

_Way = dict[str, JsonValue]
_PAIRS: Final = 64  # of a oneOf's branches, tried for a value that matches both
_TYPES: Final = ("null", "boolean", "object", "array", "string", "number")


def negations(part: Part, document: Document) -> Iterator[_Way]:
    """Ways to break the schema; what they say of its sub-schemas says it of the very same objects."""
    if isinstance(part[0], bool):
        return
    schema = document.read(part)
    if "type" in schema:
        names = schema["type"]
        allowed = [*names, *(["number"] if "integer" in names else [])]
        yield {"type": [name for name in _TYPES if name not in allowed]}
        if "integer" in names and "number" not in names and len(schema) > 1:  # alone, a fraction breaks it anyway
            yield {"type": "number", "not": {"type": "integer"}}
    yield from _objects(schema, part[1], document)
    yield from _scalars(schema)
    yield from _arrays(schema)
    yield from _applicators(schema, part, document)


def _scalars(schema: Schema) -> Iterator[_Way]:
    if "minimum" in schema:
        yield {"type": "number", "exclusiveMaximum": schema["minimum"]}
    if "maximum" in schema:
        yield {"type": "number", "exclusiveMinimum": schema["maximum"]}
    if "exclusiveMinimum" in schema:
        yield {"type": "number", "maximum": schema["exclusiveMinimum"]}
    if "exclusiveMaximum" in schema:
        yield {"type": "number", "minimum": schema["exclusiveMaximum"]}
    yield from _sizes("string", "minLength", "maxLength", schema.get("minLength"), schema.get("maxLength"))
    if "pattern" in schema:
        yield {"type": "string", "not": {"pattern": schema["pattern"]}}


def _arrays(schema: Schema) -> Iterator[_Way]:
    yield from _sizes("array", "minItems", "maxItems", schema.get("minItems"), schema.get("maxItems"))
    items = schema.get("prefixItems", [])
    free: list[JsonValue] = [True] * len(items)
    for index, item in enumerate(items):
        yield {"type": "array", "minItems": index + 1, "prefixItems": [*free[:index], {"not": item}]}
    if "items" in schema:
        yield {"type": "array", "minItems": len(items) + 1, "prefixItems": [*free, {"not": schema["items"]}]}
    if "contains" in schema:
        wanted, least = schema["contains"], schema.get("minContains", 1)
        if least:
            yield {"type": "array", "contains": wanted, "minContains": 0, "maxContains": least - 1}
        if "maxContains" in schema:
            yield {"type": "array", "contains": wanted, "minContains": schema["maxContains"] + 1}


def _objects(schema: Schema, path: str, document: Document) -> Iterator[_Way]:
    for name, sub in schema.get("properties", {}).items():
        yield _with(name, {"not": sub})
    for name in schema.get("required", ()):
        yield {"type": "object", "properties": {name: False}}
    for name, others in schema.get("dependentRequired", {}).items():
        for other in others:
            yield {"type": "object", "required": [name], "properties": {other: False}}
    for name, dependent in schema.get("dependentSchemas", {}).items():
        yield {"type": "object", "required": [name], "not": dependent}
    for pattern, sub in schema.get("patternProperties", {}).items():
        found = document.pattern(pattern, f"{path}/patternProperties")
        for name in islice(document.languages.members(found), 1):
            yield _with(name, {"not": sub})
    if "additionalProperties" in schema:
        for name in _undeclared(schema, path, document):
            yield _with(name, {"not": schema["additionalProperties"]})
    if "propertyNames" in schema:
        yield {"type": "object", "minProperties": 1, "propertyNames": {"not": schema["propertyNames"]}}
    yield from _sizes(
        "object", "minProperties", "maxProperties", schema.get("minProperties"), schema.get("maxProperties")
    )


def _undeclared(schema: Schema, path: str, document: Document) -> Iterator[str]:
    """A name that only `additionalProperties` speaks of, if there is one."""
    languages, declared = document.languages, schema.get("properties", {})
    matched = [
        document.pattern(pattern, f"{path}/patternProperties") for pattern in schema.get("patternProperties", ())
    ]
    free = languages.without(languages.either(*matched))
    names = chain(["other"] if languages.matches(free, "other") else [], languages.members(free))
    yield from islice((name for name in names if name not in declared), 1)


def _applicators(schema: Schema, part: Part, document: Document) -> Iterator[_Way]:
    if "$ref" in schema:
        yield {"not": document.target(part)[0]}
    for every in schema.get("allOf", ()):
        yield {"not": every}
    if "anyOf" in schema:
        yield {"allOf": [{"not": one} for one in schema["anyOf"]]}
    if "oneOf" in schema:
        yield {"allOf": [{"not": one} for one in schema["oneOf"]]}
        for pair in islice(combinations(schema["oneOf"], 2), _PAIRS):
            yield {"allOf": [*pair]}
    if "not" in schema:
        yield {"allOf": [schema["not"]]}
    if "if" in schema:
        yield {"allOf": [schema["if"], {"not": schema.get("then", True)}]}
        yield {"allOf": [{"not": schema["if"]}, {"not": schema.get("else", True)}]}


def _sizes(kind: str, least_name: str, most_name: str, least: int | None, most: int | None) -> Iterator[_Way]:
    if least:
        yield {"type": kind, most_name: least - 1}
    if most is not None:
        yield {"type": kind, least_name: most + 1}


def _with(name: str, sub: JsonValue) -> _Way:
    return {"type": "object", "required": [name], "properties": {name: sub}}
