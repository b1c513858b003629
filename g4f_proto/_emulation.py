# What a provider lacks and the machine does in its place, where that is honest: a filter of events.
#
# `stop` by holding back what could begin one; `n` by asking for copies, which the driver runs side by side; tools by
# a JSON Schema where the provider can be held to one. Anything else that a provider lacks is refused
# (`_capabilities`).
from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from ._calls import ChatCall
from ._catalog import ProviderInfo
from ._errors import ApiError, UnsupportedParameter
from ._events import Event, ForChoice, ProviderEvent, Reasoning, Scored, TokenLogprob
from ._schema import validate
from ._schema.chat import ChatRequest, consistent
from ._text import StopFilter, ThinkSplitter
from ._tools import ToolReader, offered, rewrite

__all__ = ("EMULATED", "Emulation", "emulate", "emulated", "with_messages")

#: Parameter -> the native one that emulating it needs; None: none.
EMULATED: Mapping[str, str | None] = {
    "n": None,
    "stop": None,
    "tools": "response_format",
    "tool_choice": "response_format",
    "parallel_tool_calls": "response_format",
    "functions": "response_format",
    "function_call": "response_format",
}


def emulated(info: ProviderInfo, name: str) -> bool:
    """Whether the machine does in the provider's place what the parameter `name` asks for."""
    if name not in EMULATED:
        return False
    needed = EMULATED[name]
    return needed is None or (needed in info.native and "tools" not in info.native)


def with_messages(call: ChatCall, messages: Sequence[Mapping[str, JsonValue]]) -> ChatCall:
    """The same call with other messages.

    :raises InvalidRequest: they are none, or do not follow one another.
    """
    turns: list[JsonValue] = [dict(message) for message in messages]
    body: dict[str, JsonValue] = {**call.body, "messages": turns}
    request = validate(ChatRequest, body)
    consistent(request)
    return replace(call, request=request, body=body)


@dataclass(slots=True)
class _Filter:
    """The filters of one choice."""

    think: ThinkSplitter | None
    stop: StopFilter | None
    tools: ToolReader | None
    tokens: deque[TokenLogprob] = field(default_factory=deque)  # those whose text is held back
    room: int = 0  # letters that have left and are not yet those of a token

    def push(self, event: Event) -> Iterator[Event]:
        if self.stop is not None and self.stop.ended:
            return  # what a provider says behind the stop, a reason to end included, is nobody's
        if isinstance(event, Scored) and (self.tools or self.think):
            event = event.text  # nobody asked for the probabilities: `emulate` refuses that
        if isinstance(event, Scored) and self.stop is not None:
            yield from self._scored(event, self.stop)
        elif isinstance(event, str):
            if self.think is not None:
                thought, event = self.think.push(event)
                if thought:
                    yield Reasoning(text=thought)
            yield from self._answer(event)
        else:
            yield event

    def _scored(self, event: Scored, stop: StopFilter) -> Iterator[Event]:
        """Tokens leave when their text has left, whole."""
        text = stop.push(event.text)
        self.tokens.extend(event.tokens)
        self.room += len(text)
        out = []
        while self.tokens and len(self.tokens[0].token) <= self.room:
            out.append(self.tokens.popleft())
            self.room -= len(out[-1].token)
        if text or out:
            yield Scored(text=text, tokens=tuple(out))

    def _answer(self, text: str) -> Iterator[Event]:
        for piece in self.tools.push(text) if self.tools else [text]:
            if isinstance(piece, str) and self.stop is not None:
                piece = self.stop.push(piece)
            if piece:
                yield piece

    def flush(self) -> Iterator[Event]:
        if self.think is not None and (held := self.think.flush()):
            yield from [Reasoning(text=held)] if self.think.thinking else self._answer(held)
        if self.stop is None or self.stop.ended:
            return
        held, tokens = self.stop.flush(), tuple(self.tokens)
        if tokens:
            yield Scored(text=held, tokens=tokens)
        elif held:
            yield held


@dataclass(slots=True)
class Emulation:
    """One request's filters; events of the provider in, events for the encoder out."""

    filters: list[_Filter] = field(default_factory=list)
    told_as: str | None = None  # the field that became the provider's `response_format`

    def explain(self, error: ApiError) -> None:
        """Let an error blame what the client sent, and not what was made of it."""
        if self.told_as is not None and (error.param or "").partition(".")[0] == "response_format":
            error.param = self.told_as

    def push(self, event: ProviderEvent) -> Iterator[ProviderEvent]:
        """What the client is told when the provider says `event`."""
        if not isinstance(event, Event | ForChoice):
            yield event
            return
        index, said = (event.index, event.event) if isinstance(event, ForChoice) else (0, event)
        if 0 <= index < len(self.filters):  # others were not asked for
            for piece in self.filters[index].push(said):
                yield piece if index == 0 else ForChoice(index=index, event=piece)

    def flush(self) -> Iterator[ProviderEvent]:
        """What was held back until the end."""
        for index, one in enumerate(self.filters):
            for piece in one.flush():
                yield piece if index == 0 else ForChoice(index=index, event=piece)

    @property
    def satisfied(self) -> bool:
        """Every choice has met its stop: nothing more of the provider is wanted."""
        return all(one.stop is not None and one.stop.ended for one in self.filters)


def _about_tools(request: ChatRequest) -> bool:
    """Tools are offered, or were called before."""
    if request.tools or request.functions:
        return True
    return any(turn.role in ("tool", "function") or turn.tool_calls or turn.function_call for turn in request.messages)


def emulate(call: ChatCall, info: ProviderInfo, *, id: str) -> tuple[ChatCall, Emulation | None]:
    """The call as the provider can honour it, and the filter that makes up for the rest, if there is a rest.

    :raises UnsupportedParameter: two parameters cannot be had together.
    """
    request, body = call.request, dict(call.body)
    # Several prompts are several calls, even of a provider that makes several answers to each.
    copies = request.n or 1 if "n" not in info.native or len(call.prompts) > 1 else 1
    tools = "tools" not in info.native and _about_tools(request)
    reads = tools and bool(offered(request)[0])
    # A stop ends the words. The object around them, which the provider would look at, is nothing the client sees.
    stops = request.stops if reads or "stop" not in info.native else ()
    if copies == 1 and not stops and not tools and not info.think_tags:
        return call, None
    if tools:
        body = rewrite(request, body)
    for name in [*(["n"] if copies > 1 else []), *(["stop"] if stops else [])]:
        body.pop(name, None)
    if request.logprobs and (reads or info.think_tags):
        # They are those of the text as it was made, and the client sees another.
        raise UnsupportedParameter(
            f"The model '{call.model}' cannot tell the probabilities of an answer that is taken apart.",
            param="logprobs",
        )
    filters = [
        _Filter(
            ThinkSplitter() if info.think_tags else None,
            StopFilter(stops) if stops else None,
            ToolReader(f"{id}{index}") if reads else None,
        )
        for index in range(request.n or 1)
    ]
    emulation = Emulation(filters)
    if reads and request.schema_asked is None:
        emulation.told_as = "tools" if request.tools else "functions"
    return replace(call, request=validate(ChatRequest, body), body=body, copies=copies), emulation
