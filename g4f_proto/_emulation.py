# What a provider lacks and the machine does in its place, where that is honest: a filter of events.
#
# `stop` by holding back what could begin one; `n` by asking for copies, which the driver runs side by side; tools by
# a JSON Schema where the provider can be held to one; limits and counts of tokens with a counter that is handed in.
# Anything else that a provider lacks is refused (`_capabilities`).
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from ._calls import ChatCall
from ._catalog import ProviderInfo
from ._errors import ApiError, UnsupportedParameter
from ._events import Event, Finish, ForChoice, ProviderEvent, Reasoning, Scored, TokenLogprob, Usage
from ._schema import validate
from ._schema.chat import ChatRequest, consistent
from ._text import StopFilter, ThinkSplitter
from ._tokens import Spent, TokenCounter, prompt_tokens
from ._tools import ToolReader, forced, rewrite

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


#: The two names of one limit: a provider that knows only one is asked with that, one that knows none is cut.
_LIMITS = frozenset({"max_tokens", "max_completion_tokens"})


def emulated(info: ProviderInfo, name: str, *, counting: bool = True) -> bool:
    """Whether the machine does in the provider's place what the parameter `name` asks for.

    :param counting: it was given a counter of tokens.
    """
    if name in _LIMITS:
        return counting or not _LIMITS.isdisjoint(info.native)
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
    spent: Spent | None = None
    tokens: deque[TokenLogprob] = field(default_factory=deque)  # those whose text is held back
    room: int = 0  # letters that have left and are not yet those of a token

    @property
    def ended(self) -> bool:
        """What the provider says from here on, a reason to end included, is nobody's."""
        return (self.stop is not None and self.stop.ended) or (self.spent is not None and self.spent.ended)

    def push(self, event: Event) -> Iterator[Event]:
        return self._spend(self._filter(event))

    def flush(self) -> Iterator[Event]:
        return self._spend(self._held())

    def _spend(self, events: Iterator[Event]) -> Iterator[Event]:
        if self.spent is None:
            return events
        return (told for event in events for told in self.spent.push(event))

    def _filter(self, event: Event) -> Iterator[Event]:
        if self.ended:
            return
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

    def _held(self) -> Iterator[Event]:
        if self.think is not None and (held := self.think.flush()):
            yield from [Reasoning(text=held)] if self.think.thinking else self._answer(held)
        if self.stop is not None and self.stop.ended:
            yield Finish(reason="stop", stop=self.stop.found)
        if self.stop is None or self.ended:
            return
        held, tokens = self.stop.flush(), tuple(self.tokens)
        if tokens:
            yield Scored(text=held, tokens=tokens)
        elif held:
            yield held


