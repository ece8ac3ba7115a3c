"""Finding pictures: what a scan offers, what it leaves out, and what a typed path may look like."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from src.errors import UnreadablePath
from src.processing.discovery import find_images, parse_path
from src.schema import FoundFile, Skipped
from tests.conftest import make_photo


def names(folder: Path) -> list[str]:
    return [str(item.path.relative_to(folder)) for item in find_images(folder) if isinstance(item, FoundFile)]


def test_scan_is_ordered_recursive_and_leaves_out_what_is_no_picture(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", "sub/deep/c.PNG", ".hidden/x.jpg", "@eaDir/t.jpg"):
        make_photo(tmp_path / name)
    make_photo(tmp_path / "really.jpg").rename(tmp_path / "no_extension")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "fake.jpg").write_text("offered, because it says it is one")
    assert names(tmp_path) == ["a.jpg", "b.jpg", "fake.jpg", "no_extension", "sub/deep/c.PNG"]


def test_links_in_circles_and_to_themselves_end(tmp_path: Path) -> None:
    make_photo(tmp_path / "album/a.jpg")
    (tmp_path / "album/up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to("self")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert names(tmp_path) == ["album/a.jpg"]


def test_a_folder_without_permission_is_told_and_the_rest_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_photo(tmp_path / "open/a.jpg")
    (tmp_path / "shut").mkdir()
    real = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr("src.processing.discovery.os.scandir", scandir)
    assert list(find_images(tmp_path)) == [
        FoundFile(tmp_path / "open/a.jpg", "a.jpg"),
        Skipped(str(tmp_path / "shut"), f"There is no permission to read {tmp_path / 'shut'}."),
    ]
    with pytest.raises(UnreadablePath, match="no permission to read"):
        list(find_images(tmp_path / "shut"))


def test_any_name_survives(tmp_path: Path) -> None:
    odd = [
        "two\nlines.jpg",
        "caf\udce9.jpg",
        "n" * 251 + ".jpg",
        "\N{RIGHT-TO-LEFT OVERRIDE}gpj.jpg",
        "-rf.jpg",
        "<b>&amp;.jpg",
        "日本.NEF",
    ]
    for name in odd:
        (tmp_path / name).write_bytes(b"\xff\xd8\xff")
    found = list(find_images(tmp_path))
    assert sorted(item.path.name for item in found if isinstance(item, FoundFile)) == sorted(odd)
    assert all(item.name.encode() for item in found if isinstance(item, FoundFile))


@pytest.mark.timeout(20)
def test_a_pipe_given_directly_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadablePath, match="neither a folder nor a file"):
        list(find_images(tmp_path / "pipe.jpg"))


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePath, match=r"There is no file or folder .*nowhere"):
        list(find_images(tmp_path / "nowhere"))


def test_a_file_given_directly_is_always_offered(tmp_path: Path) -> None:
    odd = tmp_path / "scan.dat"
    odd.write_bytes(b"?")
    assert list(find_images(odd)) == [FoundFile(odd, "scan.dat")]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("~/Pictures", Path.home() / "Pictures"),
        ('  "/photos/My trip"  ', Path("/photos/My trip")),
        ("'/photos/x'", Path("/photos/x")),
        ("file:///photos/My%20trip", Path("/photos/My trip")),
    ],
)
def test_paths_as_people_type_them(typed: str, meant: Path) -> None:
    assert parse_path(typed) == meant


def test_an_empty_path_is_an_error() -> None:
    with pytest.raises(UnreadablePath):
        parse_path("  '' ")
