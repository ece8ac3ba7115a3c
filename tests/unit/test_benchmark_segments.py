"""The object benchmarks' own logic, on made-up data: recall, overlaps, precision, baselines, composites and ranks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import labelled, proposals, segments, small_things
from src import masks
from src.processing.regions import RegionSegmenter
from src.schema import Segment
from tests.conftest import make_photo


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four photos of two red cups and a blue sofa, two with human segmentations, sixteen scenes, and three photos that
    judge.
    """
    coco, bsds = tmp_path / "boxes" / "coco128", tmp_path / "boxes" / "bsds500"
    for folder in (coco / "labels" / "x", bsds / "segmentations"):
        folder.mkdir(parents=True)
    (coco / "config.yaml").write_text("path: .\nnames:\n  0: person\n  41: cup\n  57: couch\n", encoding="utf-8")
    for number in range(4):
        picture = make_scene(coco / "images" / "x" / f"{number}.jpg", number)
        lines = ["41 0.25 0.3 0.3 0.4", "41 0.9 0.15 0.1 0.1", "57 0.7 0.7 0.4 0.4"]
        (coco / "labels" / "x" / f"{number}.txt").write_text("\n".join(lines), encoding="utf-8")
        if number < 2:
            picture.save(make_folder(bsds / "images") / f"{number}.jpg")
            labels = np.ones((300, 400), np.uint16)
            labels[30:150, 40:160] = 2
            Image.fromarray(labels).save(bsds / "segmentations" / f"{number}_0.png")
    lines = []
    for number in range(3):
        make_scene(make_folder(tmp_path / "boxes" / "everyday") / f"{number}.jpg", 10 + number)
        boxes = [{"label": "cup", "xyxy": [40, 30, 160, 150]}, {"label": "vase", "xyxy": [340, 30, 380, 60]}]
        boxes.append({"label": "couch", "xyxy": [200, 150, 360, 270], "difficult": True})
        lines.append(json.dumps({"file": f"{number}.jpg", "boxes": boxes, "size": [400, 300]}))
    (tmp_path / "boxes" / "everyday" / "boxes.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for number in range(16):
        make_photo(tmp_path / "photos1000" / f"n{number:08}_thing.jpg", (90 + 5 * number, 120, 100), seed=number)
    return tmp_path


def make_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def make_scene(path: Path, seed: int) -> Image.Image:
    make_photo(path, (150, 150, 140), (400, 300), seed)
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.paste((200, 30, 30), (40, 30, 160, 150))
    picture.paste((200, 30, 30), (340, 30, 380, 60))
    picture.paste((30, 40, 160), (200, 150, 360, 270))
    picture.save(path, quality=95)
    return picture


def test_boxes_are_read_in_pixels_with_their_names(data: Path) -> None:
    photos = labelled.coco128(data / "boxes" / "coco128")
    assert len(photos) == 4 and photos[0].names == ("cup", "cup", "couch")
    assert np.allclose(photos[0].boxes, [(40, 30, 160, 150), (340, 30, 380, 60), (200, 150, 360, 270)])


def test_the_photos_that_judge_come_without_their_difficult_boxes(data: Path) -> None:
    photos = labelled.everyday(data / "boxes" / "everyday")
    assert len(photos) == 3 and photos[0].names == ("cup", "vase") and photos[0].image.size == (400, 300)
    assert photos[0].boxes.tolist() == [[40, 30, 160, 150], [340, 30, 380, 60]]
    (data / "boxes" / "everyday" / "boxes.jsonl").write_text("")
    with pytest.raises(FileNotFoundError, match="no photos"):
        labelled.everyday(data / "boxes" / "everyday")


def test_overlaps_by_hand() -> None:
    one, others = np.array([[0.0, 0, 10, 10]]), np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    assert np.allclose(segments.overlaps(one, others), [[1, 1 / 3, 0]])


def test_recall_counts_boxes_met_by_the_first_so_many() -> None:
    photo = labelled.Labelled(Image.new("RGB", (100, 100)), np.array([[0.0, 0, 10, 10], [50, 50, 90, 90]]), ("a", "b"))
    late = np.concatenate((np.tile([[30.0, 0, 40, 10]], (12, 1)), [[0, 0, 10, 9], [50, 50, 90, 90]]))
    told = segments.recall(lambda image, most: late[:most], [photo, photo])
    assert told == {"all@12": 0.0, "all@50": 1.0, "even@12": 0.0, "even@50": 1.0, "odd@12": 0.0, "odd@50": 1.0}
    early = segments.recall(lambda image, most: late[12:13], [photo])
    assert (early["all@12"], early["odd@12"]) == (0.5, 0.0)
    assert segments.recall(lambda image, most: np.empty((0, 4)), [photo])["all@50"] == 0.0


def test_mask_overlaps_leave_small_parts_out() -> None:
    labels = np.zeros((100, 100), np.uint16)
    labels[:50], labels[99, 99] = 1, 2
    half = Segment((0, 0, 10, 5), masks.encode(np.repeat([[True], [False]], 10, axis=1)), 1.0)
    table = segments.mask_overlaps(labels, [half])
    assert table.shape == (2, 1) and table[1, 0] == 1.0 and table[0, 0] == 0.0
    assert segments.mask_overlaps(labels, []).shape == (2, 0)


def test_average_precision_by_hand() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    assert segments.average_precision(scores, np.array([True, False, True, False])) == pytest.approx((1 + 2 / 3) / 2)
    assert segments.average_precision(scores, np.zeros(4, bool)) == 0.0


@pytest.mark.parametrize("name", proposals.BASELINES)
def test_baselines_propose_boxes_inside_the_picture(data: Path, name: str) -> None:
    (photo, *_) = labelled.coco128(data / "boxes" / "coco128")
    boxes = proposals.BASELINES[name](photo.image, 50)
    assert 0 < len(boxes) <= 50 and len(proposals.BASELINES[name](photo.image, 3)) <= 3
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] > boxes[:, :2]).all() and (boxes[:, 2:] <= (400.5, 300.5)).all()


