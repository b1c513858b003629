# The body of POST /v1/chat/completions, typed; ranges are those of OpenAI's CreateChatCompletionRequest.
#
# A wrong type is refused whoever shall answer; what the chosen provider cannot honour is refused in `_capabilities`,
# unless its value asks for nothing. Unknown fields pass (complaint: servers that refuse what they do not know break
# whole client libraries). What two fields say together is checked by `consistent`.
# https://github.com/openai/openai-openapi
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from .._errors import InvalidRequest
from .parts import ImagePart, Part, RefusalPart, TextPart
from .tools import (
    Function,
    FunctionCall,
    NamedFunction,
    Off,
    ResponseFormat,
    SchemaFormat,
    Strict,
    Tool,
    ToolCallEntry,
    ToolChoice,
)

__all__ = (
    "ChatRequest",
    "Message",
    "StreamOptions",
    "consistent",
)

Role = Literal["developer", "system", "user", "assistant", "tool", "function"]
#: A name stands in every chunk of a stream, so its length is multiplied; the longest model ids in use have some 100.
Name = Annotated[str, Field(max_length=512)]
#: Whole numbers that every runtime has, as for `seed`; a provider that has no room for so many gives what it has.
Tokens = Annotated[int, Field(ge=1, le=2**63 - 1)]
#: A stop sequence is compared at every delta; in use are line ends and role names.
Stop = Annotated[str, Field(max_length=512)]


# `fail_fast`: one complaint is told, so a body of millions of wrong elements must not make millions of them.


class Message(Strict):
    """One turn. Only `role` is required by the schema; who may leave `content` out is checked by the dialect."""

    role: Role
    content: str | Annotated[list[Part], Field(fail_fast=True)] | None = None
    name: str | None = None
    tool_calls: Annotated[list[ToolCallEntry], Field(max_length=128, fail_fast=True)] | None = None
    tool_call_id: str | None = None
    function_call: FunctionCall | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        """What the turn says, its text parts joined: a string and one text part are the same thing.

        An assistant that said nothing may have refused.
        """
        content = self.content or self.refusal or ""
        return content if isinstance(content, str) else "".join(map(_said, content))

    @property
    def image_urls(self) -> list[str]:
        """Where its images are, in their order."""
        parts = self.content if isinstance(self.content, list) else []
        return [part.image_url.url for part in parts if isinstance(part, ImagePart)]


def _said(part: Part) -> str:
    if isinstance(part, TextPart):
        return part.text
    return part.refusal if isinstance(part, RefusalPart) else ""


class StreamOptions(Strict):
    """What a stream shall carry beside the answer."""

    include_usage: bool | None = None
    include_obfuscation: Off | None = None


class AudioOutput(Strict):
    """How an answer shall sound."""

    voice: str
    format: Literal["wav", "aac", "mp3", "flac", "opus", "pcm16"]


class Prediction(Strict):
    """What the answer will be in its greater part, so that it is made faster."""

    type: Literal["content"]
    content: str | Annotated[list[TextPart], Field(min_length=1, fail_fast=True)]


class Place(Strict):
    """Where somebody is."""

    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class UserLocation(Strict):
    """Where the user is, roughly."""

    type: Literal["approximate"]
    approximate: Place


class WebSearchOptions(Strict):
    """How the web shall be searched for the answer; an empty object asks for a search too."""

    search_context_size: Literal["low", "medium", "high"] | None = None
    user_location: UserLocation | None = None


#: "Set of 16 key-value pairs ... Keys are strings with a maximum length of 64 characters. Values are strings with a
#: maximum length of 512 characters."
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]


class ChatRequest(Strict):
    """A chat, validated: every field in its range, `messages` not empty."""

    messages: Annotated[list[Message], Field(min_length=1, fail_fast=True)]
    model: Name | None = None
    provider: Name | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] | None = None
    top_p: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2.0, le=2.0)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2.0, le=2.0)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4, fail_fast=True)] | None = None
    timeout: Annotated[float, Field(ge=0.0)] | None = None
    logprobs: bool | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100.0, le=100.0)]] | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Tool], Field(max_length=128, fail_fast=True)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[Function], Field(min_length=1, max_length=128, fail_fast=True)] | None = None
    function_call: Literal["none", "auto"] | NamedFunction | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    modalities: Annotated[list[Literal["text", "audio"]], Field(fail_fast=True)] | None = None
    audio: AudioOutput | None = None
    prediction: Prediction | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority"] | None = None
    web_search_options: WebSearchOptions | None = None
    store: bool | None = None
    metadata: Metadata | None = None
    user: str | None = None
    safety_identifier: Annotated[str, Field(max_length=64)] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in-memory", "24h"] | None = None
    proxy: str | None = None
    conversation_id: Name | None = None

    @property
    def schema_asked(self) -> dict[str, JsonValue] | None:
        """The JSON Schema that the answer shall be valid against."""
        return self.response_format.json_schema.schema_ if isinstance(self.response_format, SchemaFormat) else None

    @property
    def token_limit(self) -> int | None:
        """The most tokens the answer may have; the newer name wins where both are given."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end the answer and are not part of it, none of them empty."""
        given = (self.stop,) if isinstance(self.stop, str) else self.stop or ()
        return tuple(text for text in given if text)

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return self.stream_options is not None and self.stream_options.include_usage is True


def consistent(request: ChatRequest) -> None:
    """Refuse what each field may say but not all of them together, as OpenAI does.

    :raises InvalidRequest: naming the field that has no sense without another.
    """
    if request.top_logprobs and not request.logprobs:
        raise _wrong("'top_logprobs' is only allowed when 'logprobs' is true.", "top_logprobs")
    if request.tools and request.functions:
        raise _wrong("'functions' is the deprecated name of 'tools'; give one of them.", "functions")
    if request.conversation_id and (request.n or 1) > 1:
        raise _wrong("'n' must be 1 in a conversation: it goes on with one answer.", "n")
    if "audio" in (request.modalities or ()) and request.audio is None:
        raise _missing("audio")
    names: list[str] = []
    if request.tools or request.functions:
        names = [tool.function.name for tool in request.tools or ()]
        names += [function.name for function in request.functions or ()]
        field = "tools" if request.tools else "functions"
        if len(set(names)) < len(names):
            raise _wrong(f"The names in '{field}' must differ.", field)
    choice, called = request.tool_choice, request.function_call
    if request.tools and called not in (None, "auto"):
        raise _wrong(
            "'function_call' is the deprecated name of 'tool_choice': it goes with 'functions'.", "function_call"
        )
    if not request.tools and choice not in (None, "auto") and (choice != "none" or request.functions):
        raise _wrong("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if request.tools and not (choice is None or isinstance(choice, str)):
        wanted = (
            [choice.function.name]
            if choice.type == "function"
            else [t.function.name for t in choice.allowed_tools.tools]
        )
        for name in wanted:
            if name not in names:
                raise _wrong(f"Tool choice '{name}' is not among the 'tools'.", "tool_choice")
    if isinstance(called, NamedFunction) and called.name not in names:
        raise _wrong(f"Function '{called.name}' is not among the 'functions'.", "function_call")
    for position, message in enumerate(request.messages):
        if message.role == "tool" and not message.tool_call_id:
            raise _missing(f"messages[{position}].tool_call_id")


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def _wrong(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, param=param, code="invalid_value")
