"""A strict reader of event streams: parses as WHATWG says, and writes down everything that kills a real client.

The grammar is https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream. Legal is not
enough: `id:` and `retry:` are legal and make openai-python parse an empty event (openai-python#2722), a BOM makes it
skip the stream. What OpenAI itself sends is the measure: `data:` lines holding one JSON object each, comments, and
`data: [DONE]` at the end. Dialects which name their events pass `names`. This file knows no HTTP and no chat.
"""

import json
from dataclasses import dataclass, field
from enum import Enum

DONE = "[DONE]"


class Kind(Enum):
    """What can be wrong with a stream; the value is the reason."""

    BOM = "a byte order mark: openai-python ignores the whole stream"
    UTF8 = "bytes that are not UTF-8"
    ID = "an id: field: each later comment becomes an empty event in openai-python"
    RETRY = "a retry: field: openai-python parses it as an empty event"
    NAME = "an event: name where the dialect has none: clients yield or drop the event"
    FIELD = "a line that is no field of the format"
    NO_DATA = "an event without data: clients parse the empty string as JSON"
    LINES = "data spread over several lines: clients that read by line parse each alone"
    JSON = "data that is neither a JSON object nor [DONE]"
    DONE = "[DONE] not spelt exactly so"
    AFTER = "bytes after [DONE]"
    CUT = "the last event lacks its blank line: Python and Node clients drop it"
    NO_END = "the stream ended without [DONE]"


@dataclass(frozen=True, slots=True)
class Event:
    data: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    kind: Kind
    seen: str

    def __str__(self) -> str:
        return f"{self.kind.value} (seen: {self.seen})"


@dataclass(slots=True)
class SseReader:
    """Feed it bytes, cut anywhere; `events`, `comments` and `violations` grow. `close()` at the end of the body."""

    names: frozenset[str] = frozenset()
    events: list[Event] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    done: bool = False
    _line: bytearray = field(default_factory=bytearray)
    _data: list[str] = field(default_factory=list)
    _name: str = ""
    _block: str = ""
    _after_cr: bool = False
    _begun: bool = False

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; returns the events they completed."""
        before = len(self.events)
        if not data:
            return []
        if self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        # "Lines must be separated by either CRLF, a single LF, or a single CR."
        self._line += data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = self._line.split(b"\n")
        self._line = bytearray(rest)
        for line in lines:
            self._take(bytes(line))
        return self.events[before:]

    def close(self) -> None:
        """The body is over: what is unfinished now will never be dispatched."""
        if self._line or self._block:
            self._report(Kind.CUT, (self._block + self._line.decode("utf-8", "replace"))[-80:])
        if not self.done:
            self._report(Kind.NO_END, self.events[-1].data[:80] if self.events else "no event at all")

    def _report(self, kind: Kind, seen: str) -> None:
        self.violations.append(Violation(kind, repr(seen)))

    def _take(self, raw: bytes) -> None:
        if not self._begun:
            self._begun = True
            if raw.startswith(b"\xef\xbb\xbf"):
                self._report(Kind.BOM, raw[:16].decode("utf-8", "replace"))
                raw = raw[3:]
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            line = raw.decode("utf-8", "replace")
            self._report(Kind.UTF8, line[:80])
        if self.done and line:
            self._report(Kind.AFTER, line[:80])
        if not line:
            self._dispatch()
        elif line.startswith(":"):
            # "If the line starts with a U+003A COLON character (:) Ignore the line."
            self.comments.append(line[1:].strip())
        else:
            self._block += line + "\n"
            name, _, value = line.partition(":")
            self._field(name, value.removeprefix(" "), line)

    def _field(self, name: str, value: str, line: str) -> None:
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
            if value not in self.names:
                self._report(Kind.NAME, line[:80])
        elif name == "id":
            self._report(Kind.ID, line[:80])
        elif name == "retry":
            self._report(Kind.RETRY, line[:80])
        else:
            self._report(Kind.FIELD, line[:80])

    def _dispatch(self) -> None:
        lines, name, block = self._data, self._name, self._block
        self._data, self._name, self._block = [], "", ""
        if not block:
            return
        data = "\n".join(lines)
        if not data:
            self._report(Kind.NO_DATA, block[:80])
            return
        if len(lines) > 1:
            self._report(Kind.LINES, data[:80])
        if data == DONE:
            self.done = True
        elif data.strip().startswith(DONE):
            self._report(Kind.DONE, data[:80])
            self.done = True
        elif not _is_object(data):
            self._report(Kind.JSON, data[:80])
        self.events.append(Event(data, name))


def _is_object(data: str) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False
