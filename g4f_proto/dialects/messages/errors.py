# Errors in Anthropic's shape: its clients go by the type, beside the status, and the message says where.
# https://docs.claude.com/en/api/errors
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ..._errors import ApiError
from ..names import rename

__all__ = ("message_error",)

_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
#: A chat's parameter -> the one it was asked with here.
_NAMES: Final[Mapping[str, str]] = {
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "reasoning_effort": "thinking",
    "response_format": "output_config.format",
    "stop": "stop_sequences",
    "user": "metadata.user_id",
}


def message_error(error: ApiError) -> bytes:
    """The error object of a reply, and of a stream's ``error`` event."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    rename(error, _NAMES)
    # "messages.0.content: Field required" is how its own messages begin.
    message = (
        error.message if error.param is None or error.param in error.message else f"{error.param}: {error.message}"
    )
    found = {"type": "error", "error": {"type": kind, "message": message}}
    return json.dumps(found, separators=(",", ":")).encode("ascii")
