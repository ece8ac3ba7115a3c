"""Suggestions, the order of an album and a removed folder in a real browser, by keys alone."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.e2e.conftest import NUMBER
from tests.e2e.running_app import RunningApp, commanded, running_app
from tests.e2e.test_page import drawn

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
    """Those of the photos of an album that is put in order, all of one moment."""
    labels: list[str] = tiles.evaluate_all("tiles => tiles.map(tile => tile.getAttribute('aria-label'))")
    return [label.split(": ")[1].split(",")[0] for label in labels]


def without_the_first_cover(page: Page) -> list[bytes]:
    """The first time that the page tells of a new cover is lost on its way; what is lost."""
    lost: list[bytes] = []

    def connect(opened: WebSocketRoute) -> None:
        server = opened.connect_to_server()

        def from_page(message: str | bytes) -> None:
            told = message if isinstance(message, bytes) else message.encode()
            if b'"cover":true' in told and not lost:
                lost.append(told)
            else:
                server.send(message)

        opened.on_message(from_page)

    page.route_web_socket(re.compile("_stcore/stream"), connect)
    return lost


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
    """A key counts though the page forgets it once, and draws nothing anew after it."""
    lost = without_the_first_cover(page)
    tiles = open_album(page, app)
    before = names(tiles)
    tiles.first.focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(tiles.nth(2)).to_be_focused()
    moved = [before[1], before[2], before[0], *before[3:]]
    assert names(tiles) == moved
    expect(bar(page)).to_contain_text("put in another order")
    drawn(page)
    page.keyboard.press("c")
    expect(bar(page)).to_contain_text("is the cover of album “Best”.")
    assert len(lost) == 1
    page.reload()
    tiles = open_album(page, app)
    assert names(tiles) == moved
    expect(tiles.nth(2).get_by_text("Cover")).to_be_visible()
    tiles.nth(4).drag_to(tiles.nth(0))
    expect(bar(page)).to_contain_text("Album “Best” put in another order.")
    dragged = [moved[4], *moved[:4]]
    assert names(tiles) == dragged
    page.get_by_role("button", name="Show Best, 5 photos").click()
    expect(page.locator(".tile")).to_have_count(5)
    for place, name in enumerate(dragged):
        expect(page.locator(".tile").nth(place)).to_have_attribute("aria-label", re.compile(re.escape(name)))
    earlier = undone(app)
    for number in range(1, 5):
        told = page.evaluate("window.lastUndoTold")
        page.keyboard.press("Control+z")
        page.wait_for_function("told => window.lastUndoTold !== told", arg=told)
        drawn(page)  # until then the page may not hear the next
        assert undone(app) == earlier + number
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
