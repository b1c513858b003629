# Speech in this very process: hibari-tts speaks English with no network and no key, a sentence at a time.
#
# Loaded on first use, in a thread. A text is read into phonemes at once (20 ms for the longest), so that what cannot be
# spoken is refused before a byte has left; then each sentence is spoken and encoded in a thread and leaves while the
# next one is waited for. Between two sentences a call can be cancelled. hibari and PyAV are an optional extra, looked
# for at each call, so that installing them while the server runs is enough; the weights are in hibari's package.
#
# There is one speaker. OpenAI's voice names are that speaker at other pitches: the network tells the pitch of every
# frame, and it is multiplied before the sound is made of it. Speed is the network's own for slower speech; it cannot
# go faster than its shortest sounds, so faster speech takes fewer of its frames. Speed and pitch do not change each
# other. Nothing is random: the same request gives the same bytes.
from __future__ import annotations

import logging
import re
import textwrap
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

from g4f_proto import (
    Call,
    InvalidRequest,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    SpeechCall,
    UnsupportedParameter,
    Usage,
)

from .installing import lacking, not_installed

if TYPE_CHECKING:
    from .sound import Encoder, Format, Samples

__all__ = ("VOICES", "Hibari")

log = logging.getLogger("g4f.providers")

#: Voice -> its pitch, as a multiple of the speaker's own.
VOICES: Final[Mapping[str, float]] = {
    "heart": 1.0,  # hibari's own name for the speaker
    "onyx": 0.6,
    "cedar": 0.65,
    "ash": 0.7,
    "echo": 0.75,
    "ballad": 0.8,
    "verse": 0.85,
    "fable": 0.9,
    "alloy": 0.95,
    "sage": 1.0,
    "coral": 1.05,
    "marin": 1.1,
    "nova": 1.15,
    "shimmer": 1.25,
}
_MODEL: Final = "hibari-tts"
_AT_ONCE: Final = 2  # sentences being spoken; a thread each
#: hibari tries every part of a word, and every part of those: 250 signs without a blank take it seconds, 4096 hours. An
#: address is read in parts of this length, which is nothing to the ear.
_LONG_WORD: Final = re.compile(r"\S{32}(?=\S)")
_LONGEST: Final = 400  # phonemes in one go: hibari's own bound, which a sentence without commas exceeds


class Hibari:
    """The embedded speaker. One object loads the model once and serves one event loop; :meth:`aclose` frees it."""

    info = ProviderInfo(
        name="Hibari",
        label="Hibari",
        default_model=_MODEL,
        url="https://github.com/MMWilliams/hibari",
        description="English speech on this machine: no network, no key; one speaker at several pitches",
    )

    def __init__(self) -> None:
        self._turns = anyio.CapacityLimiter(_AT_ONCE)
        self._loading = threading.Lock()
        self._speaker: _Speaker | None = None

    async def models(self) -> Sequence[Model]:
        return (Model(id=_MODEL, owned_by="hibari", kinds=frozenset({"speech"}), listed=not _lacking()),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, SpeechCall)  # the one kind its model has
        if commands := _lacking():
            raise not_installed(_MODEL, commands)
        pitch = _pitch(call.voice)
        if call.instructions.strip():
            raise UnsupportedParameter(
                f"Unsupported parameter: the model '{_MODEL}' cannot follow 'instructions'.", param="instructions"
            )
        # who leaves now does not stop the loading: the next one will want it
        speaker = await anyio.to_thread.run_sync(self._load, abandon_on_cancel=True)
        sentences = await anyio.to_thread.run_sync(speaker.read, call.input, limiter=self._turns)
        encoder, spoken = speaker.encoder(call.response_format), 0
        for sentence in sentences:
            speak = partial(speaker.speak, sentence, pitch, call.speed)
            samples = await anyio.to_thread.run_sync(speak, limiter=self._turns)
            spoken += len(samples)
            if data := await anyio.to_thread.run_sync(encoder.feed, samples, limiter=self._turns):
                yield data
        if not spoken:
            raise _mute(call.input)
        if data := encoder.end():
            yield data
        yield Usage(prompt_tokens=sum(map(len, sentences)), completion_tokens=spoken // speaker.hop)

    async def aclose(self) -> None:
        """Free the model; a sentence on its way keeps it until it is spoken."""
        self._speaker = None

    def _load(self) -> _Speaker:
        with self._loading:
            if self._speaker is None:
                try:
                    self._speaker = _Speaker()
                except Exception:
                    log.exception("the speech model could not be loaded")
                    raise ProviderNotWorking(
                        f"The model '{_MODEL}' could not be loaded; the server's log has the details."
                    ) from None
            return self._speaker


def _lacking() -> list[str]:
    return lacking("speech", ("hibari", "av"))


def _pitch(voice: str) -> float:
    try:
        return VOICES[voice]
    except KeyError:
        names = ", ".join(VOICES)
        raise InvalidRequest(
            f"Unknown voice '{voice[:80]}'. The voices of the model '{_MODEL}' are: {names}.",
            code="invalid_value",
            param="voice",
        ) from None


def _mute(text: str) -> InvalidRequest:
    return InvalidRequest(
        f"The model '{_MODEL}' reads English, and finds nothing it can say in '{text.strip()[:80]}'.",
        code="invalid_value",
        param="input",
    )


class _Speaker:
    """The loaded model; every method blocks and may be called from any thread."""

    def __init__(self) -> None:
        from hibari import Hibari as Synthesizer  # type: ignore[import-untyped]
        from hibari import dsp

        from .sound import Encoder

        self._hibari = Synthesizer()
        self._dsp = dsp
        self._encoder = Encoder
        self._hibari.phonemize("Ready.")  # its dictionaries are loaded by the first text
        self.hop: int = dsp.HOP  # samples of a frame, which is what the network makes

    def encoder(self, format: Format) -> Encoder:
        """What makes a file of the samples; it makes nothing yet, and so does not block."""
        return self._encoder(format, self._dsp.SR)

    def read(self, text: str) -> list[str]:
        """Phonemes of `text`, in pieces to be spoken one after another.

        :raises InvalidRequest: a sentence of it gives no sound.
        """
        pieces: list[str] = []
        for sentence in self._hibari.split_sentences(_LONG_WORD.sub(r"\g<0> ", text)):
            try:
                found = self._hibari.phonemize(sentence)
            except Exception:  # of numbers it has no name for, for one
                raise _mute(sentence) from None
            if not found and any(map(str.isalnum, sentence)):
                raise _mute(sentence)
            for phonemes in found:
                pieces += textwrap.wrap(phonemes, _LONGEST)
        if not pieces:
            raise _mute(text)
        return pieces

    def speak(self, phonemes: str, pitch: float, speed: float) -> Samples:
        """The sound of these phonemes."""
        import numpy as np

        hibari = self._hibari
        ids = np.asarray([hibari.ids(phonemes)], np.int64)
        slower = min(speed, 1.0)
        frames = [out[0] for out in hibari.sess.run(None, {"ids": ids, "speed": np.asarray([slower], np.float32)})]
        if speed > slower:
            count = frames[-1].shape[-1]
            chosen = (np.arange(0, count, speed / slower)).astype(np.intp)
            frames = [np.ascontiguousarray(part[..., chosen]) for part in frames]
        frames[-1] = frames[-1] * np.float32(pitch)  # the last one is the pitch in Hz, 0 where there is no voice
        samples: Samples = self._dsp.synth(*frames, np.random.default_rng(0))
        return samples
