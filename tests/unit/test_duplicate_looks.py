"""What pictures look like, which pairs are compared, when two are the same, groups of them, and which one to keep."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from src.processing.duplicates import candidates, pdq
from src.processing.duplicates.candidates import HashSearch, VectorSearch, cosines, distances, usual_cosine
from src.processing.duplicates.finder import Finder, Link, closing
from src.processing.duplicates.groups import linked, stars
from src.processing.duplicates.keeper import best_first, why
from src.processing.duplicates.prints import GREY_BYTES, HASH_BYTES, print_of
from src.processing.duplicates.shots import Moment, of_one_release, of_one_series
from src.processing.duplicates.verify import BAR, compared
from src.schema.duplicates import Copy
from tests.unit.scenes import scene

REFERENCE = {
    1: (89, "922ca641df2924e189ccd799c93b340b24227e5b7b2b59bfc46d362958b0f95e"),
    2: (100, "d6c1aa3d8f86148b717b65da5545f786983d522b7a8120587759f16991e0d2dd"),
}
"""Quality and hash that the reference implementation (pdqhash 0.2.8) gives for scenes of 64 x 64 pixels."""
REFERENCE_LARGE = "d8b695120c6a03da525cca8c6ef6e78c6feaf9fcba982386f120905aabd4ba94"
"""Its hash of scene 3 at 320 x 240 pixels, which it smooths in another way."""


# ---------------------------------------------------------------- hashes


@pytest.mark.parametrize("number", REFERENCE)
def test_hash_and_quality_are_those_of_the_reference(number: int) -> None:
    hashes, quality = pdq.hashed(scene(number, (64, 64)).convert("L"))
    assert (quality, hashes[0].tobytes().hex()) == REFERENCE[number]


def test_a_larger_picture_has_nearly_the_reference_s_hash() -> None:
    hashes, _ = pdq.hashed(scene(3))
    assert distances(hashes[0], np.frombuffer(bytes.fromhex(REFERENCE_LARGE), np.uint8)) <= candidates.FAR


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_turned_picture_has_the_turned_hash(number: int, turn: int) -> None:
    """But for what rounding does to waves that there is next to nothing of."""
    picture = scene(number, (64, 64)).convert("L")
    turned = Image.fromarray(np.ascontiguousarray(pdq.TURNS[turn](np.asarray(picture, np.float32))).astype(np.uint8))
    assert distances(pdq.hashed(turned)[0][0], pdq.hashed(picture)[0][turn]) <= 4


@pytest.mark.parametrize("first", range(8))
def test_turns_add_up_and_are_undone(first: int) -> None:
    picture = np.arange(6, dtype=np.float32).reshape(2, 3)
    for second in range(8):
        both = pdq.TURNS[second](pdq.TURNS[first](picture))
        assert np.array_equal(pdq.TURNS[pdq.then(first, second)](picture), both)
    assert pdq.then(first, pdq.undone(first)) == 0 == pdq.then(pdq.undone(first), first)
    assert pdq.swaps_sides(first) == (pdq.TURNS[first](picture).shape == (3, 2))


def test_an_empty_picture_tells_nothing() -> None:
    assert print_of(Image.new("RGB", (300, 200), "red")).quality <= pdq.POOR < print_of(scene(1)).quality
    seen = print_of(scene(1))
    assert (seen.hashes.nbytes, seen.grey.nbytes) == (HASH_BYTES, GREY_BYTES)


# ---------------------------------------------------------------- which pairs are compared


def test_near_hashes_are_found_whatever_the_turn_and_only_of_new_pictures() -> None:
    dice = np.random.default_rng(0)
    hashes = dice.integers(0, 256, (300, 8, 32), np.uint8)
    for turn in range(8):
        copy = hashes[turn, 0].copy()
        copy[turn] ^= 0xFF  # 8 bits
        hashes[200 + turn, turn] = copy
    usable = np.ones(300, np.bool_)
    usable[[3, 204]] = False
    search = HashSearch(hashes, usable)
    expected = [[turn, 200 + turn] for turn in range(8) if turn not in (3, 4)]
    assert search.pairs(0, 300).tolist() == expected == search.pairs(150, 300).tolist()
    assert search.pairs(0, 200).tolist() == [] == search.pairs(208, 300).tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 300), st.floats(0.5, 0.95), st.integers(0, 100))
def test_near_vectors_are_all_found(seed: int, number: int, least: float, since: int) -> None:
    dice = np.random.default_rng(seed)
    vectors = (
        dice.standard_normal((number, 160))
        + 2 * dice.standard_normal((number // 5 + 1, 160))[dice.integers(0, number // 5 + 1, number)]
    )
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    every = np.array([(one, other) for other in range(since, number) for one in range(other)]).reshape(-1, 2)
    near = {tuple(pair) for pair in every[cosines(vectors, every) >= least].tolist()}
    found = {tuple(pair) for pair in VectorSearch(vectors).pairs(least, since, number).tolist()}
    crowded = {second for _, second in near if sum(other == second for _, other in near) > candidates.MOST}
    assert found <= near and {pair for pair in near if pair[1] not in crowded} <= found
    assert all(sum(other == second for _, other in found) == candidates.MOST for second in crowded)


def test_the_usual_cosine_of_few_vectors() -> None:
    assert usual_cosine(np.zeros((1, 4), np.float16)) == -1.0
    assert usual_cosine(np.eye(4, dtype=np.float16)) == 0.0


# ---------------------------------------------------------------- when two are the same


def jpeg(picture: Image.Image, quality: int = 85) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def part(picture: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    width, height = picture.size
    return picture.crop((round(box[0] * width), round(box[1] * height), round(box[2] * width), round(box[3] * height)))


COPIES = {
    "smaller": lambda picture: picture.resize((100, 75)),
    "squashed": lambda picture: picture.resize((200, 200)),
    "compressed": lambda picture: jpeg(picture, 30),
    "grey": lambda picture: picture.convert("L"),
    "bright": lambda picture: ImageEnhance.Brightness(picture).enhance(1.4),
    "turned": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "part": lambda picture: part(picture, (0.03, 0.06, 0.93, 0.96)),
    "square part": lambda picture: part(picture, (0.1, 0.0, 0.85, 1.0)),
}


def likeness(one: Image.Image, other: Image.Image, turn: int = 0) -> tuple[bool, int, float]:
    shapes = np.array([[one.width / one.height, other.width / other.height]], np.float32)
    found = compared(print_of(one).grey[None], print_of(other).grey[None], shapes, np.array([turn]))
    return bool(found.same(BAR)[0]), int(found.turn[0]), float(found.share[0])


@pytest.mark.parametrize("what", COPIES)
def test_copies_are_the_same_picture_either_way_round(what: str) -> None:
    picture = scene(11)
    copy = COPIES[what](picture)
    for turn, (one, other) in enumerate(((picture, copy), (copy, picture))):
        same, found, share = likeness(one, other)
        assert same
        assert found == {"turned": 3 if turn else 1, "mirrored": 4}.get(what, 0)
        expected = {"part": 0.81, "square part": 0.75}.get(what, 1.0)
        assert share == pytest.approx(1 / expected if turn else expected, abs=0.04)


def test_a_part_of_a_turned_picture_is_found_where_the_turn_is_expected() -> None:
    picture = scene(12)
    piece = part(picture.transpose(Image.Transpose.ROTATE_90), (0.05, 0.02, 0.95, 0.92))
    assert likeness(picture, piece, turn=1)[0] and likeness(piece, picture, turn=3)[0]
    assert not likeness(picture, piece)[0]


@pytest.mark.parametrize("number", range(30, 40))
def test_other_pictures_are_not(number: int) -> None:
    assert not likeness(scene(11), scene(number))[0]


def test_a_picture_with_a_changed_piece_is_not() -> None:
    changed = scene(11)
    changed.paste(scene(50).crop((0, 0, 110, 80)), (150, 90))
    assert not likeness(scene(11), changed)[0]


def test_plain_pictures_are_never_told_to_be_the_same_by_their_looks() -> None:
    plain = Image.new("RGB", (320, 240), "red")
    assert not likeness(plain, plain)[0] and not likeness(plain, scene(1))[0]


def test_nothing_to_compare() -> None:
    nothing = np.empty((0, 32, 32), np.uint8)
    found = compared(nothing, nothing, np.empty((0, 2), np.float32), np.empty(0, np.int64))
    assert found.same(BAR).shape == (0,)


# ---------------------------------------------------------------- among many


def finder(pictures: list[Image.Image], vectors: np.ndarray) -> Finder:
    prints = [print_of(picture) for picture in pictures]
    shapes = np.array([picture.width / picture.height for picture in pictures], np.float32)
    greys = {number: one.grey for number, one in enumerate(prints)}
    return Finder(
        np.stack([one.hashes for one in prints]),
        np.ones(len(prints), np.bool_),
        vectors.astype(np.float16),
        shapes,
        lambda asked: {int(number): greys[int(number)] for number in asked},
    )


def test_copies_of_one_picture_are_compared_with_each_other() -> None:
    """A turned copy and a part of the picture: neither hash nor vector finds that pair."""
    picture = scene(20)
    turned, piece = picture.transpose(Image.Transpose.ROTATE_90), part(picture, (0.05, 0.05, 0.95, 0.95))
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0.95, 0, 0.31]])
    found = finder([picture, turned, piece], vectors).links(0, 3)
    assert {(link.first, link.second): link.turn for link in found} == {(0, 1): 1, (0, 2): 0, (1, 2): 3}


def test_new_pictures_are_compared_with_copies_of_what_they_are_like() -> None:
    picture = scene(20)
    turned, piece = picture.transpose(Image.Transpose.ROTATE_90), part(picture, (0.05, 0.05, 0.95, 0.95))
    search = finder([picture, turned, piece], np.array([[1, 0, 0], [0, 1, 0], [0.95, 0, 0.31]]))
    known = search.links(0, 2)
    assert [(link.first, link.second) for link in search.links(2, 3)] == [(0, 2)]
    assert [(link.first, link.second) for link in search.links(2, 3, lambda _: known)] == [(0, 2), (1, 2)]


def test_closing_leaves_out_what_was_tried_and_what_is_old() -> None:
    links = [Link(0, 1, 1, 1.0, 1.0), Link(0, 2, 4, 1.0, 1.0)]
    turn = pdq.then(pdq.undone(1), 4)
    assert closing(links, (), 0) == {(1, 2): turn} == closing(links, {((1, 2), 0)}, 2)
    assert closing(links, {((1, 2), turn)}, 0) == {} == closing(links, (), 3)
    assert closing([*links, Link(1, 2, 0, 1.0, 1.0)], (), 0) == {}


# ---------------------------------------------------------------- groups


@given(st.sets(st.tuples(st.integers(0, 15), st.integers(0, 15)).filter(lambda pair: pair[0] < pair[1])), st.randoms())
def test_every_member_is_like_the_one_to_keep_and_in_one_group(
    pairs: set[tuple[int, int]], dice: random.Random
) -> None:
    order = list(range(16))
    dice.shuffle(order)
    links = linked(pairs)
    groups = stars(order, links)
    members = [one for group in groups for one in group]
    assert len(members) == len(set(members))
    for keep, *others in groups:
        assert others and set(others) <= links[keep]
        assert all(order.index(keep) < order.index(other) for other in others)
    left = set(order) - set(members)
    assert not any(links.get(one, set()) & left for one in left)


def test_a_chain_is_no_group() -> None:
    chain = linked([("a", "b"), ("b", "c")])
    assert stars(["a", "b", "c"], chain) == [["a", "b"]]
    assert stars(["c", "b", "a"], chain) == [["c", "b"]]
    assert stars(["b", "a", "c"], chain) == [["b", "a", "c"]], "each was compared with the one to keep"


# ---------------------------------------------------------------- which one to keep


def copy(name: str, **other: object) -> Copy:
    values: dict[str, object] = {"width": 400, "height": 300, "format": "JPEG", "bytes": 50_000, "added_at": "2024"}
    values |= {"changed_ns": 5, "taken_at": "", "camera": "", "sharpness": 100.0, **other}
    return Copy(name, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("better", "code"),
    [
        ({"width": 800, "bytes": 10}, "pixels"),
        ({"format": "RAW"}, "format"),
        ({"camera": "D300", "bytes": 30_000}, "camera"),
        ({"bytes": 90_000}, "bytes"),
        ({"sharpness": 200.0, "changed_ns": 9}, "sharpness"),
        ({"taken_at": "2020-01-01T00:00:00", "changed_ns": 9}, "taken"),
        ({"changed_ns": 1, "bytes": 49_000}, "changed"),
        ({"added_at": "2023"}, "added"),
    ],
)
def test_the_better_copy_is_kept_and_why(better: dict[str, object], code: str) -> None:
    good, bad = copy("z", **better), copy("a")
    assert best_first([bad, good]) == [good, bad] == best_first([good, bad])
    reasons = why(good, [bad])
    assert [reason.code for reason in reasons] == [code] and reasons[0].text.startswith("Worth keeping: ")


def test_a_png_of_a_jpeg_is_not_kept_and_of_a_series_the_sharpest_is() -> None:
    assert best_first([copy("a", format="PNG", bytes=900_000), copy("b")])[0].image_id == "b"
    large, sharp = copy("a", width=401), copy("b", sharpness=400.0)
    assert best_first([large, sharp])[0] == large and best_first([large, sharp], shots=True)[0] == sharp
    assert [reason.code for reason in why(sharp, [large], shots=True)] == ["sharpness"]


# ---------------------------------------------------------------- one moment


def moment(name: str, taken: str = "", path: str = "", form: str = "JPEG", camera: str = "D300") -> Moment:
    return Moment(name, (path or f"/photos/{name}.jpg").encode(), form, camera, taken)


def test_raw_and_finished_picture_of_one_release() -> None:
    raw = moment("r", "2020-01-01T10:00:00", "/photos/IMG_1.CR2", "RAW")
    finished = moment("f", "2020-01-01T10:00:01", "/photos/img_1.jpg")
    assert of_one_release([raw, finished]) == [("f", "r")]
    assert of_one_release([raw, moment("f", "2020-01-01T10:00:09", "/photos/IMG_1.jpg")]) == []
    assert of_one_release([raw, moment("f", "", "/photos/IMG_1.jpg")]) == [("f", "r")]
    assert of_one_release([raw, moment("f", "2020-01-01T10:00:01", "/other/IMG_1.jpg")]) == []
    assert of_one_release([finished, moment("g", "2020-01-01T10:00:01", "/photos/img_1.jpeg")]) == []


def test_a_series_is_of_one_camera_and_without_pauses() -> None:
    times = ("2020-01-01T10:00:00", "2020-01-01T10:00:20", "2020-01-01T10:01:00", "", "no time")
    shots = [moment(str(number), time) for number, time in enumerate(times)]
    others = [moment("other", times[0], camera="X100"), moment("none", times[0], camera="")]
    assert list(of_one_series([*shots, *others])) == [("0", "1")]
