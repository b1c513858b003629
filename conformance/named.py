"""Streams whose events have names, as the Responses and the Messages API send them: read whole, and by their letter.

What kills a client of a chat's stream kills one here too (`sse`), but for two things: each event has a name, which is
the `type` in its data, and there is no `[DONE]`: the last event says that it is the last.
"""

import json
from collections.abc import Sequence

from conformance import shapes
from conformance.case import Failed, NotApplicable
from conformance.found import Found, show
from conformance.message import Reply
from conformance.sse import DONE, Kind, SseReader
from conformance.target import Target, json_of

MISSING = (404, 405, 501)


def present(target: Target, reply: Reply, what: str) -> Reply:
    """The reply, unless a foreign server has no such route, or says that it lacks what was asked."""
    if "scripted" in target.has:
        return reply
    if reply.status in MISSING:
        raise NotApplicable(f"the server has no {what}: {reply.status}")
    return shapes.offered(reply, what)


def whole(target: Target, path: str, fields: dict[str, object], what: str) -> Found:
    """The JSON of a reply that must be a success."""
    reply = present(target, target.post(path, json.dumps(fields).encode()), what)
    if reply.status != 200:
        raise Failed(f"POST {path}: {reply.status}: {show(reply.body)}")
    return json_of(reply)


def stream(target: Target, path: str, fields: dict[str, object], what: str) -> list[Found]:
    """The events of a stream, each of them a JSON object under its own type's name."""
    reply = present(target, target.post(path, json.dumps({**fields, "stream": True}).encode()), what)
    kind = (reply.header("content-type") or "").partition(";")[0].strip().lower()
    if reply.status != 200 or kind != "text/event-stream":
        raise Failed(f"no stream but {reply.status} {kind or 'without a type'}: {show(reply.body)}")
    reader = SseReader()
    reader.feed(reply.body)
    reader.close()
    wrong = [str(one) for one in reader.violations if one.kind not in (Kind.NAME, Kind.NO_END)]
    if wrong:
        raise Failed("; ".join(wrong))
    found = []
    for number, event in enumerate(reader.events):
        if event.data == DONE:
            raise Failed("a stream of this API has no [DONE]: its clients parse each event's data as JSON")
        found.append(Found(json.loads(event.data), f"events[{number}]"))
        if found[-1]["type"].text() != event.name:
            raise Failed(f"event {number} is named {event.name!r}, its data say {found[-1]['type'].value!r}")
    if not found:
        raise Failed("the stream has no events")
    return found


def kinds(events: Sequence[Found]) -> list[str]:
    """The types of the events; a run of one type is told once."""
    seen = [event["type"].text() for event in events if event["type"].text() != "ping"]
    return [kind for number, kind in enumerate(seen) if not number or kind != seen[number - 1]]


def ordered(events: Sequence[Found], *expected: str) -> None:
    """The types are these and no others, each once or several times in a row."""
    if kinds(events) != list(expected):
        raise Failed(f"the events are {kinds(events)} instead of {list(expected)}")


def of(events: Sequence[Found], kind: str) -> list[Found]:
    """The events of one type, at least one."""
    found = [event for event in events if event["type"].text() == kind]
    if not found:
        raise Failed(f"there is no event {kind}")
    return found
