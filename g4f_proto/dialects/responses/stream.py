# A response as a stream: `created`, `in_progress`, items with their parts one after the other, and `completed`,
# `incomplete` or `failed` with the whole of it; and the same collected as one `response` document at the end.
#
# The order is kept by construction: a part and its item are added by the first thing said of them, and what is said
# next of another kind, or of another call, ends them. One exception: a call whose arguments are no whole object stays
# open, for a provider that writes two calls in turns says more of it; every event names its item. Each has a name,
# the same `type` in its data, and the next number. There is no [DONE]: the last event says that it is the last.
# https://platform.openai.com/docs/api-reference/responses-streaming
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from ..._calls import ChatCall
from ..._errors import ApiError
from ..._events import Finish, ProviderEvent, Quiet, Reasoning, Refusal, Scored, ToolCall, Usage
from ..._sse import PING, named_frame
from ..._text import quoted
from .. import JSON_HEADERS, SSE_HEADERS, Encoder
from ..chat.envelope import Ending
from .errors import error_event, failure_object
from .items import CALL, REFUSAL, TEXT, THOUGHT, Item, Kind, Part, scores

__all__ = ("ResponseReply", "ResponseStream")

#: Why an answer that is not complete ended -> what is told.
_INCOMPLETE: Final[Mapping[str, bytes]] = {"length": b"max_output_tokens", "content_filter": b"content_filter"}


