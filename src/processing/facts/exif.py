"""EXIF: what a camera wrote into its file, and Windows' own tags beside it."""

from __future__ import annotations

from PIL.ExifTags import GPS, IFD, Base

from src.processing.facts import values
from src.processing.facts.tiff import Tiff, Values, in_block
from src.processing.facts.told import NOTHING, Dated, Told

_RATING, _RATING_PERCENT, _DIP_KEYWORDS = 18246, 18249, 18247
_TITLE, _COMMENT, _KEYWORDS = int(Base.XPTitle), int(Base.XPComment), int(Base.XPKeywords)
_DATES = (Base.DateTimeOriginal, Base.DateTimeDigitized)
_ZONES = (Base.OffsetTimeOriginal, Base.OffsetTimeDigitized, Base.OffsetTime)
_SPEEDS = (int(Base.ISOSpeedRatings), int(Base.RecommendedExposureIndex), int(Base.ISOSpeed))
_LENGTHS = (Base.ExifImageWidth, Base.ExifImageHeight)
_SETTINGS = (
    *(
        Base.FNumber,
        Base.ApertureValue,
        Base.ExposureTime,
        Base.ShutterSpeedValue,
        Base.FocalLength,
        Base.Flash,
        Base.LensModel,
    ),
    *(Base.ISOSpeedRatings, Base.RecommendedExposureIndex, Base.ISOSpeed),
)
_SHOT = frozenset(map(int, (*_DATES, *_ZONES, *_SETTINGS, *_LENGTHS)))
_WORDS = (_RATING, _RATING_PERCENT, _DIP_KEYWORDS, _TITLE, _COMMENT, _KEYWORDS)
_FILE = (
    Base.Make,
    Base.Model,
    Base.Orientation,
    Base.Software,
    Base.DateTime,
    Base.ImageDescription,
    IFD.Exif,
    IFD.GPSInfo,
)
MAIN_TAGS = _SHOT | frozenset(map(int, (*_FILE, *_WORDS)))
"""Of the main directory. TIFF/EP, and raw files with it, has there what others have in EXIF's own."""
_PLACE = (
    GPS.GPSLatitudeRef,
    GPS.GPSLatitude,
    GPS.GPSLongitudeRef,
    GPS.GPSLongitude,
    GPS.GPSAltitudeRef,
    GPS.GPSAltitude,
)
_PLACE_TAGS = frozenset(map(int, (*_PLACE, GPS.GPSTimeStamp, GPS.GPSDateStamp)))
_NO_FLASH = 0x20
"""A bit of EXIF's flash: the camera has none."""


def in_exif(block: bytes) -> Told:
    """What an EXIF block tells, as JPEG, PNG, WebP and HEIF hold one; nothing where it is nonsense."""
    return told_by(in_block(block)) if block else NOTHING


def told_by(tiff: Tiff, main: Values | None = None) -> Told:
    """What a TIFF's tags tell. main: those of its main directory, where they were read already."""
    main = tiff.read(tiff.first, MAIN_TAGS) if main is None else main
    shot = tiff.read(main.get(IFD.Exif), _SHOT)
    return of_tags(main | shot, tiff.read(main.get(IFD.GPSInfo), _PLACE_TAGS))


def of_blocks(main: bytes, shot: bytes, place: bytes) -> Told:
    """The same of Canon's raw files, which keep each directory as a TIFF of its own."""
    first, second, third = in_block(main), in_block(shot), in_block(place)
    tags = first.read(first.first, MAIN_TAGS) | second.read(second.first, _SHOT)
    return of_tags(tags, third.read(third.first, _PLACE_TAGS))


def size_in(tiff: Tiff, main: Values) -> tuple[int | None, int | None]:
    """Width and height in pixels that EXIF's own directory gives."""
    shot = tiff.read(main.get(IFD.Exif), frozenset(map(int, _LENGTHS)))
    return side(shot.get(Base.ExifImageWidth)), side(shot.get(Base.ExifImageHeight))


def side(value: object) -> int | None:
    """A picture's width or height in pixels."""
    return values.whole(value, 1, 1 << 30)


