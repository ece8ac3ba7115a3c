"""The system's bin: a file goes there when it is asked for by its path, and in no other case."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import send2trash

from src.bootstrap import build_services
from src.config import Settings
from src.errors import AppError, BadInput, UnreadablePath
from src.runtime import Services
from src.services.curation.system_bin import SystemBin
from src.services.library.uploads import as_params
from tests.conftest import fake_models
from tests.fakes import colour_picture


@pytest.fixture
def thrown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system was asked to take; it takes it."""
    taken: list[str] = []

    def take(path: str) -> None:
        taken.append(path)
        os.unlink(path)

    monkeypatch.setattr(send2trash, "send2trash", take)
    return taken


@pytest.fixture
def folder(services: Services, tmp_path: Path) -> Path:
    """Two files with the same bytes, and another."""
    place = tmp_path / "photos"
    place.mkdir()
    for name, colour in (("a.png", "red"), ("b.png", "red"), ("c.png", "blue")):
        colour_picture(colour, (60, 40)).save(place / name)
    list(services.handlers["index"]({"paths": [str(place)]}))
    return place


def allowed(services: Services) -> SystemBin:
    return SystemBin(replace(services.settings, system_bin=True), services.catalog)


def id_at(services: Services, path: Path) -> str:
    return services.catalog.files.at([os.fsencode(path)])[os.fsencode(path)].image_id


def test_one_of_two_copies_goes_and_the_photo_stays(services: Services, folder: Path, thrown: list[str]) -> None:
    image = id_at(services, folder / "b.png")
    allowed(services).move(image, str(folder / "b.png"))
    assert thrown == [str(folder / "b.png")] and (folder / "a.png").is_file()
    assert services.catalog.visible([image]) == {image}
    assert not services.duplicates.groups("bytes")


def test_with_its_only_file_a_photo_is_hidden_and_not_forgotten(
    services: Services, folder: Path, thrown: list[str]
) -> None:
    image = id_at(services, folder / "c.png")
    allowed(services).move(image, str(folder / "c.png"))
    assert not services.catalog.visible([image]) and services.folders.missing() == 1


def test_it_is_off_unless_a_setting_says_so(services: Services, folder: Path, thrown: list[str]) -> None:
    with pytest.raises(BadInput):
        services.system_bin.move(id_at(services, folder / "c.png"), str(folder / "c.png"))
    assert not services.system_bin.offered and not thrown
    assert Settings.from_env({"MFE_SYSTEM_BIN": "on"}).system_bin and not Settings.from_env({}).system_bin


def test_no_other_file_than_that_one_is_taken(services: Services, folder: Path, thrown: list[str]) -> None:
    of = allowed(services)
    wrong = [
        ("c.png", str(folder / "a.png")),  # a file of another photo
        ("c.png", str(folder)),
        ("c.png", str(folder / "../photos/c.png")),
    ]
    for name, path in wrong:
        with pytest.raises(BadInput):
            of.move(id_at(services, folder / name), path)
    colour_picture("green", (60, 40)).save(folder / "c.png")
    os.utime(folder / "c.png", (1, 1))
    with pytest.raises(BadInput, match="has changed"):
        of.move(id_at(services, folder / "c.png"), str(folder / "c.png"))
    image = id_at(services, folder / "b.png")
    (folder / "b.png").unlink()
    (folder / "b.png").symlink_to(folder / "a.png")
    with pytest.raises(BadInput, match="has changed"):
        of.move(image, str(folder / "b.png"))
    (folder / "b.png").unlink()
    with pytest.raises(UnreadablePath, match="not there"):
        of.move(image, str(folder / "b.png"))
    assert not thrown and (folder / "a.png").is_file()


def test_an_upload_is_the_librarys_own(services: Services, thrown: list[str], tmp_path: Path) -> None:
    colour_picture("red", (60, 40)).save(tmp_path / "x.png")
    found = services.uploads.save("x.png", (tmp_path / "x.png").read_bytes())
    list(services.handlers["index"]({"files": as_params([found])}))
    image = id_at(services, found.path)
    (known,) = services.catalog.duplicates.files_of([image])[image]
    with pytest.raises(BadInput, match="own copy"):
        allowed(services).move(image, known.path_text)
    assert not thrown and found.path.is_file()


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")])
def test_where_the_system_does_not_take_it_nothing_is_changed(
    services: Services, folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def refuse(_: str) -> None:
        raise error

    monkeypatch.setattr(send2trash, "send2trash", refuse)
    image = id_at(services, folder / "c.png")
    with pytest.raises(AppError) as told:
        allowed(services).move(image, str(folder / "c.png"))
    assert str(error.strerror) in str(told.value) and "stays where it is" in str(told.value)
    assert services.catalog.visible([image]) == {image} and (folder / "c.png").is_file()


@pytest.mark.skipif(os.name != "posix", reason="the bin of a Linux desktop")
def test_the_real_bin_of_this_system_gives_it_back(
    services: Services, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = pytest.importorskip("send2trash.plat_other")
    monkeypatch.setenv("HOME", str(tmp_path))  # what lies on another drive than one's home goes into that drive's bin
    monkeypatch.setattr(plain, "HOMETRASH_B", os.fsencode(tmp_path / "Trash"))
    monkeypatch.setattr(send2trash, "send2trash", plain.send2trash)
    before = (folder / "c.png").read_bytes()
    allowed(services).move(id_at(services, folder / "c.png"), str(folder / "c.png"))
    (kept,) = tmp_path.rglob("files/c.png")
    assert kept.read_bytes() == before and not (folder / "c.png").exists()


def test_the_setting_reaches_the_pages(settings: Settings) -> None:
    asked = replace(settings, system_bin=True)
    services = build_services(asked, models=fake_models(asked))
    assert services.system_bin.offered
    services.close()
