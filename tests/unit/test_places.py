"""Names of positions: the nearest place, what it is a part of, and none where none is near."""

from __future__ import annotations

import gzip
import math
import random

import pytest

from scripts import place_names
from src.processing import places
from src.processing.facts.iptc import in_iptc
from src.processing.facts.merge import Sources, merged
from src.processing.facts.told import Told
from src.processing.facts.xmp_told import in_xmp
from src.schema.facts import NOWHERE, PhotoFacts, Place
from tests.unit.test_facts import xmp

LINES = (
    "\tNorthland\tCoast",
    "Harbour\t10050\t20000",
    "Large City\t10000\t20000\t2000",
    "Village\t10300\t20000",
    "\tNorthland\t",
    "Over There\t9950\t20000",
    "\tEastland\tIsles",
    "Dateline\t-16000\t179990",
    "Top\t89990\t0",
)


@pytest.fixture(scope="module")
def few() -> places.Places:
    return places.Places("\n".join(LINES))


@pytest.mark.parametrize(
    ("position", "names"),
    [
        ((10.0, 20.0), ("Large City", "Coast", "Northland")),
        ((10.06, 20.0), ("Harbour", "Large City", "Coast", "Northland")),  # within the room that its people need
        ((10.29, 20.0), ("Village", "Coast", "Northland")),  # not so far out
        ((9.95, 20.0), ("Over There", "Northland")),  # another region is no part of the city
        ((10.7, 20.0), ("Village", "Coast", "Northland")),
        ((10.8, 20.0), ()),  # 55 km from anywhere
        ((10.0, 21.0), ()),
        ((-16.0, -179.99), ("Dateline", "Isles", "Eastland")),
        ((90.0, 120.0), ("Top", "Isles", "Eastland")),
        ((0.0, 0.0), ()),
    ],
)
def test_a_position_has_the_names_of_the_nearest_place(
    few: places.Places, position: tuple[float, float], names: tuple[str, ...]
) -> None:
    assert few.nearest(*position).names == names


