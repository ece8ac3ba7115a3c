"""The shapes of answers about spaces of vectors."""

from __future__ import annotations

from src.api.shapes import Answer


class Space(Answer):
    """Vectors of photos that are compared with one another. imported: they were made elsewhere."""

    name: str
    dimensions: int
    photos: int
    imported: bool
    active: bool


class Spaces(Answer):
    spaces: list[Space]


class Removed(Answer):
    removed: int
