"""What the properties of XMP mean for a photo, in its packet and in a sidecar."""

from __future__ import annotations

import re

from src.processing.facts import values
from src.processing.facts.told import NOTHING, Dated, Told
from src.processing.facts.xmp import Properties, properties

_COORDINATE = re.compile(
    r"\s*(\d{1,3}),(\d{1,2}(?:\.\d{1,15})?)(?:,(\d{1,2}(?:\.\d{1,15})?))?\s*([NSEW])\s*",
    re.ASCII | re.IGNORECASE,
)
_DECIMAL = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d{1,17})?)\s*([NSEW]?)\s*", re.ASCII | re.IGNORECASE)


def in_xmp(packet: bytes) -> Told:
    """What an XMP packet or sidecar tells; nothing where it is nonsense."""
    found = properties(packet) if packet else {}
    return _told(found) if found else NOTHING


def _told(found: Properties) -> Told:
    latitude, longitude = values.place(
        _degrees(one(found, "exif:GPSLatitude")), _degrees(one(found, "exif:GPSLongitude"))
    )
    return Told(
        orientation=values.orientation(one(found, "tiff:Orientation")),
        camera_make=values.name(one(found, "tiff:Make")),
        camera_model=values.name(one(found, "tiff:Model")),
        lens=values.name(one(found, "exifEX:LensModel")) or values.name(one(found, "aux:Lens")),
        focal_length=values.focal_length(one(found, "exif:FocalLength")),
        aperture=values.aperture(one(found, "exif:FNumber"), one(found, "exif:ApertureValue")),
        exposure=values.exposure(one(found, "exif:ExposureTime"), one(found, "exif:ShutterSpeedValue")),
        iso=values.iso(one(found, "exif:ISOSpeedRatings"), one(found, "exifEX:PhotographicSensitivity")),
        flash={"true": True, "false": False}.get((one(found, "exif:Flash/exif:Fired") or "").lower()),
        latitude=latitude,
        longitude=longitude,
        altitude=values.altitude(one(found, "exif:GPSAltitude"), one(found, "exif:GPSAltitudeRef") == "1"),
        title=values.line(one(found, "dc:title")),
        caption=values.caption(one(found, "dc:description")),
        keywords=_keywords(found),
        rating=values.rating(one(found, "xmp:Rating"), one(found, "MicrosoftPhoto:Rating")),
        software=values.name(one(found, "tiff:Software")) or values.name(one(found, "xmp:CreatorTool")),
        dates=_dates(found),
    )


def one(found: Properties, name: str) -> str | None:
    """A property's text, the first one of a list."""
    value = found.get(name)
    return value if isinstance(value, str) or value is None else next(iter(value), None)


def _all(found: Properties, name: str) -> list[str]:
    value = found.get(name, [])
    return [value] if isinstance(value, str) else value


def _keywords(found: Properties) -> tuple[str, ...]:
    """Plain keywords, then the last steps of those in a tree that are not among the plain ones as a whole."""
    plain = [word.casefold() for word in _all(found, "dc:subject")]
    trees = [path for path in _all(found, "lr:hierarchicalSubject") if path.replace("|", "/").casefold() not in plain]
    steps = [path.rpartition("|")[2] for path in trees]
    steps += [path.rpartition("/")[2] for path in _all(found, "digiKam:TagsList")]
    return values.keywords([*_all(found, "dc:subject"), *steps])


def _dates(found: Properties) -> tuple[Dated, ...]:
    """photoshop:DateCreated is when what is in the picture was made: the moment of taking, for a photo."""
    zone = one(found, "exif:OffsetTimeOriginal") or one(found, "exifEX:OffsetTimeOriginal")
    return (
        *values.dated("original", one(found, "exif:DateTimeOriginal"), zone),
        *values.dated("original", one(found, "photoshop:DateCreated")),
        *values.dated("digitized", one(found, "exif:DateTimeDigitized")),
        *values.dated("created", one(found, "xmp:CreateDate")),
    )


def _degrees(text: str | None) -> float | None:
    """Degrees from ``53,7.95N`` (degrees, minutes), ``53,7,57N`` or ``53.1325``; south and west below 0."""
    if not text:
        return None
    found = _COORDINATE.fullmatch(text[:64])
    if found:
        degrees = float(found[1]) + float(found[2]) / 60 + float(found[3] or 0) / 3600
        return -degrees if found[4].upper() in "SW" else degrees
    plain = _DECIMAL.fullmatch(text[:64])
    if not plain:
        return None
    return -abs(float(plain[1])) if plain[2] and plain[2].upper() in "SW" else float(plain[1])
