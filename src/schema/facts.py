"""What is known of a photo beside its pixels: facts that its file tells, and measures of how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FactSource = Literal["exif", "xmp", "iptc", "sidecar", "takeout", "place"]
"""Where a fact is from: the file's EXIF, XMP packet or IPTC block, an ``.xmp`` beside it, Google Takeout's JSON, the
table of places by the position.
"""


@dataclass(frozen=True)
class Place:
    """The names of a place; None for what is not known or does not apply."""

    part: str | None = None
    """Of the city, or what else is smaller than it."""
    city: str | None = None
    region: str | None = None
    """A state, province or county."""
    country: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Each once, the smallest first."""
        return tuple(dict.fromkeys(filter(None, (self.part, self.city, self.region, self.country))))


NOWHERE = Place()


@dataclass(frozen=True)
class PhotoFacts:
    """The facts of one photo.

    None, or no keyword at all, where nothing tells; what makes no sense counts as not told.
    """

    width: int | None = None
    """In pixels, as the picture is stored: before ``orientation`` turns it (HEIF, AVIF: as it is shown)."""
    height: int | None = None
    format: str | None = None
    """JPEG, PNG, WEBP, GIF, BMP, TIFF, HEIF, AVIF or RAW."""
    orientation: int | None = None
    """EXIF's, 1 to 8: how the stored picture is to be turned. HEIF and AVIF are turned otherwise: only told there."""
    taken_at: str | None = None
    """``YYYY-MM-DDTHH:MM:SS`` by the camera's clock, never with a zone."""
    offset: str | None = None
    """That clock's offset from UTC, such as ``+02:00``; None where nothing tells it: none is assumed."""
    camera_make: str | None = None
    camera_model: str | None = None
    lens: str | None = None
    focal_length: float | None = None
    """In millimetres, as the lens has it (not recalculated for 35 mm film)."""
    aperture: float | None = None
    """The f-number: 2.8 for f/2.8."""
    exposure: float | None = None
    """In seconds."""
    iso: int | None = None
    flash: bool | None = None
    """Whether the flash fired."""
    latitude: float | None = None
    """In degrees, -90 to 90, north is positive. Longitude is there wherever latitude is."""
    longitude: float | None = None
    """In degrees, -180 to 180, east is positive."""
    altitude: float | None = None
    """In metres above sea level."""
    place: tuple[str, ...] = ()
    """Names of the place: a part of a city, the city, its region, its country, as far as they are known."""
    title: str | None = None
    caption: str | None = None
    """May have several lines."""
    keywords: tuple[str, ...] = ()
    rating: int | None = None
    """0 to 5 stars; -1 for a photo that was rejected."""
    software: str | None = None
    """What wrote the file: the camera's firmware, or an editor."""
    sources: tuple[FactSource, ...] = ()
    """All that told something, whether or not another one was believed more."""


@dataclass(frozen=True)
class PictureMeasures:
    """How a picture looks, measured on a small copy of it."""

    sharpness: float
    """Variance of the Laplacian of the brightness (0 to 1), times 10,000: under 10 blurred or empty, over 100 crisp."""
    brightness: float
    """Mean brightness, 0 (black) to 1 (white)."""
    shadows: float
    """Share of pixels that are black or nearly so, 0 to 1."""
    highlights: float
    """Share of pixels that are white or nearly so, 0 to 1."""
    colours: tuple[str, ...]
    """The colours that cover most of it, as ``#rrggbb``, the one that covers most first; one to five."""
