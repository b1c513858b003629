# The history of the chats that the server keeps for clients that send a `conversation_id`.
#
# A conversation goes in turns: read what was said, ask, answer, keep. Turns of one conversation come one after another
# in the order of their arrival, because an answer that does not know the question before it is no conversation; turns
# of different ones never wait for each other. Only `keep` stores anything, so a turn that fails, is cancelled or loses
# its client leaves no trace. The key begins with a digest of the caller's API key: who does not have that key cannot
# name the conversation, let alone read it.
#
# In memory a conversation is JSON text and not objects: its bound is then what it really takes (`[[],[],[]]`, parsed,
# is twenty times as large), and nobody holds a list that a later turn changes. No task and no timer: what is too old
# goes when the store is next used. Nothing here awaits between looking and writing, nor while leaving.
from __future__ import annotations

import json
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import takewhile
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias

import anyio
from pydantic import JsonValue

from g4f_proto import InvalidRequest, MiB

__all__ = ("ChatMessage", "Conversations", "Key", "MemoryConversations", "Turn", "merge")

#: (principal, provider, conversation id); the principal is a digest of the API key that the caller used.
Key: TypeAlias = tuple[str, str, str]
#: A message as it stands in a request's `messages`, unknown fields included.
ChatMessage: TypeAlias = Mapping[str, JsonValue]

_INSTRUCTIONS: Final = frozenset({"system", "developer"})


class Turn(Protocol):
    """A question and its answer, while no other turn of the same conversation is at work."""

    @property
    def history(self) -> Sequence[ChatMessage]:
        """What was said in the turns before this one."""

    def ask(self, messages: Sequence[ChatMessage]) -> Sequence[ChatMessage]:
        """What the model shall be shown: the history and the request's `messages`, see :func:`merge`.

        Asking again, for another try, takes the place of what was asked before.

        :raises InvalidRequest: ``conversation_too_long``, before the model has worked for nothing.
        """

    async def keep(self, reply: Sequence[ChatMessage]) -> None:
        """What was asked, and `reply`, are history from now on, whatever becomes of this turn.

        :raises InvalidRequest: ``conversation_too_long``; the conversation stays as it was before this turn.
        """


class Conversations(Protocol):
    """Where conversations are kept: in this process, or in a store that several share."""

    def turn(self, key: Key) -> AbstractAsyncContextManager[Turn]:
        """The next turn of `key`, to be entered once: that waits until every earlier one is over, and may be cancelled.

        The turn is over when the context is left; what was not kept until then is forgotten.
        """


