# The body of POST /v1/images/generations, typed: the G4F REST API's fields and OpenAI's CreateImageRequest.
# https://platform.openai.com/docs/api-reference/images/create
from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field

from .._errors import InvalidRequest
from .chat import Name
from .tools import Strict

__all__ = ("MAX_PIXELS", "MAX_SIDE", "MIN_SIDE", "ImageRequest")

MIN_SIDE: Final = 16  #: pixels, as MAX_SIDE
MAX_SIDE: Final = 4096
MAX_PIXELS: Final = 3840 * 2160  #: the largest of gpt-image-2's sizes


class ImageRequest(Strict):
    """Images asked for: every field in its range; what two of them say together is read by `shape`."""

    # "The maximum length is 32000 characters for the GPT image models, 1000 characters for dall-e-2 and 4000"
    prompt: Annotated[str, Field(min_length=1, max_length=32_000)]
    model: Name | None = None
    provider: Name | None = None
    n: Annotated[int, Field(ge=1, le=4)] | None = None
    size: Annotated[str, Field(max_length=32)] | None = None
    width: Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)] | None = None
    height: Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    output_compression: Annotated[int, Field(ge=0, le=100)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    quality: Literal["auto", "standard", "hd", "low", "medium", "high"] | None = None
    style: Literal["vivid", "natural"] | None = None
    background: Literal["auto", "opaque", "transparent"] | None = None
    moderation: Literal["auto", "low"] | None = None
    partial_images: Annotated[int, Field(ge=0, le=3)] | None = None
    stream: bool | None = None
    user: str | None = None
    timeout: Annotated[float, Field(ge=0.0)] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height in pixels; 0: as the provider likes.

        :raises InvalidRequest: `size` is no size, or one out of bounds.
        """
        width, height = self.width or 0, self.height or 0
        if self.size is not None and self.size != "auto":
            found = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", self.size, re.ASCII)
            if found is None:
                raise _wrong(f"Invalid size '{self.size}'.")
            width, height = width or int(found[1]), height or int(found[2])
        small = any(0 < side < MIN_SIDE for side in (width, height))
        if small or max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            raise _wrong(f"Invalid size '{width}x{height}'.")
        return width, height


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(
        f"{message} A size is 'auto' or 'WIDTHxHEIGHT' like '1024x1024', each side {MIN_SIDE} to {MAX_SIDE} pixels "
        f"and at most {MAX_PIXELS} pixels in all.",
        param="size",
        code="invalid_value",
    )