@dataclass(slots=True)
class Emulation:
    """One request's filters; events of the provider in, events for the encoder out.

    :param told_as: the field that became the provider's `response_format`.
    :param counter: counts the tokens if the provider does not.
    """

    call: ChatCall
    filters: list[_Filter]
    told_as: str | None = None
    counter: TokenCounter | None = None
    usage: Usage | None = None  # as far as the provider said

    def explain(self, error: ApiError) -> None:
        """Let an error blame what the client sent, and not what was made of it."""
        if self.told_as is not None and (error.param or "").partition(".")[0] == "response_format":
            error.param = self.told_as

    def direct(self, text: Callable[[str], bytes], event: Callable[[ProviderEvent], bytes]) -> Callable[[str], bytes]:
        """What a text of the first choice goes to in place of :meth:`push`, when that choice is open.

        :param text: what writes a text, and `event` what writes anything.
        """
        one = self.filters[0]
        several = sum(each is not None for each in (one.think, one.stop, one.tools, one.spent)) > 1
        if several or one.think or (one.spent and one.spent.limit is not None):
            return lambda said: b"".join(map(event, one.push(said)))
        if one.tools:
            read = one.tools.push
            return lambda said: b"".join(map(event, read(said)))
        if one.stop:
            until = one.stop.push
            return lambda said: text(left) if (left := until(said)) else b""
        if one.spent is None:
            return text
        keep = one.spent.words.append

        def kept(said: str) -> bytes:
            keep(said)
            return text(said)

        return kept

    def push(self, event: ProviderEvent) -> Iterator[ProviderEvent]:
        """What the client is told when the provider says `event`."""
        if not isinstance(event, Event | ForChoice):
            if isinstance(event, Usage):
                self.usage = event
            yield event
            return
        index, said = (event.index, event.event) if isinstance(event, ForChoice) else (0, event)
        if 0 <= index < len(self.filters):  # others were not asked for
            for piece in self.filters[index].push(said):
                yield piece if index == 0 else ForChoice(index=index, event=piece)

    def flush(self) -> Iterator[ProviderEvent]:
        """What was held back until the end, and the count."""
        for index, one in enumerate(self.filters):
            for piece in one.flush():
                yield piece if index == 0 else ForChoice(index=index, event=piece)
        # Of copies that were stopped together some had not told theirs.
        if self.counter is not None and (self.usage is None or (self.satisfied and self.call.copies > 1)):
            spent = [one.spent for one in self.filters if one.spent is not None]
            yield Usage(
                prompt_tokens=prompt_tokens(self.call.request, self.call.prompts, self.counter),
                completion_tokens=sum(one.tokens for one in spent),
                reasoning_tokens=sum(one.thoughts for one in spent),
            )

    @property
    def satisfied(self) -> bool:
        """Every choice has met its stop or its limit: nothing more of the provider is wanted."""
        return all(one.ended for one in self.filters)


def _about_tools(request: ChatRequest) -> bool:
    """Tools are offered, or were called before."""
    if request.tools or request.functions:
        return True
    return any(turn.role in ("tool", "function") or turn.tool_calls or turn.function_call for turn in request.messages)


def emulate(
    call: ChatCall, info: ProviderInfo, *, id: str, counter: TokenCounter | None = None
) -> tuple[ChatCall, Emulation | None]:
    """The call as the provider can honour it, and the filter that makes up for the rest, if there is a rest.

    A call that goes on with a conversation is left as it is: who keeps the history does this, with the history.

    :param counter: for limits that the provider does not keep, and for usage that it does not tell.
    :raises UnsupportedParameter: two parameters cannot be had together.
    """
    if call.conversation is not None:
        return call, None
    request, body = call.request, dict(call.body)
    # Several prompts are several calls, even of a provider that makes several answers to each.
    copies = request.n or 1 if "n" not in info.native or len(call.prompts) > 1 else 1
    tools = ("functions" if request.functions else "tools") not in info.native and _about_tools(request)
    reads = tools and bool(forced(request)[0])
    # A stop ends the words. The object around them, which the provider would look at, is nothing the client sees.
    blank = info.solid_stops and not all(stop.strip() for stop in request.stops)
    stops = request.stops if reads or blank or "stop" not in info.native else ()
    limit = _limit(request, body, info)
    counts = counter is not None and ("usage" not in info.native or bool(stops) or limit is not None)
    if copies == 1 and not (stops or tools or counts or info.think_tags or body.keys() != call.body.keys()):
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
            Spent(counter, limit) if counter is not None and counts else None,
        )
        for index in range(request.n or 1)
    ]
    if body != call.body:
        call = replace(call, request=validate(ChatRequest, body), body=body)
    call = replace(call, copies=copies)
    emulation = Emulation(call, filters, counter=counter if counts else None)
    if reads and request.schema_asked is None:
        emulation.told_as = "tools" if request.tools else "functions"
    return call, emulation


def _limit(request: ChatRequest, body: dict[str, JsonValue], info: ProviderInfo) -> int | None:
    """The limit of tokens that is not the provider's to keep; one it keeps is told in `body` by a name it knows."""
    known = _LIMITS & info.native
    if request.token_limit is None or known == _LIMITS:
        return None
    for name in _LIMITS - known:
        body.pop(name, None)
    if not known:
        return request.token_limit
    body[next(iter(known))] = request.token_limit
    return None
