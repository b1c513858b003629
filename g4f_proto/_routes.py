# (method, target) -> endpoint. The route table stands here once; docs are made from it.
#
# No redirects, ever: a 307 for a trailing slash costs a POST a second round trip, and some clients drop its body.
# Doubled and trailing slashes are read as one and none; `/v1` is optional and may be doubled, because base URLs in
# the wild are.
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import unquote_to_bytes

from ._errors import MethodNotAllowed, UnknownUrl

__all__ = ("ROUTES", "Endpoint", "Route", "match")


class Endpoint(Enum):
    """What a request asks for."""

    CHAT = "a chat completion"
    COMPLETION = "a legacy completion"
    MESSAGE = "a message, in Anthropic's API"
    MESSAGE_TOKENS = "how long a request for a message is"
    RESPONSE = "a response, in OpenAI's newer API"
    IMAGE = "images made from a prompt"
    SPEECH = "a text spoken"
    TRANSCRIPTION = "a recording written down"
    TRANSLATION = "a recording written down in English"
    EMBEDDING = "vectors of texts"
    MEDIA = "a stored file"
    COOKIES = "cookie files to be kept"
    PROVIDERS = "the list of providers"
    PROVIDER = "one provider"
    MODELS = "the list of models"
    MODEL = "one model"
    OPENAPI = "this API's description of itself"
    GUI = "a page to chat with"
    HEALTH = "whether the server is up"

    __hash__ = object.__hash__  # there is one of each; Enum's own is in Python, and takes longer than a lookup


