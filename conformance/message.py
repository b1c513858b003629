"""HTTP/1.1 messages as values: where a server is, what a request looks like, what a reply says. No sockets here.

The reply side is RFC 9112 to the letter: what it forbids, or what two readers could understand in two ways, raises
`Violation` with the bytes seen. The request side is deliberately loose, for a judge must be able to say wrong things.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

Headers = Sequence[tuple[str, str]]

_STATUS = re.compile(rb"HTTP/(1\.[01]) ([1-5][0-9][0-9]) ([\t \x21-\x7e\x80-\xff]*)")
# field-name = token, no space before the colon: RFC 9112 section 5.1
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t \x21-\x7e\x80-\xff]*?)[ \t]*")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[\t \x21-\x7e\x80-\xff]*)?")


class WireError(Exception):
    """The exchange failed below HTTP's meaning."""


class Violation(WireError):
    """The server's bytes are not HTTP/1.1."""


class Gone(WireError):
    """The server closed or reset the connection before the reply was complete."""


class Silent(WireError):
    """Nothing came in time."""


class Impossible(WireError):
    """What was to be said cannot be said over this kind of connection."""


class Unreachable(WireError):
    """No connection could be made."""


@dataclass(frozen=True, slots=True)
class Url:
    """Where a server is. `base` is the path that every request path is put behind, "/v1" when the URL has none."""

    scheme: str
    host: str
    port: int
    base: str

    @classmethod
    def parse(cls, text: str) -> "Url":
        """Raises ValueError for what is no http(s) URL."""
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{text!r} is not an http:// or https:// URL")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/") or "/v1")

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.base}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A status line, its headers in order, and the body (empty as long as only the head was read)."""

    version: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Every value of one header, names compared without case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The values of one header joined by ", ", or None."""
        return ", ".join(self.all(name)) if self.all(name) else None

    def keeps_alive(self) -> bool:
        tokens = (self.header("connection") or "").lower()
        return "close" not in tokens if self.version == "1.1" else "keep-alive" in tokens


def request_bytes(method: str, path: str, headers: Headers, body: bytes | None = None) -> bytes:
    """A whole request; Content-Length is added for a body."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(pieces: Iterable[bytes]) -> bytes:
    """A body in chunks, one a piece."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"


def status_line(line: bytes) -> tuple[str, int, str]:
    """Version, status and reason of a status line (without its CRLF)."""
    match = _STATUS.fullmatch(line)
    if not match:
        raise Violation(f"not a status line: {line[:80]!r}")
    return match[1].decode(), int(match[2]), match[3].decode("latin-1")


def header_field(line: bytes) -> tuple[str, str]:
    """Name and value of a header line."""
    match = _FIELD.fullmatch(line)
    if not match:
        raise Violation(f"not a header line: {line[:80]!r}")
    return match[1].decode("latin-1"), match[2].decode("latin-1")


def chunk_size(line: bytes) -> int:
    """The size in a chunk's first line; extensions are allowed and ignored."""
    match = _SIZE.fullmatch(line)
    if not match:
        raise Violation(f"not a chunk size: {line[:40]!r}")
    return int(match[1], 16)


def framing(reply: Reply, method: str) -> tuple[str, int]:
    """How the body ends: RFC 9112 section 6.3, where a reply that could be read in two ways is a violation."""
    codings, lengths = reply.all("transfer-encoding"), reply.all("content-length")
    if codings and lengths:
        raise Violation("both Transfer-Encoding and Content-Length in one reply")
    if len(lengths) > 1 or (lengths and not re.fullmatch("[0-9]+", lengths[0])):
        raise Violation(f"Content-Length: {lengths}")
    if codings and (reply.status < 200 or reply.status == 204):
        raise Violation(f"Transfer-Encoding on a {reply.status}")
    if method == "HEAD" or reply.status < 200 or reply.status in (204, 304):
        return "none", 0
    if codings:
        if [coding.lower() for coding in codings] != ["chunked"]:
            raise Violation(f"Transfer-Encoding: {codings}, not asked for")
        return "chunked", 0
    if lengths:
        return "length", int(lengths[0])
    return "close", 0