def test_each_place_that_is_near_is_compared() -> None:
    dice = random.Random(3)
    spots = [(dice.uniform(-90, 90), dice.uniform(-180, 180)) for _ in range(3000)]
    rows = [f"p{number}\t{round(1000 * north)}\t{round(1000 * east)}" for number, (north, east) in enumerate(spots)]
    known = places.Places("\n".join(["\tland\t", *rows]))
    spots = [(round(1000 * north) / 1000, round(1000 * east) / 1000) for north, east in spots]
    asked = [(dice.choice((dice.uniform(-90, 90), 89.9, -89.8)), dice.uniform(-180, 180)) for _ in range(200)]
    near = 0
    for here in asked:
        best = min(range(len(spots)), key=lambda number: kilometres(here, spots[number]))
        expected = f"p{best}" if kilometres(here, spots[best]) <= 49.99 else None
        near += expected is not None
        if not 49.99 < kilometres(here, spots[best]) < 50.01:
            assert known.nearest(*here).city == expected
    assert near > 20


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Along a great circle, by the haversine formula."""
    (north, east), (north2, east2) = (tuple(map(math.radians, each)) for each in (one, other))
    part = math.sin((north - north2) / 2) ** 2
    part += math.cos(north) * math.cos(north2) * math.sin((east - east2) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(min(1.0, part)))


@pytest.mark.parametrize(
    ("position", "some"),
    [
        ((48.8584, 2.2945), {"Paris", "Île-de-France", "France"}),
        ((40.709, -74.003), {"New York City", "New York", "United States"}),
        ((48.1374, 11.5755), {"Munich", "Bavaria", "Germany"}),
        ((35.6586, 139.7454), {"Tokyo", "Japan"}),
        ((-33.8568, 151.2153), {"Sydney", "New South Wales", "Australia"}),
        ((51.5007, -0.1246), {"London", "England", "United Kingdom"}),
        ((37.5796, 126.977), {"Seoul", "South Korea"}),
    ],
)
def test_the_places_of_the_world_are_known(position: tuple[float, float], some: set[str]) -> None:
    assert some <= set(places.nearest(*position).names)


def test_the_sea_has_no_names() -> None:
    assert places.nearest(30.0, -40.0) == NOWHERE == places.nearest(0.0, 0.0) == places.nearest(-90.0, 0.0)


def test_the_file_is_what_its_maker_writes() -> None:
    text = gzip.decompress(places.FILE.read_bytes()).decode()
    told, countries = [], {}
    for region in text.removeprefix("\t").split("\n\t"):
        heading, *rows = region.split("\n")
        country, state = heading.split("\t")
        countries[country] = country
        for row in rows:
            city, north, east, *people = row.split("\t")
            where = {"latitude": int(north) / 1000, "longitude": int(east) / 1000}
            named = {"country_code": country, "city": city, **({"state": state} if state else {})}
            told.append({**named, **where, "population": 1000 * int(*people or ["0"])})
    random.Random(1).shuffle(told)
    again = place_names.lines(told, countries)
    assert len(told) > 150_000 and "\n".join(again) == text
    assert gzip.decompress(place_names.packed(again[:9])).decode() == "\n".join(again[:9])


def test_countries_have_the_names_that_people_say() -> None:
    named = place_names.countries("# a comment\nFR\tFrance\nGB\tBritain (UK)\n")
    assert (named["FR"], named["GB"], named["XK"]) == ("France", "United Kingdom", "Kosovo")


# ---------------------------------------------------------------- what files tell


def iptc(**texts: str) -> bytes:
    numbers = {"city": 90, "part": 92, "region": 95, "country": 101}
    sets = ((numbers[name], text.encode()) for name, text in texts.items())
    return b"".join(bytes([0x1C, 2, number]) + len(text).to_bytes(2) + text for number, text in sets)


def test_iptc_and_xmp_tell_names() -> None:
    told = in_iptc(iptc(city="Rom", part="Trastevere", region="Latium", country="Italien"))
    assert told.named == Place("Trastevere", "Rom", "Latium", "Italien")
    attributes = 'photoshop:City="Rom" photoshop:State="Latium" photoshop:Country="Italien" Iptc4xmpCore:Location="-"'
    assert in_xmp(xmp("", attributes)).named == Place(None, "Rom", "Latium", "Italien")
    assert in_iptc(iptc(city="  ", country="--")).named == NOWHERE


@pytest.mark.parametrize(
    ("written", "position", "names", "by_position"),
    [
        (NOWHERE, None, (), False),
        (Place(country="Italien"), None, ("Italien",), False),
        (NOWHERE, (48.1374, 11.5755), ("Munich", "Bavaria", "Germany"), True),
        (Place(city="München"), (48.1374, 11.5755), ("München", "Bavaria", "Germany"), True),
        (Place("A", "B", "C", "D"), (48.1374, 11.5755), ("A", "B", "C", "D"), False),
        (Place(city="Manhattan"), (40.709, -74.003), ("Manhattan", "New York", "United States"), True),
        (Place(city="Atlantis"), (30.0, -40.0), ("Atlantis",), False),
    ],
)
def test_what_is_written_is_believed_first(
    written: Place, position: tuple[float, float] | None, names: tuple[str, ...], by_position: bool
) -> None:
    north, east = position or (None, None)
    told = merged(PhotoFacts(), Sources(exif=Told(latitude=north, longitude=east), iptc=Told(named=written)))
    assert told.place == names and ("place" in told.sources) == by_position


def test_of_several_that_tell_the_first_is_believed_about_each_name() -> None:
    sidecar, xmp_told = Told(named=Place(city="Rom")), Told(named=Place(city="Roma", country="Italia"))
    assert merged(PhotoFacts(), Sources(xmp=xmp_told, sidecars=(sidecar,))).place == ("Rom", "Italia")
