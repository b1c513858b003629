# The body of POST /v1/chat/completions, typed; ranges are those of OpenAI's CreateChatCompletionRequest.
#
# Only what changes the answer of a text chat has a field here. The rest of OpenAI's parameters stands in
# `_capabilities`, where each is either advice, or refused unless its value asks for nothing; unknown fields pass
# (complaint: servers that refuse `store`, `metadata` and their like break whole client libraries).
# https://github.com/openai/openai-openapi
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = ("ChatRequest", "Message", "OtherPart", "Part", "RefusalPart", "StreamOptions", "TextPart")

Role = Literal["developer", "system", "user", "assistant", "tool", "function"]
#: A name stands in every chunk of a stream, so its length is multiplied; the longest model ids in use have some 100.
Name = Annotated[str, Field(max_length=512)]
#: Whole numbers that every runtime has, as for `seed`; a provider that has no room for so many gives what it has.
Tokens = Annotated[int, Field(ge=1, le=2**63 - 1)]
#: A stop sequence is compared at every delta; in use are line ends and role names.
Stop = Annotated[str, Field(max_length=512)]


class _Strict(BaseModel):
    # No coercion: `"n": "2"` is a client's mistake that OpenAI names, and guessing would hide it.
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class TextPart(_Strict):
    """``{"type": "text", "text": "..."}``."""

    type: Literal["text"]
    text: str


class RefusalPart(_Strict):
    """``{"type": "refusal", "refusal": "..."}``, what an assistant said instead of an answer."""

    type: Literal["refusal"]
    refusal: str


class OtherPart(_Strict):
    """A part that is no text: a provider that cannot see or hear it refuses it by name."""

    type: Literal["image_url", "input_audio", "file"]


Part = Annotated[TextPart | RefusalPart | OtherPart, Field(discriminator="type")]
# `fail_fast`: one complaint is told, so a body of millions of wrong elements must not make millions of them.


class Message(_Strict):
    """One turn. Only `role` is required by the schema; who may leave `content` out is checked by the dialect."""

    role: Role
    content: str | Annotated[list[Part], Field(fail_fast=True)] | None = None
    name: str | None = None
    tool_calls: list[JsonValue] | None = None
    tool_call_id: str | None = None
    function_call: JsonValue = None

    @property
    def text(self) -> str:
        """What the turn says, its text parts joined: a string and one text part are the same thing."""
        if isinstance(self.content, str):
            return self.content
        return "".join(_said(part) for part in self.content or ())


def _said(part: Part) -> str:
    if isinstance(part, TextPart):
        return part.text
    return part.refusal if isinstance(part, RefusalPart) else ""


class StreamOptions(_Strict):
    """What a stream shall carry beside the answer."""

    include_usage: bool | None = None


class ChatRequest(_Strict):
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
