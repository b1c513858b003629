# What the scripted provider speaks and hears: a tone for each word, and of a recording what its upload says of it.
from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from g4f_proto import Heard, ProviderEvent, Segment, SpeechCall, TranscriptionCall, UnsupportedParameter, Word

__all__ = ("listen", "speak")

_RATE: Final = 24000
_WORD: Final = 0.1  # seconds that a word is spoken for
#: RIFF's header for a sound whose length is not known: 16 bit, one channel.
_WAV: Final = struct.pack(
    "<4sI4s4sIHHIIHH4sI",
    b"RIFF", 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, 1, _RATE, 2 * _RATE, 2, 16, b"data", 0xFFFFFFFF,
)  # fmt: skip


def speak(call: SpeechCall) -> Iterator[bytes]:
    """A tone for each word, whose pitch is the word's, the voice's and the instructions'.

    :raises UnsupportedParameter: a format that must be encoded.
    """
    if call.response_format not in ("wav", "pcm"):
        raise UnsupportedParameter(
            f"The model 'scripted' speaks 'wav' and 'pcm', not '{call.response_format}'.", param="response_format"
        )
    count = round(_RATE * _WORD / call.speed)
    header = _WAV if call.response_format == "wav" else b""
    for word in call.input.split() or [""]:
        drawn = sha256(f"{call.voice}\n{call.instructions}\n{word}".encode("utf-8", "replace")).digest()
        step = 2 * math.pi * (200 + 2 * drawn[0]) / _RATE
        samples = array("h", (round(8000 * math.sin(step * time)) for time in range(count)))
        yield header + struct.pack(f"<{count}h", *samples)
        header = b""


def listen(call: TranscriptionCall) -> Iterator[ProviderEvent]:
    """The prompt, the file's name and its size, half a second a word and three words a segment."""
    words = f"{call.prompt} {call.file.filename} has {len(call.file.data)} bytes".split()
    yield Heard(language="en" if call.translate else call.language or "en", duration=len(words) / 2)
    for place in range(0, len(words), 3):
        group = words[place : place + 3]
        times = [(place + index) / 2 for index in range(len(group) + 1)]
        spoken = [Word(text=word, start=at, end=at + 0.5) for word, at in zip(group, times, strict=False)]
        yield Segment(
            start=times[0],
            end=times[-1],
            text=" " + " ".join(group),
            words=tuple(spoken) if call.words else (),
            temperature=call.temperature,
        )
