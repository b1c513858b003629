# The keywords of JSON Schema, draft 2020-12, and what some of them say about one value:
# https://json-schema.org/draft/2020-12/json-schema-validation. Unknown keywords are ignored, as the draft says.
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, JsonValue, SkipValidation
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

__all__ = ("Part", "Schema", "exact", "fits_number", "fits_type", "fixed", "identity", "is_multiple", "item")

#: A schema (a dict or a bool) and the place where it stands, as a JSON pointer, for messages.
Part = tuple[JsonValue, str]

_Raw = Annotated[JsonValue, SkipValidation]  # kept as it is: read when needed, and the same object for ever
_Count = Annotated[int, Field(ge=0)]
_Number = int | FiniteFloat
_Name = Literal["null", "boolean", "object", "array", "number", "string", "integer"]
_Subs = dict[str, _Raw]

#: The keywords understood, as typed as they need be; sub-schemas are read on their own.
Schema = TypedDict(
    "Schema",
    {
        "$ref": str,
        "allOf": list[_Raw],
        "anyOf": list[_Raw],
        "oneOf": list[_Raw],
        "not": _Raw,
        "if": _Raw,
        "then": _Raw,
        "else": _Raw,
        "dependentSchemas": _Subs,
        # any type
        "type": Annotated[list[_Name], BeforeValidator(lambda names: [names] if isinstance(names, str) else names)],
        "const": _Raw,
        "enum": list[_Raw],
        "examples": _Raw,
        # numbers
        "minimum": _Number,
        "maximum": _Number,
        "exclusiveMinimum": _Number,
        "exclusiveMaximum": _Number,
        "multipleOf": Annotated[_Number, Field(gt=0)],
        # strings
        "minLength": _Count,
        "maxLength": _Count,
        "pattern": str,
        "format": str,
        # arrays
        "prefixItems": list[_Raw],
        "items": _Raw,
        "minItems": _Count,
        "maxItems": _Count,
        "uniqueItems": bool,
        "contains": _Raw,
        "minContains": _Count,
        "maxContains": _Count,
        # objects
        "properties": _Subs,
        "patternProperties": _Subs,
        "additionalProperties": _Raw,
        "propertyNames": _Raw,
        "required": list[str],
        "dependentRequired": dict[str, list[str]],
        "minProperties": _Count,
        "maxProperties": _Count,
        # refused, unless they say nothing
        "unevaluatedProperties": Literal[True],
        "unevaluatedItems": Literal[True],
        "$dynamicRef": None,
    },
    total=False,
)


def item(schema: Schema, path: str, index: int) -> Part:
    """What an array's schema asks of the item at the index."""
    prefix = schema.get("prefixItems", ())
    if index < len(prefix):
        return prefix[index], f"{path}/prefixItems/{index}"
    return schema.get("items", True), f"{path}/items"


def fixed(schema: Schema) -> Mapping[Hashable, JsonValue]:
    """The values that a schema's `enum` and `const` leave, by their identity."""
    values = {identity(value): value for value in schema.get("enum", [])}
    if "const" not in schema:
        return values
    key = identity(schema["const"])
    return {key: schema["const"]} if "enum" not in schema or key in values else {}


def identity(value: JsonValue) -> Hashable:
    """Equal exactly for values that are equal in JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, list):
        return "list", tuple(map(identity, value))
    if isinstance(value, dict):
        return "dict", frozenset((name, identity(member)) for name, member in value.items())
    return value


def exact(number: float) -> Fraction:
    """The number as JSON writes it: 0.1 is a tenth."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def is_multiple(number: float, step: float) -> bool:
    """Whether all agree that it is one: exactly, and for those who divide floats (0.3 / 0.1 is 2.9999999999999996)."""
    if exact(number) % exact(step):
        return False
    if isinstance(number, int) and isinstance(step, int):
        return True
    try:
        return (number / step).is_integer()
    except OverflowError:
        return True


def fits_number(schema: Schema, value: float) -> bool:
    """Whether the number is within the bounds and a multiple."""
    # Python compares int with float exactly.
    return (
        ("minimum" not in schema or value >= schema["minimum"])
        and ("maximum" not in schema or value <= schema["maximum"])
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
        and ("multipleOf" not in schema or is_multiple(value, schema["multipleOf"]))
    )


def fits_type(names: Sequence[str], value: JsonValue) -> bool:
    """Whether the value is of one of the types."""
    match value:
        case None:
            return "null" in names
        case bool():
            return "boolean" in names
        case str():
            return "string" in names
        case list():
            return "array" in names
        case dict():
            return "object" in names
    return "number" in names or ("integer" in names and (isinstance(value, int) or value.is_integer()))
