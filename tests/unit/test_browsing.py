"""The library looked through as a whole: photos in an order for a page, what they are called, where they are from."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from src.api.origin_guard import Doors
from src.api.routes import routes
from src.database.catalog.browsing import ListedPhoto
from src.runtime import Services
from src.services.search.browsing import look_of, looks_for, pack
from src.services.search.language import parse
from tests.conftest import make_photo

SHAPES = {"a": (160, 120), "b": (120, 160), "c": (100, 100), "d": (300, 100)}


@pytest.fixture
def folder(tmp_path: Path, services: Services) -> Path:
    """Four photos in two folders, the first two of July 2024 and the third of 2023; all are indexed."""
    place = tmp_path / "all"
    for number, (name, size) in enumerate(SHAPES.items()):
        make_photo(place / ("one" if number < 3 else "two") / f"{name}.jpg", (40 * number, 90, 200), size, number)
    list(services.handlers["index"]({"paths": [str(place)]}))
    days = {"a": "2024-07-31T10:00:00", "b": "2024-07-02T10:00:00", "c": "2023-01-05T08:00:00"}
    for hit in services.library.newest(10):
        taken = days.get(Path(hit.path).stem)
        with services.catalog._file.writing() as db:
            db.exec_driver_sql("UPDATE images SET taken_at = ? WHERE id = ?", (taken, hit.id))
    return place


def names(services: Services, text: str = "") -> list[str]:
    ids = services.browsing.listing(text).ids
    shown = {one.id: one.name for one in services.browsing.shown(ids)}
    return [shown[id_][0] for id_ in ids]


def test_photos_are_listed_by_the_day_they_were_taken_and_in_the_order_that_is_asked_for(
    services: Services, folder: Path
) -> None:
    assert names(services) == ["a", "b", "c", "d"]
    assert names(services, "sort:-date") == ["c", "b", "a", "d"], "those without a date come last"
    assert names(services, "sort:-name") == ["d", "c", "b", "a"]


def test_filters_narrow_the_listing_and_words_do_not(services: Services, folder: Path) -> None:
    assert names(services, "date:2024") == ["a", "b"]
    assert names(services, f"in:{folder / 'two'}") == ["d"]
    assert names(services, "date:2024 is:portrait") == ["b"]
    assert names(services, "camera:nosuch") == []
    assert names(services, "a red dog -cat") == ["a", "b", "c", "d"]
    assert looks_for(parse("dog")) and not looks_for(parse("date:2024 sort:name"))


def test_a_listing_is_made_once_for_each_change(services: Services, folder: Path) -> None:
    first = services.browsing.listing("date:2024")
    assert services.browsing.listing("  date:2024 ") is first
    services.curation.remove(first.ids[:1])
    assert names(services, "date:2024") == ["b"]
    services.curation.undo()
    assert names(services, "date:2024") == ["a", "b"]


def test_a_photo_takes_26_bytes_column_after_column(services: Services, folder: Path) -> None:
    list(services.facts.read_all())  # colours are measured
    listing = services.browsing.listing("")
    number = len(listing.ids)
    assert len(listing.packed) == 26 * number
    days, rest = listing.packed[: 4 * number], listing.packed[4 * number :]
    assert struct.unpack("<4I", days) == (20240731, 20240702, 20230105, 0)
    assert all(0x1000000 <= colour <= 0x1FFFFFF for colour in struct.unpack("<4I", rest[:16]))
    assert struct.unpack("<4H", rest[16:24]) == (1333, 750, 1000, 3000)
    assert [str(UUID(bytes=rest[24 + 16 * at : 40 + 16 * at])) for at in range(number)] == list(listing.ids)


def test_what_a_damaged_row_says_can_be_packed() -> None:
    odd = ListedPhoto(str(UUID(int=7)), 0, -3, 2024_99_01, "zzzzzz")
    wide = ListedPhoto(str(UUID(int=8)), 10**9, 1, 10**12, "#12")
    texts = ListedPhoto(str(UUID(int=9)), "x", None, "x", None)  # type: ignore[arg-type]
    packed = pack([odd, wide, texts])
    assert np.frombuffer(packed[:24], "<u4").tolist() == [0] * 6
    assert np.frombuffer(packed[24:30], "<u2").tolist() == [1000, 65535, 1000]


def test_places_are_counted_without_what_is_hidden(services: Services, folder: Path) -> None:
    places = services.browsing.places()
    assert places.folders == [(str(folder / "one"), 3), (str(folder / "two"), 1)]
    assert places.months == [("2024-07", 2), ("2023-01", 1), ("", 1)] and places.cameras == []
    ids = services.browsing.listing("").ids
    services.curation.tag(ids[:2], add=["trip/italy"])
    services.curation.create_album("Best", ids[1:3])
    (folder / "two" / "d.jpg").unlink()
    list(services.handlers["sync"]({"paths": [str(folder)]}))
    services.curation.remove(ids[:1])
    places = services.browsing.places()
    assert places.folders == [(str(folder / "one"), 2)]
    assert places.months == [("2024-07", 1), ("2023-01", 1)]
    assert places.albums == [("Best", 2)] and places.tags == [("trip", 1), ("trip/italy", 1)]


def test_places_are_told_from_the_country_inwards_and_each_is_found_by_its_name(
    services: Services, folder: Path
) -> None:
    ids = services.browsing.listing("").ids
    told = ['["Trastevere", "Rome", "Lazio", "Italy"]', '["Rome", "Lazio", "Italy"]', '["Oban", "Scotland"]', "no JSON"]
    with services.catalog._file.writing() as db:
        for id_, place in zip(ids, told, strict=True):
            db.exec_driver_sql("INSERT OR IGNORE INTO facts (image_id) VALUES (?)", (id_,))
            db.exec_driver_sql("UPDATE facts SET place = ? WHERE image_id = ?", (place, id_))
    sites = services.catalog.browsing.sites()
    assert sorted(sites) == [
        (("Italy", "Lazio", "Rome"), 1),
        (("Italy", "Lazio", "Rome", "Trastevere"), 1),
        (("Scotland", "Oban"), 1),
    ]
    assert names(services, "place:Italy") == ["a", "b"] and names(services, "place:oban") == ["c"]
    services.curation.remove(ids[:1])
    assert (("Italy", "Lazio", "Rome", "Trastevere"), 1) not in services.browsing.places().sites


def test_some_photos_are_told_of_as_all_are(services: Services, folder: Path) -> None:
    ids = services.browsing.listing("").ids
    services.curation.remove(ids[:1])
    some = {row.id: row for row in services.catalog.browsing.of([*ids[:3], "none"])}
    assert set(some) == set(ids[1:3])
    assert list(some.values()) == [row for row in services.catalog.browsing.photos(None, "date") if row.id in some]
    assert look_of(some[ids[1]])[0] == 20240702


# ---------------------------------------------------------------- the routes


@pytest.fixture
def client(services: Services, folder: Path) -> TestClient:
    app = Starlette(routes=routes(lambda: services), middleware=[Middleware(Doors)])
    return TestClient(app, base_url="http://localhost")


def test_the_listing_is_sent_once_for_each_change(client: TestClient, services: Services) -> None:
    first = client.get("/api/listing", params={"q": "date:2024"})
    assert first.status_code == 200 and len(first.content) == 52
    assert first.headers["cache-control"] == "private, no-cache"
    known = {"If-None-Match": first.headers["etag"]}
    again = client.get("/api/listing", params={"q": "date:2024"}, headers=known)
    assert again.status_code == 304 and again.content == b""
    assert client.get("/api/listing", params={"q": "date:2023"}, headers=known).status_code == 200
    services.curation.remove(services.browsing.listing("").ids[:1])
    assert len(client.get("/api/listing", params={"q": "date:2024"}, headers=known).content) == 26


@pytest.mark.parametrize("text", ["\0", "date:", '"' * 5_000, "in:../../etc", "size:>999999999999gb", "💥" * 500])
def test_any_text_gives_a_listing(client: TestClient, text: str) -> None:
    assert client.get("/api/listing", params={"q": text}).status_code == 200


def test_names_and_places_are_told_of_photos_that_are_asked_for(client: TestClient, services: Services) -> None:
    ids = services.browsing.listing("").ids
    asked = ",".join([ids[0].replace("-", ""), "x", "", "../..", str(UUID(int=5)).replace("-", ""), ids[1]])
    told = {one["name"]: one for one in client.get(f"/api/photos?ids={asked}").json()}
    assert set(told) == {"a.jpg", "b.jpg"}
    assert told["a.jpg"]["id"] == ids[0] and told["a.jpg"]["size"] == [160, 120]
    assert told["a.jpg"]["path"].endswith("one/a.jpg")


def test_places_are_told(client: TestClient, folder: Path) -> None:
    told = client.get("/api/places").json()
    assert told["folders"] == [[str(folder / "one"), 3], [str(folder / "two"), 1]]
    assert told["months"][0] == ["2024-07", 2]


@pytest.mark.parametrize("path", ["/api/listing", "/api/photos?ids=", "/api/places", "/api/outlines"])
def test_no_other_site_may_ask_and_nothing_is_changed(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200
    assert client.get(path, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 403
    assert all(client.request(method, path).status_code == 405 for method in ("POST", "PUT", "DELETE"))


def test_similar_photos_are_told_without_the_photo_itself_and_its_copies(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = services.browsing.listing("").ids
    told = client.get(f"/api/pages/similar/{ids[0]}").json()
    assert {one["id"] for one in told} == set(ids[1:]) and {one["name"] for one in told} == {"b.jpg", "c.jpg", "d.jpg"}
    monkeypatch.setattr(services.duplicates, "same_as_earlier", lambda some: {ids[1]: some[0]})
    assert {one["id"] for one in client.get(f"/api/pages/similar/{ids[0]}").json()} == set(ids[2:])
    assert client.get(f"/api/pages/similar/{UUID(int=5)}").status_code >= 400
    assert client.get("/api/pages/similar/..%2f..").status_code == 404


def test_the_outlines_of_countries_are_a_path_within_the_world(client: TestClient) -> None:
    answer = client.get("/api/outlines")
    path = answer.text
    assert answer.headers["content-type"].startswith("text/plain") and 50_000 < len(path) <= 150_000
    starts = re.findall(r"M(-?[0-9]+) (-?[0-9]+)l[-0-9 ]+z", path)
    assert len(starts) > 300 and re.sub(r"M-?[0-9]+ -?[0-9]+l[-0-9 ]+z", "", path) == ""
    assert all(-1800 <= int(x) <= 1800 and -900 <= int(y) <= 900 for x, y in starts)
    assert inside(path, 2.35, 48.86) and inside(path, -100.0, 40.0) and inside(path, 133.0, -25.0)
    assert not inside(path, -30.0, 0.0) and not inside(path, -140.0, 30.0), "that is the sea"


def inside(path: str, longitude: float, latitude: float) -> bool:
    """Whether a place is on land: of the borders to its right it crosses an odd number, once each country."""
    x, y = 10 * longitude, -10 * latitude
    crossed = 0
    for first, steps in re.findall(r"M(-?[0-9]+ -?[0-9]+)l([-0-9 ]+)z", path):
        numbers = np.array(re.findall(r"-?[0-9]+", steps), int).reshape(-1, 2)
        ring = np.vstack((np.array(first.split(), int), numbers)).cumsum(axis=0)
        after = np.roll(ring, -1, axis=0)
        rows = (ring[:, 1] > y) != (after[:, 1] > y)
        start, end = ring[rows], after[rows]
        at = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
        crossed += int((at > x).sum()) % 2
    return crossed % 2 == 1


def test_an_original_is_sent_as_large_as_it_is(client: TestClient, services: Services, tmp_path: Path) -> None:
    import io

    from PIL import Image

    make_photo(tmp_path / "large.jpg", (90, 90, 90), (3200, 1800))
    list(services.handlers["index"]({"paths": [str(tmp_path / "large.jpg")]}))
    found = next(hit.id for hit in services.library.newest(5) if hit.name == "large.jpg")

    def width(address: str) -> int:
        return int(Image.open(io.BytesIO(client.get(address).content)).width)

    sides = {"": 1600, "?side=640": 640, "?side=full": 3200}
    assert {end: width(f"/api/image/{found}{end}") for end in sides} == sides
