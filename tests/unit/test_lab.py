"""Labelled sets are read as they are meant, and every measure is what its definition says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from src.errors import AppError, BadInput, UnreadablePath
from src.schema import FloatArray
from src.services.lab import measures, probe
from src.services.lab.altering import ALTERATIONS, compared
from src.services.lab.folder import read_set, split_of
from src.services.lab.measures import Neighbours
from tests.fakes import colour_picture


def pictures(folder: Path, *names: str, colour: str = "red") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        colour_picture(colour).save(folder / name)


# ---------------------------------------------------------------- sets


def test_the_folders_name_the_classes_however_deep_their_pictures_lie(tmp_path: Path) -> None:
    pictures(tmp_path, "cat/1.png", "cat/more/deep/2.png", "dog/1.png", "dog/b/2.png", "lonely/1.png")
    found = read_set(tmp_path)
    assert found.labels == ("cat", "dog")
    assert [one.name for one in found.pictures] == ["cat/1.png", "cat/more/deep/2.png", "dog/1.png", "dog/b/2.png"]
    assert ["only picture of its class, lonely" in one.reason for one in found.skipped] == [True]


def test_folders_that_all_pictures_share_and_those_of_a_split_are_no_classes(tmp_path: Path) -> None:
    for side in ("Train", "val"):
        pictures(tmp_path, *(f"set/images/{side}/{label}/{n}.png" for label in ("cat", "dog") for n in range(3)))
    found = read_set(tmp_path)
    assert found.labels == ("cat", "dog") and len(found.pictures) == 12
    asked, by = split_of(found.pictures, np.array([0 if one.label == "cat" else 1 for one in found.pictures]))
    assert by == "the set" and [one.name.split("/")[2] == "val" for one in found.pictures] == asked.tolist()


def test_a_level_more_makes_a_class_of_two_folders(tmp_path: Path) -> None:
    pictures(tmp_path, *(f"{kind}/{n}.png" for kind in ("pet/cat", "pet/dog", "car/red") for n in range(2)))
    assert read_set(tmp_path).labels == ("car", "pet")
    assert read_set(tmp_path, level=2).labels == ("car/red", "pet/cat", "pet/dog")


def test_a_table_names_files_and_labels(tmp_path: Path) -> None:
    pictures(tmp_path, *(f"{n}.png" for n in range(5)))
    table = tmp_path / "labels.csv"
    rows = ["File;Label;split", "0.png;cat;train", "1.png;cat;test", '2.png;"a ;dog";train', "3.png;a ;dog;test"]
    table.write_text("\ufeff" + "\n".join([*rows[:3], rows[3], '3.png;"a ;dog";test', "gone.png;cat;train", "", "x"]))
    found = read_set(tmp_path)  # by itself: the only table of a folder that has its pictures in itself
    assert found.labels == ("a ;dog", "cat") and [one.name for one in found.pictures] == [f"{n}.png" for n in range(4)]
    assert [one.side for one in found.pictures] == ["train", "test"] * 2
    assert [Path(one.path).name for one in found.skipped] == ["gone.png"]
    assert read_set(tmp_path, table) == found


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("picture,label\n0.png,cat", "no column 'file'"),
        ("file,class\n0.png,cat\n0.png,dog", "two labels for 0.png"),
        ("file,label\n0.png,cat\n1.png,cat", "of one class, cat"),
        ("file,label\n0.png,cat\n1.png,dog", "0 classes have two pictures"),
        ("file,label", "no labelled picture"),
        ("", "no column 'file'"),
        ("file\0,label", "no table"),
    ],
)
def test_a_table_that_makes_no_set_is_told_in_one_sentence(tmp_path: Path, rows: str, said: str) -> None:
    pictures(tmp_path, "0.png", "1.png")
    (tmp_path / "labels.csv").write_text(rows)
    with pytest.raises(AppError, match=said) as caught:
        read_set(tmp_path)
    assert caught.value.user_message.count("\n") == 0


def test_folders_that_make_no_set_are_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePath, match="is no folder"):
        read_set(tmp_path / "absent")
    with pytest.raises(BadInput, match="no labelled picture"):
        read_set(tmp_path)
    pictures(tmp_path, "cat/1.png", "cat/2.png")
    with pytest.raises(BadInput, match="of one class, cat"):
        read_set(tmp_path)
    pictures(tmp_path, "dog/1.png")
    with pytest.raises(BadInput, match="1 class has two pictures"):
        read_set(tmp_path)
    pictures(tmp_path, "dog/2.png", "loose.png")
    with pytest.raises(BadInput, match=r"loose\.png is in no class's folder"):
        read_set(tmp_path)


def test_a_split_by_chance_is_the_same_each_time_and_leaves_something_to_learn_from(tmp_path: Path) -> None:
    pictures(tmp_path, *(f"{label}/{n}.png" for label, most in (("a", 10), ("b", 2)) for n in range(most)))
    found, numbers = read_set(tmp_path).pictures, np.repeat([0, 1], [10, 2])
    asked, by = split_of(found, numbers)
    assert by == "chance" and (split_of(found, numbers)[0] == asked).all()
    assert (asked[:10].sum(), asked[10:].sum()) == (2, 1)
    assert split_of(found, numbers, queries=6)[0].sum() == 6
    assert split_of(found, numbers, queries=500)[0].sum() == 10, "one of each class is always learned from"


# ---------------------------------------------------------------- measures


@pytest.fixture(scope="module")
def labelled() -> tuple[FloatArray, np.ndarray]:
    """300 vectors in 4 classes that overlap, some of them equal."""
    dice = np.random.default_rng(4)
    classes = dice.integers(0, 4, 300)
    vectors = (dice.standard_normal((4, 12))[classes] * 0.6 + dice.standard_normal((300, 12))).astype(np.float32)
    vectors[:40] = vectors[40:80]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), classes


def test_the_measures_of_neighbours_are_those_of_their_definitions(labelled: tuple[FloatArray, np.ndarray]) -> None:
    vectors, classes = labelled
    found = Neighbours.empty(len(vectors))
    assert list(measures.fill(found, vectors, classes))[-1] == 300
    scores = vectors @ vectors.T
    for place in range(300):
        others = np.delete(np.arange(300), place)
        own, same = scores[place, others], classes[others] == classes[place]
        reached = [(own >= score).sum() for score in own[same]]
        right = [(own[same] >= score).sum() for score in own[same]]
        assert found.average_precision[place] == pytest.approx(np.mean(np.divide(right, reached)), abs=1e-5)
        for depth, share in ((1, found.precision[1]), (10, found.precision[10]), (same.sum(), found.r_precision)):
            orders = [np.lexsort((tie, -own))[:depth] for tie in (same, ~same)]  # those level: last, then first
            low, high = (np.mean(same[order]) for order in orders)
            assert low - 1e-6 <= share[place] <= high + 1e-6 and (high > low or share[place] == pytest.approx(low))
        assert found.own_cosine[place] == pytest.approx(own[same].max()) and found.own[place] in others[same]
        assert found.other_cosine[place] == pytest.approx(own[~same].max()) and found.other[place] in others[~same]
    assert found.same.sum() + found.different.sum() == 300 * 299


def test_the_area_is_the_chance_that_a_pair_of_one_class_is_more_similar(labelled: tuple) -> None:
    vectors, classes = labelled
    found = Neighbours.empty(len(vectors))
    list(measures.fill(found, vectors, classes))
    upper = np.triu_indices(300, 1)
    cosines, same = (vectors @ vectors.T)[upper], (classes[:, None] == classes)[upper]
    ranks = np.searchsorted(np.sort(cosines[~same]), cosines[same])
    assert measures.area(found.same, found.different) == pytest.approx(ranks.mean() / (~same).sum(), abs=2e-3)
    assert measures.cosine_at(found.same, 0.5) == pytest.approx(np.median(cosines[same]), abs=3e-3)


def test_the_silhouette_is_that_of_all_pairs(labelled: tuple) -> None:
    vectors, classes = labelled
    apart = 1 - (vectors @ vectors.T).astype(np.float64)
    each = []
    for place in range(300):
        means = [apart[place, classes == number].mean() for number in range(4)]
        members = (classes == classes[place]).sum()
        own = means[classes[place]] * members / (members - 1)
        other = min(mean for number, mean in enumerate(means) if number != classes[place])
        each.append((other - own) / max(other, own))
    assert measures.silhouette(vectors, classes) == pytest.approx(np.mean(each), abs=1e-4)


def test_the_nearest_vote_and_the_confusion_counts_them() -> None:
    classes = np.array([0] * 6 + [1] * 7 + [0, 1])
    angles = np.r_[np.linspace(0, 0.5, 6), np.linspace(0.9, 1.4, 7), 0.2, 0.8]
    vectors = np.c_[np.cos(angles), np.sin(angles)].astype(np.float32)
    asked = np.arange(15) >= 13
    voted = measures.nearest_vote(vectors, classes, asked)
    assert voted.tolist() == [0, 1]  # 6 against 4, and 5 against 5 of which the others are nearer
    assert measures.confusion(classes[asked], np.array([0, 0]), 2).tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("strength", probe.STRENGTHS)
def test_the_probe_finds_the_least_loss(labelled: tuple, strength: float) -> None:
    """As an optimiser of its own finds it, which knows nothing of bounds."""
    vectors, classes = labelled
    rows = np.c_[vectors, np.ones(300)].astype(np.float32)
    wanted = np.eye(4, dtype=np.float32)[classes]

    def loss(flat: np.ndarray) -> float:
        planes = flat.reshape(-1, 4)
        raised = rows.astype(np.float64) @ planes
        level = np.log(np.exp(raised).sum(axis=1))
        return float((level - (raised * wanted).sum(axis=1)).mean() + strength / 2 * (planes**2).sum())

    least = minimize(loss, np.zeros(13 * 4), method="L-BFGS-B", options={"maxfun": 200_000}).fun
    assert loss(probe.fitted(rows, wanted, strength).astype(np.float64).ravel()) == pytest.approx(least, abs=1e-4)


def test_a_probe_tells_classes_that_a_plane_parts_and_chooses_its_strength_without_the_queries() -> None:
    dice = np.random.default_rng(1)
    vectors = dice.standard_normal((200, 6)).astype(np.float32) * [1, 1, 1, 1, 1, 1e-3]
    classes = (vectors[:, 5] > 0).astype(np.int64)  # in the direction that differs least
    said, strength = probe.probed(vectors[:150], classes[:150], vectors[150:])
    assert (said == classes[150:]).mean() > 0.9 and strength in probe.STRENGTHS
    assert probe.probed(vectors[:150], classes[:150], vectors[:0])[1] == strength


def test_altered_pictures_are_found_where_nothing_is_nearer() -> None:
    vectors = np.eye(3, dtype=np.float32)
    altered = np.array([[1, 0, 0], [0.6, 0.8, 0]], np.float32)  # of the first, both
    way = compared("blurred", altered, vectors, np.array([0, 0]))
    assert (way.how, way.pictures, way.found) == ("blurred", 2, 0.5) and way.cosine == pytest.approx(0.8)


@pytest.mark.parametrize("how", ALTERATIONS)
def test_every_way_of_altering_works_on_the_smallest_pictures(how: str) -> None:
    for size in ((1, 1), (3, 7), (60, 40)):
        assert ALTERATIONS[how](colour_picture("red", size, "blue")).mode == "RGB"
