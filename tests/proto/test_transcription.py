# Transcription: what a form may ask, the five formats and the events, and an upstream's replies read back.
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import (
    QUIET,
    Api,
    ApiError,
    Catalog,
    Exchange,
    FormLimits,
    Heard,
    InternalError,
    Limits,
    Model,
    ProviderEvent,
    ProviderInfo,
    Segment,
    State,
    TranscriptionCall,
    TranscriptionStreamReader,
    Usage,
    Word,
    read_transcription,
)
from g4f_proto.dialects.transcription import TranscriptionReply, TranscriptionStream

from .made import answer, ask, at, blocks, error, header, refused, status
from .test_multipart import END, TYPE, cut, each, file, part

URL = b"/v1/audio/transcriptions"
EARS = ProviderInfo(name="Ears", label="Ears", default_model="big")
API = Api(
    catalog=Catalog(
        providers={"Ears": EARS},
        models={"Ears": (Model(id="big", owned_by="us", kinds=frozenset({"transcription"})),)},
        aliases={"whisper-1": "big"},
    )
)
HEADERS = {b"content-type": TYPE}
HEARD = Heard(language="en", duration=8.47)
SEGMENTS = (
    Segment(start=0.0, end=3.32, text=" The beach & <you>.", tokens=(50364, 11), avg_logprob=-0.28, no_speech_prob=0.01,
            words=(Word(text="The", start=0.0, end=0.5), Word(text="beach", start=0.5, end=1.25))),
    Segment(start=3661.5, end=3662.0004, text=" Dinner\n\n--> time.", temperature=0.5, compression_ratio=1.25),
)  # fmt: skip
TEXT = "The beach & <you>. Dinner\n\n--> time."


def form(
    *fields: tuple[str, str], upload: bytes | None = file(b"RIFF", b"talk.wav", b"Content-Type: audio/wav")
) -> bytes:
    parts = [part(value.encode(), f'form-data; name="{name}"'.encode()) for name, value in fields]
    return b"".join(parts) + (upload or b"") + END


def heard(*fields: tuple[str, str], target: bytes = URL) -> Exchange:
    exchange, out = ask(form(("model", "whisper-1"), *fields), target=target, headers=HEADERS, api=API)
    assert out == b""
    return exchange


def called(*fields: tuple[str, str], target: bytes = URL) -> TranscriptionCall:
    call = heard(*fields, target=target).call
    assert isinstance(call, TranscriptionCall)
    return call


def written(*fields: tuple[str, str], events: tuple[ProviderEvent, ...] = (HEARD, *SEGMENTS)) -> bytes:
    exchange = heard(*fields)
    out = answer(exchange, *events)
    assert status(exchange) == 200
    return out


def refusal(*fields: tuple[str, str], **options: Any) -> tuple[int, str | None, str | None]:
    return refused(form(("model", "whisper-1"), *fields, **options), target=URL, headers=HEADERS, api=API)


@pytest.mark.parametrize("target", [URL, b"/audio/transcriptions", b"/api/Ears/audio/transcriptions"])
def test_what_is_asked_and_what_is_not(target: bytes) -> None:
    call = called(target=target)
    assert (call.provider, call.model) == ("Ears", "big")
    assert (call.file.filename, call.file.content_type, call.file.data) == ("talk.wav", "audio/wav", b"RIFF")
    assert (call.language, call.prompt, call.temperature, call.words, call.translate) == (None, "", 0.0, False, False)


def test_everything_that_can_be_asked() -> None:
    call = called(
        ("language", "EN"), ("prompt", "Hm."), ("temperature", "0.5"), ("timeout", "9"), ("unknown", "x"),
        ("response_format", "verbose_json"), ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"), ("provider", ""),
        target=b"/api/Ears/audio/translations",
    )  # fmt: skip
    assert (call.language, call.prompt, call.temperature, call.timeout) == ("en", "Hm.", 0.5, 9.0)
    assert call.words
    assert call.translate


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ([("model", "whisper-1")], "invalid_value", "model"),  # twice
        ([("response_format", "diarized_json")], "invalid_value", "response_format"),
        ([("temperature", "1.1")], "decimal_above_max_value", "temperature"),
        ([("temperature", "warm")], "invalid_type", "temperature"),
        ([("temperature", "nan")], "invalid_value", "temperature"),
        ([("language", "english")], "invalid_language_format", "language"),
        ([("stream", "yes")], "invalid_type", "stream"),
        ([("stream", "true"), ("response_format", "srt")], "invalid_value", "response_format"),
        ([("timestamp_granularities[]", "word")], "invalid_value", "timestamp_granularities"),
        (
            [("timestamp_granularities[]", "line"), ("response_format", "verbose_json")],
            "invalid_value",
            "timestamp_granularities[0]",
        ),
        ([("include[]", "logprobs")], "unsupported_parameter", "include"),
        ([("chunking_strategy[type]", "server_vad")], "unsupported_parameter", "chunking_strategy"),
        ([("proxy", "http://127.0.0.1:1")], "unsupported_parameter", "proxy"),
        ([("known_speaker_names[]", "Ann")], "unsupported_parameter", "known_speaker_names"),
    ],
)
def test_what_is_refused(fields: list[tuple[str, str]], code: str, param: str) -> None:
    assert refusal(*fields) == (400, code, param)


