# Vectors made of hashes: of length 1, the same for the same text, and otherwise without any sense.
from __future__ import annotations

import struct
from array import array
from hashlib import shake_256
from math import hypot
from typing import Final

__all__ = ("DIMENSIONS", "hashed")

DIMENSIONS: Final = 256  #: unless others are asked for


def hashed(given: str | tuple[int, ...], dimensions: int | None) -> array[float]:
    """The vector of a text or of token ids."""
    told = given.encode("utf-8", "surrogatepass") if isinstance(given, str) else repr(given).encode("ascii")
    size = dimensions or DIMENSIONS
    numbers = struct.unpack(f"<{size}i", shake_256(told).digest(4 * size))
    length = hypot(*numbers)
    return array("f", [number / length for number in numbers])
