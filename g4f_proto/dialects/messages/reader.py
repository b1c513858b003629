# An upstream's Messages API, read: its stream and its single reply as the events that would have made them.
#
# Blocks are told by their index, and the kind of one is said once, when it starts. What has no event here passes:
# signatures of thoughts, citations, blocks of tools that the upstream runs itself, and events that are new.
# https://docs.claude.com/en/docs/build-with-claude/streaming
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from ..._events import Finish, FinishReason, ProviderEvent, Reasoning, Refusal, ToolCall, Usage
from ..reader import Failed, Json, StreamReader, child, children, count, document, failure, text

__all__ = ("MessageStreamReader", "read_message")

#: Why an upstream stopped -> why an answer ended; a reason nobody knows is a plain end.
_REASONS: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class MessageStreamReader(StreamReader):
    """The stream of an upstream that speaks the Messages API, read: bytes in, events out, at any split of the bytes."""

    _text = re.compile(r'(?<!\\)"text": ?"')

    def __init__(self, *, failed: Failed | None = None) -> None:
        super().__init__(failed=failed)
        self._calls: dict[int, int] = {}  # the index of a block that is a call -> which call it is
        self._usage: dict[str, object] = {}  # the counts so far; "The token counts ... are cumulative"

    def _read(self, document: Json) -> Iterator[ProviderEvent]:
        kind = document.get("type")
        if kind == "content_block_delta":
            yield from self._delta(count(document, "index"), child(document, "delta"))
        elif kind == "content_block_start":
            index, block = count(document, "index"), child(document, "content_block")
            if block.get("type") == "tool_use" and index not in self._calls:
                self._calls[index] = len(self._calls)
            yield from _block(block, self._calls.get(index, 0), streamed=True)
        elif kind == "message_start":
            self._count(child(child(document, "message"), "usage"))
        elif kind == "message_delta":
            delta = child(document, "delta")
            self._count(child(document, "usage"))
            yield from _ending(delta)
            yield from _usage(self._usage)
        elif kind == "message_stop":
            self.done = True
        elif kind == "error":
            raise self._failed(document.get("error"))

    def _delta(self, index: int, delta: Json) -> Iterator[ProviderEvent]:
        kind = delta.get("type")
        if kind == "text_delta":
            if said := text(delta, "text"):
                yield said
        elif kind == "thinking_delta":
            if said := text(delta, "thinking"):
                yield Reasoning(text=said)
        elif kind == "input_json_delta" and index in self._calls and (said := text(delta, "partial_json")):
            yield ToolCall(index=self._calls[index], arguments=said)

    def _count(self, usage: Json) -> None:
        self._usage.update((name, value) for name, value in usage.items() if value is not None)


def read_message(body: bytes, *, failed: Failed = failure) -> list[ProviderEvent]:
    """One ``message`` document of an upstream as the events that would have made it.

    :param failed: makes of an error object in its place what is raised.
    :raises ApiError: it is an error object, or no message.
    """
    return document(body, lambda found: list(_message(found, failed)))


def _message(found: Json, failed: Failed) -> Iterator[ProviderEvent]:
    if found.get("type") == "error":
        raise failed(found.get("error"))
    if not isinstance(found["content"], list):
        raise TypeError("content is no list")
    calls = 0
    for block in children(found, "content"):
        yield from _block(block, calls, streamed=False)
        calls += block.get("type") == "tool_use"
    yield from _ending(found)
    yield from _usage(child(found, "usage"))


def _block(block: Json, call: int, *, streamed: bool) -> Iterator[ProviderEvent]:
    kind = block.get("type")
    if kind == "text":
        if said := text(block, "text"):
            yield said
    elif kind == "thinking":
        if said := text(block, "thinking"):
            yield Reasoning(text=said)
    elif kind == "tool_use":
        # A stream starts every call with the empty object and then writes the true one piece by piece.
        made = "" if streamed and not block.get("input") else json.dumps(child(block, "input"))
        yield ToolCall(index=call, id=str(block["id"]), name=str(block["name"]), arguments=made)


def _ending(found: Json) -> Iterator[ProviderEvent]:
    if refused := text(found.get("stop_details"), "explanation"):
        yield Refusal(text=refused)
    if reason := text(found, "stop_reason"):
        yield Finish(reason=_REASONS.get(reason, "stop"), stop=text(found, "stop_sequence") or None)


def _usage(usage: Mapping[str, object]) -> Iterator[ProviderEvent]:
    # "Total input tokens in a request is the summation of input_tokens, cache_creation_input_tokens, and
    # cache_read_input_tokens." Both counts are required, so an upstream that does not count writes zeros.
    cached = count(usage, "cache_read_input_tokens")  # type: ignore[arg-type]
    asked = cached + count(usage, "input_tokens") + count(usage, "cache_creation_input_tokens")  # type: ignore[arg-type]
    made = count(usage, "output_tokens")  # type: ignore[arg-type]
    if asked or made:
        thought = count(usage.get("output_tokens_details"), "thinking_tokens")  # type: ignore[arg-type]
        yield Usage(prompt_tokens=asked, completion_tokens=made, cached_tokens=cached, reasoning_tokens=thought)
