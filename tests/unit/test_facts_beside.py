"""What lies beside a photo: XMP sidecars of both namings, and Google Takeout's JSON under its many names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from src.processing.facts.beside import Beside
from src.processing.facts.reader import FactsReader
from src.processing.facts.takeout import Names, in_takeout
from src.processing.facts.told import NOTHING
from src.schema.facts import PhotoFacts
from tests.unit.test_facts import exif, jpeg, xmp

TAKEN = {"photoTakenTime": {"timestamp": "1423073935"}}


def read(path: Path) -> PhotoFacts:
    return FactsReader().read(path)


def takeout(**said: Any) -> bytes:
    return json.dumps(TAKEN | said).encode()


def test_both_names_of_sidecars_are_read_and_the_full_one_wins(tmp_path: Path) -> None:
    photo = jpeg(tmp_path / "IMG_1.jpg", xmp=xmp("", 'xmp:Rating="1" dc:title="inside" dc:description="inside"'))
    (tmp_path / "IMG_1.XMP").write_bytes(xmp("", 'xmp:Rating="2" dc:title="stem"'))
    (tmp_path / "IMG_1.jpg.xmp").write_bytes(xmp("", 'xmp:Rating="3"'))
    (tmp_path / "IMG_2.jpg.xmp").write_bytes(xmp("", 'xmp:Rating="5"'))
    facts = read(photo)
    assert (facts.rating, facts.title, facts.caption) == (3, "stem", "inside")
    assert facts.sources == ("xmp", "sidecar")


def test_a_sidecar_moves_a_photo_in_place_and_time_and_leaves_the_camera_alone(tmp_path: Path) -> None:
    made = exif(
        {271: "Canon"},
        {36867: "2020:05:04 18:39:11", 36881: "+02:00"},
        {1: "N", 2: (1.0, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0), 6: 5.0},
    )
    photo = jpeg(tmp_path / "a.jpg", exif=made)
    moved = 'exif:DateTimeOriginal="2020-05-05T10:00:00" tiff:Make="X" '
    moved += 'exif:GPSLatitude="10,30N" exif:GPSLongitude="20,0E"'
    (tmp_path / "a.jpg.xmp").write_bytes(xmp("", moved))
    facts = read(photo)
    assert (facts.taken_at, facts.offset) == ("2020-05-05T10:00:00", None)
    assert (facts.latitude, facts.longitude, facts.altitude) == (10.5, 20.0, None)
    assert facts.camera_make == "Canon"


def test_a_sidecar_in_utf_16_is_read(tmp_path: Path) -> None:
    photo = jpeg(tmp_path / "a.jpg")
    (tmp_path / "a.xmp").write_bytes(xmp("", 'dc:title="Köln"').decode().encode("utf-16"))
    assert (read(photo).title, read(photo).sources) == ("Köln", ("sidecar",))


@pytest.mark.parametrize(
    "sidecar",
    [
        b"",
        b"<",
        b"<x/>",
        b"\xff\xfe<",
        b"not xml at all",
        xmp("", 'dc:title="T"').replace(b"<x:xmpmeta", b"<!DOCTYPE x [<!ENTITY e 'evil'>]><x:xmpmeta", 1),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + xmp("", 'dc:title="T"'),
        b"<a>" * 200_000,
        b"<a>" * 100_000 + b"</a>" * 100_000,
        xmp("", 'dc:title="T"') + b" " * 3_000_000,
    ],
    ids=range(10),
)
def test_a_sidecar_that_is_nonsense_or_dangerous_tells_nothing(sidecar: bytes, tmp_path: Path) -> None:
    photo = jpeg(tmp_path / "a.jpg")
    (tmp_path / "a.jpg.xmp").write_bytes(sidecar)
    facts = read(photo)
    assert (facts.title, facts.sources, facts.width) == (None, (), 60)


def test_entities_are_not_made_larger(tmp_path: Path) -> None:
    """The billion laughs, in each encoding that a sidecar may have."""
    laughs = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(
        f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    text = laughs + "]>" + xmp("", 'dc:title="&i;"').decode()
    photo = jpeg(tmp_path / "a.jpg")
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        (tmp_path / "a.xmp").write_bytes(text.encode(encoding))
        assert read(photo).title is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are POSIX")
def test_a_pipe_or_a_folder_under_a_sidecars_name_is_passed_over(tmp_path: Path) -> None:
    photo = jpeg(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "a.jpg.xmp")
    os.mkfifo(tmp_path / "a.jpg.json")
    (tmp_path / "a.xmp").mkdir()
    assert read(photo) == PhotoFacts(width=60, height=40, format="JPEG")


LONG = "a photo with a very long name that google cuts off somewhere.jpg"


@pytest.mark.parametrize(
    ("photo", "name"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1.JPG", "IMG_1.JPG.supplemental-metad.json"),
        ("IMG_1.jpg", "IMG_1.jpg.s.json"),
        ("IMG_1(1).jpg", "IMG_1.jpg.supplemental-metadata(1).json"),
        ("IMG_1(1).jpg", "IMG_1.jpg(1).json"),
        ("IMG_1(1).jpg", "IMG_1(1).jpg.json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1-bearbeitet.jpg", "IMG_1.jpg.json"),
        ("IMG_1-edited(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("PXL_20230805_151653939.jpg", ("PXL_20230805_151653939.jpg.supplemental-metadata")[:46] + ".json"),
        (LONG, f"{LONG[:46]}.json"),
        (LONG.replace(".jpg", "(3).jpg"), f"{LONG[:46]}(3).json"),
        (LONG.replace(".jpg", "-edited.jpg"), f"{LONG[:46]}.json"),
        ("Screenshot.png", "Screenshot.png.supplemental-metadata.json"),
    ],
)
def test_the_json_of_a_photo_is_found_under_all_its_names(photo: str, name: str) -> None:
    others = [
        "IMG_12.jpg.json",
        "IMG.jpg.json",
        "metadata.json",
        "IMG_1.png.json",
        "IMG_1.jpg(7).json",
        "b.json",
    ]
    assert Names([*others, name]).of(photo) == name
    assert Names(others).of(photo) is None


def test_a_json_of_a_double_is_not_that_of_the_first(tmp_path: Path) -> None:
    names = Names(["IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg.supplemental-metadata(1).json"])
    assert names.of("IMG_1.jpg") == "IMG_1.jpg.supplemental-metadata.json"
    assert names.of("IMG_1(1).jpg") == "IMG_1.jpg.supplemental-metadata(1).json"
    assert names.of("IMG_1(2).jpg") is None


def test_the_title_is_the_last_resort_where_one_json_alone_has_it(tmp_path: Path) -> None:
    photo, other = jpeg(tmp_path / "first.jpg"), jpeg(tmp_path / "second.jpg")
    (tmp_path / "0.json").write_bytes(takeout(title="First.jpg", description="found"))
    (tmp_path / "1.json").write_bytes(takeout(title="second.jpg", description="one"))
    (tmp_path / "2.json").write_bytes(takeout(title="second.jpg", description="two"))
    assert (read(photo).caption, read(other).caption) == ("found", None)


def test_takeout_tells_what_nothing_better_does(tmp_path: Path) -> None:
    photo = jpeg(tmp_path / "a.jpg")
    place = {"latitude": 52.5, "longitude": 13.4, "altitude": 0.0}
    (tmp_path / "a.jpg.json").write_bytes(takeout(description="Berlin", geoData=place))
    facts = read(photo)
    assert (facts.taken_at, facts.offset) == ("2015-02-04T18:18:55", "+00:00")
    assert (facts.caption, facts.latitude, facts.longitude, facts.altitude) == ("Berlin", 52.5, 13.4, None)
    assert facts.sources == ("takeout", "place") and facts.place[1:] == ("Berlin", "State of Berlin", "Germany")
    better = jpeg(tmp_path / "a.jpg", exif=exif({270: "of EXIF"}, {36867: "2015:02:04 19:18:55"}))
    facts = read(better)
    assert (facts.taken_at, facts.offset, facts.caption) == ("2015-02-04T19:18:55", None, "of EXIF")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"title": "x.jpg"}',
        b'{"albumData": {"title": "x"}}',
        b'{"photoTakenTime": {"timestamp": "x"}, "geoData": []}',
        b'{"photoTakenTime": {"timestamp": 1e400}, "geoData": {"latitude": 900, "longitude": NaN}}',
        b'{"photoTakenTime": {"timestamp": "99999999999999999999"}, "geoData": {"latitude": "a"}}',
        b'{"photoTakenTime": {"timestamp": "-99999999999"}, "description": 5}',
        b'{"geoData": {"latitude": 0.0, "longitude": 0.0}}',
    ],
)
def test_a_json_that_is_nonsense_tells_nothing(data: bytes) -> None:
    assert in_takeout(data) == NOTHING


def test_a_sidecar_that_comes_later_is_seen(tmp_path: Path) -> None:
    photo, reader = jpeg(tmp_path / "a.jpg"), FactsReader()
    assert reader.read(photo).title is None
    (tmp_path / "a.jpg.xmp").write_bytes(xmp("", 'dc:title="Now"'))
    os.utime(tmp_path, ns=(1, 1))
    assert reader.read(photo).title == "Now"
    (tmp_path / "a.jpg.xmp").write_bytes(xmp("", 'dc:title="Then"'))
    assert reader.read(photo).title == "Then"


def test_the_files_that_a_photos_facts_depend_on_are_named(tmp_path: Path) -> None:
    for name in ("a.jpg.xmp", "A.xmp", "a.jpg.json", "b.xmp"):
        (tmp_path / name).write_bytes(b"")
    found = Beside(tmp_path).paths("a.jpg")
    assert found == (tmp_path / "a.jpg.xmp", tmp_path / "A.xmp", tmp_path / "a.jpg.json")
    assert Beside(tmp_path / "nowhere").paths("a.jpg") == ()


def test_the_json_of_a_double_has_the_title_of_the_first_and_is_not_its(tmp_path: Path) -> None:
    first, double = jpeg(tmp_path / "IMG_1.jpg"), jpeg(tmp_path / "IMG_1(1).jpg")
    (tmp_path / "IMG_1.jpg(1).json").write_bytes(takeout(title="IMG_1.jpg", description="of the double"))
    assert (read(first).caption, read(double).caption) == (None, "of the double")
