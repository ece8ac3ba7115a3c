"""Vectors out and in: every format gives back what the library has, and what is no vector is refused whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from src.bootstrap import build_services
from src.config import Settings
from src.database import disk_space
from src.database.catalog.texts import TextRow
from src.database.catalog.vector_codec import packed, restored
from src.database.embeddings import normalised
from src.errors import BadInput, LibraryUnusable, NotFound, NotNow, UnreadablePath, WeightsMissing
from src.identity import image_id
from src.models.embedders import vgg
from src.runtime import Services
from src.schema import Finding, Skipped
from src.schema.descriptions import Description
from src.schema.texts import TextLine
from src.services.exchange.backup import export_library
from src.services.exchange.exporting import Selection
from src.services.exchange.features import FeatureKind
from src.services.exchange.restore import import_library
from src.services.jobs.feature_jobs import queue_import, remove_space
from src.services.search.service import Query
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS
from tests.unit.test_objects import scene

NAMES = ("red", "green", "blue", "yellow")
FORMS = {"npz": "out.npz", "npy": "out", "clip-retrieval": "clip"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = tmp_path_factory.mktemp("features")
    settings = Settings(home=home / "library", find_duplicates=False)
    services = build_services(settings, models=fake_models(settings))
    for name in NAMES:
        make_photo(home / "photos" / f"{name}.jpg", COLOURS[name], seed=len(name))
    list(services.handlers["index"]({"paths": [str(home / "photos")]}))
    yield services
    services.close()


def export(
    services: Services,
    form: str,
    place: Path,
    images: list[str] | None = None,
    model: str = "builtin",
    kind: FeatureKind = "image",
) -> Path:
    events = list(services.features.export(form, place, Selection(images), model, kind))
    assert isinstance(events[-1], Finding) and str(place) in events[-1].text
    return place


def take(services: Services, place: Path, name: str) -> list[str]:
    events = list(services.handlers["import-features"]({"file": str(place), "name": name}))
    return [event.text for event in events if isinstance(event, Finding)]


def stored(services: Services, collection: str) -> dict[str, np.ndarray[Any, Any]]:
    ids = services.catalog.health.image_ids()
    return services.catalog.vectors.get_many(collection, ids)


def read(place: Path) -> tuple[list[str], np.ndarray[Any, Any], list[str]]:
    """Ids, vectors and paths as numpy and pyarrow read them."""
    if place.suffix == ".npz":
        with np.load(place, allow_pickle=False) as data:
            assert data["vectors"].dtype == np.float32 and bool(data["normalised"])
            return data["ids"].tolist(), data["vectors"], data["paths"].tolist()
    clip = (place / "img_emb").is_dir()
    vectors = np.load(place / ("img_emb/img_emb_0.npy" if clip else "vectors.npy"), allow_pickle=False)
    table = pq.read_table(place / ("metadata/metadata_0.parquet" if clip else "metadata.parquet"))
    paths = table.column("image_path" if clip else "path").to_pylist()
    if clip:
        assert table.column_names[0] == "image_path"
    return table.column("id").to_pylist(), vectors, paths


@pytest.mark.parametrize(("form", "name"), FORMS.items())
def test_a_round_trip_is_equal_bit_for_bit(library: Services, tmp_path: Path, form: str, name: str) -> None:
    place = export(library, form, tmp_path / name)
    ids, vectors, paths = read(place)
    known = stored(library, library.library.collection())
    assert set(ids) == set(known) and len(ids) == 4 and all(Path(path).is_file() for path in paths)
    np.testing.assert_array_equal(vectors, np.stack([known[id_] for id_ in ids]))
    told = take(library, place, f"again-{form}")
    assert told == [f"The space again-{form} has vectors of 4 photos, of 64 numbers."]
    back = stored(library, f"image-imported.again-{form}")
    assert {id_: vector.tobytes() for id_, vector in back.items()} == {
        id_: vector.tobytes() for id_, vector in known.items()
    }
    second, again, _ = read(export(library, form, tmp_path / f"2{name}", model=f"again-{form}"))
    assert second == ids and again.tobytes() == vectors.tobytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert library.spaces.remove(f"again-{form}") == 4


@pytest.mark.parametrize("dimensions", [64, 384, 512, 768, 1280])
def test_what_half_precision_rounds_stays_as_it_is_from_then_on(dimensions: int) -> None:
    """Which is why what is taken over again is equal: as long as all models' vectors, with zeros as ReLU has them."""
    rng = np.random.default_rng(dimensions)
    given = normalised(rng.standard_normal((2_000, dimensions)) * (rng.random((2_000, dimensions)) > 0.4))
    once = kept(given)
    assert kept(normalised(once)).tobytes() == once.tobytes()