class ResponseStream(Encoder):
    """The live encoder of a response.

    :param echo: the fields that a response repeats of its request.
    """

    headers = SSE_HEADERS
    live = True

    def __init__(self, *, id: str, created: int, call: ChatCall, echo: Mapping[str, JsonValue]) -> None:
        self._usage: Usage | None = None
        self._id = id.encode("ascii")
        self._start = b'{"id":"resp_%b","object":"response","created_at":%d,"model":%b,"provider":%b,%b' % (
            self._id,
            created,
            quoted(call.request.model or call.model),
            quoted(call.provider),
            json.dumps(dict(echo), separators=(",", ":")).encode("ascii")[1:-1],
        )
        self._number = 0  # of the next event
        self._items: list[Item] = []
        self._open: Part | None = None  # the part that more of its kind is said of
        self._calls: dict[int, Part] = {}
        self._ending = Ending(legacy=False)

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""
        return self._usage

    def text(self, text: str) -> bytes:
        """A piece of the answer's text."""
        return self._say(TEXT, text)

    def event(self, event: ProviderEvent) -> bytes:
        """Anything a provider may say, text included."""
        if isinstance(event, str):
            return self._say(TEXT, event)
        if isinstance(event, Quiet):
            return PING  # it opens nothing: another provider may still begin
        if isinstance(event, Scored):
            return self._say(TEXT, event.text, event)
        if isinstance(event, Reasoning):
            return self._say(THOUGHT, event.text)
        if isinstance(event, Refusal):
            return self._say(REFUSAL, event.text)
        if isinstance(event, ToolCall):
            piece = self._ending.call(event, f"call_{self._id.decode()}")
            return self._call(piece) if piece is not None else b""
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Finish):
            self._ending.reason = event.reason
        return b""

    def end(self) -> bytes:
        """The provider has finished."""
        status = self._status
        return self._begin() + self._close_all(status) + self._state(status, status)

    def fail(self, error: ApiError) -> bytes:
        """The provider failed after bytes have left: what happened, then the end that every response has."""
        told = self._event(b"error", error_event(error))
        for item in self._items:
            if item.status == b"in_progress":
                item.status = b"incomplete"
        return told + self._state(b"failed", b"failed", failure_object(error))

    @property
    def _status(self) -> bytes:
        return b"incomplete" if self._ending.reason in _INCOMPLETE else b"completed"

    def _begin(self) -> bytes:
        return b"" if self._number else self._state(b"created") + self._state(b"in_progress")

    def _say(self, kind: Kind, text: str, scored: Scored | None = None) -> bytes:
        if not text and scored is None:
            return b""
        part = self._open
        if part is None or part.kind is not kind:
            part, added = self._add(kind, None)
            return added + self._delta(part, text, scored)
        return self._delta(part, text, scored)

    def _call(self, piece: ToolCall) -> bytes:
        part, added = self._calls.get(piece.index), b""
        if part is None:
            part, added = self._add(CALL, piece)
            self._calls[piece.index] = part
        if part.done or not piece.arguments:  # behind a whole object there is only white space
            return added
        return added + self._delta(part, piece.arguments)

    def _delta(self, part: Part, text: str, scored: Scored | None = None) -> bytes:
        part.pieces.append(text)
        rest = b',"logprobs":[]' if part.kind is TEXT else b""
        if scored is not None:
            part.scored.append(scored)
            rest = b',"logprobs":' + scores([scored])
        return self._event(part.kind.said + b".delta", b'%b,"delta":%b%b' % (part.where, quoted(text), rest))

    def _add(self, kind: Kind, call: ToolCall | None) -> tuple[Part, bytes]:
        """A new part, in the item that is open where it may stand there."""
        last, item, out = self._open, None, self._begin()
        if last is not None and last.item.kind == kind.item and call is None:
            item = last.item
            out += self._done(last)
        elif last is not None and last.whole:
            out += self._close(last.item, b"completed")
        if item is None:
            place = len(self._items)
            item = Item(b"%b_%b%d" % (kind.prefix, self._id, place), place, kind.item, call)
            self._items.append(item)
            body = b'"output_index":%d,"item":%b' % (place, item.document())
            out += self._event(b"response.output_item.added", body)
        where = b'"item_id":"%b","output_index":%d' % (item.id, item.place)
        if kind.part:
            where += b',"%b":%d' % (kind.index, len(item.parts))
        part = self._open = Part(kind, item, where)
        item.parts.append(part)
        if kind.part:
            out += self._event(kind.part + b".added", b'%b,"part":%b' % (where, part.document()))
        return part, out

    def _done(self, part: Part) -> bytes:
        if part.done:
            return b""
        part.done = True
        kind, rest = part.kind, b""
        if kind is TEXT:
            rest = b',"logprobs":' + scores(part.scored)
        elif part.item.call is not None:
            rest = b',"name":' + quoted(part.item.call.name)
        out = self._event(kind.said + b".done", b'%b,"%b":%b%b' % (part.where, kind.whole, quoted(part.text), rest))
        if kind.part:
            out += self._event(kind.part + b".done", b'%b,"part":%b' % (part.where, part.document()))
        return out

    def _close(self, item: Item, status: bytes) -> bytes:
        out = b"".join(map(self._done, item.parts))
        item.status = status
        body = b'"output_index":%d,"item":%b' % (item.place, item.document())
        return out + self._event(b"response.output_item.done", body)

    def _close_all(self, status: bytes) -> bytes:
        return b"".join(self._close(item, status) for item in self._items if item.status == b"in_progress")

    def _state(self, name: bytes, status: bytes = b"in_progress", error: bytes = b"null") -> bytes:
        return self._event(b"response." + name, b'"response":' + self._document(status, error))

    def _document(self, status: bytes, error: bytes = b"null") -> bytes:
        reason = _INCOMPLETE.get(self._ending.reason) if status == b"incomplete" else None
        return self._start + b',"status":"%b","error":%b,"incomplete_details":%b,"output":[%b],"usage":%b}' % (
            status,
            error,
            b"null" if reason is None else b'{"reason":"%b"}' % reason,
            b",".join(item.document() for item in self._items),
            b"null" if self._usage is None else _count(self._usage),
        )

    def _event(self, kind: bytes, body: bytes) -> bytes:
        number, self._number = self._number, self._number + 1
        return named_frame(kind, b'{"type":"%b","sequence_number":%d,%b}' % (kind, number, body))


class ResponseReply(ResponseStream):
    """The collecting encoder of a response: the same items, told once."""

    headers = JSON_HEADERS
    live = False

    def text(self, text: str) -> bytes:
        super().text(text)
        return b""

    def event(self, event: ProviderEvent) -> bytes:
        super().event(event)
        return b""

    def end(self) -> bytes:
        self._close_all(self._status)
        return self._document(self._status)

    def fail(self, error: ApiError) -> bytes:
        return error.body()


def _count(usage: Usage) -> bytes:
    return (
        b'{"input_tokens":%d,"input_tokens_details":{"cached_tokens":%d,"cache_write_tokens":0},"output_tokens":%d,'
        b'"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}'
    ) % (
        usage.prompt_tokens,
        usage.cached_tokens,
        usage.completion_tokens,
        usage.reasoning_tokens,
        usage.prompt_tokens + usage.completion_tokens,
    )
