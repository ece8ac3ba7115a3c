"""The library as a map: where photos are put, what is kept of it, how it is coloured, and what a part of it holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from src.api.routes import routes
from src.cli.arguments import main
from src.errors import AppError, BadInput, NotNow
from src.models import label_bank, model_manager
from src.runtime import Services
from src.schema import FloatArray, Progress
from src.services.jobs.handlers import queue_map
from src.services.map import area, geometry, kept, process, service, worker
from src.services.map.colouring import most_common
from src.services.map.kept import Layout, Spots, as_bytes, as_ids
from src.services.map.naming import Namer, told_apart
from src.services.map.process import Arrangement
from tests.conftest import fake_model, make_photo
from tests.fakes import COLOURS

KINDS = ("red", "green", "blue")
EACH = 8


def arranged_by_hand(points: FloatArray) -> Iterator[float | Arrangement]:
    """In place of UMAP and HDBSCAN: the two main directions, and groups by where they lie."""
    yield 0.5
    positions = np.ascontiguousarray(points[:, :2])
    yield Arrangement(positions, (positions[:, 0] > positions[:, 0].mean()).astype(np.int16))


@pytest.fixture
def folder(tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of red, green and blue photos in three folders, which can be laid out quickly."""
    monkeypatch.setattr(process, "arranged", arranged_by_hand)
    monkeypatch.setattr(process, "missing", lambda: None)
    for kind in KINDS:
        for number in range(EACH):
            make_photo(tmp_path / "all" / kind / f"{number}.jpg", COLOURS[kind], seed=number)
    add(services, tmp_path / "all")
    return tmp_path / "all"


def add(services: Services, place: Path) -> None:
    list(services.handlers["index"]({"paths": [str(place)]}))


def lay_out(services: Services) -> list[Any]:
    return list(services.handlers["map"]({}))


def paths(services: Services, ids: tuple[str, ...]) -> list[str]:
    return sorted(Path(one.path_text).parent.name for one in services.catalog.shown(ids).values())


# ---------------------------------------------------------------- geometry


def test_the_nearest_landmarks_are_those_that_a_look_at_all_distances_finds() -> None:
    dice = np.random.default_rng(0)
    landmarks, points = dice.standard_normal((40, 6), np.float32), dice.standard_normal((9, 6), np.float32)
    found, far = geometry.nearest(landmarks, points, 4)
    true = np.linalg.norm(points[:, None] - landmarks[None], axis=2)
    assert (found == np.argsort(true, axis=1)[:, :4]).all()
    assert np.allclose(far, np.sort(true, axis=1)[:, :4], atol=1e-4)
    assert geometry.nearest(landmarks[:2], points, 4)[0].shape == (9, 2), "there are no more"


def test_a_point_is_placed_near_the_landmark_that_it_resembles_and_within_those_around_it() -> None:
    landmarks = np.eye(3, dtype=np.float32)
    positions = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
    points = np.array([[0.98, 0.01, 0.01], [0.4, 0.3, 0.3]], np.float32)
    like, between = geometry.placed(positions, *geometry.nearest(landmarks, points, 3))
    assert np.linalg.norm(like) < 0.1
    assert (between > 0).all() and between.sum() < 1


def test_main_directions_keep_the_distances_of_what_lies_in_them() -> None:
    dice = np.random.default_rng(0)
    flat = dice.standard_normal((50, 3), np.float32) @ dice.standard_normal((3, 20), np.float32)
    seen = geometry.projection_of(flat, 3).of(flat)
    assert np.allclose(
        np.linalg.norm(flat[0] - flat[1:], axis=1), np.linalg.norm(seen[0] - seen[1:], axis=1), rtol=1e-3
    )


def test_what_lies_in_a_polygon_with_a_bay_is_found() -> None:
    bay = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], np.float32)
    points = np.array([[2, 0.5], [2, 3], [0.3, 3], [3.7, 3], [5, 1], [-1, -1]], np.float32)
    assert geometry.inside(bay, points).tolist() == [True, False, True, True, False, False]
    assert not geometry.inside(bay[:2], points).any()