def kept(given: Any) -> np.ndarray[Any, Any]:
    return restored(np.stack([np.frombuffer(packed(vector), "<f2") for vector in given]))


def test_a_zip_or_folder_holds_the_npz_and_facts_beside_it(library: Services, tmp_path: Path) -> None:
    folder = export(library, "npz", tmp_path / "folder")
    assert read(folder / "features.npz")[0] and len(take(library, folder, "of-a-folder")) == 1
    library.spaces.remove("of-a-folder")
    assert export(library, "npy", tmp_path / "some.zip").stat().st_size > 1000
    said = json.loads((export(library, "npy", tmp_path / "npy") / "features.json").read_text())
    assert said["model"] == "builtin" and said["dims"] == 64 and said["vectors"] == 4 and said["normalised"] is True


def test_of_a_selection_in_its_order(library: Services, tmp_path: Path) -> None:
    ids = [library.library.id_of(name) for name in ("blue.jpg", "red.jpg")]
    assert read(export(library, "npz", tmp_path / "two.npz", ids))[0] == ids


def test_what_can_not_be_exported_is_refused_and_leaves_nothing(library: Services, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no format 'csv' for features"):
        export(library, "csv", tmp_path / "x")
    with pytest.raises(BadInput, match="no features of the kind"):
        export(library, "npz", tmp_path / "x.npz", kind="frame")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no space 'vgg19'"):
        export(library, "npz", tmp_path / "x.npz", model="vgg19")
    for kind, sentence in (("text", "words in it"), ("description", "description"), ("object", "an object")):
        with pytest.raises(BadInput, match=f"None of the photos has .*{sentence}"):
            export(library, "npz", tmp_path / "x.npz", kind=kind)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="builtin-visual makes no vectors of objects"):
        export(library, "npz", tmp_path / "x.npz", model="builtin-visual", kind="object")
    with pytest.raises(UnreadablePath, match="no folder"):
        export(library, "npz", tmp_path / "none" / "x.npz")
    (tmp_path / "taken.npz").write_bytes(b"mine")
    with pytest.raises(BadInput, match="already"):
        export(library, "npz", tmp_path / "taken.npz")
    events = library.features.export("npy", tmp_path / "cancelled", Selection(), "builtin")
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert [path.name for path in tmp_path.iterdir()] == ["taken.npz"]


# ---------------------------------------------------------------- made elsewhere


def npz(place: Path, **arrays: Any) -> Path:
    np.savez(place, **arrays)
    return place


def table(place: Path, **columns: Any) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), place)
    return place


def vectors(number: int, dimensions: int = 5, kind: str = "f4", scale: float = 1.0) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(1).standard_normal((number, dimensions)) * scale).astype(kind)


