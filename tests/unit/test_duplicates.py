"""Duplicates in a library: found once, grouped at four levels, decided about for good; nothing of the user's is
changed.
"""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from src.bootstrap import build_services
from src.config import Settings
from src.database.catalog import cells, row_rules, whole_rows
from src.database.catalog.duplicates import COMPARED, PRINTS, Alike
from src.errors import BadInput
from src.processing.thumbnails import thumbnail_path
from src.runtime import Services
from src.schema import Indexed, PhotoFilter
from src.services.duplicates import comparing
from src.services.duplicates.comparing import Comparison
from src.services.jobs.handlers import queue_duplicates
from src.services.jobs.kinds import ReadFacts, later, of_lane
from src.services.search.language import parse
from tests.conftest import fake_models
from tests.unit.scenes import scene


def saved(picture: Image.Image, path: Path, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **how)
    return path


def jpeg(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    return Image.open(file).convert("RGB")


def look_again(services: Services, folder: Path) -> None:
    list(services.handlers["index"]({"paths": [str(folder)]}))
    list(services.handlers["facts"]({}))
    list(services.handlers["duplicates"]({}))


def added(path: Path, seconds: int) -> None:
    os.utime(path, (1_500_000_000 + seconds, 1_500_000_000 + seconds))


@pytest.fixture
def album(services: Services, tmp_path: Path) -> Path:
    """One scene as a.jpg, a copy of the file, a PNG of its pixels, smaller, and turned; another scene."""
    folder = tmp_path / "album"
    added(saved(scene(1), folder / "a.jpg", quality=95), 0)
    added(Path(shutil.copy(folder / "a.jpg", folder / "b.jpg")), 1)
    with Image.open(folder / "a.jpg") as original:
        added(saved(original, folder / "c.png"), 2)
        added(saved(original.resize((160, 120)), folder / "d.jpg"), 3)
        added(saved(original.transpose(Image.Transpose.ROTATE_270), folder / "e.jpg", quality=90), 4)
    saved(scene(2), folder / "other.jpg")
    look_again(services, folder)
    return folder


def told(services: Services, *asked: Any, **how: Any) -> list[tuple[str, list[str]]]:
    """Level and file names of each group, the one to keep first."""
    groups = services.duplicates.groups(*asked, **how)
    assert all(group.keep is group.files[0] and group.reasons for group in groups)
    return [(group.level, [Path(file.path).name for file in group.files]) for group in groups]


def ids(services: Services) -> dict[str, str]:
    found = (services.library.details(id_) for id_ in services.catalog.listing.ids(None, "added", 50))
    return {Path(path).name: details.id for details in found if details for path in details.paths}


EVERY = [("bytes", ["a.jpg", "b.jpg"]), ("pixels", ["a.jpg", "c.png"]), ("picture", ["a.jpg", "e.jpg", "d.jpg"])]


def test_each_file_is_in_the_strictest_level_and_the_kept_one_stands_for_it_in_the_next(
    services: Services, album: Path
) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in album.iterdir()}
    assert told(services) == EVERY
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in album.iterdir()} == before
    *_, picture = services.duplicates.groups()
    assert [reason.code for reason in picture.reasons] == ["same-picture", "turned", "smaller", "bytes", "pixels"]


def test_one_level_has_all_files_that_are_alike_so_far(services: Services, album: Path) -> None:
    assert told(services, "bytes") == [("bytes", ["a.jpg", "b.jpg"])]
    assert told(services, "pixels") == [("pixels", ["a.jpg", "b.jpg", "c.png"])]
    assert told(services, "picture") == [("picture", ["a.jpg", "b.jpg", "e.jpg", "c.png", "d.jpg"])]
    assert told(services, "shot") == []
    with pytest.raises(BadInput):
        services.duplicates.groups("twin")  # type: ignore[arg-type]


def test_only_photos_that_pass_are_grouped(services: Services, album: Path) -> None:
    saved(scene(1).resize((100, 75)), album / "deep" / "small.jpg")
    look_again(services, album)
    assert told(services, only=PhotoFilter(str(album / "deep"))) == []
    assert ("picture", ["a.jpg", "e.jpg", "d.jpg", "small.jpg"]) in told(services)


