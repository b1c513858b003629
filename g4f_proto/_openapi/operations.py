# Endpoint -> what its operation is described with: what it takes, what it answers, an example of either, and what may
# go wrong. A new endpoint is a line in `_routes.ROUTES` and one here.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, JsonValue

from .._routes import Endpoint
from .._schema.audio import SpeechRequest
from .._schema.chat import ChatRequest
from .._schema.completions import CompletionRequest
from .._schema.embeddings import EmbeddingRequest
from .._schema.images import ImageRequest
from .._schema.messages import CountRequest, MessageRequest
from .._schema.responses import ResponseRequest
from ..dialects.media import MEDIA_TYPES
from ..dialects.speech import SOUNDS
from . import examples
from .chats import ChatChunk, ChatCompletion, Completion, MessageAnswer, MessageTokens, ResponseAnswer
from .replies import (
    CookieForm,
    CookieResults,
    Embeddings,
    ErrorBody,
    Health,
    Images,
    MessageErrorBody,
    ModelEntry,
    ModelList,
    ProviderCard,
    ProviderList,
    TranscriptionForm,
    Transcripts,
)

__all__ = ("OPERATIONS", "Answer", "Operation")

#: Statuses of refusals that every endpoint has: HTTP that contradicts itself, no key, too many requests, header fields
#: too long, a defect, no room.
_ALWAYS: Final = (400, 401, 429, 431, 500, 503)
_NAMED: Final = (404,)  # the path names something that may not be there
_BODY: Final = (408, 413, 415)
_RUN: Final = (404, 502, 504)  # a provider is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of one media type.

    :param model: of the JSON, or of the data of each event of a stream.
    :param text: what it is, if that is not JSON.
    """

    media: str = "application/json"
    model: type[BaseModel] | None = None
    text: str = ""
    example: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What an endpoint takes and answers.

    :param asks: of the body.
    :param form: the body is a form, and else JSON.
    :param examples: bodies, by a name.
    :param statuses: of answers beside 200 that are no errors, and what they say.
    :param errors: statuses of refusals and failures.
    :param runs: a provider is asked, which may fail with any status.
    :param open: it needs no key.
    """

    tag: str
    answers: tuple[Answer, ...]
    asks: type[BaseModel] | None = None
    form: bool = False
    examples: Mapping[str, JsonValue] = field(default_factory=dict)
    statuses: Mapping[int, str] = field(default_factory=dict)
    errors: tuple[int, ...] = _ALWAYS
    runs: bool = False
    open: bool = False
    error: type[BaseModel] = ErrorBody


def _stream(text: str, model: type[BaseModel] | None = None) -> Answer:
    return Answer(media="text/event-stream", text=f"With `stream`: {text}", model=model)


_ASKED: Final = (*_ALWAYS, *_BODY, *_RUN)

_HEARD: Final = Operation(
    tag="Audio",
    asks=TranscriptionForm,
    form=True,
    answers=(
        Answer(model=Transcripts, example={"text": "Hello, this is a test."}),
        Answer(media="text/plain", text="With `response_format` text or srt."),
        Answer(media="text/vtt", text="With `response_format` vtt."),
        _stream("events."),
    ),
    errors=(*_ASKED, 422),
    runs=True,
)

