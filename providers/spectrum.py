# The spectrum of a recording, as Whisper hears it, made half a minute at a time.
#
# faster-whisper makes that of a whole recording at once: of half an hour in 3.7 seconds, which nobody can interrupt,
# and 1.5 GB. In pieces it is the same but for the last digit of its floats, and takes 0.4 seconds and 0.3 GB. Needs the
# extra 'transcription': it is imported by who has seen that it is there.
from __future__ import annotations

from typing import Final

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor  # type: ignore[import-untyped]

from .sound import Samples

__all__ = ("Spectrum",)

_PIECE: Final = 3000  # frames of 10 ms
_BORDER: Final = 2  # more on each side: a frame hears 200 samples around its middle, and the next is 160 on


class Spectrum(FeatureExtractor):  # type: ignore[misc]  # it has no annotations
    """In the place of a model's own."""

    def __call__(self, waveform: Samples, padding: int = 160, chunk_length: None = None) -> Samples:
        """The logarithms of its mel bands, each row a band, each column a frame."""
        samples = np.pad(waveform, (0, padding))
        pieces = [self._bands(samples, first) for first in range(0, len(samples) // self.hop_length, _PIECE)]
        bands: Samples = np.log10(np.maximum(np.concatenate(pieces, axis=1), np.float32(1e-10)))
        least = np.float32(np.max(bands) - 8)
        scaled: Samples = (np.maximum(bands, least) + np.float32(4)) / np.float32(4)
        return scaled

    def _bands(self, samples: Samples, first: int) -> Samples:
        begin = max(0, first - _BORDER)
        part = samples[begin * self.hop_length : (first + _PIECE + _BORDER) * self.hop_length]
        window = np.hanning(self.n_fft + 1)[:-1].astype(np.float32)
        complexes = self.stft(part, self.n_fft, self.hop_length, window=window, return_complex=True)
        mine = complexes[..., first - begin : -1][..., :_PIECE].astype(np.complex64)
        bands: Samples = self.mel_filters @ np.abs(mine) ** 2
        return bands
