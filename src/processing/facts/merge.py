"""One set of facts from what a photo's sources tell: of each fact, what the source that knows best says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from src.processing import places
from src.processing.facts import values
from src.processing.facts.told import DATE_KINDS, NOTHING, Dated, Told
from src.schema.facts import FactSource, PhotoFacts, Place
from src.schema.fields import FIELDS

_SHOT = tuple(field.name for field in FIELDS if field.known_by == "camera")
"""What the camera knows best: EXIF goes before all others."""
_SAID = tuple(field.name for field in FIELDS if field.known_by == "people")
"""What people say of a photo: what was written last, and by programs made for it, goes first."""
_LEVELS = tuple(level.name for level in fields(Place))
_REAL_OFFSETS = {*range(-720, 841, 60), -570, -210, 210, 270, 330, 345, 390, 525, 570, 630, 765}
"""Minutes from UTC that clocks on earth show."""
_STEP = 15


@dataclass(frozen=True)
class Sources:
    """What each source of one photo tells."""

    exif: Told = NOTHING
    xmp: Told = NOTHING
    iptc: Told = NOTHING
    sidecars: tuple[Told, ...] = ()
    """The one that is believed first comes first."""
    takeout: Told = NOTHING

    @property
    def all(self) -> tuple[Told, ...]:
        """All of them, in the order in which they are believed about what was photographed, and when."""
        return (*self.sidecars, self.exif, self.xmp, self.iptc, self.takeout)


def merged(facts: PhotoFacts, sources: Sources) -> PhotoFacts:
    """``facts`` (size and format) with all that the sources tell."""
    shot = (sources.exif, sources.xmp, *sources.sidecars)
    said = (*sources.sidecars, sources.xmp, sources.iptc, sources.exif, sources.takeout)
    found: dict[str, Any] = {name: _first(shot, name) for name in _SHOT}
    found |= {name: _first(said, name) for name in _SAID}
    place = next((told for told in sources.all if told.latitude is not None), NOTHING)
    altitude = place.altitude if place is not NOTHING else _first(sources.all, "altitude")
    taken_at, offset = _taken(sources)
    written = _written(said)
    names = _named_place(written, place.latitude, place.longitude)
    return replace(
        facts,
        **found,
        latitude=place.latitude,
        longitude=place.longitude,
        altitude=altitude,
        place=names.names,
        keywords=values.keywords(word for told in said for word in told.keywords),
        taken_at=taken_at,
        offset=offset,
        sources=(*_named(sources), *(("place",) if names != written else ())),
    )


def _written(tolds: Sequence[Told]) -> Place:
    """The names that people wrote, each by the first who did."""
    return Place(*(_first((told.named for told in tolds), level) for level in _LEVELS))


def _named_place(written: Place, latitude: float | None, longitude: float | None) -> Place:
    """What is not written is called as the table of places has it. Of a city that is written it knows no parts."""
    if latitude is None or longitude is None:
        return written
    known = places.nearest(latitude, longitude)
    known = replace(known, part=None) if written.city else known
    return Place(*(getattr(written, level) or getattr(known, level) for level in _LEVELS))


def _first(tolds: Iterable[Told | Place], name: str) -> Any:
    return next((value for told in tolds if (value := getattr(told, name)) is not None), None)


def _named(sources: Sources) -> tuple[FactSource, ...]:
    """The sources that tell anything."""
    named: tuple[tuple[FactSource, Sequence[Told]], ...] = (
        ("exif", (sources.exif,)),
        ("xmp", (sources.xmp,)),
        ("iptc", (sources.iptc,)),
        ("sidecar", sources.sidecars),
        ("takeout", (sources.takeout,)),
    )
    return tuple(name for name, tolds in named if any(told != NOTHING for told in tolds))


def _taken(sources: Sources) -> tuple[str | None, str | None]:
    """When the photo was taken by its camera's clock, and that clock's offset from UTC where it is known.

    A date of a better kind goes before one of a better source. The offset is that of the date itself, else
    that which another source gives the same moment, else what the satellites' time makes it. Google's UTC
    tells none, since it was made from the same clock.
    """
    every = [dated for told in sources.all for dated in told.dates]
    chosen = next((dated for kind in DATE_KINDS for dated in every if dated.kind == kind), None)
    if chosen is None:
        return None, None
    timed = (dated for dated in every if dated.kind not in ("takeout", "day"))
    same = (dated.offset for dated in timed if dated.moment == chosen.moment)
    offset = chosen.offset or next(filter(None, same), None) if chosen.kind != "day" else None
    return chosen.moment, offset or _by_satellites(chosen, sources.exif.satellites_at)


def _by_satellites(chosen: Dated, satellites_at: datetime | None) -> str | None:
    """The offset of a clock that shows this while it is that time in UTC; None where none on earth does."""
    if satellites_at is None or chosen.kind not in ("original", "digitized"):
        return None
    minutes = (datetime.fromisoformat(chosen.moment) - satellites_at).total_seconds() / 60
    rounded = round(minutes / _STEP) * _STEP
    return values.offset_of(rounded) if rounded in _REAL_OFFSETS else None
