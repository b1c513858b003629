# What chats are answered with, as models: for the API's description, and for the tests that hold the encoders to it.
#
# The encoders write bytes and know nothing of these. A key that may be missing has no default that could be told, hence
# `absent`; every other key is there, null where it says so.
from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = (
    "AnswerMessage",
    "ChatChoice",
    "ChatChunk",
    "ChatCompletion",
    "Completion",
    "Logprobs",
    "MessageAnswer",
    "MessageTokens",
    "Reply",
    "ResponseAnswer",
    "TokenUsage",
    "absent",
)


class Reply(BaseModel):
    # Whatever an encoder adds must be told of here.
    model_config = ConfigDict(extra="forbid")


def absent() -> Any:
    """The key may be missing."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, JsonValue]) -> None:
    del schema["default"]


class PromptDetails(Reply):
    """Of the prompt's tokens."""

    cached_tokens: int


class CompletionDetails(Reply):
    """Of the answer's tokens."""

    reasoning_tokens: int


class TokenUsage(Reply):
    """Tokens spent, by the provider's own count where it counts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class TopLogprob(Reply):
    """A token and how likely it was."""

    token: str
    logprob: float
    bytes: list[int]


class TokenScore(TopLogprob):
    """A token that was said, and those most likely at its place."""

    top_logprobs: list[TopLogprob]


class Logprobs(Reply):
    """How likely each token was."""

    content: list[TokenScore]
    refusal: None


class CalledFunction(Reply):
    """What the model called; `arguments` is JSON text."""

    name: str = absent()
    arguments: str


class Called(Reply):
    """A call of a tool."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class AnswerMessage(Reply):
    """What one choice says."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    reasoning_content: str = absent()
    reasoning: str = absent()
    tool_calls: list[Called] = absent()
    function_call: CalledFunction = absent()


FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class ChatChoice(Reply):
    """One answer."""

    index: int
    message: AnswerMessage
    logprobs: Logprobs | None
    finish_reason: FinishReason


class Envelope(Reply):
    id: str
    created: int
    model: str
    provider: str
    system_fingerprint: str


class ChatCompletion(Envelope):
    """A chat's answers."""

    object: Literal["chat.completion"]
    choices: list[ChatChoice]
    usage: TokenUsage | None


class CalledPiece(Reply):
    """A piece of a call; the first of an index has `id`, `type` and the name."""

    index: int
    id: str = absent()
    type: Literal["function"] = absent()
    function: CalledFunction


class Delta(Reply):
    """What is said now."""

    role: Literal["assistant"] = absent()
    content: str | None = absent()
    refusal: str | None = absent()
    reasoning_content: str = absent()
    reasoning: str = absent()
    tool_calls: list[CalledPiece] = absent()
    function_call: CalledFunction = absent()


class ChunkChoice(Reply):
    """A piece of one answer."""

    index: int
    delta: Delta
    logprobs: Logprobs | None
    finish_reason: FinishReason | None


class ChatChunk(Envelope):
    """One event of a streamed chat. `usage` is there where it was asked for, and in the last chunk by default."""

    object: Literal["chat.completion.chunk"]
    choices: list[ChunkChoice]
    usage: TokenUsage | None = absent()


class CompletionChoice(Reply):
    """One continuation."""

    text: str
    index: int
    logprobs: None
    finish_reason: FinishReason | None


class Completion(Envelope):
    """Continuations of a prompt, and one event of their stream."""

    object: Literal["text_completion"]
    choices: list[CompletionChoice]
    usage: TokenUsage | None = absent()


class ThinkingDetails(Reply):
    """Of the answer's tokens."""

    thinking_tokens: int


class MessageUsage(Reply):
    """Tokens spent, in Anthropic's words."""

    input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int
    output_tokens_details: ThinkingDetails


class MessageAnswer(Reply):
    """An answer in Anthropic's Messages API: blocks of text, thoughts and calls."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    provider: str
    content: list[dict[str, JsonValue]]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]
    stop_sequence: str | None
    stop_details: dict[str, JsonValue] = absent()
    usage: MessageUsage


class MessageTokens(Reply):
    """How many tokens a request has, by the server's own count: a model's may differ."""

    input_tokens: int


class ResponseAnswer(BaseModel):
    """An answer in OpenAI's Responses API: items of text, thoughts and calls, and the request's fields again."""

    id: str
    object: Literal["response"]
    created_at: int
    model: str
    provider: str
    status: Literal["completed", "incomplete", "failed", "in_progress"]
    error: dict[str, JsonValue] | None
    incomplete_details: dict[str, JsonValue] | None
    output: list[dict[str, JsonValue]]
    usage: dict[str, JsonValue] | None
