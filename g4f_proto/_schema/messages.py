# The body of POST /v1/messages, Anthropic's API, typed.
#
# What is not in here is refused by name where its type says what it is (blocks and tools that run at Anthropic), or by
# `dialects.messages.request` where it is a field of its own. Ranges are Anthropic's, or those of a chat where they are
# smaller. https://docs.claude.com/en/api/messages
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from .chat import Name, Stop, Tokens
from .tools import FunctionName, Off, Strict

__all__ = (
    "CountRequest",
    "DocumentBlock",
    "ImageBlock",
    "MessageRequest",
    "RedactedBlock",
    "ResultBlock",
    "Shown",
    "TextBlock",
    "ThinkingBlock",
    "Turn",
    "UseBlock",
)


class Hinted(Strict):
    """What may carry a hint for the provider's cache, which changes no answer."""

    cache_control: dict[str, JsonValue] | None = None


class TextBlock(Hinted):
    """Words."""

    type: Literal["text"]
    text: str


class Base64Source(Strict):
    """An image's file."""

    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: str


class UrlSource(Strict):
    """Where an upstream may fetch an image."""

    type: Literal["url"]
    url: str


class ImageBlock(Hinted):
    """An image."""

    type: Literal["image"]
    source: Annotated[Base64Source | UrlSource, Field(discriminator="type")]


class PdfSource(Strict):
    """A PDF's file."""

    type: Literal["base64"]
    media_type: Literal["application/pdf"]
    data: str


class PlainSource(Strict):
    """A text."""

    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class NoCitations(Strict):
    """Nobody here cites."""

    enabled: Off = False


class DocumentBlock(Hinted):
    """A document."""

    type: Literal["document"]
    source: Annotated[PdfSource | PlainSource, Field(discriminator="type")]
    title: str | None = None
    context: None = None
    citations: NoCitations | None = None


class UseBlock(Hinted):
    """A call of a tool."""

    type: Literal["tool_use"]
    id: str
    name: FunctionName
    input: dict[str, JsonValue]


Shown = Annotated[TextBlock | ImageBlock | DocumentBlock, Field(discriminator="type")]


class ResultBlock(Hinted):
    """What a tool answered."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: str | Annotated[list[Shown], Field(fail_fast=True)] | None = None
    is_error: bool | None = None


class ThinkingBlock(Strict):
    """A thought; what its signature proves, only its maker can say."""

    type: Literal["thinking"]
    thinking: str


class RedactedBlock(Strict):
    """A thought that only its maker can read."""

    type: Literal["redacted_thinking"]


Block = Annotated[
    TextBlock | ImageBlock | DocumentBlock | UseBlock | ResultBlock | ThinkingBlock | RedactedBlock,
    Field(discriminator="type"),
]


class Turn(Strict):
    """One turn."""

    role: Literal["user", "assistant", "system"]
    content: str | Annotated[list[Block], Field(fail_fast=True)]


class CustomTool(Hinted):
    """A tool that the client runs."""

    type: Literal["custom"] | None = None
    name: FunctionName
    description: str | None = None
    input_schema: dict[str, JsonValue]
    strict: bool | None = None


class AutoChoice(Strict):
    """The model calls tools if it wants to, or must call one, or must not."""

    type: Literal["auto", "any", "none"]
    disable_parallel_tool_use: bool | None = None


class ToolChoice(Strict):
    """The model must call this one."""

    type: Literal["tool"]
    name: FunctionName
    disable_parallel_tool_use: bool | None = None


class ThinkingOn(Strict):
    """ "Must be >=1024 and less than max_tokens"."""

    type: Literal["enabled"]
    budget_tokens: Annotated[int, Field(ge=1024)]
    display: Literal["summarized", "omitted"] | None = None


class ThinkingFree(Strict):
    """The model thinks as it likes."""

    type: Literal["adaptive", "disabled"]
    display: Literal["summarized", "omitted"] | None = None


class OutputFormat(Strict):
    """A JSON Schema that the answer shall be valid against."""

    type: Literal["json_schema"]
    schema_: Annotated[dict[str, JsonValue], Field(alias="schema")]


class OutputConfig(Strict):
    """How hard the model tries, and the form of what it says."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class Metadata(Strict):
    """Who asks, as the client's own user."""

    user_id: str | None = None


class CountRequest(Strict):
    """A conversation, and all that is told with it."""

    messages: Annotated[list[Turn], Field(min_length=1, fail_fast=True)]
    model: Name | None = None
    provider: Name | None = None
    system: str | Annotated[list[TextBlock], Field(fail_fast=True)] | None = None
    tools: Annotated[list[CustomTool], Field(max_length=128, fail_fast=True)] | None = None
    tool_choice: Annotated[AutoChoice | ToolChoice, Field(discriminator="type")] | None = None
    thinking: Annotated[ThinkingOn | ThinkingFree, Field(discriminator="type")] | None = None
    output_config: OutputConfig | None = None


class MessageRequest(CountRequest):
    """A conversation to go on with."""

    max_tokens: Tokens
    stream: bool | None = None
    stop_sequences: Annotated[list[Stop], Field(max_length=4, fail_fast=True)] | None = None
    temperature: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    top_p: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    proxy: str | None = None

    @property
    def shows_thoughts(self) -> bool:
        """Thoughts are wanted. By default they are not, and then a client takes the first block for the answer."""
        thinking = self.thinking
        return thinking is not None and thinking.type != "disabled" and thinking.display != "omitted"
