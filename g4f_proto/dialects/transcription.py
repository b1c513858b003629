# The transcription dialect: a form with a recording in; JSON, text, subtitles or events out, and both JSONs and the
# events read back. `segments.py` writes what has times.
#
# The text of a transcript is its segments' joined, without blanks around it; in a stream each segment is a delta, the
# first without its leading blank, so that the deltas joined are the text. `[DONE]` ends the stream, as OpenAI's.
# https://platform.openai.com/docs/api-reference/audio/createTranscription
from __future__ import annotations

import re
from collections.abc import Iterable
from math import ceil
from typing import Final

from pydantic import JsonValue

from .._calls import TranscriptionCall
from .._capabilities import check
from .._catalog import Choice
from .._errors import ApiError, InvalidRequest, UnsupportedParameter
from .._events import QUIET, Heard, ProviderEvent, Segment, Usage
from .._multipart import Form, FormFile
from .._routes import Endpoint
from .._schema import validate
from .._schema.audio import TranscriptionRequest
from .._sse import DONE, PING, frame
from .._text import quoted
from . import JSON_HEADERS, SSE_HEADERS, Asked, Encoder, Reading, first_able
from .reader import Failed, Json, StreamReader, child, count, document, failure, text
from .segments import read_segments, srt, verbose, vtt

__all__ = (
    "TranscriptionReply",
    "TranscriptionStream",
    "TranscriptionStreamReader",
    "read_transcription",
    "read_transcription_request",
)

_TYPES: Final = {
    "json": JSON_HEADERS,
    "verbose_json": JSON_HEADERS,
    "text": ((b"content-type", b"text/plain; charset=utf-8"),),
    "srt": ((b"content-type", b"text/plain; charset=utf-8"),),
    "vtt": ((b"content-type", b"text/vtt; charset=utf-8"),),
}
#: What OpenAI's other models take.
_UNSUPPORTED: Final = frozenset(
    {"chunking_strategy", "include", "keywords", "known_speaker_names", "known_speaker_references", "languages"}
)
_LISTS: Final = frozenset({"timestamp_granularities"})
_NUMBERS: Final = frozenset({"temperature", "timeout"})
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")


def read_transcription_request(asked: Asked) -> Reading:
    """A form as the call it demands and the encoder of its reply; the path says if it shall be translated.

    :raises ApiError: with the status the client shall see.
    """
    form, fields = asked.form, _fields(asked.form)
    request = validate(TranscriptionRequest, fields)
    shape, grains = request.response_format or "json", frozenset(request.timestamp_granularities or ["segment"])
    if request.timestamp_granularities and shape != "verbose_json":
        raise _wrong("'timestamp_granularities' needs 'verbose_json' as 'response_format'.", "timestamp_granularities")
    if request.stream and shape != "json":
        raise _wrong("A stream has events and needs 'json' as 'response_format'.", "response_format")
    language = request.language and request.language.lower()
    if language is not None and not _LANGUAGE.fullmatch(language):
        error = _wrong(f"Invalid language '{language[:80]}': it must be in ISO-639-1 format.", "language")
        error.code = "invalid_language_format"
        raise error
    file, translate = _file(form), asked.route.endpoint is Endpoint.TRANSLATION
    choices = asked.api.catalog.resolve(request.model, asked.route.provider or request.provider, "transcription")

    def read(choice: Choice) -> Reading:
        check(choice, {"proxy": fields.get("proxy")})
        call = TranscriptionCall(
            provider=choice.provider.name,
            model=choice.model,
            principal=asked.principal,
            timeout=request.timeout,
            file=file,
            language=language,
            prompt=request.prompt or "",
            temperature=request.temperature or 0.0,
            words="word" in grains,
            translate=translate,
            body=fields,
        )
        task = b"translate" if translate else b"transcribe"
        return Reading(call, TranscriptionStream() if request.stream else TranscriptionReply(shape, grains, task))

    return first_able(choices, read)


def _fields(form: Form) -> dict[str, JsonValue]:
    """A form's fields as JSON would have them; an empty one is one that was not filled in."""
    found: dict[str, JsonValue] = {}
    for field, values in form.fields.items():
        name = field.partition("[")[0]
        given = [value for value in values if value]
        if name in _UNSUPPORTED and given:
            raise UnsupportedParameter(f"Unsupported parameter: '{name}'.", param=name)
        if name in _LISTS:
            before = found.setdefault(name, [])
            assert isinstance(before, list)
            before += given
        elif len(given) > 1:
            raise _wrong(f"'{name[:80]}' is given more than once.", name[:80])
        elif given:
            found[name] = _value(name, given[0])
    return found


def _value(name: str, value: str) -> JsonValue:
    if name in _NUMBERS:
        try:
            return float(value)
        except ValueError:
            return value  # which is then of the wrong type
    return {"true": True, "false": False}.get(value.lower(), value) if name == "stream" else value


def _file(form: Form) -> FormFile:
    files = [file for file in form.files if file.name == "file"]
    if not files:
        hint = " It has no file name, and is a field." if "file" in form.fields else ""
        raise InvalidRequest(
            f"Missing required parameter: 'file'.{hint}", param="file", code="missing_required_parameter"
        )
    if len(files) > 1:
        raise _wrong("'file' is given more than once.", "file")
    return files[0]


