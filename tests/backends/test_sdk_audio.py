# Speech and transcription through openai-python's typed resources, on every server, with the scripted provider.
from __future__ import annotations

import base64
import io
import json
import wave

import httpx2
import openai
import pytest
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent

from tests.backends.conftest import Server

FILE = ("talk.wav", b"RIFF" * 1000, "audio/wav")
TEXT = "talk.wav has 4000 bytes"


def test_speech(client: openai.OpenAI) -> None:
    reply = client.audio.speech.create(model="scripted", voice="alloy", input="one two", response_format="pcm")
    assert reply.response.headers["content-type"] == "audio/pcm"
    assert len(reply.content) == 2 * 2400 * 2
    faster = client.audio.speech.create(
        model="scripted", voice="alloy", input="one two", response_format="pcm", speed=2
    )
    assert len(faster.content) == 2 * 1200 * 2


def test_speech_streamed(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="scripted:delay=50ms", voice="alloy", input="one two three", response_format="wav"
    ) as reply:
        pieces = [piece for piece in reply.iter_bytes(4096) if piece]
    with wave.open(io.BytesIO(b"".join(pieces))) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (24000, 1, 2)


def test_speech_in_events(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="scripted", voice="alloy", input="one two", response_format="pcm", stream_format="sse"
    ) as reply:
        events = [json.loads(line.removeprefix("data: ")) for line in reply.iter_lines() if line]
    assert [event["type"] for event in events] == ["speech.audio.delta"] * 2 + ["speech.audio.done"]
    assert len(base64.b64decode(events[0]["audio"])) == 2 * 2400
    assert events[-1]["usage"] == {"input_tokens": 2, "output_tokens": 2, "total_tokens": 4}


def test_speech_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(model="scripted", voice="alloy", input="one", response_format="mp3")
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "response_format")
    with pytest.raises(openai.NotFoundError):
        client.audio.speech.create(model="smollm2", voice="alloy", input="one")


def test_sound_that_breaks_off_is_not_taken_for_the_whole(client: openai.OpenAI, server: Server) -> None:
    body = {"model": "scripted:error=500,after=2,delay=20ms", "voice": "alloy", "input": "one two three"}
    with (
        pytest.raises(httpx2.RemoteProtocolError),
        httpx2.stream("POST", f"{server.url}/v1/audio/speech", json={**body, "response_format": "pcm"}) as reply,
    ):
        assert reply.status_code == 200
        for _ in reply.iter_bytes():
            pass
    body["model"] = "scripted:error=500,after=1"  # with the first bytes, in one buffer
    with (
        pytest.raises(httpx2.RemoteProtocolError),
        httpx2.stream("POST", f"{server.url}/v1/audio/speech", json={**body, "response_format": "pcm"}) as reply,
    ):
        assert reply.status_code == 200
        reply.read()
    assert client.models.retrieve("scripted").id == "scripted"  # and the server goes on


def test_transcription(client: openai.OpenAI) -> None:
    made = client.audio.transcriptions.create(
        model="scripted", file=FILE, prompt="Well,", temperature=0.5, language="en"
    )
    assert made.text == f"Well, {TEXT}"
    assert made.usage is not None
    assert made.usage.type == "duration"


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("text", f"{TEXT}\n"),
        ("srt", "1\n00:00:00,000 --> 00:00:01,500\ntalk.wav has 4000\n\n2\n00:00:01,500 --> 00:00:02,000\nbytes\n\n"),
        (
            "vtt",
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\ntalk.wav has 4000\n\n00:00:01.500 --> 00:00:02.000\nbytes\n\n",
        ),
    ],
)
def test_transcription_as_text(client: openai.OpenAI, format: str, expected: str) -> None:
    made: object = client.audio.transcriptions.create(model="scripted", file=FILE, response_format=format)  # type: ignore[call-overload]
    assert made == expected


def test_transcription_with_times(client: openai.OpenAI) -> None:
    made = client.audio.transcriptions.create(
        model="scripted", file=FILE, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert (made.text, made.language, made.duration) == (TEXT, "english", 2.0)
    assert made.words is not None
    assert made.segments is not None
    assert [word.word for word in made.words] == TEXT.split()
    assert [(segment.start, segment.end) for segment in made.segments] == [(0.0, 1.5), (1.5, 2.0)]


def test_transcription_streamed(client: openai.OpenAI) -> None:
    stream = client.audio.transcriptions.create(model="scripted:delay=20ms", file=FILE, stream=True)
    *deltas, done = list(stream)
    assert all(isinstance(delta, TranscriptionTextDeltaEvent) for delta in deltas)
    assert [delta.delta for delta in deltas if isinstance(delta, TranscriptionTextDeltaEvent)] == [
        "talk.wav has 4000",
        " bytes",
    ]
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert done.text == TEXT


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # says openai-python of its own method
def test_translation(client: openai.OpenAI) -> None:
    assert client.audio.translations.create(model="scripted", file=FILE).text == TEXT


def test_files_that_are_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.audio.transcriptions.create(model="scripted", file=("big.wav", bytes(25 * 2**20 + 1)))
    assert (caught.value.status_code, caught.value.param) == (413, "file")
    assert "big.wav" in caught.value.message
    assert client.audio.transcriptions.create(model="scripted", file=("big.wav", bytes(25 * 2**20))).text
