"""A value against a JSON Schema, for judging answers: the keywords the rooms use, by their letter, and no others.

A judge that trusted a library would judge by the library's version. What is not implemented here is not ignored:
an unknown keyword is a mistake of the suite and raises, so a schema of a room is checked whole or not at all.
https://json-schema.org/draft/2020-12/json-schema-validation
"""

import re
from collections.abc import Iterator

from conformance.found import Json, show

_ANNOTATIONS = frozenset({"$defs", "title", "description", "type"})
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def errors(value: Json, schema: dict[str, Json], root: dict[str, Json] | None = None, path: str = "$") -> Iterator[str]:
    """Why `value` is not valid against `schema`, place by place; nothing where it is."""
    root = schema if root is None else root
    kinds = schema.get("type", list(_TYPES))
    if not any(_is(value, str(kind)) for kind in (kinds if isinstance(kinds, list) else [kinds])):
        yield f"{path} is {show(value)}, not of type {kinds}"
        return
    for keyword, rule in schema.items():
        if keyword not in _ANNOTATIONS:
            yield from _keyword(keyword, rule, value, schema, root, path)


def _is(value: Json, kind: str) -> bool:
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()  # "any number with a zero fractional part"
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _keyword(
    keyword: str, rule: Json, value: Json, schema: dict[str, Json], root: dict[str, Json], path: str
) -> Iterator[str]:
    match keyword, rule, value:
        case "enum", list(), _ if not any(_same(value, one) for one in rule):
            yield f"{path} is {show(value)}, none of {show(rule)}"
        case "const", _, _ if not _same(value, rule):
            yield f"{path} is {show(value)}, not {show(rule)}"
        case "$ref", str(), _:
            yield from errors(value, _definition(root, rule), root, path)
        case "anyOf", list(), _:
            branches = [branch for branch in rule if isinstance(branch, dict)]
            if all(any(errors(value, branch, root, path)) for branch in branches):
                yield f"{path} is {show(value)}, valid against no branch of anyOf"
        case "required", list(), dict():
            yield from (f"{path} has no {name!r}" for name in rule if name not in value)
        case "properties", dict(), dict():
            for name, inner in rule.items():
                if name in value and isinstance(inner, dict):
                    yield from errors(value[name], inner, root, f"{path}.{name}")
        case "additionalProperties", False, dict():
            known = schema.get("properties")
            yield from (
                f"{path} has {name!r}" for name in value if name not in (known if isinstance(known, dict) else {})
            )
        case "items", dict(), list():
            for index, item in enumerate(value):
                yield from errors(item, rule, root, f"{path}[{index}]")
        case "minItems", int(), list() if len(value) < rule:
            yield f"{path} has {len(value)} items, fewer than {rule}"
        case "maxItems", int(), list() if len(value) > rule:
            yield f"{path} has {len(value)} items, more than {rule}"
        case "minimum", int() | float(), int() | float() if value < rule:
            yield f"{path} is {value}, less than {rule}"
        case "maximum", int() | float(), int() | float() if value > rule:
            yield f"{path} is {value}, more than {rule}"
        case "minLength", int(), str() if len(value) < rule:
            yield f"{path} has {len(value)} characters, fewer than {rule}"
        case "maxLength", int(), str() if len(value) > rule:
            yield f"{path} has {len(value)} characters, more than {rule}"
        case "pattern", str(), str() if not re.search(rule, value):
            yield f"{path} is {show(value)}, does not match {rule}"
        case _ if keyword not in _KEYWORDS:
            raise ValueError(f"the suite's schemas must not use {keyword!r}")


_KEYWORDS = frozenset({"enum", "const", "$ref", "anyOf", "required", "properties", "additionalProperties", "items"})
_KEYWORDS |= {"minItems", "maxItems", "minimum", "maximum", "minLength", "maxLength", "pattern"}


def _same(one: Json, other: Json) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _definition(root: dict[str, Json], reference: str) -> dict[str, Json]:
    found: Json = root
    for name in filter(None, reference.removeprefix("#").split("/")):
        assert isinstance(found, dict)
        found = found[name]
    assert isinstance(found, dict)
    return found
