# Errors where a response was asked for: OpenAI's error object, its `param` in the words of this API; in a stream the
# `error` event, which has the same fields at its top, and the shorter object of a response that failed.
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ..._errors import ApiError
from ..names import rename

__all__ = ("error_event", "failure_object", "response_error")

#: A chat's parameter -> the one it was asked with here.
_NAMES: Final[Mapping[str, str]] = {
    "logprobs": "include",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "messages": "input",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "verbosity": "text.verbosity",
}


def response_error(error: ApiError) -> bytes:
    """The body of a refusal."""
    rename(error, _NAMES)
    return error.body()


def error_event(error: ApiError) -> bytes:
    """The fields of an ``error`` event, none of them nested: code, message, param."""
    rename(error, _NAMES)
    found = {"code": error.code, "message": error.message, "param": error.param}
    return json.dumps(found, separators=(",", ":")).encode("ascii")[1:-1]


def failure_object(error: ApiError) -> bytes:
    """The ``error`` of a response; of its codes, two are a server's."""
    code = "rate_limit_exceeded" if error.status == 429 else "server_error"
    return json.dumps({"code": code, "message": error.message}, separators=(",", ":")).encode("ascii")
