"""The OpenAI-compatible API as a pure state machine: bytes in, a call to make; what the model says in, bytes out.

    exchange = Exchange(RequestHead("POST", b"/v1/chat/completions", headers), api, id=uuid4().hex, created=int(time()))
    for piece in request_body:
        if not exchange.receive_data(piece):
            break
    reply = exchange.receive_end()
    if exchange.call is not None:  # otherwise the reply is complete
        for token in answer(exchange.call):
            write(exchange.head, exchange.send(token))
        reply = exchange.end()
    write(exchange.head, reply)

No I/O, no clock, no randomness, no environment, no async: the program around it has those. `docs/embedding.md` has the
five steps any driver must do.
"""

from __future__ import annotations

from ._api import Api, KiB, Limits, MiB, RequestHead
from ._calls import Call, ChatCall
from ._capabilities import PARAMETERS
from ._catalog import CATCH_ALL, Catalog, Choice, Model, ProviderInfo
from ._errors import (
    ApiError,
    AuthenticationError,
    BodyTooLarge,
    InternalError,
    InvalidRequest,
    LocalProtocolError,
    MethodNotAllowed,
    ModelNotFound,
    ModelNotInstalled,
    Overloaded,
    ProviderNotFound,
    ProviderNotWorking,
    ProviderTimeout,
    RateLimited,
    RequestTimeout,
    ShuttingDown,
    TooManyHeaders,
    UnknownUrl,
    UnsupportedMediaType,
    UnsupportedParameter,
)
from ._events import QUIET, REASONS, Finish, FinishReason, ProviderEvent, Quiet, Reasoning, Usage
from ._exchange import Exchange, Head, Outcome
from ._routes import ROUTES, Endpoint, Route
from ._schema.chat import ChatRequest, Message
from ._sse import DONE, PING, SseDecoder, SseError, SseEvent, frame
from ._table import ACCEPTS, INPUTS, TRANSITIONS, State
from ._text import StopFilter
from .dialects.chat import ChatStreamReader, read_reply
from .dialects.models import read_models

__all__ = (
    "ACCEPTS",
    "CATCH_ALL",
    "DONE",
    "INPUTS",
    "PARAMETERS",
    "PING",
    "QUIET",
    "REASONS",
    "ROUTES",
    "TRANSITIONS",
    "Api",
    "ApiError",
    "AuthenticationError",
    "BodyTooLarge",
    "Call",
    "Catalog",
    "ChatCall",
    "ChatRequest",
    "ChatStreamReader",
    "Choice",
    "Endpoint",
    "Exchange",
    "Finish",
    "FinishReason",
    "Head",
    "InternalError",
    "InvalidRequest",
    "KiB",
    "Limits",
    "LocalProtocolError",
    "Message",
    "MethodNotAllowed",
    "MiB",
    "Model",
    "ModelNotFound",
    "ModelNotInstalled",
    "Outcome",
    "Overloaded",
    "ProviderEvent",
    "ProviderInfo",
    "ProviderNotFound",
    "ProviderNotWorking",
    "ProviderTimeout",
    "Quiet",
    "RateLimited",
    "Reasoning",
    "RequestHead",
    "RequestTimeout",
    "Route",
    "ShuttingDown",
    "SseDecoder",
    "SseError",
    "SseEvent",
    "State",
    "StopFilter",
    "TooManyHeaders",
    "UnknownUrl",
    "UnsupportedMediaType",
    "UnsupportedParameter",
    "Usage",
    "frame",
    "read_models",
    "read_reply",
)
