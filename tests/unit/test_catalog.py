"""The catalogue: one transaction a batch, identity by content, and a file of a newer version refused."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.dialects import sqlite

from src.database.catalog.catalog import Catalog, FileRow, ImageRow
from src.database.catalog.facts import FactsRow
from src.database.catalog.files import Refusal
from src.database.catalog.migrations import MIGRATIONS, SEGMENTED, SUMMARY_TRIGGERS, TRIGGERS
from src.database.catalog.vectors import Counters, block_query
from src.errors import LibraryNewer, LibraryUnusable, WrongDimensions
from src.schema import FileStamp, FloatArray, ImageFacts
from src.schema.facts import PhotoFacts

SPACE = "image-test"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    opened = Catalog(tmp_path / "data" / "catalog.sqlite3")
    opened.vectors.create(SPACE, 4, "library")
    return opened


def image(name: str) -> ImageRow:
    return ImageRow(f"id-{name}", f"sha-{name}", ImageFacts(40, 30, "JPEG", None), 1000)


def file(path: str, image_name: str, uploaded: bool = False) -> FileRow:
    return FileRow(os.fsencode(path), path, Path(path).name, f"id-{image_name}", FileStamp(1, 2, 3, 4), uploaded)


def vector(seed: int) -> FloatArray:
    values = np.random.default_rng(seed).normal(size=4).astype(np.float32)
    return values / np.linalg.norm(values)


def add(catalog: Catalog, *names: str) -> None:
    vectors = {f"id-{name}": vector(seed) for seed, name in enumerate(names)}
    catalog.commit_batch(
        SPACE, [image(name) for name in names], [file(f"/p/{name}.jpg", name) for name in names], vectors
    )


def test_a_batch_is_there_after_reopening(catalog: Catalog, tmp_path: Path) -> None:
    add(catalog, "a", "b")
    catalog.close()
    again = Catalog(tmp_path / "data" / "catalog.sqlite3")
    assert again.counts() == (2, 2, 0) and again.vectors.count(SPACE) == 2
    stored = again.vectors.get(SPACE, "id-b")
    assert stored is not None and np.dot(stored, vector(1)) > 0.9999 and abs(np.linalg.norm(stored) - 1) < 1e-6


def test_a_failing_batch_leaves_nothing(catalog: Catalog) -> None:
    lost = file("/p/x.jpg", "never-stored")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        catalog.commit_batch(SPACE, [image("a")], [file("/p/a.jpg", "a"), lost], {"id-a": vector(0)})
    assert catalog.counts() == (0, 0, 0) and catalog.vectors.count(SPACE) == 0


def test_two_paths_of_one_image_and_the_users_own_first(catalog: Catalog) -> None:
    add(catalog, "a")
    catalog.commit_batch(SPACE, [image("a")], [file("/up/a.jpg", "a", uploaded=True), file("/copy/a2.jpg", "a")], {})
    assert catalog.counts() == (1, 3, 0)
    details = catalog.details("id-a")
    assert details is not None and details.paths == ("/p/a.jpg", "/copy/a2.jpg", "/up/a.jpg") and not details.uploaded
    assert catalog.shown(["id-a", "id-none"])["id-a"].name == "a.jpg"


def test_a_file_with_new_bytes_hides_the_image_it_held_and_bytes_that_return_show_it(catalog: Catalog) -> None:
    add(catalog, "a", "b")
    catalog.commit_batch(SPACE, [image("c")], [file("/p/a.jpg", "c")], {"id-c": vector(9)})
    assert catalog.hidden() == ["id-a"] and catalog.details("id-a") is None and catalog.shown(["id-a"]) == {}
    assert catalog.vectors.count(SPACE) == 2 and catalog.encoded(SPACE, ["id-a"]) == {"id-a"}
    found = {id_ for ids, _ in catalog.vectors.blocks(SPACE, 1) for id_ in ids}
    assert found == {"id-b", "id-c"}
    catalog.commit_batch(SPACE, [], [file("/p/back.jpg", "a")], {})
    assert catalog.vectors.count(SPACE) == 3 and catalog.details("id-a") is not None


def test_clear_forgets_images_and_keeps_what_scripts_made(catalog: Catalog) -> None:
    add(catalog, "a")
    catalog.vectors.create("mine", 4, "user")
    catalog.vectors.put("mine", {"x": vector(0)}, {"x": {"source": "x.jpg"}})
    catalog.set_meta("active_model", "builtin")
    catalog.clear_images()
    assert catalog.counts() == (0, 0, 0) and [c.name for c in catalog.vectors.all()] == ["mine"]
    assert catalog.vectors.metadata_of("mine", ["x"]) == {"x": {"source": "x.jpg"}}
    assert catalog.get_meta("active_model") == "builtin"


def test_lists_longer_than_sqlites_limits(catalog: Catalog) -> None:
    ids = [f"id-{n}" for n in range(40_000)]
    assert catalog.shown(ids) == {} and catalog.vectors.metadata_of(SPACE, ids) == {}


def test_dimension_is_fixed(catalog: Catalog) -> None:
    with pytest.raises(WrongDimensions, match="length 4, not 8"):
        catalog.vectors.create(SPACE, 8, "library")


def test_undecodable_names_are_stored_and_found(catalog: Catalog) -> None:
    path = Path("/p/caf\udce9\n.jpg")
    row = FileRow(os.fsencode(path), "shown", "shown", "id-a", FileStamp(1, 2, 3, 4))
    catalog.commit_batch(SPACE, [image("a")], [row], {})
    assert list(catalog.files.under(b"/p")) == [[(os.fsencode(path), "id-a")]]
    assert list(catalog.files.under(b"/q")) == [] and list(catalog.files.under(b"/")) != []


def test_a_folder_is_not_its_namesakes(catalog: Catalog) -> None:
    names = ["/p/a/1.jpg", "/p/a/b/2.jpg", "/p/ab/3.jpg", "/p/a.jpg", "/p/a-/4.jpg"]
    catalog.commit_batch(SPACE, [image("a")], [file(name, "a") for name in names], {})
    found = [path for page in catalog.files.under(b"/p/a") for path, _ in page]
    assert found == [b"/p/a/1.jpg", b"/p/a/b/2.jpg"] and catalog.files.numbers_under(b"/p/a/") == (2, 0)


def test_a_file_that_is_lost_hides_its_image_unless_another_holds_it(catalog: Catalog) -> None:
    add(catalog, "a", "b")
    catalog.commit_batch(SPACE, [], [file("/copy/a.jpg", "a")], {})
    assert catalog.files.lose([b"/p/a.jpg", b"/p/b.jpg"]) == 1
    assert catalog.hidden() == ["id-b"] and catalog.counts() == (1, 1, 0)
    assert catalog.files.at([b"/p/a.jpg"]) == {} and catalog.files.at([b"/p/b.jpg"])[b"/p/b.jpg"].missing
    assert catalog.files.lose([b"/p/b.jpg"]) == 0, "it is hidden already"
    catalog.forget(["id-b"])
    assert (
        catalog.hidden() == [] and catalog.encoded(SPACE, ["id-b"]) == set() and catalog.files.at([b"/p/b.jpg"]) == {}
    )


def test_an_older_catalogue_is_brought_up_to_date(tmp_path: Path) -> None:
    file_ = tmp_path / "old.sqlite3"
    catalog = Catalog(file_)
    catalog.vectors.create(SPACE, 4, "library")
    add(catalog, "a")
    catalog.close()
    with sqlite3.connect(file_) as db:  # what the later steps bring is taken out again
        for name in TRIGGERS:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("DROP TABLE folders")
        db.execute("DROP TABLE unreadable")
        for name in ("ix_files_stamp", "ix_files_missing", "ix_files_uploaded", "ix_images_taken", "ix_images_hidden"):
            db.execute(f"DROP INDEX {name}")
        db.execute("DROP TABLE changes")
        db.execute("DROP TABLE days")
        db.execute("ALTER TABLE collections DROP COLUMN rows")
        db.execute("ALTER TABLE collections DROP COLUMN rewritten")
        db.execute("ALTER TABLE files DROP COLUMN missing_since")
        db.execute("ALTER TABLE files DROP COLUMN ctime_ns")
        db.execute("ALTER TABLE jobs DROP COLUMN pause")
        db.execute("PRAGMA user_version = 1")
    catalog = Catalog(file_)
    assert catalog.vectors.counters(SPACE) == Counters(1, 0, 4)
    assert catalog.counts() == (1, 1, 0) and catalog.folders.all() == [] and catalog.files.lose([b"/p/a.jpg"]) == 1
    catalog.close()


def test_version_8_learns_how_many_stars_and_tags_an_image_has(tmp_path: Path) -> None:
    file_ = tmp_path / "old.sqlite3"
    catalog = Catalog(file_)
    catalog.vectors.create(SPACE, 4, "library")
    add(catalog, "a", "b", "c")
    ids = ["id-a", "id-b", "id-c"]
    told = PhotoFacts(keywords=("sea", "trip/italy"), rating=3)
    catalog.facts.put("test", [FactsRow(id_, told, None, "") for id_ in ids[:2]])
    catalog.marks.rate(ids[1:], 5)
    catalog.marks.tag(ids, add=["own"], remove=["trip"])
    wanted = [("id-a", 3, 2), ("id-b", 5, 2), ("id-c", 5, 1)]
    query = "SELECT id, rating, tags FROM images ORDER BY id"
    catalog.close()
    with closing(sqlite3.connect(file_)) as db, db:
        assert db.execute(query).fetchall() == wanted
        for name in SUMMARY_TRIGGERS:
            db.execute(f"DROP TRIGGER {name}")
        for name in ("ix_images_taken", "ix_photo_tags_tag"):
            db.execute(f"DROP INDEX {name}")
        for name in ("rating", "tags"):
            db.execute(f"ALTER TABLE images DROP COLUMN {name}")
        db.execute("PRAGMA user_version = 8")
    catalog = Catalog(file_)
    catalog.marks.rate(ids[:1], 1)
    catalog.close()
    with closing(sqlite3.connect(file_)) as db:
        assert db.execute(query).fetchall() == [("id-a", 1, 2), *wanted[1:]]


def test_version_4_is_rid_of_impossible_dates_and_learns_of_changes_to_files(tmp_path: Path) -> None:
    file_ = tmp_path / "old.sqlite3"
    odd = [
        "2024-13-01T10:00:00",
        "2024-02-31T10:00:00",
        "2024-05-01T25:00:00",
        "2024-05-01T24:00:00",
        "2024-05-01T10:00:60",
    ]
    odd += ["1825-01-01T10:00:00", "2024-05-01", "2024-05-01T10:00:00Z", "never", "", "2460000.5", "now"]
    good = ["2024-02-29T10:00:00", "1826-01-01T00:00:00", "2199-12-31T23:59:59"]
    catalog = Catalog(file_)
    taken = {f"{number}": moment for number, moment in enumerate([*odd, *good, None])}
    photos = [
        ImageRow(f"id-{name}", f"sha-{name}", ImageFacts(40, 30, "JPEG", moment), 1000)
        for name, moment in taken.items()
    ]
    catalog.commit_batch(SPACE, photos, [file(f"/p/{name}.jpg", name) for name in taken], {})
    catalog.close()
    with sqlite3.connect(file_) as db:
        db.execute("ALTER TABLE files DROP COLUMN ctime_ns")
        db.execute("ALTER TABLE unreadable DROP COLUMN ctime_ns")
        db.execute("INSERT INTO unreadable VALUES (x'2F78', 1, 2, 3, 4, 'no', 'x')")
        db.execute(SEGMENTED)
        db.execute("PRAGMA user_version = 4")
    db.close()
    catalog = Catalog(file_)
    with catalog._file.reading() as db_:
        kept = dict(db_.exec_driver_sql("SELECT substr(id, 4), taken_at FROM images").all())
        days = dict(db_.exec_driver_sql("SELECT day, images FROM days WHERE images <> 0").all())
    assert kept == {name: moment if moment in good else None for name, moment in taken.items()}
    assert days == {**{moment[:10]: 1 for moment in good}, "": len(odd) + 1}
    assert catalog.files.at([b"/p/0.jpg"])[b"/p/0.jpg"].stamp == FileStamp(1, 2, 3, 4, 0)
    assert catalog.files.refusals_at([b"/x"])[b"/x"].stamp == FileStamp(1, 2, 3, 4, 0)
    catalog.close()


def test_a_moved_file_is_known_whatever_its_ctime_which_a_rename_changes(catalog: Catalog) -> None:
    stamp = FileStamp(1, 2, 3, 4, 5)
    catalog.commit_batch(SPACE, [image("a")], [FileRow(b"/p/a.jpg", "a", "a", "id-a", stamp)], {})
    assert catalog.files.at([b"/p/a.jpg"])[b"/p/a.jpg"].stamp == stamp
    moved = [replace(stamp, ctime_ns=6), replace(stamp, ctime_ns=0), replace(stamp, size=5), replace(stamp, device=2)]
    assert catalog.files.with_stamps([stamp, *moved]) == dict.fromkeys([stamp, *moved[:2]], "id-a")


def test_days_are_counted_whatever_happens_to_their_images(catalog: Catalog) -> None:
    def counted() -> dict[str, int]:
        with catalog._file.reading() as db:
            return {day: number for day, number in db.exec_driver_sql("SELECT day, images FROM days") if number}

    def taken(name: str, moment: str | None) -> ImageRow:
        return ImageRow(f"id-{name}", f"sha-{name}", ImageFacts(40, 30, "JPEG", moment), 1000)

    photos = [taken("a", "2024-05-01T10:00:00"), taken("b", "2024-05-01T23:59:59"), taken("c", None)]
    catalog.commit_batch(SPACE, photos, [file(f"/p/{name}.jpg", name) for name in "abc"], {})
    assert counted() == {"2024-05-01": 2, "": 1}
    catalog.commit_batch(SPACE, photos, [file("/p/copy.jpg", "a")], {})
    catalog.files.lose([b"/p/b.jpg", b"/p/c.jpg"])
    assert counted() == {"2024-05-01": 1} and catalog.counts() == (1, 2, 0)
    catalog.commit_batch(SPACE, [taken("b", "2024-06-02T10:00:00")], [file("/p/b.jpg", "b")], {})
    assert counted() == {"2024-05-01": 1, "2024-06-02": 1}
    catalog.forget(["id-a", "id-c"])
    assert counted() == {"2024-06-02": 1}
    catalog.clear_images()
    assert counted() == {} and catalog.counts() == (0, 0, 0)


def test_newer_and_damaged_files_are_refused(tmp_path: Path) -> None:
    newer = tmp_path / "newer.sqlite3"
    Catalog(newer).close()
    with sqlite3.connect(newer) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(LibraryNewer, match="newer version"):
        Catalog(newer)
    garbled = tmp_path / "garbled.sqlite3"
    garbled.write_bytes(b"this is no database" * 100)
    with pytest.raises(LibraryUnusable, match="is damaged"):
        Catalog(garbled)
    assert garbled.read_bytes() == b"this is no database" * 100


@pytest.mark.parametrize("hidden", [True, False])
def test_each_block_is_read_where_the_last_one_ended(catalog: Catalog, hidden: bool) -> None:
    query = block_query("any", 5, 10, hidden).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with catalog._file.reading() as db:
        plan = " ".join(row[-1] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    assert "SEARCH vectors USING INTEGER PRIMARY KEY (rowid>?)" in plan and "TEMP B-TREE" not in plan


def test_vectors_that_scripts_gave_the_same_ids_stay_when_photos_are_forgotten(catalog: Catalog) -> None:
    add(catalog, "a", "b")
    catalog.vectors.create("mine", 4, "user")
    catalog.vectors.put("mine", {"id-a": vector(7)}, {"id-a": {}})
    catalog.forget(["id-a"])
    assert catalog.vectors.get(SPACE, "id-a") is None and catalog.vectors.get("mine", "id-a") is not None


def test_only_hidden_photos_without_a_path_are_earlier_versions(catalog: Catalog) -> None:
    catalog.commit_batch(SPACE, [image("without a file")])
    add(catalog, "a")
    assert catalog.earlier() == []
    catalog.commit_batch(SPACE, [image("edited")], [file("/p/a.jpg", "edited")])
    assert catalog.earlier() == ["id-a"]


def test_of_two_copies_the_one_out_of_reach_is_kept_and_the_one_that_is_gone_is_not(catalog: Catalog) -> None:
    catalog.commit_batch(SPACE, [image("a")], [file(f"/{place}/a.jpg", "a") for place in ("here", "nas", "moved")])
    assert catalog.files.lose([b"/nas/a.jpg"], away=True) == 0 and catalog.files.lose([b"/moved/a.jpg"]) == 0
    known = catalog.files.at([b"/here/a.jpg", b"/nas/a.jpg", b"/moved/a.jpg"])
    assert {path: file.missing for path, file in known.items()} == {b"/here/a.jpg": False, b"/nas/a.jpg": True}


def test_a_file_whose_name_begins_with_a_byte_that_no_text_has_is_in_its_folder(catalog: Catalog) -> None:
    odd = replace(file("/p/?.jpg", "a"), path=b"/p/\xff\xff.jpg")
    catalog.commit_batch(SPACE, [image("a"), image("b")], [odd, file("/p0/b.jpg", "b")])
    assert catalog.files.numbers_under(b"/p") == (1, 0)
    assert [place for page in catalog.files.under(b"/p") for place in page] == [(b"/p/\xff\xff.jpg", "id-a")]


def test_a_refused_file_keeps_what_it_held_only_while_it_is_unchanged(catalog: Catalog) -> None:
    add(catalog, "same", "touched", "grown")
    stamps = {"same": FileStamp(1, 2, 3, 4), "touched": FileStamp(1, 2, 33, 4), "grown": FileStamp(1, 2, 3, 44)}
    refusals = [Refusal(f"/p/{name}.jpg".encode(), stamp, "damaged", "decoders") for name, stamp in stamps.items()]
    catalog.commit_batch(SPACE, refusals=refusals)
    assert catalog.counts()[0] == 0
    known = catalog.files.at([refusal.path for refusal in refusals])
    assert {path: held.missing for path, held in known.items()} == {b"/p/same.jpg": True}


def test_a_folder_under_two_paths_becomes_one_and_no_file_is_there_twice(catalog: Catalog) -> None:
    add(catalog, "a")
    catalog.commit_batch(SPACE, [image("b")], [file("/q/../p/a.jpg", "a"), file("/q/../p/b.jpg", "b")])
    catalog.folders.move(b"/q/../p", b"/p", os.fsdecode)
    assert catalog.files.numbers_under(b"/q") == (0, 0)
    assert sorted(catalog.files.at([b"/p/a.jpg", b"/p/b.jpg"])) == [b"/p/a.jpg", b"/p/b.jpg"] and catalog.counts() == (
        2,
        2,
        0,
    )
