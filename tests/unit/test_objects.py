"""Finding objects in photos: stored as a whole, resumed, replaced, searched, and gone with their photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from src import wire
from src.bootstrap import build_services
from src.cli import terminal
from src.config import Settings
from src.errors import BadQuery
from src.masks import scaled
from src.models.model_manager import ModelManager
from src.processing.regions import RegionSegmenter
from src.runtime import Services
from src.schema import Box, Embedder, Finding, Indexed, Kind, Mode, PhotoFilter, Progress, SearchHit, Segment, Skipped
from src.services.enrichment import objects, objects_pass
from src.services.search import names
from src.services.search.calibration import Background, Numbers
from src.services.search.judge import Judge
from src.services.search.service import Query
from tests.fakes import COLOURS, FakeEmbedder


def scene(
    folder: Path, name: str, ground: str, thing: str, box: tuple[int, int, int, int] = (40, 30, 130, 110)
) -> Path:
    """A picture of one colour with an ellipse of another in it."""
    picture = Image.new("RGB", (400, 300), COLOURS[ground])
    ImageDraw.Draw(picture).ellipse(box, fill=COLOURS[thing])
    folder.mkdir(exist_ok=True)
    path = folder / name
    picture.save(path)
    return path


@pytest.fixture
def library(services: Services, tmp_path: Path) -> Services:
    folder = tmp_path / "scenes"
    for ground, thing in (("white", "red"), ("grey", "blue"), ("green", "yellow")):
        scene(folder, f"{thing} on {ground}.png", ground, thing)
    list(services.handlers["index"]({"paths": [str(folder)]}))
    return services


def find(library: Services, **params: object) -> list[object]:
    return list(library.handlers["objects"](params))


def best(library: Services, text: str, mode: str = "objects", **more: object) -> SearchHit:
    return library.search.search(Query(text), 5, mode=mode, **more).hits[0]  # type: ignore[arg-type]


def test_objects_are_found_with_their_boxes(library: Services) -> None:
    events = find(library)
    assert sum(isinstance(event, Indexed) for event in events) == 3
    looked, number = library.objects.counts()
    assert looked == 3 and number >= 3 and events[-1] == Finding("objects", f"{number} objects found in 3 photos.")
    hit = best(library, "red")
    assert hit.name == "red on white.png" and hit.kind == "object" and hit.box is not None and hit.size == (400, 300)
    assert all(abs(found - true) <= 12 for found, true in zip(hit.box, (40, 30, 130, 110), strict=True))
    assert hit.segment in {stored.id for stored in library.objects.of_photo(hit.id)}


def test_an_object_is_found_that_the_whole_photo_hides(library: Services) -> None:
    find(library)
    page = library.search.search(Query("red"), 5, mode="both")
    whole = library.search.search(Query("red"), 5)
    assert page.hits[0].kind == "object" and page.hits[0].score > whole.hits[0].score + 0.02
    assert len({hit.id for hit in page.hits}) == len(page.hits) and (page.searched, page.objects) == (
        3,
        library.objects.counts()[1],
    )
    ground = best(library, "white", "both")
    assert ground.name == "red on white.png"


def test_objects_are_judged_by_what_objects_reach_and_images_by_images(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MOST_WORDS", 0)  # else the pictures' names say it
    find(library)
    judged: list[tuple[str, int]] = []
    evidence = {"image": 5.0, "object": -5.0}

    def height(self: Judge, embedder: Embedder, model: str, kind: Kind, scores: Numbers, *more: Any) -> Numbers:
        judged.append((kind, more[-1]))
        return np.full(len(scores), 1 / (1 + np.exp(-evidence[kind])))

    monkeypatch.setattr(Judge, "_chances", height)
    page = library.search.search(Query("red"), 5, mode="objects")
    assert page.hits and page.verdict == "nothing" and not any(hit.fits for hit in page.hits)
    assert set(judged) == {("object", library.objects.counts()[1])}
    both = library.search.search(Query("red"), 5, mode="both")
    assert both.verdict == "match" and {hit.kind: hit.fits for hit in both.hits} == {"object": False, "image": True}
    evidence.update(image=-5.0)
    assert library.search.search(Query("red"), 5, mode="both").verdict == "nothing"
    monkeypatch.undo()
    similar = library.search.search(Query(like=page.hits[0].segment), 5, mode="objects")
    assert similar.verdict == "match", "how near pictures must be is the reader's own judgement"


def test_objects_none_of_which_fits_are_no_empty_library(library: Services, capsys: pytest.CaptureFixture[str]) -> None:
    find(library)
    page = library.search.search(Query("quarterly earnings report"), 5, mode="objects")
    assert page.verdict == "nothing" and page.hits and page.objects
    terminal.show_page(page)
    assert "Nothing in the library fits. The closest:" in capsys.readouterr().out
    assert wire.search_page(page)["verdict"] == "nothing"


def test_a_second_look_finds_nothing_to_do_and_a_new_recipe_everything(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(library)
    before = {stored.id for stored in library.catalog.objects.all()}
    assert library.objects.pending() == [] and [event for event in find(library) if isinstance(event, Indexed)] == []
    recipe = type(library.objects._extractor()).recipe
    monkeypatch.setattr(
        type(library.objects._extractor()), "recipe", property(lambda self: recipe.fget(self) + "-other")
    )  # type: ignore[attr-defined]
    assert len(library.objects.pending()) == 3
    find(library)
    after = {stored.id for stored in library.catalog.objects.all()}
    assert after and not after & before
    name = library.library.collection("object")
    assert library.catalog.vectors.count_all(name) == len(after) and library.store.index.follows(name)
    assert {
        match
        for match, _ in (
            library.store.index.ask(name, library.catalog.vectors.get(name, next(iter(after)))[None], 50) or [[]]
        )[0]
    } <= after  # type: ignore[index]


def test_another_model_gets_the_objects_that_are_known(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Masks depend on the recipe alone: they are cut out and encoded again, as if they had been looked for again."""
    looked: list[tuple[int, int]] = []

    class Counting(RegionSegmenter):
        def segment(self, image: Image.Image, most: int) -> list[Segment]:
            looked.append(image.size)
            return super().segment(image, most)

    monkeypatch.setattr(objects, "RegionSegmenter", Counting)
    folder = tmp_path / "scenes"
    scene(folder, "small.png", "white", "red")
    large = scene(folder, "large.png", "green", "yellow")
    with Image.open(large) as image:
        image.resize((3_001, 2_251)).save(large)
    Image.new("RGB", (300, 200)).save(folder / "nothing.png")
    loaded = {"builtin": FakeEmbedder("one"), "ViT-B/32": FakeEmbedder("two")}
    models = ModelManager("builtin", settings, loader=lambda spec, *_: loaded[spec.id])
    models._checkpoint = lambda spec: None if spec.ships else folder  # type: ignore[method-assign,assignment]
    services = build_services(settings, models=models)
    try:
        list(services.handlers["index"]({"paths": [str(folder)]}))
        first, objects_one = find(services), services.library.collection("object")
        before = list(services.catalog.objects.all())
        assert len(looked) == 3 and len({item.image_id for item in before}) == 2
        list(services.handlers["reindex"]({"model": "ViT-B/32"}))
        assert len(services.objects.pending()) == 3
        assert find(services) == first and len(looked) == 3, "nothing was segmented again"
        objects_two = services.library.collection("object")
        assert (
            objects_two != objects_one
            and services.objects.pending() == []
            and services.store.index.follows(objects_two)
        )
        assert list(services.catalog.objects.all()) == before
        vectors = services.catalog.vectors.get_many
        ids = [item.id for item in before]
        again, fresh = vectors(objects_two, ids), vectors(objects_one, ids)  # the two models see alike
        assert again.keys() == fresh.keys() == set(ids)
        assert all(np.array_equal(again[id_], fresh[id_]) for id_ in ids), "the same pixels were cut out"
        assert services.search.search(Query("red"), 5, mode="objects").hits[0].name == "small.png"
    finally:
        services.close()