def _wrong(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_value", param=param)


class TranscriptionReply(Encoder):
    """One document in one of the five formats.

    :param grains: what a `verbose_json` tells the times of: ``segment``, ``word`` or both.
    """

    def __init__(
        self, format: str, grains: frozenset[str] = frozenset({"segment"}), task: bytes = b"transcribe"
    ) -> None:
        self.headers = _TYPES[format]
        self._format, self._grains, self._task = format, grains, task
        self._heard: Heard | None = None
        self._segments: list[Segment] = []
        self._texts: list[str] = []
        self._usage: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        """What the provider counted, as far as it said."""
        return self._usage

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, Segment):
            self._segments.append(event)
            return self._delta(event.text)
        if isinstance(event, str):  # an upstream that told no times
            return self._delta(event)
        if isinstance(event, Heard):
            self._heard = event
        elif isinstance(event, Usage):
            self._usage = event
        return b""

    def end(self) -> bytes:
        whole, spent = self._whole(), self._spent()
        if self._format == "text":
            return (whole + "\n").encode("utf-8", "replace")
        if self._format in ("srt", "vtt"):
            heard = self._heard.duration if self._heard is not None else 0.0
            segments = self._segments or [Segment(start=0.0, end=heard, text=whole)] if whole else []
            return (srt if self._format == "srt" else vtt)(segments).encode("utf-8", "replace")
        usage = b"" if spent is None else b',"usage":' + spent
        times = verbose(self._heard, self._segments, self._grains) if self._format == "verbose_json" else b""
        task = b'"task":"%b",' % self._task if times else b""
        return b'{%b"text":%b%b%b}' % (task, quoted(whole), times, usage)

    def _delta(self, text: str) -> bytes:
        self._texts.append(text)
        return b""

    def _whole(self) -> str:
        return "".join(self._texts).strip()

    def _spent(self) -> bytes | None:
        if (usage := self._usage) is not None:
            read, said = usage.prompt_tokens, usage.completion_tokens
            return b'{"type":"tokens","input_tokens":%d,"output_tokens":%d,"total_tokens":%d}' % (
                read,
                said,
                read + said,
            )
        return b'{"type":"duration","seconds":%d}' % ceil(self._heard.duration) if self._heard is not None else None


class TranscriptionStream(TranscriptionReply):
    """Events: ``transcript.text.delta`` for each segment, ``transcript.text.done`` with the whole."""

    live = True

    def __init__(self) -> None:
        super().__init__("json")
        self.headers = SSE_HEADERS

    def event(self, event: ProviderEvent) -> bytes:
        return PING if event is QUIET else super().event(event)

    def end(self) -> bytes:
        # "usage": TranscriptTextUsageTokens: there is no place in this event for seconds.
        spent = self._spent() if self._usage is not None else None
        usage = b"" if spent is None else b',"usage":' + spent
        return frame(b'{"type":"transcript.text.done","text":%b%b}' % (quoted(self._whole()), usage)) + DONE

    def fail(self, error: ApiError) -> bytes:
        return frame(error.body()) + DONE

    def _delta(self, text: str) -> bytes:
        delta = text if self._whole() else text.lstrip()
        self._texts.append(delta)
        return frame(b'{"type":"transcript.text.delta","delta":%b}' % quoted(delta)) if delta else b""


def read_transcription(body: bytes, *, failed: Failed = failure) -> tuple[ProviderEvent, ...]:
    """An upstream's `json` or `verbose_json` as what it says: what was heard, segments or bare text, and the usage.

    :param failed: makes of an error object in its place what is raised.
    :raises ApiError: it is an error object, or no transcript.
    """
    return document(body, lambda found: _transcription(found, failed))


def _transcription(found: Json, failed: Failed) -> tuple[ProviderEvent, ...]:
    if found.get("error"):
        raise failed(found["error"])
    whole = found["text"]
    if not isinstance(whole, str):
        raise TypeError("not a transcript")
    return (*read_segments(found, whole), *_read_usage(found))


def _read_usage(found: Json) -> Iterable[Usage]:
    usage = child(found, "usage")
    if text(usage, "type") == "tokens":
        yield Usage(prompt_tokens=count(usage, "input_tokens"), completion_tokens=count(usage, "output_tokens"))


class TranscriptionStreamReader(StreamReader):
    """The stream of an upstream, read: each delta is text; the whole text counts only if there was none."""

    def __init__(self, *, failed: Failed | None = None) -> None:
        super().__init__(failed=failed)
        self._said = False

    def _read(self, document: Json) -> Iterable[ProviderEvent]:
        kind = text(document, "type")
        if document.get("error"):
            raise self._failed(document["error"])
        if kind == "transcript.text.delta" and (delta := text(document, "delta")):
            self._said = True
            yield delta
        elif kind == "transcript.text.done":
            self.done = True
            if not self._said and (whole := text(document, "text")):
                yield whole
            yield from _read_usage(document)