OPERATIONS: Final[Mapping[Endpoint, Operation]] = {
    Endpoint.CHAT: Operation(
        tag="Chat",
        asks=ChatRequest,
        examples=examples.CHATS,
        answers=(
            Answer(model=ChatCompletion, example=examples.CHAT_COMPLETION),
            _stream("events, the data of the last one is `[DONE]`.", ChatChunk),
        ),
        errors=_ASKED,
        runs=True,
    ),
    Endpoint.COMPLETION: Operation(
        tag="Chat",
        asks=CompletionRequest,
        examples=examples.COMPLETIONS,
        answers=(
            Answer(model=Completion, example=examples.COMPLETION),
            _stream("events, the data of the last one is `[DONE]`.", Completion),
        ),
        errors=_ASKED,
        runs=True,
    ),
    Endpoint.RESPONSE: Operation(
        tag="Chat",
        asks=ResponseRequest,
        examples=examples.RESPONSES,
        answers=(
            Answer(model=ResponseAnswer, example=examples.RESPONSE),
            _stream("named events, from `response.created` to `response.completed`."),
        ),
        errors=_ASKED,
        runs=True,
    ),
    Endpoint.MESSAGE: Operation(
        tag="Chat",
        asks=MessageRequest,
        examples=examples.MESSAGES,
        answers=(
            Answer(model=MessageAnswer, example=examples.MESSAGE),
            _stream("named events, from `message_start` to `message_stop`."),
        ),
        errors=_ASKED,
        runs=True,
        error=MessageErrorBody,
    ),
    Endpoint.MESSAGE_TOKENS: Operation(
        tag="Chat",
        asks=CountRequest,
        examples=examples.COUNTS,
        answers=(Answer(model=MessageTokens, example={"input_tokens": 9}),),
        errors=(*_ALWAYS, *_BODY, *_NAMED),
        error=MessageErrorBody,
    ),
    Endpoint.IMAGE: Operation(
        tag="Images",
        asks=ImageRequest,
        examples=examples.IMAGES,
        answers=(Answer(model=Images, example=examples.IMAGE),),
        errors=_ASKED,
        runs=True,
    ),
    Endpoint.SPEECH: Operation(
        tag="Audio",
        asks=SpeechRequest,
        examples=examples.SPEECHES,
        answers=(
            *(Answer(media=kind.decode().partition(";")[0], text="The sound.") for kind in SOUNDS.values()),
            Answer(media="text/event-stream", text="With `stream_format` sse: events."),
        ),
        errors=_ASKED,
        runs=True,
    ),
    Endpoint.TRANSCRIPTION: _HEARD,
    Endpoint.TRANSLATION: _HEARD,
    Endpoint.EMBEDDING: Operation(
        tag="Embeddings",
        asks=EmbeddingRequest,
        examples=examples.EMBEDDINGS,
        answers=(Answer(model=Embeddings, example=examples.EMBEDDING),),
        errors=_ASKED,
        runs=True,
    ),
    Endpoint.MEDIA: Operation(
        tag="Images",
        answers=tuple(Answer(media=kind, text="The file.") for kind in dict.fromkeys(MEDIA_TYPES.values())),
        statuses={206: "The bytes that `Range` asked for.", 304: "The client has it already."},
        errors=(*_ALWAYS, *_NAMED, 412, 416),
        open=True,
    ),
    Endpoint.COOKIES: Operation(
        tag="Providers",
        asks=CookieForm,
        form=True,
        answers=(Answer(model=CookieResults, example=[{"filename": "cookies.json"}]),),
        errors=(*_ALWAYS, 403, *_BODY, 422),
    ),
    Endpoint.PROVIDERS: Operation(
        tag="Providers",
        answers=(Answer(model=ProviderList, example={"object": "list", "data": [examples.PROVIDER]}),),
    ),
    Endpoint.PROVIDER: Operation(
        tag="Providers",
        answers=(Answer(model=ProviderCard, example={**examples.PROVIDER, **examples.PROVIDER_MORE}),),
        errors=(*_ALWAYS, *_NAMED),
    ),
    Endpoint.MODELS: Operation(
        tag="Models",
        answers=(Answer(model=ModelList, example={"object": "list", "data": [examples.MODEL]}),),
        errors=(*_ALWAYS, *_NAMED),
    ),
    Endpoint.MODEL: Operation(
        tag="Models",
        answers=(Answer(model=ModelEntry, example=examples.MODEL),),
        errors=(*_ALWAYS, *_NAMED),
    ),
    Endpoint.GUI: Operation(
        tag="Server",
        answers=(Answer(media="text/html", text="The page."),),
        errors=(*_ALWAYS, *_NAMED),
        open=True,
    ),
    Endpoint.HEALTH: Operation(
        tag="Server",
        answers=(Answer(model=Health, example={"status": "ok"}),),
        open=True,
    ),
    Endpoint.OPENAPI: Operation(
        tag="Server",
        answers=(Answer(text="An OpenAPI document."),),
    ),
}
