# A chat as a stream: one `chat.completion.chunk` an event, each a whole frame.
#
# Everything that does not change from one chunk to the next is encoded once, so a delta is two joins around one
# quoted string. What clients die of is kept by construction: the role once a choice, in its first chunk; a tool
# call's id, type and name once an index; `finish_reason` on every chunk and non-null once a choice; `usage` in a
# chunk of its own with `choices: []` only when it was asked for.
# https://platform.openai.com/docs/api-reference/chat-streaming
from __future__ import annotations

from ..._calls import ChatCall
from ..._errors import ApiError
from ..._events import ProviderEvent, Quiet, Reasoning, Refusal, Scored, ToolCall, Usage
from ..._sse import DONE, PING, frame
from ..._text import quote, quoted
from .. import SSE_HEADERS, Encoder
from .envelope import Envelope, logprobs, usage_object

__all__ = ("ChatStream",)


class ChatStream(Encoder):
    """The live encoder of a chat."""

    headers = SSE_HEADERS
    live = True

    def __init__(self, *, id: str, created: int, call: ChatCall, fingerprint: str) -> None:
        self._envelope = Envelope(id, created, call, fingerprint)
        self._start = b"data: " + self._envelope.start(b"chat.completion.chunk")
        options = call.request.stream_options
        self._asked = call.request.include_usage
        self._spec = options is None
        # "usage: null" stands on every chunk but the last exactly when the last will carry it.
        self._end = (b'],"usage":null}' if self._asked else b"]}") + b"\n\n"
        self._opened: set[int] = set()
        self._legacy = call.request.functions is not None
        self._prefix = self._start + b'{"index":0,"delta":{"content":'
        self._suffix = b'},"logprobs":null,"finish_reason":null}' + self._end
        # A call that has begun -> what stands before a piece of its arguments; nearly all deltas of an agent are such.
        self._begun: dict[int, bytes] = {}

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""
        return self._envelope.usage

    def text(self, text: str) -> bytes:
        # The whole hot path, of the first choice: one join of bytes around one quoted string.
        return self._prefix + quote(text).encode("ascii") + self._suffix

    def event(self, event: ProviderEvent) -> bytes:
        if type(event) is ToolCall and event.name is None and event.index in self._begun:
            return self._begun[event.index] + quote(event.arguments).encode("ascii") + b"}}]" + self._suffix
        if isinstance(event, Quiet):
            return PING
        index, said = self._envelope.note(event)
        if said is None:
            return b""
        if isinstance(said, str):
            return self._open(index) + self._chunk(index, b'{"content":%b}' % quoted(said))
        if isinstance(said, ToolCall):
            if type(event) is ToolCall and not self._legacy:
                self._begun[event.index] = (
                    self._start + b'{"index":0,"delta":{"tool_calls":[{"index":%d,"function":{"arguments":' % said.index
                )
            return self._open(index, content=b"null") + self._chunk(index, self._call(said))
        if isinstance(said, Scored):
            return self._open(index) + self._chunk(
                index, b'{"content":%b}' % quoted(said.text), scores=logprobs([said])
            )
        if isinstance(said, Reasoning):
            # Both names that clients look for, never inside `content`.
            words = quoted(said.text)
            return self._open(index) + self._chunk(index, b'{"reasoning_content":%b,"reasoning":%b}' % (words, words))
        if isinstance(said, Refusal):
            return self._open(index) + self._chunk(index, b'{"refusal":%b}' % quoted(said.text))
        return b""

    def end(self) -> bytes:
        endings = self._envelope.endings
        usage = None if self.usage is None else usage_object(self.usage)
        out = b""
        for index, ending in enumerate(endings):
            # Without `stream_options` the last finish chunk tells the usage, as the G4F REST API shows it.
            told = usage if self._spec and index == len(endings) - 1 else None
            end = b'],"usage":' + told + b"}\n\n" if told else self._end
            out += self._open(index) + self._chunk(index, b"{}", reason=quoted(ending.finish_reason), end=end)
        if self._asked:
            out += self._start + b'],"usage":' + (usage or b"null") + b"}\n\n"
        return out + DONE

    def fail(self, error: ApiError) -> bytes:
        # One nested error object with no event name, then the terminator; never a made-up finish_reason.
        return frame(error.body()) + DONE

    def _open(self, index: int, *, content: bytes = b'""') -> bytes:
        """The first chunk of a choice, as recorded from api.openai.com, or nothing when it is out."""
        if index in self._opened:
            return b""
        # openai-python appends a choice it does not know yet: a higher index that came first would take its place.
        lower = b"".join(map(self._open, range(index)))
        self._opened.add(index)
        return lower + self._chunk(index, b'{"role":"assistant","content":%b,"refusal":null}' % content)

    def _chunk(
        self, index: int, delta: bytes, *, scores: bytes = b"null", reason: bytes = b"null", end: bytes | None = None
    ) -> bytes:
        choice = b'{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}' % (index, delta, scores, reason)
        return self._start + choice + (end or self._end)

    def _call(self, call: ToolCall) -> bytes:
        arguments = quoted(call.arguments)
        named = call.name is not None
        if self._legacy:
            name = b'"name":%b,' % quoted(call.name) if named else b""
            return b'{"function_call":{%b"arguments":%b}}' % (name, arguments)
        if named:
            return b'{"tool_calls":[{"index":%d,"id":%b,"type":"function","function":{"name":%b,"arguments":%b}}]}' % (
                call.index,
                quoted(call.id),
                quoted(call.name),
                arguments,
            )
        return b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (call.index, arguments)
