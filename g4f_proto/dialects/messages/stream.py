# A message as a stream: `message_start`, blocks one after the other, `message_delta` with the reason and the count,
# `message_stop`; and the same collected as one `message` document at the end.
#
# The order is kept by construction: a block is started by its first piece, and what is said next of another kind, or of
# another call, stops it. One exception: a call whose arguments are no whole object stays open, for a provider that
# writes two calls in turns says more of it; a delta names its block, so clients that follow the index read both.
# https://docs.claude.com/en/docs/build-with-claude/streaming
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..._calls import ChatCall
from ..._errors import ApiError
from ..._events import Finish, ProviderEvent, Quiet, Reasoning, Refusal, Scored, ToolCall, Usage
from ..._sse import named_frame
from ..._text import quote, quoted
from .. import JSON_HEADERS, SSE_HEADERS, Encoder
from ..chat.envelope import Ending
from .errors import message_error
from .upstream import arguments_object

__all__ = ("MessageReply", "MessageStream")

#: Why an answer ended -> what is told.
_REASONS: Final[Mapping[str, bytes]] = {
    "stop": b"end_turn",
    "length": b"max_tokens",
    "tool_calls": b"tool_use",
    "content_filter": b"refusal",
}
_PING: Final = named_frame(b"ping", b'{"type":"ping"}')
#: Kind of a block -> its start without what was said, and the delta that says it.
_EMPTY: Final = {"text": b'{"type":"text","text":""}', "thinking": b'{"type":"thinking","thinking":"","signature":""}'}
_DELTA: Final = {
    "text": b'{"type":"text_delta","text":',
    "thinking": b'{"type":"thinking_delta","thinking":',
    "tool_use": b'{"type":"input_json_delta","partial_json":',
}


@dataclass(slots=True)
class _Block:
    """A block of the answer: text, a thought or a call, as far as it was said."""

    kind: str
    prefix: bytes  # of each delta, up to the quoted piece
    call: ToolCall | None = None
    pieces: list[str] = field(default_factory=list)
    stopped: bool = False

    def add(self, piece: str) -> bytes:
        self.pieces.append(piece)
        return self.prefix + quote(piece).encode("ascii") + b"}}\n\n"

    @property
    def whole(self) -> bool:
        """Nothing more can be said of it later: it is no call, or the call's arguments are complete."""
        if self.call is None:
            return True
        try:
            return isinstance(json.loads("".join(self.pieces)), dict)
        except (ValueError, RecursionError):
            return False

    def document(self) -> bytes:
        said = "".join(self.pieces)
        if self.call is not None:
            return _call(self.call, json.dumps(arguments_object(said), separators=(",", ":")).encode("ascii"))
        return _EMPTY[self.kind].replace(b'""', quoted(said), 1)


def _call(call: ToolCall, arguments: bytes) -> bytes:
    return b'{"type":"tool_use","id":%b,"name":%b,"input":%b}' % (quoted(call.id), quoted(call.name), arguments)