def test_a_layout_lies_on_its_long_side_and_fills_what_there_is_without_being_stretched() -> None:
    within = geometry.fitted(np.array([[10, 5], [10, 35], [14, 20], [6, 20]], np.float32))
    assert np.abs(within).max() == pytest.approx(0.96)
    assert np.ptp(within[:, 0]) / np.ptp(within[:, 1]) == pytest.approx(30 / 8, rel=1e-3)


@pytest.mark.parametrize(
    "text", ["", "1,2 3,4", "cluster=", "other=x", "1,2 3,4 nan,1", "1,2 3,4 5,6 " * 200, "a=b,c d"]
)
def test_what_is_no_part_of_a_map_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadInput, match=r"no part of the map\.$"):
        raise BadInput(area_problem(text))


def area_problem(text: str) -> str:
    try:
        area.read(text)
    except BadInput as error:
        return error.user_message
    return ""


def test_parts_of_a_map_are_read() -> None:
    found = area.read("0,0 1,-0.5 0.5,1")
    assert isinstance(found, area.Polygon) and found.corners.tolist() == [[0, 0], [1, -0.5], [0.5, 1]]
    assert area.read("folder=/a=b, c") == area.Colour("folder", "/a=b, c")


# ---------------------------------------------------------------- the library's map


def test_photos_that_look_alike_lie_beside_each_other(services: Services, folder: Path) -> None:
    assert services.maps.chart() is None and services.maps.told() is None
    events = lay_out(services)
    assert isinstance(events[-1], Progress) and events[-1].done == events[-1].total == len(KINDS) * EACH
    chart = services.maps.chart()
    assert chart and len(chart.ids) == chart.landmarks == len(KINDS) * EACH
    kinds = np.array(
        [Path(one.path_text).parent.name for one in (services.catalog.shown(chart.ids)[i] for i in chart.ids)]
    )
    for kind in KINDS:
        own, others = chart.spots.positions[kinds == kind], chart.spots.positions[kinds != kind]
        middle = own.mean(axis=0)
        assert np.linalg.norm(own - middle, axis=1).max() < np.linalg.norm(others - middle, axis=1).min()


def test_new_photos_join_without_a_new_layout_and_removed_ones_leave(services: Services, folder: Path) -> None:
    lay_out(services)
    before = services.maps.chart()
    assert before
    make_photo(folder / "red" / "new.jpg", COLOURS["red"], seed=99)
    add(services, folder)
    after = services.maps.chart()
    assert after and len(after.ids) == len(before.ids) + 1 and after.landmarks == before.landmarks
    (new,) = set(after.ids) - set(before.ids)
    where = dict(zip(after.ids, after.spots.positions.tolist(), strict=True))
    assert all(where[id_] == place for id_, place in zip(before.ids, before.spots.positions.tolist(), strict=True))
    red = set(services.maps.listing(f"folder={folder / 'red'}").ids)
    middle = np.mean([where[id_] for id_ in red - {new}], axis=0)
    assert np.linalg.norm(where[new] - middle) < 0.3
    again = service.MapService(services.settings, services.catalog, services.library, services.labels)
    assert again.chart() and new in again.chart().ids, "its place is kept"  # type: ignore[union-attr]
    services.curation.remove([new])
    assert services.maps.chart().ids == before.ids or new not in services.maps.chart().ids  # type: ignore[union-attr]
    services.curation.undo()
    back = services.maps.chart()
    assert back and where[new] in back.spots.positions.tolist()


