# The spectrum made in pieces against faster-whisper's own, made at once.
from __future__ import annotations

import pytest

np = pytest.importorskip("numpy", reason="needs the extra 'transcription'")
pytest.importorskip("faster_whisper", reason="needs the extra 'transcription'")

from faster_whisper.feature_extractor import FeatureExtractor  # noqa: E402

from providers.spectrum import Spectrum  # noqa: E402

PIECE = 30 * 16000


@pytest.mark.parametrize(
    "samples", [201, 16000, PIECE - 160, PIECE - 159, PIECE, PIECE + 1, PIECE + 200, 2 * PIECE - 160, 2 * PIECE + 7777]
)
def test_it_is_the_same(samples: int) -> None:
    sound = (np.random.default_rng(samples).standard_normal(samples) * 0.1).astype(np.float32)
    sound[PIECE:] *= 30  # the loudest of all pieces counts for each
    whole, pieces = FeatureExtractor()(sound), Spectrum()(sound)
    assert pieces.dtype == whole.dtype == np.float32
    np.testing.assert_allclose(pieces, whole, atol=1e-5)
