"""Suggestions, the order of an album and a removed folder in a real browser, by keys alone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import NUMBER
from tests.e2e.running_app import RunningApp, commanded, running_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, pictures: list[Path]) -> Iterator[RunningApp]:
    """One app with the drawn pictures in its library, five of them in an album; each test leaves them so."""
    home = tmp_path_factory.mktemp("library")
    commanded(home, "index", str(pictures[0].parent))
    commanded(home, "album", "Best", "--add", *map(str, pictures[:5]))
    with running_app(home) as running:
        yield running


def bar(page: Page) -> Locator:
    return page.locator(".bar[role=status]:not(:empty)").last


def open_album(page: Page, app: RunningApp) -> Locator:
    page.goto(f"{app.url}/collections")
    page.get_by_role("checkbox", name="Choose Best").check()
    page.get_by_role("button", name="Put in order").click()
    tiles = page.get_by_role("listbox", name="Photos of the album").get_by_role("option")
    expect(tiles).to_have_count(5)
    return tiles


def names(tiles: Locator) -> list[str]:
    return [str(tile.get_attribute("aria-label")).split(": ")[1].split(",")[0] for tile in tiles.all()]


def test_suggestions_are_answered_by_one_key_each_and_undone(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/collections")
    box = page.get_by_label("Photos that may want the tag")
    box.fill("balloons")
    box.press("Enter")
    name, strip = page.locator(".what .name"), page.locator(".strip li")
    expect(name).to_be_visible()
    first, number = name.inner_text(), strip.count()
    assert number > 2
    page.keyboard.press("ArrowRight")
    expect(name).not_to_have_text(first)
    page.keyboard.press("ArrowLeft")
    expect(name).to_have_text(first)
    for key in "yyn":
        page.keyboard.press(key)
    expect(strip).to_have_count(number - 3)
    expect(bar(page)).to_contain_text("“balloons” refused for 1 photo.")
    tagged = page.get_by_role("button", name="Show balloons, 2 photos")
    expect(tagged).to_be_visible()
    page.keyboard.press("Control+z")
    expect(strip).to_have_count(number - 2)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(strip).to_have_count(number)
    expect(tagged).to_have_count(0)


def test_an_album_is_put_in_order_by_keys_and_by_dragging(page: Page, app: RunningApp) -> None:
    tiles = open_album(page, app)
    before = names(tiles)
    tiles.first.focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(tiles.nth(2)).to_be_focused()
    moved = [before[1], before[2], before[0], *before[3:]]
    assert names(tiles) == moved
    page.keyboard.press("c")
    expect(bar(page)).to_contain_text("is the cover of album “Best”.")
    page.reload()
    tiles = open_album(page, app)
    assert names(tiles) == moved
    expect(tiles.nth(2).get_by_text("Cover")).to_be_visible()
    tiles.nth(4).drag_to(tiles.nth(0))
    expect(bar(page)).to_contain_text("Album “Best” put in another order.")
    assert names(tiles) == [moved[4], *moved[:4]]
    page.get_by_role("button", name="Show Best, 5 photos").click()
    expect(page.locator(".tile")).to_have_count(5)
    shown = [str(cell.get_attribute("aria-label")) for cell in page.locator(".tile").all()]
    assert all(name in label for name, label in zip([moved[4], *moved[:4]], shown, strict=True))
    earlier = undone(app)
    for number in range(1, 5):
        page.keyboard.press("Control+z")
        until = time.monotonic() + 30
        while undone(app) < earlier + number and time.monotonic() < until:
            page.wait_for_timeout(100)
        page.wait_for_timeout(900)  # until the page listens to the next
    assert names(open_album(page, app)) == before


def undone(app: RunningApp) -> int:
    """How many operations are undone."""
    with closing(sqlite3.connect(app.home / "data" / "catalog.sqlite3")) as db:
        return int(db.execute("SELECT count(*) FROM operations WHERE undone_at IS NOT NULL").fetchone()[0])


def test_a_removed_folder_comes_back_by_a_key(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/upload")
    page.get_by_role("button", name="Remove", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("It can be undone until the bin is emptied.")).to_be_visible()
    dialog.get_by_role("button", name="Remove the folder").click()
    expect(bar(page)).to_contain_text(f"removed: {NUMBER} photos put into the bin.")
    expect(page.get_by_role("button", name="Remove", exact=True)).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(bar(page)).to_contain_text("Undone: Folder")
    expect(page.get_by_role("button", name="Remove", exact=True)).to_have_count(1)
    page.goto(app.url)
    expect(page.locator(".tile")).to_have_count(NUMBER)
    assert names(open_album(page, app))
