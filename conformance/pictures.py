"""Images as clients ask for them: the plainest request, what comes back, and the size that a file's header tells."""

import json
import struct
from base64 import b64decode
from dataclasses import dataclass

from conformance import shapes
from conformance.case import Failed, NotApplicable
from conformance.found import Found, show
from conformance.message import Headers, Reply, Url
from conformance.target import OMIT, SCRIPTED, Target, json_of

IMAGES = "/images/generations"
SIZE = (256, 256)  # the smallest that DALL-E 2 makes, and a size that everybody has
_NO_SUCH_ENDPOINT = (404, 405, 501)


def ask(target: Target, headers: Headers | None = None, /, **fields: object) -> Reply:
    """A request for one small image; `fields` are added, replaced, or `OMIT`ted."""
    model = SCRIPTED if "scripted" in target.has else OMIT  # a foreign server knows best what paints there
    plain: dict[str, object] = {"model": model, "prompt": "a red circle", "size": f"{SIZE[0]}x{SIZE[1]}"}
    body = {name: value for name, value in (plain | fields).items() if value is not OMIT}
    return target.post(IMAGES, json.dumps(body).encode(), headers)


def made(target: Target, **fields: object) -> Found:
    """The JSON of images that were made; not applicable where nobody makes such images."""
    reply = shapes.offered(ask(target, **fields), "images like these")
    if reply.status in _NO_SUCH_ENDPOINT and "scripted" not in target.has:
        raise NotApplicable(f"the server makes no images: {reply.status} at {IMAGES}")
    if reply.status != 200:
        raise Failed(f"status {reply.status}: {show(reply.body)}")
    found = json_of(reply)
    if not len(found["data"]):
        raise Failed("data is empty")
    return found


def data_of(entry: Found) -> bytes:
    """The bytes of an image that was sent as base64."""
    try:
        return b64decode(entry["b64_json"].text(), validate=True)
    except ValueError:
        raise Failed(f"{entry.path}.b64_json is not base64") from None


def size_of(data: bytes, what: str) -> tuple[int, int]:
    """Width and height as a PNG's, JPEG's or WebP's header tells them."""
    try:
        size = _png(data) or _jpeg(data) or _webp(data)
    except (struct.error, IndexError):
        size = None
    if size is None:
        raise Failed(f"{what} is no PNG, JPEG or WebP: {data[:16]!r}")
    return size


def _png(data: bytes) -> tuple[int, int] | None:
    width, height = struct.unpack(">II", data[16:24])
    return (width, height) if data.startswith(b"\x89PNG\r\n\x1a\n") else None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while data.startswith(b"\xff\xd8") and data[at] == 0xFF:
        if 0xC0 <= data[at + 1] <= 0xCF and data[at + 1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16] if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else b""
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


@dataclass(frozen=True, slots=True)
class Stored:
    """A file on the judged server: its path, and what a plain GET without a key gives."""

    target: Target
    path: str
    reply: Reply

    def get(self, method: str = "GET", path: str | None = None, **fields: str) -> Reply:
        """The file, asked for with more header fields; `if_range` is `If-Range`."""
        headers = [(name.replace("_", "-").title(), value) for name, value in fields.items()]
        return self.target.get(path or self.path, headers, method=method, base="")

    @property
    def body(self) -> bytes:
        return self.reply.body

    def field(self, name: str) -> str:
        value = self.reply.header(name)
        if value is None:
            raise Failed(f"GET {self.path}: no {name}")
        return value


def stored(target: Target) -> Stored:
    """An image that was asked for as an address; not applicable where it is kept on another server."""
    address = made(target, response_format="url")["data"][0]["url"].text()
    if address.startswith("data:"):
        raise NotApplicable("the address holds the image itself")
    try:
        url = Url.parse(address)
    except ValueError:
        raise Failed(f"data[0].url is no http address: {show(address)}") from None
    if url.authority != target.url.authority:
        # A judge fetches nothing from servers that it was not asked to judge.
        raise NotApplicable(f"images are kept at {url.authority}")
    path = address.partition(url.authority)[2]
    reply = target.get(path, (), base="")
    if reply.status != 200 or not reply.body:
        raise Failed(f"GET {path}, without a key as browsers send it: {reply.status}, {len(reply.body)} bytes")
    return Stored(target, path, reply)