def test_what_is_found_is_found_once_and_new_photos_are_compared_alone(
    services: Services, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert services.duplicates.waiting() == 0
    assert not [event for event in services.duplicates.find() if isinstance(event, Indexed)]
    asked = []
    links = comparing.Finder.links

    def noted(self: Any, since: int, until: int, known: Any) -> Any:
        asked.append((since, until))
        return links(self, since, until, known)

    monkeypatch.setattr(comparing.Finder, "links", noted)
    saved(scene(2).convert("L"), album / "grey.jpg")
    list(services.handlers["index"]({"paths": [str(album)]}))
    assert services.duplicates.waiting() == 1
    list(services.duplicates.find())
    assert asked == [(5, 6)] and services.duplicates.waiting() == 0
    assert ("picture", ["other.jpg", "grey.jpg"]) in told(services)


def test_blocks_find_what_one_run_does(services: Services, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "BLOCK", 1)
    before = {pair.ids for pair in services.catalog.duplicates.alike()}
    with services.catalog.duplicates._file.writing() as db:
        db.exec_driver_sql("DELETE FROM alike")
        db.exec_driver_sql("DELETE FROM looked_at WHERE pass = 'duplicates'")
    list(services.duplicates.find())
    assert {pair.ids for pair in services.catalog.duplicates.alike()} == before and before


def test_plain_pictures_are_the_same_only_where_every_pixel_is(services: Services, tmp_path: Path) -> None:
    for number, colour in enumerate(("red", "red", "green", "red")):
        size = (300, 200) if number < 3 else (300, 201)
        saved(Image.new("RGB", size, colour), tmp_path / f"{number}.png", compress_level=number + 1)
    look_again(services, tmp_path)
    assert [(level, sorted(names)) for level, names in told(services)] == [("pixels", ["0.png", "1.png"])]


def test_a_file_with_other_tags_has_the_same_pixels(services: Services, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "NIKON D300S"
    saved(scene(3), tmp_path / "bare.png")
    saved(scene(3), tmp_path / "tagged.png", exif=exif)
    look_again(services, tmp_path)
    assert told(services) == [("pixels", ["tagged.png", "bare.png"])]
    assert "NIKON D300S" in services.duplicates.groups()[0].reasons[-1].text


def test_a_series_is_of_one_moment(services: Services, tmp_path: Path) -> None:
    for number, second in enumerate((0, 10, 50)):
        exif = Image.Exif()
        exif[ExifTags.Base.Model] = "NIKON D300S"
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"2015:05:16 07:23:{second:02}"
        picture = Image.new("RGB", (320, 240), "red")
        picture.paste(scene(number).crop((0, 0, 60, 60)), (60 * number, 30))
        saved(picture, tmp_path / f"{number}.jpg", exif=exif)
    look_again(services, tmp_path)
    assert [(level, sorted(names)) for level, names in told(services)] == [("shot", ["0.jpg", "1.jpg"])]
    assert sorted(told(services, "shot")[0][1]) == ["0.jpg", "1.jpg"]


# ---------------------------------------------------------------- decisions


@pytest.mark.parametrize("decision", ["same", "alternates", "different"])
def test_what_was_decided_is_not_asked_again_and_can_be_undone(services: Services, album: Path, decision: Any) -> None:
    known = ids(services)
    pair = [known["a.jpg"], known["e.jpg"]]
    assert services.curation.decide([pair], decision).photos == 2
    assert told(services)[-1] == ("picture", ["a.jpg", "d.jpg"])
    assert services.curation.decide([pair[::-1]], decision).number is None, "it is so already"
    services.curation.undo()
    assert told(services) == EVERY
    services.curation.redo()
    assert told(services)[-1] == ("picture", ["a.jpg", "d.jpg"])


def test_a_whole_group_is_decided_about_at_once(services: Services, album: Path) -> None:
    for group in services.duplicates.groups():
        services.curation.decide([group.photos], "same")
    assert told(services) == [], "copies are not asked about with each other either"


def test_decisions_survive_a_restart_and_photos_that_are_forgotten_and_added_again(
    services: Services, album: Path
) -> None:
    known = ids(services)
    services.curation.decide([[known["a.jpg"], known["d.jpg"]]], "alternates")
    services.curation.decide([[known["a.jpg"]]], "same")
    services.close()
    again = build_services(services.settings, models=fake_models(services.settings))
    assert told(again) == [("pixels", ["a.jpg", "c.png"]), ("picture", ["a.jpg", "e.jpg"])]
    list(again.handlers["clear"]({}))
    assert told(again) == [] and again.catalog.duplicates.alike() == []
    look_again(again, album)
    assert told(again) == [("pixels", ["a.jpg", "c.png"]), ("picture", ["a.jpg", "e.jpg"])]
    again.close()


def test_no_decision_about_nothing_or_in_no_known_word(services: Services) -> None:
    for wrong in (([], "same"), ([[]], "same"), ([["x"]], "perhaps")):
        with pytest.raises(BadInput):
            services.curation.decide(*wrong)  # type: ignore[arg-type]
    for wrong_ in (("shredder", ""), ("tag", " / "), ("album", "")):
        with pytest.raises(BadInput):
            services.curation.settle([["x", "y"]], *wrong_)  # type: ignore[arg-type]
    assert services.curation.decide([["x", "y"]], "same").number is None, "there are no such photos"
    assert services.curation.settle([["x", "y"]], "album", "Copies").number is None
    assert not services.curation.history() and not services.curation.albums()


def test_the_copies_of_all_groups_go_into_the_bin_and_back_in_one_operation(services: Services, album: Path) -> None:
    known = ids(services)
    done = services.curation.settle([group.photos for group in services.duplicates.groups()], "bin")
    assert done.photos == 4 and len(services.curation.history()) == 1
    assert set(ids(services)) == {"a.jpg", "b.jpg", "other.jpg"} and told(services) == EVERY[:1]
    assert all((album / name).is_file() for name in known)
    services.curation.restore([known["d.jpg"]])
    assert told(services) == EVERY[:1], "what was taken out of the bin is not asked about again"
    for _ in range(2):
        services.curation.undo()
    assert told(services) == EVERY and services.curation.number_binned() == 0


@pytest.mark.parametrize("fate", ["tag", "album"])
def test_copies_are_tagged_or_put_into_an_album(services: Services, album: Path, fate: Any) -> None:
    groups = [group.photos for group in services.duplicates.groups()]
    assert services.curation.settle(groups, fate, "Copies").photos == 4
    query = PhotoFilter(where=parse(f"{fate}:copies").conditions)
    found = services.catalog.listing.ids(query, "name")
    assert sorted(found) == sorted(id_ for name, id_ in ids(services).items() if name in ("c.png", "d.jpg", "e.jpg"))
    assert told(services) == EVERY[:1]
    services.curation.undo()
    assert not services.curation.albums() and not services.curation.tags() and told(services) == EVERY


def test_another_than_the_suggested_one_is_kept(services: Services, album: Path) -> None:
    known = ids(services)
    photos = services.duplicates.groups()[-1].photos
    services.curation.settle([(known["d.jpg"], *(id_ for id_ in photos if id_ != known["d.jpg"]))], "bin")
    assert set(ids(services)) == {"c.png", "d.jpg", "other.jpg"}
    services.curation.restore(list(known.values()))
    assert told(services)[-1] == EVERY[1], "all that was said to be the same has one that stands for it"


def test_a_decision_is_undone_when_one_of_the_photos_was_forgotten(services: Services, album: Path) -> None:
    known = ids(services)
    services.curation.settle([services.duplicates.groups()[-1].photos], "bin")
    services.catalog.forget([known["d.jpg"]])
    services.catalog.bin.emptied()
    services.curation.undo()
    assert services.catalog.decisions.of() == {} and set(ids(services)) >= {"a.jpg", "e.jpg"}
    services.curation.decide([[known["a.jpg"], known["e.jpg"]]], "same")
    services.catalog.forget(list(known.values()))
    services.catalog.bin.emptied()
    assert not services.curation.history() and len(services.catalog.decisions.of()) == 1


def test_operations_of_strangers_decide_in_known_words_alone() -> None:
    first, second = "0a1b2c3d-0000-5000-8000-000000000000", "1a1b2c3d-0000-5000-8000-000000000000"
    rule, moment = cells.CELLS["verdicts"].fits, "2026-01-01T00:00:00+00:00"
    assert rule([first, second], ["same", moment]) and rule([first, first], None)
    assert not rule([second, first], ["same", moment]) and not rule([first, second], ["evil", moment])


def test_results_that_show_the_same_picture(services: Services, album: Path) -> None:
    known = ids(services)
    order = [known[name] for name in ("other.jpg", "d.jpg", "a.jpg", "c.png", "e.jpg")]
    same = {known[name]: known["d.jpg"] for name in ("a.jpg", "c.png", "e.jpg")}
    assert services.duplicates.same_as_earlier(order) == same
    services.curation.decide([[known["d.jpg"], known["a.jpg"]]], "alternates")
    del same[known["a.jpg"]]
    assert services.duplicates.same_as_earlier(order) == same
    services.curation.decide([[known["other.jpg"], known["a.jpg"]]], "same")
    assert services.duplicates.same_as_earlier(order) == {**same, known["a.jpg"]: known["other.jpg"]}
    assert services.duplicates.same_as_earlier([]) == {}


# ---------------------------------------------------------------- what comes, goes and is odd


def test_photos_that_are_gone_are_in_no_group_and_back_with_their_files(services: Services, album: Path) -> None:
    kept = (album / "e.jpg").read_bytes()
    (album / "e.jpg").unlink()
    list(services.handlers["sync"]({}))
    assert ("picture", ["a.jpg", "d.jpg"]) in told(services)
    saved(scene(1).resize((80, 60)), album / "new.jpg")
    look_again(services, album)
    (album / "e.jpg").write_bytes(kept)
    list(services.handlers["sync"]({}))
    list(services.duplicates.find())
    assert ("picture", ["a.jpg", "e.jpg", "d.jpg", "new.jpg"]) in told(services)


def test_a_thumbnail_that_is_gone_is_made_again(services: Services, album: Path) -> None:
    saved(scene(2).resize((200, 150)), album / "small.jpg")
    list(services.handlers["index"]({"paths": [str(album)]}))
    thumbnail_path(services.settings.thumbs_dir, ids(services)["small.jpg"]).unlink()
    list(services.duplicates.find())
    assert ("picture", ["other.jpg", "small.jpg"]) in told(services)


def test_a_cancelled_search_goes_on_where_it_was(services: Services, album: Path) -> None:
    saved(scene(2).convert("L"), album / "grey.jpg")
    list(services.handlers["index"]({"paths": [str(album)]}))
    events = services.duplicates.find()
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert services.duplicates.waiting() == 1
    list(services.duplicates.find())
    assert ("picture", ["other.jpg", "grey.jpg"]) in told(services)


ODD = [
    "UPDATE prints SET hashes = x'00'",
    "UPDATE prints SET hashes = 'text', grey = 5",
    "UPDATE prints SET grey = x'00'",
    "UPDATE prints SET quality = 'x', pixels = 'x'",
    "UPDATE prints SET image_id = x'00' WHERE image_id = (SELECT min(image_id) FROM prints)",
    "INSERT INTO alike VALUES ('x', 'y', 99, 'x', 'y')",
    "UPDATE verdicts SET verdict = 'evil'",
    "UPDATE verdicts SET verdict = x'00'",
    "UPDATE images SET width = 0, height = 'x'",
    "UPDATE facts SET sharpness = 'x', camera_model = x'00'",
    "UPDATE images SET taken_at = x'00', format = 5",
]


@pytest.mark.parametrize("statement", ODD)
def test_odd_rows_end_nothing(services: Services, album: Path, statement: str) -> None:
    known = ids(services)
    services.curation.decide([[known["a.jpg"], known["other.jpg"]]], "different")
    db = sqlite3.connect(services.settings.catalog_file)
    with db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(statement)
        db.execute(f"DELETE FROM looked_at WHERE pass = '{COMPARED}'")
    db.close()
    list(services.duplicates.find())
    assert ("bytes", ["a.jpg", "b.jpg"]) in told(services)
    services.duplicates.same_as_earlier(list(known.values()))


def test_rules_for_rows_of_strangers() -> None:
    first, second = "0a1b2c3d-0000-5000-8000-000000000000", "1a1b2c3d-0000-5000-8000-000000000000"
    rules = row_rules.of_table("prints")
    assert rules["hashes"](bytes(256)) and rules["pixels"](None) and rules["quality"](100)
    assert not (rules["hashes"](bytes(255)) or rules["grey"]("x") or rules["quality"](101) or rules["pixels"](b"x"))
    rules = row_rules.of_table("alike")
    assert rules["turn"](7) and rules["share"](0.5) and not (rules["turn"](8) or rules["share"](float("nan")))
    assert not row_rules.of_table("verdicts")["verdict"]("evil")
    assert whole_rows.pair({"first": first, "second": second}) is None
    assert whole_rows.pair({"first": second, "second": first}) and whole_rows.pair({"first": first, "second": first})
    assert whole_rows.pair({"first": first, "second": first, "verdict": "same"}) is None


def test_nothing_is_stored_of_photos_that_are_forgotten_meanwhile(services: Services, album: Path) -> None:
    known = ids(services)
    gone = "ffffffff-0000-5000-8000-000000000000"
    services.catalog.duplicates.put_alike("x", [known["a.jpg"], gone], [Alike(known["a.jpg"], gone, 0, 1.0, 1.0)])
    assert gone not in {id_ for pair in services.catalog.duplicates.alike() for id_ in pair.ids}
    services.catalog.forget([known["a.jpg"]])
    assert known["a.jpg"] not in {id_ for pair in services.catalog.duplicates.alike() for id_ in pair.ids}
    assert services.catalog.looked_at.count(PRINTS) == 4
    assert list(Comparison(services.catalog, "none", [], lambda _: None).run("x"))


# ---------------------------------------------------------------- by itself


def waiting_jobs(services: Services) -> list[str]:
    return [job.kind for job in services.jobs.active() if job.kind == "duplicates"]


def test_after_photos_were_added_copies_are_looked_for_once(services: Services, tmp_path: Path) -> None:
    saved(scene(1), tmp_path / "in" / "a.jpg")
    for _ in range(2):
        list(services.handlers["index"]({"paths": [str(tmp_path / "in")]}))
        saved(scene(2), tmp_path / "in" / "b.jpg")
    assert waiting_jobs(services) == ["duplicates"]
    list(services.handlers["duplicates"]({}))
    services.jobs.cancel_all()
    list(services.handlers["sync"]({}))
    assert services.duplicates.waiting() == 0 and not waiting_jobs(services)


def test_a_search_that_was_cancelled_is_not_begun_again_until_photos_come(services: Services, tmp_path: Path) -> None:
    saved(scene(1), tmp_path / "in" / "a.jpg")
    list(services.handlers["index"]({"paths": [str(tmp_path / "in")]}))
    services.jobs.cancel_all()
    list(services.handlers["sync"]({}))
    assert services.duplicates.waiting() == 1 and not waiting_jobs(services)
    saved(scene(2), tmp_path / "in" / "b.jpg")
    list(services.handlers["sync"]({}))
    assert waiting_jobs(services) == ["duplicates"]


def test_by_a_setting_only_when_asked_for(settings: Settings, tmp_path: Path) -> None:
    assert (
        Settings.from_env({}).find_duplicates and not Settings.from_env({"MFE_FIND_DUPLICATES": "off"}).find_duplicates
    )
    quiet = replace(settings, find_duplicates=False)
    services = build_services(quiet, models=fake_models(quiet))
    saved(scene(1), tmp_path / "in" / "a.jpg")
    list(services.handlers["index"]({"paths": [str(tmp_path / "in")]}))
    assert services.duplicates.waiting() == 1 and not waiting_jobs(services)
    services.close()


def test_other_jobs_come_first(services: Services) -> None:
    queue_duplicates(services.jobs)
    services.jobs.queue("later", ReadFacts())
    taken = [services.catalog.jobs.take(of_lane("library"), later()) for _ in range(3)]
    assert [row["kind"] if row else None for row in taken] == ["facts", "duplicates", None]


def test_groups_are_made_once_for_each_change(services: Services, album: Path) -> None:
    assert services.duplicates.groups() is services.duplicates.groups()
    before = services.duplicates.groups()
    services.curation.decide([before[-1].photos], "same")
    assert len(services.duplicates.groups()) == len(before) - 1
    services.curation.undo()
    assert services.duplicates.groups() == before
    services.curation.rate([before[0].photos[0]], 3)
    saved(scene(1).resize((90, 70)), album / "tiny.jpg")
    look_again(services, album)
    assert len(services.duplicates.groups()[-1].files) == len(before[-1].files) + 1
