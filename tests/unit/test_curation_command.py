"""The commands tag, tags, rate, album, remove, bin, undo, redo and history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from src.cli.arguments import main
from src.cli.curation import WHAT
from src.config import Settings
from src.services.curation.service import CurationService
from src.services.jobs.kinds import KINDS
from tests.conftest import fake_models


class Cli:
    """Runs commands on one library; of each, what it printed."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._home = home
        self._capsys = capsys

    def __call__(self, *words: object, code: int = 0) -> str:
        self._capsys.readouterr()
        assert main(["--library", str(self._home), *map(str, words)]) == code
        said = self._capsys.readouterr()
        return said.err if code else said.out

    def json(self, *words: object) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def cli(settings: Settings, photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setattr("src.bootstrap.ModelManager", lambda settings: fake_models(settings))
    command = Cli(settings.home, capsys)
    command("index", photos)
    return command


def paths(found: Any) -> set[str]:
    return {Path(one.get("path") or one["path_text"]).stem for one in found}


def hits(cli: Cli, query: str) -> set[str]:
    return paths(cli.json("search", query)["results"])


def test_tags_are_put_on_a_file_a_folder_and_an_id(cli: Cli, photos: Path) -> None:
    red = next(one["id"] for one in cli.json("search", "name:red")["results"])
    done = cli.json("tag", photos / "blue.jpg", red, "--add", "trip/italy", "--add", "sea")
    assert done == {"kind": "tag", "photos": 2, "operation": 1}
    assert "Tags of 4 photos changed." in cli("tag", photos, "--add", "mine", "--remove", "sea")
    assert hits(cli, "tag:trip") == {"red", "blue"} and hits(cli, "tag:mine") == {"red", "green", "blue", "yellow"}
    assert cli.json("tags") == [
        {"tag": "mine", "photos": 4}, {"tag": "trip", "photos": 2}, {"tag": "trip/italy", "photos": 2}
    ]  # fmt: skip
    assert "trip/italy" in cli("tags")
    assert "renamed on 2 photos" in cli("tags", "--rename", "trip", "Reise")
    assert cli.json("tags", "--merge", "mine", "reise/italy", "all")["photos"] == 4
    assert [one["tag"] for one in cli.json("tags")] == ["all"]
    assert "so already" in cli("tag", photos, "--add", "all")


def test_ratings_favourites_and_notes(cli: Cli, photos: Path) -> None:
    done = cli.json("rate", photos / "red.jpg", "--stars", "4", "--favourite", "yes", "--note", "ask Anna")
    assert [one["kind"] for one in done] == ["rate", "favourite", "note"]
    assert hits(cli, "rating:4 is:favourite note:anna") == {"red"}
    assert cli("rate", photos / "red.jpg", "--stars", "file") == "1 photo rated.\n" and hits(cli, "has:rating") == set()
    assert hits(cli, "rating:-1") == set()
    cli("rate", photos / "red.jpg", "--stars", "-1")
    assert hits(cli, "rating:-1") == {"red"}


def test_albums(cli: Cli, photos: Path) -> None:
    assert cli("album") == "There is no album yet.\n"
    assert "made with 2 photos" in cli("album", "Best of", "--add", photos / "red.jpg", photos / "blue.jpg")
    cli("album", "BEST of", "--add", photos / "green.jpg")
    assert [Path(one["path"]).stem for one in cli.json("album", "best of")] == ["red", "blue", "green"]
    cli("album", "best of", "--take-out", photos / "blue.jpg")
    cli("album", "best of", "--rename", "Others")
    assert cli.json("album") == [{"name": "Others", "photos": 2}] and hits(cli, "album:others") == {"red", "green"}
    assert "2 photos stay in the library" in cli("album", "others", "--delete")
    assert "There is no album" in cli("album", "others", code=2)


def test_the_bin_and_undo(cli: Cli, photos: Path) -> None:
    assert cli("bin") == "The bin is empty.\n"
    assert "2 photos put into the bin." in cli("remove", photos / "red.jpg", photos / "blue.jpg")
    assert paths(cli.json("bin")) == {"red", "blue"} and "red.jpg" in cli("bin")
    assert "taken out" in cli("bin", "--restore", photos / "red.jpg")
    assert hits(cli, "in:photos") == {"red", "green", "yellow"}
    assert "Undone: restore, 1 photo." in cli("undo") and paths(cli.json("bin")) == {"red", "blue"}
    assert "Done again: restore" in cli("redo")
    assert "--empty forgets 1 photo for good" in cli_usage(cli, "bin", "--empty")
    assert [(one["kind"], one["undone"]) for one in cli.json("history")] == [("restore", False), ("remove", False)]
    assert "restore" in cli("history")
    assert cli.json("bin", "--empty", "--yes") == {"forgotten": 1}
    assert (photos / "blue.jpg").exists() and cli.json("bin") == []
    assert cli.json("sync")["indexed"] == 0 and cli.json("index", photos / "blue.jpg")["indexed"] == 1


def cli_usage(cli: Cli, *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        cli(*words)
    assert caught.value.code == 2
    return cli._capsys.readouterr().err


def test_what_makes_no_sense_is_said_in_one_line(cli: Cli, photos: Path) -> None:
    for words in (["tag", str(photos)], ["rate", str(photos)], ["tags", "--merge", "a"], ["bin", "--empty"]):
        assert cli_usage(cli, *words).count("\n") == 1
    for words, said in (
        (["tag", photos.parent / "nowhere", "--add", "x"], "The library has no photo at"),
        (["tag", photos, "--add", " / "], "A tag has a name."),
        (["undo"], "nothing to undo"),
        (["redo"], "nothing to do again"),
    ):
        told = cli(*words, code=2)
        assert said in told and told.count("\n") == 1


def test_every_kind_of_operation_has_its_words() -> None:
    import inspect
    import re

    kinds = set(re.findall(r'(?:_done|_renamed)\("([a-z-]+)"', inspect.getsource(CurationService)))
    assert kinds | {kind.operation for kind in KINDS.values() if kind.operation} == set(WHAT)
