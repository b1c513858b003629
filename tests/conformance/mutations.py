"""How replies are changed: the building blocks of `flaws`. Each returns a function for one field of a `Flaw`."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.message import Reply

from .proxy import Object

DONE = b"data: [DONE]\n\n"


def frame(value: Object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunks(change: Callable[[list[Object]], list[Object] | None]) -> Callable[[list[bytes]], list[bytes]]:
    """Change the JSON of a stream's chunks, in place or by returning others; comments are kept at the front."""

    def changed(events: list[bytes]) -> list[bytes]:
        found = [json.loads(event[6:]) for event in events if event.startswith(b"data: {")]
        comments = [event for event in events if event.startswith(b":")]
        return [*comments, *map(frame, change(found) or found), DONE]

    return changed


def every(change: Callable[[Object], object]) -> Callable[[list[bytes]], list[bytes]]:
    """Change each chunk in place."""

    def changed(found: list[Object]) -> None:
        for chunk in found:
            change(chunk)

    return chunks(changed)


def choices(change: Callable[[Object], object]) -> Callable[[list[bytes]], list[bytes]]:
    """Change each choice of each chunk in place."""

    def changed(chunk: Object) -> None:
        for choice in chunk.get("choices", ()):
            change(choice)

    return every(changed)


def data(change: Callable[[bytes], bytes]) -> Callable[[list[bytes]], list[bytes]]:
    """Change each event's bytes."""
    return lambda events: [change(event) for event in events]


def body(change: Callable[[Object], object]) -> Callable[[Reply], Reply]:
    """Change the JSON of a reply in place."""

    def changed(reply: Reply) -> Reply:
        if not reply.body:
            return reply
        found = json.loads(reply.body)
        change(found)
        return replace(reply, body=json.dumps(found).encode())

    return changed


def success(change: Callable[[Object], object]) -> Callable[[Reply], Reply]:
    """Change the JSON of completions only."""

    def checked(found: Object) -> None:
        if "choices" in found:
            change(found)

    return body(checked)


def header(name: str, value: str | None) -> Callable[[Reply], Reply]:
    """Set a header, or drop it."""

    def changed(reply: Reply) -> Reply:
        kept = tuple(field for field in reply.headers if field[0].lower() != name)
        return replace(reply, headers=kept if value is None else (*kept, (name, value)))

    return changed


def status(old: Callable[[int], bool], new: int) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, status=new) if old(reply.status) else reply


def failed(change: Callable[[Reply], Reply]) -> Callable[[Reply], Reply]:
    """Change failures only."""
    return lambda reply: change(reply) if reply.status >= 400 else reply


def detail(reply: Reply) -> Reply:
    return replace(reply, body=b'{"detail":"Not Found"}')


def html(reply: Reply) -> Reply:
    return header("content-type", "text/html")(replace(reply, body=b"<h1>Error</h1>"))


def drop(*names: str) -> Callable[[Object], object]:
    return lambda found: [found.pop(name, None) for name in names]


def put(**fields: Any) -> Callable[[Object], object]:
    return lambda found: found.update(fields)


def message(found: Object) -> Object:
    return dict.__getitem__(found["choices"][0], "message")


def numbered(found: list[Object]) -> None:
    for number, chunk in enumerate(found):
        chunk["id"] = f"chatcmpl-{number}"


def early_finish(found: list[Object]) -> None:
    found[1]["choices"][0]["finish_reason"] = "stop"


def usage_with_choice(found: list[Object]) -> None:
    for chunk in found:
        if not chunk["choices"]:
            chunk["choices"] = [{"index": 0, "delta": {}, "finish_reason": None}]


def usage_chunk_always(found: list[Object]) -> list[Object]:
    return found if not found[-1]["choices"] else [*found, found[-1] | {"choices": []}]


def swallow_first_word(found: list[Object]) -> list[Object]:
    return [found[0], *found[2:]]


def error_as_text(found: list[Object]) -> list[Object]:
    """What came before the error, and then an end as if all were well."""
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return [chunk for chunk in found if "error" not in chunk] + [found[0] | end] if "error" in found[-1] else found


def flat_error(found: list[Object]) -> list[Object]:
    return [{"error": chunk["error"]["message"]} if "error" in chunk else chunk for chunk in found]


def one_comment(events: list[bytes]) -> list[bytes]:
    comments = [event for event in events if event.startswith(b":")]
    return [*comments[:1], *(event for event in events if event not in comments)]


def system_only(found: Object) -> None:
    found["messages"] = [entry for entry in found["messages"] if entry["role"] != "developer"]


def strings_only(found: Object) -> None:
    for entry in found["messages"]:
        if isinstance(entry["content"], list):
            entry["content"] = ""
