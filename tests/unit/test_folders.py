"""Folders: moved files are known without being read, what is gone is hidden and comes back, and nothing is forgotten
unasked.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from src.database.catalog import cells
from src.database.catalog.tables import files, folders, images, operations
from src.errors import BadInput
from src.processing.thumbnails import thumbnail_path
from src.runtime import Services
from src.schema import Already, Finding, Indexed, JobEvent, Skipped
from src.services.indexing import lookahead, pipeline
from src.services.search.service import Query
from tests.conftest import encoded, make_photo, of
from tests.fakes import COLOURS


def run(services: Services, kind: Any, **params: Any) -> list[JobEvent]:
    return list(services.handlers[kind](params))  # type: ignore[index]


def names(services: Services, query: str = "red green blue yellow") -> set[str]:
    page = services.search.search(Query(query), 100)
    return {hit.name for hit in page.hits}


@pytest.fixture
def album(services: Services, photos: Path) -> Path:
    """The folder of four photos, indexed."""
    assert len(of(run(services, "index", paths=[str(photos)]), Indexed)) == 4
    return photos


def test_an_added_folder_is_followed(services: Services, album: Path) -> None:
    (folder,) = services.folders.all()
    assert (folder.path, folder.files, folder.missing, folder.offline, folder.watched) == (
        str(album),
        4,
        0,
        False,
        True,
    )
    assert folder.synced_at is not None
    make_photo(album / "deep" / "pink.jpg", COLOURS["pink"])
    assert [Path(e.path).name for e in of(run(services, "sync"), Indexed)] == ["pink.jpg"]
    run(services, "index", paths=[str(album / "deep")])
    assert len(services.folders.all()) == 1, "it is inside one that is followed"
    run(services, "index", paths=[str(album.parent)])
    assert [f.path for f in services.folders.all()] == [str(album.parent)], "the one around takes its place"


@pytest.mark.parametrize("many", [True, False])
def test_moved_files_are_known_and_not_read_where_they_are_many(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    if many:
        monkeypatch.setattr(pipeline, "READ_MOVED", 0)
        monkeypatch.setattr(
            "src.processing.decoding.image_io.content_hash", lambda *_: pytest.fail("a moved file was read")
        )
    before = encoded(services)
    (album / "2024").mkdir()
    for photo in album.glob("*.jpg"):
        photo.rename(album / "2024" / photo.name)
    events = run(services, "sync")
    assert len(of(events, Already)) == 4 and not of(events, Finding) and encoded(services) == before
    assert services.catalog.counts() == (4, 4, 0), "the old paths are gone from the catalogue"
    assert {Path(hit.path).parent.name for hit in services.search.search(Query("red"), 9).hits} == {"2024"}


def test_files_moved_to_another_disk_are_read_but_not_encoded(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = encoded(services)
    (album / "2024").mkdir()
    for photo in list(album.glob("*.jpg")):
        shutil.copy(photo, album / "2024" / photo.name)
        photo.unlink()
    assert len(of(run(services, "sync"), Already)) == 4 and encoded(services) == before
    assert services.catalog.counts() == (4, 4, 0)


def test_a_drive_with_a_new_device_number_is_not_read_again(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "src.processing.decoding.image_io.content_hash", lambda *_: pytest.fail("an unchanged file was read")
    )
    monkeypatch.setattr(pipeline.Disks, "of", lambda self, folder: 4711)
    assert len(of(run(services, "sync"), Already)) == 4
    assert services.catalog.files.devices_under(os.fsencode(album)) == {4711}


def replaced_unseen(file: Path, data: bytes) -> None:
    """Other bytes in the same file, of the same length and with the same time."""
    before = file.stat()
    with file.open("r+b") as opened:
        opened.write(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)


posix = pytest.mark.skipif(os.name != "posix", reason="Windows tells of no ctime")


@posix
@pytest.mark.parametrize("more_were_moved", [False, True])
def test_a_file_that_was_renamed_and_edited_unseen_is_another_image(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch, more_were_moved: bool
) -> None:
    file = make_photo(album / "edited.bmp", COLOURS["pink"])
    run(services, "sync")
    old = next(hit.id for hit in services.library.newest(1))
    file = file.rename(album / "renamed.bmp")
    replaced_unseen(file, make_photo(album.parent / "other.bmp", COLOURS["red"]).read_bytes())
    if more_were_moved:
        with monkeypatch.context() as many:
            many.setattr(pipeline, "READ_MOVED", 0)
            for _ in range(2):
                assert not of(run(services, "sync"), Indexed)
    (event,) = of(run(services, "sync"), Indexed)
    assert Path(event.path) == file and event.image_id != old
    assert old not in {hit.id for hit in services.library.newest(9)}
    monkeypatch.setattr(
        "src.processing.decoding.image_io.content_hash",
        lambda *_: pytest.fail("a file that is known for sure was read"),
    )
    assert not of(run(services, "sync"), Indexed)


@posix
def test_an_edit_that_keeps_size_and_time_is_seen(services: Services, album: Path) -> None:
    file = make_photo(album / "edited.bmp", COLOURS["pink"])
    run(services, "sync")
    old = next(hit.id for hit in services.library.newest(1))
    replaced_unseen(file, make_photo(album.parent / "other.bmp", COLOURS["red"]).read_bytes())
    (event,) = of(run(services, "sync"), Indexed)
    assert Path(event.path) == file and event.image_id != old
    shown = {hit.id for hit in services.library.newest(9)}
    assert event.image_id in shown and old not in shown
    assert not of(run(services, "sync"), Indexed)


@posix
def test_a_refused_file_that_was_mended_within_its_size_and_time_is_tried_again(
    services: Services, album: Path
) -> None:
    good = make_photo(album / "mended.bmp", COLOURS["pink"]).read_bytes()
    (album / "mended.bmp").write_bytes(b"BM" + bytes(len(good) - 2))
    assert len(of(run(services, "sync"), Skipped)) == len(of(run(services, "sync"), Skipped)) == 1
    replaced_unseen(album / "mended.bmp", good)
    assert [Path(event.path).name for event in of(run(services, "sync"), Indexed)] == ["mended.bmp"]


@posix
def test_a_photo_that_was_spoilt_within_its_size_and_time_is_not_held_any_more(services: Services, album: Path) -> None:
    file = make_photo(album / "spoilt.bmp", COLOURS["pink"])
    run(services, "sync")
    replaced_unseen(file, bytes(file.stat().st_size))
    events = run(services, "sync")
    assert len(of(events, Skipped)) == 1 and "spoilt.bmp" not in names(services)
    assert services.catalog.files.at([os.fsencode(file)]) == {}, "as for any file that holds something else now"


@posix
def test_a_thousand_files_that_were_only_touched_are_hashed_once_and_never_encoded(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for photo in list(album.glob("*.jpg")):
        for number in range(250):
            shutil.copy(photo, album / f"{photo.stem} {number}.jpg")
    run(services, "sync")
    before, files = encoded(services), services.catalog.counts()[1]
    assert files > 1000
    for photo in album.glob("*.jpg"):
        photo.chmod(0o640)
    monkeypatch.setattr(
        "src.processing.decoding.reader.PictureReader.read", lambda *_: pytest.fail("a file was decoded")
    )
    assert len(of(run(services, "sync"), Already)) == files and encoded(services) == before
    monkeypatch.setattr(
        "src.processing.decoding.image_io.content_hash", lambda *_: pytest.fail("an unchanged file was read")
    )
    assert len(of(run(services, "sync"), Already)) == files and services.catalog.counts()[1] == files


@posix
def test_files_of_an_older_library_are_not_read_to_learn_their_ctime(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known() -> set[int]:
        paths = [os.fsencode(photo) for photo in album.glob("*.jpg")]
        return {file.stamp.ctime_ns for file in services.catalog.files.at(paths).values()}

    with services.catalog._file.writing() as db:
        db.exec_driver_sql("UPDATE files SET ctime_ns = 0")
    monkeypatch.setattr(
        "src.processing.decoding.image_io.content_hash", lambda *_: pytest.fail("an unchanged file was read")
    )
    assert len(of(run(services, "sync"), Already)) == 4
    assert known() == {photo.stat().st_ctime_ns for photo in album.glob("*.jpg")}


@posix
def test_a_touched_file_that_can_not_be_read_now_keeps_its_photo(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "denied")

    (album / "red.jpg").chmod(0)
    monkeypatch.setattr("src.originals.open_picture", denied)
    assert [event.reason for event in of(run(services, "sync"), Skipped)] == ["There is no permission to read it."]
    assert "red.jpg" in names(services) and services.catalog.counts() == (4, 4, 0)


def test_a_moved_file_that_can_not_be_read_now_keeps_its_photo(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "denied")

    (album / "red.jpg").rename(album / "moved.jpg")
    with monkeypatch.context() as shut:
        shut.setattr("src.originals.open_picture", denied)
        assert (
            not of(run(services, "sync"), Skipped)
            and services.folders.missing() == 0
            and "moved.jpg" in names(services)
        )
    assert len(of(run(services, "sync"), Already)) == 4 and services.catalog.counts() == (4, 4, 0)


def test_a_deleted_photo_is_hidden_and_back_when_its_file_is(services: Services, album: Path, tmp_path: Path) -> None:
    before = encoded(services)
    shutil.move(album / "red.jpg", tmp_path / "aside.jpg")
    events = run(services, "sync")
    assert of(events, Finding) == [Finding("missing", "1 photo is no longer there, and hidden until seen again.")]
    assert names(services) == {"green.jpg", "blue.jpg", "yellow.jpg"} and services.folders.missing() == 1
    assert services.library.newest(10) and "red.jpg" not in {hit.name for hit in services.library.newest(10)}
    shutil.move(tmp_path / "aside.jpg", album / "back.jpg")
    events = run(services, "sync")
    assert (
        not of(events, Indexed)
        and of(events, Finding) == [Finding("back", "1 photo is back.")]
        and encoded(services) == before
    )
    assert "back.jpg" in names(services) and services.folders.missing() == 0


def test_an_unplugged_drive_loses_nothing_and_comes_back(services: Services, album: Path) -> None:
    before = encoded(services)
    album.rename(album.with_name("unplugged"))
    events = run(services, "sync")
    assert [e.check for e in of(events, Finding)] == ["offline"] and "can't be reached" in of(events, Finding)[0].text
    (folder,) = services.folders.all()
    assert folder.offline and folder.missing == 4 and names(services) == set()
    assert services.folders.missing() == 0, "an offline folder's photos are expected back"
    run(services, "forget")
    album.with_name("unplugged").rename(album)
    events = run(services, "sync")
    assert of(events, Finding) == [Finding("back", "4 photos are back.")] and encoded(services) == before
    assert not of(events, Indexed) and not services.folders.all()[0].offline
    assert names(services) == {"red.jpg", "green.jpg", "blue.jpg", "yellow.jpg"}


def test_the_empty_place_of_a_drive_is_offline_too(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album.rename(album.with_name("unplugged"))
    album.mkdir()
    monkeypatch.setattr(services.catalog.files, "devices_under", lambda _: {4711})
    assert [e.check for e in of(run(services, "sync"), Finding)] == ["offline"]
    monkeypatch.undo()
    assert not of(run(services, "sync"), Finding), (
        "an emptied folder on the same device is not offline: its photos are missing"
    )
    assert not services.folders.all()[0].offline and services.folders.missing() == 4


def test_a_photo_that_was_added_alone_is_looked_for_when_everything_is(
    services: Services, album: Path, tmp_path: Path
) -> None:
    alone = make_photo(tmp_path / "alone" / "pink.jpg", COLOURS["pink"])
    run(services, "index", paths=[str(alone)])
    assert len(services.folders.all()) == 1 and services.catalog.counts()[0] == 5
    alone.unlink()
    assert not of(run(services, "sync", paths=[str(album)]), Finding)
    assert [e.check for e in of(run(services, "sync"), Finding)] == ["missing"] and services.catalog.counts()[0] == 4


def test_forgetting_puts_only_what_is_missing_into_the_bin(services: Services, album: Path) -> None:
    ids = {hit.name: hit.id for hit in services.library.newest(10)}
    (album / "red.jpg").unlink()
    run(services, "sync")
    run(services, "forget")
    assert services.folders.missing() == 0 and services.catalog.counts() == (3, 3, 0)
    assert [photo.id for photo in services.curation.binned(9)] == [ids["red.jpg"]]
    assert services.curation.undo().kind == "forget"
    assert services.folders.missing() == 1 and services.curation.number_binned() == 0
    services.curation.redo()
    run(services, "empty")
    assert not thumbnail_path(services.settings.thumbs_dir, ids["red.jpg"]).exists()
    assert thumbnail_path(services.settings.thumbs_dir, ids["blue.jpg"]).exists()
    assert names(services) == {"green.jpg", "blue.jpg", "yellow.jpg"}


def test_a_forgotten_photo_that_is_seen_again_leaves_the_bin(services: Services, album: Path, tmp_path: Path) -> None:
    red = next(hit.id for hit in services.library.newest(10) if hit.name == "red.jpg")
    services.curation.tag([red], ["mine"])
    (album / "red.jpg").rename(tmp_path / "red.jpg")
    run(services, "sync")
    run(services, "forget")
    assert services.curation.number_binned() == 1
    (tmp_path / "red.jpg").rename(album / "red again.jpg")
    assert [e.check for e in of(run(services, "sync"), Finding)] == ["back"]
    assert services.curation.number_binned() == 0 and services.catalog.counts()[0] == 4
    assert services.catalog.facts.of(red)["keywords"] == ("mine",)


def test_a_photo_that_was_removed_stays_in_the_bin_when_its_file_comes_back(
    services: Services, album: Path, tmp_path: Path
) -> None:
    red = next(hit.id for hit in services.library.newest(10) if hit.name == "red.jpg")
    (album / "red.jpg").rename(tmp_path / "red.jpg")
    run(services, "sync")
    services.curation.remove([red])
    (tmp_path / "red.jpg").rename(album / "red.jpg")
    run(services, "sync")
    assert services.curation.number_binned() == 1 and services.catalog.counts()[0] == 3


def everything(services: Services) -> list[list[tuple[Any, ...]]]:
    """What a library knows, but for when a photo was hidden."""
    hidden = sa.select(images.c.id, images.c.removed_at.is_(None)).order_by(images.c.id)
    columns = [column for column in files.c if column.name != "id"]
    queries = [hidden, sa.select(*columns).order_by(files.c.path), sa.select(folders).order_by(folders.c.path)]
    with services.catalog._file.reading() as db:
        return [[tuple(row) for row in db.execute(query)] for query in queries]


def test_a_removed_folder_comes_back_as_it_was(services: Services, album: Path, tmp_path: Path) -> None:
    shutil.copytree(album, tmp_path / "copies")
    (tmp_path / "copies" / "red.jpg").unlink()
    run(services, "index", paths=[str(tmp_path / "copies")])
    (tmp_path / "copies" / "blue.jpg").unlink()
    run(services, "sync")
    services.curation.tag(services.catalog.listing.ids(None, "added"), ["mine"])
    services.folders.watch(str(album), False)
    services.folders.read_texts(str(album), True)
    services.folders.find_objects(str(album), True)
    before, objects = everything(services), services.catalog.vectors.count_all(services.library.collection())
    run(services, "remove", path=str(album))
    assert services.curation.number_binned() == 2 and names(services) == {"green.jpg", "yellow.jpg"}
    assert all(place[0].startswith(bytes(tmp_path / "copies")) for place in services.catalog.paths_of(green(services)))
    assert services.catalog.vectors.count_all(services.library.collection()) == objects, "nothing is deleted"
    last = services.curation.history(1)[0]
    assert (last.kind, last.photos, last.said["folder"]) == ("remove-folder", 2, str(album))
    services.curation.undo()
    assert everything(services) == before
    services.curation.redo()
    assert services.curation.number_binned() == 2 and [f.path for f in services.folders.all()] == [
        str(tmp_path / "copies")
    ]


def test_cleared_folders_come_back_with_their_switches(services: Services, album: Path, tmp_path: Path) -> None:
    shutil.copytree(album, tmp_path / "copies")
    run(services, "index", paths=[str(tmp_path / "copies")])
    services.folders.read_texts(str(tmp_path / "copies"), True)
    before = everything(services)
    services.catalog.bin.clear()
    assert services.folders.all() == []
    services.curation.undo()
    assert everything(services) == before and sum(f.texts for f in services.folders.all()) == 1


def test_a_removal_that_an_earlier_version_kept_can_be_undone(services: Services, album: Path) -> None:
    """It knew of no switch for text, so that is off."""
    services.folders.read_texts(str(album), True)
    run(services, "remove", path=str(album))
    with services.catalog._file.writing() as db:
        kept = db.execute(sa.select(operations.c.number, operations.c.changes).order_by(operations.c.number.desc()))
        number, changes = kept.first() or (0, b"")
        known = cells.unpacked(changes)
        assert known is not None and known.pop("folder_texts")
        db.execute(operations.update().where(operations.c.number == number).values(changes=cells.packed(known)))
    services.curation.undo()
    assert [(f.path, f.texts) for f in services.folders.all()] == [(str(album), False)]


def green(services: Services) -> str:
    return next(hit.id for hit in services.library.newest(10) if hit.name == "green.jpg")


def test_a_removed_folder_that_is_added_again_has_its_photos_with_all_that_was_said(
    services: Services, album: Path
) -> None:
    services.curation.tag(services.catalog.listing.ids(None, "added"), ["mine"])
    run(services, "remove", path=str(album))
    assert services.catalog.counts()[0] == 0 and services.curation.number_binned() == 4
    run(services, "index", paths=[str(album)])
    assert services.catalog.counts()[0] == 4 and services.curation.number_binned() == 0
    assert [(tag.tag, tag.photos) for tag in services.curation.tags()] == [("mine", 4)]


def test_removing_a_folder_forgets_what_is_in_no_other(services: Services, album: Path, tmp_path: Path) -> None:
    shutil.copytree(album, tmp_path / "copies")
    (tmp_path / "copies" / "red.jpg").unlink()
    run(services, "index", paths=[str(tmp_path / "copies")])
    run(services, "remove", path=str(album))
    assert [Path(f.path).name for f in services.folders.all()] == ["copies"]
    assert names(services) == {"green.jpg", "blue.jpg", "yellow.jpg"} and len(list(album.iterdir())) == 4
    with pytest.raises(BadInput, match="does not follow"):
        run(services, "remove", path=str(album))


def test_a_file_that_can_not_be_read_is_tried_again_only_when_it_changed(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (album / "text.jpg").write_text("no picture")
    reason = of(run(services, "sync"), Skipped)[0].reason
    with monkeypatch.context() as patch:
        patch.setattr("src.processing.decoding.image_io.content_hash", lambda _: pytest.fail("it was read again"))
        assert of(run(services, "sync"), Skipped) == [Skipped(str(album / "text.jpg"), reason)]
    make_photo(album / "text.jpg", COLOURS["pink"])
    assert len(of(run(services, "sync"), Indexed)) == 1
    (album / "text.jpg").write_text("no picture again")
    run(services, "sync")
    assert "text.jpg" not in names(services, "pink"), "what it held is not there any more"


def test_a_reason_that_may_pass_is_not_remembered(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_photo(album / "large.png", size=(1100, 1000))
    with monkeypatch.context() as patch:
        patch.setattr(services.reader, "read", lambda *_: (_ for _ in ()).throw(PermissionError()))
        assert of(run(services, "sync"), Skipped)[0].reason == "There is no permission to read it."
    assert len(of(run(services, "sync"), Indexed)) == 1


def test_a_slow_file_does_not_hold_up_the_commit_of_the_others(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    monkeypatch.setattr(lookahead, "COMMIT_SECONDS", 0.1)
    release, real = threading.Event(), services.reader.read
    make_photo(photos / "slow.jpg", COLOURS["pink"])

    def read(source: Any, *rest: Any) -> Any:
        if Path(source.name).name == "slow.jpg":
            release.wait(20)
        return real(source, *rest)

    monkeypatch.setattr(services.reader, "read", read)
    told = []
    for event in services.handlers["index"]({"paths": [str(photos)]}):
        if isinstance(event, Indexed):
            told.append(Path(event.path).name)
            if len(told) == 3:  # blue, green and red come before it
                assert services.catalog.counts()[0] == 3
                release.set()
    assert told == ["blue.jpg", "green.jpg", "red.jpg", "slow.jpg", "yellow.jpg"]


def test_a_look_that_was_queued_before_the_library_was_cleared_brings_nothing_back(
    services: Services, album: Path
) -> None:
    run(services, "clear")
    assert run(services, "sync", paths=[str(album)]) == [] and services.catalog.counts() == (0, 0, 0)
    run(services, "index", paths=[str(album)])
    make_photo(album / "deep" / "pink.jpg", COLOURS["pink"])
    assert len(of(run(services, "sync", paths=[str(album / "deep")]), Indexed)) == 1, (
        "a folder inside a followed one is looked at"
    )
