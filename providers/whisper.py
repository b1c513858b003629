# Transcription in this very process: Whisper tiny.en through faster-whisper, with no network and no key.
#
# Loaded on first use, in a thread. Whisper hears windows of 30 seconds and cannot be interrupted in one: each window is
# a thread's work, one at a time over all calls, whose calls take turns. A call that is cancelled leaves at once, and
# the model is free when it has heard the window once, for nobody. faster-whisper is an optional extra and the weights
# are pulled: both are looked for at each call, so that installing them while the server runs is enough.
from __future__ import annotations

import logging
import os
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread

from g4f_proto import (
    Call,
    Heard,
    InvalidRequest,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    Segment,
    TranscriptionCall,
    UnsupportedParameter,
    Word,
)

from . import weights
from .installing import lacking, not_installed

if TYPE_CHECKING:
    from faster_whisper import WhisperModel  # type: ignore[import-untyped]

__all__ = ("LONGEST", "Whisper")

log = logging.getLogger("g4f.providers")

#: Seconds of a recording: as samples and spectrum it takes 100 kB a second; 25 MB can hold hours of silence.
LONGEST: Final = 1800.0
_PATIENCE: Final = 0.1  # seconds a thread waits for the model before it looks whether it is still wanted
_MODEL: Final = "whisper-tiny.en"
_WEIGHTS: Final = weights.WEIGHTS[_MODEL]


class Whisper:
    """The embedded listener. One object loads the model once and serves one event loop; :meth:`aclose` frees it."""

    info = ProviderInfo(
        name="Whisper",
        label="Whisper",
        default_model=_MODEL,
        url="https://huggingface.co/Systran/faster-whisper-tiny.en",
        description="Writes down spoken English on this machine: no network, no key",
    )

    def __init__(self) -> None:
        self._turns = anyio.CapacityLimiter(1)
        self._loading = threading.Lock()
        self._hearing = threading.Lock()
        self._model: WhisperModel | None = None

    async def models(self) -> Sequence[Model]:
        return (Model(id=_MODEL, owned_by="openai", kinds=frozenset({"transcription"}), listed=not _lacking()),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, TranscriptionCall)  # the one kind its model has
        if commands := _lacking():
            raise not_installed(_MODEL, commands)
        if call.language not in (None, "en"):
            raise UnsupportedParameter(
                f"Unsupported value: the model '{_MODEL}' knows only the language 'en'.", param="language"
            )
        if call.translate:
            raise UnsupportedParameter(f"The model '{_MODEL}' knows only English and cannot translate.", param="model")
        # who leaves now does not stop the loading: the next one will want it
        model = await anyio.to_thread.run_sync(self._load, abandon_on_cancel=True)
        listening, run = _Listening(model, call, self._hearing), partial(anyio.to_thread.run_sync, limiter=self._turns)
        try:
            yield Heard(language="en", duration=await run(listening.begin, abandon_on_cancel=True))
            while (segment := await run(listening.next, abandon_on_cancel=True)) is not None:
                yield segment
        finally:
            listening.leave()

    async def aclose(self) -> None:
        """Free the model; a window on its way keeps it until it is heard."""
        self._model = None

    def _load(self) -> WhisperModel:
        with self._loading:
            if self._model is None:
                from faster_whisper import WhisperModel

                from .spectrum import Spectrum

                try:
                    threads = min(4, os.cpu_count() or 1)
                    folder = str(weights.target(_WEIGHTS))
                    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
                    model.feature_extractor = Spectrum(**model.feat_kwargs)
                    self._model = model
                except Exception:
                    log.exception("the transcription model could not be loaded")
                    raise ProviderNotWorking(
                        f"The model '{_MODEL}' could not be loaded. `g4f pull {_MODEL}` checks its weights; "
                        "the server's log has the details."
                    ) from None
            return self._model


def _lacking() -> list[str]:
    return lacking("transcription", ("faster_whisper", "av"), _WEIGHTS)


class _Left(Exception):
    """Nobody listens any more."""


class _Listening:
    """One recording being heard; `begin`, then `next`, which block and may be called from any thread, one at a time."""

    def __init__(self, model: WhisperModel, call: TranscriptionCall, hearing: threading.Lock) -> None:
        self._model, self._call, self._hearing = model, call, hearing
        self._wanted = True
        # "If set to 0, the model will use log probability to automatically increase the temperature until certain
        # thresholds are hit." - CreateTranscriptionRequest; these are Whisper's own steps.
        self._steps = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] if call.temperature == 0 else [call.temperature]
        self._segments: Iterator[Any] = iter(())

    def begin(self) -> float:
        """Read the recording; its seconds.

        :raises InvalidRequest: 422, it cannot be decoded; 400, it is too long.
        """
        from .sound import HEARD_RATE, TooLong, Undecodable, decode

        call, name = self._call, self._call.file.filename[:200]
        try:
            samples = decode(call.file.data, longest=LONGEST, pause=self._check)
        except Undecodable:
            raise InvalidRequest(
                f"The file '{name}' cannot be decoded: it is damaged, or of a format that is not supported. Supported "
                "are flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav, webm and aac.",
                status=422,
                code="undecodable_audio",
                param="file",
            ) from None
        except TooLong:
            raise InvalidRequest(
                f"The file '{name}' is longer than {LONGEST:.0f} seconds, the most that the model '{_MODEL}' takes.",
                code="invalid_value",
                param="file",
            ) from None
        found, _ = self._model.transcribe(
            samples,
            language="en",
            temperature=self._steps,
            initial_prompt=call.prompt or None,
            word_timestamps=call.words,
        )
        self._segments = iter(found)
        return len(samples) / HEARD_RATE

    def _check(self) -> None:
        if not self._wanted:
            raise _Left

    def leave(self) -> None:
        """Nobody listens any more; of a window that is being heard no further temperature is tried."""
        self._wanted = False
        del self._steps[1:]

    def next(self) -> Segment | None:
        """The next segment; None: there is none, or nobody wants it any more."""
        while not self._hearing.acquire(timeout=_PATIENCE):
            if not self._wanted:
                return None  # or the threads of those who left would pile up behind the one that hears
        try:
            segment = next(self._segments, None) if self._wanted else None
        finally:
            self._hearing.release()
        if segment is None:
            return None
        return Segment(
            start=float(segment.start),
            end=float(segment.end),
            text=segment.text,
            words=tuple(Word(text=w.word.strip(), start=float(w.start), end=float(w.end)) for w in segment.words or ()),
            tokens=tuple(segment.tokens),
            temperature=float(segment.temperature),
            avg_logprob=float(segment.avg_logprob),
            compression_ratio=float(segment.compression_ratio),
            no_speech_prob=float(segment.no_speech_prob),
        )
