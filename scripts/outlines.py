"""Makes the outlines of all countries from Natural Earth's: python scripts/outlines.py COUNTRIES [TARGET]

    COUNTRIES   countries-50m.json of the npm package world-atlas 2.0.2 (TopoJSON), to be had with ``npm pack``

For who keeps the project. The same file gives the same bytes. ``src.processing.places`` says what the text means.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TARGET = Path(__file__).resolve().parent.parent / "src" / "processing" / "places_files" / "outlines.txt"
FAR = 0.07
"""Degrees that a border may be moved by where points of it are left out."""
LEAST = 0.02
"""Square degrees from which on an island is drawn; the largest of a country is drawn however small it is."""

Line = NDArray[np.float64]
"""(n, 2) longitudes and latitudes in degrees."""


def main(countries: str, target: str = str(TARGET)) -> None:
    topology = json.loads(Path(countries).read_text(encoding="utf-8"))
    lines = [simplified(line) for line in arcs(topology)]
    rings = [ring for country in topology["objects"]["countries"]["geometries"] for ring in drawn(country, lines)]
    Path(target).write_text("".join(map(written, rings)) + "\n", encoding="ascii", newline="\n")


def arcs(topology: dict[str, Any]) -> Iterator[Line]:
    """The lines that borders are made of, each of which two countries may share."""
    scale, origin = (np.asarray(topology["transform"][name]) for name in ("scale", "translate"))
    for steps in topology["arcs"]:
        yield np.cumsum(np.asarray(steps, dtype=np.float64), axis=0) * scale + origin


def simplified(line: Line) -> Line:
    """The line with fewer points, none of the others farther from it than ``FAR`` (Douglas and Peucker 1973)."""
    kept, spans = {0, len(line) - 1}, [(0, len(line) - 1)]
    if np.allclose(line[0], line[-1]) and len(line) > 3:  # a ring has no two ends to begin with
        middle = int(np.linalg.norm(line - line[0], axis=1).argmax())
        kept, spans = kept | {middle}, [(0, middle), (middle, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        away = distances(line[first + 1 : last], line[first], line[last])
        if away.size and away.max() > FAR:
            at = first + 1 + int(away.argmax())
            kept.add(at)
            spans += [(first, at), (at, last)]
    return line[sorted(kept)]


def distances(points: Line, start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far points are from the straight line between two others, (n,)."""
    along = end - start
    length = float(np.hypot(*along)) or 1.0
    found: NDArray[np.float64] = np.abs(along[0] * (points[:, 1] - start[1]) - along[1] * (points[:, 0] - start[0]))
    return found / length


def drawn(country: dict[str, Any], lines: Sequence[Line]) -> list[Line]:
    """The rings of a country that are large enough to be seen."""
    shapes = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
    rings = [joined(ring, lines) for shape in shapes for ring in shape]
    largest = max(map(area, rings))
    return [ring for ring in rings if area(ring) >= min(LEAST, largest)]


def joined(ring: Sequence[int], lines: Sequence[Line]) -> Line:
    """Lines one after the other; a number below zero is that of a line the other way round.

    What crosses the date line goes on beyond 180 degrees.
    """
    points = np.concatenate([lines[at] if at >= 0 else lines[~at][::-1] for at in ring])
    return np.column_stack((np.unwrap(points[:, 0], period=360), points[:, 1]))


def area(ring: Line) -> float:
    """In square degrees."""
    x, y = ring.T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


def written(ring: Line) -> str:
    """As a part of an SVG path in tenths of a degree, y to the south, each point as the step from the one before."""
    points = np.rint(ring * (10, -10)).astype(int)
    steps = np.diff(points, axis=0)
    some = steps[(steps != 0).any(axis=1)]
    numbers = " ".join(str(number) for number in (some if len(some) > 1 else np.array([[1, 0], [0, 1]])).ravel())
    return f"M{points[0][0]} {points[0][1]}l{numbers.replace(' -', '-')}z"


if __name__ == "__main__":
    main(*sys.argv[1:])
