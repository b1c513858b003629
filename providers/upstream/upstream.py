# One upstream, as data: where it is, how it wants to be asked, and what of a chat's parameters it honours.
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from g4f_proto import MESSAGE_PARAMETERS, PARAMETERS, RESPONSE_PARAMETERS

__all__ = ("APIS", "EVERYTHING", "Api", "Speaks", "Timeouts", "Upstream", "is_address", "is_proxy")

#: What an OpenAI-compatible upstream is taken to honour where nobody says otherwise; what it does not know, it refuses.
#: `proxy` is not its business, and the sound of an answer has no event here. `vision` stands for images in a chat, and
#: the last four are an image's.
EVERYTHING: Final = frozenset(PARAMETERS) - {"proxy", "audio", "modalities"} | {
    "vision", "background", "output_compression", "quality", "style",
}  # fmt: skip

Speaks = Literal["chat", "responses", "messages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What is true of everybody who speaks one of them.

    :param native: the parameters of a chat that it has words for.
    :param key_header: the header a key is sent in; empty: ``Authorization``.
    :param headers: what every request carries.
    :param models: where its list of models is.
    :param solid_stops: it takes no stops of white space alone.
    """

    native: frozenset[str] = EVERYTHING
    key_header: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    models: str = "/models"
    solid_stops: bool = False


APIS: Final[Mapping[Speaks, Api]] = {
    "chat": Api(),
    "responses": Api(native=RESPONSE_PARAMETERS),
    # https://docs.claude.com/en/api/versioning; "each stop sequence must contain non-whitespace"
    "messages": Api(
        native=MESSAGE_PARAMETERS,
        key_header="x-api-key",
        headers={"anthropic-version": "2023-06-01"},
        models="/models?limit=1000",  # else 20
        solid_stops=True,
    ),
}

_ADDRESS: Final = re.compile(r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")
_PROXY: Final = re.compile(r"^(https?|socks5h?)://[^/?#\s]+/?$")


def is_address(url: str) -> bool:
    """Whether an upstream's paths can begin at `url`: it stands in the head of a request, which is ASCII."""
    return url.isascii() and _ADDRESS.match(url) is not None and _has_port(url)


def is_proxy(url: str) -> bool:
    """Whether `url` can be a proxy's."""
    return _PROXY.match(url) is not None and _has_port(url)


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. How long a whole answer may take is the server's business, not the upstream's.

    :param connect: to connect, TLS included.
    :param first: from the request to the first event of a stream; a reply in one piece has the whole time there is.
    :param between: from one event of a stream to the next; comments are none.
    """

    connect: float = 10.0
    first: float = 300.0
    between: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A server that speaks OpenAI's API, or Anthropic's.

    :param api: what it is asked chats with: OpenAI's chat completions or responses, or Anthropic's messages.
    :param url: its home page, for people.
    :param base_url: where its paths begin; it may hold a key or a private host, so it is never told.
    :param key: sent as ``Authorization: Bearer``, or in the header `key_header`.
    :param native: the parameters of a chat that it honours; `vision` stands for images.
    :param models: what it serves; empty: it is asked.
    :param names: OpenAI's parameters that have another name there.
    :param developer_role: knows messages of the role `developer`; else they are `system`'s.
    :param strict: refuses fields that it does not know: those that change no answer are left out.
    :param think_tags: its models think aloud in ``<think>`` tags.
    :param models_url: where its list of models is, if not where its API has it.
    :param models_prefix: what stands before each name in that list, and need not be said.
    :param stream_usage: knows ``stream_options.include_usage``.
    :param completions: has ``/completions``, to which prompts go; else each becomes a chat.
    :param api_version: Azure's older API: models are deployments in the path, and each request tells this version.
    :param proxy: ``http://``, ``https://`` or ``socks5://``; may hold a password.
    :param any_proxy: a request may name another one.
    """

    name: str
    label: str
    base_url: str = field(repr=False)
    api: Speaks = "chat"
    url: str = ""
    key: SecretStr | None = None
    key_header: str = ""
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    native: frozenset[str] = EVERYTHING
    models: tuple[str, ...] = ()
    default_model: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    developer_role: bool = True
    strict: bool = False
    think_tags: bool = False
    models_url: str = ""
    models_prefix: str = ""
    stream_usage: bool = True
    completions: bool = False
    api_version: str = ""
    proxy: SecretStr | None = None
    any_proxy: bool = False
    http2: bool = False
    timeouts: Timeouts = Timeouts()
