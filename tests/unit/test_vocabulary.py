"""The values that the library has: for completing what is typed, and how many photos have each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from src.api.routes import routes
from src.errors import BadInput
from src.runtime import Services
from src.schema import PhotoFilter
from src.schema.conditions import STAR, parse_condition
from src.services.search.language import parse
from src.services.search.vocabulary import FACTS, Vocabulary
from tests.fakes import colour_picture

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{}">
<dc:subject><rdf:Bag>{}</rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"""


def photo(path: Path, colour: str, tags: str, rating: int, model: str, taken: str) -> None:
    exif = Image.Exif()
    exif[0x0110] = model
    exif.get_ifd(0x8769)[0x9003] = f"{taken.replace('-', ':')} 12:00:00"
    path.parent.mkdir(parents=True, exist_ok=True)
    items = "".join(f"<rdf:li>{tag}</rdf:li>" for tag in tags.split(","))
    xmp = XMP.format(rating, items).encode()
    colour_picture(colour, (60, 40)).save(path, exif=exif, xmp=xmp)


@pytest.fixture
def library(services: Services, tmp_path: Path) -> Services:
    photo(tmp_path / "all" / "2019" / "Italy" / "a.jpg", "red", "Wedding,family", 5, "D300", "2019-05-01")
    photo(tmp_path / "all" / "2019" / "Italy" / "b.jpg", "green", "wedding", 3, "D300", "2019-05-02")
    photo(tmp_path / "all" / "2020" / "5* best" / "c.jpg", "blue", "Wedding,sea side", 4, "A7", "2020-01-01")
    photo(tmp_path / "all" / "d.jpg", "yellow", "sea", 1, "A7", "2021-01-01")
    list(services.handlers["index"]({"paths": [str(tmp_path / "all")]}))
    list(services.handlers["facts"]({}))
    return services


def counts(library: Services, query: str, key: str) -> Mapping[str, int] | None:
    return library.vocabulary.counts(parse(query), [key], patience=30)[key]


def test_values_are_completed_by_what_is_typed_the_most_used_first(library: Services) -> None:
    complete = library.vocabulary.completions
    assert complete("tag", "") == ["Wedding", "family", "sea", "sea side"], "of two spellings the more used"
    assert complete("tags", "SE") == ["sea", "sea side"] and complete("keyword", "side") == ["sea side"]
    assert complete("tag", "wedding") == [], "it is there already"
    assert complete("camera", "") == ["A7", "D300"] and complete("format", "j") == ["JPEG"]
    assert complete("in", "") == ["all", "all/2019", "all/2019/Italy", "all/2020", f"all/2020/5{STAR} best"]
    assert complete("in", "ita") == ["all/2019/Italy"] and complete("in", "5\x1a") == [f"all/2020/5{STAR} best"]
    assert complete("rating", "") == complete("nonsense", "") == complete("tag", "zebra") == []
    assert len(complete("in", "", most=2)) == 2


def test_a_completed_value_finds_its_photos(library: Services) -> None:
    from src.services.search.language import Reading, Restriction, written
    from src.services.search.service import Query

    for key in ("in", "tag", "camera", "format"):
        for value in library.vocabulary.completions(key, ""):
            text = written(Reading(restrictions=(Restriction(key, (value,)),)))
            assert library.search.search(Query(text)).hits, text


def test_what_is_known_follows_the_library(library: Services, tmp_path: Path) -> None:
    assert library.vocabulary.completions("tag", "fam") == ["family"] and counts(library, "", "tag")
    (tmp_path / "all" / "2019" / "Italy" / "a.jpg").unlink()
    list(library.handlers["sync"]({}))
    assert library.vocabulary.completions("tag", "fam") == []
    assert counts(library, "", "tag") == {"Wedding": 2, "sea": 1, "sea side": 1} and counts(library, "", "date") == {
        "2019": 1,
        "2020": 1,
        "2021": 1,
    }


