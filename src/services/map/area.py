"""A part of a map, as a page and its address name it: the corners of what was drawn around photos, or a colour."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from src.errors import BadInput
from src.schema import FloatArray
from src.services.map.colouring import BY

MOST_CORNERS = 400
_CORNER = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,6})?,-?[0-9]{1,3}(\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Polygon:
    """corners: (k, 2), three at least."""

    corners: FloatArray


@dataclass(frozen=True)
class Colour:
    """All photos of one value of what the points are coloured by, as ``cluster=dog, beach``."""

    by: str
    name: str


def read(text: str) -> Polygon | Colour:
    """``x,y x,y x,y ...`` or ``by=name``. Raises BadInput."""
    by, is_colour, name = text.partition("=")
    if is_colour and by in BY and name:
        return Colour(by, name)
    corners = text.split()
    if 3 <= len(corners) <= MOST_CORNERS and all(map(_CORNER.fullmatch, corners)):
        return Polygon(np.array([corner.split(",") for corner in corners], np.float32))
    raise BadInput("This is no part of the map.", "Draw around some photos, or choose a colour.")
