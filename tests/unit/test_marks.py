"""What the user says of photos, albums, the bin and undo: on a library of a few photos, and on one of ten thousand."""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from src.bootstrap import build_services
from src.config import Settings
from src.database.catalog import cells
from src.database.catalog.catalog import Catalog, ImageRow
from src.database.catalog.facts import FactsRow
from src.database.catalog.files import FileRow
from src.errors import BadInput
from src.identity import image_id
from src.processing.thumbnails import thumbnail_path
from src.runtime import Services
from src.schema import Already, FileStamp, Finding, ImageFacts, Indexed
from src.schema.facts import PhotoFacts
from src.services.curation.service import Done, tag_of
from src.services.exchange.backup import export_library
from src.services.exchange.restore import import_library
from src.services.jobs.handlers import empty_bin_if_due
from src.services.library.uploads import as_params
from src.services.search.service import Query
from tests.conftest import fake_models, make_photo, of
from tests.fakes import COLOURS


def run(services: Services, kind: str, **params: Any) -> list[Any]:
    return list(services.handlers[kind](params))  # type: ignore[index]


def index(services: Services, *paths: Path) -> list[Any]:
    return run(services, "index", paths=[str(path) for path in paths])


@pytest.fixture
def library(services: Services, photos: Path) -> Services:
    index(services, photos)
    return services


def ids(services: Services, *names: str) -> list[str]:
    """Ids of photos, those in the bin too."""
    at = {Path(one.path).name: one.id for one in services.library.newest(99)}
    at |= {one.name: one.id for one in services.curation.binned(99)}
    return [at[f"{name}.jpg"] for name in names]


def found(services: Services, query: str) -> set[str]:
    return {hit.name.removesuffix(".jpg") for hit in services.search.search(Query(query), 99).hits}


def told(services: Services, image_id: str, **said: Any) -> None:
    """What the photo's file tells of itself is this now."""
    services.catalog.facts.put("test", [FactsRow(image_id, PhotoFacts(**said), None, "")])


# ---------------------------------------------------------------- tags


def test_tags_are_found_with_those_below_them_and_by_no_part_of_their_name(library: Services) -> None:
    red, green, blue = ids(library, "red", "green", "blue")
    assert library.curation.tag([red, green], ["Trip / Italy", "sea"]) == Done("tag", 2, 1)
    library.curation.tag([blue], ["tripod"])
    assert found(library, "tag:trip") == {"red", "green"} == found(library, "tag:TRIP/italy")
    assert found(library, "-tag:trip has:tag") == {"blue"} and found(library, "tag:ital") == set()
    tree = library.curation.tag_tree()
    assert [(node.tag, node.photos, [below.tag for below in node.children]) for node in tree] == [
        ("sea", 2, []), ("Trip", 2, ["Trip/Italy"]), ("tripod", 1, [])
    ]  # fmt: skip


def test_taking_a_tag_off_takes_what_is_below_it_off(library: Services) -> None:
    (red,) = ids(library, "red")
    library.curation.tag([red], ["trip/italy", "trip/spain", "tripod"])
    assert library.curation.tag([red], remove=["Trip"]).photos == 1
    assert library.catalog.facts.of(red)["keywords"] == ("tripod",)
    assert library.curation.tag([red], remove=["trip"]).number is None, "all is so already"


def test_a_files_own_tags_are_there_until_the_user_takes_them_off(library: Services) -> None:
    red, green = ids(library, "red", "green")
    for id_ in (red, green):
        told(library, id_, keywords=("Sea", "Boat"), rating=2)
    library.curation.tag([red], ["sand"], ["sea"])
    assert library.catalog.facts.of(red)["keywords"] == ("Boat", "sand")
    assert found(library, "tag:sea") == {"green"} and found(library, "rating:2") == {"red", "green"}
    told(library, red, keywords=("Sea", "Gull"), rating=3)  # the file was read anew
    assert library.catalog.facts.of(red)["keywords"] == ("Gull", "sand"), "what was taken off stays off"
    library.curation.undo()
    assert library.catalog.facts.of(red)["keywords"] == ("Gull", "Sea"), "as the file has it now, not as it was then"


