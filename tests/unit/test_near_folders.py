"""Looking for a folder of the computer, level by level."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.errors import UnreadablePath
from src.processing import near_folders
from src.processing.near_folders import level, starts


def test_a_level_has_the_folders_that_are_shown_by_name(tmp_path: Path) -> None:
    for name in ("b", "A", ".hidden", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "b")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    found = level(tmp_path)
    assert [folder.name for folder in found.inside] == ["A", "b", "c", "link"]
    assert found.above == tmp_path.parent and not found.more and level(Path("/")).above is None


def test_a_level_of_very_many_says_that_there_are_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_folders, "MOST", 3)
    for number in range(5):
        (tmp_path / str(number)).mkdir()
    found = level(tmp_path)
    assert len(found.inside) == 3 and found.more


def test_what_is_no_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", tmp_path / "none"):
        with pytest.raises(UnreadablePath, match="can't be looked into"):
            level(place)


def test_one_begins_at_home_or_with_the_whole_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / "Pictures").mkdir()
    found = dict(starts())
    assert found["Home"] == tmp_path and found["Pictures"] == tmp_path / "Pictures" and "Desktop" not in found
    assert found["Computer"] == Path("/")
