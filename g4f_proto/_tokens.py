# Tokens, for providers that count none and bound none: what one choice says is counted, and cut where its limit is.
#
# The counter is handed in; the core has no vocabulary. It takes many texts at once, for a chat may have ten thousand.
# Without a limit nothing is counted before the end: pieces are only kept. With one, a piece is counted when the limit
# could be reached: a token has at least one byte, and a text that grows changes only its last few tokens.
from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ._events import Event, Finish, Reasoning, Refusal, Scored, ToolCall
from ._schema.chat import ChatRequest

__all__ = ("Spent", "TokenCounter", "prompt_tokens")

#: How many tokens these texts have in all, each by itself; any text, lone surrogates too.
TokenCounter = Callable[[list[str]], int]

# "every message follows <|start|>{role/name}\n{content}<|end|>\n ... tokens_per_message = 3, tokens_per_name = 1 ...
# every reply is primed with <|start|>assistant<|message|>"
# https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken
_MESSAGE: Final = 3
_NAME: Final = 1
_REPLY: Final = 3
_TAIL: Final = 16  # tokens at the end of a text that may become others when it goes on


def prompt_tokens(request: ChatRequest, prompts: tuple[str, ...], count: TokenCounter) -> int:
    """What the provider was shown: `prompts` where there are any, or the chat as OpenAI counts it.

    Tools and schemas count as their JSON text; images, sounds and files count nothing: their size is their model's own.
    """
    if prompts:
        return count(list(prompts))
    texts: list[str] = []
    names = 0
    for message in request.messages:
        texts += [message.role, message.text]
        if message.name is not None:
            texts.append(message.name)
            names += 1
        texts += [f"{call.function.name}{call.function.arguments}" for call in message.tool_calls or ()]
    told = [*(request.tools or ()), *(request.functions or ())]
    texts += [json.dumps(one.model_dump(exclude_none=True)) for one in told]
    if request.schema_asked is not None:
        texts.append(json.dumps(request.schema_asked))
    return count(texts) + _MESSAGE * len(request.messages) + _NAME * names + _REPLY


@dataclass(slots=True)
class Spent:
    """What one choice has said.

    :param limit: the most tokens it may say, thoughts and calls included; None: as many as it likes.
    """

    count: TokenCounter
    limit: int | None = None
    ended: bool = False  #: the limit was reached; nothing more comes out
    words: list[str] = field(default_factory=list)  #: the pieces of its text
    _thoughts: list[str] = field(default_factory=list)
    _calls: dict[int, list[str]] = field(default_factory=dict)
    _counted: int = 0  # tokens when they were last counted
    _since: int = 0  # bytes that came behind them

    def push(self, event: Event) -> Iterator[Event]:
        """What of `event` is within the limit; the end of the answer behind it when that was not all."""
        if self.ended:
            return
        pieces, text = self._place(event)
        pieces.append(text)
        if self.limit is None or not text or self._fits(self.limit, text):
            yield event
            return
        self.ended = True
        # How many of its letters fit: the more of them, the more tokens.
        pieces[-1] = ""
        fits = bisect_right(range(1, len(text)), self.limit, key=lambda end: self._with(pieces, text[:end]))
        pieces[-1] = text[:fits]
        if fits and (cut := _cut(event, fits)) is not None:
            yield cut
        yield Finish(reason="length")

    def _place(self, event: Event) -> tuple[list[str], str]:
        if isinstance(event, str):
            return self.words, event
        if isinstance(event, Reasoning):
            return self._thoughts, event.text
        if isinstance(event, ToolCall):
            return self._calls.setdefault(event.index, []), (event.name or "") + event.arguments
        return (self.words, event.text) if isinstance(event, Scored | Refusal) else ([], "")

    def _fits(self, limit: int, text: str) -> bool:
        self._since += len(text.encode("utf-8", "surrogatepass"))
        if self._counted + self._since + _TAIL > limit:
            self._counted, self._since = self.tokens, 0
        return self._counted <= limit

    def _with(self, pieces: list[str], text: str) -> int:
        pieces[-1] = text
        return self.tokens

    @property
    def thoughts(self) -> int:
        """Tokens of its reasoning."""
        return self.count(["".join(self._thoughts)]) if self._thoughts else 0

    @property
    def tokens(self) -> int:
        """Tokens of all it has said."""
        texts = [self.words, self._thoughts, *self._calls.values()]
        return self.count(["".join(pieces) for pieces in texts if pieces])


def _cut(event: Event, end: int) -> Event | None:
    """The first letters of what an event says."""
    if isinstance(event, ToolCall):
        rest = end - len(event.name or "")
        return replace(event, arguments=event.arguments[:rest]) if rest >= 0 else None
    if isinstance(event, Reasoning | Refusal):
        return replace(event, text=event.text[:end])
    if isinstance(event, Scored):
        return event.text[:end]  # a token that is cut has no probability
    return event[:end] if isinstance(event, str) else None
