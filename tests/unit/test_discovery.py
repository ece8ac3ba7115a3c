"""Finding pictures: what a scan offers, what it leaves out, and what a typed path may look like."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from src.errors import UnreadablePath
from src.export.target import new_target
from src.processing.discovery import Rules, _is_system, find_images, looks_into, parse_path
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


def test_a_folder_without_permission_is_told_and_the_rest_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


@pytest.mark.skipif(os.name == "nt", reason="the top of a drive may hold nothing but photos")
def test_the_whole_computer_is_no_folder_of_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "scandir", lambda *_: pytest.fail("it was looked into"))
    for text in ("/", "//", "/./", "/tmp/.."):
        with pytest.raises(UnreadablePath, match="whole computer"):
            list(find_images(parse_path(text)))


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


@pytest.mark.parametrize(
    "place",
    [
        *(
            "#recycle",
            "@Recycle",
            "@Recently-Snapshot",
            "#snapshot",
            "@eaDir",
            ".@__thumb",
            "@tmp",
            "~snapshot",
            "trashbox",
        ),
        *(
            "$RECYCLE.BIN/S-1-5-21",
            "RECYCLER",
            "System Volume Information",
            "lost+found",
            "__MACOSX",
            "Network Trash Folder",
        ),
        *(
            ".Trash-1000/files",
            ".Trashes",
            ".dtrash",
            ".stversions",
            ".picasaoriginals",
            ".thumbnails",
            ".AppleDouble",
            ".zfs/snapshot/a",
        ),
        *(
            "My.photoslibrary/resources/derivatives",
            "My.photoslibrary/private",
            "Old.aplibrary/Previews",
            "Old.aplibrary/Thumbnails",
        ),
        *("Catalog Previews.lrdata/3", "Catalog.lrcat-data", "nextcloud/files_trashbin", "nextcloud/files_versions"),
    ],
)
def test_bins_and_private_folders_are_passed_over(tmp_path: Path, place: str) -> None:
    make_photo(tmp_path / "a.jpg")
    make_photo(tmp_path / place / "deleted.jpg")
    assert names(tmp_path) == ["a.jpg"]
    assert not looks_into(tmp_path, tmp_path / place)
    assert names(tmp_path / place) == ["deleted.jpg"], "a folder given directly is looked at"


@pytest.mark.parametrize(
    "place",
    [
        *(
            "$RECYCLE.BINGO",
            "@eaDirectory",
            "recycle",
            "recycler",
            "snapshot",
            "#recycled glass",
            "lost and found",
            "trash art",
        ),
        *(
            "My.photoslibrary/originals/0",
            "My.photoslibrary/Masters/2009",
            "Originals",
            "thumbs",
            "uploads",
            "proc",
            "dev",
            "node",
        ),
    ],
)
def test_folders_that_are_only_named_alike_are_looked_into(tmp_path: Path, place: str) -> None:
    make_photo(tmp_path / place / "a.jpg")
    assert names(tmp_path) == [f"{place}/a.jpg"] and looks_into(tmp_path, tmp_path / place)


def test_what_this_program_wrote_is_no_photo(tmp_path: Path) -> None:
    make_photo(tmp_path / "a.jpg")
    with new_target(tmp_path / "export") as target:
        target.add("images/a-1.jpg", (tmp_path / "a.jpg").read_bytes())
    with new_target(tmp_path / "packed.zip") as target:
        target.add("crops/a-1.jpg", (tmp_path / "a.jpg").read_bytes())
    with zipfile.ZipFile(tmp_path / "packed.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    for folder in ("thumbs/ab", "uploads"):
        make_photo(tmp_path / "other" / "data" / folder / "a.jpg")
    (tmp_path / "other" / "data" / "catalog.sqlite3").touch()
    (tmp_path / "short cut").symlink_to(tmp_path / "other" / "data" / "uploads")
    assert names(tmp_path) == ["a.jpg"]
    for inner in ("export/images", "unpacked/crops", "other/data/thumbs/ab", "other/data/uploads"):
        assert not looks_into(tmp_path, tmp_path / inner)
    assert names(tmp_path / "export") == ["images/a-1.jpg"] and names(tmp_path / "other" / "data" / "uploads") == [
        "a.jpg"
    ]


def test_a_link_to_a_folder_elsewhere_is_followed_and_noted(tmp_path: Path) -> None:
    make_photo(tmp_path / "nas" / "deep" / "b.jpg")
    make_photo(tmp_path / "album" / "a.jpg")
    (tmp_path / "album" / "nas").symlink_to(tmp_path / "nas")
    (tmp_path / "nas" / "back").symlink_to(tmp_path / "album")
    rules = Rules(tmp_path / "album")
    found = list(find_images(tmp_path / "album", rules=rules))
    assert [item.path for item in found if isinstance(item, FoundFile)] == [
        tmp_path / "album/a.jpg",
        tmp_path / "album/nas/deep/b.jpg",
    ]
    assert rules.links == {tmp_path / "album/nas": tmp_path / "nas"}
    rules = Rules(tmp_path / "album", others=[tmp_path / "nas"])
    assert len(list(find_images(tmp_path / "album", rules=rules))) == 1 and not rules.links, "it is followed for itself"


def test_links_back_into_the_folder_are_not_followed_but_for_what_is_hidden_there(tmp_path: Path) -> None:
    make_photo(tmp_path / "2024" / "a.jpg")
    make_photo(tmp_path / ".store" / "b.jpg")
    (tmp_path / "1 best").symlink_to(tmp_path / "2024")
    (tmp_path / "shown").symlink_to(".store")
    (tmp_path / "2024" / "shown").symlink_to(tmp_path / "shown")
    assert names(tmp_path) == ["2024/a.jpg", "2024/shown/b.jpg"]
    within = list(find_images(tmp_path / "2024", rules=Rules(tmp_path)))
    assert len(within) == 2, "by the rules of the whole folder"
    (tmp_path / "2024" / "up").symlink_to(tmp_path)
    (tmp_path / "2024" / "beside").symlink_to(tmp_path / "1 best")
    assert list(find_images(tmp_path / "2024", rules=Rules(tmp_path))) == within


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="not run: this system has no /proc")
@pytest.mark.parametrize(
    "target", ["/", "/proc", "/proc/self", "/proc/self/root", "/sys", "/dev", "/run", "/usr/share", "/etc", "/lib"]
)
def test_links_to_places_of_the_systems_own_are_not_followed(tmp_path: Path, target: str) -> None:
    make_photo(tmp_path / "a.jpg")
    (tmp_path / "link").symlink_to(target)
    rules = Rules(tmp_path)
    assert len(list(find_images(tmp_path, rules=rules))) == 1 and not rules.links


@pytest.mark.parametrize(
    ("real", "system"),
    [
        *(
            ("/run/media/x/STICK", False),
            ("/run/user/1000/gvfs/smb-share", False),
            ("/run/secrets", True),
            ("/media/x", False),
        ),
        *(
            ("/mnt/nas", False),
            ("/home/x/Pictures", False),
            ("/procession", False),
            ("/usr", True),
            ("/volume1/photo", False),
        ),
    ],
)
def test_which_places_are_the_systems_own(real: str, system: bool) -> None:
    assert _is_system(Path(real)) is system


def test_the_own_folders_are_never_looked_into(tmp_path: Path) -> None:
    make_photo(tmp_path / "data" / "thumbs" / "ab" / "a.jpg")
    make_photo(tmp_path / "b.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "data" / "thumbs")
    for start, number in (
        (tmp_path, 1),
        (tmp_path / "data", 0),
        (tmp_path / "data" / "thumbs" / "ab", 0),
        (tmp_path / "link", 0),
    ):
        assert len(list(find_images(start, (tmp_path / "data",)))) == number
