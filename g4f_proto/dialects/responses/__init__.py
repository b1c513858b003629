# OpenAI's Responses API, both directions: `stream` writes what `reader` reads; `request` is what a client asks,
# `upstream` what we ask.
# https://platform.openai.com/docs/api-reference/responses
from __future__ import annotations

from .errors import response_error
from .reader import ResponseStreamReader, read_response
from .request import read_responses
from .stream import ResponseReply, ResponseStream
from .upstream import RESPONSE_PARAMETERS, ask_response

__all__ = (
    "RESPONSE_PARAMETERS",
    "ResponseReply",
    "ResponseStream",
    "ResponseStreamReader",
    "ask_response",
    "read_response",
    "read_responses",
    "response_error",
)
