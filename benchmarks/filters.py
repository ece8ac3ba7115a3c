"""How long filters take: python -m benchmarks.filters [--photos N] [--searches] [--rounds N] [--libraries FOLDER]
[--json]

A catalogue of photos that do not exist, with facts of every kind: 40 cameras, 60 lenses, 2,000 keywords, 3,000 folders,
300 places; some of each with letters beyond ASCII, some facts unknown, one photo of 20 in two folders, one of 50
missing. Of each key of the query language and each way to compare by it, the median time is told in which the catalogue
counts the photos that pass (``number_p50_ms``), over rounds that each go through all of them.

With ``--searches`` also whole searches with such filters (``search_p50_ms``), as ``benchmarks.search`` does them, in a
copy of its made-up library of so many photos of 512 dimensions, to which the same facts are added. It is kept, and so
is the library, which is built where it is not there yet: a million photos take most of an hour.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import command, machine, synthetic
from benchmarks.search import Measurement
from benchmarks.synthetic import BLOCK, Shape
from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.catalog.facts import FactsRow
from src.database.catalog.tables import files, images
from src.database.catalog.texts import TextRow
from src.schema import PhotoFilter
from src.schema.facts import PhotoFacts, PictureMeasures
from src.schema.query_values import KNOWN
from src.schema.texts import TextLine
from src.services.search.language import parse
from src.services.search.service import Query

PHOTOS, ROUNDS, SEARCHES = 100_000, 9, 40
BAR_MS = 50.0
"""Most that a count may take with 100,000 photos."""
MAKERS = ("NIKON CORPORATION", "Canon", "SONY", "FUJIFILM", "Apple", "samsung", "Panasonic", "OLYMPUS", "Kodak", "Агат")
FOCAL = (14, 20, 24, 35, 50, 85, 105, 135, 200, 400)
SYLLABLES = ("ber", "lin", "sto", "ne", "ka", "mö", "ra", "tel", "vi", "san", "to", "grün", "ka", "pel", "an", "mi")
FORMATS = ("JPEG",) * 16 + ("HEIF", "HEIF", "PNG", "RAW")
SIZES = ((4000, 3000), (3000, 4000), (4032, 3024), (6000, 4000), (1920, 1080), (2000, 2000))
FIRST = datetime(2008, 1, 1)

CASES: dict[str, tuple[str, ...]] = {
    "in": ("in:2019", "in:event-12*", "in:/home/anna/Pictures/2019", "in:2018|2019|2020", "in:nowhere"),
    "name": ("name:IMG_00", "name:*7.jpg", "name:mö", "name:nowhere"),
    "camera": ("camera:nikon", "camera:nikon|canon", "camera:*7*", "camera:nikon|canon|sony|apple|агат"),
    "lens": ("lens:50mm", "lens:50mm|85mm|105mm|200mm|zoom", "lens:f*", "lens:mö"),
    "title": ("title:ber", "title:*to", "title:grün"),
    "caption": ("caption:ber", "caption:ra*", "caption:mö"),
    "text": ("text:market", "text:street*12", 'text:"open daily"'),
    "software": ("software:3", "software:lightroom|gimp", "software:*2"),
    "tag": ("tag:berlin", "tag:ber*", "tag:mötel|kaka", f"tag:{'|'.join(f'*{n}x*' for n in range(60))}"),
    "album": ("album:best", "album:b*", "album:other"),
    "note": ("note:look", "note:*again"),
    "place": ("place:place7", "place:germany|france", "place:place1*", "place:Königreich"),
    "format": ("format:jpg", "format:heic|raw", "format:*f"),
    "colour": ("colour:red", "colour:grey|black|blue", "colour:#aabbcc"),
    "date": ("date:2019", "date:2019-05", "date:>2012", "date:2010|2019"),
    "before": ("before:2019",),
    "after": ("after:2012-05",),
    "added": ("added:2024", "added:>=2023"),
    "rating": ("rating:4", "rating:>=3", "rating:1..3"),
    "iso": ("iso:100..400", "iso:<=100"),
    "aperture": ("aperture:f/2.8", "aperture:<4"),
    "focal": ("focal:50mm", "focal:>35"),
    "exposure": ("exposure:1/250", "exposure:<1/60"),
    "width": ("width:>=1920", "width:4032px"),
    "height": ("height:<3000",),
    "megapixels": ("megapixels:>12", "mp:12"),
    "size": ("size:>5mb", "size:1mb..2mb"),
    "sharpness": ("sharpness:<50",),
    "brightness": ("brightness:>50%",),
    "flash": ("flash:yes", "flash:no"),
    "is": ("is:portrait", "is:landscape|square"),
    "has": tuple(f"has:{name}" for name in KNOWN),
}
"""Key -> what is asked by it; each is asked with a ``-`` before it, too."""
SEARCHED = (
    *("camera:nikon|canon", "lens:50mm", "tag:berlin", "place:germany", "date:2021", "rating:>=3"),
    *("in:album-00000*", "-in:album-00000*", "colour:red", "-camera:nikon rating:>=3", "has:gps iso:<=400"),
)
"""Filters of whole searches; days and folders are those of the made-up library."""


class Made:
    """What is known of one photo; the same number gives the same photo."""

    def __init__(self, number: int) -> None:
        self.number, self._dice = number, random.Random(number)
        chance = self._dice
        self.id = synthetic.photo_id(number)
        self.size = chance.choice(SIZES)
        self.missing = number % 50 == 7
        self.taken = None if number % 20 == 3 else FIRST + timedelta(minutes=chance.randrange(17 * 365 * 1440))
        year = self.taken.year if self.taken else "undated"
        folder = f"/home/anna/Pictures/{year}/{'grün' if number % 12 == 5 else 'event'}-{chance.randrange(200)}"
        name = f"{'Mörz' if number % 30 == 5 else 'IMG'}_{number:08}.jpg"
        self.paths = [f"{folder}/{name}", *([f"/media/copies/{year}/{name}"] if number % 20 == 0 else [])]

    def facts(self) -> FactsRow:
        """With no facts at all for one photo of 25."""
        chance = self._dice
        if self.number % 25 == 11:
            return FactsRow(self.id, PhotoFacts(), None, "")
        maker, focal = chance.randrange(len(MAKERS)), chance.choice(FOCAL)
        shot = PhotoFacts(
            camera_make=MAKERS[maker],
            camera_model=f"{MAKERS[maker]} {'DXZα'[chance.randrange(4)]}{maker * 7}",
            lens=f"{'zoom' if focal > 100 else 'Möller' if focal == 14 else 'fix'} {focal}mm f/{chance.choice('1248')}",
            software=f"{chance.choice(('Lightroom', 'GIMP', 'Firmware', 'digiKam'))} {chance.randrange(5)}",
            focal_length=float(focal),
            aperture=chance.choice((1.4, 2.0, 2.8, 4.0, 5.6, 8.0)),
            exposure=1 / chance.choice((30, 60, 125, 250, 500, 1000)),
            iso=chance.choice((64, 100, 200, 400, 800, 3200)),
            flash=chance.random() < 0.1,
        )
        return FactsRow(self.id, PhotoFacts(**{**vars(shot), **self._said()}), self._measures(), "")

    def _said(self) -> dict[str, Any]:
        chance = self._dice
        place = chance.randrange(300)
        country = ("Germany", "France", "Italy", "Vereinigtes Königreich")[place % 4]
        where = {"latitude": 50.0, "longitude": 10.0, "place": (f"Place{place}", f"Region {place % 20}", country)}
        return {
            "title": " ".join(self._words(2)) if chance.random() < 0.3 else None,
            "caption": " ".join(self._words(8)) if chance.random() < 0.2 else None,
            "keywords": tuple(self._words(chance.choice((0, 0, 1, 2, 5)))),
            "rating": chance.choice((None, None, 0, 3, 4, 5)),
            **(where if chance.random() < 0.5 else {}),
        }

    def _words(self, number: int) -> Iterator[str]:
        """Some often, most seldom."""
        for _ in range(number):
            word = int(2000 * self._dice.random() ** 3)
            yield SYLLABLES[word % 16] + SYLLABLES[word // 16 % 16] + (str(word // 256) if word > 255 else "")

    def _measures(self) -> PictureMeasures:
        chance = self._dice
        colours = tuple(f"#{chance.randrange(1 << 24):06x}" for _ in range(chance.randint(1, 5)))
        return PictureMeasures(chance.uniform(0, 400), chance.random(), 0.1, 0.1, colours)


def fill(catalog: Catalog, photos: int) -> None:
    """Add so many photos to an empty catalogue."""
    for start in range(0, photos, BLOCK):
        made = [Made(number) for number in range(start, min(start + BLOCK, photos))]
        with catalog._file.writing() as db:
            db.execute(images.insert(), [_image(one) for one in made])
            db.execute(files.insert(), [row for one in made for row in _files(one)])
        catalog.facts.put("made up", [one.facts() for one in made])
        catalog.texts.put("made up", [TextRow(one.id, b"", _lines(one)) for one in made if one.number % 5 == 1])
        catalog.marks.note([one.id for one in made if one.number % 30 == 7], "look at it again")
        catalog.marks.favourite([one.id for one in made if one.number % 20 == 3], True)
    catalog.albums.create("Best", [Made(number).id for number in range(5, photos, 50)])


def _lines(one: Made) -> tuple[TextLine, ...]:
    """What is read in a photo: of five that are looked at, two have no text."""
    corners = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))
    texts = (f"Market Street {one.number % 300}", "Open daily") if one.number % 25 > 10 else ()
    return tuple(TextLine(text, corners, 0.9) for text in texts)


def _image(one: Made) -> dict[str, Any]:
    width, height = one.size
    known = {"format": FORMATS[one.number % 20], "taken_at": one.taken.isoformat() if one.taken else None}
    stored = {
        "bytes": 10**6 + 97 * (one.number % 10**5),
        "added_at": f"202{one.number % 5}-03-01T12:00:00.000000+00:00",
    }
    hidden = "2024-01-01" if one.missing else None
    return {"id": one.id, "sha256": f"{one.number:064x}", "width": width, "height": height, **known, **stored} | {
        "removed_at": hidden
    }


def _files(one: Made) -> Iterator[dict[str, Any]]:
    for path in one.paths:
        named = {"path": os.fsencode(path), "path_text": path, "name": path.rsplit("/", 1)[1], "uploaded": False}
        stamp = {"device": 1, "inode": one.number, "mtime_ns": 1, "size": 1, "ctime_ns": 1}
        yield {"image_id": one.id, **named, **stamp, "missing_since": "2024-01-01" if one.missing else None}


# ---------------------------------------------------------------- counting


def counted(catalog: Catalog, rounds: int) -> dict[str, dict[str, float]]:
    """Text of a filter -> p50 and p95 of its count in milliseconds, and how many photos pass."""
    texts = [f"{sign}{text}" for some in CASES.values() for text in some for sign in ("", "-")]
    filters = {text: PhotoFilter(where=parse(text).conditions) for text in texts}
    numbers = {text: catalog.listing.number(only) for text, only in filters.items()}
    times = machine.alternated(
        {text: lambda only=only: catalog.listing.number(only) for text, only in filters.items()}, rounds
    )
    return {text: {**machine.percentiles(each), "passing": numbers[text]} for text, each in times.items()}


# ---------------------------------------------------------------- searching


def told(shape: Shape, libraries: Path) -> Path:
    """Home of a copy of a made-up library with facts, made where it is not there yet."""
    home = libraries / f"{shape.name}-told"
    if not (home / "ready.json").exists():
        plain = synthetic.library(shape, libraries)
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(plain, home, ignore=shutil.ignore_patterns("ready.json", "library.lock"))
        catalog = Catalog(Settings(home=home).catalog_file)
        for start in range(0, shape.size, BLOCK):
            numbers = range(start, min(start + BLOCK, shape.size))
            catalog.facts.put("made up", [Made(number).facts() for number in numbers])
        catalog.close()
        synthetic.know_words(home)
        shutil.copy(plain / "ready.json", home)
    return home


class Searches(Measurement):
    """Whole searches with filters, in a library with facts."""

    def __init__(self, shape: Shape, libraries: Path, queries: int) -> None:
        super().__init__(shape, libraries, queries)
        self._home = told(shape, libraries)

    def times(self) -> dict[str, dict[str, float]]:
        """Text of the filters -> p50 and p95 of a search in milliseconds, and how many photos were compared."""
        services, _ = self._open(self._models())
        found: dict[str, dict[str, float]] = {}
        try:
            self._one(services, 0, "")  # loads the text tower
            for text in SEARCHED:
                each = [self._one(services, number, text) for number in range(len(self.queries))]
                seconds = [took for took, _ in each]
                found[text] = {**machine.percentiles(seconds), "passing": each[0][1]}
        finally:
            services.close()
        return found

    def _one(self, services: Any, number: int, text: str) -> tuple[float, int]:
        started = time.perf_counter()
        page = services.search.search(Query(f"{text} a photo of {number}"), 20)
        return time.perf_counter() - started, page.searched


# ---------------------------------------------------------------- the command


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder) / "catalog.sqlite3")
        fill(catalog, options.photos)
        number = counted(catalog, options.rounds)
        catalog.close()
    found: dict[str, Any] = {"photos": options.photos, "number": number, "bar_ms": BAR_MS, "rounds": options.rounds}
    if options.searches:
        found["search"] = Searches(Shape(options.photos), options.libraries, SEARCHES).times()
    slowest = max(number, key=lambda text: number[text]["p50_ms"])
    return {**found, "slowest": {slowest: number[slowest]}, "machine": machine.reference()}


def table(result: dict[str, Any]) -> str:
    """The figures for a reader, the slowest first."""
    lines = [f"filters, {result['photos']:,} photos, p50 of {result['rounds']} rounds (ms), p95, photos that pass"]
    for part in ("number", "search"):
        some = sorted(result.get(part, {}).items(), key=lambda item: -item[1]["p50_ms"])
        for text, told_of in some:
            cells = f"{told_of['p50_ms']:10.1f}{told_of['p95_ms']:10.1f}{told_of['passing']:10,}"
            lines.append(f"{part:8}{text if len(text) < 40 else text[:37] + '...':40}{cells}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("filters", __doc__, libraries=True)
    parser.add_argument("--photos", type=int, default=PHOTOS, help=f"default: {PHOTOS:,}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default: {ROUNDS}")
    parser.add_argument("--searches", action="store_true", help="whole searches, too")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


if __name__ == "__main__":
    sys.exit(main())
