"""Blocks of bars whose photos the query language can tell.

What is counted is counted by the catalogue's ``vocabulary`` and ``listing`` alone, which count what a query finds: so a
bar and the photos that it leads to can't differ.
"""

from __future__ import annotations

import calendar
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from src.database.catalog.catalog import Catalog
from src.schema import PhotoFilter
from src.schema.conditions import STAR
from src.schema.fields import shown as as_shown
from src.schema.insights import Bar, Block
from src.services.search.language import Reading, Restriction, parse, written
from src.text import folded, shown

MOST, MOST_YEARS, MOST_MONTHS, MOST_DAYS = 12, 40, 24, 31
"""Bars of a block: of values, those of most photos; of years, months and days, the latest."""
LONGEST = 1_000
"""Characters of a query that a link can carry (``ui.address``)."""
Rows = Sequence[tuple[str, str]]
"""Labels, each with its query."""

MEGAPIXELS: Rows = (
    ("under 2 megapixels", "megapixels:<2"),
    ("2 to 8 megapixels", "megapixels:>=2 megapixels:<8"),
    ("8 to 16 megapixels", "megapixels:>=8 megapixels:<16"),
    ("16 to 32 megapixels", "megapixels:>=16 megapixels:<32"),
    ("32 megapixels and more", "megapixels:>=32"),
)
SHARPNESS: Rows = (
    ("blurred or empty, under 10", "sharpness:<10"),
    ("soft, 10 to 30", "sharpness:>=10 sharpness:<30"),
    ("sharp, 30 to 100", "sharpness:>=30 sharpness:<100"),
    ("crisp, 100 and more", "sharpness:>=100"),
    ("not measured yet", "-sharpness:>=0"),
)
BRIGHTNESS: Rows = (
    ("dark, under 25 %", "brightness:<25%"),
    ("25 to 50 %", "brightness:>=25% brightness:<50%"),
    ("50 to 75 %", "brightness:>=50% brightness:<75%"),
    ("bright, 75 % and more", "brightness:>=75%"),
    ("not measured yet", "-brightness:>=0"),
)
MISSING: Rows = (
    ("no tag", "-has:tag"),
    ("no stars", "-has:rating"),
    ("no text read in them", "-has:text"),
    ("no description", "-has:description"),
    ("no title", "-has:title"),
    ("in no album", "-has:album"),
    ("no date", "-has:date"),
    ("no position", "-has:gps"),
    ("no camera told", "-has:camera"),
)
MONTHS = tuple(calendar.month_name)[1:]


def asked(key: str, *values: str) -> str:
    """The query for photos of which one of the values is known; empty where no link can carry it, or none can be read
    so.
    """
    reading = Reading(restrictions=(Restriction(key, tuple(value.replace("*", STAR) for value in values)),))
    text = written(reading)
    return text if len(text) <= LONGEST and shown(text.replace(STAR, "")) == text and parse(text) == reading else ""


def condition(query: str) -> PhotoFilter:
    """What a query of filters alone wants."""
    return PhotoFilter(where=parse(query).conditions)


def _bars(key: str, counted: Iterable[tuple[str, int]], most: int, label: Callable[[str], str] = shown) -> list[Bar]:
    found = (Bar(label(value), photos, asked(key, value)) for value, photos in counted if value)
    return list(itertools.islice((bar for bar in found if bar.query and bar.photos), most))


def _fixed(catalog: Catalog, rows: Rows) -> tuple[Bar, ...]:
    """Those of the rows that some photos pass."""
    found = (Bar(label, catalog.listing.number(condition(query)), query) for label, query in rows)
    return tuple(bar for bar in found if bar.photos)


def growth(catalog: Catalog) -> Block:
    """Photos by when they were added: days, months or years, whichever are few enough; the latest last."""
    days = sorted((day, photos) for day, photos in catalog.vocabulary.counts("added"))
    by_month, by_year = (_summed(days, characters) for characters in (7, 4))
    steps = days if len(days) <= MOST_DAYS else by_month if len(by_month) <= MOST_MONTHS else by_year
    totals = list(itertools.accumulate(photos for _, photos in steps))
    bars = [
        Bar(when, photos, asked("added", when), detail=f"{total:,} in all")
        for (when, photos), total in zip(steps, totals, strict=True)
        if asked("added", when)
    ]
    return Block("growth", "Growth of the library", tuple(bars[-MOST_YEARS:]))


