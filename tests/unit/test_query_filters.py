"""Filters of the query language: the photos that pass in SQL are those that a plain look at each gives."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.catalog import Catalog
from src.database.catalog.tables import images
from src.schema import PhotoFilter
from src.schema.colour_words import colour_word
from src.schema.query_keys import KEYS
from src.services.search.language import parse
from src.text import looked_for
from tests.unit.made_up_photos import Photo, fill

Test = Callable[[Photo], bool]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Catalog, list[Photo]]]:
    catalog, photos = fill(tmp_path_factory.mktemp("library") / "catalog.sqlite3", 10_000)
    yield catalog, photos
    catalog.close()


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def values(name: str, photo: Photo) -> list[Any]:
    """What is known of a photo under a name; several values for what there are several of."""
    if name == "folder":
        return [f"{folder}/{file}" for folder, file, there in photo.files if there]
    if name == "name":
        return [file for _, file, there in photo.files if there]
    width, height = photo.values["width"], photo.values["height"]
    if name == "megapixels":
        return [width * height / 1e6]
    if name == "shape":
        return [{-1: "portrait", 0: "square", 1: "landscape"}[(width > height) - (width < height)]]
    value = photo.values.get(name)
    return value if isinstance(value, list) else [] if value is None else [value]


def some(names: str, test: Callable[[Any], bool]) -> Test:
    """One of the values under one of the names passes."""
    return lambda photo: any(test(value) for name in names.split() for value in values(name, photo))


def has_text(names: str, part: str) -> Test:
    return some(names, lambda text: folded(part) in folded(text))


def read(part: str) -> Test:
    return some("text", lambda text: looked_for(part) in looked_for(text))


def like(names: str, pattern: str) -> Test:
    plain = "".join(f"[{c}]" if c in "[?" else c for c in folded(pattern))
    return some(names, lambda text: fnmatchcase(folded(text), plain))


def word(name: str, wanted: str) -> Test:
    return some(name, lambda text: folded(text) == folded(wanted))


def at_or_below(tag: str) -> Test:
    return some("keywords", lambda text: folded(text) == tag or folded(text).startswith(f"{tag}/"))


def inside(*parts: str) -> Test:
    """In folders of these names, one directly in the other."""
    wanted = [folded(part) for part in parts]

    def test(path: str) -> bool:
        around = folded(path).split("/")[:-1]
        return any(around[at : at + len(wanted)] == wanted for at in range(len(around)))

    return some("folder", test)


def number(names: str, test: Callable[[Fraction], bool]) -> Test:
    return some(names, lambda value: test(Fraction(value)))


def near(names: str, wanted: str) -> Test:
    exact = Fraction(wanted)
    return number(names, lambda value: abs(value - exact) <= abs(exact) * Fraction(1, 200))


def moment(name: str, test: Callable[[str], bool]) -> Test:
    return some(name, test)


def both(one: Test, other: Test) -> Test:
    return lambda photo: one(photo) and other(photo)


def either(one: Test, other: Test) -> Test:
    return lambda photo: one(photo) or other(photo)


CASES: dict[str, Test] = {
    "in:2019": inside("2019"),
    "in:ITALY": inside("italy"),
    "in:2019/italy": inside("2019", "italy"),
    "in:2019/italy/": inside("2019", "italy"),
    "in:köln": inside("köln"),
    "in:Köln|rome": either(inside("köln"), inside("rome")),
    "in:a_b": inside("a_b"),
    "in:50%": inside("50%"),
    "in:/photos/2019": like("folder", "/photos/2019/*"),
    "in:/other/KÖLN": like("folder", "/other/köln/*"),
    "in:/": lambda photo: bool(values("folder", photo)),
    "in:201*": like("folder", "*/201*/*"),
    "in:/photos/*/italy": like("folder", "/photos/*/italy/*"),
    "in:nowhere": lambda photo: False,
    "name:img": has_text("name", "img"),
    "name:köln": has_text("name", "köln"),
    "name:strasse": has_text("name", "strasse"),
    "name:a_b": has_text("name", "a_b"),
    "name:%": has_text("name", "%"),
    "name:*.JPG": like("name", "*.jpg"),
    "name:*": like("name", "*"),
    "camera:nikon": has_text("camera_make camera_model", "nikon"),
    "camera:nikon|fish": either(*(has_text("camera_make camera_model", text) for text in ("nikon", "fish"))),
    "camera:nikon camera:日本": either(*(has_text("camera_make camera_model", text) for text in ("nikon", "日本"))),
    "camera:nikon*": like("camera_make camera_model", "nikon*"),
    "camera:kelvin": has_text("camera_make camera_model", "kelvin"),
    "lens:FISH": has_text("lens", "fish"),
    "lens:a\\\\b": has_text("lens", "a\\b"),
    "lens:50% lens:a_b": either(has_text("lens", "50%"), has_text("lens", "a_b")),
    'title:"summer party"': has_text("title", "summer party"),
    "title:*party": like("title", "*party"),
    "title:[x]*": like("title", "[x]*"),
    "title:a title:x": both(has_text("title", "a"), has_text("title", "x")),
    "caption:istanbul": has_text("caption", "istanbul"),
    "caption:İstanbul": has_text("caption", "İstanbul"),
    "software:0": has_text("software", "0"),
    "tag:fish": word("keywords", "fish"),
    "tag:NIKON": word("keywords", "nikon"),
    "tag:köln": word("keywords", "köln"),
    "tag:strasse": word("keywords", "strasse"),
    'tag:"summer party"': word("keywords", "summer party"),
    "tag:a\\\\b": word("keywords", "a\\b"),
    "tag:a_b": word("keywords", "a_b"),
    "tag:f*": like("keywords", "f*"),
    "tag:fish tag:nikon": both(word("keywords", "fish"), word("keywords", "nikon")),
    "tag:fish|nikon": either(word("keywords", "fish"), word("keywords", "nikon")),
    "place:paris": word("place", "paris"),
    "place:ÎLE-DE-FRANCE": word("place", "Île-de-France"),
    'place:"new york"': word("place", "new york"),
    "place:new*": like("place", "new*"),
    "place:paris place:france": both(word("place", "paris"), word("place", "france")),
    "place:paris|köln": either(word("place", "paris"), word("place", "köln")),
    "has:place": lambda photo: bool(photo.values.get("place")),
    "format:jpg": word("format", "JPEG"),
    "format:heic|TIF": either(word("format", "HEIF"), word("format", "TIFF")),
    "format:*f": like("format", "*f"),
    "colour:red": some("colours", lambda code: code == "#ff0000"),
    "colour:brown": some("colours", lambda code: code == "#8b4513"),
    "colour:white": some("colours", lambda code: code == "#FFFFFF"),
    "colour:gray": some("colours", lambda code: colour_word(code) == "grey"),
    "colour:#AABBCC": some("colours", lambda code: code == "#aabbcc"),
    "colour:#ffffff": some("colours", lambda code: code == "#FFFFFF"),
    "color:red color:black": lambda photo: {"#ff0000", "#000000"} <= set(values("colours", photo)),
    "date:2019": moment("taken_at", lambda text: text[:4] == "2019"),
    "date:2019-05": moment("taken_at", lambda text: text[:7] == "2019-05"),
    "date:2019-05-31": moment("taken_at", lambda text: text[:10] == "2019-05-31"),
    "date:2019-05..2019": moment("taken_at", lambda text: "2019-05" <= text < "2020"),
    "date:..2018": moment("taken_at", lambda text: text < "2019"),
    "date:>2019-05": moment("taken_at", lambda text: text >= "2019-06"),
    "date:>=2019-06": moment("taken_at", lambda text: text >= "2019-06"),
    "date:<2019-06": moment("taken_at", lambda text: text < "2019-06"),
    "date:<=2019-05": moment("taken_at", lambda text: text < "2019-06"),
    "date:2018|2020": moment("taken_at", lambda text: text[:4] in ("2018", "2020")),
    "before:2019": moment("taken_at", lambda text: text < "2019"),
    "before:2020-01": moment("taken_at", lambda text: text < "2020"),
    "after:2019": moment("taken_at", lambda text: text >= "2020"),
    "after:2019-05-31": moment("taken_at", lambda text: text >= "2019-06"),
    "after:9998": moment("taken_at", lambda text: text >= "9999"),
    "added:2019": moment("added_at", lambda text: text[:4] == "2019"),
    "added:>=2019-06": moment("added_at", lambda text: text >= "2019-06"),
    "rating:4": number("rating", lambda value: value == 4),
    "rating:-1": number("rating", lambda value: value == -1),
    "rating:>=4": number("rating", lambda value: value >= 4),
    "rating:>4": number("rating", lambda value: value > 4),
    "rating:<4": number("rating", lambda value: value < 4),
    "rating:..3": number("rating", lambda value: value <= 3),
    "rating:1|5": number("rating", lambda value: value in (1, 5)),
    "iso:100..400": number("iso", lambda value: 100 <= value <= 400),
    "iso:>100": number("iso", lambda value: value > 100),
    "iso:<=100": number("iso", lambda value: value <= 100),
    "iso:>999999999999999": number("iso", lambda value: value > 999999999999999),
    "aperture:f/2.8": near("aperture", "2.8"),
    "aperture:<=1.4": number("aperture", lambda value: value <= Fraction(1.4)),
    "aperture:0": number("aperture", lambda value: value == 0),
    "aperture:-1": near("aperture", "-1"),
    "focal:50mm": near("focal_length", "50"),
    "focal:50..": number("focal_length", lambda value: value >= 50),
    "exposure:1/250": near("exposure", "1/250"),
    "exposure:>1/250": number("exposure", lambda value: value > Fraction(1 / 250)),
    "exposure:>=1/250": number("exposure", lambda value: value >= Fraction(1 / 250)),
    "exposure:<1/250": number("exposure", lambda value: value < Fraction(1 / 250)),
    "width:>=1920": number("width", lambda value: value >= 1920),
    "width:4032px": number("width", lambda value: value == 4032),
    "height:<1080": number("height", lambda value: value < 1080),
    "megapixels:>12": number("megapixels", lambda value: value > 12),
    "mp:12": near("megapixels", "12"),
    "size:5mb": number("bytes", lambda value: value == 5_000_000),
    "size:>5mb": number("bytes", lambda value: value > 5_000_000),
    "size:1b..5000kb": number("bytes", lambda value: 1 <= value <= 5_000_000),
    "size:<1gb": number("bytes", lambda value: value < 10**9),
    "sharpness:<1": number("sharpness", lambda value: value < 1),
    "brightness:50%": near("brightness", "0.5"),
    "brightness:>50%": number("brightness", lambda value: value > Fraction(1, 2)),
    "flash:yes": some("flash", lambda fired: fired is True),
    "flash:no": some("flash", lambda fired: fired is False),
    "tag:trip": at_or_below("trip"),
    "tag:TRIP/italy": at_or_below("trip/italy"),
    "tag:trip|fish": either(at_or_below("trip"), word("keywords", "fish")),
    "tag:trip/*": like("keywords", "trip/*"),
    "tag:*italy*": like("keywords", "*italy*"),
    "album:best": word("albums", "best"),
    'album:"BEST OF"|köln': either(word("albums", "best of"), word("albums", "köln")),
    "album:best*": like("albums", "best*"),
    "note:köln": has_text("note", "köln"),
    "note:ask": has_text("note", "ask"),
    "text:fish": read("fish"),
    "text:KÖLN": read("köln"),
    "text:straße": read("strasse"),
    "text:50%": read("50%"),
    "text:a_b|行": either(read("a_b"), read("行")),
    'text:"SUMMER party"': read("summer party"),
    "text:s*r": some("text", lambda text: re.search("s.*r", looked_for(text)) is not None),
    "text:fish title:fish": both(read("fish"), has_text("title", "fish")),
    "has:text": lambda photo: bool(photo.values.get("text")),
    "has:text|gps": lambda p: bool(p.values.get("text")) or p.values.get("latitude") is not None,
    "is:favourite": some("favourite", lambda on: on is True),
    "is:favourite rating:>=4": both(some("favourite", lambda on: on is True), number("rating", lambda v: v >= 4)),
    "has:note": lambda photo: bool(photo.values.get("note")),
    "has:album": lambda photo: bool(photo.values.get("albums")),
    "is:portrait": word("shape", "portrait"),
    "is:square|landscape": either(word("shape", "square"), word("shape", "landscape")),
    "has:gps": lambda photo: photo.values.get("latitude") is not None,
    "has:rating": lambda photo: photo.values.get("rating") is not None,
    "has:date": lambda photo: bool(photo.values["taken_at"]),
    "has:tag": lambda photo: bool(photo.values.get("keywords")),
    "has:tags|gps": lambda p: bool(p.values.get("keywords")) or p.values.get("latitude") is not None,
    "has:date|gps": lambda p: bool(p.values["taken_at"]) or p.values.get("latitude") is not None,
    "has:title": lambda photo: bool(photo.values.get("title")),
    "has:caption": lambda photo: bool(photo.values.get("caption")),
    "has:lens": lambda photo: bool(photo.values.get("lens")),
    "has:camera": lambda photo: bool(photo.values.get("camera_make") or photo.values.get("camera_model")),
    "camera:nikon iso:>100 in:2019": both(
        both(has_text("camera_make camera_model", "nikon"), number("iso", lambda value: value > 100)), inside("2019")
    ),
    "camera:nikon -lens:fish": both(
        has_text("camera_make camera_model", "nikon"), lambda photo: not has_text("lens", "fish")(photo)
    ),
    "-camera:nikon -title:fish -in:2019 -name:img -has:date": lambda photo: (
        not any(CASES[text](photo) for text in ("camera:nikon", "in:2019", "name:img", "has:date"))
        and not has_text("title", "fish")(photo)
    ),
}
"""What is asked -> whether a photo passes."""


def found(catalog: Catalog, only: PhotoFilter) -> list[set[str]]:
    """The ids that pass, by each way in which the catalogue may be asked."""
    with catalog._file.reading() as db:
        passing = list(db.execute(findable.passing(only)).scalars())
        passes = set(db.execute(sa.select(images.c.id).where(findable.passes(only))).scalars())
        assert db.execute(findable.number(only)).scalar_one() == len(passing) == len(set(passing))
    return [set(passing), passes]


def check(library: tuple[Catalog, list[Photo]], text: str, test: Test) -> None:
    catalog, photos = library
    reading = parse(text)
    assert reading.restrictions and not reading.terms and not reading.notes
    expected = {photo.id for photo in photos if not photo.hidden and test(photo)}
    assert found(catalog, PhotoFilter(where=reading.conditions)) == [expected, expected]


@pytest.mark.parametrize("text", CASES)
def test_those_pass_of_which_it_is_known(library: tuple[Catalog, list[Photo]], text: str) -> None:
    check(library, text, CASES[text])


@pytest.mark.parametrize("text", [text for text in CASES if len(parse(text).restrictions) == 1])
def test_all_others_pass_what_is_negative(library: tuple[Catalog, list[Photo]], text: str) -> None:
    check(library, f"-{text}", lambda photo: not CASES[text](photo))


def test_every_key_is_tested() -> None:
    asked = {restriction.key for text in CASES for restriction in parse(text).restrictions}
    assert asked == {key.name for key in KEYS.values()}


def test_what_is_asked_goes_with_a_folder_and_days(library: tuple[Catalog, list[Photo]]) -> None:
    catalog, photos = library
    only = PhotoFilter("/photos/2019", "2019-01-01", "2019-05-31", parse("-camera:nikon rating:>=1").conditions)
    test = both(
        both(like("folder", "/photos/2019/*"), moment("taken_at", lambda text: "2019" <= text < "2019-06")),
        both(number("rating", lambda value: value >= 1), lambda p: not CASES["camera:nikon"](p)),
    )
    expected = {photo.id for photo in photos if not photo.hidden and test(photo)}
    assert expected and found(catalog, only) == [expected, expected]


def test_as_much_as_can_be_asked_is_answered(library: tuple[Catalog, list[Photo]]) -> None:
    catalog, _ = library
    for text in ("mp:{} ", "-name:{} ", "tag:{}|", "camera:{} ", "-camera:{}|"):
        many = "".join(text.format(n) for n in range(100))
        one = many if text.endswith(" ") else text.split("{")[0] + many.replace(text.split("{")[0], "")
        assert found(catalog, PhotoFilter(where=parse(one).conditions))
