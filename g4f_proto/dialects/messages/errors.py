# Errors in Anthropic's shape: the type is all that its clients go by, beside the status.
# https://docs.claude.com/en/api/errors
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ..._errors import ApiError

__all__ = ("error_body",)

_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def error_body(error: ApiError) -> bytes:
    """The error object of a reply, and of a stream's ``error`` event."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    found = {"type": "error", "error": {"type": kind, "message": error.message}}
    return json.dumps(found, separators=(",", ":")).encode("ascii")
