"""What a line says: its picture made ready for the recogniser, and text from what that gives for each step along it.

The recogniser is trained with connectionist temporal classification (Graves and others, ICML 2006): at each step it
names one character of its list or none, and the same one twice in a row counts once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from src.models.readers.boxes import Pixels
from src.schema import FloatArray

HEIGHT, LEAST_WIDTH = 48, 320
"""Pixels of a line as the recogniser sees it; a narrower one is filled up."""
MOST_WIDTH = 3_200
"""A longer one is squeezed: memory goes with the width."""
TOGETHER, WIDTH_TOGETHER = 6, 2_400
"""Lines in one run, and pixels of their widths: more are no faster and take memory in proportion."""


def batches(lines: Sequence[Pixels]) -> list[list[int]]:
    """Numbers of the lines that go in one run: those of about the same length, so that little is filled up."""
    found: list[list[int]] = []
    for number in sorted(range(len(lines)), key=lambda number: _width(lines[number])):
        width = max(LEAST_WIDTH, _width(lines[number]))
        if found and len(found[-1]) < TOGETHER and width * (len(found[-1]) + 1) <= WIDTH_TOGETHER:
            found[-1].append(number)
        else:
            found.append([number])
    return found


def prepared(lines: Sequence[Pixels]) -> FloatArray:
    """(n, 3, 48, W), -1 to 1, with zeros to the right of what is shorter than the longest."""
    widths = [_width(line) for line in lines]
    filled = np.zeros((len(lines), 3, HEIGHT, max(LEAST_WIDTH, *widths)), np.float32)
    for number, (line, width) in enumerate(zip(lines, widths, strict=True)):
        seen = cv2.resize(line, (width, HEIGHT)).astype(np.float32)
        filled[number, :, :, :width] = (seen.transpose(2, 0, 1) / 255 - 0.5) / 0.5
    return filled


def _width(line: Pixels) -> int:
    """Pixels of a line's width at the height that the recogniser sees, rounded up."""
    height, width = int(line.shape[0]), int(line.shape[1])
    return min(MOST_WIDTH, max(1, math.ceil(HEIGHT * width / height)))


def read(steps: FloatArray, characters: Sequence[str]) -> tuple[str, float]:
    """Text of one line, and the mean probability of its characters; empty and 0 where there is none.

    steps: (T, C) probabilities, of which the first is that of no character; characters: the C - 1 others.
    """
    best, sure = steps.argmax(axis=1), steps.max(axis=1)
    kept = (best != 0) & np.concatenate(([True], best[1:] != best[:-1]))
    if not kept.any():
        return "", 0.0
    return "".join(characters[number - 1] for number in best[kept]), float(sure[kept].mean())
