# Text on its way out: as JSON strings, and up to a stop sequence.
#
# Quoting: the stdlib's C quoter: about 60 ns a token, pure ASCII, and it cannot fail. UTF-8 output could: upstreams
# split surrogate pairs between two deltas, so a lone surrogate is normal traffic, and raw U+2028 or U+0085 break
# clients that split lines with `str.splitlines`.
from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring_ascii

__all__ = ("StopFilter", "quote", "quoted")

quote = encode_basestring_ascii  #: str -> JSON string literal, still a str


def quoted(text: str | None) -> bytes:
    """`text` as a JSON string, or ``null``."""
    return b"null" if text is None else quote(text).encode("ascii")


class StopFilter:
    """Text up to the first stop sequence, which never leaks, even when it is split over deltas.

    What could be the beginning of a stop is held back until it is known not to be one. The stop that is complete first
    ends the text, so that the deltas' borders change nothing; of two that end together, the one that begins first.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.ended = False  #: a stop was found; nothing more comes out

    def push(self, text: str) -> str:
        """The part of what was said so far that is certain to stand before any stop."""
        if not self._stops:
            return text
        if self.ended:
            return ""
        text = self._held + text
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.ended, self._held = True, ""
            return text[: min(found)[1]]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What is still held back when the text is over: it was no stop."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` begin `stop`."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
