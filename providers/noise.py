# Smooth chance: value noise, the raw material of what `painting` draws.
#
# A lattice of random numbers an octave, mixed along x once and along y for the rows that are asked for, so that a
# picture can be made in bands. https://www.scratchapixel.com/lessons/procedural-generation-virtual-worlds
from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ("Noise", "Numbers", "mix")

Numbers: TypeAlias = NDArray[np.floating[Any]]

_LATTICE: Final = 64  # random numbers along each side of a noise, which repeats after them


class Noise:
    """Smooth random numbers from 0 to 1: value noise of several octaves, each half as strong and twice as fine."""

    def __init__(self, chance: np.random.Generator, x: Numbers, fine_x: float, fine_y: float, octaves: int) -> None:
        self._octaves: list[tuple[Numbers, float, float]] = []
        for octave in range(octaves):
            left, rest = _cell(x * (fine_x * 2**octave))
            lattice = chance.random((_LATTICE, _LATTICE), dtype=np.float32)
            columns = mix(lattice[:, left], lattice[:, (left + 1) % _LATTICE], rest)
            self._octaves.append((columns, fine_y * 2**octave, 0.5**octave))

    def at(self, y: Numbers) -> Numbers:
        total: Numbers = np.zeros((), np.float32)
        for columns, fine, weight in self._octaves:
            above, rest = _cell(y * fine)
            total = total + weight * mix(columns[above], columns[(above + 1) % _LATTICE], rest[:, None])
        return total / sum(weight for _, _, weight in self._octaves)

    def line(self) -> Numbers:
        return self.at(np.zeros(1, np.float32)).reshape(-1)


def mix(one: Numbers, other: Numbers, share: Numbers | float) -> Numbers:
    """`one` where the share is 0, `other` where it is 1."""
    return np.asarray(one + (other - one) * share, np.float32)


def _cell(at: Numbers) -> tuple[NDArray[np.intp], Numbers]:
    """The lattice's cell, and how far into it, smoothed."""
    whole = np.floor(at)
    rest = at - whole
    return whole.astype(np.intp) % _LATTICE, rest * rest * (3 - 2 * rest)