def keys(library: Services) -> dict[str, Callable[[str], str]]:
    import hashlib

    folder = Path(library.library.details(library.library.id_of("red.jpg")).paths[0]).parent  # type: ignore[union-attr]
    return {
        "ids": lambda name: library.library.id_of(f"{name}.jpg"),
        "paths": lambda name: str(folder / f"{name}.jpg"),
        "filenames": lambda name: f"{name}.jpg",
        "sha256": lambda name: hashlib.sha256((folder / f"{name}.jpg").read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize("key", ["ids", "paths", "filenames", "sha256"])
def test_photos_are_known_by_id_path_name_or_hash(library: Services, tmp_path: Path, key: str) -> None:
    says = keys(library)[key]
    given = vectors(3, kind="f8", scale=1e200)
    names = ["red", "blue"]
    place = npz(tmp_path / "a.npz", embeddings=given, **{key: np.array([*map(says, names), "nobody's"])})
    told = take(library, place, "own")
    assert told[0].startswith("The space own has vectors of 2 photos") and "1 vector belonged to no photo" in told[1]
    assert "nobody's" in told[1]
    found = stored(library, "image-imported.own")
    for row, name in enumerate(names):
        unit = given[row] / np.abs(given[row]).max()
        np.testing.assert_allclose(found[library.library.id_of(f"{name}.jpg")], unit / np.linalg.norm(unit), atol=1e-3)
    library.spaces.remove("own")


def test_a_hash_is_what_an_id_is_made_of(library: Services) -> None:
    says = keys(library)
    assert image_id(says["sha256"]("red")) == says["ids"]("red")


def test_the_parts_of_clip_retrieval_and_a_npy_with_its_table(library: Services, tmp_path: Path) -> None:
    for number, name in enumerate(("red", "blue")):
        (tmp_path / "clip" / "img_emb").mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "clip" / "img_emb" / f"img_emb_{number}.npy", vectors(1, kind="f2"))
        table(tmp_path / "clip" / "metadata" / f"metadata_{number}.parquet", image_path=[keys(library)["paths"](name)])
    assert "2 photos" in take(library, tmp_path / "clip", "clip")[0]
    np.save(tmp_path / "some.npy", vectors(2))
    table(tmp_path / "some.parquet", id=[keys(library)["ids"](name) for name in ("red", "red")], other=[1, 2])
    told = take(library, tmp_path / "some.npy", "pair")
    assert "1 photo," in told[0] and "1 vector was of photos that had one already" in told[1]
    assert [space.name for space in library.spaces.all()] == ["builtin", "clip", "pair"]
    with pytest.raises(BadInput, match="space pair already"):
        take(library, tmp_path / "some.npy", "pair")
    for name in ("clip", "pair"):
        library.spaces.remove(name)


def bad(library: Services, tmp_path: Path) -> list[tuple[Path, str]]:
    ids = np.array([keys(library)["ids"]("red"), keys(library)["ids"]("blue")])
    hole, nought = vectors(2), vectors(2)
    hole[1, 2], nought[1] = np.nan, 0
    folder = tmp_path / "empty"
    folder.mkdir()
    (tmp_path / "text.npz").write_text("no archive")
    cut = npz(tmp_path / "cut.npz", vectors=vectors(2), ids=ids)
    cut.write_bytes(cut.read_bytes()[:200])
    np.save(tmp_path / "alone.npy", vectors(2))
    np.save(tmp_path / "odd.npy", vectors(2))
    table(tmp_path / "odd.parquet", id=ids.tolist()[:1])
    return [
        (npz(tmp_path / "nan.npz", vectors=hole, ids=ids), "Vector 1 of .*not finite; nothing was taken over"),
        (npz(tmp_path / "zero.npz", vectors=nought, ids=ids), "Vector 1 of .*is zero"),
        (npz(tmp_path / "flat.npz", vectors=vectors(2)[0], ids=ids), "shape"),
        (npz(tmp_path / "whole.npz", vectors=np.ones((2, 3), int), ids=ids), "not vectors of float"),
        (npz(tmp_path / "by-column.npz", vectors=np.asfortranarray(vectors(2)), ids=ids), "column by column"),
        (npz(tmp_path / "few.npz", vectors=vectors(2), ids=ids[:1]), "2 vectors and 1 times id"),
        (npz(tmp_path / "nameless.npz", vectors=vectors(2)), "does not say of which pictures"),
        (npz(tmp_path / "no-vectors.npz", ids=ids), "no array of vectors"),
        (npz(tmp_path / "pickled.npz", vectors=vectors(2), ids=np.array(ids, object)), "can be read|something else"),
        (npz(tmp_path / "strange.npz", vectors=vectors(2), ids=np.array(["x", "y"])), "None of the 2 vectors"),
        (npz(tmp_path / "numbers.npz", vectors=vectors(2), ids=np.arange(2)), "something else than texts"),
        (tmp_path / "text.npz", "no file of vectors"),
        (cut, "no file of vectors"),
        (tmp_path / "alone.npy", "has no alone.parquet"),
        (tmp_path / "odd.npy", "1 rows for 2 vectors"),
        (folder, "holds neither"),
        (table(tmp_path / "x.parquet", id=["a"]), "no .npz, no .npy and no folder"),
    ]


def test_what_is_no_vector_is_refused_in_one_sentence_and_nothing_is_stored(library: Services, tmp_path: Path) -> None:
    before = {one.name for one in library.catalog.vectors.all()}
    for place, sentence in bad(library, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            take(library, place, "refused")
    with pytest.raises(UnreadablePath, match="can't be read"):
        take(library, tmp_path / "absent.npz", "refused")
    good = npz(tmp_path / "good.npz", vectors=vectors(1), ids=np.array([keys(library)["ids"]("red")]))
    for name, sentence in (("", "can't name"), ("a b", "can't name"), ("../x", "can't name"), ("vgg16", "is a model")):
        with pytest.raises(BadInput, match=sentence):
            take(library, good, name)
    assert {one.name for one in library.catalog.vectors.all()} == before


def test_an_import_that_is_stopped_leaves_nothing_and_one_that_died_goes_on(library: Services, tmp_path: Path) -> None:
    ids = np.array([keys(library)["ids"](name) for name in NAMES])
    place = npz(tmp_path / "four.npz", vectors=vectors(4), ids=ids)
    events = library.handlers["import-features"]({"file": str(place), "name": "four"})
    while library.catalog.vectors.count_all("image-imported.four") == 0:
        next(events)
    events.close()  # type: ignore[attr-defined]
    assert "image-imported.four" not in {one.name for one in library.catalog.vectors.all()}
    library.store.put_features("image-imported.four", {str(ids[0]): vectors(1)[0] / np.linalg.norm(vectors(1)[0])})
    list(library.handlers["import-features"]({"file": str(place), "name": "four", "careful": True}))
    assert library.spaces.find("four").photos == 4
    library.spaces.remove("four")


def test_a_space_goes_with_its_photos_and_comes_along_with_a_library(
    services: Services, photos: Path, tmp_path: Path
) -> None:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    list(services.handlers["features"]({"model": "builtin-visual"}))
    take(services, export(services, "npz", tmp_path / "all.npz", model="builtin-visual"), "dino")
    red, blue = (services.library.id_of(f"{name}.jpg") for name in ("red", "blue"))
    for space in ("builtin-visual", "dino"):
        found = services.search.search(Query(like=red), 10, space=space)
        assert found.model == space and found.searched == 4 and {hit.id for hit in found.hits} >= {blue}
        only = services.search.search(Query("name:blue.jpg", like=red), 10, space=space)
        assert [hit.id for hit in only.hits] == [blue] and only.filtered
    list(export_library(services.settings, services.catalog, tmp_path / "library.zip"))
    services.curation.remove([blue])
    assert blue not in {hit.id for hit in services.search.search(Query(like=red), 10, space="dino").hits}
    list(services.handlers["empty"]({}))
    assert services.catalog.vectors.count_all("image-imported.dino") == 3
    assert services.catalog.health.stray_vectors() == {}
    make_photo(photos / "white.jpg", COLOURS["white"])
    list(services.handlers["sync"]({}))
    job = next(job for job in services.jobs.active() if job.kind == "features")
    assert services.jobs.params(job.id) == {"model": "builtin-visual"}, "new photos are looked at by themselves"
    other = replace(services.settings, home=tmp_path / "other")
    list(import_library(other, tmp_path / "library.zip"))
    copy = build_services(other, models=fake_models(other))
    try:
        assert [(space.name, space.photos) for space in copy.spaces.all()] == [
            ("builtin", 4), ("builtin-visual", 4), ("dino", 4)
        ]  # fmt: skip
    finally:
        copy.close()


def test_a_photo_that_can_not_be_read_now_is_tried_again(services: Services, photos: Path) -> None:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    away = (photos / "red.jpg").rename(photos.parent / "red.jpg")
    events = list(services.handlers["features"]({"model": "builtin-visual"}))
    assert [event.path for event in events if isinstance(event, Skipped)] == ["red.jpg"]
    away.rename(photos / "red.jpg")
    assert len(services.spaces.pending("builtin-visual")) == 1
    list(services.handlers["features"]({"model": "builtin-visual"}))
    assert services.spaces.pending("builtin-visual") == []


def test_objects_texts_and_descriptions_go_out_too(services: Services, tmp_path: Path) -> None:
    scene(tmp_path / "scenes", "red on white.png", "white", "red")
    list(services.handlers["index"]({"paths": [str(tmp_path / "scenes")]}))
    list(services.handlers["objects"]({}))
    (image,) = services.catalog.health.image_ids()
    services.curation.describe(image, Description("a red ellipse"))
    line = TextLine("STOP", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), 0.9)
    services.catalog.texts.put("read-1", [TextRow(image, b"x" * 32, (line,))])
    number = services.objects.counts()[1]
    with np.load(export(services, "npz", tmp_path / "objects.npz", kind="object")) as data:
        assert data["vectors"].shape == (number, 64) and data["boxes"].shape == (number, 4) and number
        assert set(data["image_ids"]) == {image} and data["kind"].item() == "object"
        (box, *_) = [tuple(one.segment.box) for one in services.objects.of_photo(image) if one.id == data["ids"][0]]
        assert tuple(data["boxes"][0]) == box
    for kind, text in (("text", "STOP"), ("description", "a red ellipse")):
        ids, found, _ = read(export(services, "npy", tmp_path / kind, kind=kind))  # type: ignore[arg-type]
        assert ids == [image]
        near = services.descriptions.vectors.encode([text])[0] @ found[0]
        assert near == pytest.approx(1, abs=1e-3), kind


def test_vgg_gets_a_space_of_its_own_length(
    services: Services, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network with random weights in place of the published ones, which are not here."""
    list(services.handlers["index"]({"paths": [str(photos)]}))
    with pytest.raises(WeightsMissing):
        list(services.handlers["features"]({"model": "vgg16"}))
    monkeypatch.setattr(services.models, "loaded", lambda task, name: vgg.untrained())
    place = tmp_path / "vgg.npz"
    list(services.handlers["export"]({"format": "npz", "place": str(place), "model": "vgg16"}))
    with np.load(place) as data:
        assert data["vectors"].shape == (4, 512) and data["space"].item() == "vgg16-397923af8e79"
    assert [(space.name, space.dimensions) for space in services.spaces.all()] == [("builtin", 64), ("vgg16", 512)]


def test_a_full_disk_is_told_before_anything_is_written(
    library: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = export(library, "npz", tmp_path / "all.npz")
    monkeypatch.setattr(disk_space, "free_bytes", lambda _: disk_space.MARGIN)
    with pytest.raises(LibraryUnusable, match="needed for the features"):
        export(library, "npy", tmp_path / "more")
    with pytest.raises(LibraryUnusable, match="needed for the vectors"):
        take(library, place, "no-room")
    assert [path.name for path in tmp_path.iterdir()] == ["all.npz"]


def test_what_was_sent_is_removed_once_it_was_taken_over_or_refused(library: Services, tmp_path: Path) -> None:
    mine = export(library, "npz", tmp_path / "mine.npz")
    for name, data in (("sent", mine.read_bytes()), ("no vectors", b"PK nonsense")):
        place = library.shelf.place(".npz")
        place.write_bytes(data)
        job = library.handlers["import-features"]({"file": str(place), "name": "sent" if name == "sent" else "other"})
        if name == "sent":
            assert [event for event in job if isinstance(event, Finding)]
        else:
            with pytest.raises(BadInput):
                list(job)
        assert not place.exists()
    half = library.shelf.place(".npz")
    half.write_bytes(mine.read_bytes())
    job = library.handlers["import-features"]({"file": str(half), "name": "half"})
    next(job)
    job.close()  # type: ignore[attr-defined]
    assert half.exists(), "it goes on with it at the next start"
    take(library, mine, "kept")
    assert mine.exists(), "what is the user's stays"
    for name in ("sent", "kept"):
        library.spaces.remove(name)


def test_a_space_is_not_taken_over_twice_nor_forgotten_while_it_is_made(library: Services, tmp_path: Path) -> None:
    mine = export(library, "npz", tmp_path / "mine.npz")
    job = queue_import(library.jobs, library.spaces, mine, "twice")  # no worker runs
    with pytest.raises(BadInput, match="already"):
        queue_import(library.jobs, library.spaces, mine, "twice")
    with pytest.raises(NotNow):
        remove_space(library.jobs, library.spaces, "twice")
    library.jobs.cancel(job)
    take(library, mine, "twice")
    with pytest.raises(BadInput, match="There is a space twice already"):
        queue_import(library.jobs, library.spaces, mine, "twice")
    for refused in ("", "a b", "builtin", "../x"):
        with pytest.raises(BadInput):
            queue_import(library.jobs, library.spaces, mine, refused)
    assert remove_space(library.jobs, library.spaces, "twice") == 4
