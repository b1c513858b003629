# Server-sent events, both directions; the only file that knows them.
#
# Out: `data:` lines and comments, and `event:` above the data where a dialect names its events. openai-python, once it
# has seen an `id:` or a block of only `retry:` or `event:`, parses an empty string as JSON and dies
# (openai-python#2722); so no frame has an `id:` or a `retry:`, and none is without data.
# In: the whole of WHATWG's "interpreting an event stream", incrementally, because upstreams do everything it allows:
# CR, LF or CRLF, a BOM, comments, several data lines, fields without a space.
# https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ("DONE", "MAX_EVENT", "PING", "SseDecoder", "SseError", "SseEvent", "frame", "named_frame")

#: "If the line starts with a U+003A COLON character (:) Ignore the line." So a ping costs a client nothing.
PING: Final = b": ping\n\n"
#: The terminator, exactly: one decoder takes `[DONE] ` with a trailing space for JSON.
DONE: Final = b"data: [DONE]\n\n"
#: Bytes one event may have before it is a fault: a 4k image as base64 is 10 MB.
MAX_EVENT: Final = 32 * 1024 * 1024


def frame(document: bytes) -> bytes:
    """One JSON document (ASCII, no line breaks) as one event."""
    return b"data: %b\n\n" % document


def named_frame(name: bytes, document: bytes) -> bytes:
    """The same of an event that has a name."""
    return b"event: %b\ndata: %b\n\n" % (name, document)


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event: its `data` (lines joined with LF) and its name, ``message`` unless the stream said otherwise."""

    data: str
    name: str = "message"


class SseError(ValueError):
    """The stream holds an event longer than :data:`MAX_EVENT`."""


class SseDecoder:
    """Bytes of an event stream in, events out; any split of the bytes gives the same events."""

    def __init__(self, *, max_event: int = MAX_EVENT) -> None:
        self._tail = bytearray()  # an unfinished line
        self._scanned = 0  # how much of it is known to hold no line end
        self._data: list[bytes] = []
        self._size = 0
        self._name = ""
        self._start = True  # nothing but a possible BOM so far
        self._after_cr = False  # a CR ended the last line: a LF that follows belongs to it
        self._max = max_event

    def feed(self, data: bytes) -> Iterator[SseEvent]:
        """The events these bytes complete. One without its blank line when the stream ends is discarded, by the rule.

        Nothing is read until it is iterated; iterate to the end before feeding more.

        :raises SseError: an event is longer than allowed; the decoder is of no use afterwards.
        """
        if self._after_cr and data:
            self._after_cr = False
            if data[0] == 0x0A:
                data = data[1:]
        self._tail += data
        if self._start:
            # "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any."
            if b"\xef\xbb\xbf".startswith(self._tail[:3]) and len(self._tail) < 3:
                return
            if self._tail.startswith(b"\xef\xbb\xbf"):
                del self._tail[:3]
            self._start = False
        tail, start = self._tail, 0
        scan = self._scanned
        cr, lf = tail.find(b"\r", scan), tail.find(b"\n", scan)
        while cr >= 0 or lf >= 0:
            if lf < 0 or 0 <= cr < lf:
                end, scan = cr, cr + 1
                if scan == len(tail):
                    self._after_cr = True
                elif tail[scan] == 0x0A:
                    scan += 1
                cr = tail.find(b"\r", scan)
            else:
                end, scan = lf, lf + 1
            if 0 <= lf < scan:  # each kind is searched once, or a stream of only CRs would be scanned for LFs at each
                lf = tail.find(b"\n", scan)
            event = self._line(bytes(tail[start:end]))
            if event is not None:
                yield event
            start = scan
        del tail[:start]
        self._scanned = len(tail)
        self._check(len(tail))

    def feed_data(self, data: bytes) -> Iterator[str]:
        """The same events, only what they say and not their names, at a fraction of the cost."""
        tail = self._tail
        if (
            self._after_cr
            or self._data
            or b"\r" in data
            or (tail and b"\n\n" not in data)  # to go through a long line again and again would be quadratic
            or (self._start and (tail or data[:1] in (b"", b"\xef")))  # a BOM, or a part of one
            or len(tail) + len(data) > self._max
        ):
            for event in self.feed(data):
                yield event.data
            return
        # No more than a line is open and every line ends with LF: what stands between two blank lines is an event.
        events, blank, rest = (bytes(tail) + data).rpartition(b"\n\n")
        tail.clear()
        self._start, self._scanned = False, 0
        if blank:
            for block in events.decode("utf-8", "replace").split("\n\n"):
                if block.startswith("data: ") and "\n" not in block:
                    yield block[6:]
                    continue
                name, _, said = block.partition("\n")
                if name.startswith("event: ") and said.startswith("data: ") and "\n" not in said:
                    yield said[6:]
                else:
                    for event in self.feed(block.encode() + b"\n\n"):
                        yield event.data
        for event in self.feed(rest):
            yield event.data

    def _line(self, line: bytes) -> SseEvent | None:
        self._check(len(line))
        event: SseEvent | None = None
        if not line:
            # "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty
            # string and return."
            if self._data:
                # Invalid UTF-8 decodes to U+FFFD: the stream is "decoded with the UTF-8 decode algorithm", which
                # never fails.
                data = b"\n".join(self._data).decode("utf-8", "replace")
                event = SseEvent(data, self._name or "message")
                self._data, self._size = [], 0
            self._name = ""
            return event
        field, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        # A comment (empty field name), `id`, `retry` and unknown fields say nothing that a reader of one reply needs.
        return event

    def _check(self, more: int) -> None:
        if self._size + more > self._max:
            raise SseError(f"an event of the stream is longer than {self._max} bytes")
