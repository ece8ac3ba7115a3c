"""Paths: what was typed becomes one path, and each place of the library has one, whichever way one came to it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from src.bootstrap import build_services
from src.cli import arguments
from src.config import Settings
from src.errors import AppError, BadInput, UnreadablePath
from src.models.model_manager import ModelManager
from src.processing.discovery import parse_path
from src.runtime import Services
from src.schema import Indexed, JobEvent, PhotoFilter
from src.services.library.places import _spelling
from src.services.search.service import Query
from tests.conftest import make_photo, of
from tests.fakes import COLOURS, FakeEmbedder


def run(services: Services, kind: Any, **params: Any) -> list[JobEvent]:
    return list(services.handlers[kind](params))  # type: ignore[index]


def followed(services: Services) -> list[str]:
    return [folder.path for folder in services.folders.all()]


# ---------------------------------------------------------------- what was typed


@pytest.mark.parametrize(
    "name",
    [
        "trip ",
        " trip",
        '"trip"',
        "'98",
        "Fotos '98'",
        "~x",
        "~",
        "file:trip",
        "file:///trip",
        "a\nb",
        "  ",
        "caf\udce9",
        "-rf",
    ],
)
def test_a_folder_of_just_that_name_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / "trip").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path)
    assert parse_path(name) == Path(os.path.normpath(tmp_path / name))
    if "/" not in name:
        assert parse_path(f"{tmp_path}/{name}") == tmp_path / name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(
            ("trip", "trip"),
            ("./trip", "trip"),
            ("trip/", "trip"),
            ("trip//deep", "trip/deep"),
            ("trip/./deep/..", "trip"),
        ),
        *(
            ("trip/../other", "other"),
            ("nowhere/../trip", "trip"),
            (" trip\n", "trip"),
            ("'trip'", "trip"),
            ('" trip "', "trip"),
        ),
        *(
            ("link/../beside", "real/beside"),
            ("link/deep", "link/deep"),
            ("link/deep/..", "link"),
            ("'it''s", "'it''s"),
        ),
    ],
)
def test_one_path_without_detours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, meant: str) -> None:
    for folder in ("trip/deep", "other", "real/inner/deep", "real/beside"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/inner")
    monkeypatch.chdir(tmp_path)
    assert parse_path(typed) == tmp_path / meant
    if typed[0] not in " '\"":
        assert parse_path(f"/{tmp_path}/{typed}") == tmp_path / meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(
            ("file:///photos/My%20trip", "/photos/My trip"),
            ("file:/photos/a", "/photos/a"),
            ("file://localhost/photos/a", "/photos/a"),
        ),
        *(
            ("FILE:///photos/caf%E9", "/photos/caf\udce9"),
            ("file:///p/a#1?b", "/p/a#1?b"),
            ("'file:///photos/a'", "/photos/a"),
        ),
        *(("file://[x/photos", "/photos"), ("//photos/a", "/photos/a"), ("/..", "/"), ("/photos/../../..", "/")),
    ],
)
def test_addresses_and_roots(typed: str, meant: str) -> None:
    assert str(parse_path(typed)) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "  ",
        "''",
        ' "" ',
        "a\0b",
        "/a\0b",
        "'\0'",
        "x" * 300,
        "/" + "a/" * 3000,
        "\ud800",
        "/photos/\udbff",
        "file:",
        "file://",
    ],
)
def test_what_can_be_no_path_is_one_sentence(typed: str) -> None:
    with pytest.raises(UnreadablePath) as raised:
        parse_path(typed)
    assert raised.value.user_message.endswith(".") and len(str(raised.value)) < 200


def test_a_user_that_there_is_not_and_a_start_folder_that_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_path("~nobody-of-that-name/photos") == tmp_path / "~nobody-of-that-name" / "photos"
    (tmp_path / "start").mkdir()
    monkeypatch.chdir(tmp_path / "start")
    (tmp_path / "start").rmdir()
    with pytest.raises(UnreadablePath, match="not there any more"):
        parse_path("photos")
    assert parse_path("/photos") == Path("/photos")


# ---------------------------------------------------------------- places of the library


def test_links_to_a_followed_folder_are_that_folder(services: Services, photos: Path, tmp_path: Path) -> None:
    make_photo(photos / "2024" / "pink.jpg", COLOURS["pink"])
    run(services, "index", paths=[str(photos)])
    (tmp_path / "alias").symlink_to(photos)
    (tmp_path / "part").symlink_to(photos / "2024")
    (photos / "best").symlink_to("2024")
    before = services.catalog.counts()
    for same in (
        tmp_path / "alias",
        tmp_path / "alias" / "2024",
        tmp_path / "part",
        photos / "best",
        photos / "2024" / "pink.jpg",
    ):
        assert not of(run(services, "index", paths=[str(same)]), Indexed)
        run(services, "sync", paths=[str(same)])
        assert followed(services) == [str(photos)] and services.catalog.counts() == before, same
    assert services.folders.place(tmp_path / "part") == photos / "2024" == services.folders.place(photos / "best")
    services.folders.watch(str(tmp_path / "alias"), False)
    assert not services.folders.all()[0].watched
    make_photo(photos / "2024" / "brown.jpg", COLOURS["brown"])
    assert len(of(run(services, "sync", paths=[str(tmp_path / "part")]), Indexed)) == 1
    run(services, "remove", path=str(tmp_path / "alias"))
    assert followed(services) == []


def test_the_folder_that_a_followed_link_leads_to_is_that_link(
    services: Services, photos: Path, tmp_path: Path
) -> None:
    make_photo(photos / "2024" / "pink.jpg", COLOURS["pink"])
    (tmp_path / "alias").symlink_to(photos)
    run(services, "index", paths=[str(tmp_path / "alias")])
    run(services, "index", paths=[str(photos), str(photos / "2024")])
    assert followed(services) == [str(tmp_path / "alias")] and services.catalog.counts() == (5, 5, 0)
    assert services.folders.known_as(photos / "2024" / "x" / "y.jpg") == tmp_path / "alias" / "2024" / "x" / "y.jpg"
    assert services.folders.known_as(tmp_path / "elsewhere") == tmp_path / "elsewhere"


def test_a_link_to_another_followed_folder_has_no_photo_twice(services: Services, photos: Path, tmp_path: Path) -> None:
    make_photo(tmp_path / "nas" / "pink.jpg", COLOURS["pink"])
    (photos / "nas").symlink_to(tmp_path / "nas")
    run(services, "index", paths=[str(tmp_path / "nas")])
    run(services, "index", paths=[str(photos)])
    assert services.catalog.counts() == (5, 5, 0)


def test_another_spelling_of_a_name_is_the_stored_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that tells neither capitals nor forms of accents apart."""
    for stored, typed in (("Sub", "SUB"), ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}")):
        monkeypatch.setattr("src.services.library.places.os.listdir", lambda _, stored=stored: ["other", stored])
        monkeypatch.setattr("src.services.library.places.os.path.lexists", lambda path: True)
        assert (
            _spelling(tmp_path, typed) == stored
            and _spelling(tmp_path, stored) == stored
            and _spelling(tmp_path, "x") == "x"
        )