def merge(history: Sequence[ChatMessage], messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """`history`, then `messages`; the system and developer messages that `messages` starts with replace the history's.

    Most clients send their instructions with every request, so these must not pile up, and when they differ the newest
    are the ones that hold. A request without them leaves the old ones in force; later ones stay where they stand. It is
    associative: ``merge(merge(a, b), c) == merge(a, merge(b, c))``.
    """
    old, new = _instructions(history), _instructions(messages)
    return [*(messages[:new] if new else history[:old]), *history[old:], *messages[new:]]


def _instructions(messages: Sequence[ChatMessage]) -> int:
    return sum(1 for _ in takewhile(lambda message: message.get("role") in _INSTRUCTIONS, messages))


@dataclass(frozen=True, slots=True)
class _Text:
    # Messages as JSON, without the brackets: those that `merge` replaces, and the rest. UTF-8 with surrogates let
    # through, because an escaped pair of lone ones would come back as one character.
    lead: bytes = b""
    rest: bytes = b""

    def __len__(self) -> int:
        return len(self.lead) + len(self.rest)

    def merge(self, messages: Sequence[ChatMessage]) -> _Text:
        new = _instructions(messages)
        return _Text(_dump(messages[:new]) or self.lead, _join(self.rest, _dump(messages[new:])))

    def messages(self) -> list[ChatMessage]:
        text = b"[" + _join(self.lead, self.rest) + b"]"
        parsed: list[ChatMessage] = json.loads(text.decode("utf-8", "surrogatepass"))
        return parsed


def _dump(messages: Sequence[ChatMessage]) -> bytes:
    plain = [dict(message) for message in messages]
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text[1:-1].encode("utf-8", "surrogatepass")


def _join(*texts: bytes) -> bytes:
    return b",".join(filter(None, texts))


@dataclass(slots=True, eq=False)
class _Conversation:
    text: _Text = _Text()
    used: float = 0.0  # when its last turn was over
    turns: deque[_MemoryTurn] = field(default_factory=deque)  # the first is at work, the others wait in this order


class MemoryConversations:
    """Conversations in this process's memory, forgotten with it.

    A conversation goes `age` seconds after its last turn, or earlier when there are more than `count` or their texts
    take more than `total_bytes`: least recently used first, and never while a turn is at work or waits. So the bounds
    may be exceeded by the conversations in use, and no further. One that would outgrow `conversation_bytes` is refused
    and not shortened: a model that quietly forgot the beginning gives answers nobody can explain.

    :param conversation_bytes: of its messages as compact JSON in UTF-8.
    :param clock: seconds, never going back.
    """

    def __init__(
        self,
        *,
        count: int = 1024,
        conversation_bytes: int = 4 * MiB,
        total_bytes: int = 64 * MiB,
        age: float = 12 * 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if count < 1 or age <= 0 or not 0 < conversation_bytes <= total_bytes:
            raise ValueError("no conversation could be kept within these bounds")
        self._count = count
        self._conversation_bytes = conversation_bytes
        self._total_bytes = total_bytes
        self._age = age
        self._clock = clock
        self._bytes = 0  # of all texts, idle and busy
        self._idle: OrderedDict[Key, _Conversation] = OrderedDict()  # nobody's turn; least recently used first
        self._busy: dict[Key, _Conversation] = {}  # somebody's turn

    def turn(self, key: Key) -> _MemoryTurn:
        """See :meth:`Conversations.turn`. A task that is in a turn of `key` cannot enter another: RuntimeError."""
        return _MemoryTurn(self, key)

    def _enter(self, turn: _MemoryTurn, key: Key) -> _Conversation:
        self._tidy()
        conversation = self._busy.get(key)
        if conversation is None:
            conversation = self._idle.pop(key) if key in self._idle else _Conversation()
            self._busy[key] = conversation
        elif any(other.task == turn.task for other in conversation.turns):
            raise RuntimeError("this task would wait for the end of its own turn")
        conversation.turns.append(turn)
        conversation.turns[0].called.set()
        return conversation

    def _leave(self, turn: _MemoryTurn, key: Key, conversation: _Conversation) -> None:
        conversation.turns.remove(turn)
        if conversation.turns:
            conversation.turns[0].called.set()
            return
        del self._busy[key]
        if conversation.text:
            conversation.used = self._clock()
            self._idle[key] = conversation
        self._tidy()

    def _checked(self, text: _Text) -> _Text:
        if len(text) <= self._conversation_bytes:
            return text
        raise InvalidRequest(
            f"This conversation is longer than the {self._conversation_bytes} bytes that are kept of one. "
            "Start another one with a new conversation_id.",
            code="conversation_too_long",
            param="conversation_id",
        )

    def _keep(self, conversation: _Conversation, text: _Text) -> None:
        self._bytes += len(text) - len(conversation.text)
        conversation.text = text
        self._tidy()

    def _tidy(self) -> None:
        latest = self._clock() - self._age
        while self._idle:
            oldest = next(iter(self._idle.values()))
            many = len(self._idle) + len(self._busy) > self._count
            if oldest.used > latest and not many and self._bytes <= self._total_bytes:
                return
            self._idle.popitem(last=False)
            self._bytes -= len(oldest.text)


class _MemoryTurn:
    def __init__(self, store: MemoryConversations, key: Key) -> None:
        self._store = store
        self._key = key
        self._conversation: _Conversation | None = None  # not entered yet
        self._text: _Text | None = None  # what `keep` adds to; None when it is not this turn's time
        self._shown: Sequence[ChatMessage] = ()  # the same, parsed
        self._history: Sequence[ChatMessage] = ()

    async def __aenter__(self) -> Self:
        if self._conversation is not None:
            raise RuntimeError("a turn is entered once")
        self.task = anyio.get_current_task().id
        self.called = anyio.Event()  # no earlier turn is left
        self._conversation = self._store._enter(self, self._key)
        try:
            await self.called.wait()
            self._history = self._shown = self._conversation.text.messages()
        except BaseException:
            self._store._leave(self, self._key, self._conversation)
            raise
        self._text = self._conversation.text
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        conversation, _ = self._at_work()
        self._text = None
        self._store._leave(self, self._key, conversation)

    def _at_work(self) -> tuple[_Conversation, _Text]:
        if self._conversation is None or self._text is None:
            raise RuntimeError("a turn is good inside its `async with` only")
        return self._conversation, self._text

    @property
    def history(self) -> Sequence[ChatMessage]:
        return self._history

    def ask(self, messages: Sequence[ChatMessage]) -> Sequence[ChatMessage]:
        conversation, _ = self._at_work()
        self._text = self._store._checked(conversation.text.merge(messages))
        self._shown = merge(self._history, messages)
        return self._shown

    async def keep(self, reply: Sequence[ChatMessage]) -> None:
        conversation, asked = self._at_work()
        self._text = self._store._checked(asked.merge(reply))
        self._history = self._shown = merge(self._shown, reply)
        self._store._keep(conversation, self._text)
