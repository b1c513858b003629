"""Transcription: a form with a recording, the five formats and the stream of what was said in it."""

import json
import re
import struct

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Found, Json
from conformance.message import Reply, request_bytes
from conformance.sse import DONE
from conformance.target import Target, json_of, stream_of

SPEC = "https://github.com/openai/openai-openapi CreateTranscriptionRequest"
PATH = "/audio/transcriptions"
#: A second of silence, 16 kHz: whatever hears words in it makes them up.
WAV = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 32036, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16, b"data", 32000)
WAV += bytes(32000)
CUE = re.compile(r"(\d\d):(\d\d):(\d\d)[,.](\d{3}) --> (\d\d):(\d\d):(\d\d)[,.](\d{3})")
TYPE = "multipart/form-data; boundary=x7f3a"


def form(target: Target, fields: dict[str, str], *, upload: bytes | None = WAV) -> bytes:
    """A form's bytes, in pieces that each part of it can be left out of."""
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in ({"model": target.model} | fields).items()]
    if upload is not None:
        parts.append(b'name="file"; filename="talk.wav"\r\nContent-Type: audio/wav\r\n\r\n' + upload)
    return (
        b"".join(b"--x7f3a\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--x7f3a--\r\n"
    )


def send(target: Target, body: bytes) -> Reply:
    headers = (("Host", target.url.authority), ("Content-Type", TYPE), *target.auth)
    return target.exchange(request_bytes("POST", target.url.base + PATH, headers, body), "POST")


def ask(target: Target, **fields: str) -> Reply:
    return send(target, form(target, {name.replace("__", "[]"): value for name, value in fields.items()}))


def heard(target: Target) -> str:
    """The text of the recording; not applicable where the server's model hears nothing."""
    reply = ask(target)
    if "scripted" not in target.has:
        if reply.status in (404, 405, 501):
            raise NotApplicable(f"the model {target.model} does not transcribe: {reply.status}")
        reply = shapes.offered(reply, "transcriptions")
    if reply.status != 200:
        raise Failed(f"POST {PATH}: {reply.status}")
    return json_of(reply)["text"].text()


def formatted(target: Target, format: str, **fields: str) -> Reply:
    reply = ask(target, response_format=format, **fields)
    if reply.status == 400 and "scripted" not in target.has:
        shapes.error(reply, 400)  # OpenAI's own newer models have `json` only
        raise NotApplicable(f"the model {target.model} does not write {format}")
    if reply.status != 200:
        raise Failed(f"response_format {format}: {reply.status}")
    return reply


def words(text: str) -> list[str]:
    return text.split()


@case("transcription.json", rule=f"{SPEC}: response_format defaults to json: an object with text", complaint=7)
def whole(target: Target) -> None:
    """The whole recording must have arrived, and the reply say what was heard and nothing of the insides."""
    text = heard(target)
    if "scripted" in target.has and text != f"talk.wav has {len(WAV)} bytes":
        raise Failed(f"the provider was given another recording: it says {text!r}")
    (kind,) = {(ask(target).header("content-type") or "").partition(";")[0]}
    if kind != "application/json":
        raise Failed(f"JSON of the type {kind or 'none'}")


@case("transcription.text", rule=f"{SPEC}: response_format text", complaint=7)
def text(target: Target) -> None:
    """A shell script that asked for text puts the JSON into its document."""
    wanted = heard(target)
    reply = formatted(target, "text")
    kind = (reply.header("content-type") or "").partition(";")[0]
    if kind != "text/plain" or words(reply.body.decode("utf-8", "replace")) != words(wanted):
        raise Failed(f"{kind or 'no type'}: {reply.body[:80]!r} instead of {wanted!r}")


@case("transcription.subtitles", rule=f"{SPEC}: response_format srt, vtt", complaint=7)
def subtitles(target: Target) -> None:
    """A cue without its times, or with a comma where a player wants a point, is not shown."""
    wanted = heard(target)
    wrong = []
    for name, mark in (("srt", ","), ("vtt", ".")):
        lines = formatted(target, name).body.decode("utf-8", "replace").splitlines()
        times = [place for place, line in enumerate(lines) if CUE.fullmatch(line) and mark in line]
        said = " ".join(lines[place + 1] for place in times if place + 1 < len(lines))
        if name == "vtt" and lines[:1] != ["WEBVTT"]:
            wrong.append(f"vtt begins with {lines[:1]}")
        if words(said) != words(wanted):
            wrong.append(f"{name} shows {said!r} instead of {wanted!r}")
    fail_if(wrong)


@case("transcription.verbose", rule="CreateTranscriptionResponseVerboseJson: language, duration, text", complaint=7)
def verbose(target: Target) -> None:
    """Editors cut by these times."""
    wanted = heard(target)
    found = json_of(formatted(target, "verbose_json"))
    found["language"].text()
    duration = found["duration"].number()
    segments = list(found["segments"])
    spans(segments, duration)
    if words(" ".join(segment["text"].text() for segment in segments)) != words(wanted):
        raise Failed("the segments' texts are not the text")
    for segment in segments:
        segment["id"].integer()


@case("transcription.words", rule=f"{SPEC}: timestamp_granularities[] word, with verbose_json", complaint=7)
def timed(target: Target) -> None:
    """Karaoke needs every word, and a server that ignores the field sends none."""
    wanted = heard(target)
    found = json_of(formatted(target, "verbose_json", timestamp_granularities__="word"))
    entries = list(found["words"])
    spans(entries, found["duration"].number())
    if words(" ".join(entry["word"].text() for entry in entries)) != words(wanted):
        raise Failed("the words are not those of the text")


def spans(entries: list[Found], duration: float) -> None:
    """Each has its times, one after another, within the recording (Whisper rounds its end up)."""
    before = 0.0
    for entry in entries:
        start, end = entry["start"].number(), entry["end"].number()
        if not before <= start <= end <= duration + 1:
            raise Failed(f"{entry.path} is from {start} to {end}, after {before} and within {duration}")
        before = start


@case("transcription.stream", rule="https://platform.openai.com/docs/api-reference/audio/transcript-text-delta-event")
def stream(target: Target) -> None:
    """The deltas joined are the text, and one event at the end has all of it."""
    wanted = heard(target)
    reply = ask(target, stream="true")
    if reply.status == 400 and "scripted" not in target.has:
        return shapes.error(reply, 400, param="stream")
    kind = (reply.header("content-type") or "").partition(";")[0]
    if kind == "application/json" and "scripted" not in target.has:
        raise NotApplicable("the model does not stream: OpenAI's whisper-1 ignores the field, too")
    found = [chunk for chunk in stream_of(reply).chunks if chunk["type"].text().startswith("transcript.text.")]
    if not found or sum(event.data == DONE for event in stream_of(reply).events) > 1:
        raise Failed(f"{reply.status}, {kind}: no events, or more than one end")
    *deltas, done = found
    for delta in deltas:
        delta["type"].equals("transcript.text.delta")
    done["type"].equals("transcript.text.done")
    for said in ("".join(delta["delta"].text() for delta in deltas), done["text"].text()):
        if words(said) != words(wanted):
            raise Failed(f"the stream says {said!r} instead of {wanted!r}")
    return None


@case("transcription.refusals", rule=f"{SPEC}: ranges and required fields", complaint=17)
def refusals(target: Target) -> None:
    """A field that is ignored, or a form that is guessed at, is found out by reading the whole transcript."""
    heard(target)
    table: tuple[tuple[str, dict[str, str]], ...] = (
        ("temperature", {"temperature": "1.5"}), ("temperature", {"temperature": "hot"}),
        ("response_format", {"response_format": "docx"}),
        ("timestamp_granularities", {"timestamp_granularities__": "word"}),
    )  # fmt: skip
    wrong = []
    for param, fields in table:
        try:
            shapes.error(ask(target, **fields), 400, param=param)
        except Failed as failed:
            wrong.append(f"{param}: {failed}")
    try:
        shapes.error(send(target, form(target, {}, upload=None)), 400, param="file")
    except Failed as failed:
        wrong.append(f"no file: {failed}")
    try:
        shapes.error(send(target, form(target, {})[:-9]), 400)
    except Failed as failed:
        wrong.append(f"a form that breaks off: {failed}")
    fail_if(wrong)


@case("transcription.too-large", rule="api.openai.com: 413, Maximum content size limit", complaint=25)
def too_large(target: Target) -> None:
    """Who announces a gigabyte is told at once, and not after it was sent."""
    heard(target)
    fields = (("Host", target.url.authority), ("Content-Type", TYPE), ("Content-Length", str(2**30)), *target.auth)
    with target.connect() as connection:
        connection.send(request_bytes("POST", target.url.base + PATH, fields))
        shapes.error(connection.reply("POST"), 413)


@case("transcription.unknown-model", rule="api.openai.com: 404 model_not_found", complaint=17)
def unknown(target: Target) -> None:
    """A client that falls back to another model waits for this code."""
    heard(target)
    shapes.error(ask(target, model="no-such-model-7f3a"), 404, code="model_not_found")


@case("transcription.json-body", rule=f"{SPEC}: the request is multipart/form-data", complaint=17)
def json_body(target: Target) -> None:
    """A client that posts JSON is told what is wanted, and not that a file is missing."""
    heard(target)
    body: dict[str, Json] = {"model": target.model, "file": "talk.wav"}
    shapes.error(target.post(PATH, json.dumps(body).encode()), 400, 415)
