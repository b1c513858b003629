# What an exchange is made with: the request's head, and one immutable snapshot of everything the operator decided.
#
# A snapshot, so that a request sees one state of the world from its first byte to its last; the next one may see
# another.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ._catalog import Catalog
from ._images import ImageLimits
from ._multipart import FormLimits
from ._tokens import TokenCounter

__all__ = ("Api", "KiB", "Limits", "MiB", "RequestHead")

KiB: Final = 1024
MiB: Final = 1024 * KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a stranger may ask of us. Every limit has its error."""

    #: OpenAI takes 20 MB images as base64; Quart stops at 16 MiB, Sanic at 100 MB, nginx 1 MiB. Exceeded: 413.
    body: int = 25 * MiB
    #: The same of a form: one file of 25 MiB and what is said of it. Exceeded: 413.
    upload: int = 26 * MiB
    #: Bytes of all header fields: node 16K, Apache 8K a line, nginx 4 x 8K. Exceeded: 431.
    headers: int = 64 * KiB
    #: How deep a JSON body may be nested. CPython's own parser fails near 1000. Exceeded: 400.
    depth: int = 128
    #: The parts of an upload, within the limit of the body. Exceeded: 413.
    form: FormLimits = field(default_factory=FormLimits)
    #: Bytes and pixels of one image in a chat. Exceeded: 400.
    images: ImageLimits = field(default_factory=ImageLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The operator's decisions.

    :param keys: the keys that open this API; empty: it is open.
    :param origins: the web origins that browsers may call from; empty: CORS is off.
    :param quiet_limit: seconds of silence a streaming client endures before a ping: proxies cut at 60, some at 30.
    :param fingerprint: ``system_fingerprint``: changes when the code that answers changes.
    :param public_url: where clients reach this server, ``https://api.example.com``; empty: where the request came to.
    :param scheme: how the request came to this server, ``http`` or ``https``.
    :param gui: a page of HTML for ``/``; empty: there is none.
    :param counter: counts tokens for providers that do not; without it their limits are refused, their usage is null.
    :param exposed: it can be reached from other machines.
    """

    catalog: Catalog = field(default_factory=Catalog)
    keys: tuple[str, ...] = ()
    origins: frozenset[str] = frozenset()
    limits: Limits = Limits()
    quiet_limit: float = 15.0
    fingerprint: str = "fp_0"
    public_url: str = ""
    scheme: str = "http"
    gui: bytes = b""
    counter: TokenCounter | None = None
    exposed: bool = False

    def __post_init__(self) -> None:
        if "*" in self.origins:
            raise ValueError("origins are named one by one: '*' would let every web page drive this server")


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of a request as HTTP gives it.

    :param method: as sent, ``POST``.
    :param target: the request target, percent-encoded, with its query: ``/v1/models?x=1``, or in absolute form.
    :param headers: field values by lower-case name.
    """

    method: str
    target: bytes
    headers: Mapping[bytes, bytes]
