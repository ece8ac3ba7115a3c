"""Objects among the results: the best object of each image, and which of it and the whole image is the hit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from src.database.nearest.exact import Match

CANDIDATES = 100
"""Objects asked for at least: several of the best may be in one image."""
PREFERENCE = 0.02
"""A whole image is the hit where its score is no further than this below that of the best object in it."""


@dataclass(frozen=True)
class Found:
    """A result before its facts are known. ``segment``: the object that was found, None for the whole image."""

    image_id: str
    score: float
    segment: str | None = None


def wholes(matches: Sequence[Match]) -> list[Found]:
    return [Found(image_id, score) for image_id, score in matches]


def best_objects(objects: Sequence[Found]) -> list[Found]:
    """The best object of each image, best first; ``objects`` come best first."""
    best: dict[str, Found] = {}
    for found in objects:
        best.setdefault(found.image_id, found)
    return list(best.values())


def enough_objects(ask: Callable[[int], list[list[Found]]], total: int, limit: int) -> list[list[Found]]:
    """For each query the best objects of at least ``limit`` images, as far as there are so many.

    ask: the so many nearest objects for every query. total: objects that there are.
    """
    asked = max(CANDIDATES, 2 * limit)
    while True:
        found = [best_objects(objects) for objects in ask(min(asked, total))]
        if asked >= total or all(len(best) >= limit for best in found):
            return [best[:limit] for best in found]
        asked *= 4


def merged(images: Sequence[Found], objects: Sequence[Found], whole_score: Mapping[str, float]) -> list[Found]:
    """Each image once, best first. ``whole_score`` has the score of every image that an object was found in."""
    hits = {found.image_id: found for found in images}
    for found in objects:
        whole = whole_score.get(found.image_id, -1.0)
        near = whole >= found.score - PREFERENCE
        hits[found.image_id] = Found(found.image_id, whole) if near else found
    return sorted(hits.values(), key=lambda hit: -hit.score)
