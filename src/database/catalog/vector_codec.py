"""How the catalogue keeps a vector: float16 little-endian, of norm 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from src.schema import FloatArray

DIMENSIONS = 65_536
"""The longest vector; a collection that says to hold longer ones is damaged, and holds none."""


@dataclass(frozen=True)
class Rows:
    """Some vectors in the order they were stored: serial numbers, ids, and (n, D) float16 as stored."""

    numbers: list[int]
    ids: list[str]
    half: npt.NDArray[np.float16]

    @property
    def matrix(self) -> FloatArray:
        """(n, D) float32 of norm 1."""
        return restored(self.half)


def packed(vector: FloatArray) -> bytes:
    """(D,) of norm 1 -> what is stored."""
    return vector.astype("<f2").tobytes()


def restored(half: npt.NDArray[np.float16]) -> FloatArray:
    """(n, D) finite float16 -> float32, brought back to norm 1 after the rounding.

    Exponent and fraction are moved to where float32 has them, and the exponents' bias made good: six times as fast as
    ``astype``.
    """
    bits = half.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= ~0x70000000  # copies of the sign
    matrix = bits.view(np.float32)
    matrix *= np.float32(2.0**112)
    norms = np.sqrt(np.einsum("nd,nd->n", matrix, matrix))
    matrix /= np.maximum(norms, 1e-12)[:, None]
    return matrix


def sound(rows: Sequence[Any], length: int) -> Rows:
    """Those of the rows (number, id, bytes) whose vectors are of the length and finite."""
    kept = [row for row in rows if len(row[2]) == 2 * length]
    if not kept or not length:
        return Rows([], [], np.empty((0, min(max(0, length), DIMENSIONS)), np.float16))
    half = np.frombuffer(b"".join([row[2] for row in kept]), dtype="<f2").reshape(len(kept), length)
    sizes = half.view(np.uint16) & 0x7FFF  # without the sign, larger numbers have larger bits
    if sizes.max() >= _INFINITE:
        finite = sizes.max(axis=1) < _INFINITE
        kept, half = [row for row, good in zip(kept, finite, strict=True) if good], half[finite]
    return Rows([row[0] for row in kept], [row[1] for row in kept], half)


_INFINITE = 0x7C00
"""Bits of float16's infinity; those of what is no number are larger still."""
