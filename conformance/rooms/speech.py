"""Speech: sound that is what it is called, spoken as fast as asked, and never half of it as the whole."""

import json
from base64 import b64decode
from binascii import Error

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Json
from conformance.message import Gone, Reply
from conformance.target import SCRIPTED, Target, stream_of

SPEC = "https://github.com/openai/openai-openapi CreateSpeechRequest"
TEXT = "one two three four"
#: What a file of each format begins with; raw samples begin with anything but a header.
BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
    "opus": (b"OggS",),
    "aac": (b"\xff\xf1", b"\xff\xf9"),
    "flac": (b"fLaC",),
    "wav": (b"RIFF",),
}


def ask(target: Target, model: str | None = None, /, **fields: Json) -> Reply:
    body: dict[str, Json] = {"model": model or target.model, "input": TEXT, "voice": "alloy", "response_format": "wav"}
    return target.post("/audio/speech", json.dumps(body | fields).encode())


def spoken(target: Target, model: str | None = None, /, **fields: Json) -> Reply:
    """A reply with sound; not applicable where the server's model makes none."""
    reply = ask(target, model, **fields)
    if "scripted" not in target.has:
        if reply.status in (404, 405, 501):
            raise NotApplicable(f"the model {target.model} does not speak: {reply.status}")
        reply = shapes.offered(reply, "speech")
    if reply.status != 200:
        raise Failed(f"POST /audio/speech: {reply.status}")
    if not reply.body:
        raise Failed("200 without a byte of sound")
    return reply


def samples(wav: bytes) -> int:
    """How many 16-bit samples a RIFF file holds; its header may say that the length is unknown."""
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise Failed(f"not a WAV file: it begins with {wav[:12]!r}")
    place = 12
    while wav[place : place + 4] != b"data":
        if place + 8 > len(wav):
            raise Failed("a WAV file without samples")
        place += 8 + int.from_bytes(wav[place + 4 : place + 8], "little")
    return (len(wav) - place - 8) // 2


@case("speech.wav", rule=f"{SPEC}: response_format wav", complaint=7)
def wav(target: Target) -> None:
    """A player that is told audio/wav and gets something else plays noise, or nothing."""
    reply = spoken(target)
    kind = (reply.header("content-type") or "").lower()
    if not kind.startswith("audio/"):
        raise Failed(f"sound of the type {kind or 'none'}")
    if samples(reply.body) < 100:
        raise Failed(f"{samples(reply.body)} samples for four words")


@case("speech.formats", rule=f"{SPEC}: mp3, opus, aac, flac, wav, pcm", complaint=7)
def formats(target: Target) -> None:
    """Servers are known that send WAV whatever is asked for."""
    spoken(target)
    wrong = []
    for name, beginnings in BEGINNINGS.items():
        reply = ask(target, response_format=name)
        try:
            if reply.status != 200:
                shapes.error(reply, 400, param="response_format")  # what it cannot encode it may refuse
            elif not reply.body.startswith(beginnings):
                raise Failed(f"it begins with {reply.body[:8]!r}")
        except Failed as failed:
            wrong.append(f"{name}: {failed}")
    fail_if(wrong)


@case("speech.pcm", rule=f"{SPEC}: pcm is raw 16-bit samples without a header", complaint=7)
def pcm(target: Target) -> None:
    """A header played as samples is a click; an odd byte makes noise of all that follows."""
    wanted = samples(spoken(target).body)
    reply = ask(target, response_format="pcm")
    if reply.status == 400 and "scripted" not in target.has:
        return shapes.error(reply, 400, param="response_format")
    if reply.status != 200 or len(reply.body) % 2:
        raise Failed(f"{reply.status} with {len(reply.body)} bytes, which are no 16-bit samples")
    if reply.body[:4] == b"RIFF" or not 0.5 < len(reply.body) / 2 / wanted < 2:
        raise Failed(f"{len(reply.body) // 2} samples where WAV has {wanted}, beginning with {reply.body[:4]!r}")
    return None


