# What a model can be asked for, as far as its name tells: lists of models do not.
from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from g4f_proto import Kind, Model

__all__ = ("with_kind",)

# Whole words of a name; the first that fits.
_NAMES: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("embedding", re.compile(r"embed|(^|[/_-])(bge|e5|gte|minilm)([_.-]|$)", re.IGNORECASE)),
    ("transcription", re.compile(r"whisper|transcribe", re.IGNORECASE)),
    ("speech", re.compile(r"(^|[/_-])tts([_.-]|$)|kokoro", re.IGNORECASE)),
    ("image", re.compile(r"(^|[/_-])(dall-e|gpt-image|flux|imagen|sdxl|stable-diffusion)", re.IGNORECASE)),
)


def with_kind(model: Model) -> Model:
    """The model, as what its name says it is; one that is said to be something already stays that."""
    if model.kinds != {"chat"}:
        return model
    for kind, pattern in _NAMES:
        if pattern.search(model.id):
            return replace(model, kinds=frozenset({kind}))
    return model