def test_a_filter_for_a_folder_that_the_library_does_not_know(services: Services, photos: Path, tmp_path: Path) -> None:
    (photos / "empty").mkdir()
    run(services, "index", paths=[str(photos)])
    for strange in (tmp_path / "photo", photos / "typo", tmp_path, photos.parent / "library"):
        if strange != tmp_path:
            with pytest.raises(BadInput, match="There is no such folder in the library"):
                services.folders.place(strange)
    assert services.folders.place(tmp_path) == tmp_path, (
        "a folder around those of the library narrows nothing, and is one"
    )
    assert services.folders.place(photos / "empty") == photos / "empty"
    photos.rename(tmp_path / "away")
    run(services, "sync")
    assert services.folders.place(photos) == photos, "it is offline, not unknown"
    page = services.search.search(Query("red"), 5, only=PhotoFilter(str(photos)))
    assert page.verdict == "empty"


# ---------------------------------------------------------------- hidden folders


@pytest.mark.parametrize("first", ["the hidden one", "the outer one"])
def test_a_hidden_folder_that_was_added_stays_looked_at(services: Services, photos: Path, first: str) -> None:
    hidden = make_photo(photos / ".private" / "deep" / "pink.jpg", COLOURS["pink"]).parent.parent
    make_photo(photos / "#recycle" / "cyan.jpg", COLOURS["cyan"])
    order = [hidden, photos] if first == "the hidden one" else [photos, hidden]
    for folder in order:
        run(services, "index", paths=[str(folder)])
    assert followed(services) == [str(photos), str(hidden)] and services.catalog.counts() == (5, 5, 0)
    run(services, "index", paths=[str(hidden / "deep")])
    assert len(followed(services)) == 2 and [folder.files for folder in services.folders.all()] == [4, 1]
    make_photo(hidden / "brown.jpg", COLOURS["brown"])
    assert len(of(run(services, "sync"), Indexed)) == 1
    (hidden / "brown.jpg").unlink()
    run(services, "sync")
    assert [(folder.files, folder.missing) for folder in services.folders.all()] == [(4, 0), (2, 1)]
    assert services.folders.looks_into(hidden / "deep") and not services.folders.looks_into(photos / "#recycle")
    run(services, "remove", path=str(photos))
    assert followed(services) == [str(hidden)] and services.catalog.counts() == (1, 1, 0)


