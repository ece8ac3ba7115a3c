"""The values that the library has: for completing what is typed, and how many photos have each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from src.api.routes import routes
from src.database.catalog.facts import FactsRow
from src.errors import BadInput
from src.runtime import Services
from src.schema import PhotoFilter
from src.schema.conditions import STAR, parse_condition
from src.schema.facts import PhotoFacts, PictureMeasures
from src.schema.fields import BY_NAME
from src.schema.query_keys import KEYS
from src.services.search.language import parse
from src.services.search.vocabulary import COMPLETED, FACTS, Vocabulary
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


@pytest.fixture
def curated(services: Services, tmp_path: Path) -> Services:
    """Eight photos with facts that resemble one another, of which the user said other things than their files: what he
    says counts. Two are hidden: one is in the bin, one was deleted.
    """
    for number, name in enumerate("abcdefgh"):
        place = tmp_path / "all" / ("2019/Italy" if number < 3 else "2020" if number < 6 else "")
        place.mkdir(parents=True, exist_ok=True)
        colour_picture(("red", "green", "blue")[number % 3], (60 + 5 * number, 90)).save(place / f"{name}.png")
    list(services.handlers["index"]({"paths": [str(tmp_path / "all")]}))
    found = services.browsing.listing("sort:name").ids
    models = ("A7", "A7R", "a7", "Öd 100% b_st|*", "D300", None, "A7", "A7")
    rows = [
        PhotoFacts(
            camera_make=("Sony", "SONY", None)[number % 3],
            camera_model=model,
            lens=("50mm", "50mm f/2", "24mm")[number % 3],
            software=("GIMP", "gimp 2", None)[number % 3],
            title=("Summer party", "party", None)[number % 3],
            place=(("Paris", "France"), ("Berlin", "Germany"), ("Paris", "paris"))[number % 3],
            keywords=(("sea", "trip/Italy"), ("Sea",), ("trip", "trip/italy/rome"))[number % 3],
            rating=(3, None, 0, -1)[number % 4],
            taken_at=f"20{19 + number % 3}-05-01T12:00:00",
        )
        for number, model in enumerate(models)
    ]
    measured = PictureMeasures(10.0, 0.5, 0.1, 0.1, ("#ff0000", "#0000ff"))
    services.catalog.facts.put(
        "test", [FactsRow(id_, told, measured, "") for id_, told in zip(found, rows, strict=True)]
    )
    does = services.curation
    does.tag(found[:4], add=["own words", "trip/spain"], remove=["sea"])
    does.rate(found[1:3], 5)
    does.favourite(found[2:5])
    does.note(found[:2], "ask her")
    does.note(found[2:3], "Ask")
    does.create_album("Best", found[1:7])
    does.create_album("best of 2020", found[:1])
    does.create_album("nothing")
    does.remove(found[6:7])
    (tmp_path / "all" / "h.png").unlink()
    list(services.handlers["sync"]({}))
    return services


@pytest.mark.parametrize("query", ["", "rating:>=3", "tag:trip", "in:2019 -album:nothing", "is:favourite camera:a7"])
def test_every_value_is_counted_as_asking_for_it_finds(curated: Services, query: str) -> None:
    from src.services.search.language import Reading, Restriction, written

    for key in FACTS:
        others = tuple(one for one in parse(query).restrictions if one.key != key or one.negative)
        counted = counts(curated, query, key)
        assert counted is not None and (query or counted), key
        for value, number in counted.items():
            text = written(Reading(restrictions=(*others, Restriction(key, (value.replace("*", STAR),)))))
            assert len(curated.browsing.listing(text).ids) == number > 0, text


def test_every_filter_by_words_completes_them() -> None:
    """But for the names of files, of which each has its own, and captions and texts in pictures, which are long."""
    from src.services.search.completing import VALUES

    words = {key.name for key in KEYS.values() if any(BY_NAME[name].kind in ("text", "words") for name in key.fields)}
    assert words - {*COMPLETED, *VALUES} == {"name", "caption", "text"} and set(COMPLETED) <= {"in", *FACTS}


def test_what_can_be_completed_is_counted(curated: Services) -> None:
    for key in COMPLETED:
        offered = curated.vocabulary.completions(key, "", 100)
        known = dict(_folders(curated) if key == "in" else counts(curated, "", key) or {})
        assert offered and {value.replace(STAR, "*") for value in offered} == set(known), key


def _folders(library: Services) -> dict[str, int]:
    return {
        name: len(library.browsing.listing(f"in:{name}").ids)
        for name in ("all", "all/2019", "all/2019/Italy", "all/2020")
    }


def test_what_the_user_says_is_completed_and_counted(curated: Services) -> None:
    assert counts(curated, "", "tag") == {
        "trip": 5,
        "own words": 4,
        "trip/spain": 4,
        "trip/Italy": 4,
        "trip/italy/rome": 2,
        "Sea": 1,
    }
    assert curated.vocabulary.completions("tag", "own") == ["own words"]
    assert counts(curated, "", "rating") == {"5": 2, "3": 2, "-1": 1}
    assert (counts(curated, "", "is") or {})["favourite"] == 3
    assert counts(curated, "", "album") == {"Best": 5, "best of 2020": 1}
    assert counts(curated, "", "note") == {"Ask": 3, "ask her": 2}, "a part of it is enough"
    assert curated.vocabulary.completions("note", "ask") == ["ask her"]
    assert counts(curated, "", "camera") == {"SONY": 4, "A7": 3, "A7R": 1, "D300": 1, "Öd 100% b_st|*": 1}


def test_places_and_filters_count_the_same(curated: Services) -> None:
    places = curated.browsing.places()
    assert dict(places.cameras) == counts(curated, "", "camera")
    assert dict(places.tags) == counts(curated, "", "tag") and sum(number for _, number in places.folders) == 6


def test_what_takes_too_long_is_given_up(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    from src.database.catalog import vocabulary

    table = library.catalog.vocabulary
    monkeypatch.setattr(vocabulary, "STEPS", 1)
    for fact in ("keywords", "camera"):
        with pytest.raises(TimeoutError):
            table.counts(fact, seconds=-1)
    for fact in ("keywords", "title"):
        with pytest.raises(TimeoutError):
            table.values(fact, seconds=-1)
    assert table.counts("camera") == [("A7", 2), ("D300", 2)], "the connection is as it was"
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
        db.execute("UPDATE facts SET place = ?, colours = ?, colour_words = NULL", (stored, stored))
        db.execute("UPDATE photo_tags SET said = ?", (stored,))
    assert bool(library.catalog.vocabulary.counts("keywords")) is bool(stored)
    for fact in ("place", "colours"):
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
