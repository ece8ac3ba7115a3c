"""A catalogue with rows of a wrong kind, as damage or an import of former versions may leave: what is good in it is
still served.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.bootstrap import build_services
from src.errors import AppError, WrongDimensions
from src.export.target import new_target
from src.models.model_manager import ModelManager
from src.runtime import Services
from src.schema import Finding, FoundFile, JobSnapshot
from src.services.exchange.exporting import Selection
from src.services.jobs.runner import JobRunner
from src.services.library.folders import OUT_OF_REACH
from src.services.library.service import ACTIVE_MODEL
from src.services.library.uploads import CLEARED, as_params
from src.services.search import names as search_names
from src.services.search.service import Query
from tests.by_hand import add_by_hand, metadata_by_hand
from tests.conftest import cleared, fake_models, of

LEGACY = "PRAGMA legacy_alter_table = ON"
"""A table is renamed whatever triggers name it."""


@pytest.fixture
def filled(services: Services, photos: Path) -> Services:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    return services


def change(services: Services, statement: str, *values: Any, before: str = "PRAGMA foreign_keys = OFF") -> None:
    db = sqlite3.connect(services.settings.catalog_file)
    with db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(before)
        db.execute(statement, values)
    db.close()


def names(services: Services, words: str) -> list[str]:
    return [hit.name for hit in services.search.search(Query(words), 9).hits]


# ---------------------------------------------------------------- vectors

ONE = "WHERE number = (SELECT max(number) FROM vectors)"
TWO = "WHERE number IN (SELECT number FROM vectors ORDER BY number LIMIT 1)"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE vectors SET vector = x'003c' {ONE}",
        f"UPDATE vectors SET vector = vector || x'00' {ONE}",
        f"UPDATE vectors SET vector = x'' {ONE}",
        f"UPDATE vectors SET vector = 'text' {ONE}",
        f"UPDATE vectors SET vector = 7 {ONE}",
        f"UPDATE vectors SET vector = substr(vector, 3) || x'007e' {ONE}",
        f"UPDATE vectors SET vector = substr(vector, 3) || x'00fc' {ONE}",
    ],
    ids=["short", "odd", "empty", "text", "number", "nan", "infinite"],
)
def test_one_damaged_vector_does_not_end_every_search(filled: Services, statement: str) -> None:
    change(filled, statement)
    found = names(filled, "green")
    assert len(found) == 3 and set(found) < {"red.jpg", "green.jpg", "blue.jpg", "yellow.jpg"}
    findings = of(filled.handlers["doctor"]({"repair": True}), Finding)
    assert "damaged vectors" in [finding.check for finding in findings]
    list(filled.handlers["reindex"]({"model": "builtin"}))
    assert names(filled, "green")[0] == "green.jpg" and len(names(filled, "green")) == 4
    assert of(filled.handlers["doctor"]({}), Finding) == []


def test_lengths_that_make_up_for_each_other(filled: Services) -> None:
    """Together as many numbers as there should be: read in one piece, each photo but the first gets another's."""
    before = {hit.name: hit.score for hit in filled.search.search(Query("yellow"), 9).hits}
    change(filled, f"UPDATE vectors SET vector = vector || x'0030' {TWO}")
    change(filled, f"UPDATE vectors SET vector = substr(vector, 1, length(vector) - 2) {ONE}")
    after = {hit.name: hit.score for hit in filled.search.search(Query("yellow"), 9).hits}
    assert len(after) == 2 and all(after[name] == pytest.approx(before[name], abs=1e-3) for name in after)


def test_a_collection_of_another_length_than_the_model(filled: Services) -> None:
    change(filled, "UPDATE collections SET dimensions = 3 WHERE owner = 'library'")
    with pytest.raises(WrongDimensions):
        filled.search.search(Query("green"), 3)


