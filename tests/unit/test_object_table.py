"""Objects in the catalogue: replaced as a whole, hidden and forgotten with their image, and counted with it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src import masks
from src.database.catalog import looked_at
from src.database.catalog.catalog import Catalog, FileRow, ImageRow
from src.database.catalog.objects import recipe_of_objects
from src.schema import FileStamp, FloatArray, ImageFacts, PhotoFilter, Segment

IMAGES, OBJECTS, PASS = "image-test", "object-test", "objects"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    opened = Catalog(tmp_path / "data" / "catalog.sqlite3")
    opened.vectors.create(IMAGES, 4, "library")
    opened.vectors.create(OBJECTS, 4, "library", "object")
    for number, name in enumerate(("a", "b", "c")):
        facts = ImageFacts(40, 30, "JPEG", f"2024-01-0{number + 1}T12:00:00")
        path = f"/{name}/{name}.jpg"
        row = FileRow(os.fsencode(path), path, f"{name}.jpg", f"id-{name}", FileStamp(1, number, 3, 4), False)
        opened.commit_batch(
            IMAGES, [ImageRow(f"id-{name}", f"sha-{name}", facts, 10)], [row], {f"id-{name}": vector(number)}
        )
    return opened


def counts(catalog: Catalog) -> tuple[int, int]:
    """(visible images that were looked through, segments in them)."""
    return catalog.looked_at.count(PASS), catalog.objects.count()


def vector_ids(catalog: Catalog) -> list[str]:
    """Ids of all vectors of objects, those of hidden images too."""
    return [id_ for ids, _ in catalog.vectors.blocks(OBJECTS, hidden=True) for id_ in ids]


def vector(seed: int) -> FloatArray:
    values = np.random.default_rng(seed).normal(size=4).astype(np.float32)
    return values / np.linalg.norm(values)


def pairs(number: int, seed: int = 0) -> list[tuple[Segment, FloatArray]]:
    found = []
    for place in range(number):
        pixels = np.zeros((15, 20), np.bool_)
        pixels[place : place + 3, 2:9] = True
        found.append(
            (Segment((4, 2 * place, 18, 2 * place + 6), masks.encode(pixels), 0.9 - place / 10), vector(seed + place))
        )
    return found


def test_what_is_stored_comes_back_best_first(catalog: Catalog) -> None:
    given = pairs(3)
    assert catalog.objects.put(OBJECTS, "one", {"id-a": given, "id-b": []}) == 3
    new = vector_ids(catalog)
    assert len(new) == 3 and catalog.vectors.images_of(OBJECTS, new) == dict.fromkeys(new, "id-a")
    assert [stored.segment for stored in catalog.objects.of_image("id-a")] == [segment for segment, _ in given]
    assert counts(catalog) == (2, 3) and catalog.vectors.count(OBJECTS) == 3
    some = new[:2]
    assert {id_: stored.image_id for id_, stored in catalog.objects.by_id([*some, "none"]).items()} == dict.fromkeys(
        some, "id-a"
    )
    assert [stored.id for stored in catalog.objects.all()] == sorted(new)


def test_another_recipe_replaces_everything_of_the_image_in_every_space(catalog: Catalog) -> None:
    catalog.objects.put(OBJECTS, "one", {"id-a": pairs(3), "id-b": pairs(1)})
    first = catalog.vectors.images_of(OBJECTS, vector_ids(catalog))
    catalog.vectors.create("object-other", 4, "library", "object")
    catalog.objects.put("object-other", "one", {"id-a": pairs(3, seed=9)})
    assert catalog.vectors.count("object-other") == 3
    assert catalog.objects.put(OBJECTS, "two", {"id-a": pairs(2)}) == 2
    now = vector_ids(catalog)
    assert (
        set(first) - set(now) == {id_ for id_, image in first.items() if image == "id-a"}
        and len(set(now) - set(first)) == 2
    )
    assert catalog.vectors.count(OBJECTS) == 3 and catalog.vectors.count("object-other") == 0
    assert catalog.objects.of_image("id-a", "one") == [] and len(catalog.objects.of_image("id-a", "two")) == 2


def test_pending_are_those_not_yet_looked_through_this_way(catalog: Catalog) -> None:
    catalog.objects.put(OBJECTS, "one", {"id-a": [], "id-b": pairs(1)})
    assert catalog.looked_at.pending(PASS, recipe_of_objects("one", OBJECTS)) == ["id-c"]
    for recipe in (recipe_of_objects("two", OBJECTS), recipe_of_objects("one", "object-other")):
        assert catalog.looked_at.pending(PASS, recipe) == ["id-a", "id-b", "id-c"]
    assert catalog.looked_at.pending(PASS, recipe_of_objects("two", OBJECTS), PhotoFilter(folder="/b")) == ["id-b"]
    assert catalog.looked_at.pending(PASS, recipe_of_objects("two", OBJECTS), among=["id-c", "id-none"]) == ["id-c"]
    assert [
        catalog.looked_at.number_pending(PASS, recipe_of_objects(recipe, OBJECTS)) for recipe in ("one", "two")
    ] == [1, 3]


@pytest.mark.parametrize("seen", [(), ("id-a",), ("id-b", "id-c"), ("id-a", "id-b", "id-c")])
@pytest.mark.parametrize("hidden", [(), ("id-a",), ("id-a", "id-c")])
@pytest.mark.parametrize("last", [1, 64])
def test_as_many_are_pending_as_are_counted_whatever_is_hidden(
    catalog: Catalog, seen: tuple[str, ...], hidden: tuple[str, ...], last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looked_at, "LAST", last)
    recipe = recipe_of_objects("one", OBJECTS)
    catalog.objects.put(OBJECTS, "one", {id_: [] for id_ in seen})
    with catalog._file.writing() as db:
        for id_ in hidden:
            db.exec_driver_sql("UPDATE images SET removed_at = '2024-01-01' WHERE id = ?", (id_,))
    expected = [id_ for id_ in ("id-a", "id-b", "id-c") if id_ not in (*seen, *hidden)]
    assert catalog.looked_at.pending(PASS, recipe) == expected
    assert catalog.looked_at.number_pending(PASS, recipe) == len(expected)
    assert catalog.looked_at.any_pending(PASS, recipe) == bool(expected)


def test_what_a_recipe_found_is_known_in_its_order_whatever_the_collection(catalog: Catalog) -> None:
    given = [(replace(segment, score=0.5), vector) for segment, vector in pairs(12)]
    catalog.objects.put(OBJECTS, "one", {"id-a": given, "id-b": []})
    assert catalog.objects.known("id-a", "one") == [segment for segment, _ in given]
    assert catalog.objects.known("id-b", "one") == [], "looked through, and nothing found"
    assert catalog.objects.known("id-c", "one") is catalog.objects.known("id-a", "two") is None
    catalog.objects.put(OBJECTS, "two", {"id-a": pairs(1)})
    assert catalog.objects.known("id-a", "one") is None and len(catalog.objects.known("id-a", "two") or ()) == 1


def test_objects_are_hidden_and_back_with_their_image(catalog: Catalog) -> None:
    catalog.objects.put(OBJECTS, "one", {"id-a": pairs(2), "id-b": pairs(1)})
    catalog.files.lose([b"/a/a.jpg"])
    assert catalog.vectors.count(OBJECTS) == 1 and counts(catalog) == (1, 1)
    found = set(
        catalog.vectors.images_of(OBJECTS, [id_ for ids, _ in catalog.vectors.blocks(OBJECTS) for id_ in ids]).values()
    )
    assert found == {"id-b"} and [stored.image_id for stored in catalog.objects.all()] == ["id-b"]
    everything = catalog.vectors.images_of(OBJECTS, vector_ids(catalog))
    assert len(everything) == 3 and {
        everything[id_] for id_ in catalog.vectors.findable(OBJECTS, list(everything))
    } == {"id-b"}


def test_filters_see_objects_through_their_images(catalog: Catalog) -> None:
    catalog.objects.put(OBJECTS, "one", {"id-a": pairs(2), "id-b": pairs(1), "id-c": pairs(3)})
    new = catalog.vectors.images_of(OBJECTS, vector_ids(catalog))
    only = PhotoFilter(since="2024-01-02")
    assert catalog.vectors.count(OBJECTS, only) == 4 and catalog.vectors.count(OBJECTS, PhotoFilter(folder="/a")) == 2
    numbers = catalog.vectors.numbers(OBJECTS, only)
    found = {id_ for ids, _ in catalog.vectors.blocks_of(OBJECTS, numbers) for id_ in ids}
    assert (
        found
        == catalog.vectors.findable(OBJECTS, list(new), only)
        == {id_ for id_, image in new.items() if image != "id-a"}
    )


def test_forgetting_an_image_forgets_its_objects(catalog: Catalog) -> None:
    catalog.objects.put(OBJECTS, "one", {"id-a": pairs(2), "id-b": pairs(1)})
    catalog.forget(["id-a"])
    assert (
        catalog.vectors.count_all(OBJECTS) == 1 and counts(catalog) == (1, 1) and catalog.health.stray_vectors() == {}
    )
    assert catalog.objects.clear() == [OBJECTS] and catalog.vectors.count_all(OBJECTS) == 0 == len(vector_ids(catalog))
    assert counts(catalog) == (0, 0) and catalog.looked_at.pending(PASS, recipe_of_objects("one", OBJECTS)) == [
        "id-b",
        "id-c",
    ]
    catalog.vectors.create(OBJECTS, 4, "library", "object")
    catalog.objects.put(OBJECTS, "one", {"id-c": pairs(1)})
    catalog.clear_images()
    assert counts(catalog) == (0, 0)


def test_what_was_found_in_an_image_deleted_meanwhile_is_left_out(catalog: Catalog) -> None:
    catalog.forget(["id-a"])
    assert catalog.objects.put(OBJECTS, "one", {"id-a": pairs(2), "id-b": pairs(1)}) == 1
    assert (
        set(catalog.vectors.images_of(OBJECTS, vector_ids(catalog)).values()) == {"id-b"}
        and catalog.vectors.count_all(OBJECTS) == 1
    )