def test_more_new_photos_than_a_page_waits_for_are_told_of_and_placed_by_the_job(
    services: Services, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(services)
    monkeypatch.setattr(service, "AT_ONCE", 2)
    for number in range(5):
        make_photo(folder / "blue" / f"new{number}.jpg", COLOURS["blue"], seed=50 + number)
    add(services, folder)
    told = services.maps.told()
    assert told and (told.photos, told.waiting) == (len(KINDS) * EACH + 2, 3)
    lay_out(services)
    told = services.maps.told()
    assert told and (told.photos, told.waiting) == (len(KINDS) * EACH + 5, 0)


def test_few_landmarks_place_all_others(services: Services, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "LANDMARKS", 9)
    lay_out(services)
    told = services.maps.told()
    assert told and (told.photos, told.landmarks) == (len(KINDS) * EACH, 9)
    assert sum(photos for _, photos in told.clusters) + told.alone == told.photos


def test_points_are_25_bytes_each_and_coloured_by_what_is_asked_for(services: Services, folder: Path) -> None:
    lay_out(services)
    chart = services.maps.chart()
    assert chart
    state, packed = services.maps.packed("folder")
    number = len(chart.ids)
    assert len(packed) == 25 * number and state.endswith("-folder")
    x = np.frombuffer(packed, "<f4", number)
    assert np.allclose(x, chart.spots.positions[:, 0]) and np.abs(x).max() <= 1
    colours = services.maps.colouring("folder")
    assert packed[8 * number : 9 * number] == colours.numbers.tobytes()
    assert as_ids(np.frombuffer(packed[9 * number :], np.uint8).reshape(-1, 16)) == list(chart.ids)
    assert sorted(colours.names) == sorted(str(folder / kind) for kind in KINDS) and colours.photos == (EACH,) * 3


def test_tags_and_years_colour_points(services: Services, folder: Path) -> None:
    lay_out(services)
    ids = services.maps.listing(f"folder={folder / 'red'}").ids
    services.curation.tag(ids, add=["holiday"])
    services.curation.tag(ids[:2], add=["beach"])
    tags = services.maps.colouring("tag")
    assert dict(zip(tags.names, tags.photos, strict=True)) == {"holiday": EACH - 2, "beach": 2}, "the rarer says more"
    assert set(services.maps.listing("tag=beach").ids) == set(ids[:2])
    with services.catalog._file.writing() as db:
        for id_, year in zip(ids, (1990, 1990, 2001, 2024), strict=False):
            db.exec_driver_sql("UPDATE images SET taken_at = ? WHERE id = ?", (f"{year}-05-05T10:00:00", id_))
    dates = services.maps.colouring("date")
    assert dates.names == ("1990–1992", "1999–2001", "2023–2024") and dates.photos == (2, 1, 1)
    with pytest.raises(BadInput):
        services.maps.colouring("mood")


def test_values_beyond_the_most_common_share_one_colour() -> None:
    found = most_common([f"v{number}" for number in range(20)] + ["v3", None], 2)
    assert found.names[0] == "v3" and found.photos[0] == 2 and (found.numbers == 0).sum() == 19


def test_a_polygon_holds_the_photos_that_lie_in_it_and_the_latest_come_first(services: Services, folder: Path) -> None:
    lay_out(services)
    everything = services.maps.listing("-1,-1 1,-1 1,1 -1,1")
    assert len(everything.ids) == len(KINDS) * EACH and len(everything.packed) == 26 * len(everything.ids)
    chart = services.maps.chart()
    assert chart
    left = services.maps.listing("-1,-1 0,-1 0,1 -1,1").ids
    assert set(left) == {id_ for id_, (x, _) in zip(chart.ids, chart.spots.positions, strict=True) if x < 0}
    assert services.maps.listing("cluster=nothing").ids == ()


def test_a_damaged_map_is_as_none_and_is_laid_out_again(services: Services, folder: Path) -> None:
    lay_out(services)
    (file,) = services.settings.maps_dir.iterdir()
    whole = file.read_bytes()
    for broken in (whole[:200], b"", whole[:-40], whole.replace(b"map-1", b"map-9")):
        file.write_bytes(broken)
        assert services.maps.chart() is None
        with pytest.raises(NotNow):
            services.maps.packed("cluster")
    lay_out(services)
    assert services.maps.chart() is not None


def test_a_map_whose_parts_do_not_belong_together_is_not_read(tmp_path: Path) -> None:
    spots = Spots(as_bytes(["0" * 32]), np.zeros((1, 2), np.float32), np.array([0], np.int16), np.array([-1], np.int16))
    projection = geometry.Projection(np.zeros(4, np.float32), np.zeros((4, 2), np.float32))
    layout = Layout(projection, np.zeros((1, 2), np.float32), spots, ("dog",), "words", spots)
    file = tmp_path / "maps" / "map.safetensors"
    kept.save(layout, "this", file)
    read = kept.read(file, "this")
    assert read and read.names == ("dog",) and as_ids(read.spots.ids) == ["00000000-0000-0000-0000-000000000000"]
    assert kept.read(file, "that") is None
    for wrong in (
        {"names": ()},
        {"landmarks": np.zeros((2, 2), np.float32)},
        {"landmarks": np.full((1, 2), np.nan, np.float32)},
    ):
        kept.save(Layout(**{**vars(layout), **wrong}), "this", file)
        assert kept.read(file, "this") is None


def test_an_empty_library_and_absent_packages_are_told_in_a_sentence(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "missing", lambda: None)
    with pytest.raises(NotNow, match="no photo to lay out"):
        lay_out(services)
    monkeypatch.undo()
    monkeypatch.setattr(process, "PACKAGES", ("no_such_package",))
    with pytest.raises(AppError, match=r"requirements-map\.txt$"):
        lay_out(services)
    assert services.maps.missing()


def test_the_job_is_queued_once(services: Services) -> None:
    queue_map(services.jobs)
    queue_map(services.jobs)
    assert [job.kind for job in services.jobs.active()] == ["map"]


# ---------------------------------------------------------------- the process


POINTS = np.random.default_rng(0).standard_normal((30, 5)).astype(np.float32)


def put_in_its_place(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(process, "missing", lambda: None)
    monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", text))


def test_the_process_ends_with_whoever_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_its_place(monkeypatch, "import time; print(0.25, flush=True); time.sleep(600)")
    started = []
    begin = process._started
    monkeypatch.setattr(process, "_started", lambda said: started.append(begin(said)) or started[0])
    running = process.arranged(POINTS)
    while next(running) != 0.25:
        pass
    running.close()  # type: ignore[attr-defined]
    assert started[0].returncode is not None


@pytest.mark.parametrize("text", ["raise MemoryError", "print('done')", "print('nonsense')", "print('done\\nxx')"])
def test_a_process_that_fails_says_so_in_a_sentence(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    put_in_its_place(monkeypatch, text)
    with pytest.raises(AppError, match="could not be laid out"):
        list(process.arranged(POINTS))


def test_umap_lays_two_crowds_apart_and_hdbscan_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("umap")
    dice = np.random.default_rng(0)
    points = dice.standard_normal((60, 8)).astype(np.float32) + np.repeat([[0.0], [30.0]], 30, axis=0).astype(
        np.float32
    )
    *shares, found = process.arranged(points)
    assert isinstance(found, Arrangement) and all(isinstance(share, float) and 0 <= share <= 1 for share in shares)
    assert shares == sorted(shares)  # type: ignore[type-var]
    first, second = found.positions[:30], found.positions[30:]
    assert (
        np.linalg.norm(first - first.mean(axis=0), axis=1).max()
        < np.linalg.norm(second - first.mean(axis=0), axis=1).min()
    )
    assert len(set(found.groups[:30].tolist()) & set(found.groups[30:].tolist()) - {-1}) == 0


def test_a_handful_of_photos_is_laid_out_too() -> None:
    assert worker.laid_out(POINTS[:1]).shape == (1, 2) and worker.grouped(POINTS[:4, :2]).tolist() == [-1] * 4


# ---------------------------------------------------------------- names


@pytest.fixture(scope="module")
def namer() -> Namer:
    files = Path(model_manager.__file__).with_name("builtin_files")
    words = label_bank.vocabulary()
    dice = np.random.default_rng(0)
    vectors = dice.standard_normal((len(words), 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    space = json.loads((files / "model.json").read_text()).get("space") or next(
        iter(json.loads(label_bank.CALIBRATIONS.read_text()))
    )
    fitted = label_bank.calibration(space)
    assert fitted
    return Namer(label_bank.LabelBank(words, vectors, fitted))


def test_a_group_is_called_by_what_its_photos_have_and_others_have_not(namer: Namer) -> None:
    bank = namer._bank
    assert bank
    at = bank.vocabulary.number
    usual = bank.vectors[at("animal")]
    dog, car = bank.vectors[at("beagle")] + usual, bank.vectors[at("car")] + usual
    middles = np.stack([dog / np.linalg.norm(dog), car / np.linalg.norm(car)])
    names = namer.names(middles, usual)
    assert names[0].startswith("beagle") and names[1].startswith("car") and "animal" not in " ".join(names)
    assert namer.words(bank.vectors[[at("beagle")]]).tolist() == [at("beagle")]


def test_a_model_that_was_never_measured_gives_numbers_for_names() -> None:
    nameless = Namer(None)
    assert nameless.names(np.eye(2, dtype=np.float32), np.ones(2, np.float32)) == ["Group 1", "Group 2"]
    assert nameless.words(np.eye(2, dtype=np.float32)).tolist() == [-1, -1]
    assert told_apart(["dog", "cat", "dog"]) == ["dog", "cat", "dog (2)"]


# ---------------------------------------------------------------- its doors


def test_the_page_fetches_points_and_photos(services: Services, folder: Path) -> None:
    with TestClient(Starlette(routes=routes(lambda: services)), base_url="http://127.0.0.1") as web:
        assert web.get("/api/map.bin").status_code == 409
        lay_out(services)
        answer = web.get("/api/map.bin", params={"by": "folder"})
        assert answer.status_code == 200 and answer.content == services.maps.packed("folder")[1]
        again = web.get("/api/map.bin", params={"by": "folder"}, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304 and not again.content
        other = web.get("/api/map.bin", params={"by": "tag"}, headers={"If-None-Match": answer.headers["etag"]})
        assert other.status_code == 200
        assert web.get("/api/map.bin", params={"by": "mood"}).status_code == 400
        part = "-1,-1 1,-1 1,1 -1,1"
        assert web.get("/api/map/photos", params={"of": part}).content == services.maps.listing(part).packed
        refused = web.get("/api/map/photos", params={"of": "x"})
        assert refused.status_code == 400 and "no part of the map" in refused.json()["detail"]
        script = web.get("/api/map/plot.js")
        assert script.headers["content-type"].startswith("text/javascript") and b"export{" in script.content


def test_the_command_lays_the_map_out_once_and_lists_its_clusters(
    services: Services, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = str(services.settings.home)
    services.close()
    monkeypatch.setattr(model_manager, "_load", None, raising=False)
    monkeypatch.setattr("src.models.model_manager.ModelManager.embedder", lambda *_: fake_model(_Spec, "fake"))
    assert main(["map", "--library", home, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"photos", "landmarks", "alone", "seconds", "clusters"}
    assert told["photos"] == len(KINDS) * EACH and told["seconds"] is not None
    assert sum(one["photos"] for one in told["clusters"]) + told["alone"] == told["photos"]
    assert main(["map", "--library", home]) == 0
    said = capsys.readouterr().out
    assert "24 photos on the map" in said and "Group 1" in said
    monkeypatch.setattr(process, "missing", lambda: AppError("Not here.", "Get it."))
    assert main(["map", "--library", home, "--again"]) == 1 and "Not here." in capsys.readouterr().err


class _Spec:
    task = "image"
