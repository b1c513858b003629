# What may be asked of sound: the body of POST /v1/audio/speech, and the fields of the two forms that bring a recording.
# Ranges are those of CreateSpeechRequest, CreateTranscriptionRequest and CreateTranslationRequest.
# https://platform.openai.com/docs/api-reference/audio
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .chat import Name
from .tools import Strict

__all__ = ("SpeechRequest", "TranscriptionRequest")


class VoiceId(Strict):
    """``{"id": "voice_1234"}``: a voice by its id is one by its name."""

    id: Name


class SpeechRequest(Strict):
    """A text to be spoken."""

    input: Annotated[str, Field(min_length=1, max_length=4096)]
    voice: Name | VoiceId
    model: Name | None = None
    provider: Name | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    speed: Annotated[float, Field(ge=0.25, le=4.0)] | None = None
    instructions: Annotated[str, Field(max_length=4096)] | None = None
    stream_format: Literal["audio", "sse"] | None = None
    timeout: Annotated[float, Field(ge=0.0)] | None = None

    @property
    def voice_name(self) -> str:
        """The voice, however it was said."""
        return self.voice if isinstance(self.voice, str) else self.voice.id


class TranscriptionRequest(Strict):
    """How a recording shall be written down; the fields of a form, brought to their types."""

    model: Name | None = None
    provider: Name | None = None
    language: str | None = None
    prompt: str | None = None
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] | None = None
    temperature: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    timestamp_granularities: list[Literal["word", "segment"]] | None = None
    stream: bool | None = None
    timeout: Annotated[float, Field(ge=0.0)] | None = None
