# What went wrong with an upstream, as what the caller is told: one table.
#
# An upstream's words are told only where they are about the caller's request (400, 413, 422, 404 of a model, 429), cut,
# and with everything that is the operator's taken out. Who pays, whose key, which host: that is nobody's business.
from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Final

from pydantic import JsonValue

from g4f_proto import (
    ApiError,
    BodyTooLarge,
    InvalidRequest,
    ModelNotFound,
    ProviderNotWorking,
    ProviderTimeout,
    RateLimited,
)

__all__ = ("broken_off", "document_of", "refused", "reported", "too_slow", "unreachable", "unreadable")

_LONGEST: Final = 1000  #: characters of an upstream's message that are passed on
_KEY: Final = re.compile(r"\b(?:sk|pk|gsk|xai|hf|ghp|github_pat|nvapi|fw|csk|AIza)[-_]?[A-Za-z0-9_*.\-]{12,}")

#: What FastAPI and llama.cpp say of a path that is not there: the address is wrong, not the model.
_NO_PATH: Final = ("not found", "file not found")
#: Code or type of an error object -> the status it stands for, where none came with it (a stream, a 200).
_STATUS_OF: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "exceed_context_size_error": 400,  # llama.cpp's
    "content_filter": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "model_not_found": 404,
    "not_found_error": 404,
    "request_too_large": 413,
    "timeout": 504,
    "timeout_error": 504,
}


def unreachable() -> ApiError:
    """Refused, no such host, no TLS that can be trusted."""
    return ProviderNotWorking("The provider could not be reached.")


def broken_off() -> ApiError:
    """The connection ended before the reply did."""
    return ProviderNotWorking("The provider broke its reply off.")


def unreadable() -> ApiError:
    """What came is no HTTP, no JSON, too long, or packed in a way nobody asked for."""
    return ProviderNotWorking("The provider's reply could not be read.")


def too_slow(message: str = "The provider did not answer in time.") -> ApiError:
    """One of the deadlines passed."""
    return ProviderTimeout(message)


def refused(status: int, headers: Mapping[bytes, bytes], body: bytes, *, secrets: Sequence[str]) -> ApiError:
    """A reply that is no success, as what the caller is told.

    :param headers: the reply's, names in lower case.
    :param secrets: what stands in no message: keys, hosts.
    """
    return _told(status, document_of(body), headers, secrets)


def reported(error: JsonValue, *, secrets: Sequence[str]) -> ApiError:
    """An error object in a stream or in a reply with status 200."""
    fields = error if isinstance(error, dict) else {}
    status = 502
    for name in ("status", "code", "type"):  # Google and OpenRouter tell the status as `code`
        value = fields.get(name)
        if type(value) is int and 400 <= value <= 599:
            status = value
        elif isinstance(value, str) and value in _STATUS_OF:
            status = _STATUS_OF[value]
        else:
            continue
        break
    return _told(status, error, {}, secrets)


def document_of(body: bytes) -> JsonValue:
    """The error in a body: OpenAI's object, or what others put in its place; None: there is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, list) and document:  # Google's, from its OpenAI endpoint too
        document = document[0]
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    if isinstance(error, dict | str) and error:
        return error
    if "detail" in document:  # FastAPI's: vLLM's, Mistral's
        return {"message": document["detail"]}
    return document if "message" in document else None


def _told(status: int, error: JsonValue, headers: Mapping[bytes, bytes], secrets: Sequence[str]) -> ApiError:
    message, param, code = _words(error, secrets)
    if status in (400, 422):
        return InvalidRequest(message or "The provider refused the request.", param=param, code=code)
    if status == 413:
        return BodyTooLarge(message or "The request is larger than the provider takes.", param=param)
    if status == 404 and error is not None and code != "unknown_url" and message.lower() not in _NO_PATH:
        return ModelNotFound(message or "The provider does not serve this model.", param="model")
    if status == 429:
        limited = RateLimited(
            message or "The provider's rate limit is reached.",
            code=code if code == "insufficient_quota" else None,
            retry_after=_retry_after(headers),
        )
        limited.should_retry = _should_retry(headers, code)
        return limited
    if status in (408, 504, 524):  # 524: Cloudflare's "A timeout occurred"
        return too_slow()
    if status in (401, 402, 403):
        return ProviderNotWorking("The provider does not accept this server's access.", code="provider_error")
    # "When sent with a 503 (Service Unavailable) response, Retry-After indicates how long the service is expected to be
    # unavailable" - RFC 9110 section 10.2.3; with another status it may be one model's, behind a gateway's like ours.
    down = status in (503, 529)  # 529: Anthropic's "overloaded"
    return ProviderNotWorking(
        "The provider answered with an error.", retry_after=_retry_after(headers) if down else None
    )


def _words(error: JsonValue, secrets: Sequence[str]) -> tuple[str, str | None, str | None]:
    """Message, param and code, as far as they may be told."""
    if isinstance(error, str):
        return _redacted(error, secrets), None, None
    if not isinstance(error, dict):
        return "", None, None
    message, param, code = (error.get(name) for name in ("message", "param", "code"))
    if isinstance(message, list | dict):
        message = json.dumps(message)
    return (
        _redacted(message, secrets) if isinstance(message, str) else "",
        _redacted(param, secrets) if isinstance(param, str) else None,
        _redacted(code, secrets)[:64] if isinstance(code, str) and code else None,
    )


def _redacted(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    text = _KEY.sub("***", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _retry_after(headers: Mapping[bytes, bytes]) -> float | None:
    """Seconds; OpenAI's own milliseconds are the finer ones. "Retry-After = HTTP-date / delay-seconds" - RFC 9110."""
    seconds = _number(headers.get(b"retry-after-ms", b"").decode("latin-1"))
    if seconds is not None:
        return seconds / 1000
    told = headers.get(b"retry-after", b"").decode("latin-1")
    seconds = _number(told)
    if seconds is None and told:
        with suppress(ValueError):
            seconds = max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    return seconds


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _should_retry(headers: Mapping[bytes, bytes], code: str | None) -> bool | None:
    """What the upstream says; an account without money has none after a second either."""
    said = {b"true": True, b"false": False}.get(headers.get(b"x-should-retry", b"").lower())
    return False if said is None and code == "insufficient_quota" else said
