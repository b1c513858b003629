# The Date field of replies, made once a second.
from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache

__all__ = ("date",)


def date() -> bytes:
    """Now, as HTTP writes it: ``Sun, 06 Nov 1994 08:49:37 GMT``."""
    return _date(int(time.time()))


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")