def test_a_files_tag_that_was_affirmed_stays_when_the_file_loses_it(library: Services) -> None:
    (red,) = ids(library, "red")
    told(library, red, keywords=("Sea",))
    library.curation.tag([red], ["sea"])
    told(library, red, keywords=())
    assert library.catalog.facts.of(red)["keywords"] == ("Sea",)
    library.curation.undo()
    assert "keywords" not in library.catalog.facts.of(red)


def test_renaming_and_merging_take_along_what_is_below_and_are_undone_as_one(library: Services) -> None:
    red, green, blue = ids(library, "red", "green", "blue")
    told(library, blue, keywords=("Trip",))
    library.curation.tag([red], ["trip/italy/rome"])
    library.curation.tag([green], ["journey"])
    before = {id_: library.catalog.facts.of(id_)["keywords"] for id_ in (red, green, blue)}
    assert library.curation.rename_tag("TRIP", "Reise/2024").photos == 2
    assert library.catalog.facts.of(red)["keywords"] == ("Reise/2024/italy/rome",)
    assert library.catalog.facts.of(blue)["keywords"] == ("Reise/2024",)
    assert library.curation.merge_tags(["journey", "reise/2024"], "Trips").photos == 3
    assert {tag.tag: tag.photos for tag in library.curation.tags()}["Trips"] == 3
    library.curation.undo()
    library.curation.undo()
    assert {id_: library.catalog.facts.of(id_)["keywords"] for id_ in (red, green, blue)} == before


def test_a_tags_spelling_can_be_changed_alone(library: Services) -> None:
    (red,) = ids(library, "red")
    library.curation.tag([red], ["italy"])
    library.curation.rename_tag("italy", "Italy")
    assert library.catalog.facts.of(red)["keywords"] == ("Italy",)
    library.curation.undo()
    assert library.catalog.facts.of(red)["keywords"] == ("italy",)