def test_one_file_is_needed() -> None:
    assert refusal(upload=b"") == (400, "missing_required_parameter", "file")
    assert refusal(("file", "no name"), upload=b"") == (400, "missing_required_parameter", "file")
    assert refusal(upload=file(b"1") + file(b"2")) == (400, "invalid_value", "file")


def test_a_file_over_the_cap_is_refused_before_its_end() -> None:
    small = replace(API, limits=Limits(form=FormLimits(file=3)))
    exchange, out = ask(form(), target=URL, headers=HEADERS, api=small)
    found = error(out)
    assert (status(exchange), found["param"]) == (413, "file")
    assert "talk.wav" in found["message"]


def test_no_form_and_a_broken_one() -> None:
    assert refused(b"{}", target=URL, headers={b"content-type": b"application/json"}, api=API)[0] == 415
    assert refused(form()[:-9], target=URL, headers=HEADERS, api=API) == (400, "invalid_multipart", None)


def test_json() -> None:
    assert json.loads(written()) == {"text": TEXT, "usage": {"type": "duration", "seconds": 9}}
    counted = Usage(prompt_tokens=14, completion_tokens=45)
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}
    assert json.loads(written(events=(*SEGMENTS, counted))) == {"text": TEXT, "usage": usage}
    assert json.loads(written(events=("Hello", " there."))) == {"text": "Hello there."}


@pytest.mark.parametrize(
    ("format", "type", "expected"),
    [
        ("text", b"text/plain; charset=utf-8", f"{TEXT}\n"),
        (
            "srt",
            b"text/plain; charset=utf-8",
            (
                "1\n00:00:00,000 --> 00:00:03,320\nThe beach & <you>.\n\n"
                "2\n01:01:01,500 --> 01:01:02,000\nDinner -> time.\n\n"
            ),
        ),
        (
            "vtt",
            b"text/vtt; charset=utf-8",
            (
                "WEBVTT\n\n00:00:00.000 --> 00:00:03.320\nThe beach &amp; &lt;you>.\n\n"
                "01:01:01.500 --> 01:01:02.000\nDinner -> time.\n\n"
            ),
        ),
    ],
)
def test_text_and_subtitles(format: str, type: bytes, expected: str) -> None:
    exchange = heard(("response_format", format))
    assert answer(exchange, HEARD, *SEGMENTS).decode() == expected
    assert header(exchange, b"content-type") == type


def test_subtitles_of_a_text_without_times_and_of_none() -> None:
    out = written(("response_format", "srt"), events=(HEARD, "Hello."))
    assert out == b"1\n00:00:00,000 --> 00:00:08,470\nHello.\n\n"
    assert written(("response_format", "srt"), events=(HEARD,)) == b""
    assert written(("response_format", "vtt"), events=(HEARD,)) == b"WEBVTT\n\n"


def test_verbose_json() -> None:
    found = json.loads(written(("response_format", "verbose_json")))
    assert list(found) == ["task", "text", "language", "duration", "segments", "usage"]
    assert (found["task"], found["language"], found["duration"], found["text"]) == ("transcribe", "english", 8.47, TEXT)
    assert found["segments"][0] == {
        "id": 0, "seek": 0, "start": 0.0, "end": 3.32, "text": " The beach & <you>.", "tokens": [50364, 11],
        "temperature": 0.0, "avg_logprob": -0.28, "compression_ratio": 0.0, "no_speech_prob": 0.01,
    }  # fmt: skip
    words = json.loads(written(("response_format", "verbose_json"), ("timestamp_granularities[]", "word")))
    assert "segments" not in words
    assert words["words"][1] == {"word": "beach", "start": 0.5, "end": 1.25}


def test_events() -> None:
    exchange = heard(("stream", "True"))
    stream = b"".join(map(exchange.send, (HEARD, QUIET, *SEGMENTS))) + exchange.end()
    assert header(exchange, b"content-type") == b"text/event-stream; charset=utf-8"
    ping, *deltas, done, end = blocks(stream)
    assert (ping, end) == (": ping", "[DONE]")
    found = [json.loads(delta) for delta in deltas]
    assert [one["type"] for one in found] == ["transcript.text.delta"] * 2
    assert "".join(one["delta"] for one in found) == TEXT
    assert json.loads(done) == {"type": "transcript.text.done", "text": TEXT}


