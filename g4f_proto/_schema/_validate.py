# JSON -> a typed model; pydantic's complaint -> the error object OpenAI's API would have sent.
#
# One error is told, the one deepest in the body: a union complains once a branch, and the branch that came furthest
# is the one the client meant. Its path is found by walking the body itself, so that pydantic's names for branches
# never show. The codes are those recorded from api.openai.com: docs/errors.md.
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from .._errors import InvalidRequest

__all__ = ("path_of", "validate")

M = TypeVar("M", bound=BaseModel)

_KINDS: Final = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    type(None): "null",
}
_EXPECTED: Final = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_RANK: Final = {**dict.fromkeys(_EXPECTED, 0), "union_tag_invalid": 2, "union_tag_not_found": 2}


def validate(model: type[M], body: Mapping[str, JsonValue]) -> M:
    """`body` as a `model`.

    :raises InvalidRequest: with `param`, the path of the field, and OpenAI's `code` for what is wrong with it.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _translate(error.errors(include_url=False), body) from None


def path_of(location: Sequence[str | int]) -> str:
    """``("messages", 0, "content")`` -> ``messages[0].content``."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _translate(errors: list[ErrorDetails], body: JsonValue | Mapping[str, JsonValue]) -> InvalidRequest:
    located = [(_walk(error, body), error) for error in errors]
    # Of branches that came equally far, the one that took the type and not the value is meant; an object that no
    # branch took is told what its `type` may be, and not the names that could stand in its place.
    location, error = max(located, key=lambda found: (len(found[0]), _RANK.get(found[1]["type"], 1)))
    same = [other for where, other in located if where == location]
    param, kind, context = path_of(location), error["type"], error.get("ctx", {})
    if kind == "missing":
        return InvalidRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")
    if kind in _EXPECTED:
        expected = " or ".join(dict.fromkeys(_EXPECTED[e["type"]] for e in same if e["type"] in _EXPECTED))
        return InvalidRequest(
            f"Invalid type for '{param}': expected {expected}, but got {_kind(error['input'])} instead.",
            param=param,
            code="invalid_type",
        )
    if kind in ("greater_than_equal", "less_than_equal"):
        below = kind == "greater_than_equal"
        bound = context["ge" if below else "le"]
        number = "decimal" if isinstance(bound, float) else "integer"
        side, sign = ("below minimum", ">=") if below else ("above maximum", "<=")
        shown = f"{bound:g}" if isinstance(bound, float) else bound
        return InvalidRequest(
            f"Invalid '{param}': {number} {side} value. Expected a value {sign} {shown}, "
            f"but got {_brief(error['input'])} instead.",
            param=param,
            code=f"{number}_{'below_min' if below else 'above_max'}_value",
        )
    if kind == "too_long" and isinstance(error["input"], dict):
        return InvalidRequest(
            f"Invalid '{param}': too many properties. Expected an object with at most {context['max_length']} "
            f"properties, but got an object with {len(error['input'])} properties instead.",
            param=param,
            code="object_above_max_properties",
        )
    if error["loc"][-1] == "[key]" and kind == "string_too_long":
        name = path_of(location[:-1])
        return InvalidRequest(
            f"Invalid property name in '{name}': {_brief(error['input'])} is too long. "
            f"Expected a property name with maximum length {context['max_length']}.",
            param=name,
            code="property_name_above_max_length",
        )
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        things = "string" if kind.startswith("string") else "array"
        if kind == "too_short" and context["actual_length"] == 0:
            return InvalidRequest(
                f"Invalid '{param}': empty array. Expected an array with minimum length {context['min_length']}, "
                "but got an empty array instead.",
                param=param,
                code="empty_array",
            )
        short = kind.endswith("short")
        bound = context["min_length" if short else "max_length"]
        return InvalidRequest(
            f"Invalid '{param}': {things} too {'short' if short else 'long'}. "
            f"Expected a {'minimum' if short else 'maximum'} length of {bound}.",
            param=param,
            code=f"{things}_{'below_min' if short else 'above_max'}_length",
        )
    if kind in ("literal_error", "union_tag_invalid"):
        supported = context.get("expected") or context.get("expected_tags")
        value = error["input"]
        if kind == "union_tag_invalid":
            tag = str(context["discriminator"]).strip("'")
            value, param = context["tag"], f"{param}.{tag}"
        return InvalidRequest(
            f"Invalid value: {_brief(value)}. Supported values are: {supported}.", param=param, code="invalid_value"
        )
    if kind == "union_tag_not_found":
        tag = str(context["discriminator"]).strip("'")
        return InvalidRequest(
            f"Missing required parameter: '{param}.{tag}'.", param=f"{param}.{tag}", code="missing_required_parameter"
        )
    return InvalidRequest(f"Invalid '{param}': {error['msg']}.", param=param, code="invalid_value")


def _walk(error: ErrorDetails, body: JsonValue | Mapping[str, JsonValue]) -> tuple[str | int, ...]:
    path: list[str | int] = []
    value: object = body
    for step in error["loc"]:
        if value is error["input"]:
            break  # arrived; what follows names a union's branch, or what is missing here
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
        else:
            continue  # the name of a union's branch: no place in the body
        path.append(step)
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    return tuple(path)


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "something else")


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