@pytest.mark.parametrize("text", ["", " / ", "x" * 201, "a\0b", "a\u202eb", "\ud800"])
def test_what_is_no_tag_is_refused_in_one_sentence(library: Services, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        library.curation.tag(ids(library, "red"), [text])
    assert caught.value.user_message.count(".") == 1 and library.curation.history() == []
    with pytest.raises(BadInput):
        library.curation.create_album(text.strip("/ "))


def test_tags_are_stored_without_needless_blanks() -> None:
    assert tag_of("  a  b // c /") == "a b/c"


# ---------------------------------------------------------------- rating, favourite, note


def test_the_users_rating_counts_before_the_files(library: Services) -> None:
    (red,) = ids(library, "red")
    told(library, red, rating=2)
    library.curation.rate([red], 5)
    assert found(library, "rating:5") == {"red"} and found(library, "rating:2") == set()
    assert library.catalog.facts.of(red)["rating"] == 5
    library.curation.rate([red], 0)
    assert found(library, "rating:0") == {"red"}
    library.curation.rate([red], None)
    assert found(library, "rating:2") == {"red"}
    for rating in (-2, 6):
        with pytest.raises(BadInput, match="is no rating"):
            library.curation.rate([red], rating)


def test_notes_have_lines_and_are_found_by_their_words(library: Services) -> None:
    (red,) = ids(library, "red")
    library.curation.note([red], "  Ask Jonathan\r\nabout the boat ")
    assert library.catalog.facts.of(red)["note"] == "Ask Jonathan\nabout the boat"
    assert found(library, "note:jonathan") == {"red"} == found(library, "has:note")
    library.curation.note([red], "")
    assert "note" not in library.catalog.facts.of(red) and found(library, "has:note") == set()
    with pytest.raises(BadInput):
        library.curation.note([red], "x" * 10_001)


# ---------------------------------------------------------------- albums


def test_albums_keep_an_order_of_their_own(library: Services) -> None:
    red, green, blue, yellow = ids(library, "red", "green", "blue", "yellow")
    album = library.curation.create_album("Best of", [red, green]).album
    assert album is not None
    library.curation.add_to_album(album, [blue, red])
    assert library.curation.album_photos(album) == [red, green, blue]
    library.curation.reorder_album(album, [blue, yellow])
    assert library.curation.album_photos(album) == [blue, red, green]
    assert found(library, 'album:"best OF"') == {"red", "green", "blue"}
    library.curation.remove([blue])
    assert library.curation.album_photos(album) == [red, green]
    assert [(one.name, one.photos, one.cover) for one in library.curation.albums()] == [("Best of", 2, red)]
    library.curation.take_from_album(album, [red])
    library.curation.delete_album(album)
    assert library.curation.albums() == []
    for _ in range(5):
        library.curation.undo()
    assert library.curation.album_photos(album) == [red, green]
    for _ in range(5):
        library.curation.redo()
    assert library.curation.albums() == []


def test_an_album_is_listed_and_exported_in_the_order_that_was_made_by_hand(library: Services, tmp_path: Path) -> None:
    red, green, blue, yellow = ids(library, "red", "green", "blue", "yellow")
    album = str(library.curation.create_album("Best of", [red, green, blue]).album)
    library.curation.create_album("Others", [yellow, blue, green, red])
    library.curation.move_in_album(album, blue, red)
    library.curation.move_in_album(album, red, None)
    assert library.curation.album_photos(album) == [blue, green, red]

    def listed(text: str) -> list[str]:
        return [hit.id for hit in library.search.search(Query(text), 10).hits]

    assert listed('album:"best of" sort:album') == [blue, green, red]
    assert listed("album:best* sort:-album")[:1] != [], "a pattern names no one album"
    assert listed('album:"best of" sort:-album') == [red, green, blue]
    assert list(library.browsing.listing('album:"Best of" sort:album').ids) == [blue, green, red]
    asked = {"format": "csv", "place": str(tmp_path / "out"), "images": listed('album:"best of" sort:album')}
    list(library.handlers["export"](asked))
    lines = (tmp_path / "out" / "images.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
    assert [next(name for name in ("red", "green", "blue") if f"{name}.jpg" in line) for line in lines] == [
        "blue",
        "green",
        "red",
    ]
    library.curation.undo()
    assert listed('album:"best of" sort:album') == [blue, red, green]


def test_a_cover_is_chosen_and_stays_while_its_photo_is_in_the_album(library: Services) -> None:
    red, green, blue = ids(library, "red", "green", "blue")
    album = str(library.curation.create_album("Best of", [red, green]).album)

    def cover() -> str | None:
        return library.curation.albums()[0].cover

    assert library.curation.choose_cover(album, blue).number is None, "it is not in it"
    library.curation.choose_cover(album, green)
    assert cover() == green
    library.curation.remove([green])
    assert cover() == red
    library.curation.undo()
    library.curation.take_from_album(album, [green])
    assert cover() == red
    library.curation.undo()
    library.curation.delete_album(album)
    library.curation.undo()
    assert cover() == green
    library.curation.undo()
    assert cover() == red


def test_two_albums_have_two_names(library: Services) -> None:
    album = library.curation.create_album("Best of").album
    with pytest.raises(BadInput, match="already"):
        library.curation.create_album("BEST of")
    other = library.curation.create_album("Others").album
    with pytest.raises(BadInput, match="already"):
        library.curation.rename_album(str(other), "best of")
    library.curation.rename_album(str(album), "BEST OF")
    assert library.curation.album_named("best of") == album
    with pytest.raises(BadInput, match="no such album"):
        library.curation.add_to_album("00000000-0000-4000-8000-000000000000", ids(library, "red"))


# ---------------------------------------------------------------- the bin


def test_a_removed_photo_is_nowhere_until_it_is_taken_out_with_all_that_was_said_of_it(
    library: Services, photos: Path
) -> None:
    (red,) = ids(library, "red")
    library.curation.tag([red], ["sea"])
    library.curation.note([red], "mine")
    assert library.curation.remove([red]) == Done("remove", 1, 3)
    assert library.catalog.counts() == (3, 3, 0) and library.folders.all()[0].files == 3
    assert found(library, "red") == found(library, "tag:green") | {"green", "blue", "yellow"}
    assert found(library, "tag:sea") == set() == found(library, "has:note")
    assert library.folders.missing() == 0
    assert library.library.details(red) is None and library.curation.tags() == []
    assert [(one.id, one.name) for one in library.curation.binned(9)] == [(red, "red.jpg")]
    assert library.library.thumbnail(red) is not None, "the page of the bin shows it"
    assert [event for event in run(library, "sync") if isinstance(event, Finding)] == []
    assert found(library, "in:photos") == {"green", "blue", "yellow"} and library.catalog.counts() == (3, 3, 0)
    assert run(library, "doctor", repair=False) and library.catalog.counts() == (3, 3, 0)
    library.curation.restore([red])
    assert found(library, "tag:sea") == {"red"} == found(library, "note:mine")


def test_the_bin_survives_what_a_drive_does(library: Services, photos: Path) -> None:
    (red,) = ids(library, "red")
    library.curation.remove([red])
    photos.rename(photos.with_name("away"))
    run(library, "sync")
    photos.with_name("away").rename(photos)
    run(library, "sync")
    assert library.catalog.counts()[0] == 3
    (photos / "red.jpg").unlink()
    run(library, "sync")
    library.curation.undo()
    assert library.catalog.counts()[0] == 3 and library.folders.missing() == 1, "its file is gone: it is missing now"


@pytest.mark.parametrize("way", ["the file", "a copy", "an upload", "the folder anew"])
def test_a_removed_photo_is_back_when_the_user_adds_it_himself(
    library: Services, photos: Path, tmp_path: Path, way: str
) -> None:
    (red,) = ids(library, "red")
    library.curation.tag([red], ["sea"])
    library.curation.remove([red])
    index(library, photos)
    assert library.catalog.counts()[0] == 3, "a folder that is followed is only looked at"
    if way == "the file":
        index(library, photos / "red.jpg")
    elif way == "a copy":
        (tmp_path / "copy.jpg").write_bytes((photos / "red.jpg").read_bytes())
        index(library, tmp_path / "copy.jpg")
    elif way == "an upload":
        upload = library.uploads.save("red.jpg", (photos / "red.jpg").read_bytes())
        run(library, "index", files=as_params([upload]))
    else:
        library.curation.clear()
        index(library, photos)
    assert library.catalog.counts()[0] == 4 and library.curation.number_binned() == 0
    assert found(library, "tag:sea") >= {"red"} or found(library, "tag:sea") == {"copy"}


def test_a_folder_whose_adding_was_cut_short_goes_on_bringing_photos_back(library: Services, photos: Path) -> None:
    library.curation.clear()
    adding = library.handlers["index"]({"paths": [str(photos)]})
    next(adding)
    adding.close()  # type: ignore[attr-defined]
    index(library, photos)
    assert library.catalog.counts()[0] == 4


def test_what_was_emptied_is_not_added_by_itself(library: Services, photos: Path) -> None:
    red, green = ids(library, "red", "green")
    library.curation.remove([red, green])
    assert [event.done for event in run(library, "empty")][-1] == 2
    assert not thumbnail_path(library.settings.thumbs_dir, red).exists()
    assert library.catalog.vectors.count_all(library.library.collection()) == 2
    (photos / "red.jpg").rename(photos / "moved.jpg")
    for _ in range(2):
        assert len(of(run(library, "sync"), Already)) == 4 and library.catalog.counts()[0] == 2
    make_photo(photos / "green.jpg", COLOURS["purple"])
    assert len(of(run(library, "sync"), Indexed)) == 1, "other bytes are another photo"
    index(library, photos / "moved.jpg")
    assert found(library, "name:moved") == {"moved"} and library.catalog.counts()[0] == 4
    with pytest.raises(BadInput, match="nothing to undo"):
        library.curation.undo()


def test_an_uploads_bytes_go_with_the_bin(library: Services, tmp_path: Path) -> None:
    upload = library.uploads.save("pink.jpg", make_photo(tmp_path / "pink.jpg", COLOURS["pink"]).read_bytes())
    run(library, "index", files=as_params([upload]))
    library.curation.remove([library.library.newest(1)[0].id])
    assert upload.path.exists()
    library.curation.undo()
    assert library.catalog.counts() == (5, 5, 1)
    library.curation.redo()
    run(library, "empty")
    assert not upload.path.exists() and library.catalog.counts() == (4, 4, 0)


def test_a_clear_can_be_undone_until_the_bin_is_emptied(library: Services, photos: Path) -> None:
    (red,) = ids(library, "red")
    library.curation.tag([red], ["sea"])
    run(library, "clear")
    assert library.catalog.counts() == (0, 0, 0) and found(library, "red") == set() and library.folders.all() == []
    assert library.curation.undo() == Done("clear", 4, 2)
    assert library.catalog.counts() == (4, 4, 0) and found(library, "tag:sea") == {"red"}
    assert [folder.path for folder in library.folders.all()] == [str(photos)]
    library.curation.redo()
    run(library, "empty")
    assert library.curation.history() == [] and library.catalog.health.image_ids() == []
    assert len(of(index(library, photos), Indexed)) == 4 and found(library, "tag:sea") == set()


def test_after_thirty_days_the_bin_empties_itself(library: Services, caplog: pytest.LogCaptureFixture) -> None:
    red, green = ids(library, "red", "green")
    library.curation.remove([red])
    library.curation.remove([green])
    empty_bin_if_due(library.catalog, library.jobs)
    assert "empty" not in [job.kind for job in library.jobs.active()]
    with library.catalog._file.writing() as db:
        old = "UPDATE binned SET binned_at = '2020-01-01T00:00:00.000000+00:00' WHERE image_id = ?"
        db.exec_driver_sql(old, (red,))
    for _ in range(2):
        empty_bin_if_due(library.catalog, library.jobs)
    (job,) = (job for job in library.jobs.active() if job.kind == "empty")
    with caplog.at_level("INFO"):
        list(library.handlers["empty"](library.jobs.params(job.id)))
    assert "forgot 1 photo" in caplog.text
    assert [one.id for one in library.curation.binned(9)] == [green]
    library.curation.undo()
    with pytest.raises(BadInput, match="nothing to undo"):
        library.curation.undo()


# ---------------------------------------------------------------- undo


def test_something_new_ends_what_could_be_done_again(library: Services) -> None:
    (red,) = ids(library, "red")
    library.curation.rate([red], 3)
    library.curation.rate([red], 4)
    library.curation.undo()
    assert library.curation.can_redo() and library.curation.can_undo()
    assert [(one.kind, one.undone) for one in library.curation.history()] == [("rate", True), ("rate", False)]
    library.curation.tag([red], ["x"])
    assert not library.curation.can_redo()
    with pytest.raises(BadInput, match="nothing to do again"):
        library.curation.redo()
    assert [one.kind for one in library.curation.history()] == ["tag", "rate"]


def test_what_changes_nothing_is_no_operation(library: Services) -> None:
    (red,) = ids(library, "red")
    nobody = "00000000-0000-5000-8000-000000000000"
    assert library.curation.rate([nobody], 3) == Done("rate", 0, None)
    assert library.curation.favourite([red], False).number is None and library.curation.restore([red]).number is None
    assert library.curation.history() == []


# ---------------------------------------------------------------- what follows a path


def test_what_was_said_stays_with_the_path_when_its_bytes_change(library: Services, photos: Path) -> None:
    (red,) = ids(library, "red")
    library.curation.tag([red], ["sea"])
    library.curation.note([red], "mine")
    album = str(library.curation.create_album("Best", [red]).album)
    original = (photos / "red.jpg").read_bytes()
    make_photo(photos / "red.jpg", COLOURS["red"], seed=5)
    run(library, "sync")
    (new,) = ids(library, "red")
    assert new != red and found(library, "tag:sea album:best note:mine") == {"red"}
    assert library.curation.album_photos(album) == [new]
    library.curation.tag([new], ["sand"])
    library.curation.undo()
    library.curation.undo()
    library.curation.undo()
    assert found(library, "has:note") == set(), "an undo is of the photo that is at the path now"
    library.curation.tag([new], ["boat"])
    (photos / "red.jpg").write_bytes(original)
    run(library, "sync")
    assert ids(library, "red") == [red] and set(library.catalog.facts.of(red)["keywords"]) == {"sea", "boat"}


def test_a_photo_that_was_only_moved_away_keeps_what_was_said_of_it(library: Services, photos: Path) -> None:
    (red,) = ids(library, "red")
    library.curation.tag([red], ["sea"])
    (photos / "red.jpg").rename(photos / "z.jpg")
    make_photo(photos / "red.jpg", COLOURS["purple"])
    run(library, "sync")
    assert "z" in found(library, "tag:sea")


def test_a_known_photo_that_takes_anothers_place_keeps_its_own(library: Services, photos: Path) -> None:
    (red,) = ids(library, "red")
    library.curation.tag([red], ["sea"])
    (photos / "green.jpg").replace(photos / "red.jpg")
    run(library, "sync")
    assert found(library, "tag:sea") == set() and library.catalog.counts()[0] == 3


# ---------------------------------------------------------------- all of them at once, and elsewhere


def test_ten_thousand_photos_are_changed_and_restored_in_one_transaction_each(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    sums = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(10_000)]
    every = [image_id(sha256) for sha256 in sums]
    rows = [ImageRow(id_, sum_, ImageFacts(4, 3, "JPEG", None), 9) for id_, sum_ in zip(every, sums, strict=True)]
    places = [FileRow(b"/x/%d" % n, f"/x/{n}", f"{n}", id_, FileStamp(1, n, 1, 9)) for n, id_ in enumerate(every)]
    catalog.commit_batch("", rows, places)
    catalog.facts.put("test", [FactsRow(id_, PhotoFacts(keywords=("Fish",)), None, "") for id_ in every])
    before = catalog.facts.of_many(every)
    done = catalog.marks.tag(every, ["bulk", "trip/italy"], ["fish"])
    assert done is not None and done.photos == 10_000
    changed = catalog.facts.of_many(every)
    assert all(values["keywords"] == ("bulk", "trip/italy") for values in changed.values())
    album, _ = catalog.albums.create("All", every)
    catalog.bin.clear()
    assert catalog.counts() == (0, 0, 0)
    catalog.operations.undo()
    assert catalog.counts() == (10_000, 10_000, 0) and catalog.albums.photos(album) == every
    catalog.operations.undo()
    catalog.operations.undo()
    assert catalog.facts.of_many(every) == before
    catalog.operations.redo()
    assert catalog.facts.of_many(every) == changed
    catalog.close()


def test_an_operation_is_whole_or_not_at_all(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    every = ids(library, "red", "green", "blue", "yellow")
    monkeypatch.setattr(cells, "packed", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        library.curation.tag(every, ["sea"])
    assert library.curation.tags() == [] and library.curation.history() == []


def test_a_backup_brings_everything_back(library: Services, photos: Path, tmp_path: Path) -> None:
    red, green, blue, yellow = ids(library, "red", "green", "blue", "yellow")
    told(library, green, keywords=("Sea",), rating=1)
    library.curation.tag([red], ["trip/italy"], [])
    library.curation.tag([green], remove=["sea"])
    library.curation.rate([red, green], 4)
    library.curation.note([blue], "Ask\nKöln")
    album = str(library.curation.create_album("Köln", [blue, red]).album)
    library.curation.remove([yellow])
    library.curation.remove([blue])
    run(library, "empty")
    library.curation.favourite([red])
    library.curation.remove([green])
    library.curation.undo()
    list(export_library(library.settings, library.catalog, tmp_path / "a.zip"))
    other = Settings(home=tmp_path / "other")
    list(import_library(other, tmp_path / "a.zip"))
    again = build_services(other, models=fake_models(other))
    for id_ in (red, green):
        assert again.catalog.facts.of(id_) == library.catalog.facts.of(id_)
    assert again.curation.history() == library.curation.history()
    assert again.curation.album_photos(album) == [red] and again.curation.tags() == library.curation.tags()
    assert again.catalog.bin.discarded_among([blue, yellow]) == {blue, yellow}
    run(again, "sync")
    assert again.catalog.counts()[0] == 2
    assert again.curation.redo().kind == "remove" and again.catalog.counts()[0] == 1
    for _ in range(len(again.curation.history()) - 3):
        again.curation.undo()
    again.close()


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"bin": 1},
        {"nothing": []},
        {"bin": [["x", None, None]]},
        {"bin": [[["x"], None, ["2024-01-01T00:00:00+00:00"]]]},
        {"marks": [[["6f1f4c1e-6a0f-5d8e-9a57-1f0f6c3c2b11"], [9, False, None], None]]},
        {"tags": [[["6f1f4c1e-6a0f-5d8e-9a57-1f0f6c3c2b11", 7], None, ["x"]]]},
        {"folders": [[["relative"], None, None]]},
        {"folders": [[["/\ud800x"], None, None]]},
    ],
)
def test_what_no_operation_has_changed_is_not_read(said: Any) -> None:
    assert cells.unpacked(zlib.compress(json.dumps(said).encode())) is None
    assert cells.unpacked(b"nonsense") is None and cells.unpacked(zlib.compress(b"{}") + b"more") is None


def test_what_was_packed_is_read_again() -> None:
    changes: Any = {
        "folders": [(("/a/\udce9",), ("/a/?", True, None, None, False), None)],
        "tags": [(("6f1f4c1e-6a0f-5d8e-9a57-1f0f6c3c2b11", "sea"), None, ("Sea",))],
        "marks": [(("6f1f4c1e-6a0f-5d8e-9a57-1f0f6c3c2b11",), (None, False, None), (3, True, "note"))],
    }
    assert cells.unpacked(cells.packed(changes)) == changes


def test_a_tag_under_anothers_name_breaks_no_tree(library: Services) -> None:
    red, green = ids(library, "red", "green")
    library.curation.tag([red, green], ["trip/italy"])
    with library.catalog._file.writing() as db:
        db.exec_driver_sql("UPDATE photo_tags SET said = 'odd' WHERE image_id = ?", (red,))
        db.exec_driver_sql("UPDATE photo_tags SET said = 'odd/er' WHERE image_id = ?", (green,))
    assert [node.name for node in library.curation.tag_tree()]


def test_an_undo_that_damage_made_impossible_is_told_and_does_not_stand_in_the_way(library: Services) -> None:
    library.curation.rate(ids(library, "red"), 3)
    library.curation.create_album("Best", ids(library, "red"))
    library.curation.rename_album(library.curation.albums()[0].id, "Other")
    with library.catalog._file.writing() as db:
        db.exec_driver_sql("INSERT INTO albums VALUES ('x', 'Best', 'best', '2024')")
    with pytest.raises(BadInput, match="stays as it is"):
        library.curation.undo()
    assert [one.kind for one in library.curation.history()] == ["album", "rate"]
    assert library.curation.undo().kind == "album"


def test_nothing_else_is_written_where_a_photo_is_missing(library: Services, photos: Path) -> None:
    """What was said of a photo that is away is kept, and can be changed."""
    (red,) = ids(library, "red")
    library.curation.tag([red], ["sea"])
    (photos / "red.jpg").rename(photos.with_name("red.jpg"))
    run(library, "sync")
    library.curation.rate([red], 4)
    photos.with_name("red.jpg").rename(photos / "red.jpg")
    run(library, "sync")
    assert found(library, "tag:sea rating:4") == {"red"}