def _summed(days: Sequence[tuple[str, int]], characters: int) -> list[tuple[str, int]]:
    groups = itertools.groupby(days, lambda day: day[0][:characters])
    return [(when, sum(photos for _, photos in some)) for when, some in groups]


def formats(catalog: Catalog) -> Block:
    return Block("formats", "Formats", tuple(_bars("format", catalog.vocabulary.counts("format"), MOST, str.upper)))


def shapes(catalog: Catalog) -> Block:
    return Block("shapes", "Shapes", tuple(_bars("is", catalog.vocabulary.counts("shape"), MOST)))


def cameras(catalog: Catalog) -> Block:
    """By model."""
    models = {folded(name) for name in catalog.vocabulary.values("model")}
    counted = catalog.vocabulary.counts("camera")
    bars = _bars("camera", ((name, photos) for name, photos in counted if folded(name) in models), MOST)
    note = "A camera counts all whose make or model has that text in it, as the filter does." if bars else ""
    return Block("cameras", "Cameras", tuple(bars), note)


def years(catalog: Catalog) -> Block:
    counted = sorted(catalog.vocabulary.counts("year"), reverse=True)
    return Block("years", "Years", tuple(_bars("date", counted, MOST_YEARS)))


def months(catalog: Catalog) -> Block:
    return Block("months", "Latest months", tuple(_bars("date", _months(catalog), MOST_MONTHS)))


def seasons(catalog: Catalog) -> Block:
    """The months of the year, all years together."""
    bars = []
    for number, name in enumerate(MONTHS, 1):
        some = [(month, photos) for month, photos in _months(catalog) if month.endswith(f"-{number:02}")]
        query = asked("date", *(month for month, _ in some)) if some else ""
        if query:
            bars.append(Bar(name, sum(photos for _, photos in some), query))
    return Block("seasons", "Months of the year", tuple(bars))


def _months(catalog: Catalog) -> list[tuple[str, int]]:
    """The latest first."""
    return [(month, photos) for month, photos in catalog.browsing.months() if re.fullmatch(r"\d{4}-\d\d", month)]


def countries(catalog: Catalog) -> Block:
    return Block("countries", "Countries", _places(catalog, {names[0] for names, _ in catalog.browsing.sites()}))


def places(catalog: Catalog) -> Block:
    """The smallest places that photos name."""
    sites = [names for names, _ in catalog.browsing.sites()]
    named = {names[-1] for names in sites if len(names) > 1}
    return Block("places", "Places", _places(catalog, named))


def _places(catalog: Catalog, named: Collection[str]) -> tuple[Bar, ...]:
    wanted = {folded(name) for name in named}
    counted = catalog.vocabulary.counts("place")
    return tuple(_bars("place", ((name, photos) for name, photos in counted if folded(name) in wanted), MOST))


def megapixels(catalog: Catalog) -> Block:
    return Block("megapixels", "Size of the pictures", _fixed(catalog, MEGAPIXELS))


def stars(catalog: Catalog) -> Block:
    counted = sorted(catalog.vocabulary.counts("rating"), key=lambda pair: -int(pair[0]))
    return Block("stars", "Stars", tuple(_bars("rating", counted, MOST, lambda value: as_shown("rating", int(value)))))


def sharpness(catalog: Catalog) -> Block:
    return Block("sharpness", "Sharpness", _fixed(catalog, SHARPNESS))


def brightness(catalog: Catalog) -> Block:
    return Block("brightness", "Brightness", _fixed(catalog, BRIGHTNESS))


def missing(catalog: Catalog) -> Block:
    return Block("missing", "What is missing", _fixed(catalog, MISSING))


COUNTED: Mapping[str, Callable[[Catalog], Block]] = {
    "growth": growth,
    "years": years,
    "months": months,
    "seasons": seasons,
    "cameras": cameras,
    "formats": formats,
    "countries": countries,
    "places": places,
    "megapixels": megapixels,
    "shapes": shapes,
    "sharpness": sharpness,
    "brightness": brightness,
    "stars": stars,
    "missing": missing,
}
"""In the order in which people are shown them."""
