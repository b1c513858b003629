# The error table: everything a client can be told, and the one body that tells it.
#
# An ApiError knows its wire form (status, type, code, param, retry_after) and not where it will stand: the exchange
# decides whether it becomes a status line or a frame in a stream that has begun. LocalProtocolError is the other
# kind: a bug in the code that drives the machine, never the client's fault, never sent.
#
# Types and codes are those the G4F REST API names where it names them, OpenAI's elsewhere.
# https://platform.openai.com/docs/guides/error-codes/api-errors
from __future__ import annotations

import json

__all__ = (
    "ApiError",
    "AuthenticationError",
    "BodyTooLarge",
    "Forbidden",
    "InternalError",
    "InvalidRequest",
    "LocalProtocolError",
    "MethodNotAllowed",
    "ModelNotFound",
    "ModelNotInstalled",
    "Overloaded",
    "ProviderChallenged",
    "ProviderNotFound",
    "ProviderNotWorking",
    "ProviderTimeout",
    "RateLimited",
    "RequestTimeout",
    "ShuttingDown",
    "TooManyHeaders",
    "UnknownUrl",
    "UnsupportedMediaType",
    "UnsupportedParameter",
)


_DAY = 86400.0  # no upstream's Retry-After is believed beyond it


class LocalProtocolError(Exception):
    """The driver called the machine in a state that does not take that call: a bug in the driver."""


class ApiError(Exception):
    """What went wrong, in the words and numbers of the wire.

    :param message: a sentence for the person who will read it; never an upstream's body, never a key.
    :param code: a stable name for programs, or None.
    :param param: the path of the offending field, ``messages[0].content``, or None.
    :param status: the HTTP status, where an instance must differ from its class.
    :param retry_after: seconds after which trying again makes sense, or None.
    """

    status: int = 500
    type: str = "server_error"
    code: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    should_retry: bool | None = None  #: what ``x-should-retry`` tells OpenAI's clients; None: they decide by the status
    #: Another provider of the same model may do better: this one failed, or has no such model.
    elsewhere: bool = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int | None = None,
        type: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status
        if type is not None:
            self.type = type

    def body(self) -> bytes:
        """The error object: all four keys are required, `param` and `code` may be null (OpenAI's schema ``Error``)."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": error}, separators=(",", ":")).encode("ascii")

    @property
    def fields(self) -> tuple[tuple[bytes, bytes], ...]:
        """The header fields it travels with, when it is a status."""
        fields = self.headers
        if self.retry_after is not None:
            # "delay-seconds" is an integer; clients that read milliseconds have their own field.
            wait = min(max(0.0, self.retry_after), _DAY)  # NaN is no time: 0.0 stays the greater one
            fields += ((b"retry-after", b"%d" % max(1, round(wait))), (b"retry-after-ms", b"%d" % (wait * 1000)))
        if self.should_retry is not None:
            fields += ((b"x-should-retry", b"true" if self.should_retry else b"false"),)
        return fields


class InvalidRequest(ApiError):
    """A body that is not JSON, a field that is missing, of the wrong type or out of its range."""

    status, type = 400, "invalid_request_error"


class UnsupportedParameter(InvalidRequest):
    """A valid parameter that the chosen model cannot honour: refused, because ignoring it would be a lie."""

    code = "unsupported_parameter"


class AuthenticationError(ApiError):
    """No key, or a wrong one."""

    status, type, code = 401, "authentication_error", "invalid_api_key"
    headers = ((b"www-authenticate", b"Bearer"),)


class Forbidden(ApiError):
    """What this server does for nobody who asks in this way."""

    status, type, code = 403, "permission_error", "forbidden"


class ModelNotFound(ApiError):
    """A model that nobody here serves."""

    status, type, code = 404, "model_not_found", "model_not_found"
    elsewhere = True


class ModelNotInstalled(ModelNotFound):
    """A model this server knows, whose weights or package are not on this machine; the message names the command."""

    code = "model_not_installed"


class ProviderNotFound(ApiError):
    """A provider this server does not have."""

    status, type, code = 404, "provider_error", "provider_not_found"


class UnknownUrl(ApiError):
    """A path that is no endpoint."""

    status, type, code = 404, "invalid_request_error", "unknown_url"


class MethodNotAllowed(ApiError):
    """An endpoint's path with a method it does not take; the answer carries ``Allow``."""

    status, type, code = 405, "invalid_request_error", "method_not_allowed"


class BodyTooLarge(ApiError):
    """A request body over the limit, announced or counted."""

    status, type, code = 413, "invalid_request_error", "request_too_large"


class RequestTimeout(ApiError):
    """The request did not come in whole in the time it has."""

    status, type, code = 408, "invalid_request_error", "request_timeout"


class UnsupportedMediaType(ApiError):
    """A body of a media type this endpoint does not read."""

    status, type, code = 415, "invalid_request_error", "unsupported_media_type"


class TooManyHeaders(ApiError):
    """More header fields, or longer ones, than this server reads."""

    status, type, code = 431, "invalid_request_error", "headers_too_large"


class RateLimited(ApiError):
    """Too many requests: ours, or what an upstream answered."""

    status, type, code = 429, "rate_limit_error", "rate_limit_exceeded"
    elsewhere = True


class InternalError(ApiError):
    """A defect of this server; the message tells nothing about its insides."""

    status, type, code = 500, "server_error", "internal_error"
    elsewhere = True


class ProviderNotWorking(ApiError):
    """The provider refused, broke off or answered nonsense."""

    status, type, code = 502, "provider_error", "provider_not_working"
    elsewhere = True


class ProviderChallenged(ProviderNotWorking):
    """The provider wants a person to pass a check, and none is bypassed; the message says what the operator can do."""

    code = "provider_challenge"


class Overloaded(ApiError):
    """This server has no room for the request now."""

    status, type, code = 503, "server_error", "overloaded"
    elsewhere = True


class ShuttingDown(ApiError):
    """The server is being stopped and the request's grace is over."""

    status, type, code = 503, "server_error", "shutting_down"


class ProviderTimeout(ApiError):
    """The provider took longer than the request may take."""

    status, type, code = 504, "provider_error", "provider_timeout"
    elsewhere = True
