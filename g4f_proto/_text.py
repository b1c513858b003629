# Text on its way out: as JSON strings, and up to a stop sequence.
#
# Quoting: the stdlib's C quoter: about 60 ns a token, pure ASCII, and it cannot fail. UTF-8 output could: upstreams
# split surrogate pairs between two deltas, so a lone surrogate is normal traffic, and raw U+2028 or U+0085 break
# clients that split lines with `str.splitlines`.
from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring_ascii

__all__ = ("StopFilter", "ThinkSplitter", "quote", "quoted")

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
        # Upstreams split surrogate pairs between two deltas: a stop with such a character is looked for in whole ones.
        self._pairs = any(character > "\uffff" for stop in stops for character in stop)
        self._held = ""
        self.ended = False  #: a stop was found; nothing more comes out
        self.found: str | None = None  #: which one

    def push(self, text: str) -> str:
        """The part of what was said so far that is certain to stand before any stop."""
        if not self._stops:
            return text
        if self.ended:
            return ""
        text = self._held + text
        if self._pairs:
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        found = [(at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            _, at, self.found = min(found)
            self.ended, self._held = True, ""
            return text[:at]
        half = int(self._pairs and "\ud800" <= text[-1:] <= "\udbff")  # half a character may become any
        keep = half + max(_overlap(text[: len(text) - half], stop) for stop in self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What is still held back when the text is over: it was no stop."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` begin `stop`."""
    most = min(len(stop) - 1, len(text))
    if text.find(stop[0], len(text) - most) < 0:
        return 0  # nearly always
    return next((n for n in range(most, 0, -1) if text.endswith(stop[:n])), 0)


class ThinkSplitter:
    """Text of a model that thinks aloud: what stands in ``<think>...</think>`` before the answer is not part of it.

    Only at the beginning: a model that writes the tags later writes about them. What could begin a tag is held back.
    """

    _OPEN, _CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._breaks = 0  # line breaks before it, which belong to the thought if it goes on
        self._begun = False  # a thought was told
        self._inside: bool | None = None  # None: it is not yet known whether the answer begins with a thought
        self._over = False
        self._fresh = False

    def push(self, text: str) -> tuple[str, str]:
        """What these characters add to the thought, and to the answer."""
        if self._over:
            if self._fresh:  # the line breaks between the thought and the answer belong to neither
                text = text.lstrip("\n")
                self._fresh = not text
            return "", text
        self._held += text
        if self._inside is None:
            start = self._held.lstrip()
            if self._OPEN.startswith(start):
                return "", ""  # perhaps the tag, or nothing but blanks yet
            self._inside = start.startswith(self._OPEN)
            if self._inside:
                self._held = start[len(self._OPEN) :]
            else:
                self._over = True
                return "", self.flush()
        thought, tag, answer = self._held.partition(self._CLOSE)
        if tag:
            self._over, self._held = True, ""
            answer = answer.lstrip("\n")
            self._fresh = not answer
            thought, self._breaks = self._broken(thought.rstrip("\n")), 0
            return thought, answer
        certain = thought[: len(thought) - _overlap(thought, self._CLOSE)]
        self._held = thought[len(certain) :]
        thought = self._broken(certain.rstrip("\n"))
        self._breaks += len(certain) - len(certain.rstrip("\n"))
        return thought, ""

    def _broken(self, thought: str) -> str:
        """`thought` behind the line breaks before it, if it is one; none stand before the first."""
        if not thought:
            return ""
        thought = "\n" * self._breaks + thought if self._begun else thought.lstrip("\n")
        self._begun, self._breaks = True, 0
        return thought

    def flush(self) -> str:
        """What is still held back when the text is over: it was no tag."""
        held, self._held = "\n" * (self._breaks if self._begun else 0) + self._held, ""
        self._breaks = 0
        return held

    @property
    def thinking(self) -> bool:
        """What is held back belongs to a thought that never ended."""
        return self._inside is True and not self._over