def test_counts_follow_all_other_filters(library: Services) -> None:
    assert counts(library, "sunset", "tag") == {"Wedding": 3, "family": 1, "sea": 1, "sea side": 1}
    assert counts(library, "rating:>=4", "tag") == {"Wedding": 2, "family": 1, "sea side": 1}
    assert counts(library, "camera:D300 tag:wedding", "camera") == {"A7": 1, "D300": 2}
    assert counts(library, "-camera:D300", "camera") == {"A7": 2}, "what must not be holds for every choice"
    assert counts(library, "in:2019", "date") == {"2019": 2} and counts(library, "in:nowhere", "date") == {}
    assert counts(library, "date:2019", "rating") == {"3": 1, "5": 1}
    assert counts(library, "", "is") == {"landscape": 4} and counts(library, "", "format") == {"JPEG": 4}
    assert set(counts(library, "", "colour") or ()) >= {"red", "blue"}
    assert list((counts(library, "tag:wedding", "in") or {}).values()) == [3]


@pytest.mark.parametrize("key", [key for key in FACTS if key not in ("colour", "software")])
@pytest.mark.parametrize("query", ["", "rating:>=3", "in:2019", "tag:sea"])
def test_a_choice_leaves_as_many_photos_as_it_says(library: Services, key: str, query: str) -> None:
    from src.services.search.language import Reading, Restriction, written
    from src.services.search.service import Query

    for value, number in (counts(library, query, key) or {}).items():
        others = tuple(one for one in parse(query).restrictions if one.key != key)
        text = written(Reading(restrictions=(*others, Restriction(key, (value,)))))
        assert library.search.search(Query(text)).searched == number, text


def test_what_takes_too_long_is_given_up(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    from src.database.catalog import vocabulary

    table = library.catalog.vocabulary
    monkeypatch.setattr(vocabulary, "STEPS", 1)
    for fact in ("keywords", "camera_model"):
        with pytest.raises(TimeoutError):
            table.counts(fact, seconds=-1)
    with pytest.raises(TimeoutError):
        table.folders(seconds=-1)
    assert table.counts("camera_model") == [("A7", 2), ("D300", 2)], "the connection is as it was"
    with pytest.raises(BadInput):
        table.counts("format", PhotoFilter(since="2020-01-02", until="2020-01-01"))
    monkeypatch.setattr("src.services.search.vocabulary.LONGEST", -1.0)
    fresh = Vocabulary(library.catalog)
    assert fresh.counts(parse(""), ["tag"], patience=30) == {"tag": None}
    assert not fresh.counting(parse(""), ["tag"])
    fresh.close()


@pytest.mark.parametrize("stored", ["", "{", "7", "{}", '["a", 5, null]', '["\\ud800"]'])
def test_odd_rows_harm_nothing(library: Services, stored: str) -> None:
    import sqlite3

    with sqlite3.connect(library.catalog.path) as db:
        db.execute("UPDATE facts SET keywords = ?, colours = ?", (stored, stored))
    for fact in ("keywords", "colours"):
        found = library.catalog.vocabulary.counts(fact, PhotoFilter(where=(parse_condition("rating>=1"),)))
        assert all(number == 4 for _, number in found)


def test_the_page_asks_for_values_while_one_types(library: Services) -> None:
    client = TestClient(Starlette(routes=routes(lambda: library)))
    answer = client.get("/api/values/tag", params={"typed": "se"})
    assert answer.json() == {"values": ["sea", "sea side"]} and answer.headers["cache-control"] == "no-store"
    assert client.get("/api/values/in", params={"typed": "best"}).json() == {"values": [f"all/2020/5{STAR} best"]}
    assert client.get("/api/values/nonsense").json() == {"values": []}
    assert client.get("/api/values").status_code == client.get("/api/values/a/b").status_code == 404
    assert client.get("/api/values/tag", params={"typed": "x" * 5_000}).json() == {"values": []}
