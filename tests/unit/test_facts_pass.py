"""Facts of photos in the library: read after they were added, anew where what lies beside them changed, filtered, shown
and exported.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from src.database.catalog.catalog import Catalog
from src.database.catalog.tables import facts as facts_table
from src.errors import BadInput, LibraryUnusable
from src.runtime import Services
from src.schema import Indexed, PhotoFilter, Skipped
from src.schema.colour_words import colour_word
from src.schema.conditions import parse_condition
from src.schema.fields import FIELDS
from src.services.enrichment import facts_pass
from src.services.search.service import Query
from tests.conftest import cleared
from tests.fakes import COLOURS

SIDECAR = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmp:Rating="{rating}">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>\
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def shot(path: Path, colour: str, make: str, model: str, iso: int, taken: str = "") -> Path:
    """A picture of one colour with a header."""
    picture = Image.new("RGB", (80, 60), COLOURS[colour])
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = make, model
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.ISOSpeedRatings] = iso
    if taken:
        details[ExifTags.Base.DateTimeOriginal] = taken
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, exif=exif)
    return path


@pytest.fixture
def album(services: Services, tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    shot(folder / "red.jpg", "red", "NIKON CORPORATION", "NIKON D300S", 200, "2015:05:16 07:23:45")
    shot(folder / "blue.jpg", "blue", "Apple", "iPhone 12", 800)
    shot(folder / "green.jpg", "green", "Box", "Brownie", 1600)
    (folder / "green.jpg.xmp").write_text(SIDECAR.format(rating=0, title="École"), encoding="utf-8")
    list(services.handlers["index"]({"paths": [str(folder)]}))
    list(services.handlers["facts"]({}))
    return folder


def ids(services: Services) -> dict[str, str]:
    """Name of a photo -> its id."""
    found = (services.library.details(id_) for id_ in services.catalog.listing.ids(None, "added", 50))
    return {details.name: details.id for details in found if details}


def names(services: Services, *conditions: str, mode: str = "images") -> set[str]:
    only = PhotoFilter(where=tuple(map(parse_condition, conditions)))
    page = services.search.search(Query("red"), 20, only=only, mode=mode)  # type: ignore[arg-type]
    listed = {services.library.details(id_).name for id_ in services.library.passing(only)}  # type: ignore[union-attr]
    assert mode != "images" or listed == {hit.name for hit in page.hits}
    assert services.catalog.vectors.count(services.library.collection(), only) == len(listed)
    return {hit.name for hit in page.hits}


def test_photos_that_were_added_are_due_and_read_once(services: Services, tmp_path: Path) -> None:
    shot(tmp_path / "a" / "red.jpg", "red", "NIKON", "D300", 100)
    list(services.handlers["index"]({"paths": [str(tmp_path / "a")]}))
    assert services.facts.waiting() == 1 and [job.kind for job in services.jobs.active()] == ["facts", "duplicates"]
    events = list(services.handlers["facts"]({}))
    assert sum(isinstance(event, Indexed) for event in events) == 1 and services.facts.waiting() == 0
    assert not [event for event in services.handlers["facts"]({}) if isinstance(event, Indexed)]


def test_what_the_file_tells_is_known_and_how_it_looks(services: Services, album: Path) -> None:
    known = services.catalog.facts.of(ids(services)["red.jpg"])
    assert (known["camera_make"], known["camera_model"], known["iso"]) == ("NIKON CORPORATION", "NIKON D300S", 200)
    assert known["taken_at"] == "2015-05-16T07:23:45" and known["sources"] == ("exif",) and known["width"] == 80
    assert known["brightness"] > 0.1 and len(known["colours"]) == 1 and known["sharpness"] < 50
    lines = dict(services.facts.of(ids(services)["red.jpg"]))
    assert lines["Camera"] == "NIKON D300S" and lines["Sensitivity"] == "ISO 200" and "Width" not in lines
    assert services.catalog.facts.of("none") == {} and services.facts.of("none") == []


def test_filters_on_facts(services: Services, album: Path) -> None:
    assert names(services, "camera=nikon") == {"red.jpg"} == names(services, "camera=d300s", "iso<=200")
    assert names(services, "iso=500..1000") == {"blue.jpg"} and names(services, "iso>=800") == {"blue.jpg", "green.jpg"}
    assert names(services, "title=école") == {"green.jpg"} == names(services, "title=ÉCO"), (
        "letters with accents have two cases as well"
    )
    assert names(services, "taken_at=2015-05") == {"red.jpg"} and names(services, "width=80", "format=jpeg") == set(
        ids(services)
    )
    assert names(services, "rating>=1") == set() and names(services, "keywords=x") == set()
    with pytest.raises(BadInput):
        names(services, "iso=x")


def test_objects_pass_with_their_photo(services: Services, album: Path) -> None:
    list(services.handlers["objects"]({}))
    assert names(services, "camera=nikon", mode="both") == {"red.jpg"}


def test_a_sidecar_that_came_changed_or_went_has_its_photo_read_anew(services: Services, album: Path) -> None:
    sidecar = album / "blue.jpg.xmp"
    for text, rating in (
        (SIDECAR.format(rating=4, title="x"), 4),
        (SIDECAR.format(rating=2, title="xy"), 2),
        (None, None),
    ):
        sidecar.write_text(text) if text else sidecar.unlink()
        events = list(services.handlers["facts"]({"folders": [str(album)]}))
        assert sum(isinstance(event, Indexed) for event in events) == 1
        assert services.catalog.facts.of(ids(services)["blue.jpg"]).get("rating") == rating
    assert names(services, "rating>=1") == set()


def test_looking_at_a_folder_queues_what_changed_beside_its_photos(services: Services, album: Path) -> None:
    services.jobs.cancel_all()
    list(services.handlers["sync"]({}))
    assert services.jobs.active() == []
    (album / "blue.xmp").write_text(SIDECAR.format(rating=5, title="x"))
    list(services.handlers["sync"]({}))
    assert [job.kind for job in services.jobs.active()] == ["facts"]


def test_another_recipe_reads_all_anew(services: Services, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_pass, "RECIPE", "another")
    assert services.facts.waiting() == 3


def test_a_photo_that_is_away_is_tried_again_and_a_damaged_one_is_not(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts_pass, "RECIPE", "another")
    (album / "red.jpg").rename(album.parent / "red.jpg")
    (album / "blue.jpg").write_bytes(b"no picture at all")
    events = list(services.handlers["facts"]({}))
    assert [event.path for event in events if isinstance(event, Skipped)] == ["red.jpg"]
    assert services.facts.waiting() == 1


def test_facts_go_with_their_photo(services: Services, album: Path) -> None:
    (album / "red.jpg").unlink()
    list(services.handlers["sync"]({}))
    assert names(services, "camera=nikon") == set(), "it is hidden"
    list(services.handlers["forget"]({}))
    list(services.handlers["empty"]({}))
    with services.catalog._file.reading() as db:
        assert len(db.execute(facts_table.select()).all()) == 2
    cleared(services)
    with services.catalog._file.reading() as db:
        assert db.execute(facts_table.select()).all() == []


def test_tables_have_every_fact(services: Services, album: Path, tmp_path: Path) -> None:
    list(services.handlers["export"]({"format": "csv", "place": str(tmp_path / "out")}))
    with (tmp_path / "out" / "images.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert {field.name for field in FIELDS} <= set(rows["red.jpg"])
    assert (
        rows["red.jpg"]["iso"] == "200"
        and rows["blue.jpg"]["camera_model"] == "iPhone 12"
        and rows["blue.jpg"]["rating"] == ""
    )


def test_a_fact_that_a_later_version_knows_gets_its_column_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite3"
    Catalog(file).close()
    with closing(sqlite3.connect(file)) as db:
        db.execute("ALTER TABLE facts DROP COLUMN lens")
    with pytest.raises(LibraryUnusable, match="older version"):
        Catalog(file, read_only=True, untouched=True)
    catalog = Catalog(file)
    assert catalog.vocabulary.counts("lens") == []
    catalog.close()
    Catalog(file, read_only=True, untouched=True).close()


def test_the_words_for_colours_are_kept_beside_them(services: Services, album: Path) -> None:
    list(services.handlers["facts"]({}))
    with sqlite3.connect(services.settings.catalog_file) as db:
        rows = db.execute("SELECT colours, colour_words FROM facts").fetchall()
    db.close()
    assert rows and all(words == f" {' '.join(map(colour_word, json.loads(codes)))} " for codes, words in rows)
    assert services.search.search(Query("colour:red"), 9).hits
