"""The mistakes servers make with the Responses and the Messages API: more of `flaws`."""

import json
from collections.abc import Callable
from typing import Any

from .mutations import body, drop, put, status
from .proxy import Flaw

Object = dict[str, Any]


def named(change: Callable[[list[Object]], list[Object] | None]) -> Callable[[list[bytes]], list[bytes]]:
    """Change the events of a stream whose events have names, in place or by returning others; others stay."""

    def changed(events: list[bytes]) -> list[bytes]:
        if not any(event.startswith(b"event: ") for event in events):
            return events
        found = [json.loads(event.partition(b"data: ")[2]) for event in events if event.startswith(b"event: ")]
        return [frame(one) for one in change(found) or found]

    return changed


def frame(value: Object) -> bytes:
    return f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode()


def each(kind: str, change: Callable[[Object], object]) -> Callable[[list[bytes]], list[bytes]]:
    """Change each event of one type in place."""

    def changed(events: list[Object]) -> None:
        for event in events:
            if event["type"] == kind:
                change(event)

    return named(changed)


def without(*kinds: str) -> Callable[[list[bytes]], list[bytes]]:
    """Leave events of these types out."""
    return named(lambda events: [event for event in events if event["type"] not in kinds])


def response(change: Callable[[Object], object]) -> Callable[[Any], Any]:
    """Change each whole response."""
    return body(lambda found: found.get("object") == "response" and change(found))


def message(change: Callable[[Object], object]) -> Callable[[Any], Any]:
    """Change each whole message of the Messages API."""
    return body(lambda found: found.get("type") == "message" and change(found))


def at(*path: str) -> Callable[[Callable[[Object], object]], Callable[[Object], object]]:
    """Change what stands there, where it does."""

    def of(change: Callable[[Object], object]) -> Callable[[Object], object]:
        def changed(found: Object) -> None:
            inner: Any = found
            for key in path:
                inner = inner.get(key) if isinstance(inner, dict) else None
            if inner is not None:
                change(inner)

        return changed

    return of


def first(kind: str, change: Callable[[Object], object]) -> Callable[[Object], object]:
    """Change each of a response's items, or a message's blocks, of one type."""

    def changed(found: Object) -> None:
        for one in found.get("output", found.get("content", ())):
            if one["type"] == kind:
                change(one)

    return changed


def forget(*types: str) -> Callable[[Object], object]:
    """Take what has one of these types out of what was asked."""

    def changed(asked: Object) -> None:
        if isinstance(asked.get("input"), list):
            asked["input"] = [item for item in asked["input"] if item.get("type") not in types] or "hello"
        for turn in asked.get("messages", ()):
            if isinstance(turn.get("content"), list):
                turn["content"] = [block for block in turn["content"] if block.get("type") not in types]
        if isinstance(asked.get("messages"), list):
            asked["messages"] = [turn for turn in asked["messages"] if turn.get("content") != []]

    return changed


def strings(asked: Object) -> None:
    """Take parts for their representation, as servers do that know strings only."""
    for turn in [*asked.get("messages", ()), *(asked["input"] if isinstance(asked.get("input"), list) else ())]:
        if isinstance(turn.get("content"), list):
            turn["content"] = str(turn["content"])


def lenient(asked: Object) -> None:
    """Ask for what is allowed, whatever was asked."""
    if asked.get("max_output_tokens", 64) < 16:
        asked["max_output_tokens"] = 16
    asked.pop("previous_response_id", None)


def chat_errors(reply: Any) -> Any:
    """OpenAI's error object in the place of Anthropic's."""
    return body(lambda found: found.get("type") == "error" and found.pop("type"))(reply)


def renumbered(events: list[Object]) -> None:
    for number, event in enumerate(events, 1):
        if "sequence_number" in event:
            event["sequence_number"] = number


def mixed(events: list[Object]) -> list[Object]:
    """The text's pieces before its block, or its part, begins."""
    deltas = [event for event in events if event["type"] in ("response.output_text.delta", "content_block_delta")]
    rest = [event for event in events if event not in deltas]
    return [rest[0], *deltas, *rest[1:]]


def merged(events: list[Object]) -> None:
    """All calls in one place."""
    for event in events:
        if event["type"].startswith("response.function_call_arguments"):
            event["output_index"] = 0
        if event["type"] == "content_block_delta":
            event["index"] = 0


def ended(kind: str) -> Callable[[list[bytes]], list[bytes]]:
    """An end after a failure, as if there had been none."""

    def changed(events: list[Object]) -> list[Object]:
        if not any(event["type"] == "error" for event in events):
            return events
        rest = [event for event in events if event["type"] not in ("error", "response.failed")]
        return [*rest, {**rest[0], "type": kind}]

    return named(changed)


