# The body of POST /v1/completions, OpenAI's older API, typed; ranges are those of CreateCompletionRequest.
# https://platform.openai.com/docs/api-reference/completions/create
from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .chat import Name, Stop, StreamOptions, Tokens
from .tools import Strict

__all__ = ("CompletionRequest",)

Prompt = Annotated[str, Field()]


class CompletionRequest(Strict):
    """A prompt, or several, to be continued. Prompts of token ids are refused: whose tokens they are is not said."""

    prompt: Prompt | Annotated[list[Prompt], Field(min_length=1, max_length=128, fail_fast=True)]
    model: Name | None = None
    provider: Name | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = None
    echo: bool | None = None
    suffix: str | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    best_of: Annotated[int, Field(ge=0, le=20)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4, fail_fast=True)] | None = None

    @property
    def prompts(self) -> tuple[str, ...]:
        """What is to be continued."""
        return (self.prompt,) if isinstance(self.prompt, str) else tuple(self.prompt)

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return self.stream_options is not None and self.stream_options.include_usage is True
