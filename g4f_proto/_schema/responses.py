# The body of POST /v1/responses, typed; ranges are those of OpenAI's CreateResponse.
#
# What is not in here is refused by name where its type says what it is (items and tools that run at OpenAI), or by
# `dialects.responses.request` where it is a field of its own. https://github.com/openai/openai-openapi
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from .chat import Metadata, Name
from .parts import InputAudio
from .tools import FunctionName, JsonFormat, JsonSchema, NamedFunction, Off, Strict, TextFormat

__all__ = (
    "CallItem",
    "Content",
    "FilePart",
    "ImagePart",
    "MessageItem",
    "OutputItem",
    "ReasoningItem",
    "RefusalPart",
    "ResponseRequest",
    "SchemaFormat",
    "SoundPart",
    "TextPart",
)


class TextPart(Strict):
    """What a user says, or the model said."""

    type: Literal["input_text", "output_text"]
    text: str


class RefusalPart(Strict):
    """What the model said instead of an answer."""

    type: Literal["refusal"]
    refusal: str


class ImagePart(Strict):
    """An image: a data URI, or an address that an upstream may fetch."""

    type: Literal["input_image"]
    image_url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class FilePart(Strict):
    """A file: its content as a data URI or in base64, or the id it was uploaded under."""

    type: Literal["input_file"]
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class SoundPart(Strict):
    """A recording."""

    type: Literal["input_audio"]
    input_audio: InputAudio


Content = Annotated[TextPart | RefusalPart | ImagePart | FilePart | SoundPart, Field(discriminator="type")]


class MessageItem(Strict):
    """What somebody said; its `type` may be left out."""

    type: Literal["message"]
    role: Literal["user", "assistant", "system", "developer"]
    content: str | Annotated[list[Content], Field(fail_fast=True)]


class CallItem(Strict):
    """A function that the model called."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class OutputItem(Strict):
    """What a function answered."""

    type: Literal["function_call_output"]
    call_id: str
    output: str | Annotated[list[Content], Field(fail_fast=True)]


class Thought(Strict):
    """A paragraph of a thought."""

    text: str


class ReasoningItem(Strict):
    """What the model thought before it went on; what is encrypted, only its maker can read."""

    type: Literal["reasoning"]
    summary: Annotated[list[Thought], Field(fail_fast=True)]
    content: Annotated[list[Thought], Field(fail_fast=True)] | None = None


Item = Annotated[MessageItem | CallItem | OutputItem | ReasoningItem, Field(discriminator="type")]


class FunctionTool(Strict):
    """A function that the client runs. Its type is looked at first: of another one nothing else need be right."""

    type: Literal["function"]
    name: FunctionName
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    strict: bool | None = None


class NamedChoice(NamedFunction):
    """The model must call this one."""

    type: Literal["function"]


class AllowedChoice(Strict):
    """Some of the tools, and whether one of them must be called."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedChoice], Field(min_length=1, max_length=128, fail_fast=True)]


class SchemaFormat(JsonSchema):
    """A JSON Schema that the answer shall be valid against."""

    type: Literal["json_schema"]


class Text(Strict):
    """The form of the answer."""

    format: Annotated[TextFormat | JsonFormat | SchemaFormat, Field(discriminator="type")] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(Strict):
    """How hard the model thinks. Thoughts are told as the provider tells them: `concise` would be another's words."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    summary: Literal["auto", "detailed"] | None = None
    generate_summary: Literal["auto", "detailed"] | None = None


class Conversation(Strict):
    """The conversation to go on with."""

    id: Name


class StreamOptions(Strict):
    """Nothing is ever obfuscated here."""

    include_obfuscation: Off | None = None


class ResponseRequest(Strict):
    """Something to respond to."""

    input: str | Annotated[list[Item], Field(min_length=1, fail_fast=True)]
    model: Name | None = None
    provider: Name | None = None
    instructions: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_output_tokens: Annotated[int, Field(ge=16, le=2**63 - 1)] | None = None
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] | None = None
    top_p: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=128, fail_fast=True)] | None = None
    tool_choice: (
        Literal["none", "auto", "required"] | Annotated[NamedChoice | AllowedChoice, Field(discriminator="type")] | None
    ) = None
    parallel_tool_calls: bool | None = None
    text: Text | None = None
    reasoning: Reasoning | None = None
    include: (
        Annotated[list[Literal["message.output_text.logprobs", "reasoning.encrypted_content"]], Field(fail_fast=True)]
        | None
    ) = None
    metadata: Metadata | None = None
    store: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    conversation: Name | Conversation | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority"] | None = None
    user: str | None = None
    safety_identifier: Annotated[str, Field(max_length=64)] | None = None
    prompt_cache_key: str | None = None
    timeout: Annotated[float, Field(ge=0.0)] | None = None

    @property
    def conversation_id(self) -> str | None:
        """Where the history is kept."""
        return self.conversation.id if isinstance(self.conversation, Conversation) else self.conversation
