# The embedded listener, and the whole way round: what the embedded speaker says is what is written down. Needs the
# extras 'speech' and 'transcription' and the weights (`g4f pull whisper-tiny.en`).
from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from difflib import SequenceMatcher
from typing import Any

import anyio
import pytest

from g4f_proto import (
    ApiError,
    FormFile,
    Heard,
    ModelNotInstalled,
    ProviderEvent,
    Segment,
    SpeechCall,
    TranscriptionCall,
)
from providers import whisper
from providers.hibari import Hibari
from providers.whisper import LONGEST, Whisper, _Left, _Listening

from .test_sound import as_wav

pytestmark = pytest.mark.anyio
SENTENCE = "She bought seven apples and a loaf of bread at the market."
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


@pytest.fixture(scope="module", params=[("asyncio", {"debug": True}), ("trio", {})], ids=lambda loop: loop[0])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
async def listener(anyio_backend: Any) -> AsyncIterator[Whisper]:
    provider = Whisper()
    (model,) = await provider.models()
    if not model.listed:
        pytest.skip("needs the extra 'transcription' and `g4f pull whisper-tiny.en`")
    yield provider
    await provider.aclose()


@pytest.fixture(scope="module")
async def recordings(anyio_backend: Any) -> dict[str, bytes]:
    """The sentence in every format."""
    speaker = Hibari()
    (model,) = await speaker.models()
    if not model.listed:
        pytest.skip("needs the extra 'speech'")
    made = {}
    for format in FORMATS:
        asked: Any = {"input": SENTENCE, "voice": "nova", "response_format": format}
        async with aclosing(speaker.stream(SpeechCall(provider="Hibari", **asked))) as stream:
            made[format] = b"".join([event async for event in stream if isinstance(event, bytes)])
    made["pcm"] = as_wav(made["pcm"])  # which has no header that could say what it is
    return made


def call(data: bytes, filename: str = "talk.mp3", **options: Any) -> TranscriptionCall:
    file = FormFile(name="file", filename=filename, content_type="audio/mpeg", data=data)
    return TranscriptionCall(provider="Whisper", model="whisper-tiny.en", file=file, **options)


async def hear(provider: Whisper, asked: TranscriptionCall) -> list[ProviderEvent]:
    async with aclosing(provider.stream(asked)) as stream:
        return [event async for event in stream]


async def listen(provider: Whisper, data: bytes, **options: Any) -> tuple[Heard, list[Segment]]:
    heard, *segments = await hear(provider, call(data, **options))
    assert isinstance(heard, Heard)
    assert all(isinstance(segment, Segment) for segment in segments)
    return heard, [segment for segment in segments if isinstance(segment, Segment)]


async def refusal(provider: Whisper, data: bytes, **options: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        await hear(provider, call(data, **options))
    return refused.value


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def word_error(said: str, heard: str) -> float:
    wanted, found = words(said), words(heard)
    same = sum(block.size for block in SequenceMatcher(None, wanted, found, autojunk=False).get_matching_blocks())
    return 1 - same / max(len(wanted), len(found))


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"debug": True})], ids=["asyncio"], scope="module")
@pytest.mark.parametrize("format", FORMATS)
async def test_what_is_said_is_what_is_heard(listener: Whisper, recordings: dict[str, bytes], format: str) -> None:
    heard, segments = await listen(listener, recordings[format])
    assert word_error(SENTENCE, "".join(segment.text for segment in segments)) <= 0.1
    assert heard.language == "en"
    assert 2.5 < heard.duration < 4.5
    assert 0 <= segments[0].start < segments[-1].end <= heard.duration + 0.5
    assert all(segment.tokens and segment.avg_logprob < 0 and not segment.words for segment in segments)


async def test_words_have_times(listener: Whisper, recordings: dict[str, bytes]) -> None:
    heard, segments = await listen(listener, recordings["flac"], words=True, language="en", temperature=0.2)
    found = [word for segment in segments for word in segment.words]
    assert word_error(SENTENCE, " ".join(word.text for word in found)) <= 0.1
    assert all(0 <= word.start <= word.end <= heard.duration + 0.5 for word in found)
    assert [word.start for word in found] == sorted(word.start for word in found)
    assert all(segment.temperature == pytest.approx(0.2) for segment in segments)


async def test_a_prompt_tells_the_spelling(listener: Whisper, recordings: dict[str, bytes]) -> None:
    _, segments = await listen(listener, recordings["wav"], prompt="she bought seven apples without capitals or marks")
    text = "".join(segment.text for segment in segments).strip()
    assert word_error(SENTENCE, text) <= 0.1
    assert text != SENTENCE  # which is how it is spelled without a prompt


@pytest.mark.parametrize("samples", [48, 24000])
async def test_silence_is_no_words(listener: Whisper, samples: int) -> None:
    heard, segments = await listen(listener, as_wav(bytes(2 * samples)), words=True)
    assert heard.duration == pytest.approx(samples / 24000, abs=1e-3)
    assert segments == []


async def test_a_file_that_is_none_is_named(listener: Whisper) -> None:
    error = await refusal(listener, b"no sound at all", filename="notes.txt")
    assert (error.status, error.code, error.param) == (422, "undecodable_audio", "file")
    assert "notes.txt" in error.message


async def test_what_this_model_cannot(listener: Whisper, recordings: dict[str, bytes]) -> None:
    error = await refusal(listener, recordings["mp3"], language="fr")
    assert (error.status, error.code, error.param) == (400, "unsupported_parameter", "language")
    error = await refusal(listener, recordings["mp3"], translate=True)
    assert (error.status, error.code, error.param) == (400, "unsupported_parameter", "model")
    silence = as_wav(bytes(2 * 8000 * int(LONGEST + 1)), rate=8000)
    error = await refusal(listener, silence, filename="long.wav")
    assert (error.status, error.param) == (400, "file")
    assert "long.wav" in error.message


async def test_who_leaves_is_not_waited_for(listener: Whisper, recordings: dict[str, bytes]) -> None:
    async def leave() -> None:
        with anyio.CancelScope() as scope:
            async with aclosing(listener.stream(call(recordings["flac"]))) as stream:
                async for _ in stream:
                    scope.cancel()  # the duration is known, the words are not
        assert scope.cancelled_caught

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)
        tasks.start_soon(leave)
    _, segments = await listen(listener, recordings["flac"])
    assert segments


def test_no_thread_waits_for_the_model_in_the_name_of_who_left() -> None:
    class Deaf:
        temperatures: list[float]

        def transcribe(self, *_: object, temperature: list[float], **__: object) -> tuple[Iterator[object], None]:
            self.temperatures = temperature
            return iter(()), None

    busy, model = threading.Lock(), Deaf()
    with busy:
        listening = _Listening(model, call(as_wav(bytes(32000))), busy)
        listening.begin()
        thread = threading.Thread(target=listening.next, daemon=True)
        thread.start()
        listening.leave()
        thread.join(5)
        assert not thread.is_alive()
    assert model.temperatures == [0.0], "and the window that is being heard is not heard again"
    with pytest.raises(_Left):
        listening.begin()


async def test_without_its_weights_a_call_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper, "_lacking", lambda: ["g4f pull whisper-tiny.en"])
    (model,) = await Whisper().models()
    assert not model.listed
    with pytest.raises(ModelNotInstalled, match=r"To install it: g4f pull whisper-tiny\.en"):
        await hear(Whisper(), call(b""))