def test_the_grid_goes_from_large_to_small() -> None:
    boxes = proposals.grid(Image.new("RGB", (400, 300)), 50)
    assert boxes[0].tolist() == [0, 0, 400, 300]
    sizes = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    assert (np.diff(sizes) <= 1e-6).all() and len(np.unique(boxes, axis=0)) == 50


def test_saliency_is_highest_at_the_odd_one_out() -> None:
    pixels = np.random.default_rng(0).normal(90, 5, (64, 64)).astype(np.uint8)
    pixels[20:24, 44:48] = 250
    shown = proposals.spectral_residual(Image.fromarray(pixels))
    row, column = np.unravel_index(shown.argmax(), shown.shape)
    assert abs(row - 22) <= 4 and abs(column - 46) <= 4


def test_the_built_in_one_finds_what_is_there(data: Path) -> None:
    photos = labelled.coco128(data / "boxes" / "coco128")
    told = segments.recall(lambda image, most: segments.built_in(RegionSegmenter(), image, most), photos)
    assert told["all@12"] == 1.0
    people = segments.humans(RegionSegmenter(), data / "boxes" / "bsds500")
    assert people["segments"] == 4 and people["photos"] == 2 and people["mean_best@12"] > 0.4


def test_the_last_line_is_one_object(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "ROUNDS", 1)
    assert segments.main(["--data", str(data), "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out.splitlines()[-1])
    assert result["recall"]["built-in"]["all@12"] == 1.0 and result["boxes"] == 12
    assert set(result["cuts"]) == {*segments.CUTS, "objects"} and result["cuts"]["objects"] == {
        "boxes": 12,
        "regions": 12,
    }
    assert all(0 <= told["boxes"] <= 1 for name, told in result["cuts"].items() if name != "objects")
    judged = result["judged"]
    assert judged["photos"] == 3 and judged["boxes"] == 6 and judged["recall"]["built-in"]["all@50"] > 0
    assert set(judged["cuts"]) == set(result["cuts"])
    assert "bsds500" in err and "grid" in err and "everyday" in err


def test_composites_hold_their_thing_where_nothing_else_changed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_things, "SCENE_SIDE", 240)
    photos = labelled.coco128(data / "boxes" / "coco128")
    scenes = small_things.scenes(data / "photos1000")
    made = small_things.composed(photos, scenes, 6)
    assert [name for name, _ in made.queries] == ["couch", "cup"] * 3
    assert len({at for _, at in made.queries}) == 6
    for row, (name, at) in enumerate(made.queries):
        before = scenes[at][1].resize(made.pictures[at].size, Image.Resampling.BICUBIC)
        changed = np.abs(np.asarray(made.pictures[at], int) - np.asarray(before, int)).sum(axis=2) > 60
        box = masks.bounds(changed)
        assert box is not None and 0.1 < max(box[2] - box[0], box[3] - box[1]) / 240 <= 0.15 + 1 / 240
        same = [other for named, other in made.queries if named == name and other != at]
        assert made.silent[row, same].all() and not made.silent[row, at] and made.silent[row].sum() == len(same)
    other = small_things.composed(photos, scenes, 6, seed=1)
    assert {at for _, at in other.queries} != {at for _, at in made.queries}
    again = small_things.composed(photos, scenes, 6)
    assert again.queries == made.queries and all(map(np.array_equal, again.pictures, made.pictures))


def test_scenes_that_are_of_the_thing_count_neither_way() -> None:
    assert small_things.own_classes("bear") == {294, 295, 296, 297} and small_things.own_classes("kite") == set()
    assert small_things.own_classes("sheep") == {348, 349}


def test_ranks_leave_out_what_counts_neither_way() -> None:
    pictures = [Image.new("RGB", (4, 4))] * 4
    gallery = small_things.Gallery(pictures, [("a", 1), ("b", 0)], np.array([[True, False, False, False], [False] * 4]))
    scores = np.array([[0.9, 0.5, 0.6, 0.1], [0.2, 0.2, 0.1, 0.3]], np.float32)
    assert small_things.ranks(gallery, scores).tolist() == [1, 2]


def test_the_best_object_of_each_picture_counts() -> None:
    objects = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    encoded = small_things.Encoded(np.eye(3, 2, dtype=np.float32), objects, np.array([0, 0, 2]), np.array([0, 1, 0]))
    best = small_things.best_objects(np.array([[1, 0]], np.float32), encoded)
    assert np.allclose(best, [[1, -1, 0.6]])
    second = small_things.best_objects(np.array([[0, 1]], np.float32), encoded.first(1))
    assert np.allclose(second, [[0, -1, 0.8]]), "each picture's surest alone"


def test_the_minimum_score_costs_few_right_answers() -> None:
    best = np.linspace(0.1, 0.5, 401, dtype=np.float32)
    floor = small_things.floor_of(np.zeros(401, np.float32), best, np.ones(401, bool))
    assert (best < floor).mean() == pytest.approx(small_things.LOST, abs=0.005)
    assert small_things.floor_of(best, best - 1, np.ones(401, bool)) == -1.0


def test_small_things_tells_both_searches(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_things, "SCENE_SIDE", 240)
    monkeypatch.setattr(small_things, "COMPOSITES", 4)
    assert small_things.main(["--data", str(data), "--json", "--most", "6", "2"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out.splitlines()[-1])
    few, many = told["composites"]["2"], told["composites"]["6"]
    assert few["queries"] == many["queries"] == 4 and many["pictures"] == 16
    assert few["whole"] == many["whole"] and few["objects_a_picture"] <= 2 < many["objects_a_picture"] <= 6
    assert told["coco128"] == {}, "each photo has a large cup too"
    assert told["everyday"]["6"]["queries"] == 3, "each photo has a small vase"
    judged = told["judged"]
    assert judged["6"]["queries"] == 4 and judged["6"]["names"] == 2, "cups and vases; the couch is a difficult one"
    assert told["passed"] == {most: small_things.passes(judged[most]) for most in ("6", "2")}, (
        "what settings were chosen on does not judge"
    )
    assert "recall within the first 10" in err


@pytest.mark.parametrize("benchmark", [segments, small_things])
def test_a_folder_without_photos_is_told(tmp_path: Path, benchmark: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--data", str(tmp_path)]) == 1  # type: ignore[attr-defined]
    assert str(tmp_path) in capsys.readouterr().err
