"""The names of a position on earth: the nearest town, the city that it is a part of, its region and its country.

They come from GeoNames' table of all places with more than 1,000 people (``places_files/``, see NOTICE), which
``scripts/place_names.py`` makes: a line of a blank, a country and a region, then a line for each of its places with its
name, latitude and longitude in thousandths of a degree and, from 100,000 people on, how many thousands live there; tabs
between them.

The outlines of countries are Natural Earth's, which ``scripts/outlines.py`` makes smaller.
"""

from __future__ import annotations

import gzip
import math
from array import array
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.schema.facts import NOWHERE, Place

FILE = Path(__file__).with_name("places_files") / "places.tsv.gz"
OUTLINES = Path(__file__).with_name("places_files") / "outlines.txt"
"""An SVG path in tenths of a degree: longitude to the right, latitude upwards with a minus."""
EARTH_KM = 6371.0
"""Its radius."""
FAR_KM = 50.0
"""Farther from every place a position has no names. There is a place in less than that nearly everywhere where people
live; beyond is the sea or the wilderness, and the nearest country may well be another one than the photo's.
"""
PEOPLE_PER_KM2 = 5_000.0
"""In a large city, about: Berlin and London have as many, Paris four times, Los Angeles two thirds."""

Floats = NDArray[np.float64]


class Places:
    """All places of a file, in the order of their latitudes."""

    def __init__(self, text: str) -> None:
        self._names: list[str] = []
        self._regions: list[tuple[str, str]] = []
        rows = array("i")
        for line in text.split("\n"):
            first, *rest = line.split("\t")
            if first:
                self._names.append(first)
                rows.extend((int(rest[0]), int(rest[1]), int(rest[2]) if rest[2:] else 0, len(self._regions) - 1))
            else:
                self._regions.append((rest[0], rest[1]))
        table = np.asarray(rows).reshape(-1, 4)
        self._order = np.argsort(table[:, 0], kind="stable")
        latitude, longitude, self._people, self._region = table[self._order].T
        self._latitude = latitude / 1000.0
        self._on_earth = on_earth(self._latitude, longitude / 1000.0)

    def nearest(self, latitude: float, longitude: float) -> Place:
        """Names of a position in degrees; none where no place is near. Exact: every place that is near is compared.

        A place of one region that lies within a large city of it, as far as that many people need room, is a part of
        the city: of Seaport on Manhattan the city is New York City.
        """
        degrees = math.degrees(FAR_KM / EARTH_KM)
        near = slice(*np.searchsorted(self._latitude, (latitude - degrees, latitude + degrees)))
        away = self._kilometres(near, latitude, longitude)
        if not away.size or away.min() > FAR_KM:
            return NOWHERE
        best = int(away.argmin())
        people, region = self._people[near], self._region[near]
        around = (region == region[best]) & (away <= np.sqrt(people * 1000.0 / PEOPLE_PER_KM2 / np.pi))
        around[best] = True
        city = int(np.argmax(np.where(around, people, -1)))
        own, around_it = (self._names[self._order[near.start + at]] for at in (best, city))
        country, named = self._regions[region[best]]
        return Place(None if own == around_it else own, around_it, named or None, country)

    def _kilometres(self, near: slice, latitude: float, longitude: float) -> Floats:
        """From some of the places, (n,); in a straight line, which is as good as around the earth for so few."""
        here = on_earth(np.array([latitude]), np.array([longitude]))
        square = 2.0 - 2.0 * (self._on_earth[near] @ here[0])
        apart: Floats = EARTH_KM * np.sqrt(np.maximum(square, 0.0))
        return apart


def on_earth(latitudes: Floats, longitudes: Floats) -> Floats:
    """(n, 3) unit vectors of positions in degrees: so there is no edge at the date line, and none at the poles."""
    north, east = np.radians(latitudes), np.radians(longitudes)
    return np.stack((np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)), axis=1)


def nearest(latitude: float, longitude: float) -> Place:
    """The names of a position in degrees, see ``Places.nearest``. Safe for several threads."""
    return _known().nearest(latitude, longitude)


def outlines() -> str:
    """The outlines of all countries, see ``OUTLINES``: 100 kB."""
    return OUTLINES.read_text(encoding="ascii").strip()


@lru_cache(1)
def _known() -> Places:
    """Read when the first position is asked for: about 20 MB."""
    return Places(gzip.decompress(FILE.read_bytes()).decode("utf-8"))