def test_a_visible_folder_goes_with_the_outer_one_all_the_same(services: Services, photos: Path) -> None:
    make_photo(photos / "2024" / "pink.jpg", COLOURS["pink"])
    run(services, "index", paths=[str(photos / "2024")])
    run(services, "index", paths=[str(photos)])
    assert followed(services) == [str(photos)] and services.folders.all()[0].files == 5


def test_the_uploads_are_no_folder(services: Services, tmp_path: Path) -> None:
    make_photo(services.settings.uploads_dir / "a.jpg")
    assert not of(run(services, "index", paths=[str(services.settings.uploads_dir)]), Indexed)
    assert not services.folders.looks_into(services.settings.uploads_dir)


# ---------------------------------------------------------------- the command line


@pytest.fixture
def home(start: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library with the folder of four photos; the working folder is beside them."""
    monkeypatch.setattr(
        "src.cli.library_access.build_services",
        lambda settings, **how: build_services(
            settings, models=ModelManager("builtin", settings, loader=lambda *_: FakeEmbedder()), **how
        ),
    )
    assert arguments.main(["index", "../photos"]) == 0
    return Settings.from_env().home


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, and a place for the library that is not there yet."""
    monkeypatch.setenv("MFE_HOME", str(tmp_path / "library"))
    (tmp_path / "start").mkdir()
    monkeypatch.chdir(tmp_path / "start")
    return tmp_path / "start"


@pytest.mark.parametrize(
    "typed", ["../photos", "{photos}", "{photos}/", "{photos}/../photos", "./../photos/.", "../alias", '"{photos}"']
)
def test_every_spelling_of_a_folder_in_every_command(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    (photos.parent / "alias").symlink_to(photos)
    text = typed.format(photos=photos)
    capsys.readouterr()
    for command in (
        ["sync"],
        ["search", "red", "--folder"],
        ["folders", "--unwatch"],
        ["folders", "--watch"],
        ["index"],
    ):
        assert arguments.main([*command, text]) == 0, (command, capsys.readouterr())
    assert "4 of 4 photos" in capsys.readouterr().out
    assert arguments.main(["folders", "--remove", text, "--yes"]) == 0
    assert "4 photos put into the bin" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["search", "red", "--folder", "../photo"], 2, "There is no such folder in the library: "),
        (["search", "red", "--folder", ""], 1, "No folder was given."),
        (["search", "red", "--folder", "a\0b"], 1, "NUL"),
        (["export-library", ""], 1, "No file was given. Type its path, such as ~/library.zip."),
        (["import-library", " "], 1, "No file was given. Type its path, such as ~/library.zip."),
        (["export", ""], 1, "No folder or ZIP was given. Type its path, such as ~/photos.zip."),
        (["objects", "../photo"], 2, "There is no such folder in the library: "),
        (["sync", "../photo"], 2, "The library does not follow "),
        (["index", "\ud800"], 1, "a character that no file name can have"),
        (["index", "x" * 5000], 1, "too long for a path"),
        (["search", "--image", "~nobody-of-that-name/x.jpg"], 1, "can't be read"),
        (["search", "--image", "a\0b"], 1, "NUL"),
    ],
)
def test_paths_that_lead_nowhere(
    home: Path, capsys: pytest.CaptureFixture[str], command: list[str], code: int, said: str
) -> None:
    capsys.readouterr()
    assert arguments.main(command) == code
    assert said in capsys.readouterr().err


ANY = [
    ["stats"], ["search", "red"], ["export", "{new}/set"], ["folders"], ["folders", "--watch", "x"],
    ["folders", "--remove", "x", "--yes"], ["sync"], ["sync", "x"], ["forget-missing"], ["forget-missing", "--yes"],
    ["doctor"], ["doctor", "--check"], ["objects"], ["objects", "--forget", "--yes"], ["export-library", "{new}.zip"],
    ["clear", "--yes"], ["tag", "x", "--add", "y"], ["tags"],
    ["rate", "x", "--stars", "3"], ["album"], ["remove", "x"], ["bin"], ["bin", "--empty", "--yes"], ["undo"], ["redo"],
    ["history"], ["write-sidecars"], ["models"], ["models", "--use", "builtin"], ["models", "--get", "ViT-B/32"],
]  # fmt: skip
CREATING = [["index", "../photos"], ["import-library", "x.zip"]]


