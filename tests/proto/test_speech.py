# Speech: what may be asked, the sound bare and in events, and an upstream's events read back.
from __future__ import annotations

import base64
import json
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
    InternalError,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    SpeechCall,
    SpeechStreamReader,
    State,
    Usage,
)
from g4f_proto.dialects.speech import SpeechStream

from .made import answer, ask, at, blocks, error, header, refused, status
from .test_multipart import cut, each

URL = b"/v1/audio/speech"
VOICES = ProviderInfo(name="Voices", label="Voices", default_model="tenor")
API = Api(
    catalog=Catalog(
        providers={"Voices": VOICES},
        models={"Voices": (Model(id="tenor", owned_by="us", kinds=frozenset({"speech"})),)},
        aliases={"tts-1": "tenor"},
    )
)
USAGE = Usage(prompt_tokens=3, completion_tokens=4)


def body(**fields: object) -> bytes:
    return json.dumps({"model": "tts-1", "input": "Hello.", "voice": "alloy", **fields}).encode()


def spoken(target: bytes = URL, **fields: object) -> Exchange:
    exchange, out = ask(body(**fields), target=target, api=API)
    assert out == b""
    assert isinstance(exchange.call, SpeechCall)
    return exchange


def called(target: bytes = URL, **fields: object) -> SpeechCall:
    call = spoken(target, **fields).call
    assert isinstance(call, SpeechCall)
    return call


@pytest.mark.parametrize("target", [URL, b"/audio/speech", b"/api/Voices/audio/speech"])
def test_what_is_asked_and_what_is_not(target: bytes) -> None:
    call = called(target)
    assert (call.provider, call.model, call.input, call.voice) == ("Voices", "tenor", "Hello.", "alloy")
    assert (call.response_format, call.speed, call.instructions, call.timeout) == ("mp3", 1.0, "", None)
    assert call.body == json.loads(body())


def test_everything_that_can_be_asked() -> None:
    call = called(
        voice={"id": "voice_1"}, response_format="pcm", speed=2, instructions="Whisper.", timeout=9, provider="Voices"
    )
    assert (call.voice, call.response_format, call.speed) == ("voice_1", "pcm", 2.0)
    assert (call.instructions, call.timeout) == ("Whisper.", 9.0)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": None}, "invalid_type", "input"),
        ({"input": ""}, "string_below_min_length", "input"),
        ({"input": "x" * 4097}, "string_above_max_length", "input"),
        ({"voice": 1}, "invalid_type", "voice"),
        ({"voice": {}}, "missing_required_parameter", "voice.id"),
        ({"response_format": "ogg"}, "invalid_value", "response_format"),
        ({"speed": 0.2}, "decimal_below_min_value", "speed"),
        ({"speed": 4.1}, "decimal_above_max_value", "speed"),
        ({"speed": "1"}, "invalid_type", "speed"),
        ({"instructions": "x" * 4097}, "string_above_max_length", "instructions"),
        ({"stream_format": "json"}, "invalid_value", "stream_format"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], code: str, param: str) -> None:
    assert refused(body(**fields), target=URL, api=API) == (400, code, param)


def test_a_text_and_a_voice_are_needed_and_a_model_that_speaks() -> None:
    for field in ("input", "voice"):
        given = {key: value for key, value in json.loads(body()).items() if key != field}
        found = refused(json.dumps(given).encode(), target=URL, api=API)
        assert found == (400, "missing_required_parameter", field)
    assert refused(body(model="nobody"), target=URL, api=API) == (404, "model_not_found", "model")
    assert refused(b"x=1", target=URL, headers={b"content-type": b"text/plain"}, api=API)[0] == 415


