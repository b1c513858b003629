"""The mistakes servers make with sound: more of `flaws`."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.message import Reply

from .mutations import header, status
from .proxy import Flaw

Object = dict[str, Any]


def heard(change: Callable[[Object], object]) -> Callable[[Reply], Reply]:
    """Change each JSON that has a transcript."""

    def changed(reply: Reply) -> Reply:
        if not (reply.header("content-type") or "").startswith("application/json") or b'"text"' not in reply.body:
            return reply
        found = json.loads(reply.body)
        change(found)
        return replace(reply, body=json.dumps(found).encode())

    return changed


def of_type(kind: str, change: Callable[[bytes], bytes]) -> Callable[[Reply], Reply]:
    """Change each body of that media type."""

    def changed(reply: Reply) -> Reply:
        return (
            replace(reply, body=change(reply.body)) if (reply.header("content-type") or "").startswith(kind) else reply
        )

    return changed


def backwards(found: Object) -> None:
    found.get("segments", []).reverse()


def joined(reply: Reply) -> Reply:
    """A reply in pieces as one that was made whole before it left."""
    kept = tuple(field for field in reply.headers if field[0].lower() != "transfer-encoding")
    return replace(reply, headers=(*kept, ("Content-Length", str(len(reply.body)))))


def without_end(events: list[bytes]) -> list[bytes]:
    return [event for event in events if b".done" not in event]


def never_bad(asked: Object) -> None:
    asked.update(speed=min(max(asked.get("speed", 1.0), 0.25), 4.0))


SOUNDS: dict[str, Flaw] = {
    "sound of no type": Flaw(("speech.wav",), reply=header("content-type", None)),
    "four words, no sample": Flaw(("speech.wav",), reply=of_type("audio/wav", lambda body: body[:44])),
    "always WAV": Flaw(("speech.formats", "speech.pcm"), request=lambda asked: asked.update(response_format="wav")),
    "half a sample": Flaw(("speech.pcm",), reply=of_type("audio/pcm", lambda body: body[:-1])),
    "one speed": Flaw(("speech.speed",), request=lambda asked: asked.pop("speed", None)),
    "events never end": Flaw(("speech.events", "transcription.stream"), events=without_end),
    "no events": Flaw(("speech.events",), request=lambda asked: asked.pop("stream_format", None)),
    "speed bent": Flaw(("speech.refusals",), request=never_bad),
    "any voice's model": Flaw(("speech.unknown-model",), request=lambda asked: asked.update(model="scripted")),
    "sound at the end": Flaw(("speech.streamed",), reply=joined),
    "half a sound as the whole": Flaw(
        ("speech.broken-off",), request=lambda asked: asked.update(model=asked["model"].partition(":")[0])
    ),
    "another recording": Flaw(("transcription.json",), reply=heard(lambda found: found.update(text="Thanks!"))),
    "a transcript in JSON": Flaw(
        ("transcription.text",), reply=of_type("text/plain", lambda body: json.dumps(str(body)).encode())
    ),
    "points in srt": Flaw(
        ("transcription.subtitles",), reply=of_type("text/plain", lambda body: body.replace(b",", b"."))
    ),
    "vtt of no kind": Flaw(("transcription.subtitles",), reply=of_type("text/vtt", lambda body: body[8:])),
    "no duration": Flaw(("transcription.verbose",), reply=heard(lambda found: found.pop("duration", None))),
    "segments backwards": Flaw(("transcription.verbose",), reply=heard(backwards)),
    "no words": Flaw(("transcription.words",), reply=heard(lambda found: found.pop("words", None))),
    "every form is welcome": Flaw(("transcription.refusals",), reply=status(lambda code: code == 400, 200)),
    "a gigabyte is welcome": Flaw(("transcription.too-large",), reply=status(lambda code: code == 413, 200)),
    "any model's ears": Flaw(("transcription.unknown-model",), reply=status(lambda code: code == 404, 400)),
    "JSON is a form": Flaw(("transcription.json-body",), reply=status(lambda code: code == 415, 200)),
}
