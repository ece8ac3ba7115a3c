"""Photos of one moment: a series, and the raw and the finished picture of one release of the shutter."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

APART_S = 30.0
"""Seconds from one photo of a series to the next at most."""
RELEASE_S = 2.0
"""Seconds between the times that the files of one release of the shutter tell, at most."""
ALIKE, MOST_ALIKE = 0.8, 0.9
"""Cosine of two photos of a series at least; a library whose photos are alike anyway asks for more, up to the second.
"""
AHEAD = 20
"""Of the photos that follow one within that time, so many are compared with it."""


@dataclass(frozen=True)
class Moment:
    """When and by what a photo was taken. ``path`` is one of its files'; ``taken_at`` ISO 8601 or empty."""

    image_id: str
    path: bytes
    format: str
    camera: str
    taken_at: str


def of_one_release(moments: Sequence[Moment]) -> list[tuple[str, str]]:
    """Pairs of photos in one folder whose files differ in their ending alone, in different formats, such as IMG_1.CR2
    and IMG_1.JPG, and that were taken at one time as far as they tell.
    """
    by_stem: dict[bytes, list[Moment]] = {}
    for moment in moments:
        by_stem.setdefault(os.path.splitext(moment.path)[0].lower(), []).append(moment)
    return [
        (one.image_id, other.image_id)
        for same in by_stem.values()
        for number, one in enumerate(same)
        for other in same[:number]
        if one.format != other.format and one.image_id != other.image_id and _together(one, other)
    ]


def of_one_series(moments: Sequence[Moment]) -> Iterator[tuple[str, str]]:
    """Pairs of photos that one camera took within APART_S of each other: whether they are alike is for their vectors to
    tell.
    """
    by_camera: dict[str, list[tuple[datetime, str]]] = {}
    for moment in moments:
        taken = _time(moment.taken_at)
        if moment.camera and taken:
            by_camera.setdefault(moment.camera, []).append((taken, moment.image_id))
    for taken_by in by_camera.values():
        taken_by.sort()
        for number, (time, image_id) in enumerate(taken_by):
            for later, other in taken_by[number + 1 : number + 1 + AHEAD]:
                if (later - time).total_seconds() > APART_S:
                    break
                yield image_id, other


def _together(one: Moment, other: Moment) -> bool:
    times = _time(one.taken_at), _time(other.taken_at)
    if times[0] is None or times[1] is None:
        return True
    return abs((times[0] - times[1]).total_seconds()) <= RELEASE_S


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except (TypeError, ValueError):
        return None