def test_an_index_is_whole_without_damaged_vectors(services: Services) -> None:
    add_by_hand(services.store, np.eye(4).tolist(), list("abcd"))
    change(services, f"UPDATE vectors SET vector = x'00' {ONE}")
    list(services.store.rebuild("mine"))
    assert services.store.index.follows("mine"), "else it would be built anew after every job"
    assert services.catalog.vectors.count_all("mine") == 3


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000, "7"])
def test_metadata_that_does_not_parse(services: Services, text: str) -> None:
    add_by_hand(services.store, [[1.0, 0.0], [0.0, 1.0]], ["x", "y"], [{"a": 1}, {"b": 2}])
    change(services, "UPDATE vectors SET metadata = ? WHERE id = 'x'", text)
    assert metadata_by_hand(services.store, [1.0, 0.1]) == [{}, {"b": 2}]


# ---------------------------------------------------------------- the model


def test_an_unknown_model_falls_back(filled: Services) -> None:
    filled.catalog.set_meta(ACTIVE_MODEL, "no-such-model")
    assert (
        filled.library.active_model == "builtin"
        and filled.library.runs_on()
        and filled.library.stats().model == "builtin"
    )
    assert names(filled, "green")[0] == "green.jpg"
    (finding,) = of(filled.handlers["doctor"]({}), Finding)
    assert finding.check == "model" and "no-such-model" in finding.text and finding.repaired
    assert filled.catalog.get_meta(ACTIVE_MODEL) == "builtin"


def test_an_unknown_segmenter_falls_back(filled: Services) -> None:
    filled.catalog.set_meta("segmenter", "no-such-segmenter")
    assert filled.objects.segmenter == "builtin-regions" and filled.objects.segmenters()[0].active


# ---------------------------------------------------------------- jobs

ODD = [
    "{", "[]", "7", '"x"', "[" * 100_000, '{"done": "x"}', '{"skipped": 5}', '{"skipped": [1]}', '{"findings": [{}]}',
    '{"total": -4}', '{"seconds": NaN}', '{"timings": {"a": "b"}}', '{"unit": "furlongs"}', '{"current": 3}',
    '{"done": 1e400}', '{"evil": 1}',
]  # fmt: skip


@pytest.mark.parametrize("progress", [*ODD, b"\x00\xff", 7], ids=str)
def test_a_job_with_odd_progress_is_shown_without_it(services: Services, progress: object) -> None:
    job = services.jobs.submit("sync", "Looking")
    change(services, "UPDATE jobs SET state = 'done', progress = ? WHERE id = ?", progress, job)
    expected = JobSnapshot(job, "sync", "done", "Looking")
    assert (
        services.jobs.snapshot(job) == expected
        and services.jobs.latest() == [expected]
        and services.jobs.active() == []
    )


def test_good_progress_is_read_as_it_was(services: Services) -> None:
    job = services.jobs.submit("sync", "Looking")
    said = {
        "done": 3,
        "total": 4,
        "unit": "bytes",
        "current": "x",
        "indexed": 1,
        "seconds": 2.5,
        "error": None,
        "timings": {"read": 1.0},
    }
    said |= {
        "skipped": [{"path": "/a", "reason": "No."}],
        "skipped_count": 1,
        "findings": [{"check": "a", "text": "b", "repaired": True}],
    }
    change(services, "UPDATE jobs SET state = 'failed', progress = ? WHERE id = ?", json.dumps(said), job)
    found = services.jobs.snapshot(job)
    assert found is not None and (found.done, found.total, found.unit, found.indexed, found.timings) == (
        3,
        4,
        "bytes",
        1,
        {"read": 1.0},
    )
    assert found.skipped[0].reason == "No." and found.findings == (Finding("a", "b", True),) and found.state == "failed"


@pytest.mark.parametrize(("column", "value"), [("kind", "evil"), ("state", "evil"), ("kind", 7), ("state", b"done")])
def test_a_job_of_no_kind_or_state_is_left_out(services: Services, column: str, value: object) -> None:
    job = services.jobs.submit("sync", "Looking")
    change(services, f"UPDATE jobs SET {column} = ? WHERE id = ?", value, job)
    assert services.jobs.snapshot(job) in (None, JobSnapshot(job, "sync", "done", "Looking"))
    assert services.jobs.active() == [] and len(services.jobs.latest()) <= 1


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[]", 5])
def test_a_queued_job_with_odd_parameters_does_not_end_its_lane(services: Services, text: object) -> None:
    odd = services.jobs.submit("sync", "Odd")
    change(services, "UPDATE jobs SET params = ?, progress = '{', attempts = 'many' WHERE id = ?", text, odd)
    assert services.jobs.params(odd) == {}
    runner = JobRunner(services.catalog, services.handlers)
    runner.start()
    try:
        good = runner.submit("sync", "Good")
        for job in (odd, good):
            ended = runner.wait(job, 30)
            assert ended is not None and ended.state == "done"
    finally:
        runner.stop()