def test_a_failure_in_events_is_one() -> None:
    exchange = heard(("stream", "true"))
    first, second, end = blocks(exchange.send(SEGMENTS[0]) + exchange.fail(InternalError("no")))
    assert json.loads(first)["type"] == "transcript.text.delta"
    assert error(second.encode())["code"] == "internal_error"
    assert end == "[DONE]"
    assert at(exchange) is State.DONE


NAMES = st.text(st.characters(categories=["L"]), min_size=1, max_size=5)
TIMES = st.integers(0, 50).map(lambda tenths: tenths / 10)
SCORES = st.floats(-9, 9)


@st.composite
def segments(draw: st.DrawFn) -> list[Segment]:
    """Segments one after another, each word within its own."""
    made, now = [], 0.0
    for _ in range(draw(st.integers(1, 4))):
        start, words = now, []
        for text in draw(st.lists(NAMES, min_size=1, max_size=4)):
            words.append(Word(text=text, start=now, end=now + 0.5))
            now += draw(TIMES) + 0.5
        text = " " + " ".join(word.text for word in words)
        scores = {name: draw(SCORES) for name in ("temperature", "avg_logprob", "compression_ratio", "no_speech_prob")}
        tokens = tuple(draw(st.lists(st.integers(0, 50000), max_size=3)))
        made.append(Segment(start=start, end=now, text=text, words=tuple(words), tokens=tokens, **scores))
    return made


@given(segments(), st.sampled_from(["en", "fr", "yue", "xx"]), TIMES)
def test_a_verbose_json_is_read_as_it_was_written(made: list[Segment], language: str, duration: float) -> None:
    encoder = TranscriptionReply("verbose_json", frozenset({"word", "segment"}))
    events = [Heard(language=language, duration=duration), *made]
    assert b"".join(map(encoder.event, events)) == b""
    assert list(read_transcription(encoder.end())) == events


@given(st.lists(NAMES, min_size=1), st.none() | st.just(Usage(prompt_tokens=1, completion_tokens=2)), st.data())
def test_events_are_read_as_they_were_written(texts: list[str], usage: Usage | None, data: st.DataObject) -> None:
    encoder = TranscriptionStream()
    events: list[ProviderEvent] = [*texts, QUIET, *([usage] if usage else [])]
    stream = b"".join(map(encoder.event, events)) + encoder.end()
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=9))
    expected = [event for event in events if event is not QUIET]
    assert read(*cut(stream, places)) == read(*each(stream)) == expected


def read(*pieces: bytes) -> list[ProviderEvent]:
    reader = TranscriptionStreamReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    reader.end()
    return events


def test_a_stream_that_only_ends_with_the_text() -> None:
    assert read(b'data: {"type":"transcript.text.done","text":"Hi."}\n\n') == ["Hi."]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"text": "Hi."}, ["Hi."]),
        ({"text": ""}, []),
        (
            {"text": "Hi.", "usage": {"type": "tokens", "input_tokens": 1, "output_tokens": 2}},
            ["Hi.", Usage(prompt_tokens=1, completion_tokens=2)],
        ),
        ({"text": "Hi.", "usage": {"type": "duration", "seconds": 2}, "language": "French", "duration": 2},
         [Heard(language="fr", duration=2.0), "Hi."]),
        # Stripped segments get back the blanks between them.
        ({"text": "A b.", "segments": [{"text": "A", "start": 0, "end": 1}, {"text": "b.", "start": 1, "end": True}]},
         [Segment(start=0.0, end=1.0, text=" A"), Segment(start=1.0, end=0.0, text=" b.")]),
        # Words alone are one segment.
        ({"text": "Hi.", "words": [{"word": "Hi.", "start": 0.5, "end": 1.5}]},
         [Segment(start=0.5, end=1.5, text="Hi.", words=(Word(text="Hi.", start=0.5, end=1.5),))]),
    ],
)  # fmt: skip
def test_upstreams_replies(document: dict[str, Any], expected: list[ProviderEvent]) -> None:
    assert list(read_transcription(json.dumps(document).encode())) == expected


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"text":1}', b'{"error":{"message":"secret"}}'])
def test_what_is_no_transcript(body: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        read_transcription(body)
    assert refused.value.status == 502
    assert "secret" not in refused.value.message
    with pytest.raises(ApiError):
        read(b"data: %b\n\n" % body)
