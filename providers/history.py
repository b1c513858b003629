# A provider with a memory: the turns of a conversation stand before the request, and the answer is kept behind it.
#
# Wrapped around a provider for the calls that name a conversation, and only those. What the provider lacks is made up
# for in here and not in the exchange, because the history is the client's: its words, the calls it was told, the answer
# up to the stop. A turn is kept when the client was told everything; one that failed, was cancelled or whose client
# left is not.
from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from pydantic import JsonValue

from g4f_proto import (
    ApiError,
    Call,
    ChatCall,
    Emulation,
    Model,
    ProviderEvent,
    ProviderInfo,
    Refusal,
    Scored,
    TokenCounter,
    ToolCall,
    emulate,
    with_messages,
)

from .conversations import Conversations
from .provider import Provider

__all__ = ("WithHistory",)


class WithHistory:
    """`provider`, seeing what was said before in the conversation a call names."""

    def __init__(
        self, provider: Provider, conversations: Conversations, *, counter: TokenCounter | None = None
    ) -> None:
        self._provider = provider
        self._conversations = conversations
        self._counter = counter

    @property
    def info(self) -> ProviderInfo:
        return self._provider.info

    async def models(self) -> Sequence[Model]:
        return await self._provider.models()

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ChatCall)  # only a chat has a conversation
        key = (call.principal, call.provider, call.conversation or "")
        given = call.body["messages"]
        assert isinstance(given, list)  # it was validated
        async with self._conversations.turn(key) as turn:
            messages = turn.ask([message for message in given if isinstance(message, dict)])
            shown = with_messages(replace(call, conversation=None), messages)
            shown, emulation = emulate(shown, self.info, id=call.id, counter=self._counter)
            said = _Said()
            async with aclosing(self._told(shown, emulation)) as events:
                async for event in events:
                    said.note(event)
                    yield event
            await turn.keep([said.message(legacy=call.request.functions is not None)])

    async def _told(self, call: ChatCall, emulation: Emulation | None) -> AsyncGenerator[ProviderEvent, None]:
        try:
            async with aclosing(self._provider.stream(call)) as events:
                async for event in events:
                    if emulation is None:
                        yield event
                        continue
                    for told in emulation.push(event):
                        yield told
                    if emulation.satisfied:
                        break
        except ApiError as error:
            if emulation is not None:
                emulation.explain(error)
            raise
        for told in emulation.flush() if emulation is not None else ():
            yield told

    async def aclose(self) -> None:
        await self._provider.aclose()


class _Said:
    """What the assistant says, as the message that the next turn will show."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, list[ToolCall]] = {}

    def note(self, event: ProviderEvent) -> None:
        if isinstance(event, str):
            self._texts.append(event)
        elif isinstance(event, Scored | Refusal):
            self._texts.append(event.text)
        elif isinstance(event, ToolCall):
            self._calls.setdefault(event.index, []).append(event)

    def message(self, *, legacy: bool) -> dict[str, JsonValue]:
        """:param legacy: asked with `functions`: of the calls the client was told one, under the deprecated name."""
        message: dict[str, JsonValue] = {"role": "assistant", "content": "".join(self._texts)}
        calls: list[JsonValue] = []
        for first, *rest in self._calls.values():
            arguments = "".join(piece.arguments for piece in (first, *rest))
            function: JsonValue = {"name": first.name or "", "arguments": arguments}
            if legacy:
                return {**message, "function_call": function}
            calls.append({"id": first.id or "", "type": "function", "function": function})
        return {**message, "tool_calls": calls} if calls else message