FILES: list[object] = [
    [], 7, {"files": 5}, {"files": {"path": "x"}}, {"files": [1]}, {"files": [{"path": 5}]},
    {"files": [{"path": "/x"}]}, {"files": [{"path": 5, "name": "a", "uploaded": True}]},
    {"files": [{"path": "/a\0b.jpg", "name": "a", "uploaded": True}]},
    {"files": [{"path": "{uploads}/\ud800.jpg", "name": "a", "uploaded": True}]},
    {"files": [{"path": "/a.jpg", "name": 7, "uploaded": True}]},
    {"files": [{"path": "/a.jpg", "name": "a", "uploaded": "yes"}]},
]  # fmt: skip


@pytest.mark.parametrize("state", ["failed", "cancelled", "queued"])
@pytest.mark.parametrize("params", [*FILES, "[" * 100_000], ids=lambda params: str(params)[:60])
def test_a_job_with_odd_files_keeps_no_library_from_being_cleared(filled: Services, params: object, state: str) -> None:
    """Such rows are looked through for the uploads that go with the photos, and for those that wait and stay."""
    upload = filled.uploads.save("given up.jpg", b"\xff\xd8 an upload")
    given_up = filled.jobs.submit("index", "Adding", files=as_params([upload]))
    odd = filled.jobs.submit("index", "Odd")
    text = (
        params if isinstance(params, str) else json.dumps(params).replace("{uploads}", str(filled.settings.uploads_dir))
    )
    change(filled, "UPDATE jobs SET params = ?, state = ? WHERE id = ?", text, state, odd)
    change(filled, "UPDATE jobs SET state = 'failed' WHERE id = ?", given_up)
    cleared(filled)
    assert filled.library.stats().images == 0 and not upload.path.exists()


def test_a_job_adds_the_good_ones_of_odd_files(services: Services, photos: Path) -> None:
    good = as_params([FoundFile(photos / "red.jpg", "red.jpg", uploaded=False)])
    list(services.handlers["index"]({"files": [1, *good, {"path": "/a\0b", "name": "b", "uploaded": False}]}))
    assert services.library.stats().images == 1


def test_a_cancelled_job_with_a_path_that_can_be_none(filled: Services, photos: Path) -> None:
    """Its folders are watched no more; what is no path among them is left out."""
    job = filled.jobs.submit("index", "Adding", paths=["\ud800", "a\0b", "", 5, str(photos)])
    assert filled.jobs.paths(job) == [str(photos)]
    filled.jobs.cancel(job)


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, "7", "{}", '[1, "\\ud800", "a\\u0000b", ""]', b"\xff"], ids=lambda _: ""
)
@pytest.mark.parametrize("key", [OUT_OF_REACH, CLEARED])
def test_a_setting_that_does_not_parse(filled: Services, models: ModelManager, key: str, text: object) -> None:
    change(filled, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, text)
    assert filled.folders.out_of_reach() == [] and filled.folders.missing() == 0
    list(filled.handlers["sync"]({}))
    filled.close()
    again = build_services(filled.settings, models=models).start()
    assert again.library.stats().images == 4
    again.close()


# ---------------------------------------------------------------- photos, files, folders


@pytest.mark.parametrize(
    ("column", "value"),
    [("width", "wide"), ("height", b"x"), ("bytes", 0.5), ("format", 7), ("added_at", 9), ("taken_at", 1)],
)
def test_a_fact_of_a_wrong_kind(filled: Services, column: str, value: object) -> None:
    change(filled, f"UPDATE images SET {column} = ?", value)
    hits = filled.library.newest(9)
    assert len(hits) == 4 and all(isinstance(side, int) for hit in hits for side in hit.size)
    details = filled.library.details(hits[0].id)
    assert details is not None and isinstance(details.added_at, str) and isinstance(details.facts.format, str)
    assert names(filled, "green")[0] == "green.jpg" and filled.library.stats().images == 4


