# Images of one colour, made with the standard library alone: for people who test how their client asks for images.
#
# A PNG with a palette of one colour takes a bit a pixel before it is packed, so the largest size costs next to nothing.
# https://www.w3.org/TR/png-3/
from __future__ import annotations

import struct
import zlib
from hashlib import sha256

from g4f_proto import Image, ImageCall, UnsupportedParameter

__all__ = ("swatch",)

_SIDE = 64  # pixels, where the client leaves it open


def swatch(call: ImageCall, index: int) -> Image:
    """The image of that index: a PNG of the size that was asked for; prompt, seed and index decide its colour.

    :raises UnsupportedParameter: another format is asked for.
    """
    if call.output_format != "png":
        raise UnsupportedParameter(f"The model '{call.model}' makes no images but PNG.", param="output_format")
    width, height = call.width or call.height or _SIDE, call.height or call.width or _SIDE
    seed = f"{(call.seed or 0) + index}\n{call.prompt}"
    colour = sha256(seed.encode("utf-8", "surrogatepass")).digest()[:3]
    told = f"scripted: {width} x {height} pixels of #{colour.hex()}"
    return Image(data=_png(width, height, colour), type="image/png", revised_prompt=told)


def _png(width: int, height: int, colour: bytes) -> bytes:
    row = bytes(1 + (width + 7) // 8)  # filter 0, and the palette's entry 0 for each pixel
    pixels = zlib.compress(row * height, 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)  # a bit a pixel, with a palette
    chunks = ((b"IHDR", header), (b"PLTE", colour), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
