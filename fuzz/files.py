# Conditions and ranges of a stored file, whatever a client's header fields say.
from __future__ import annotations

from random import Random
from typing import Final, Literal

from g4f_proto import ApiError, File, MediaCall, media_part

from .mutate import mutant

__all__ = ("files",)

_NAMES: Final = (
    b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since",
)  # fmt: skip
_VALUES: Final = (
    b"bytes=1-3", b"bytes=-5", b"bytes=7-", b'"abc"', b'W/"abc", "x"', b"*", b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994",
)  # fmt: skip


def files(chance: Random) -> None:
    """A part that is within the file, or a refusal that says why."""
    file = File(size=chance.choice((0, 1, 1000)), type="image/png", etag="abc", modified=784111777)
    fields = {name: mutant(chance.choice(_VALUES), chance) for name in _NAMES if chance.random() < 0.4}
    method: Literal["GET", "HEAD"] = "HEAD" if chance.random() < 0.2 else "GET"
    try:
        part = media_part(file, MediaCall(name="x", method=method, headers=fields))
    except ApiError as error:
        if error.status not in (412, 416):
            raise
        return
    told = dict(part.headers)
    assert 0 <= part.start <= part.stop <= file.size
    assert part.start == part.stop or method == "GET"
    assert part.status == 304 or method == "HEAD" or int(told[b"content-length"]) == part.stop - part.start
    assert (part.status == 206) == (b"content-range" in told)
