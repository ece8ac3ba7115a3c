"""The library as a whole: true numbers, pictures that can be shown, and a clear that takes only what it says."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from src.bootstrap import build_services
from src.config import Settings
from src.database.catalog.listing import terms
from src.database.catalog.tables import images
from src.errors import LibraryUnusable, WeightsMissing
from src.processing.thumbnails import thumbnail_path
from src.runtime import Services
from src.services.library.service import PREVIEW_SIDE
from src.services.search.service import Query
from tests.by_hand import add_by_hand, metadata_by_hand
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS


def index(services: Services, folder: Path) -> None:
    list(services.handlers["index"]({"paths": [str(folder)]}))


def test_numbers(services: Services, photos: Path) -> None:
    empty = services.library.stats()
    assert (empty.images, empty.files, empty.segments, empty.embedded, empty.model) == (0, 0, 0, 0, "builtin")
    index(services, photos)
    stats = services.library.stats()
    assert (stats.images, stats.files, stats.uploads, stats.embedded) == (4, 4, 0, 4)
    on_disk = sum(f.stat().st_size for f in services.settings.home.rglob("*") if f.is_file() and "logs" not in f.parts)
    assert 0.8 * on_disk <= stats.bytes <= on_disk


def test_an_index_gives_the_order_in_which_photos_were_added(services: Services) -> None:
    """The first page asks for the newest each time it is drawn."""
    query = sa.select(images.c.id).order_by(*terms("added")).limit(9).compile(compile_kwargs={"literal_binds": True})
    with services.catalog._file.reading() as db:
        plan = str(db.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())
    assert "INDEX ix_images_added_at" in plan


def test_newest_first(services: Services, photos: Path, tmp_path: Path) -> None:
    index(services, photos)
    make_photo(tmp_path / "late" / "late.jpg", seed=99)
    index(services, tmp_path / "late")
    assert services.library.newest(1)[0].name == "late.jpg" and len(services.library.newest(10)) == 5
    assert len(services.library.newest(10, offset=3)) == 2


def test_pictures_for_showing(services: Services, tmp_path: Path) -> None:
    photo = make_photo(tmp_path / "big" / "big.jpg", size=(3000, 1500))
    index(services, photo.parent)
    image_id = services.library.newest(1)[0].id
    preview = services.library.preview(image_id)
    assert preview is not None and Image.open(io.BytesIO(preview)).size == (PREVIEW_SIDE, PREVIEW_SIDE // 2)
    thumbnail_path(services.settings.thumbs_dir, image_id).unlink()
    made_again = services.library.thumbnail(image_id)
    assert made_again is not None and made_again.is_file()
    photo.unlink()
    assert services.library.preview(image_id) is None and services.library.thumbnail(image_id) == made_again
    unknown = "00000000-0000-5000-8000-000000000000"
    assert (
        services.library.thumbnail(unknown)
        is services.library.preview(unknown)
        is services.library.details(unknown)
        is None
    )


def test_clear_takes_the_library_and_nothing_else(services: Services, photos: Path) -> None:
    index(services, photos)
    add_by_hand(services.store, [[1.0, 0.0]], ["x"], [{"source": "x"}])
    services.settings.weights_dir.mkdir(parents=True, exist_ok=True)
    (services.settings.weights_dir / "some.pt").write_bytes(b"weights")
    list(services.handlers["clear"]({}))
    assert services.library.stats().images == 0 == services.catalog.vectors.count(services.library.collection())
    assert services.search.search(Query("red"), 9).hits == () and services.folders.all() == []
    assert services.settings.thumbs_dir.exists(), "it is all in the bin"
    list(services.handlers["empty"]({}))
    assert services.library.stats().images == 0 and not services.settings.thumbs_dir.exists()
    assert len(list(photos.iterdir())) == 4 and (services.settings.weights_dir / "some.pt").exists()
    assert metadata_by_hand(services.store, [1.0, 0.0]) == [{"source": "x"}]
    index(services, photos)
    assert services.search.search(Query("red"), 1).hits[0].name == "red.jpg"


def test_the_library_keeps_its_model_and_is_the_same_after_reopening(settings: Settings, photos: Path) -> None:
    first = build_services(settings, models=fake_models(settings))
    index(first, photos)
    assert first.catalog.get_meta("active_model") == "builtin"
    first.close()
    second = build_services(settings, models=fake_models(settings))
    assert second.store.index.open(second.library.collection()), "a clean close leaves an index that is used again"
    assert second.search.search(Query("blue"), 1).hits[0].name == "blue.jpg"
    second.close()


def test_reading_beside_the_owner(services: Services, photos: Path, settings: Settings) -> None:
    index(services, photos)
    reader = build_services(settings, read_only=True, models=fake_models(settings))
    assert reader.search.search(Query("green"), 1).hits[0].name == "green.jpg" and reader.library.stats().images == 4
    reader.store.close()
    make_photo(photos / "purple.jpg", (130, 40, 170))
    index(services, photos)
    assert services.search.search(Query("purple"), 1).hits[0].name == "purple.jpg", (
        "the reader's end must not close the owner's library"
    )


def test_a_library_whose_model_has_gone_still_opens_and_says_so(settings: Settings, photos: Path) -> None:
    first = build_services(settings, models=fake_models(settings))
    index(first, photos)
    first.catalog.set_meta("active_model", "ViT-B/32")
    assert first.library.stats().images == 4 and first.library.stats().embedded == 0
    with pytest.raises(WeightsMissing, match=r"ViT-B-32\.pt"):
        first.search.search(Query("red"))
    first.close()


def test_a_photo_that_was_replaced_since_is_not_shown_under_the_old_ones_id(services: Services, photos: Path) -> None:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    image_id = next(hit.id for hit in services.library.newest(9) if hit.name == "red.jpg")
    assert services.library.preview(image_id) and services.library.has_original(image_id)
    make_photo(photos / "red.jpg", COLOURS["blue"], size=(200, 100))
    assert services.library.preview(image_id) is None and not services.library.has_original(image_id)
    assert services.library.thumbnail(image_id) is not None
    (photos / "red.jpg").unlink()
    os.mkfifo(photos / "red.jpg")
    assert services.library.preview(image_id) is None, "a pipe would never end"


def test_a_photo_whose_file_was_only_touched_is_still_shown(services: Services, photos: Path) -> None:
    """A change of its rights, a link to it and a rename all change its ctime."""
    list(services.handlers["index"]({"paths": [str(photos)]}))
    image_id = next(hit.id for hit in services.library.newest(9) if hit.name == "red.jpg")
    (photos / "red.jpg").chmod(0o600)
    os.link(photos / "red.jpg", photos / "link")
    assert services.library.preview(image_id) and services.library.has_original(image_id)


def test_an_emptied_catalogue_beside_thumbnails_is_refused(settings: Settings, photos: Path) -> None:
    services = build_services(settings, models=fake_models(settings))
    list(services.handlers["index"]({"paths": [str(photos)]}))
    services.close()
    for file in settings.data_dir.glob("catalog.sqlite3*"):
        file.write_bytes(b"")
    with pytest.raises(LibraryUnusable, match="is empty, but there are thumbnails"):
        build_services(settings, models=fake_models(settings))
    assert settings.catalog_file.stat().st_size == 0
