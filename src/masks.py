"""Masks as (H, W) bool arrays and as runs: COCO's run-length encoding of them, plain or as its compressed text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from src.errors import BadInput
from src.schema import Box, Mask

LONGEST_SIDE = 1_000_000
"""Pixels; no decoder takes more."""
LONGEST = 60
"""Bits of a run's length at most."""
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def encode(pixels: BoolArray) -> Mask:
    """(H, W) bool -> its runs down the columns, the first of zeros (0 long where the first pixel is set)."""
    flat = pixels.ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
    return Mask(pixels.shape[0], pixels.shape[1], tuple([0, *counts] if flat.size and flat[0] else counts))


def decode(mask: Mask) -> BoolArray:
    """The mask as (H, W) bool. Raises BadInput where its runs do not add up to its size."""
    _check_sum(mask)
    flat = np.repeat(np.arange(len(mask.counts)) % 2 == 1, mask.counts)
    return flat.reshape((mask.height, mask.width), order="F")


def _check_sum(mask: Mask) -> None:
    if sum(mask.counts) != mask.height * mask.width or min(mask.counts, default=0) < 0:
        raise BadInput(f"The runs of a mask add up to {sum(mask.counts)}, not to {mask.height} x {mask.width}.")


def area(mask: Mask) -> int:
    """Pixels that are set, at the mask's own size."""
    return sum(mask.counts[1::2])


def bounds(pixels: BoolArray) -> Box | None:
    """The smallest box around what is set, None where nothing is."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def resized(mask: Mask, height: int, width: int) -> Mask:
    """The mask at another size; each pixel is as the nearest one was. Time and memory grow with the runs and the sides.

    Raises BadInput for a side that no picture has, as a damaged catalogue may tell it.
    """
    if max(height, width) > LONGEST_SIDE:
        text = f"There is no picture of {width:,} x {height:,} pixels."
        raise BadInput(text, "The library's catalogue may be damaged: run the check-up.")
    if (mask.height, mask.width) == (height, width):
        return mask
    columns, starts, ends = _column_runs(decode(mask))
    first = _first_places(mask.height, height)
    starts, ends = first[starts], first[ends]
    used = starts < ends
    columns, starts, ends = columns[used], starts[used], ends[used]
    source = (2 * np.arange(width) + 1) * mask.width // (2 * width)
    begin, stop = np.searchsorted(columns, source), np.searchsorted(columns, source, side="right")
    runs = _ranges(begin, stop - begin)
    offsets = np.repeat(np.arange(width) * height, stop - begin)
    return _from_runs(starts[runs] + offsets, ends[runs] + offsets, height, width)


def compressed(mask: Mask) -> str:
    """Runs as COCO's text: each as its difference to the one before the last, five bits a character, lowest first."""
    characters = []
    for place, count in enumerate(mask.counts):
        value, more = count - (mask.counts[place - 2] if place > 2 else 0), True
        while more:
            bits = value & 31
            value >>= 5
            more = value != (-1 if bits & 16 else 0)
            characters.append(chr(48 + bits + (32 if more else 0)))
    return "".join(characters)


def from_compressed(text: str, height: int, width: int) -> Mask:
    """The mask whose ``compressed`` text this is. Raises BadInput for text that is none of that size."""
    counts: list[int] = []
    for value in _values(text):
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    mask = Mask(height, width, tuple(counts))
    _check_sum(mask)
    return mask


def _values(text: str) -> Iterator[int]:
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > LONGEST:
            raise BadInput(f"{character!r} does not belong in a mask's text.")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            yield value - (1 << shift) if bits & 16 else value
            value = shift = 0
    if shift:
        raise BadInput("A mask's text ends in the middle of a number.")


def _column_runs(pixels: BoolArray) -> tuple[IntArray, IntArray, IntArray]:
    """(H, W) bool -> column, first row and the row after the last of every run, down one column after the other."""
    edge = np.zeros((pixels.shape[1], 1), np.int8)
    steps = np.diff(np.concatenate([edge, pixels.T.astype(np.int8), edge], axis=1), axis=1)
    columns, starts = np.nonzero(steps == 1)
    return columns, starts, np.nonzero(steps == -1)[1]


def _first_places(old: int, new: int) -> IntArray:
    """For each row 0..old: the first of ``new`` rows that shows it or a later one."""
    shows = (2 * np.arange(new) + 1) * old // (2 * new)
    return np.searchsorted(shows, np.arange(old + 1))


def _ranges(begin: IntArray, lengths: IntArray) -> IntArray:
    """The numbers begin..begin + length - 1 of each pair, one after the other."""
    before = np.cumsum(lengths) - lengths
    found: IntArray = np.arange(int(lengths.sum())) + np.repeat(begin - before, lengths)
    return found


def _from_runs(starts: IntArray, ends: IntArray, height: int, width: int) -> Mask:
    """Runs of set pixels in order, which may touch, as a mask."""
    apart = starts[1:] != ends[:-1]
    starts, ends = (
        starts[np.concatenate([[True], apart])[: len(starts)]],
        ends[np.concatenate([apart, [True]])[: len(ends)]],
    )
    places = np.stack([starts, ends], axis=1).ravel()
    counts = np.diff(np.concatenate([[0], places, [height * width]])).tolist()
    return Mask(height, width, tuple(counts if counts[-1] or len(counts) == 1 else counts[:-1]))


def scaled(box: Box, old: tuple[int, int], new: tuple[int, int]) -> Box:
    """A box in a picture of size ``old`` (width, height), as it lies in one of size ``new``; at least one pixel.

    A box scaled up and down again is the same. A side of ``old`` below 1, which a damaged catalogue may say, counts as
    1.
    """
    old = (max(1, old[0]), max(1, old[1]))
    x0, y0 = (min(round(box[axis] * new[axis] / old[axis]), new[axis] - 1) for axis in (0, 1))
    x1, y1 = (
        max(low + 1, min(new[axis], round(box[2 + axis] * new[axis] / old[axis]))) for axis, low in ((0, x0), (1, y0))
    )
    return x0, y0, x1, y1
