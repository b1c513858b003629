# An OpenAI-compatible upstream's chat, read: its stream and its single reply as the events that would have made them.
# A legacy completion is one too: its choices have a `text` where a chat's have a message or a delta.
#
# Lenient where upstreams are known to be sloppy: a tool call without an index, an id or a name said again, arguments as
# an object, the names `reasoning` and `reasoning_content`, the deprecated `function_call`. What comes out is complete.
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from pydantic import JsonValue

from ..._errors import ProviderNotWorking
from ..._events import (
    REASONS,
    Event,
    Finish,
    ForChoice,
    ProviderEvent,
    Reasoning,
    Refusal,
    Scored,
    TokenLogprob,
    ToolCall,
    Usage,
)
from ..reader import Failed, Json, StreamReader, failure

__all__ = ("ChatStreamReader", "CompletionStreamReader", "read_completion_reply", "read_reply", "read_token")


class ChatStreamReader(StreamReader):
    """The stream of an OpenAI-compatible upstream, read: bytes in, events out, at any split of the bytes.

    :param failed: makes of an error object what is raised.
    """

    _end = "[DONE]"
    _text = re.compile(r'(?<!\\)"content": ?"')

    def __init__(self, *, failed: Failed = failure) -> None:
        super().__init__(failed=failed)
        self._calls: dict[int, _Calls] = {}  # a choice's index -> its tool calls
        self._finished: set[int] = set()  # choices

    def end(self) -> None:
        """The upstream closed the stream.

        :raises ProviderNotWorking: too early: neither ``[DONE]`` nor a ``finish_reason`` for each choice came.
        """
        if not (self._finished and self._finished.issuperset(self._calls)):
            super().end()

    def _read(self, chunk: Json) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        if chunk.get("error"):
            raise self._failed(chunk["error"])
        for choice in chunk.get("choices") or ():  # type: ignore[union-attr]
            index = _index(choice)  # type: ignore[arg-type]
            calls = self._calls.get(index)
            if calls is None:
                calls = self._calls[index] = _Calls(chunk.get("id"))
            said = list(_read_choice(choice, self._said(choice), calls))  # type: ignore[arg-type]
            events += said if index == 0 else [ForChoice(index=index, event=event) for event in said]
            if choice.get("finish_reason"):  # type: ignore[union-attr]
                self._finished.add(index)
        _read_usage(chunk, events)
        return events

    def _said(self, choice: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        """What a choice adds, as a chat's delta."""
        return choice.get("delta") or {}  # type: ignore[return-value]


class CompletionStreamReader(ChatStreamReader):
    """The same for the stream of a legacy completion."""

    def _said(self, choice: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        return {"content": choice["text"]}


def read_reply(body: bytes, *, failed: Failed = failure) -> list[ProviderEvent]:
    """One ``chat.completion`` document of an upstream as the events that would have made it.

    :param failed: makes of an error object in its place what is raised.
    :raises ApiError: it is an error object, or no chat completion.
    """
    return _read_document(body, lambda choice: choice["message"], failed)  # type: ignore[arg-type, return-value]


def read_completion_reply(body: bytes, *, failed: Failed = failure) -> list[ProviderEvent]:
    """One ``text_completion`` document of an upstream as the events that would have made it.

    :param failed: makes of an error object in its place what is raised.
    :raises ApiError: it is an error object, or no completion.
    """
    return _read_document(body, lambda choice: {"content": choice["text"]}, failed)


def _read_document(
    body: bytes,
    message: Callable[[Mapping[str, JsonValue]], Mapping[str, JsonValue]],
    failed: Failed,
) -> list[ProviderEvent]:
    events: list[ProviderEvent] = []
    try:
        # "JSON text exchanged between systems ... MUST be encoded using UTF-8" - RFC 8259 section 8.1
        document = json.loads(str(body.removeprefix(b"\xef\xbb\xbf"), "utf-8", "surrogatepass"))
        if document.get("error"):
            raise failed(document["error"])
        for choice in document["choices"]:
            index = _index(choice)
            said = list(_read_choice(choice, message(choice), _Calls(document.get("id"))))
            events += said if index == 0 else [ForChoice(index=index, event=event) for event in said]
        _read_usage(document, events)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
        raise ProviderNotWorking("The provider's reply could not be read.") from None
    return events


class _Calls:
    """The tool calls of one choice: each has a place, from 0, in the order in which they were named.

    :param source: the id of the document or chunk they came in; ids that are missing are made of it.
    """

    def __init__(self, source: JsonValue) -> None:
        self._source = f"{source}_" if isinstance(source, str) and source else ""
        self._count = 0
        self._by_index: dict[int, int] = {}  # the upstream's index -> the place of the call it means now
        self._by_id: dict[str, int] = {}  # every id that was told -> its place

    def piece(self, call: Mapping[str, JsonValue]) -> ToolCall:
        """One entry of ``tool_calls``."""
        function = call.get("function") or {}
        if not isinstance(function, dict):
            raise TypeError("function is no object")
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else "" if arguments is None else json.dumps(arguments)
        index, call_id, name = call.get("index"), _string(call, "id"), _string(function, "name")
        index = index if type(index) is int else None
        place = self._place(index, call_id, name)
        if place is not None:
            return ToolCall(index=place, arguments=text)
        if not name:
            raise ValueError("a tool call without a name")
        place = self._count
        self._count += 1
        if not call_id or call_id in self._by_id:  # some give all calls of an answer one id
            call_id = f"call_{self._source}{place}"
            while call_id in self._by_id:
                call_id += "_"
        self._by_id[call_id] = place
        if index is not None:
            self._by_index[index] = place
        return ToolCall(index=place, id=call_id, name=name, arguments=text)

    def _place(self, index: int | None, call_id: str, name: str) -> int | None:
        """The call that is gone on with; None: another one begins."""
        known = self._by_id.get(call_id)
        if index is not None:
            place = self._by_index.get(index)
            # Some give all calls the index 0: a name with an id of its own is another call.
            return None if call_id and name and known != place else place
        if call_id and known is not None:
            return known
        # Neither index nor a known id: a name begins a call, all else belongs to the last one.
        return None if name or not self._count else self._count - 1


def _string(document: Mapping[str, JsonValue], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _index(choice: Mapping[str, JsonValue]) -> int:
    index = choice.get("index")
    return index if type(index) is int and index >= 0 else 0


def _read_choice(choice: Mapping[str, JsonValue], said: Mapping[str, JsonValue], calls: _Calls) -> Iterator[Event]:
    thought = said.get("reasoning_content") or said.get("reasoning")
    if isinstance(thought, str) and thought:
        yield Reasoning(text=thought)
    refusal = said.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield Refusal(text=refusal)
    content = said.get("content")
    tokens = _read_tokens(choice)
    if tokens:
        yield Scored(text=content if isinstance(content, str) else "", tokens=tokens)
    elif isinstance(content, str) and content:
        yield content
    elif isinstance(content, list):
        yield from _read_parts(content)  # type: ignore[arg-type]
    for call in said.get("tool_calls") or ():  # type: ignore[union-attr]
        yield calls.piece(call)  # type: ignore[arg-type]
    if said.get("function_call") and not said.get("tool_calls"):  # some say it under both names
        yield calls.piece({"index": 0, "function": said["function_call"]})
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason:  # some say "" until the end
        yield Finish(reason=REASONS.get(reason, "stop"))


def _read_parts(parts: Iterable[Mapping[str, JsonValue]]) -> Iterator[Event]:
    """Content in parts, as Mistral's thinking models say it; of other parts only their text counts."""
    for part in parts:
        if part.get("type") == "thinking":
            yield from (Reasoning(text=_string(piece, "text")) for piece in part["thinking"])  # type: ignore[arg-type, union-attr]
        elif text := _string(part, "text"):
            yield text


def _read_tokens(choice: Mapping[str, JsonValue]) -> tuple[TokenLogprob, ...]:
    scores = choice.get("logprobs")
    content = scores.get("content") if isinstance(scores, dict) else None
    return tuple(read_token(entry) for entry in content or ())  # type: ignore[arg-type, union-attr]


def read_token(entry: Mapping[str, JsonValue]) -> TokenLogprob:
    """A token's entry, read.

    :raises TypeError: it is none.
    """
    token, logprob, spelled = entry["token"], entry["logprob"], entry.get("bytes")
    if not isinstance(token, str) or not isinstance(logprob, int | float):
        raise TypeError("a malformed logprob")
    whole = tuple(token.encode("utf-8", "surrogatepass"))
    raw = tuple(int(byte) for byte in spelled) if isinstance(spelled, list) else whole  # type: ignore[arg-type]
    top = tuple(read_token(other) for other in entry.get("top_logprobs") or ())  # type: ignore[arg-type, union-attr]
    return TokenLogprob(token=token, logprob=float(logprob), bytes=None if raw == whole else raw, top=top)


def _read_usage(document: Mapping[str, JsonValue], events: list[ProviderEvent]) -> None:
    usage = document.get("usage")
    if isinstance(usage, dict):
        events.append(
            Usage(
                prompt_tokens=_count(usage, "prompt_tokens"),
                completion_tokens=_count(usage, "completion_tokens"),
                cached_tokens=_count(usage.get("prompt_tokens_details"), "cached_tokens"),
                reasoning_tokens=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
            )
        )


def _count(counts: JsonValue, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else 0
    return value if type(value) is int and 0 <= value < 2**63 else 0
