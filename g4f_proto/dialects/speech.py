# The speech dialect: sound as it is made, bare or in events, and the reader of an upstream's events. An upstream's bare
# sound needs no reader: it is bytes.
#
# Bare sound has no place for an error: when it fails after it has begun, the connection must break off, or what came
# would pass for the whole. https://platform.openai.com/docs/api-reference/audio/createSpeech
from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from typing import Final

from .._calls import SpeechCall
from .._capabilities import check
from .._catalog import Choice
from .._errors import ApiError, ProviderNotWorking
from .._events import QUIET, ProviderEvent, Usage
from .._schema import validate
from .._schema.audio import SpeechRequest
from .._sse import PING, frame
from . import SSE_HEADERS, Asked, Encoder, Reading, first_able
from .reader import Json, StreamReader, child, count, text

__all__ = ("SOUNDS", "SpeechReply", "SpeechStream", "SpeechStreamReader", "read_speech_request")

#: Format -> media type.
#: "audio/ogg; codecs=opus" - RFC 7845 section 9; samples without a header have no registered type.
SOUNDS: Final = {
    "mp3": b"audio/mpeg",
    "opus": b"audio/ogg; codecs=opus",
    "aac": b"audio/aac",
    "flac": b"audio/flac",
    "wav": b"audio/wav",
    "pcm": b"audio/pcm",
}


def read_speech_request(asked: Asked) -> Reading:
    """A request's body as the call it demands and the encoder of its reply.

    :raises ApiError: with the status the client shall see.
    """
    document = asked.document
    request = validate(SpeechRequest, document)
    choices = asked.api.catalog.resolve(request.model, asked.route.provider or request.provider, "speech")

    def read(choice: Choice) -> Reading:
        check(choice, {"proxy": document.get("proxy")})
        call = SpeechCall(
            provider=choice.provider.name,
            model=choice.model,
            principal=asked.principal,
            timeout=request.timeout,
            input=request.input,
            voice=request.voice_name,
            response_format=request.response_format or "mp3",
            speed=1.0 if request.speed is None else request.speed,
            instructions=request.instructions or "",
            body=document,
        )
        return Reading(call, SpeechStream() if request.stream_format == "sse" else SpeechReply(call.response_format))

    return first_able(choices, read)


class SpeechReply(Encoder):
    """The sound itself, each piece as it comes."""

    live = True

    def __init__(self, format: str) -> None:
        self.headers = ((b"content-type", SOUNDS[format]),)
        self._usage: Usage | None = None
        self._spoken = False

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""
        return self._usage

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, bytes):
            self._spoken = self._spoken or bool(event)
            return self._piece(event) if event else b""
        if isinstance(event, Usage):
            self._usage = event
        return b""

    def end(self) -> bytes:
        if not self._spoken:
            raise ProviderNotWorking("The provider made no sound.")
        return b""

    def fail(self, error: ApiError) -> bytes | None:
        return None

    def _piece(self, sound: bytes) -> bytes:
        return sound


class SpeechStream(SpeechReply):
    """The same in events: ``speech.audio.delta`` with the sound as base64, ``speech.audio.done`` with the usage."""

    def __init__(self) -> None:
        super().__init__("mp3")
        self.headers = SSE_HEADERS

    def event(self, event: ProviderEvent) -> bytes:
        return PING if event is QUIET else super().event(event)

    def end(self) -> bytes:
        rest, usage = super().end(), self.usage or Usage(prompt_tokens=0, completion_tokens=0)
        read, made = usage.prompt_tokens, usage.completion_tokens
        counted = b'{"input_tokens":%d,"output_tokens":%d,"total_tokens":%d}' % (read, made, read + made)
        return rest + frame(b'{"type":"speech.audio.done","usage":%b}' % counted)

    def fail(self, error: ApiError) -> bytes | None:
        return frame(error.body())

    def _piece(self, sound: bytes) -> bytes:
        return frame(b'{"type":"speech.audio.delta","audio":"%b"}' % b2a_base64(sound, newline=False))


class SpeechStreamReader(StreamReader):
    """The events of an upstream, read: pieces of sound, then the usage."""

    def _read(self, document: Json) -> Iterable[ProviderEvent]:
        kind = text(document, "type")
        if document.get("error"):
            raise self._failed(document["error"])
        if kind == "speech.audio.delta":
            yield a2b_base64(text(document, "audio"), strict_mode=True)
        elif kind == "speech.audio.done":
            self.done = True
            if usage := child(document, "usage"):
                yield Usage(prompt_tokens=count(usage, "input_tokens"), completion_tokens=count(usage, "output_tokens"))
