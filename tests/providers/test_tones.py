# What the scripted provider speaks and hears: always the same, and every parameter is heard in it.
from __future__ import annotations

import io
import wave
from contextlib import aclosing
from typing import Any

import pytest

from g4f_proto import (
    ApiError,
    FormFile,
    Heard,
    ProviderEvent,
    Segment,
    SpeechCall,
    TranscriptionCall,
    UnsupportedParameter,
    Usage,
    Word,
)
from providers import Scripted

pytestmark = pytest.mark.anyio


async def say(text: str = "one two", model: str = "scripted", **options: Any) -> list[ProviderEvent]:
    asked: dict[str, Any] = {"voice": "alloy", "response_format": "pcm", **options}
    async with aclosing(Scripted().stream(SpeechCall(provider="Scripted", model=model, input=text, **asked))) as stream:
        return [event async for event in stream]


async def hear(model: str = "scripted", **options: Any) -> list[ProviderEvent]:
    file = FormFile(name="file", filename="a.mp3", content_type="", data=bytes(7))
    call = TranscriptionCall(provider="Scripted", model=model, file=file, **options)
    async with aclosing(Scripted().stream(call)) as stream:
        return [event async for event in stream]


async def test_a_tone_a_word() -> None:
    first, second, usage = await say()
    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    assert len(first) == len(second) == 2 * 2400
    assert first != second
    assert usage == Usage(prompt_tokens=2, completion_tokens=2)
    assert await say() == [first, second, usage]
    assert await say("two one") == [second, first, usage]


async def test_every_parameter_is_heard() -> None:
    usual = (await say())[0]
    for options in ({"voice": "echo"}, {"instructions": "Whisper."}, {"speed": 0.5}, {"speed": 4.0}):
        assert (await say(**options))[0] != usual
    assert len(b"".join(piece for piece in await say(speed=0.5) if isinstance(piece, bytes))) == 2 * 2 * 4800


async def test_wav_has_a_header_and_nothing_else_is_encoded() -> None:
    sound = b"".join(piece for piece in await say(response_format="wav") if isinstance(piece, bytes))
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (24000, 2, 1)
    with pytest.raises(UnsupportedParameter) as refused:
        await say(response_format="mp3")
    assert refused.value.param == "response_format"


async def test_a_recording_is_its_name_and_size() -> None:
    heard, first, second = await hear(words=True, temperature=0.5)
    assert heard == Heard(language="en", duration=2.0)
    assert first == Segment(
        start=0.0,
        end=1.5,
        text=" a.mp3 has 7",
        words=tuple(Word(text=text, start=at, end=at + 0.5) for text, at in (("a.mp3", 0.0), ("has", 0.5), ("7", 1.0))),
        temperature=0.5,
    )
    assert isinstance(second, Segment)
    assert (second.start, second.end, second.text) == (1.5, 2.0, " bytes")


async def test_what_is_asked_is_heard() -> None:
    assert (await hear(language="fr"))[0] == Heard(language="fr", duration=2.0)
    assert (await hear(language="fr", translate=True))[0] == Heard(language="en", duration=2.0)
    segments = [event for event in await hear(prompt="Well, then") if isinstance(event, Segment)]
    assert "".join(segment.text for segment in segments) == " Well, then a.mp3 has 7 bytes"
    assert not any(segment.words for segment in segments)


async def test_it_fails_as_the_script_says() -> None:
    for making in (say, hear):
        with pytest.raises(ApiError) as failed:
            await making(model="scripted:error=429,after=1")
        assert failed.value.status == 429