#: Method, path, endpoint, what for. `{name}` is one segment, `{name...}` one or more: model ids have slashes.
ROUTES: Final = (
    ("POST", "/v1/chat/completions", Endpoint.CHAT, "Chat, one answer or a stream"),
    ("POST", "/api/{provider}/chat/completions", Endpoint.CHAT, "The same, from one provider"),
    (
        "POST",
        "/api/{provider}/{conversation_id}/chat/completions",
        Endpoint.CHAT,
        "The same, its history kept here",
    ),
    ("POST", "/v1/completions", Endpoint.COMPLETION, "Legacy completions, answered as a chat of one turn"),
    ("POST", "/v1/embeddings", Endpoint.EMBEDDING, "Vectors of texts"),
    ("POST", "/api/{provider}/embeddings", Endpoint.EMBEDDING, "The same, from one provider"),
    ("POST", "/v1/upload_cookies", Endpoint.COOKIES, "Cookie files that providers may use, kept and never given back"),
    ("GET", "/v1/providers", Endpoint.PROVIDERS, "The providers and what they serve"),
    ("GET", "/v1/providers/{provider}", Endpoint.PROVIDER, "One provider"),
    ("POST", "/v1/images/generations", Endpoint.IMAGE, "Images made from a prompt"),
    ("POST", "/api/{provider}/images/generations", Endpoint.IMAGE, "The same, by one provider"),
    ("GET", "/media/{filename}", Endpoint.MEDIA, "A file that was made here; its name is its key"),
    ("POST", "/v1/responses", Endpoint.RESPONSE, "Chat in OpenAI's Responses API, one answer or a stream"),
    ("POST", "/api/{provider}/responses", Endpoint.RESPONSE, "The same, from one provider"),
    ("POST", "/v1/messages", Endpoint.MESSAGE, "Chat in Anthropic's Messages API, one answer or a stream"),
    ("POST", "/api/{provider}/messages", Endpoint.MESSAGE, "The same, from one provider"),
    ("POST", "/v1/messages/count_tokens", Endpoint.MESSAGE_TOKENS, "How many tokens such a request has, about"),
    ("POST", "/api/{provider}/messages/count_tokens", Endpoint.MESSAGE_TOKENS, "The same, of one provider's model"),
    ("POST", "/v1/audio/speech", Endpoint.SPEECH, "A text spoken"),
    ("POST", "/api/{provider}/audio/speech", Endpoint.SPEECH, "The same, from one provider"),
    ("POST", "/v1/audio/transcriptions", Endpoint.TRANSCRIPTION, "A recording written down"),
    ("POST", "/api/{provider}/audio/transcriptions", Endpoint.TRANSCRIPTION, "The same, from one provider"),
    ("POST", "/v1/audio/translations", Endpoint.TRANSLATION, "A recording written down in English"),
    ("POST", "/api/{provider}/audio/translations", Endpoint.TRANSLATION, "The same, from one provider"),
    ("GET", "/v1/models", Endpoint.MODELS, "Models and providers that can be named as `model`"),
    ("GET", "/api/{provider}/models", Endpoint.MODELS, "The models of one provider"),
    ("GET", "/v1/models/{model...}", Endpoint.MODEL, "One model"),
    ("GET", "/openapi.json", Endpoint.OPENAPI, "This API, described in OpenAPI 3.1"),
    (
        "GET",
        "/",
        Endpoint.GUI,
        "A page to chat with, where the operator wants one; needs no key",
    ),
    ("GET", "/health", Endpoint.HEALTH, "200 when the server is up; needs no key"),
)


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint and what its path said."""

    endpoint: Endpoint
    provider: str | None = None
    model: str | None = None
    conversation: str | None = None
    filename: str | None = None


def _segments(pattern: str) -> tuple[str, ...]:
    parts = tuple(part for part in pattern.split("/") if part)
    return parts[1:] if parts[:1] == ("v1",) else parts


_EXACT: Final = {
    (method, "/".join(_segments(path))): Route(endpoint)
    for method, path, endpoint, _ in ROUTES
    if "{" not in path and path != "/"
}
_PATTERNS: Final = tuple((method, _segments(path), endpoint) for method, path, endpoint, _ in ROUTES if path != "/")
#: The usual spelling of an exact path, found without looking at its parts.
_USUAL: Final = {(method, path.encode()): Route(endpoint) for method, path, endpoint, _ in ROUTES if "{" not in path}


def match(method: str, target: bytes) -> Route:
    """The route of a request; a HEAD is answered as its GET.

    :raises UnknownUrl: no endpoint has this path.
    :raises MethodNotAllowed: one has, with other methods; they stand in the error's ``headers`` as ``Allow``.
    """
    usual = _USUAL.get((method, target))
    if usual is not None:
        return usual
    parts = _split(target)
    method = "GET" if method == "HEAD" else method
    if target.partition(b"?")[0] == b"/" and method == "GET":  # the page, and not `/v1`: that is a base URL gone wrong
        return _USUAL[method, b"/"]
    exact = _EXACT.get((method, "/".join(parts)))
    if exact is not None:
        return exact
    allowed: list[str] = []
    for allow, pattern, endpoint in _PATTERNS:
        names = _fit(pattern, parts)
        if names is None:
            continue
        if allow == method:
            return Route(
                endpoint, names.get("provider"), names.get("model"), names.get("conversation_id"), names.get("filename")
            )
        allowed += [allow, "HEAD"] if allow == "GET" else [allow]
    path = ("/" + "/".join(parts))[:200]
    if allowed:
        error = MethodNotAllowed(f"Not allowed to {method} on {path}. Use {' or '.join(allowed)}.")
        error.headers = ((b"allow", ", ".join([*allowed, "OPTIONS"]).encode()),)
        raise error
    raise UnknownUrl(f"Unknown request URL: {method} {path}.")


def _split(target: bytes) -> list[str]:
    # "absolute-form: a server MUST accept the absolute-form in requests" - RFC 9112 section 3.2.2
    if not target.startswith((b"/", b"*")) and b"://" in target:
        _, _, rest = target.partition(b"://")
        target = b"/" + rest.partition(b"/")[2]
    path = target.partition(b"?")[0].partition(b"#")[0]
    parts = [unquote_to_bytes(part).decode("utf-8", "replace") for part in path.split(b"/") if part]
    while parts and parts[0] == "v1":
        del parts[0]
    return parts


def _fit(pattern: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    names: dict[str, str] = {}
    for position, wanted in enumerate(pattern):
        if wanted.endswith("...}"):
            rest = parts[position:]
            if not rest:
                return None
            names[wanted[1:-4]] = "/".join(rest)
            return names
        if position >= len(parts):
            return None
        if wanted.startswith("{"):
            names[wanted[1:-1]] = parts[position]
        elif wanted != parts[position]:
            return None
    return names if len(parts) == len(pattern) else None
