"""Facts of real files against those that exiftool read of them; every difference is explained here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from src.errors import UnreadableImage
from src.processing.facts.merge import Sources, merged
from src.processing.facts.reader import FactsReader
from src.processing.facts.takeout import in_takeout
from src.processing.facts.xmp_told import in_xmp
from src.schema.facts import PhotoFacts

FORMATS = {
    "JPEG": "JPEG",
    "HEIC": "HEIF",
    "HEIF": "HEIF",
    "AVIF": "AVIF",
    "Extended WEBP": "WEBP",
    "TIFF": "TIFF",
    **dict.fromkeys(("CR2", "CR3", "RAF", "DNG", "NEF"), "RAW"),
}
NAMES = {
    "width": ("ImageWidth", "RIFF:ImageWidth", "EXIF:ImageWidth"),
    "height": ("ImageHeight", "RIFF:ImageHeight", "EXIF:ImageHeight"),
    "orientation": ("EXIF:Orientation", "XMP:Orientation"),
    "camera_make": ("EXIF:Make", "XMP:Make"),
    "camera_model": ("EXIF:Model", "XMP:Model"),
    "lens": ("EXIF:LensModel", "XMP:LensModel"),
    "focal_length": ("EXIF:FocalLength", "XMP:FocalLength"),
    "aperture": ("EXIF:FNumber", "XMP:FNumber"),
    "iso": ("EXIF:ISO", "XMP:ISO"),
    "latitude": ("GPSLatitude",),
    "longitude": ("GPSLongitude",),
    "altitude": ("GPSAltitude", "EXIF:GPSAltitude"),
    "title": ("XMP:Title", "IPTC:ObjectName"),
    "caption": ("XMP:Description", "IPTC:Caption-Abstract", "EXIF:ImageDescription"),
    "rating": ("XMP:Rating", "EXIF:Rating"),
}
DATES = (
    *("EXIF:DateTimeOriginal", "XMP:DateTimeOriginal", "XMP:DateCreated", "IPTC:DateCreated"),
    *("EXIF:CreateDate", "XMP:CreateDate"),
)
NOT_READ = {"jxl/8bit-sRGB.jxl", "tiff_psd_cmyk/10x12x16bit-CMYK.psd"}
"""JPEG XL and Photoshop's own format are no formats of this program: it refuses them as pictures too."""
PREVIEW = "A CR2's first picture is its preview; the photo is as large as EXIF's own fields say."
TAKEOUT = "Google's JSON beside it knows when it was taken; its XMP only when the file was made."
ZERO = "The camera wrote 0, which is no value of this kind, for what it did not know."
EXPLAINED = {
    ("raw/CanonRaw.cr2", "width"): PREVIEW,
    ("raw/CanonRaw.cr2", "height"): PREVIEW,
    ("sidecars/2015-02-04.jpg", "taken_at"): TAKEOUT,
    ("sidecars/2015-02-04.jpg", "offset"): TAKEOUT,
    ("tags/FujiFilm FinePixS1Pro (1).jpg", "focal_length"): ZERO,
    ("tags/FujiFilm FinePixS1Pro (1).jpg", "iso"): ZERO,
    ("tags/FujiFilm FinePixS1Pro (3).jpg", "iso"): ZERO,
}
"""File and field -> why it is not what was recorded."""

Difference = tuple[str, str, Any, Any]
"""File, field, what was recorded, what was read."""


def recorded(folder: Path) -> list[dict[str, Any]]:
    if not (folder / "facts.jsonl").is_file():
        pytest.skip(f"there is no {folder.name}/facts.jsonl in the folder that MFE_TEST_DATA names")
    return [json.loads(line) for line in (folder / "facts.jsonl").read_text().splitlines()]


