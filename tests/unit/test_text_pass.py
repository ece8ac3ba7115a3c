"""Text in the library's photos: read by a pass, once for all copies, stored, found, kept by backups, and gone with its
photo.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from src.cli.arguments import main
from src.database.catalog.text_lines import folded_lines, lines_in
from src.database.catalog.texts import TextRow
from src.errors import LibraryUnusable
from src.models.readers.rapid import RapidReader
from src.runtime import Services
from src.schema import Indexed, Progress, Skipped
from src.schema.texts import TextLine
from src.services.exchange.backup import export_library
from src.services.exchange.restore import import_library
from src.services.jobs.kinds import ReadTexts
from src.services.search.service import Query
from tests.conftest import cleared
from tests.parity.text_pictures import written

SIGNS = {
    "sign.png": ["Straße 17", "Open daily"],
    "receipt.png": ["Total 12.50", "THANK YOU"],
    "nothing.png": [],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "signs"
    place.mkdir()
    for name, lines in SIGNS.items():
        sign(lines).save(place / name)
    return place


def sign(lines: list[str]) -> Image.Image:
    image = Image.new("RGB", (640, 480), "white")
    for row, line in enumerate(lines):
        written(image, line, (60, 80 + 150 * row), 48)
    return image


@pytest.fixture
def library(services: Services, folder: Path) -> Services:
    list(services.handlers["index"]({"paths": [str(folder)]}))
    return services


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often a picture was read."""
    times: list[int] = []
    read = RapidReader.read
    monkeypatch.setattr(RapidReader, "read", lambda self, image: times.append(1) or read(self, image))
    yield times


def read(library: Services, **asked: object) -> list[object]:
    return list(library.handlers["texts"](asked))


def found(library: Services, query: str) -> list[str]:
    return sorted(hit.name for hit in library.search.search(Query(query), 9).hits)


def id_of(library: Services, name: str) -> str:
    with closing(sqlite3.connect(library.catalog.path)) as db:
        return str(db.execute("SELECT image_id FROM files WHERE name = ?", (name,)).fetchone()[0])


def test_each_photo_is_read_once_and_told(library: Services, looked: list[int]) -> None:
    assert library.texts.waiting() == 3
    events = read(library)
    assert sorted(event.path for event in events if isinstance(event, Indexed)) == sorted(SIGNS)
    assert library.texts.counts() == (3, 2) and library.texts.waiting() == 0
    assert [line.text for line in library.texts.of_photo(id_of(library, "sign.png"))] == SIGNS["sign.png"]
    assert len(looked) == 3
    read(library)
    assert len(looked) == 3, "nothing is due"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("text:open", ["sign.png"]),
        ("text:STRASSE", ["sign.png"]),
        ("text:straß", ["sign.png"]),
        ("text:ｔｏｔａｌ", ["receipt.png"]),
        ('text:"thank you"', ["receipt.png"]),
        ('text:"ThankY ou"', ["receipt.png"]),
        ("text:17|50", ["receipt.png", "sign.png"]),
        ("text:th*you", ["receipt.png"]),
        ("text:you*th", []),
        ("text:12.50 text:total", ["receipt.png"]),
        ("text:%", []),
        ("text:nowhere", []),
        ("has:text", ["receipt.png", "sign.png"]),
        ("-has:text", ["nothing.png"]),
        ("-text:total", ["nothing.png", "sign.png"]),
    ],
)
def test_a_search_finds_photos_by_what_was_read(library: Services, query: str, names: list[str]) -> None:
    read(library)
    assert found(library, query) == names


def test_a_copy_with_other_metadata_is_not_read_again_and_an_edited_photo_is(
    library: Services, folder: Path, looked: list[int]
) -> None:
    read(library)
    looked.clear()
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Someone"
    sign(SIGNS["sign.png"]).save(folder / "copy.png", exif=exif)
    sign(["Closed today"]).save(folder / "receipt.png")
    list(library.handlers["sync"]({}))
    read(library)
    assert len(looked) == 1
    assert found(library, "text:open") == ["copy.png", "sign.png"]
    assert found(library, "text:closed") == ["receipt.png"] and found(library, "text:total") == []


def test_folders_that_ask_for_it_are_read_once_they_bring_photos(library: Services, folder: Path) -> None:
    jobs = library.jobs
    library.folders.read_texts(str(folder), True)
    list(library.handlers["sync"]({}))
    (queued,) = [job for job in jobs.active() if job.kind == "texts"]
    assert jobs.params(queued.id) == {"folders": [str(folder)]}
    read(library, folders=[str(folder)])
    library.folders.read_texts(str(folder), False)
    assert library.texts.waiting_folders() == [] and library.folders.all()[0].texts is False


