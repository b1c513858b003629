# An image in a chat, checked before any provider sees it: a data URI in, its bytes and true format and size out.
#
# What passes here is passed on, so only the letter of the rules passes: RFC 2397 for the URI, RFC 4648 section 4 for
# the data. Nothing is repaired (escapes, line breaks, the URL-safe alphabet, missing padding), because an upstream that
# does not repair would refuse what we let through; the error names the flaw instead. The declared type need only be an
# image's: OpenAI goes by the content, and `image/jpg` or a PNG that is called a JPEG are common. The content's first
# bytes decide, and its header alone gives the size in pixels, so a decompression bomb is refused without decoding it.
# Whether the pixels behind the header can be decoded is for the provider that looks at them.
#
# Work and memory are linear in the URI: one slice, one decoded copy, and a bounded number of steps over a header.
# Codes and sentences are those recorded from api.openai.com where there is one.
# https://www.rfc-editor.org/rfc/rfc2397  https://www.rfc-editor.org/rfc/rfc4648#section-4
from __future__ import annotations

import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from ._errors import InvalidRequest

__all__ = ("ImageLimits", "InputImage", "is_remote", "media_type", "read_data_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """What an image may be, each bound inclusive."""

    #: Bytes, decoded. OpenAI: "Please make sure your image is below 20 MB in size".
    size: int = 20 * 2**20
    #: Pixels of its width, and of its height: a WebP frame has room for 16384, PNG for 2^31 - 1.
    side: int = 16384
    #: Pixels in all: as RGBA, 400 MB of memory for whoever decodes it. Pillow warns at 89 million.
    pixels: int = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImage:
    """An image a user showed: what its bytes say, whatever its URI said.

    :param media_type: ``image/png``, ``image/jpeg``, ``image/gif`` or ``image/webp``.
    :param width: in pixels, of the whole canvas, as stored: a JPEG's Exif orientation is not applied.
    :param data: the file, whole and unchanged.
    """

    media_type: str
    width: int
    height: int
    data: bytes = field(repr=False)


def is_remote(url: str) -> bool:
    """Whether `url` is an http or https URL: it is passed to upstreams as it is, and never fetched here."""
    if url[:8].lower().startswith(("http://", "https://")) and url.isprintable() and " " not in url:
        try:
            return bool(urlsplit(url).hostname)
        except ValueError:  # brackets that hold no IPv6 address
            return False
    return False


def read_data_uri(url: str, *, param: str, limits: ImageLimits) -> InputImage:
    """The image in ``data:image/png;base64,...``.

    :param param: the path of the URL in the request, for errors: ``messages[0].content[1].image_url.url``.
    :raises InvalidRequest: naming what is wrong and never the data. Its code is ``invalid_value`` (no such URI, another
        scheme, not base64), ``invalid_image_format`` (none of the four formats), ``image_parse_error`` (its header is
        broken), ``image_file_too_large`` (bytes) or ``image_too_large`` (pixels).
    """
    data = _decode(_base64(url, param), param, limits)
    media_type, measure = _format(data, param)
    try:
        width, height = measure(data)
    except (struct.error, _BrokenHeader):
        width = height = 0
    if not (width and height):  # "Zero is an invalid value", https://www.w3.org/TR/png-3/#11IHDR, and so in all of them
        raise InvalidRequest(
            f"The image data you provided in '{param}' does not represent a valid image: "
            f"its {media_type} header is incomplete or broken.",
            param=param,
            code="image_parse_error",
        )
    if max(width, height) > limits.side or width * height > limits.pixels:
        raise InvalidRequest(
            f"The image in '{param}' has {width} x {height} pixels. Expected at most {limits.side} a side "
            f"and {limits.pixels} in all.",
            param=param,
            code="image_too_large",
        )
    return InputImage(media_type=media_type, width=width, height=height, data=data)


def media_type(data: str) -> str:
    """The true type of an image whose base64, `data`, passed :func:`read_data_uri` before."""
    return _format(binascii.a2b_base64(data[:64]), "")[0]


# --- the URI ---

#: What stands before the comma is some 20 characters; without a comma so far, the data is not searched for one.
_LONGEST_HEADER: Final = 256
#: https://www.rfc-editor.org/rfc/rfc6838#section-4.2
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+")
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="


def _invalid(param: str, got: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid image URL: '{param}'. Expected a base64-encoded data URL with an image MIME type "
        f"(e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got {got}.",
        param=param,
        code="invalid_value",
    )


def _base64(url: str, param: str) -> str:
    # "dataurl := "data:" [ mediatype ] [ ";base64" ] "," data"
    if url[:5].lower() != "data:":
        scheme, colon, _ = url[:24].lower().partition(":")
        if colon and scheme.isascii() and scheme.isalnum() and scheme not in ("http", "https"):
            raise _invalid(param, f"a URL with the unsupported scheme '{scheme}:'")
        raise _invalid(param, "a value that is no http(s) URL and is without the 'data:' prefix")
    comma = url.find(",", 5, _LONGEST_HEADER)
    if comma < 0:
        raise _invalid(param, f"a value without a comma in its first {_LONGEST_HEADER} characters")
    media_type, *parameters = url[5:comma].lower().split(";")
    media_type = media_type or "text/plain"  # "If <mediatype> is omitted, it defaults to text/plain"
    top, _, name = media_type.partition("/")
    if not name or not _NAME.issuperset(top + name) or len(media_type) > 64:
        raise _invalid(param, "a malformed MIME type")
    if top != "image":
        raise _invalid(param, f"unsupported MIME type '{media_type}'")
    if not parameters or parameters[-1] != "base64":
        raise _invalid(param, "a value without the ';base64' separator")
    return url[comma + 1 :]


def _decode(text: str, param: str, limits: ImageLimits) -> bytes:
    size = len(text) // 4 * 3 - text[-2:].count("=")
    if size > limits.size:
        raise InvalidRequest(
            f"The image in '{param}' is too large: it has {size} bytes. Expected at most {limits.size}.",
            param=param,
            code="image_file_too_large",
        )
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
        if len(text) % 4 or len(data) != size:  # superfluous padding, which CPython's strict mode overlooks
            raise binascii.Error
    except ValueError:
        raise _invalid(param, f"an invalid base64-encoded value: {_flaw(text)}") from None
    if not data:
        raise _invalid(param, "empty base64-encoded bytes")
    return data


def _flaw(text: str) -> str:
    foreign = text.encode("ascii", "replace").translate(None, _ALPHABET)
    if not foreign:
        return "it was cut, or its padding is missing or misplaced"
    if b"%" in foreign:
        return "it has percent-escapes"
    if foreign.split(None, 1) != [foreign]:
        return "it has line breaks or other whitespace"
    if not foreign.strip(b"-_"):
        return "it is in the URL-safe alphabet, with '-' and '_' instead of '+' and '/'"
    return "it has characters that are not base64"


# --- the formats ---


class _BrokenHeader(Exception):
    pass


def _format(data: bytes, param: str) -> tuple[str, Callable[[bytes], tuple[int, int]]]:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png", _png
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", _jpeg
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif", _gif
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp", _webp
    raise InvalidRequest(
        f"You uploaded an unsupported image in '{param}'. "
        "Please make sure your image has one of the following formats: 'png', 'jpeg', 'gif', 'webp'.",
        param=param,
        code="invalid_image_format",
    )


def _png(data: bytes) -> tuple[int, int]:
    # "The IHDR chunk shall be the first chunk in the PNG datastream", and its data are 13 bytes.
    # https://www.w3.org/TR/png-3/#11IHDR
    length, name, width, height, _crc = struct.unpack_from(">I4sII5xI", data, 8)
    if length != 13 or name != b"IHDR":
        raise _BrokenHeader
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    # The logical screen descriptor. https://www.w3.org/Graphics/GIF/spec-gif89a.txt, section 18
    width, height = struct.unpack_from("<HH3x", data, 6)
    return width, height


#: Markers before the frame header: some dozens, a few hundred with a large ICC or XMP profile.
_MOST_MARKERS: Final = 4096
#: Start of frame, every process; C4, C8 and CC among them are tables. https://www.w3.org/Graphics/JPEG/itu-t81.pdf B.1
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: "Stand-alone" ones, without a length: TEM, RST0 to RST7 and SOI. FF before a marker is a fill byte.
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9), 0xFF})
#: The scan or the end of the image, and the zero behind an FF that only a scan has: no frame header comes any more.
_TOO_LATE: Final = frozenset({0x00, 0xD9, 0xDA})


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    for _ in range(_MOST_MARKERS):
        at = data.find(b"\xff", at) + 1  # rubbish between segments is skipped, as libjpeg's `next_marker` does
        (marker,) = struct.unpack_from("B", data, at)
        if not at or marker in _TOO_LATE:
            break
        if marker in _ALONE:
            at += marker != 0xFF  # a fill byte may be the FF that the next marker begins with
            continue
        if marker in _FRAMES:
            length, height, width, components = struct.unpack_from(">HxHHB", data, at + 1)
            if length != 8 + 3 * components:
                break
            return width, height
        (length,) = struct.unpack_from(">H", data, at + 1)
        at += 1 + max(length, 2)
    raise _BrokenHeader


def _webp(data: bytes) -> tuple[int, int]:
    # https://developers.google.com/speed/webp/docs/riff_container
    kind = data[12:16]
    if kind == b"VP8X":
        low, high = struct.unpack_from("<4xIH", data, 20)  # two numbers of 24 bits, each one less than it says
        return (low & 0xFFFFFF) + 1, (low >> 24 | high << 8) + 1
    if kind == b"VP8L":
        signature, bits = struct.unpack_from("<BI", data, 20)
        if signature == 0x2F and not bits >> 29:  # "The version_number is a 3 bit code that must be set to 0"
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        # A key frame, bit 0 clear; 14 bits each, the upper two tell how to scale. RFC 6386, section 9.1
        tag, start, width, height = struct.unpack_from("<B2x3sHH", data, 20)
        if not tag & 1 and start == b"\x9d\x01\x2a":
            return width & 0x3FFF, height & 0x3FFF
    raise _BrokenHeader
