# The parts of a message's content, typed: what is said, refused, shown, heard and handed over.
# https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .tools import Strict

__all__ = ("AudioPart", "FilePart", "ImagePart", "Part", "RefusalPart", "TextPart")


class TextPart(Strict):
    """``{"type": "text", "text": "..."}``."""

    type: Literal["text"]
    text: str


class RefusalPart(Strict):
    """``{"type": "refusal", "refusal": "..."}``, what an assistant said instead of an answer."""

    type: Literal["refusal"]
    refusal: str


class ImageUrl(Strict):
    """Where an image is: a data URI, or an address that an upstream may fetch."""

    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(Strict):
    """``{"type": "image_url", "image_url": {"url": "data:image/png;base64,..."}}``."""

    type: Literal["image_url"]
    image_url: ImageUrl


class InputAudio(Strict):
    """A recording, in base64."""

    data: str
    format: Literal["wav", "mp3"]


class AudioPart(Strict):
    """``{"type": "input_audio", "input_audio": {"data": "...", "format": "wav"}}``."""

    type: Literal["input_audio"]
    input_audio: InputAudio


class InputFile(Strict):
    """A file: its content as a data URI or in base64, or the id it was uploaded under."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Strict):
    """``{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,..."}}``."""

    type: Literal["file"]
    file: InputFile


Part = Annotated[TextPart | RefusalPart | ImagePart | AudioPart | FilePart, Field(discriminator="type")]