def test_a_cancelled_pass_keeps_what_it_stored_and_goes_on_there(
    library: Services, folder: Path, looked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.services.enrichment.text_pass.COMMIT", 1)
    events = library.handlers["texts"]({})
    for event in events:
        if isinstance(event, Indexed):
            break
    events.close()  # type: ignore[attr-defined]
    assert library.texts.counts()[0] >= 1 and library.texts.waiting() <= 2
    before, waiting = len(looked), library.texts.waiting()
    read(library)
    assert library.texts.counts() == (3, 2) and len(looked) - before <= waiting


def test_a_photo_that_can_not_be_read_now_is_due_again(library: Services, folder: Path) -> None:
    (folder / "sign.png").rename(folder / "away.tmp")
    events = read(library)
    assert [event.path for event in events if isinstance(event, Skipped)] == ["sign.png"]
    assert any(isinstance(event, Progress) for event in events) and library.texts.waiting() == 1
    (folder / "away.tmp").rename(folder / "sign.png")
    read(library)
    assert library.texts.counts() == (3, 2)


def test_text_goes_with_its_photo(library: Services) -> None:
    read(library)
    cleared(library)
    with closing(sqlite3.connect(library.catalog.path)) as db:
        assert db.execute("SELECT count(*) FROM texts").fetchone() == (0,)


def test_a_kill_in_the_middle_leaves_whole_photos(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines and the note that a photo was read are stored in one transaction."""
    monkeypatch.setattr("src.database.catalog.texts.mark", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        read(library)
    assert library.texts.counts() == (0, 0) and library.texts.waiting() == 3


# ---------------------------------------------------------------- backups, strangers, damage


def test_a_backup_takes_it_along(library: Services, tmp_path: Path) -> None:
    read(library)
    library.folders.read_texts(library.folders.all()[0].path, True)
    archive = tmp_path / "backup.zip"
    list(export_library(library.settings, library.catalog, archive))
    target = library.settings.at(tmp_path / "other")
    list(import_library(target, archive))
    with closing(sqlite3.connect(target.catalog_file)) as db:
        assert db.execute("SELECT count(*) FROM texts WHERE folded != ''").fetchone() == (2,)
        assert db.execute("SELECT texts FROM folders").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("lines", '[["evil", 0.9, [0, 0, 1, 0, 1, 1, 0]]]'),
        ("lines", '[["evil", 7, [0, 0, 1, 0, 1, 1, 0, 1]]]'),
        ("lines", "{}"),
        ("folded", "other words"),
        ("pixels", b"short"),
    ],
)
def test_a_strangers_text_must_be_one(library: Services, tmp_path: Path, column: str, value: object) -> None:
    read(library)
    with closing(sqlite3.connect(library.catalog.path)) as db, db:
        db.execute(f"UPDATE texts SET {column} = ? WHERE folded != ''", (value,))
    archive = tmp_path / "backup.zip"
    list(export_library(library.settings, library.catalog, archive))
    with pytest.raises(LibraryUnusable, match="is refused"):
        list(import_library(library.settings.at(tmp_path / "other"), archive))


@pytest.mark.parametrize("stored", [None, 7, "", "{", "[7]", '[["a", 0.5, [0, 0, 2, 0, 1, 1, 0, 1]]]', '[["a", true]]'])
def test_damaged_lines_are_none(stored: object) -> None:
    assert lines_in(stored) == []


def test_what_is_stored_is_read_back(library: Services) -> None:
    line = TextLine("“3D” 中文 🎉", ((0.1, 0.2), (0.5, 0.2), (0.5, 0.3), (0.1, 0.3)), 0.8125)
    id_ = id_of(library, "sign.png")
    library.catalog.texts.put("another", [TextRow(id_, bytes(32), (line,))])
    assert library.catalog.texts.of_image(id_) == [line]
    assert library.catalog.texts.of_pixels(bytes(32), "another") == [line]
    assert library.catalog.texts.of_pixels(bytes(32), "a third") is None
    for query in ("text:3d", "text:中文", "text:🎉", "text:文"):
        assert found(library, query) == ["sign.png"]
    assert folded_lines([line, line]) == "“3d” 中文 🎉\n“3d” 中文 🎉"


# ---------------------------------------------------------------- the command line


def test_the_commands_read_the_library(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = ["--library", str(tmp_path / "own"), "--json"]
    assert main(["index", str(folder / "sign.png"), "--text", *home]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["indexed"], told["text"]["read"], told["text"]["with_text"]) == (1, 1, 1)
    assert main(["index", str(folder), *home]) == 0 and "text" not in json.loads(capsys.readouterr().out)
    assert main(["read-text", *home]) == 0
    told = json.loads(capsys.readouterr().out)
    assert tuple(told) == ("read", "skipped", "photos", "with_text", "seconds", "images_per_s")
    assert (told["read"], told["photos"], told["with_text"]) == (2, 3, 2)
    assert main(["search", "text:total", *home]) == 0
    assert [hit["name"] for hit in json.loads(capsys.readouterr().out)["results"]] == ["receipt.png"]
    assert main(["read-text", "--library", str(tmp_path / "own")]) == 0
    assert "0 photos read" in capsys.readouterr().out


def test_params_are_read_from_a_row() -> None:
    assert ReadTexts.read({"folders": ["/a", 7], "careful": True}) == ReadTexts(("/a",), True)
    assert ReadTexts.read({"folders": "odd"}) == ReadTexts()
