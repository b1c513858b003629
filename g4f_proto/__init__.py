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

from ._access import Fields, authenticate
from ._api import Api, KiB, Limits, MiB, RequestHead
from ._calls import (
    Call,
    ChatCall,
    CookiesCall,
    EmbeddingCall,
    ImageCall,
    MediaCall,
    SpeechCall,
    TranscriptionCall,
)
from ._capabilities import PARAMETERS
from ._catalog import CATCH_ALL, KINDS, Catalog, Choice, Kind, Model, ProviderInfo
from ._cookies import Cookie, read_cookies
from ._emulation import Emulation, emulate, emulated, with_messages
from ._errors import (
    ApiError,
    AuthenticationError,
    BodyTooLarge,
    Forbidden,
    InternalError,
    InvalidRequest,
    LocalProtocolError,
    MethodNotAllowed,
    ModelNotFound,
    ModelNotInstalled,
    Overloaded,
    ProviderChallenged,
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
from ._events import (
    QUIET,
    REASONS,
    Embedding,
    Event,
    File,
    Finish,
    FinishReason,
    ForChoice,
    Heard,
    Image,
    ProviderEvent,
    Quiet,
    Reasoning,
    Refusal,
    Scored,
    Segment,
    Stored,
    TokenLogprob,
    ToolCall,
    Usage,
    Word,
)
from ._exchange import Exchange
from ._images import ImageLimits, InputImage, is_remote, read_data_uri
from ._multipart import Form, FormFile, FormLimits, FormReader
from ._outcome import Head, Outcome
from ._routes import ROUTES, Endpoint, Route
from ._schema.chat import ChatRequest, Message
from ._schema.tools import Function
from ._sse import DONE, PING, SseDecoder, SseError, SseEvent, frame
from ._table import ACCEPTS, INPUTS, TRANSITIONS, State
from ._text import StopFilter
from ._tokens import TokenCounter
from ._tools import offered
from .dialects.chat import ChatStreamReader, CompletionStreamReader, read_completion_reply, read_reply
from .dialects.embeddings import read_embeddings
from .dialects.images import read_images
from .dialects.media import MEDIA_TYPES, MediaPart, media_part
from .dialects.messages import MESSAGE_PARAMETERS, MessageStreamReader, ask_message, read_message
from .dialects.models import read_models
from .dialects.responses import RESPONSE_PARAMETERS, ResponseStreamReader, ask_response, read_response
from .dialects.speech import SpeechStreamReader
from .dialects.transcription import TranscriptionStreamReader, read_transcription

__all__ = (
    "ACCEPTS",
    "CATCH_ALL",
    "DONE",
    "INPUTS",
    "KINDS",
    "MEDIA_TYPES",
    "MESSAGE_PARAMETERS",
    "PARAMETERS",
    "PING",
    "QUIET",
    "REASONS",
    "RESPONSE_PARAMETERS",
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
    "CompletionStreamReader",
    "Cookie",
    "CookiesCall",
    "Embedding",
    "EmbeddingCall",
    "Emulation",
    "Endpoint",
    "Event",
    "Exchange",
    "Fields",
    "File",
    "Finish",
    "FinishReason",
    "ForChoice",
    "Forbidden",
    "Form",
    "FormFile",
    "FormLimits",
    "FormReader",
    "Function",
    "Head",
    "Heard",
    "Image",
    "ImageCall",
    "ImageLimits",
    "InputImage",
    "InternalError",
    "InvalidRequest",
    "KiB",
    "Kind",
    "Limits",
    "LocalProtocolError",
    "MediaCall",
    "MediaPart",
    "Message",
    "MessageStreamReader",
    "MethodNotAllowed",
    "MiB",
    "Model",
    "ModelNotFound",
    "ModelNotInstalled",
    "Outcome",
    "Overloaded",
    "ProviderChallenged",
    "ProviderEvent",
    "ProviderInfo",
    "ProviderNotFound",
    "ProviderNotWorking",
    "ProviderTimeout",
    "Quiet",
    "RateLimited",
    "Reasoning",
    "Refusal",
    "RequestHead",
    "RequestTimeout",
    "ResponseStreamReader",
    "Route",
    "Scored",
    "Segment",
    "ShuttingDown",
    "SpeechCall",
    "SpeechStreamReader",
    "SseDecoder",
    "SseError",
    "SseEvent",
    "State",
    "StopFilter",
    "Stored",
    "TokenCounter",
    "TokenLogprob",
    "TooManyHeaders",
    "ToolCall",
    "TranscriptionCall",
    "TranscriptionStreamReader",
    "UnknownUrl",
    "UnsupportedMediaType",
    "UnsupportedParameter",
    "Usage",
    "Word",
    "ask_message",
    "ask_response",
    "authenticate",
    "emulate",
    "emulated",
    "frame",
    "is_remote",
    "media_part",
    "offered",
    "read_completion_reply",
    "read_cookies",
    "read_data_uri",
    "read_embeddings",
    "read_images",
    "read_message",
    "read_models",
    "read_reply",
    "read_response",
    "read_transcription",
    "with_messages",
)
