"""What a library is made of: every bar counts just the photos that it leads to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from src import wire
from src.api.routes import routes
from src.bootstrap import build_services
from src.cli import library_access
from src.cli.arguments import main
from src.config import Settings
from src.runtime import Services
from src.schema.insights import Bar, Block
from src.services.insights import alike, counting
from src.services.insights.counting import COUNTED
from src.services.insights.service import NAMES
from tests.conftest import fake_models
from tests.fakes import COLOURS, colour_picture
from tests.unit import made_up_photos


def photos(folder: Path) -> None:
    """Thirty photos of two colours with a few of others, and one of them twice."""
    folder.mkdir(parents=True)
    for number in range(30):
        exif = Image.Exif()
        exif[0x0110] = ("D300", "A7")[number % 2]
        exif.get_ifd(0x8769)[0x9003] = f"20{18 + number % 3}:0{1 + number % 4}:01 12:00:0{number % 10}"
        colour = ("red", "blue", "red", "blue", list(COLOURS)[number % 12])[number % 5]
        picture = colour_picture(colour, (60 + number, 40))
        picture.save(folder / f"{number}.{('jpg', 'png')[number % 4 == 0]}", exif=exif)
    (folder / "again.jpg").write_bytes((folder / "1.jpg").read_bytes())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    place = tmp_path_factory.mktemp("insights")
    settings = Settings(home=place / "library")
    opened = build_services(settings, models=fake_models(settings))
    photos(place / "photos")
    for kind, said in (("index", {"paths": [str(place / "photos")]}), ("facts", {}), ("duplicates", {})):
        list(opened.handlers[kind](said))  # type: ignore[index]
    yield opened
    opened.close()


def led_to(library: Services, bar: Bar) -> int:
    return len(library.browsing.listing(bar.query, bar.of).ids)


def test_every_bar_counts_the_photos_it_leads_to(library: Services) -> None:
    blocks = library.insights.all()
    assert [block.name for block in blocks] == list(NAMES)
    for block in blocks:
        for bar in block.bars:
            assert bar.photos == led_to(library, bar) > 0, f"{block.name}: {bar}"
    known = {block.name: {bar.label: bar.photos for bar in block.bars} for block in blocks}
    assert known["cameras"] == {"A7": 15, "D300": 15}
    assert known["formats"] == {"JPEG": 22, "PNG": 8}
    assert known["years"] == {"2020": 10, "2019": 10, "2018": 10}
    assert list(known["seasons"]) == ["January", "February", "March", "April"]
    assert sum(known["alike"].values()) == 30, "each photo stands in one group"
    assert known["copies"]["same bytes"] == 1 and known["missing"]["no tag"] == 30


@pytest.mark.parametrize("seed", [1, 2])
def test_every_bar_counts_what_its_query_finds_among_odd_facts(tmp_path: Path, seed: int) -> None:
    catalog, _ = made_up_photos.fill(tmp_path / "catalog.sqlite3", 200, seed)
    bars = 0
    for name, make in COUNTED.items():
        for bar in make(catalog).bars:
            found = len(catalog.browsing.photos(counting.condition(bar.query), "date"))
            assert bar.photos == found > 0, f"{name}: {bar}"
            bars += 1
    catalog.close()
    assert bars > 60


def test_what_no_link_can_ask_for_has_no_bar() -> None:
    assert counting.asked("camera", "5* Mark") == 'camera:"5\\* Mark"'
    assert counting.asked("camera", "two\nlines") == "" and counting.asked("camera", "x" * 2_000) == ""
    assert counting.asked("rating", "-4611686018427387904") == "", "no number that the language reads"


def test_growth_is_told_in_days_months_or_years(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    (bar,) = counting.growth(library.catalog).bars
    assert len(bar.label) == len("2024-05-01") and bar.detail == "30 in all"
    with library.catalog._file.writing() as db:
        db.exec_driver_sql("UPDATE images SET added_at = (2000 + rowid % 5) || substr(added_at, 5)")
    for most, label in ((5, "2004-"), (4, "2004")):
        monkeypatch.setattr(counting, "MOST_DAYS", 4)
        monkeypatch.setattr(counting, "MOST_MONTHS", most)
        bars = counting.growth(library.catalog).bars
        assert [bar.photos for bar in bars] == [6] * 5 == [led_to(library, bar) for bar in bars]
        assert bars[-1].label.startswith(label) and len(bars[-1].label) == (7 if most == 5 else 4)
        assert bars[-1].detail == "30 in all"


def test_photos_that_look_alike_stand_together_and_the_odd_ones_are_found() -> None:
    chance = np.random.default_rng(3)
    middles = np.linalg.qr(chance.standard_normal((32, 32)))[0][:4]
    of = np.arange(400) % 4
    vectors = middles[of] + 0.05 * chance.standard_normal((400, 32))
    vectors[[7, 100]] = chance.standard_normal((2, 32))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    ids = [str(number) for number in range(400)]

    def blocks() -> Iterator[tuple[list[str], np.ndarray]]:
        for start in range(0, 400, 64):
            yield ids[start : start + 64], vectors[start : start + 64]

    found = alike.found(vectors, blocks)
    assert sorted(id_ for group in found.groups for id_ in group.ids) == sorted(ids)
    for group in found.groups:
        own = [of[int(id_)] for id_ in group.ids if id_ not in ("7", "100")]
        assert len(set(own)) <= 1, "no group mixes what has nothing in common"
        assert group.centre == group.ids[0]
    assert {"7", "100"} == set(found.unlike[:2]) and len(found.unlike) == 400 // alike.SHARE_UNLIKE
    assert alike.found(vectors[:5], blocks) == alike.Alike(), "too few for groups"


def test_a_set_follows_the_library(library: Services) -> None:
    block, _ = library.insights.block("alike", 30)
    assert block is not None
    bar = block.bars[0]
    name, ids = library.insights.photos_of(bar.of) or ("", frozenset())
    assert name == f"{block.title}: {bar.label}" and len(ids) == bar.photos
    gone = sorted(ids)[0]
    library.curation.remove([gone])
    after, _ = library.insights.block("alike", 30)
    assert after is not None and sum(one.photos for one in after.bars) == 29
    assert all(one.photos == led_to(library, one) for one in after.bars)
    library.curation.undo()
    for no_set in ("", "nonsense", "alike-nonsense", "copies", "../x"):
        assert library.insights.photos_of(no_set) is None
    assert library.browsing.listing("", "alike-nonsense").ids == ()


def test_a_library_without_photos_has_no_bars(services: Services) -> None:
    blocks = services.insights.all()
    assert all(isinstance(block, Block) and not block.bars for block in blocks)


def test_other_programs_are_told_the_same(library: Services, capsys: pytest.CaptureFixture[str]) -> None:
    told = wire.insights(library.insights.all())
    api = TestClient(Starlette(routes=routes(lambda: library)), "http://localhost").get("/api/insights")
    assert api.status_code == 200 and api.json() == told
    home = str(library.settings.home)
    with pytest.MonkeyPatch.context() as here:
        here.setattr(library_access, "build_services", lambda *_, **__: library)
        here.setattr(library, "close", lambda: None)
        assert main(["--library", home, "--json", "insights"]) == 0
        assert json.loads(capsys.readouterr().out) == told
        assert main(["--library", home, "insights"]) == 0
    assert "Cameras" in capsys.readouterr().out
    links = {bar["label"]: bar["link"] for block in told["blocks"] for bar in block["bars"]}
    assert links["D300"] == "/library?q=camera%3AD300" and links["unlike all others"] == "/library?of=unlike-all"