def test_a_path_that_can_be_none(filled: Services) -> None:
    change(filled, "UPDATE files SET path = CAST('/x' || char(0) AS BLOB), name = 5 WHERE name = 'red.jpg'")
    change(filled, "UPDATE files SET path = '/y', path_text = x'ff' WHERE name = 'blue.jpg'")
    for hit in filled.library.newest(9):
        assert filled.library.has_original(hit.id) == (hit.name in ("green.jpg", "yellow.jpg"))
    list(filled.handlers["sync"]({}))
    list(filled.handlers["doctor"]({}))
    assert "green.jpg" in names(filled, "green")


@pytest.mark.parametrize("path", [b"/x\0y", b"", b"x", "text", 7])
def test_a_folder_whose_path_can_be_none_is_left_out(filled: Services, photos: Path, path: object) -> None:
    change(filled, "INSERT INTO folders (path, path_text, watched, objects) VALUES (?, 'x', 1, 1)", path)
    assert filled.folders.paths() == [photos] and filled.folders.offline() == 0
    list(filled.handlers["sync"]({}))
    filled.watcher.start()
    filled.watcher.stop()


def test_a_folder_of_another_system_is_shown_as_offline(filled: Services, photos: Path) -> None:
    """A library from a Windows computer: its folders can be seen, and removed."""
    change(filled, "INSERT INTO folders (path, path_text, watched, objects) VALUES (?, 'C', 1, 0)", rb"C:\Photos")
    list(filled.handlers["sync"]({}))
    assert sorted(status.offline for status in filled.folders.all()) == [False, True]


def test_the_same_bytes_under_a_damaged_id(filled: Services, photos: Path) -> None:
    """A file that is read again finds its bytes under an id that is not theirs."""
    change(filled, "UPDATE images SET id = 'evil' WHERE id = (SELECT image_id FROM files WHERE name = 'red.jpg')")
    change(filled, "DELETE FROM files WHERE name = 'red.jpg'")
    change(filled, "DELETE FROM vectors WHERE id NOT IN (SELECT id FROM images)")
    list(filled.handlers["sync"]({}))
    assert names(filled, "red")[0] == "red.jpg" and len(filled.catalog.health.image_ids()) == 4


