"""What one source tells of a photo, before the sources are weighed against each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from src.schema.facts import NOWHERE, PhotoFacts, Place

DateKind = Literal["original", "digitized", "takeout", "created", "day", "modified"]
"""What a date is of: the moment of taking, that of digitising, Google's UTC time of taking, the making of the
file, a day without a time, the last change of the file."""
DATE_KINDS: tuple[DateKind, ...] = ("original", "digitized", "takeout", "day", "created", "modified")
"""The most trusted first."""


@dataclass(frozen=True)
class Dated:
    """One date that a source gives."""

    kind: DateKind
    moment: str
    """ISO 8601 text without a zone."""
    offset: str | None = None
    """Such as ``+02:00``; None where the source does not say."""


@dataclass(frozen=True)
class Told(PhotoFacts):
    """All that one source tells: of the facts, those that it knows, and what the time of taking is found by."""

    dates: tuple[Dated, ...] = ()
    named: Place = NOWHERE
    """The place's names, in the words of who wrote them."""
    satellites_at: datetime | None = None
    """The moment by the satellites, in UTC, without a zone."""


NOTHING = Told()
"""What a source tells that is absent or can't be read."""