def of_tags(tags: Values, gps: Values) -> Told:
    """What the tags tell. gps: those of the directory of places."""
    latitude, longitude = _place(gps)
    return Told(
        orientation=values.orientation(tags.get(Base.Orientation)),
        camera_make=values.name(text(tags.get(Base.Make))),
        camera_model=values.name(text(tags.get(Base.Model))),
        lens=values.name(text(tags.get(Base.LensModel))),
        focal_length=values.focal_length(tags.get(Base.FocalLength)),
        aperture=values.aperture(tags.get(Base.FNumber), tags.get(Base.ApertureValue)),
        exposure=values.exposure(tags.get(Base.ExposureTime), tags.get(Base.ShutterSpeedValue)),
        iso=values.iso(*map(tags.get, _SPEEDS)),
        flash=_fired(tags.get(Base.Flash)),
        latitude=latitude,
        longitude=longitude,
        altitude=values.altitude(gps.get(GPS.GPSAltitude), gps.get(GPS.GPSAltitudeRef) in (1, b"\1")),
        title=values.line(wide_text(tags.get(_TITLE))),
        caption=_caption(tags),
        keywords=_keywords(tags),
        rating=values.rating(tags.get(_RATING), tags.get(_RATING_PERCENT)),
        software=values.name(text(tags.get(Base.Software))),
        dates=_dates(tags),
        satellites_at=values.moment_of_satellites(text(gps.get(GPS.GPSDateStamp)), gps.get(GPS.GPSTimeStamp)),
    )


def text(value: object) -> str | None:
    """EXIF's text, which ends at its first NUL.

    None where its bytes are no UTF-8, of which ASCII is a part.
    """
    try:
        return value.split(b"\0", 1)[0].decode("utf-8") if isinstance(value, bytes) else None
    except UnicodeDecodeError:
        return None


def wide_text(value: object) -> str | None:
    """The same in Windows' own tags, which are UTF-16."""
    try:
        return value.decode("utf-16-le") if isinstance(value, bytes) else None
    except UnicodeDecodeError:
        return None


def _caption(tags: Values) -> str | None:
    described = values.caption(text(tags.get(Base.ImageDescription)))
    return described or values.caption(wide_text(tags.get(_COMMENT)))


def _keywords(tags: Values) -> tuple[str, ...]:
    old = tags.get(_DIP_KEYWORDS)
    texts = (
        text(old) if isinstance(old, bytes) and b"\0" not in old.rstrip(b"\0") else wide_text(old),
        wide_text(tags.get(_KEYWORDS)),
    )
    return values.keywords(word for found in texts if found for word in found.split("\0", 1)[0].split(";"))


def _dates(tags: Values) -> tuple[Dated, ...]:
    """OffsetTime belongs to the last change, and stands for the other two only where neither is there."""
    original, digitized, changed = (values.offset(text(tags.get(zone))) for zone in _ZONES)
    return (
        *values.dated("original", text(tags.get(Base.DateTimeOriginal)), original or digitized or changed),
        *values.dated("digitized", text(tags.get(Base.DateTimeDigitized)), digitized or original or changed),
        *values.dated("modified", text(tags.get(Base.DateTime)), changed),
    )


def _fired(value: object) -> bool | None:
    found = values.whole(value, 0, 0xFF)
    return None if found is None else bool(found & 1) and not found & _NO_FLASH


def _place(gps: Values) -> tuple[float | None, float | None]:
    latitude = _degrees(gps.get(GPS.GPSLatitude), text(gps.get(GPS.GPSLatitudeRef)), "NS")
    longitude = _degrees(gps.get(GPS.GPSLongitude), text(gps.get(GPS.GPSLongitudeRef)), "EW")
    return values.place(latitude, longitude)


def _degrees(parts: object, half: str | None, halves: str) -> float | None:
    """Degrees, minutes and seconds as degrees; minutes and seconds without a value are none.

    None without a letter for the half of the earth: half of the guesses would be wrong.
    """
    side = (half or "").strip()[:1].upper()
    given = parts if isinstance(parts, list) and parts else [parts]
    filled = [given[0], *(part or 0 for part in given[1:])]
    read = [values.number(part, 0, most) for part, most in zip(filled, (180, 60, 60), strict=False)]
    if not side or side not in halves or None in read:
        return None
    whole = sum((part or 0.0) / scale for part, scale in zip(read, (1, 60, 3600), strict=False))
    return -whole if side == halves[1] else whole