@case("speech.speed", rule=f"{SPEC}: speed 0.25 to 4.0", complaint=7)
def speed(target: Target) -> None:
    """A parameter without effect is one that lies."""
    usual = samples(spoken(target).body)
    reply = ask(target, speed=2.0)
    if reply.status == 400 and "scripted" not in target.has:
        return shapes.error(reply, 400, param="speed")
    if reply.status != 200 or not 1.3 < usual / max(samples(reply.body), 1) < 3:
        raise Failed(f"at speed 2: {reply.status} with {samples(reply.body)} samples instead of about {usual // 2}")
    return None


@case("speech.events", rule="https://platform.openai.com/docs/api-reference/audio/speech-audio-delta-event")
def events(target: Target) -> None:
    """`stream_format: sse`: the pieces joined are the sound, and the last event says that it is over."""
    wanted = samples(spoken(target).body)
    reply = ask(target, stream_format="sse")
    if reply.status == 400 and "scripted" not in target.has:
        return shapes.error(reply, 400, param="stream_format")
    found = stream_of(reply).chunks
    if not found:
        raise Failed(f"{reply.status} without an event")
    *deltas, done = found
    for delta in deltas:
        delta["type"].equals("speech.audio.delta")
    done["type"].equals("speech.audio.done")
    counts = [done["usage"][name].integer() for name in ("input_tokens", "output_tokens", "total_tokens")]
    if counts[0] + counts[1] != counts[2]:
        raise Failed(f"the usage does not add up: {counts}")
    try:
        sound = b"".join(b64decode(delta["audio"].text(), validate=True) for delta in deltas)
    except Error:
        raise Failed("a delta that is not base64") from None
    if not 0.5 < samples(sound) / wanted < 2:
        raise Failed(f"{samples(sound)} samples in events, {wanted} without")
    return None


@case("speech.refusals", rule=f"{SPEC}: ranges and required fields", complaint=17)
def refusals(target: Target) -> None:
    """Text that is cut in silence, or a speed that is bent, is found out by ear."""
    spoken(target)
    table: tuple[dict[str, Json], ...] = (
        {"input": None}, {"input": ""}, {"input": "a" * 4097}, {"voice": 7}, {"speed": 4.5}, {"speed": 0.1},
        {"response_format": "midi"}, {"stream_format": "smoke"},
    )  # fmt: skip
    wrong = []
    for fields in table:
        try:
            shapes.error(ask(target, None, **fields), 400, param=next(iter(fields)))
        except Failed as failed:
            wrong.append(f"{next(iter(fields))}: {failed}")
    fail_if(wrong)


@case("speech.unknown-model", rule="api.openai.com: 404 model_not_found", complaint=17)
def unknown(target: Target) -> None:
    """A client that falls back to another model waits for this code."""
    spoken(target)
    shapes.error(ask(target, "no-such-model-7f3a"), 404, code="model_not_found")


@case("speech.streamed", rule="sound is sent while it is made", needs=("scripted",))
def streamed(target: Target) -> None:
    """Who waits for the whole of a long text hears nothing for minutes."""
    body = {"model": f"{SCRIPTED}:delay=100ms", "input": TEXT, "voice": "alloy", "response_format": "pcm"}
    with target.connect() as connection:
        connection.send(target.request("POST", "/audio/speech", json.dumps(body).encode()))
        head = connection.head("POST")
        pieces = list(connection.pieces())
    if head.status != 200 or len(pieces) < 2:
        raise Failed(f"{head.status}, and all of the sound in {len(pieces)} piece")


@case("speech.broken-off", rule="RFC 9112 section 8: a message without its end is incomplete", needs=("scripted",))
def broken_off(target: Target) -> None:
    """A provider that dies in a sentence: the reply must not end as if it were whole, and cannot say more."""
    try:
        reply = ask(target, f"{SCRIPTED}:error=500,after=2,delay=10ms")
    except Gone:
        return target.alive()
    raise Failed(f"{reply.status} with {len(reply.body)} bytes that look like a whole answer")