def test_a_path_that_is_not_absolute_leads_nowhere(
    filled: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be another file wherever the program is started."""
    (tmp_path / "here" / "deep").mkdir(parents=True)
    (tmp_path / "here" / "x.json").write_text('{"title": "x", "description": "somebody else\'s"}')
    monkeypatch.chdir(tmp_path / "here" / "deep")
    change(filled, "UPDATE files SET path = ? WHERE id = (SELECT min(id) FROM files)", b"../x")
    image = next(hit.id for hit in filled.search.search(Query("red"), 9).hits if not filled.catalog.paths_of(hit.id))
    assert filled.catalog.paths_of(image) == [] and b"../x" not in [path for _, path in filled.catalog.facts.places()]
    list(filled.handlers["facts"]({}))
    assert "caption" not in filled.catalog.facts.of(image) and names(filled, "red")


@pytest.mark.parametrize("width", [0, -7, "9" * 60, 2**60])
def test_a_width_that_no_picture_has(filled: Services, width: object) -> None:
    change(filled, "UPDATE images SET width = ?", width)
    list(filled.handlers["objects"]({}))
    for hit in filled.search.search(Query("red"), mode="both").hits:
        filled.objects.part(hit.id, (0, 0, 5, 5))
    assert names(filled, "red")


@pytest.mark.parametrize("length", [2**63 - 1, 2**40, -5, 0])
def test_a_length_that_no_vector_has(filled: Services, length: int) -> None:
    change(filled, "UPDATE collections SET dimensions = ?", length)
    first = filled.library.newest(1)[0].id
    for query in (Query("red"), Query(like=first)):
        with suppress(AppError):
            filled.search.search(query)
    assert list(filled.handlers["doctor"]({}))


def test_a_collection_without_a_length(filled: Services) -> None:
    change(filled, "UPDATE collections SET dimensions = NULL")
    assert filled.search.search(Query("green"), 3).hits == ()


def test_one_object_with_a_damaged_mask(filled: Services) -> None:
    image_id = filled.catalog.listing.ids(None, "added", 1)[0]
    for number, mask in enumerate(("04", "0", "evil", 5)):
        change(
            filled,
            "INSERT INTO segments VALUES (?, ?, 0, 0, 9, 9, 0.5, 2, 2, ?)",
            f"{image_id}#00000000-{number}",
            image_id,
            mask,
        )
    assert [item.id for item in filled.objects.of_photo(image_id)] == [f"{image_id}#00000000-0"]
    assert len(list(filled.catalog.objects.all())) == 1


def test_a_serial_number_that_is_none_is_not_asked_for_again_and_again(
    filled: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_names, "MOST_WORDS", 0)  # else it is found by its name
    change(filled, "CREATE TABLE other AS SELECT * FROM vectors")
    change(filled, "DROP TABLE vectors")
    change(filled, "ALTER TABLE other RENAME TO vectors", before=LEGACY)
    change(filled, "UPDATE vectors SET number = 'x'")
    assert filled.search.search(Query("green"), 3).hits == ()


def test_an_index_of_the_catalogue_that_holds_other_rows_than_its_table(filled: Services) -> None:
    """Each page of it is sound, and nothing can be deleted: `clear` refused."""
    settings = filled.settings
    change(filled, "UPDATE files SET uploaded = 0")
    filled.close()
    db = sqlite3.connect(settings.catalog_file)
    db.execute("PRAGMA writable_schema = ON")
    db.execute(
        "UPDATE sqlite_master SET sql = 'CREATE INDEX ix_files_uploaded ON files (image_id)' "
        "WHERE name = 'ix_files_uploaded'"
    )
    db.commit()
    db.close()
    opened = build_services(settings, models=fake_models(settings))
    assert [finding.repaired for finding in of(opened.handlers["doctor"]({"repair": False}), Finding)] == [False]
    assert [finding.repaired for finding in of(opened.handlers["doctor"]({}), Finding)] == [True]
    assert of(opened.handlers["doctor"]({}), Finding) == []
    cleared(opened)
    assert opened.library.stats().images == 0
    opened.close()


# ---------------------------------------------------------------- forgotten meanwhile


def test_a_photo_that_is_forgotten_in_the_middle_of_an_export(filled: Services, tmp_path: Path) -> None:
    real = filled.catalog.paths_of
    first, asked = filled.catalog.listing.ids(None, "added", 9)[1], []

    def forgetful(image_id: str) -> Any:
        asked.append(image_id)
        if asked.count(first) == 2:
            filled.catalog.forget([first])
        return real(image_id)

    filled.catalog.paths_of = forgetful  # type: ignore[method-assign]
    list(filled.exports.export("csv", tmp_path / "out", Selection()))
    assert len((tmp_path / "out" / "images.csv").read_text().splitlines()) == 1 + 3


def test_a_photo_that_is_forgotten_between_two_looks_at_it(filled: Services, tmp_path: Path) -> None:
    image_id = filled.catalog.listing.ids(None, "added", 1)[0]
    real = filled.catalog.paths_of

    def forgetful(asked: str) -> Any:
        found = real(asked)
        filled.catalog.forget([image_id])
        return found

    filled.catalog.paths_of = forgetful  # type: ignore[method-assign]
    assert filled.library.has_original(image_id) is False and filled.library.picture(image_id, 100) is None


def test_of_two_exports_to_one_folder_one_wins(tmp_path: Path) -> None:
    place = tmp_path / "set"
    with pytest.raises(AppError, match="already"), new_target(place) as second:
        second.add("x.txt", b"second")
        with new_target(place) as first:
            first.add("x.txt", b"first")
    assert (place / "x.txt").read_bytes() == b"first" and os.listdir(tmp_path) == ["set"]


def test_an_empty_folder_that_appears_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To rename a folder over an empty one replaces it without a word."""
    place = tmp_path / "set"
    place.mkdir()
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    with pytest.raises(AppError), new_target(place) as target:
        target.add("x.txt", b"mine")
    assert list(place.iterdir()) == []
