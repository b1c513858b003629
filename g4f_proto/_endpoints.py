# Endpoint -> the reader of its requests, and the writer of its errors where they have a shape of their own. A new
# endpoint is a line in `_routes.ROUTES` and one here.
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ._errors import ApiError, UnknownUrl
from ._openapi import read_openapi
from ._routes import Endpoint
from .dialects import Asked, Page, Reader
from .dialects.chat import read_request
from .dialects.completions import read_completion
from .dialects.cookies import read_cookie_upload
from .dialects.embeddings import read_embedding_request
from .dialects.images import read_images_request
from .dialects.media import read_media
from .dialects.messages import count_message, message_error, read_messages
from .dialects.models import list_models, one_model
from .dialects.providers import list_providers, one_provider
from .dialects.responses import read_responses, response_error
from .dialects.speech import read_speech_request
from .dialects.transcription import read_transcription_request

__all__ = ("ERRORS", "READERS")


#: What the page may do: run what stands in it, and talk to this server. https://www.w3.org/TR/CSP3/
_GUI_HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (
        b"content-security-policy",
        b"; ".join([
            b"default-src 'none'", b"script-src 'unsafe-inline'", b"style-src 'unsafe-inline'", b"connect-src 'self'",
            b"base-uri 'none'", b"form-action 'none'", b"frame-ancestors 'none'",
        ]),
    ),
)  # fmt: skip


def _health(_: Asked) -> bytes:
    return b'{"status":"ok"}'


def _gui(asked: Asked) -> Page:
    if not asked.api.gui:
        raise UnknownUrl("Unknown request URL: GET /.")
    return Page(_GUI_HEADERS, asked.api.gui)


READERS: Final[Mapping[Endpoint, Reader]] = {
    Endpoint.CHAT: read_request,
    Endpoint.COMPLETION: read_completion,
    Endpoint.SPEECH: read_speech_request,
    Endpoint.TRANSCRIPTION: read_transcription_request,
    Endpoint.TRANSLATION: read_transcription_request,
    Endpoint.EMBEDDING: read_embedding_request,
    Endpoint.COOKIES: read_cookie_upload,
    Endpoint.MESSAGE: read_messages,
    Endpoint.MESSAGE_TOKENS: count_message,
    Endpoint.RESPONSE: read_responses,
    Endpoint.PROVIDERS: list_providers,
    Endpoint.PROVIDER: one_provider,
    Endpoint.IMAGE: read_images_request,
    Endpoint.MEDIA: read_media,
    Endpoint.MODELS: list_models,
    Endpoint.MODEL: one_model,
    Endpoint.OPENAPI: read_openapi,
    Endpoint.GUI: _gui,
    Endpoint.HEALTH: _health,
}

#: Everywhere else an error is `ApiError.body`.
ERRORS: Final[Mapping[Endpoint, Callable[[ApiError], bytes]]] = {
    Endpoint.MESSAGE: message_error,
    Endpoint.MESSAGE_TOKENS: message_error,
    Endpoint.RESPONSE: response_error,
}
