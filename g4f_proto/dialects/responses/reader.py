# An upstream's Responses API, read: its stream and its single response as the events that would have made them.
#
# A stream says everything twice, in pieces and whole; the pieces are read. Both kinds of thoughts are thoughts. What
# has no event here passes: tools that the upstream runs itself, annotations, and events that are new.
# https://platform.openai.com/docs/api-reference/responses-streaming
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ..._events import Finish, FinishReason, ProviderEvent, Reasoning, Refusal, Scored, ToolCall, Usage
from ..chat.reader import read_token
from ..reader import Failed, Json, StreamReader, child, children, count, document, failure, text

__all__ = ("ResponseStreamReader", "read_response")

_REASONS: Final[Mapping[str, FinishReason]] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_THOUGHTS: Final = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
_LAST: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponseStreamReader(StreamReader):
    """The stream of an upstream with the Responses API, read: bytes in, events out, at any split of the bytes."""

    def __init__(self, *, failed: Failed | None = None) -> None:
        super().__init__(failed=failed)
        self._calls: dict[int, int] = {}  # the place of an item that is a call -> which call it is

    def _read(self, document: Json) -> Iterator[ProviderEvent]:
        kind = document.get("type")
        if kind == "response.output_text.delta":
            yield from _text(document, "delta")
        elif kind == "response.output_item.added":
            item = child(document, "item")
            if item.get("type") == "function_call":
                call = self._calls[count(document, "output_index")] = len(self._calls)
                yield _call(item, call)
        elif kind == "response.function_call_arguments.delta":
            if said := text(document, "delta"):
                yield ToolCall(index=self._calls[count(document, "output_index")], arguments=said)
        elif kind in _THOUGHTS:
            if said := text(document, "delta"):
                yield Reasoning(text=said)
        elif kind == "response.reasoning_summary_part.added":
            if count(document, "summary_index"):
                yield Reasoning(text="\n\n")  # the parts are paragraphs
        elif kind == "response.refusal.delta":
            if said := text(document, "delta"):
                yield Refusal(text=said)
        elif kind in _LAST:
            yield from _ending(child(document, "response"), self._failed, called=bool(self._calls))
            self.done = True
        elif kind == "error":
            raise self._failed(document.get("error") or {**document, "type": None})


def read_response(body: bytes, *, failed: Failed = failure) -> list[ProviderEvent]:
    """One ``response`` document of an upstream as the events that would have made it.

    :param failed: makes of an error object in its place what is raised.
    :raises ApiError: it is an error object, a response that failed, or none.
    """
    return document(body, lambda found: list(_response(found, failed)))


def _response(found: Json, failed: Failed) -> Iterator[ProviderEvent]:
    if found.get("error"):
        raise failed(found["error"])
    if not isinstance(found["output"], list):
        raise TypeError("output is no list")
    calls = 0
    for item in children(found, "output"):
        kind = item.get("type")
        if kind == "function_call":
            yield _call(item, calls)
            calls += 1
        elif kind == "reasoning":
            for name in ("summary", "content"):
                if thought := "\n\n".join(text(part, "text") for part in children(item, name)):
                    yield Reasoning(text=thought)
        elif kind == "message":
            for part in children(item, "content"):
                if part.get("type") == "output_text":
                    yield from _text(part, "text")
                elif refusal := text(part, "refusal"):
                    yield Refusal(text=refusal)
    yield from _ending(found, failed, called=bool(calls))


def _call(item: Json, place: int) -> ToolCall:
    return ToolCall(index=place, id=str(item["call_id"]), name=str(item["name"]), arguments=text(item, "arguments"))


def _text(part: Json, name: str) -> Iterator[ProviderEvent]:
    said, tokens = text(part, name), tuple(read_token(entry) for entry in children(part, "logprobs"))
    if tokens:
        yield Scored(text=said, tokens=tokens)
    elif said:
        yield said


def _ending(response: Json, failed: Failed, *, called: bool) -> Iterator[ProviderEvent]:
    if response.get("status") == "failed":
        raise failed(response.get("error"))
    reason: FinishReason = "tool_calls" if called else "stop"
    yield Finish(reason=_REASONS.get(text(response.get("incomplete_details"), "reason"), reason))
    if isinstance(usage := response.get("usage"), dict):
        yield Usage(
            prompt_tokens=count(usage, "input_tokens"),
            completion_tokens=count(usage, "output_tokens"),
            cached_tokens=count(usage.get("input_tokens_details"), "cached_tokens"),
            reasoning_tokens=count(usage.get("output_tokens_details"), "reasoning_tokens"),
        )