@pytest.mark.parametrize(
    ("format", "type"),
    [
        ("mp3", b"audio/mpeg"),
        ("opus", b"audio/ogg; codecs=opus"),
        ("aac", b"audio/aac"),
        ("flac", b"audio/flac"),
        ("wav", b"audio/wav"),
        ("pcm", b"audio/pcm"),
    ],
)
def test_sound_leaves_as_it_comes(format: str, type: bytes) -> None:
    exchange = spoken(response_format=format)
    assert exchange.send(QUIET) == b""
    assert at(exchange) is State.CALLING  # nothing has left, the status is still open
    assert exchange.send(b"\x00") == b"\x00"
    assert (status(exchange), header(exchange, b"content-type")) == (200, type)
    assert header(exchange, b"content-length") is None
    assert exchange.send(b"\xff\x01") == b"\xff\x01"
    assert exchange.send(QUIET) == exchange.send(b"") == exchange.send(USAGE) == b""
    assert exchange.end() == b""
    assert exchange.outcome.usage == USAGE


def test_a_failure_before_the_sound_is_a_status() -> None:
    exchange = spoken()
    assert error(exchange.fail(ProviderNotWorking("no")))["code"] == "provider_not_working"
    assert status(exchange) == 502


def test_a_failure_in_the_sound_breaks_it_off() -> None:
    exchange = spoken()
    assert exchange.send(b"RIFF") == b"RIFF"
    assert exchange.fail(InternalError("no")) == b""
    assert at(exchange) is State.CLOSED  # not DONE: the reply must not be ended as if it were whole
    assert exchange.outcome.error is not None
    assert str(exchange).endswith("internal_error broken off")
    assert exchange.send(b"more") == exchange.end() == b""


@pytest.mark.parametrize("format", ["audio", "sse"])
def test_no_sound_is_no_answer(format: str) -> None:
    exchange = spoken(stream_format=format)
    assert exchange.send(b"") == exchange.send(USAGE) == b""
    assert error(exchange.end())["code"] == "provider_not_working"
    assert status(exchange) == 502


def test_the_sound_in_events() -> None:
    exchange = spoken(stream_format="sse")
    stream = b"".join(map(exchange.send, (QUIET, b"\x00\xff", b"sound", USAGE))) + exchange.end()
    assert header(exchange, b"content-type") == b"text/event-stream; charset=utf-8"
    ping, first, second, done = blocks(stream)
    assert ping == ": ping"
    assert json.loads(first) == {"type": "speech.audio.delta", "audio": "AP8="}
    assert base64.b64decode(json.loads(second)["audio"]) == b"sound"
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    assert json.loads(done) == {"type": "speech.audio.done", "usage": usage}


def test_a_failure_in_events_is_one() -> None:
    exchange = spoken(stream_format="sse")
    first, last = blocks(exchange.send(b"x") + exchange.fail(InternalError("no")))
    assert json.loads(first)["type"] == "speech.audio.delta"
    assert error(last.encode())["code"] == "internal_error"
    assert at(exchange) is State.DONE


SOUND = st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=9)


def read(*pieces: bytes) -> list[ProviderEvent]:
    reader = SpeechStreamReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    reader.end()
    return events


@given(SOUND, st.builds(Usage, prompt_tokens=st.integers(0, 9), completion_tokens=st.integers(0, 9)), st.data())
def test_what_is_written_is_read(sound: list[bytes], usage: Usage, data: st.DataObject) -> None:
    encoder = SpeechStream()
    stream = b"".join(map(encoder.event, [*sound, QUIET, usage])) + encoder.end()
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=9))
    assert read(*cut(stream, places)) == read(*each(stream)) == [*sound, usage]


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b'data: {"type":"speech.audio.delta","audio":"AA=="}\n\n',
        b'data: {"type":"speech.audio.delta","audio":"A"}\n\n',
        b'data: {"type":"speech.audio.delta","audio":7}\n\ndata: [1]\n\n',
        b"data: nothing\n\n",
        b'data: {"error":{"message":"secret","code":"x"}}\n\n',
    ],
)
def test_what_is_no_such_stream(stream: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        read(stream)
    assert refused.value.status == 502
    assert "secret" not in refused.value.message


def test_the_provider_answers_for_everything_else() -> None:
    assert answer(spoken(), "text is no sound", b"x") == b"x"
