# What `/v1/models` lists can be asked for at the endpoint of each of its kinds, whatever is installed on this machine.
from __future__ import annotations

import io
import math
import struct
import wave
from collections.abc import Callable, Iterator

import openai
import pytest

from tests.backends.conftest import client_of, started


def recording() -> bytes:
    """A second of a tone: nothing is said in it, and a transcript of it is a transcript."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"".join(struct.pack("<h", int(8000 * math.sin(n / 6))) for n in range(16_000)))
    return sound.getvalue()


def chat(client: openai.OpenAI, model: str) -> bool:
    made = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}], max_tokens=1)
    return made.choices[0].message.content is not None


def embedding(client: openai.OpenAI, model: str) -> bool:
    return bool(client.embeddings.create(model=model, input="hi").data[0].embedding)


def image(client: openai.OpenAI, model: str) -> bool:
    made = client.images.generate(model=model, prompt="a sea", size="64x64", response_format="b64_json")  # type: ignore[call-overload]
    return bool(made.data[0].b64_json)


def speech(client: openai.OpenAI, model: str) -> bool:
    return (
        client.audio.speech.create(model=model, voice="alloy", input="Hi.", response_format="wav").content[:4]
        == b"RIFF"
    )


def transcription(client: openai.OpenAI, model: str) -> bool:
    return isinstance(client.audio.transcriptions.create(model=model, file=("a.wav", recording())).text, str)


ASK: dict[str, Callable[[openai.OpenAI, str], bool]] = {
    "chat": chat,
    "embedding": embedding,
    "image": image,
    "speech": speech,
    "transcription": transcription,
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    media = str(tmp_path_factory.mktemp("media"))
    aliases = ("--alias", "gpt-4o-mini=scripted", "--alias", "text-embedding-3-small=Scripted:scripted")
    command = ("-m", "backends.h11", "--port", "0", "--media-dir", media, *aliases)
    with started(*command) as server, client_of(server) as client:
        yield client


@pytest.mark.parametrize("kind", ASK)
def test_every_name_is_answered(client: openai.OpenAI, kind: str) -> None:
    named = [model.id for model in client.models.list() if kind in (model.model_extra or {})["kinds"]]
    assert "scripted" in named
    assert [name for name in named if not ASK[kind](client, name)] == []


def test_no_other_is(client: openai.OpenAI) -> None:
    for model in client.models.list():
        for kind in ASK.keys() - set((model.model_extra or {})["kinds"]):
            with pytest.raises(openai.NotFoundError):
                ASK[kind](client, model.id)