ADDED = "response.output_item.added"
DIALECTS: dict[str, Flaw] = {
    # responses
    "a chat's object for a response": Flaw(("responses.shape",), reply=response(put(object="chat.completion"))),
    "no nullable keys in a response": Flaw(("responses.shape",), reply=response(drop("error"))),
    "parts without annotations": Flaw(
        ("responses.shape",), reply=response(first("message", lambda item: item["content"][0].pop("annotations")))
    ),
    "a chat's usage in a response": Flaw(
        ("responses.usage",),
        reply=response(at("usage")(lambda usage: usage.update(prompt_tokens=usage.pop("input_tokens")))),
    ),
    "no response.in_progress": Flaw(("responses.order",), events=without("response.in_progress")),
    "no content_part.added": Flaw(("responses.order",), events=without("response.content_part.added")),
    "no response.completed": Flaw(("responses.order",), events=without("response.completed")),
    "deltas before their part": Flaw(("responses.order",), events=named(mixed)),
    "events numbered from 1": Flaw(("responses.numbers",), events=named(renumbered)),
    "events without numbers": Flaw(
        ("responses.numbers",), events=each("response.output_text.delta", drop("sequence_number"))
    ),
    "deltas of another item": Flaw(
        ("responses.places",), events=each("response.output_text.delta", put(item_id="msg_other"))
    ),
    "deltas without logprobs": Flaw(("responses.places",), events=each("response.output_text.delta", drop("logprobs"))),
    "an empty output at the end": Flaw(
        ("responses.agrees", "responses.calls"), events=each("response.completed", at("response")(put(output=[])))
    ),
    "[DONE] behind response.completed": Flaw(
        ("responses.order", "messages.order"), events=lambda events: [*events, b"data: [DONE]\n\n"]
    ),
    "events without names": Flaw(
        ("responses.order", "messages.order"),
        events=lambda events: [event[event.index(b"data: ") :] if b"data: " in event else event for event in events],
    ),
    "completed though cut": Flaw(
        ("responses.length",),
        reply=response(put(status="completed")),
        events=named(lambda events: events[-1].update(type="response.completed")),
    ),
    "arguments in one place": Flaw(("responses.calls", "messages.calls"), events=named(merged)),
    "a call's id repeated": Flaw(
        ("responses.calls",),
        events=each("response.completed", at("response")(first("function_call", put(call_id="call_1")))),
    ),
    "function outputs forgotten": Flaw(("responses.loop",), request=forget("function_call_output")),
    "thoughts told nowhere": Flaw(("responses.reasoning",), events=without("response.reasoning_summary_text.delta")),
    "instructions not repeated": Flaw(("responses.repeats",), reply=response(put(instructions=None))),
    "metadata not repeated": Flaw(("responses.repeats",), reply=response(put(metadata={}))),
    "parts taken for text": Flaw(("responses.input", "messages.forms"), request=strings),
    "anything goes in a response": Flaw(("responses.refusals",), request=lenient),
    "a nested error in an event": Flaw(
        ("responses.failure",),
        events=each("error", lambda event: event.update(error={"message": event.pop("message")})),
    ),
    "a failed response completed": Flaw(("responses.failure",), events=ended("response.completed")),
    # messages
    "content as a string": Flaw(("messages.shape",), reply=message(put(content="hello"))),
    "a chat's reason in a message": Flaw(("messages.shape",), reply=message(put(stop_reason="stop"))),
    "no message_stop": Flaw(("messages.order",), events=without("message_stop")),
    "blocks that never stop": Flaw(("messages.order",), events=without("content_block_stop")),
    "deltas before their block": Flaw(("messages.order",), events=named(mixed)),
    "a reason before the first word": Flaw(
        ("messages.start",), events=each("message_start", at("message")(put(stop_reason="end_turn")))
    ),
    "no usage when a message starts": Flaw(
        ("messages.start",), events=each("message_start", at("message")(drop("usage")))
    ),
    "a message's count lost in streams": Flaw(
        ("messages.agrees",), events=each("message_delta", at("usage")(put(output_tokens=0)))
    ),
    "end_turn for max_tokens": Flaw(
        ("messages.length",),
        reply=message(put(stop_reason="end_turn")),
    ),
    "end_turn for tool_use": Flaw(("messages.calls",), reply=message(put(stop_reason="end_turn"))),
    "a call's input twice": Flaw(
        ("messages.calls",), events=each("content_block_start", at("content_block", "input")(put(city="Paris")))
    ),
    "tool results forgotten": Flaw(("messages.loop",), request=forget("tool_result")),
    "thoughts for everybody": Flaw(
        ("messages.thinking",), request=lambda asked: asked.update(thinking={"type": "adaptive"})
    ),
    "thoughts for nobody": Flaw(("messages.thinking",), request=lambda asked: asked.pop("thinking", None)),
    "OpenAI's error object in a message's place": Flaw(("messages.errors",), reply=chat_errors),
    "422 for a wrong message": Flaw(("messages.errors",), reply=status(lambda code: code == 400, 422)),
    "every request is as long": Flaw(
        ("messages.count",), reply=body(lambda found: "input_tokens" in found and found.update(input_tokens=9))
    ),
    "a failed message stopped": Flaw(("messages.failure",), events=ended("message_stop")),
}