@pytest.mark.parametrize("place", ["typo", "deep/er/typo", "x" * 300, "empty"], ids=lambda place: place[:5])
@pytest.mark.parametrize("command", ANY, ids=" ".join)
def test_a_library_that_there_is_not_is_not_made(
    start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], place: str
) -> None:
    (start / "empty").mkdir()
    capsys.readouterr()
    before = sorted(tmp_path.rglob("*"))
    assert arguments.main(["--library", place, *(part.format(new=tmp_path / "new") for part in command)]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and f"There is no library in {start / place}." in said.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", [*ANY, *CREATING], ids=" ".join)
def test_a_library_without_a_name(
    start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """An unset variable of a shell must not mean the folder that one happens to be in."""
    capsys.readouterr()
    before = sorted(tmp_path.rglob("*"))
    assert arguments.main([*command, "--library", ""]) == 2
    assert capsys.readouterr().err.startswith("--library names no folder.") and sorted(tmp_path.rglob("*")) == before


def test_a_new_library_is_made_by_index_and_by_an_import(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert arguments.main(["export-library", "x.zip"]) == 0
    for number, command in enumerate(CREATING):
        assert arguments.main([*command, "--library", f"deep/{number}"]) == 0
        capsys.readouterr()
        assert arguments.main(["stats", "--library", f"deep/{number}", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["images"] == 4


@pytest.mark.parametrize("command", CREATING, ids=" ".join)
def test_a_library_with_too_long_a_name(start: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    capsys.readouterr()
    assert arguments.main([*command, "--library", "x" * 300]) == 1
    said = capsys.readouterr().err
    assert "library's folder" in said and "File name too long" in said and said.count("\n") == 1


def test_a_setting_with_too_long_a_name(
    start: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MFE_HOME", "x" * 300)
    for command in (["stats"], ["index", "../photos"], ["doctor", "--check"], ["sync"]):
        capsys.readouterr()
        assert arguments.main(command) == 1
        assert "can't be used (File name too long)" in capsys.readouterr().err


def test_the_place_of_a_setting_answers_as_an_empty_library(start: Path) -> None:
    assert arguments.main(["stats"]) == 0


@pytest.mark.parametrize("archive", ["nowhere.zip", "text.zip"])
@pytest.mark.parametrize("place", ["deep/er/new", "there"])
def test_an_import_that_is_refused_leaves_no_new_folder(start: Path, tmp_path: Path, archive: str, place: str) -> None:
    (start / "text.zip").write_text("no archive")
    (start / "there").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert arguments.main(["import-library", archive, "--library", place]) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_forgetting_says_what_goes(home: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "red.jpg").write_bytes((photos / "red.jpg").read_bytes() + b"tags")
    (photos / "blue.jpg").unlink()
    arguments.main(["sync"])
    with pytest.raises(SystemExit):
        arguments.main(["forget-missing"])
    assert (
        "1 photos are missing and would be forgotten, and so would 1 earlier version of changed photos"
        in capsys.readouterr().err
    )
    photos.rename(photos.with_name("away"))
    with pytest.raises(SystemExit):
        arguments.main(["forget-missing"])
    assert "0 photos are missing" in capsys.readouterr().err
    assert arguments.main(["forget-missing", "--yes", "--json"]) == 0
    assert capsys.readouterr().out.strip() == '{"forgotten": 1, "earlier_versions": 1}'
    arguments.main(["sync"])
    capsys.readouterr()
    assert arguments.main(["folders", "--remove", str(photos), "--yes"]) == 0
    assert "It was offline" in capsys.readouterr().out


def test_no_text_is_a_traceback(home: Path) -> None:
    for text in ("/a\0b", "\udfff", "~" + "x" * 400, "file://" + "%00", "//" + "y/" * 4000):
        for command in (
            ["index"],
            ["sync"],
            ["search", "x", "--folder"],
            ["folders", "--watch"],
            ["export-library"],
            ["import-library"],
        ):
            assert arguments.main([*command, text]) in (1, 2), (command, text)
    assert issubclass(UnreadablePath, AppError)


def test_a_folder_that_was_stored_with_a_detour_gets_its_own_path(
    services: Services, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "start").mkdir()
    detour = tmp_path / "start" / ".." / "photos"
    run(services, "index", paths=[str(photos)])
    services.catalog.folders.move(os.fsencode(photos), os.fsencode(detour), os.fsdecode)
    (row,) = services.catalog.folders.all()
    assert row.path == os.fsencode(detour) and services.catalog.counts() == (4, 4, 0)
    make_photo(photos / "pink.jpg", COLOURS["pink"])
    run(services, "sync")
    assert followed(services) == [str(photos)] and services.catalog.counts() == (5, 5, 0)
    assert {Path(hit.path).parent for hit in services.library.newest(9)} == {photos}
    services.catalog.folders.put(row, [])
    run(services, "sync")
    assert followed(services) == [str(photos)]
