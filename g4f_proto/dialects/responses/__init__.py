# OpenAI's Responses API, both directions: `stream` writes what `reader` reads; `request` is what a client asks.
# https://platform.openai.com/docs/api-reference/responses
from __future__ import annotations

from .errors import response_error
from .reader import ResponseStreamReader, read_response
from .request import read_responses
from .stream import ResponseReply, ResponseStream

__all__ = (
    "ResponseReply",
    "ResponseStream",
    "ResponseStreamReader",
    "read_response",
    "read_responses",
    "response_error",
)
