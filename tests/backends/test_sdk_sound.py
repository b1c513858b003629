# The embedded speaker and listener through openai-python and a socket: what is said comes back as it was said.
from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from openai.types.audio import TranscriptionTextDoneEvent

from tests.backends.conftest import client_of, started

SENTENCE = "The weather is nice today, and the train is late."


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with started("-m", "backends.h11", "--port", "0") as server, client_of(server) as client:
        if not {"hibari-tts", "whisper-tiny.en"} <= {model.id for model in client.models.list()}:
            pytest.skip("needs the extras 'speech' and 'transcription' and `g4f pull whisper-tiny.en`")
        yield client


def test_there_and_back(client: openai.OpenAI) -> None:
    said = client.audio.speech.create(model="hibari-tts", voice="nova", input=SENTENCE, response_format="opus")
    assert said.response.headers["content-type"] == "audio/ogg; codecs=opus"
    stream = client.audio.transcriptions.create(model="whisper-tiny.en", file=("a.ogg", said.content), stream=True)
    *_, done = list(stream)
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert done.text == SENTENCE


def test_sound_comes_sentence_by_sentence(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="hibari-tts", voice="alloy", input="This is a sentence. " * 20, response_format="mp3"
    ) as reply:
        assert reply.headers["transfer-encoding"] == "chunked"
        assert len([piece for piece in reply.http_response.iter_raw() if piece]) > 3


def test_what_cannot_be_spoken_or_heard(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as mute:
        client.audio.speech.create(model="hibari-tts", voice="alloy", input="こんにちは")
    assert mute.value.param == "input"
    with pytest.raises(openai.BadRequestError) as unknown:
        client.audio.speech.create(model="hibari-tts", voice="nobody", input="Hello.")
    assert unknown.value.param == "voice"
    with pytest.raises(openai.UnprocessableEntityError) as deaf:
        client.audio.transcriptions.create(model="whisper-tiny.en", file=("notes.txt", b"no sound"))
    assert (deaf.value.code, deaf.value.param) == ("undecodable_audio", "file")
    assert "notes.txt" in deaf.value.message
