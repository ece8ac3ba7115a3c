"""Exports of a search, of some photos and of the library: what is in them, and that a bad one leaves nothing."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from src.errors import AppError, BadInput
from src.runtime import Services
from src.schema import Finding
from src.services.exchange.exporting import FORMATS, Selection
from src.services.search.service import Query
from tests.fakes import COLOURS
from tests.unit.test_objects import find, library  # noqa: F401  (a fixture)


def write(
    services: Services, form: str, place: Path, selection: Selection | None = None, pictures: bool = False
) -> None:
    events = list(services.exports.export(form, place, selection or Selection(), pictures))
    assert events[-1] == Finding("export", f"Written to {place}.")


def test_the_library_with_all_its_objects(library: Services, tmp_path: Path) -> None:  # noqa: F811
    find(library)
    write(library, "coco", tmp_path / "all", pictures=True)
    said = json.loads((tmp_path / "all" / "annotations.json").read_text())
    assert len(said["images"]) == 3 and len(said["annotations"]) == library.objects.counts()[1]
    assert [category["name"] for category in said["categories"]] == ["object"]
    assert len(list((tmp_path / "all" / "images").iterdir())) == 3


def test_a_search_names_what_it_found(library: Services, tmp_path: Path) -> None:  # noqa: F811
    find(library)
    page = library.search.search(Query("red"), 2, mode="both")
    write(library, "coco", tmp_path / "red", Selection.of(page))
    said = json.loads((tmp_path / "red" / "annotations.json").read_text())
    assert [image["name"] for image in said["images"]] == [hit.name for hit in page.hits if hit.band != "weak"]
    assert [category["name"] for category in said["categories"]] == ["red"]
    first = [note for note in said["annotations"] if note["image_id"] == said["images"][0]["id"]]
    assert len(first) == 1 and page.hits[0].box is not None
    x0, y0, x1, y1 = page.hits[0].box
    assert first[0]["bbox"] == [x0, y0, x1 - x0, y1 - y0]


def test_only_what_fits_is_exported_under_the_words(library: Services, tmp_path: Path) -> None:  # noqa: F811
    find(library)
    page = library.search.search(Query("red"), 3, mode="both")
    judged = tuple(replace(hit, chance=0.9 if hit.kind == "object" else 0.04) for hit in page.hits)
    page = replace(page, hits=judged, verdict="match")
    fitting = [hit for hit in page.hits if hit.kind == "object"]
    assert 0 < len(fitting) < len(page.hits) == 3
    selection = Selection.of(page)
    assert list(selection.images or ()) == [hit.id for hit in fitting] and selection.passed_over == 3 - len(fitting)
    likely = replace(page, hits=tuple(replace(hit, chance=0.3 if hit.fits else 0.04) for hit in judged))
    weak = len(fitting)
    assert (Selection.of(likely).images, Selection.of(likely).weak, Selection.of(likely).passed_over) == (
        [],
        weak,
        3 - weak,
    )
    assert list(Selection.of(likely, weak=True).images or ()) == [hit.id for hit in fitting]
    with pytest.raises(AppError, match=r"Only .* weak match.* found, so nothing was exported"):
        write(library, "csv", tmp_path / "out", Selection.of(likely))
    similar = library.search.search(Query(like=page.hits[0].id), 3)
    assert len(Selection.of(similar).images or ()) == len(similar.hits) == 2, "pictures have no floor"


@pytest.mark.parametrize(
    ("query", "words"), [(Query("(red) one"), "(red) one"), (Query("(picture)"), "(picture)"), (Query(" red "), "red")]
)
def test_words_are_kept_as_they_were_typed(library: Services, query: Query, words: str) -> None:  # noqa: F811
    page = library.search.search(query, 3)
    assert page.words == Selection.of(page).query == words
    similar = library.search.search(Query(like=page.hits[0].id), 3)
    assert similar.query == "(similar)" and similar.words == Selection.of(similar).query == ""


@pytest.mark.parametrize("form", FORMATS)
def test_where_nothing_fits_nothing_is_written(library: Services, tmp_path: Path, form: str) -> None:  # noqa: F811
    find(library)
    for mode in ("images", "both"):
        page = library.search.search(Query("xqzv blorp"), 200, mode=mode)  # type: ignore[arg-type]
        assert page.hits
        with pytest.raises(
            AppError, match='Nothing in the library fits "xqzv blorp", so nothing was exported'
        ) as refused:
            write(library, form, tmp_path / "out", Selection.of(page))
        assert not isinstance(refused.value, BadInput) and not (tmp_path / "out").exists(), (
            "the words were no wrong usage"
        )


def test_of_a_photo_with_two_objects_only_the_one_that_was_found_is_exported(
    services: Services, tmp_path: Path
) -> None:
    picture = Image.new("RGB", (400, 300), COLOURS["white"])
    ImageDraw.Draw(picture).ellipse((40, 30, 130, 110), fill=COLOURS["red"])
    ImageDraw.Draw(picture).ellipse((240, 150, 360, 280), fill=COLOURS["blue"])
    (tmp_path / "photos").mkdir()
    picture.save(tmp_path / "photos" / "two.png")
    list(services.handlers["index"]({"paths": [str(tmp_path / "photos")]}))
    find(services)
    page = services.search.search(Query("red"), 1, mode="objects")
    assert len(services.objects.of_photo(page.hits[0].id)) >= 2 and page.hits[0].box is not None and page.hits[0].fits
    write(services, "coco", tmp_path / "red", Selection.of(page))
    said = json.loads((tmp_path / "red" / "annotations.json").read_text())
    x0, y0, x1, y1 = page.hits[0].box
    assert [note["bbox"] for note in said["annotations"]] == [[x0, y0, x1 - x0, y1 - y0]] and x1 < 200


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_by_job(library: Services, tmp_path: Path, form: str) -> None:  # noqa: F811
    find(library)
    place = tmp_path / f"{form}.zip"
    list(library.handlers["export"]({"format": form, "place": str(place)}))
    assert place.stat().st_size > 200 and not list(tmp_path.glob(".export-*"))


def test_a_table_has_the_path_and_the_score(library: Services, tmp_path: Path) -> None:  # noqa: F811
    find(library)
    page = library.search.search(Query("red"), 1, mode="both")
    write(library, "csv", tmp_path / "table", Selection.of(page))
    (row,) = csv.DictReader((tmp_path / "table" / "images.csv").open(newline=""))
    assert row["path"] == page.hits[0].path and float(row["score"]) == pytest.approx(page.hits[0].score, abs=1e-5)


def test_what_makes_no_sense_is_refused_and_leaves_nothing(library: Services, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(BadInput, match="no export format 'svg'"):
        list(library.exports.export("svg", tmp_path / "x", Selection()))
    with pytest.raises(BadInput, match="no photo to export"):
        list(library.exports.export("coco", tmp_path / "x", Selection([])))
    (tmp_path / "taken").mkdir()
    with pytest.raises(BadInput):
        list(library.exports.export("coco", tmp_path / "taken", Selection()))
    events = library.exports.export("coco", tmp_path / "x", Selection(), pictures=True)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert not (tmp_path / "x").exists() and not list(tmp_path.glob(".export-*"))
