"""NumPy's own file format (NEP 1), written and read row by row: a library's vectors need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from src.errors import BadInput
from src.schema import FloatArray

BLOCK = 4_096
"""Rows that are read at a time."""
MOST_NUMBERS = 65_536
"""Longest vector that is read."""


class VectorFile:
    """Vectors (n, D) float32 written to a file that can be sought in; n is known when it is closed."""

    def __init__(self, file: IO[bytes], dimensions: int) -> None:
        self._file = file
        self._dimensions = dimensions
        self.rows = 0
        self._size = self._write_header()

    def add(self, matrix: FloatArray) -> None:
        """Write (n, D) more."""
        self._file.write(np.ascontiguousarray(matrix, "<f4").tobytes())
        self.rows += len(matrix)

    def close(self) -> None:
        """Say in the header, in which numpy leaves room for that, how many they are; the file itself stays open."""
        self._file.seek(0)
        assert self._write_header() == self._size
        self._file.seek(0, 2)

    def _write_header(self) -> int:
        shape = (self.rows, self._dimensions)
        np.lib.format.write_array_header_1_0(self._file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        return self._file.tell()


@dataclass(frozen=True)
class Shape:
    """What a file's header says: n vectors of D numbers of a type."""

    rows: int
    dimensions: int
    kind: np.dtype[Any]

    @property
    def bytes(self) -> int:
        return self.rows * self.dimensions * self.kind.itemsize


def read_shape(file: IO[bytes], called: str) -> Shape:
    """The header of vectors, from the file's beginning; what follows are their numbers.

    called: the file, in what is said of it. Raises BadInput where it holds anything but vectors of one length.
    """
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_column, kind = read(file)
    except (ValueError, EOFError, OSError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise BadInput(f"{called} is no array of numpy, or it is damaged.") from error
    if kind.kind != "f" or kind.itemsize > 8:
        raise BadInput(f"{called} holds {kind}, not vectors of float16, float32 or float64.")
    if len(shape) != 2 or not all(shape) or shape[1] > MOST_NUMBERS:
        raise BadInput(f"{called} holds an array of the shape {shape}, not n vectors of length D.")
    if by_column:
        raise BadInput(f"{called} is stored column by column.", "Save np.ascontiguousarray of it.")
    return Shape(int(shape[0]), int(shape[1]), kind)


def read_rows(file: IO[bytes], shape: Shape, called: str) -> Iterator[npt.NDArray[Any]]:
    """The vectors that follow the header, in blocks (n, D). Raises BadInput where the file ends before."""
    width = shape.dimensions * shape.kind.itemsize
    for start in range(0, shape.rows, BLOCK):
        rows = min(BLOCK, shape.rows - start)
        data = _exactly(file, rows * width)
        if len(data) != rows * width:
            raise BadInput(f"{called} ends before all of its {shape.rows:,} vectors.")
        yield np.frombuffer(data, shape.kind).reshape(rows, shape.dimensions)


def _exactly(file: IO[bytes], number: int) -> bytes:
    """So many bytes, or all that are left: a file in an archive may give fewer at a time."""
    found = bytearray()
    while len(found) < number and (some := file.read(number - len(found))):
        found += some
    return bytes(found)