class MessageStream(Encoder):
    """The live encoder of a message.

    :param thoughts: the client wants thoughts.
    """

    headers = SSE_HEADERS
    live = True

    def __init__(self, *, id: str, call: ChatCall, thoughts: bool) -> None:
        self._usage: Usage | None = None
        self._thoughts = thoughts
        self._call_id = f"toolu_{id}"
        self._head = b'{"id":"msg_%b","type":"message","role":"assistant","model":%b,"provider":%b,' % (
            id.encode("ascii"),
            quoted(call.request.model or call.model),
            quoted(call.provider),
        )
        self._started = False
        self._blocks: list[_Block] = []
        self._open: _Block | None = None  # the block that more of its kind is said of
        self._calls: dict[int, _Block] = {}
        self._ending = Ending(legacy=False)
        self._stopped: str | None = None  # the stop sequence that ended the answer
        self._refusals: list[str] = []

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""
        return self._usage

    def text(self, text: str) -> bytes:
        """A piece of the answer's text; the whole hot path."""
        block = self._open
        if block is not None and block.kind == "text":
            return block.add(text)
        return self._say("text", text)

    def event(self, event: ProviderEvent) -> bytes:
        """Anything a provider may say, text included."""
        if isinstance(event, str):
            return self.text(event) if event else b""
        if isinstance(event, Quiet):
            return _PING  # it opens nothing: another provider may still begin
        if isinstance(event, Scored):
            return self.text(event.text) if event.text else b""
        if isinstance(event, Reasoning):
            return self._say("thinking", event.text) if event.text and self._thoughts else b""
        if isinstance(event, ToolCall):
            piece = self._ending.call(event, self._call_id)
            return self._call(piece) if piece is not None else b""
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Refusal):
            self._refusals.append(event.text)
        elif isinstance(event, Finish):
            self._ending.reason, self._stopped = event.reason, event.stop
        return b""

    def end(self) -> bytes:
        """The provider has finished."""
        delta = b'{"type":"message_delta","delta":{%b},"usage":%b}' % (self._why(), self._count())
        stops = b"".join(self._stop(index) for index, block in enumerate(self._blocks) if not block.stopped)
        return (
            self._start()
            + stops
            + named_frame(b"message_delta", delta)
            + named_frame(b"message_stop", b'{"type":"message_stop"}')
        )

    def fail(self, error: ApiError) -> bytes:
        """The provider failed after bytes have left."""
        return named_frame(b"error", message_error(error))

    def _start(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        message = self._head + b'"content":[],"stop_reason":null,"stop_sequence":null,"usage":%b}' % self._count()
        return named_frame(b"message_start", b'{"type":"message_start","message":%b}' % message)

    def _say(self, kind: str, text: str) -> bytes:
        block, begun = self._open, b""
        if block is None or block.kind != kind:
            block, begun = self._begin(kind, None)
        return begun + block.add(text)

    def _call(self, piece: ToolCall) -> bytes:
        block, begun = self._calls.get(piece.index), b""
        if block is None:
            block, begun = self._begin("tool_use", piece)
            self._calls[piece.index] = block
        if block.stopped or not piece.arguments:  # behind a whole object there is only white space
            return begun
        return begun + block.add(piece.arguments)

    def _begin(self, kind: str, call: ToolCall | None) -> tuple[_Block, bytes]:
        index = len(self._blocks)
        prefix = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % index
        block = _Block(kind, prefix + _DELTA[kind], call)
        out = self._start()
        if self._open is not None and self._open.whole:
            out += self._stop(self._blocks.index(self._open))
        self._blocks.append(block)
        self._open = block
        document = _EMPTY[kind] if call is None else _call(call, b"{}")
        start = b'{"type":"content_block_start","index":%d,"content_block":%b}' % (index, document)
        return block, out + named_frame(b"content_block_start", start)

    def _stop(self, index: int) -> bytes:
        self._blocks[index].stopped = True
        return named_frame(b"content_block_stop", b'{"type":"content_block_stop","index":%d}' % index)

    def _why(self) -> bytes:
        refusal = "".join(self._refusals)
        if refusal:
            details = b'{"type":"refusal","category":null,"explanation":%b}' % quoted(refusal)
            return b'"stop_reason":"refusal","stop_sequence":null,"stop_details":' + details
        reason = self._ending.finish_reason
        if reason == "stop" and self._stopped is not None:
            return b'"stop_reason":"stop_sequence","stop_sequence":' + quoted(self._stopped)
        return b'"stop_reason":"%b","stop_sequence":null' % _REASONS[reason]

    def _count(self) -> bytes:
        usage = self._usage or Usage(prompt_tokens=0, completion_tokens=0)
        return (
            b'{"input_tokens":%d,"cache_read_input_tokens":%d,"output_tokens":%d,'
            b'"output_tokens_details":{"thinking_tokens":%d}}'
        ) % (
            max(0, usage.prompt_tokens - usage.cached_tokens),
            usage.cached_tokens,
            usage.completion_tokens,
            usage.reasoning_tokens,
        )


class MessageReply(MessageStream):
    """The collecting encoder of a message: the same blocks, told once."""

    headers = JSON_HEADERS
    live = False

    def text(self, text: str) -> bytes:
        super().text(text)
        return b""

    def event(self, event: ProviderEvent) -> bytes:
        super().event(event)
        return b""

    def end(self) -> bytes:
        content = b",".join(block.document() for block in self._blocks)
        return self._head + b'"content":[%b],%b,"usage":%b}' % (content, self._why(), self._count())

    def fail(self, error: ApiError) -> bytes:
        return message_error(error)
