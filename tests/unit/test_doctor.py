"""The doctor: nothing to say of a healthy library, one finding for each thing that is wrong, and all put right."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.database.index.follower import Follower
from src.database.store import Store
from src.errors import LibraryUnusable
from src.files import draft_of
from src.processing.thumbnails import thumbnail_path, write_thumbnail
from src.runtime import Services
from src.schema import Finding, Progress
from src.services.search.service import Query
from tests.conftest import make_photo
from tests.fakes import COLOURS, FakeEmbedder

LONG_AGO = 1_000_000_000


@pytest.fixture
def library(services: Services, photos: Path) -> Services:
    """Four photos, indexed."""
    list(services.handlers["index"]({"paths": [str(photos)]}))
    return services


def findings(services: Services, repair: bool) -> list[Finding]:
    return [event for event in services.handlers["doctor"]({"repair": repair}) if isinstance(event, Finding)]


def name_of(services: Services) -> str:
    return services.library.collection()


def ids(services: Services) -> list[str]:
    return sorted(services.catalog.health.image_ids())


def sql(services: Services, statement: str) -> None:
    with services.catalog._file.writing() as db:
        db.exec_driver_sql(statement)


def checked(services: Services, check: str, text: str) -> None:
    """The one thing that is wrong is told, stays as it is without repair, and is gone after it; searches are right."""
    told = [Finding(check, text, False)]
    assert findings(services, False) == told and findings(services, False) == told, "looking changes nothing"
    assert findings(services, True) == [Finding(check, text, True)]
    assert findings(services, True) == []
    assert services.search.search(Query("red"), 1).hits[0].name == "red.jpg"


def test_a_healthy_library_and_an_empty_one_have_no_findings(services: Services, photos: Path) -> None:
    assert findings(services, True) == []
    list(services.handlers["index"]({"paths": [str(photos)]}))
    assert findings(services, True) == []
    (photos / "blue.jpg").unlink()
    list(services.handlers["sync"]({}))
    assert findings(services, True) == [], "a missing photo is not the library's fault"


def test_visibility_follows_the_files(library: Services) -> None:
    sql(
        library, "UPDATE images SET removed_at = '2020' WHERE id IN (SELECT image_id FROM files WHERE name = 'red.jpg')"
    )
    checked(library, "hidden", "1 photo stayed hidden although a file is there.")
    sql(library, "UPDATE files SET missing_since = '2020' WHERE name = 'blue.jpg'")
    checked(library, "shown", "1 photo counted as present although none of its files is there.")
    assert "blue.jpg" not in {hit.name for hit in library.search.search(Query("blue"), 9).hits}
    library.curation.remove([hit.id for hit in library.library.newest(9) if hit.name == "green.jpg"])
    sql(library, "UPDATE images SET removed_at = NULL WHERE id IN (SELECT image_id FROM binned)")
    checked(library, "bin", "1 photo counted as present although it is in the bin.")
    assert "green.jpg" not in {hit.name for hit in library.search.search(Query("green"), 9).hits}


def test_files_and_vectors_of_no_image(library: Services) -> None:
    library.store.put(name_of(library), {"nobody": np.ones(64, np.float32) / 8}, {})
    checked(library, "vectors", "1 vector belonged to no photo.")
    with library.catalog._file._engine.connect() as db:
        db.exec_driver_sql("PRAGMA foreign_keys = OFF")
        db.exec_driver_sql("UPDATE files SET image_id = 'nobody' WHERE name = 'blue.jpg'")
        db.commit()
        db.exec_driver_sql("PRAGMA foreign_keys = ON")
    told = findings(library, True)
    assert told[0] == Finding("files", "1 file belonged to no photo; the next sync reads what is there again.", True)
    assert [finding.check for finding in told[1:]] == ["shown"] and findings(library, True) == []
    list(library.handlers["sync"]({}))
    assert library.search.search(Query("blue"), 1).hits[0].name == "blue.jpg"


def test_an_index_that_is_behind_inaccurate_or_half_empty_is_made_again(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = name_of(library)
    library.store.index._index.delete(name, ids(library)[:1])
    del library.store.index._followed[name]
    checked(
        library,
        "index",
        f"The search index of {name} did not hold what the catalogue holds, so searches scanned everything.",
    )
    library.store.index._index.upsert(name, ids(library), np.roll(np.eye(64, dtype=np.float32), 60, axis=0)[:4])
    (told,) = findings(library, False)
    assert told.check == "index" and "of 4 vectors asked for themselves 1 came first" in told.text
    assert [finding.repaired for finding in findings(library, True)] == [True] and findings(library, True) == []
    monkeypatch.setattr(Follower, "deleted", lambda *_: 1_000)
    (told,) = findings(library, False)
    assert told.text == f"The search index of {name} still took the space of 1,000 deleted vectors."


def test_a_rebuild_without_room_is_told_and_the_rest_goes_on(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.store.index._index.delete(name_of(library), ids(library)[:1])
    library.store.index._followed.clear()
    thumbnail_path(library.settings.thumbs_dir, ids(library)[0]).unlink()

    def no_room(*_: object) -> Iterator[Progress]:
        raise LibraryUnusable("The disk is nearly full.")
        yield

    monkeypatch.setattr(Store, "rebuild", no_room)
    first, second = findings(library, True)
    assert (first.repaired, second.repaired) == (
        False,
        True,
    ) and "could not be made again: The disk is nearly full." in first.text
    assert library.search.search(Query("red"), 1).hits[0].name == "red.jpg"


def test_vectors_of_a_former_built_in_model(library: Services) -> None:
    library.catalog.vectors.create("image-builtin-0123456789ab", 64, "library")
    library.catalog.vectors.put("image-builtin-0123456789ab", {ids(library)[0]: np.ones(64, np.float32) / 8}, {})
    library.store.index.open("image-builtin-0123456789ab")
    told = findings(library, True)
    assert told == [Finding("models", "1 vector came from a built-in model that a newer one has replaced.", True)]
    assert findings(library, True) == [] and len(library.catalog.vectors.all()) == 1


def test_missing_and_empty_thumbnails_are_made_again(library: Services, photos: Path) -> None:
    first, second, *_ = (thumbnail_path(library.settings.thumbs_dir, image_id) for image_id in ids(library))
    first.unlink()
    second.write_bytes(b"")
    checked(library, "thumbnails", "2 photos had no thumbnail that can be shown.")
    assert first.stat().st_size > 300 and second.stat().st_size > 300
    first.unlink()
    for photo in photos.iterdir():
        photo.rename(photo.with_suffix(".away"))
    (told,) = findings(library, True)
    assert (
        not told.repaired
        and "1 photo had no thumbnail that can be shown, and can't be read now to make one: " in told.text
    )
    assert any(photo.with_suffix(".jpg").name in told.text for photo in photos.iterdir()), "it is named"


def test_files_that_nobody_needs(library: Services) -> None:
    settings = library.settings
    nobody = "00000000-0000-5000-8000-000000000000"
    stray = write_thumbnail(Image.new("RGB", (64, 48)), settings.thumbs_dir, nobody)
    new = draft_of(stray)
    new.touch()
    os.utime(stray, (LONG_AGO, LONG_AGO))
    checked(library, "stray thumbnails", "1 thumbnail belonged to no photo.")
    settings.uploads_dir.mkdir()
    half = [new, draft_of(settings.uploads_dir / f"{nobody}.jpg"), draft_of(settings.chroma_dir / "clean.json")]
    for file in half:
        file.touch()
        os.utime(file, (LONG_AGO, LONG_AGO))
    checked(library, "half-written", "3 files had been left half-written.")
    assert not stray.exists() and not any(map(Path.exists, half))


@pytest.mark.parametrize("damage", ["zeroed", "text", "another format", "cut", "a huge picture", "a folder"])
def test_a_thumbnail_that_is_no_picture_is_made_again(library: Services, damage: str) -> None:
    file = thumbnail_path(library.settings.thumbs_dir, ids(library)[0])
    whole = file.read_bytes()
    if damage == "a folder":
        file.unlink()
        file.mkdir()
        (told,) = findings(library, True)
        assert not told.repaired and "can't be read now" in told.text, "what can't be put right is not called repaired"
        return
    if damage == "another format":
        Image.new("RGB", (64, 48)).save(file, "PNG")
    elif damage == "a huge picture":
        Image.new("RGB", (900, 800)).save(file, "JPEG")
    else:
        file.write_bytes(
            {"zeroed": bytes(len(whole)), "text": b"these are words", "cut": whole[: len(whole) // 2]}[damage]
        )
    checked(library, "thumbnails", "1 photo had no thumbnail that can be shown.")
    assert file.read_bytes() == whole


def damage_upload(library: Services, how: str) -> tuple[Path, bytes]:
    """One stored upload, damaged: where it is, and what it held."""
    make_photo(source := library.settings.home.parent / "lilac.png", COLOURS["purple"])
    upload = library.uploads.save("lilac.png", whole := source.read_bytes())
    list(library.handlers["index"]({"files": [{"path": str(upload.path), "name": "lilac.png", "uploaded": True}]}))
    assert findings(library, True) == []
    other = bytes([whole[0], whole[1] ^ 1, *whole[2:]])
    upload.path.write_bytes(
        {"zeroed": bytes(len(whole)), "cut": whole[:100], "longer": whole + b"x", "one bit": other, "empty": b""}[how]
    )
    return upload.path, whole


@pytest.mark.parametrize("how", ["zeroed", "cut", "longer", "one bit", "empty"])
def test_a_damaged_upload_is_named_and_put_right_where_another_file_has_the_photo(
    library: Services, how: str, photos: Path
) -> None:
    path, whole = damage_upload(library, how)
    damaged = path.read_bytes()
    for repair in (False, True, True):
        (told,) = findings(library, repair)
        assert (
            told.check == "damaged uploads"
            and not told.repaired
            and told.text.startswith("1 stored upload can't be read as what")
        )
        assert "lilac.png" in told.text and path.read_bytes() == damaged, (
            "it is left as it is: there may be something in it"
        )
    (photos / "lilac.png").write_bytes(whole)
    list(library.handlers["sync"]({}))
    checked(library, "damaged uploads", "1 stored upload had been damaged; the same photo is in one of your folders.")
    assert path.read_bytes() == whole


@pytest.mark.parametrize("place", ["the user's folder", "another library", "a link to the user's photo"])
def test_no_file_outside_the_librarys_own_uploads_is_written_over(
    library: Services, photos: Path, tmp_path: Path, place: str
) -> None:
    path, whole = damage_upload(library, "zeroed")
    (photos / "copy.png").write_bytes(whole)
    list(library.handlers["sync"]({}))
    theirs = (
        tmp_path / "theirs.png" if place == "the user's folder" else tmp_path / "other" / "data" / "uploads" / path.name
    )
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_bytes(b"an edited photo")
    path.unlink()
    if place == "a link to the user's photo":
        path.symlink_to(theirs)
    else:
        sql(library, f"UPDATE files SET path = CAST('{theirs}' AS BLOB) WHERE uploaded")
    text = f"1 stored upload had gone from {library.settings.uploads_dir}."
    assert findings(library, False) == [Finding("lost uploads", text)]
    assert Finding("lost uploads", text, True) in findings(library, True)
    assert {finding.check for finding in findings(library, True)} <= {"strangers"}, "a link is somebody else's"
    assert (
        theirs.read_bytes() == b"an edited photo"
        and path.is_symlink() == ("link" in place)
        and library.catalog.counts()[0] == 5
    )


def test_a_damaged_upload_is_put_right_by_dropping_the_photo_again(library: Services) -> None:
    path, whole = damage_upload(library, "zeroed")
    assert (
        library.uploads.save("lilac.png", whole).path == path
        and path.read_bytes() == whole
        and findings(library, False) == []
    )


def test_an_upload_that_was_given_up_and_is_there_again_is_shown_again(library: Services) -> None:
    path, whole = damage_upload(library, "zeroed")
    path.unlink()
    assert [finding.check for finding in findings(library, True)] == ["lost uploads"] and library.catalog.counts()[
        0
    ] == 4
    path.write_bytes(b"something else")
    assert findings(library, True) == []
    path.write_bytes(whole)
    checked(library, "uploads that are back", "1 stored upload had been given up, but can be read.")
    assert library.catalog.counts() == (5, 5, 1)


def test_the_look_at_uploads_can_be_stopped_at_each_block(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.services.library.file_checks.BLOCK", 1_000)
    damage_upload(library, "one bit")
    events = library.handlers["doctor"]({"repair": True})
    steps = [event.done for event in events if isinstance(event, Progress) and event.unit == "bytes"]
    assert len(steps) > 20 and steps == sorted(steps)


def test_uploads_are_never_deleted(library: Services, photos: Path) -> None:
    upload = library.uploads.save("lilac.jpg", (photos / "red.jpg").read_bytes() + b"other")
    assert findings(library, True) == [], "it may be on its way into the library"
    os.utime(upload.path, (LONG_AGO, LONG_AGO))
    assert findings(library, True) == [
        Finding("uploads", "1 stored upload waited to be added; the app's next start does that.")
    ]
    list(library.handlers["index"]({"files": [{"path": str(upload.path), "name": "lilac.jpg", "uploaded": True}]}))
    assert library.catalog.counts()[2] == 1 and findings(library, True) == []
    upload.path.unlink()
    told = findings(library, True)
    assert (
        [finding.check for finding in told] == ["lost uploads"]
        and told[0].repaired
        and library.catalog.counts()[0] == 4
    )
    assert findings(library, True) == []


def test_leftover_folders_of_the_index(library: Services) -> None:
    (library.settings.chroma_dir / "01234567-89ab-cdef-0123-456789abcdef").mkdir()
    checked(library, "leftovers", "1 folder of former search indexes took up space.")


def test_photos_without_a_vector_are_told(library: Services) -> None:
    library.store.delete(name_of(library), ids(library)[:1])
    assert findings(library, True) == [
        Finding("encoded", "1 photo had no vector of the model in use; re-indexing with it adds them.")
    ]


def test_empty_space_in_the_catalogue_is_given_back(library: Services) -> None:
    library.catalog.vectors.create("big", 64, "user")
    rows = {f"{n}": np.ones(64, np.float32) / 8 for n in range(20_000)}
    library.catalog.vectors.put("big", rows, {})
    library.catalog.vectors.drop(["big"])
    size = library.settings.catalog_file.stat().st_size
    told = findings(library, True)
    assert [finding.check for finding in told] == ["space"] and library.settings.catalog_file.stat().st_size < size / 2
    assert findings(library, True) == []


def test_a_damaged_catalogue_is_told(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.database.catalog.health.HealthTable.damage", lambda _: "row 7 missing")
    assert "damaged (row 7 missing)" in findings(library, True)[0].text


def test_it_stops_between_two_steps(library: Services) -> None:
    events = library.handlers["doctor"]({"repair": True})
    assert isinstance(next(events), Progress)
    events.close()  # type: ignore[attr-defined]
    embedder = library.models.embedder()
    assert isinstance(embedder, FakeEmbedder) and embedder.encoded == 4