def test_cancelled_half_way_keeps_whole_photos_and_goes_on(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_pass, "COMMIT_OBJECTS", 1)
    events = library.handlers["objects"]({})
    for event in events:
        if isinstance(event, Indexed):
            break
    events.close()  # type: ignore[attr-defined]
    assert library.objects.counts()[0] == 1 and len(library.objects.pending()) == 2
    rest = [event for event in find(library) if isinstance(event, Indexed)]
    assert len(rest) == 2 and library.objects.pending() == []


def test_only_the_photos_asked_for(library: Services, tmp_path: Path) -> None:
    scene(tmp_path / "others", "pink.png", "black", "pink")
    list(library.handlers["index"]({"paths": [str(tmp_path / "others")]}))
    find(library, folders=[str(tmp_path / "others")])
    assert library.objects.counts()[0] == 1
    some = library.search.search(Query("red")).hits[0].id
    find(library, images=[some])
    assert library.objects.counts()[0] == 2 and len(library.objects.pending()) == 2


def test_folders_that_ask_for_objects_get_them_with_new_photos(library: Services, tmp_path: Path) -> None:
    folder = str(tmp_path / "scenes")
    library.folders.find_objects(folder, True)
    assert library.folders.all()[0].objects and library.objects.waiting_folders() == [folder]
    list(library.handlers["sync"]({}))
    (job,) = [job for job in library.jobs.active() if job.kind == "objects"]
    assert library.jobs.params(job.id) == {"folders": [folder]}
    find(library, folders=[folder])
    assert library.objects.waiting_folders() == []
    list(library.handlers["sync"]({}))
    assert len([job for job in library.jobs.active() if job.kind == "objects"]) == 1


