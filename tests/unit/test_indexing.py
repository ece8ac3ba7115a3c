"""Indexing: incremental, by content, in order, and a bad file never stops the rest."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from src.bootstrap import build_services
from src.config import Settings
from src.errors import UnreadablePath, WeightsMissing
from src.models.model_manager import ModelManager
from src.processing.thumbnails import thumbnail_path
from src.runtime import Services
from src.schema import Already, Indexed, JobEvent, Progress, Skipped
from src.services.indexing import pipeline
from src.services.library.uploads import as_params
from src.services.search.service import Query
from tests.conftest import cleared, encoded, make_photo, of
from tests.fakes import COLOURS, FakeEmbedder


def run(services: Services, *paths: Path, **params: Any) -> list[JobEvent]:
    return list(services.handlers["index"]({"paths": [str(path) for path in paths], **params}))


def test_photos_are_indexed_and_found_with_their_own_name(services: Services, photos: Path) -> None:
    events = run(services, photos)
    assert [Path(event.path).name for event in of(events, Indexed)] == [
        "blue.jpg",
        "green.jpg",
        "red.jpg",
        "yellow.jpg",
    ]
    assert of(events, Progress)[-1] == Progress(4, 4, "images", "yellow.jpg")
    for colour in ("red", "green", "blue", "yellow"):
        assert services.search.search(Query(colour), 1).hits[0].name == f"{colour}.jpg"
    hit = services.search.search(Query("red"), 1).hits[0]
    assert thumbnail_path(services.settings.thumbs_dir, hit.id).is_file()


def test_a_second_run_encodes_nothing_and_reads_nothing(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(services, photos)
    before = encoded(services)
    monkeypatch.setattr(
        "src.processing.decoding.image_io.content_hash", lambda _: pytest.fail("an unchanged file was read")
    )
    assert len(of(run(services, photos), Already)) == 4 and encoded(services) == before


def test_renamed_moved_and_copied_files_are_the_same_image(services: Services, photos: Path) -> None:
    run(services, photos)
    before = encoded(services)
    (photos / "deep").mkdir()
    (photos / "red.jpg").rename(photos / "deep" / "renamed.jpg")
    shutil.copy(photos / "blue.jpg", photos / "blue copy.jpg")
    events = run(services, photos)
    assert not of(events, Indexed) and encoded(services) == before and services.catalog.counts()[0] == 4
    details = services.library.details(services.search.search(Query("blue"), 1).hits[0].id)
    assert details is not None and len(details.paths) == 2


def test_the_same_bytes_twice_in_one_run_are_one_image(services: Services, photos: Path) -> None:
    shutil.copy(photos / "red.jpg", photos / "a copy.jpg")
    events = run(services, photos)
    assert (len(of(events, Indexed)), len(of(events, Already))) == (4, 1)
    assert services.catalog.counts() == (4, 5, 0) and encoded(services) == 4


def test_a_changed_file_is_another_image(services: Services, photos: Path) -> None:
    run(services, photos)
    make_photo(photos / "red.jpg", COLOURS["purple"])
    events = run(services, photos)
    assert len(of(events, Indexed)) == 1 and services.catalog.counts()[0] == 4
    assert services.search.search(Query("purple"), 1).hits[0].name == "red.jpg"
    assert "red" not in {hit.name for hit in services.search.search(Query("red"), 1).hits}
    make_photo(photos / "red again.jpg", COLOURS["red"])
    before = encoded(services)
    assert not of(run(services, photos), Indexed), "the old picture is back"
    assert encoded(services) == before and services.search.search(Query("red"), 1).hits[0].name == "red again.jpg"


def test_bad_files_are_skipped_and_order_stays_right(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "ENCODE_BATCH", 3)
    (photos / "aa empty.jpg").touch()
    (photos / "f text.jpg").write_text("not a picture")
    whole = make_photo(photos / "whole.png", size=(300, 300)).read_bytes()
    (photos / "g cut.png").write_bytes(whole[:2000])
    events = run(services, photos)
    assert {Path(event.path).name: event.reason for event in of(events, Skipped)} == {
        "aa empty.jpg": "The file is empty.",
        "f text.jpg": "It is not a picture in a format that can be read.",
        "g cut.png": "The picture is damaged: it ends too early.",
    }
    told = [Path(event.path).name for event in events if isinstance(event, Indexed | Skipped)]
    assert told == sorted(told) and len(of(events, Indexed)) == 5
    for colour in ("red", "green", "blue", "yellow"):
        assert services.search.search(Query(colour), 1).hits[0].name == f"{colour}.jpg"


def test_an_unreadable_path_does_not_stop_the_others(services: Services, photos: Path, tmp_path: Path) -> None:
    events: list[JobEvent] = []
    with pytest.raises(UnreadablePath, match="There is no file or folder"):
        events.extend(services.handlers["index"]({"paths": [str(tmp_path / "nowhere"), str(photos)]}))
    assert services.catalog.counts()[0] == 4


def test_cancel_keeps_what_was_committed(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "ENCODE_BATCH", 5)
    for number in range(40):
        make_photo(tmp_path / "many" / f"{number:02}.png", seed=number, size=(20, 20))
    events = services.handlers["index"]({"paths": [str(tmp_path / "many")]})
    seen = [next(events) for _ in range(12)]
    events.close()  # type: ignore[attr-defined]
    kept = services.catalog.counts()[0]
    assert 5 <= kept < 40 and kept >= len(of(seen, Indexed))
    run(services, tmp_path / "many")
    assert services.catalog.counts()[0] == 40 and encoded(services) == 40


def test_uploads_keep_their_name_and_leave_no_litter(services: Services, tmp_path: Path) -> None:
    red = make_photo(tmp_path / "red.jpg", COLOURS["red"]).read_bytes()
    good, again = services.uploads.save("../../Holiday.JPG", red), services.uploads.save("second name.jpg", red)
    bad = services.uploads.save("broken.jpg", b"not a picture")
    assert good.path == again.path and good.name == "Holiday.JPG" and good.path.parent == services.settings.uploads_dir
    events = list(services.handlers["index"]({"files": as_params([good, bad, again])}))
    assert [type(e).__name__ for e in events if isinstance(e, Indexed | Skipped | Already)] == [
        "Indexed",
        "Skipped",
        "Already",
    ]
    assert of(events, Skipped) == [Skipped("broken.jpg", "It is not a picture in a format that can be read.")]
    assert [file.name for file in services.settings.uploads_dir.iterdir()] == [good.path.name]
    hit = services.search.search(Query("red"), 1).hits[0]
    assert hit.name == "Holiday.JPG" and services.library.stats().uploads == 1
    assert good.path.name == f"{hit.id}.jpg"


def test_an_upload_of_a_photo_in_a_folder_is_not_kept_twice(services: Services, photos: Path) -> None:
    run(services, photos)
    upload = services.uploads.save("red.jpg", (photos / "red.jpg").read_bytes())
    events = list(services.handlers["index"]({"files": as_params([upload])}))
    assert of(events, Already) and not upload.path.exists() and (photos / "red.jpg").exists()


def test_undecodable_names_and_hostile_names(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "names"
    for name in ("new\nline.jpg", "<b>bold.jpg", "caf\udce9.jpg", "x" * 200 + ".jpg", "\u202egpj.exe.jpg"):
        source = make_photo(folder / "source.jpg", seed=ord(name[0]))
        os.rename(source, os.fsencode(folder / name))
    events = run(services, folder)
    assert len(of(events, Indexed)) == 5 and len(of(run(services, folder), Already)) == 5


def test_model_switch_reindexes_and_the_old_model_serves_until_then(settings: Settings, photos: Path) -> None:
    loaded = {"builtin": FakeEmbedder("one"), "ViT-B/32": FakeEmbedder("two")}
    models = ModelManager("builtin", settings, loader=lambda spec, *_: loaded[spec.id])
    models._checkpoint = lambda spec: None if spec.ships else photos  # type: ignore[method-assign,assignment]
    services = build_services(settings, models=models)
    try:
        run(services, photos)
        (photos / "yellow.jpg").unlink()
        events = services.handlers["reindex"]({"model": "ViT-B/32"})
        first = next(events)
        assert first == Skipped(str(photos / "yellow.jpg"), "The file is not there now.")
        assert services.library.active_model == "builtin"
        assert len(of(list(events), Indexed)) == 3
        assert services.library.active_model == "ViT-B/32" and loaded["ViT-B/32"].encoded == 3
        assert services.search.search(Query("red"), 9).searched == 3
        assert services.search.search(Query("red"), 9, model="builtin").searched == 4
    finally:
        services.close()


def test_a_model_that_is_not_here_indexes_nothing(services: Services, photos: Path) -> None:
    with pytest.raises(WeightsMissing):
        run(services, photos, model="ViT-L/14")
    assert services.catalog.counts()[0] == 0


def test_originals_are_never_changed(services: Services, photos: Path) -> None:
    Image.open(photos / "red.jpg").save(photos / "odd.heic.png")
    before = {file: (file.stat(), file.read_bytes()) for file in photos.iterdir()}
    run(services, photos)
    cleared(services)
    for file, (stat, data) in before.items():
        assert (file.stat().st_mtime_ns, file.stat().st_ino, file.read_bytes()) == (stat.st_mtime_ns, stat.st_ino, data)


def test_after_a_crash_every_picture_is_decoded_in_a_process_of_its_own(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    read = services.reader.read

    def spy(file: object, side: int | None = None, careful: bool = False, *more: object) -> object:
        told.append(careful)
        return read(file, side, careful, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(services.reader, "read", spy)
    list(services.handlers["index"]({"paths": [str(photos)], "careful": True}))
    assert told == [True] * 4


def test_what_was_refused_is_tried_again_by_other_decoders_and_by_the_same_it_is_not(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "broken.jpg").write_bytes((photos / "red.jpg").read_bytes()[:200])
    tried: list[Path] = []
    read = services.reader.read
    monkeypatch.setattr(services.reader, "read", lambda file, *more: (tried.append(file), read(file, *more))[1])
    for _ in range(2):
        (skipped,) = of(services.handlers["index"]({"paths": [str(photos)]}), Skipped)
        assert skipped.path.endswith("broken.jpg")
    before = len(tried)
    assert before == 5
    monkeypatch.setattr("src.services.indexing.pipeline.READER", "another version of the decoders")
    assert len(of(services.handlers["index"]({"paths": [str(photos)]}), Skipped)) == 1
    assert len(tried) == before + 1


def test_when_a_photo_was_added_does_not_change_when_it_is_seen_again(services: Services, photos: Path) -> None:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    hits = services.library.newest(9)
    before = {hit.id: services.library.details(hit.id).added_at for hit in hits}  # type: ignore[union-attr]
    shutil.copy(photos / "red.jpg", photos / "copy.jpg")
    (photos / "blue.jpg").rename(photos / "renamed.jpg")
    list(services.handlers["index"]({"paths": [str(photos)]}))
    services.catalog.vectors.delete(services.library.collection(), [hits[0].id])
    list(services.handlers["reindex"]({"model": services.library.active_model}))
    assert {id_: services.library.details(id_).added_at for id_ in before} == before  # type: ignore[union-attr]


def test_a_thumbnail_that_has_gone_is_made_again_where_the_photo_is_read(services: Services, photos: Path) -> None:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    (red,) = (hit for hit in services.library.newest(9) if hit.name == "red.jpg")
    thumbnail = thumbnail_path(services.settings.thumbs_dir, red.id)
    thumbnail.unlink()
    shutil.copy(photos / "red.jpg", photos / "copy.jpg")
    list(services.handlers["index"]({"paths": [str(photos)]}))
    assert thumbnail.exists()