def expected(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Field and value for all that was recorded of one file."""
    for name, keys in NAMES.items():
        found = next((told[key] for key in keys if not blank(told.get(key))), None)
        if found is not None:
            yield name, found
    if "FileType" in told and told["FileType"] in FORMATS:
        yield "format", FORMATS[told["FileType"]]
    yield from moments(told)
    words = [*listed(told.get("XMP:Subject", [])), *listed(told.get("IPTC:Keywords", []))]
    if words:
        yield "keywords", sorted({str(word) for word in words})


def blank(value: Any) -> bool:
    """Nothing was recorded, or what stands for nothing: blanks, and exiftool's word for x / 0."""
    return value is None or (isinstance(value, str) and value.strip() in ("", "undef"))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def moments(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    date = next((told[key] for key in DATES if told.get(key)), None)
    if not date:
        return
    wall = date[:10].replace(":", "-") + "T" + (date[11:19] or "00:00:00")
    yield "taken_at", wall + (":00" if len(wall) == 16 else "")
    same = [told[key] for key in DATES if told.get(key, "").startswith(date[:19])]
    zones = [each[-6:] for each in same if each[-6:-5] in ("+", "-")]
    zone = told.get("EXIF:OffsetTimeOriginal") or next(iter(zones), None)
    if zone:
        yield "offset", zone


def differs(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, str) and isinstance(got, str):
        return wanted.strip() != got
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return not math.isclose(wanted, got, rel_tol=1e-6, abs_tol=1e-6)
    return wanted != (sorted(got) if isinstance(got, tuple) else got)


def compared(file: str, wanted: Iterable[tuple[str, Any]], facts: PhotoFacts) -> tuple[int, list[Difference]]:
    """The number of fields that were recorded, and those that differ: file, field, recorded, read."""
    pairs = list(wanted)
    read = [(file, name, want, getattr(facts, name)) for name, want in pairs]
    found = [each for each in read if differs(*each[2:])]
    return len(pairs), found


def camera_files(folder: Path) -> Iterator[tuple[str, int, list[Difference]]]:
    reader = FactsReader()
    for row in recorded(folder):
        file = row["file"]
        if file.endswith((".json", ".AAE")) or file in NOT_READ:
            continue
        if file.endswith(".xmp"):
            facts = merged(PhotoFacts(), Sources(sidecars=(in_xmp((folder / file).read_bytes()),)))
            told = dict(expected(row["facts"]))
            wanted = [(name, told[name]) for name in told if name not in ("width", "height")]
        else:
            facts, wanted = reader.read(folder / file), list(expected(row["facts"]))
        yield file, *compared(file, wanted, facts)


def test_camera_files_tell_what_was_recorded_of_them(test_data: Path) -> None:
    """Each difference is in the list with its reason, and each reason in the list is needed."""
    found = list(camera_files(test_data / "camera"))
    differences = {(file, name): (want, got) for _, _, each in found for file, name, want, got in each}
    assert {key: each for key, each in differences.items() if key not in EXPLAINED} == {}
    assert set(EXPLAINED) - set(differences) == set()
    assert sum(number for _, number, _ in found) > 400


def test_what_is_no_format_of_ours_is_refused_in_a_sentence(test_data: Path) -> None:
    recorded(test_data / "camera")
    for file in sorted(NOT_READ):
        with pytest.raises(UnreadableImage, match="not a picture in a format"):
            FactsReader().read(test_data / "camera" / file)


def test_takeouts_own_files_tell_place_words_and_the_moment_in_utc(test_data: Path) -> None:
    recorded(test_data / "camera")
    folder = test_data / "camera" / "sidecars"
    files = [folder / f"gphotos-{name}.json" for name in ("1", "2", "album")]
    first, second, album = (in_takeout(file.read_bytes()) for file in files)
    assert (first.caption, first.latitude, first.longitude) == ("hdrpl", 52.50852222, 13.44320556)
    assert (first.dates[0].moment, first.dates[0].offset) == ("2015-12-06T16:18:30", "+00:00")
    assert (second.caption, second.latitude, second.longitude) == (
        "A photo description",
        52.5107943,
        13.4563869,
    )
    assert second.altitude is None  # what the person set has 0 m, which Google writes for none
    assert (album.caption, album.latitude, album.dates) == (None, None, ())


def test_library_photos_tell_what_was_recorded_of_them(test_data: Path) -> None:
    """Titles and tags were recorded from the photographer's website; none of the files holds one."""
    reader, folder = FactsReader(), test_data / "library"
    rows = recorded(folder)
    names = {
        "date_taken": "taken_at",
        "lat": "latitude",
        "lon": "longitude",
        "make": "camera_make",
        "model": "camera_model",
    }
    for row in rows:
        facts = reader.read(folder / row["file"])
        assert [facts.width, facts.height] == row["size"]
        wanted = {name: row[key] for key, name in names.items() if key in row}
        if "taken_at" in wanted:
            wanted["taken_at"] = wanted["taken_at"][:10].replace(":", "-") + "T" + wanted["taken_at"][11:]
        for name, want in wanted.items():
            got = getattr(facts, name)
            equal = math.isclose(want, got, abs_tol=2e-5) if isinstance(want, float) else want == got
            assert equal, (row["file"], name, want, got)
        assert (facts.title, facts.caption, facts.keywords) == (None, None, ())
        if "date_taken" not in row:
            assert (facts.taken_at, facts.camera_model, facts.latitude) == (None, None, None), row["file"]
    assert len(rows) == 227