def test_a_photo_that_cannot_be_read_now_is_told_and_tried_again(library: Services, tmp_path: Path) -> None:
    (tmp_path / "scenes" / "red on white.png").unlink()
    events = find(library)
    assert [event for event in events if isinstance(event, Skipped)] == [
        Skipped("red on white.png", "Its file can't be read now.")
    ]
    assert library.objects.counts()[0] == 2 and len(library.objects.pending()) == 1


def test_objects_go_with_their_photo(library: Services, tmp_path: Path) -> None:
    find(library)
    (tmp_path / "scenes" / "red on white.png").unlink()
    list(library.handlers["sync"]({}))
    assert "red on white.png" not in {hit.name for hit in library.search.search(Query("red"), 5, mode="both").hits}
    name = library.library.collection("object")
    everything = library.catalog.vectors.count_all(name)
    list(library.handlers["forget"]({}))
    list(library.handlers["empty"]({}))
    assert library.catalog.vectors.count_all(name) < everything and list(library.handlers["doctor"]({}))[-1:] != []
    assert [event for event in library.handlers["doctor"]({}) if isinstance(event, Finding)] == []


def test_filters_and_similar_objects(library: Services, tmp_path: Path) -> None:
    scene(tmp_path / "others", "pink.png", "black", "pink")
    list(library.handlers["index"]({"paths": [str(tmp_path / "others")]}))
    find(library)
    page = library.search.search(Query("red"), 5, only=PhotoFilter(str(tmp_path / "others")), mode="objects")
    assert {hit.name for hit in page.hits} <= {"pink.png"} and page.filtered
    red = best(library, "red")
    similar = library.search.search(Query(like=red.segment), 5, mode="both")
    assert similar.hits and red.id not in {hit.id for hit in similar.hits}
    box = library.objects.part(red.id, red.box or (0, 0, 0, 0))
    assert library.search.search(Query(image=box), 5, mode="objects").hits[0].id == red.id
    for mode in ("images", "objects", "both"):
        page = library.search.search(Query(image=box, part_of=red.id), 3, mode=mode)  # type: ignore[arg-type]
        assert len(page.hits) == 3 and red.id not in {hit.id for hit in page.hits}
    with pytest.raises(BadQuery, match="no such picture"):
        library.search.search(Query(like=f"{red.id}#none"), mode="objects")


@pytest.mark.parametrize("mode", ["objects", "both"])
def test_a_hit_is_judged_among_as_many_things_of_its_kind(
    library: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    """Three objects and four photos."""
    find(library)
    scene(tmp_path / "others", "pink.png", "black", "pink")
    list(library.handlers["index"]({"paths": [str(tmp_path / "others")]}))
    asked: list[int] = []
    height = Background.height
    monkeypatch.setattr(
        Background, "height", lambda self, scores, number: (asked.append(number), height(self, scores, number))[1]
    )
    page = library.search.search(Query("red"), mode=mode)
    assert page.objects == 3 and "object" in {hit.kind for hit in page.hits}
    assert set(asked) == ({3} if mode == "objects" else {3, 4})


def test_without_objects_it_is_said(library: Services) -> None:
    page = library.search.search(Query("red"), mode="objects")
    assert (page.verdict, page.notice, page.hits) == ("empty", "No objects are indexed yet.", ())
    assert [notice.code for notice in page.notices] == ["no-objects"]
    assert library.search.search(Query("red"), mode="both").hits[0].kind == "image"


def test_forgetting_all_objects_keeps_the_photos(library: Services) -> None:
    find(library)
    events = find(library, forget=True)
    assert isinstance(events[-1], Progress) and library.objects.counts() == (0, 0)
    assert library.catalog.vectors.count_all(library.library.collection("object")) == 0
    assert library.catalog.counts()[0] == 3 and len(library.objects.pending()) == 3


@pytest.mark.parametrize(
    ("box", "old", "new", "expected"),
    [
        ((0, 0, 10, 10), (10, 10), (40, 40), (0, 0, 40, 40)),
        ((9, 9, 10, 10), (100, 100), (1, 1), (0, 0, 1, 1)),
        ((3, 2, 4, 9), (100, 50), (150, 100), (4, 4, 6, 18)),
        ((97, 40, 99, 50), (100, 50), (10, 5), (9, 4, 10, 5)),
    ],
)
def test_boxes_are_scaled_and_never_empty(box: Box, old: tuple[int, int], new: tuple[int, int], expected: Box) -> None:
    assert scaled(box, old, new) == expected


@given(st.data())
def test_a_box_scaled_up_and_down_again_is_the_same(data: st.DataObject) -> None:
    old = (data.draw(st.integers(1, 1_500)), data.draw(st.integers(1, 1_500)))
    new = (data.draw(st.integers(old[0], 9_000)), data.draw(st.integers(old[1], 9_000)))
    x0, y0 = (data.draw(st.integers(0, side - 1)) for side in old)
    box = (x0, y0, data.draw(st.integers(x0 + 1, old[0])), data.draw(st.integers(y0 + 1, old[1])))
    assert scaled(scaled(box, old, new), new, old) == box
