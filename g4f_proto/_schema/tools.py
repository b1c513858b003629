# Tools, tool choices and response formats of a chat, typed.
# https://platform.openai.com/docs/api-reference/chat/create
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import PydanticKnownError

__all__ = (
    "Function",
    "FunctionCall",
    "NamedFunction",
    "Off",
    "ResponseFormat",
    "Strict",
    "Tool",
    "ToolCallEntry",
    "ToolChoice",
)

#: "Must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64."
FunctionName = Annotated[str, Field(max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]


class Strict(BaseModel):
    # No coercion: `"n": "2"` is a client's mistake that OpenAI names, and guessing would hide it.
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


def _off(value: bool) -> bool:
    if value:
        raise PydanticKnownError("literal_error", {"expected": "False"})
    return value


#: Not `Literal[False]`, which takes 0 and 0.0 for it.
Off = Annotated[bool, AfterValidator(_off), Field(json_schema_extra={"const": False})]


class Function(Strict):
    """A function that the model may call; without `parameters` it takes none."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    strict: bool | None = None


class Tool(Strict):
    """``{"type": "function", "function": {...}}``."""

    type: Literal["function"]
    function: Function


class NamedFunction(Strict):
    """The name of a function."""

    name: FunctionName


class NamedTool(Strict):
    """The one tool that shall be called."""

    type: Literal["function"]
    function: NamedFunction


class AllowedTools(Strict):
    """Some of the tools, and whether one of them must be called."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Field(min_length=1, max_length=128, fail_fast=True)]


class AllowedToolsChoice(Strict):
    """``{"type": "allowed_tools", "allowed_tools": {...}}``."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


ToolChoice = (
    Literal["none", "auto", "required"] | Annotated[NamedTool | AllowedToolsChoice, Field(discriminator="type")]
)


class FunctionCall(Strict):
    """What the model called; `arguments` is JSON text."""

    name: str
    arguments: str


class ToolCallEntry(Strict):
    """One entry of an assistant's ``tool_calls``."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class TextFormat(Strict):
    """Any text."""

    type: Literal["text"]


class JsonFormat(Strict):
    """Any JSON object."""

    type: Literal["json_object"]


class JsonSchema(Strict):
    """A JSON Schema that the answer shall be valid against."""

    name: FunctionName
    description: str | None = None
    schema_: Annotated[dict[str, JsonValue], Field(alias="schema")]
    strict: bool | None = None


class SchemaFormat(Strict):
    """``{"type": "json_schema", "json_schema": {...}}``."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[TextFormat | JsonFormat | SchemaFormat, Field(discriminator="type")]
