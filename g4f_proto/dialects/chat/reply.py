# A chat as one `chat.completion` document at the end.
from __future__ import annotations

from dataclasses import dataclass, field

from ..._calls import ChatCall
from ..._events import ProviderEvent, Quiet, Reasoning, Refusal, Scored, ToolCall, Usage
from ..._text import quoted
from .. import Encoder
from .envelope import Envelope, logprobs, usage_object

__all__ = ("ChatReply",)


@dataclass(slots=True)
class _Call:
    """One call of a tool, as far as it was said."""

    id: str
    name: str
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Message:
    """What one choice has said so far."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)


class ChatReply(Encoder):
    """The collecting encoder of a chat."""

    def __init__(self, *, id: str, created: int, call: ChatCall, fingerprint: str) -> None:
        self._envelope = Envelope(id, created, call, fingerprint)
        self._legacy = call.request.functions is not None
        self._messages = [_Message() for _ in self._envelope.endings]

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""
        return self._envelope.usage

    def text(self, text: str) -> bytes:
        self._messages[0].texts.append(text)
        return b""

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, Quiet):
            return b""
        index, said = self._envelope.note(event)
        if said is None:
            return b""
        message = self._messages[index]
        if isinstance(said, str):
            message.texts.append(said)
        elif isinstance(said, ToolCall):
            call = message.calls.setdefault(said.index, _Call(said.id or "", said.name or ""))
            call.arguments.append(said.arguments)
        elif isinstance(said, Scored):
            message.texts.append(said.text)
            message.scored.append(said)
        elif isinstance(said, Reasoning):
            message.thoughts.append(said.text)
        elif isinstance(said, Refusal):
            message.refusals.append(said.text)
        return b""

    def end(self) -> bytes:
        choices = [self._choice(index, message) for index, message in enumerate(self._messages)]
        usage = b"null" if self.usage is None else usage_object(self.usage)
        return self._envelope.start(b"chat.completion") + b",".join(choices) + b'],"usage":' + usage + b"}"

    def _choice(self, index: int, message: _Message) -> bytes:
        text, refusal = "".join(message.texts), "".join(message.refusals)
        content = b"null" if not text and (message.calls or refusal) else quoted(text)
        return (
            b'{"index":%d,"message":{"role":"assistant","content":%b,"refusal":%b%b%b},"logprobs":%b,"finish_reason":%b}'
            % (
                index,
                content,
                quoted(refusal or None),
                _thoughts(message),
                self._calls(message),
                logprobs(message.scored),
                quoted(self._envelope.endings[index].finish_reason),
            )
        )

    def _calls(self, message: _Message) -> bytes:
        if not message.calls:
            return b""
        calls = [message.calls[index] for index in sorted(message.calls)]
        functions = [
            b'{"name":%b,"arguments":%b}' % (quoted(call.name), quoted("".join(call.arguments))) for call in calls
        ]
        if self._legacy:
            return b',"function_call":' + functions[0]
        entries = [
            b'{"id":%b,"type":"function","function":%b}' % (quoted(call.id), function)
            for call, function in zip(calls, functions, strict=True)
        ]
        return b',"tool_calls":[' + b",".join(entries) + b"]"


def _thoughts(message: _Message) -> bytes:
    thought = "".join(message.thoughts)
    if not thought:
        return b""
    words = quoted(thought)
    return b',"reasoning_content":%b,"reasoning":%b' % (words, words)
