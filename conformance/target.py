"""The server under judgement: where it is, what was found out about it, and how to ask it things.

Everything a case needs to say goes through here: `get`, `post`, `chat` for whole replies, `stream` for a stream read
to its end, `live` for one that is watched, `connect` for bare bytes. A foreign server is asked for the first model it
lists; one that lists `scripted` is ours or mimics it, and its answers are known beforehand.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import EllipsisType

from conformance.case import Failed
from conformance.found import Found, Json, show
from conformance.message import Headers, Reply, Url, WireError, request_bytes
from conformance.sse import DONE, Event, SseReader, Violation
from conformance.wire import Connection

SCRIPTED = "scripted"
PROMPT = "Say these words: one two three four"
CHAT = "/chat/completions"

OMIT: EllipsisType = ...  # `body(max_tokens=OMIT)` leaves a default field out


def json_of(reply: Reply) -> Found:
    """The JSON a reply carries."""
    try:
        return Found(json.loads(reply.body.decode()))
    except (ValueError, RecursionError):
        raise Failed(f"{reply.status} whose body is not JSON: {show(reply.body)}") from None


def completed(reply: Reply) -> Found:
    """The JSON of a reply that must be a completion: 200, and it has choices."""
    if reply.status != 200:
        raise Failed(f"status {reply.status}: {show(reply.body)}")
    found = json_of(reply)
    found["choices"]
    return found


@dataclass(slots=True)
class Stream:
    """A stream as it was received. `pieces` are the HTTP chunks, `chunks` the JSON objects in their order."""

    head: Reply
    pieces: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    @property
    def chunks(self) -> list[Found]:
        return [_chunk(number, event) for number, event in enumerate(self.events) if event.data != DONE]

    @property
    def choices(self) -> list[Found]:
        """The choices of all chunks, flat."""
        return [choice for chunk in self.chunks for choice in chunk["choices"]]

    @property
    def text(self) -> str:
        """The content of the first choice."""
        deltas = (choice["delta"].get("content") for choice in self.choices if choice.get("index").value in (0, None))
        return "".join(delta.text_or_null() or "" for delta in deltas)

    @property
    def finish(self) -> str | None:
        """The last finish_reason that was not null."""
        reasons = [choice.get("finish_reason").text_or_null() for choice in self.choices]
        return next((reason for reason in reversed(reasons) if reason), None)


def stream_of(reply: Reply) -> Stream:
    """The stream in a reply that was read whole."""
    stream = Stream(reply, [reply.body])
    reader = SseReader(events=stream.events, comments=stream.comments, violations=stream.violations)
    reader.feed(reply.body)
    reader.close()
    return stream


def _chunk(number: int, event: Event) -> Found:
    try:
        return Found(json.loads(event.data), f"chunks[{number}]")
    except ValueError:
        raise Failed(f"event {number} is not JSON: {show(event.data)}") from None


class Live:
    """A stream that is being watched: iterate for the events as they come."""

    def __init__(self, connection: Connection, head: Reply) -> None:
        self.connection = connection
        self.stream = Stream(head)
        self._reader = SseReader(
            events=self.stream.events, comments=self.stream.comments, violations=self.stream.violations
        )

    def __iter__(self) -> Iterator[Event]:
        for piece in self.connection.pieces():
            self.stream.pieces.append(piece)
            yield from self._reader.feed(piece)
        self._reader.close()

    def content(self, count: int = 1) -> None:
        """Read until `count` deltas with text have come."""
        for event in self:
            if event.data != DONE and any(
                choice["delta"].get("content").value for choice in _chunk(0, event)["choices"]
            ):
                count -= 1
                if not count:
                    return
        raise Failed("the stream ended before it was expected to")


def _ids(reply: Reply) -> list[str]:
    try:
        return [model["id"].text() for model in json_of(reply)["data"]]
    except Failed:
        return []


class Target:
    """A server. `has` holds what was found: "scripted", "key"."""

    def __init__(self, url: Url, *, key: str | None = None, model: str | None = None, timeout: float = 30.0) -> None:
        """Asks the server who it is; raises `WireError` when there is nobody, ValueError when it needs to be told."""
        self.url, self.key, self.timeout = url, key, timeout
        reply = self.get("/models")
        self.models = _ids(reply)
        self.has = frozenset(
            name for name, so in (("scripted", SCRIPTED in self.models), ("key", self._needs_key())) if so
        )
        if model is None and not self.models:
            raise ValueError(
                f"{url}/models answers {reply.status} and lists no model: give --model, and --key if need be"
            )
        self.model = model or (SCRIPTED if SCRIPTED in self.models else self.models[0])
        if self.model.partition(":")[0] != SCRIPTED:
            self.has -= {"scripted"}

    def _needs_key(self) -> bool:
        try:
            return self.key is not None and self.post(CHAT, b"{}", headers=()).status == 401
        except WireError:
            return False

    # bytes

    def connect(self, timeout: float | None = None, *, receive_buffer: int | None = None) -> Connection:
        return Connection(self.url, timeout or self.timeout, receive_buffer=receive_buffer)

    @property
    def auth(self) -> Headers:
        return (("Authorization", f"Bearer {self.key}"),) if self.key else ()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Headers | None = None,
        base: str | None = None,
    ) -> bytes:
        """A request's bytes. `headers` replace the key, `base` the URL's path; Host and the JSON type stay."""
        typed = (("Content-Type", "application/json"),) if body is not None else ()
        sent = self.auth if headers is None else headers
        whole = (self.url.base if base is None else base) + path
        return request_bytes(method, whole, (("Host", self.url.authority), *typed, *sent), body)

    # whole replies

    def exchange(self, data: bytes, method: str = "GET") -> Reply:
        """Send bytes on a fresh connection and read one reply."""
        with self.connect() as connection:
            connection.send(data)
            return connection.reply(method)

    def get(self, path: str, headers: Headers | None = None, *, method: str = "GET", base: str | None = None) -> Reply:
        """A request without a body."""
        return self.exchange(self.request(method, path, None, headers, base), method)

    def post(self, path: str, body: bytes, headers: Headers | None = None, *, base: str | None = None) -> Reply:
        return self.exchange(self.request("POST", path, body, headers, base), "POST")

    # chat

    def body(self, **fields: object) -> bytes:
        """A chat request as JSON: a short prompt, at most 24 tokens; `fields` are added, replaced, or `OMIT`ted."""
        messages: Json = [{"role": "user", "content": PROMPT}]
        base: dict[str, object] = {"model": self.model, "messages": messages, "max_tokens": 24, "temperature": 0}
        return json.dumps({key: value for key, value in (base | fields).items() if value is not OMIT}).encode()

    def chat_reply(self, **fields: object) -> Reply:
        return self.post(CHAT, self.body(**fields))

    def chat(self, **fields: object) -> Found:
        """A completion that must succeed."""
        return completed(self.chat_reply(**fields))

    def alive(self) -> None:
        """The server still answers a chat request."""
        try:
            self.chat(max_tokens=1)
        except (WireError, Failed) as error:
            raise Failed(f"the server does not answer any more: {error}") from None

    @contextmanager
    def live(self, headers: Headers = (), receive_buffer: int | None = None, /, **fields: object) -> Iterator[Live]:
        """A stream whose head was read: 200 and an event stream, or `Failed`."""
        with self.connect(receive_buffer=receive_buffer) as connection:
            body = self.body(stream=True, **fields)
            connection.send(self.request("POST", CHAT, body, (*self.auth, *headers)))
            head = connection.head("POST")
            kind = (head.header("content-type") or "").partition(";")[0].strip().lower()
            if head.status != 200 or kind != "text/event-stream":
                seen = b"".join(connection.pieces())
                raise Failed(f"no stream but {head.status} {kind or 'without a type'}: {show(seen)}")
            yield Live(connection, head)

    def stream(self, headers: Headers = (), /, **fields: object) -> Stream:
        """A stream read to its end."""
        with self.live(headers, **fields) as live:
            for _ in live:
                pass
            return live.stream

    def report(self, name: str) -> int:
        """What the scripted provider says about itself: calls "running", "deltas" produced."""
        text = self.chat(model=f"{SCRIPTED}:report={name}")["choices"][0]["message"]["content"].text()
        if not text.strip().isdigit():
            raise Failed(f"{SCRIPTED}:report={name} says {text!r}, no number")
        return int(text)
