"""Text in photos in a real browser: have a folder read, find a photo by a word in it, see where its lines are, and copy
them.
"""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp
from tests.fakes import colour_picture
from tests.parity.text_pictures import written

pytestmark = pytest.mark.browser

LINES = ["Market Street", "Open daily from nine", "Tel. 0555 1234"]


def test_text_from_the_switch_to_the_copied_line(page: Page, app: RunningApp, tmp_path: Path) -> None:
    (folder := tmp_path / "photos").mkdir()
    write_pictures(folder, 4)
    picture = colour_picture("yellow", (1200, 900))
    for row, line in enumerate(LINES):
        written(picture, line, (80, 100 + 200 * row), 64)
    picture.save(folder / "sign.png")
    page.goto(f"{app.url}/upload")
    page.get_by_placeholder("~/Photos/2024").fill(str(folder))
    page.get_by_role("button", name="Add folder").click()
    expect(page.get_by_text("added 5 photos")).to_be_visible()
    page.get_by_test_id("stCheckbox").filter(has_text=re.compile("^Text$")).locator("label").click()
    expect(page.get_by_text("Reading text in photos").first).to_be_visible()
    wait_until_read(app.home / "data" / "catalog.sqlite3", 5)

    page.goto(f"{app.url}/?q=text:market")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".tile .box.line")).to_have_count(1)
    expect(page.locator(".tile .why mark")).to_have_text("Market")
    page.locator(".tile").click()
    expect(page.locator(".photo .why")).to_have_text("Text in it: Market Street")
    expect(page.locator(".lines li.found")).to_have_text(LINES[0])
    lines = page.get_by_role("list", name="Text in this photo").locator("li")
    expect(lines).to_have_text(LINES)
    lines_are_marked_where_one_points(page)
    arrows_lead_from_line_to_line(page)
    page.get_by_role("button", name="Copy all").click()
    expect(page.locator(".copy")).to_have_text(re.compile("Copied|Chosen"))
    lines.nth(1).select_text()
    assert page.evaluate("String(getSelection())").strip() in (LINES[1], ""), "shadow roots keep their selection"
    page.goto(f"{app.url}/?q=-has:text")
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.locator(".tile").filter(has_text="sign.png")).to_have_count(0)
    page.locator(".tile").first.click()
    expect(page.locator(".photo > .stage img").first).to_be_visible()
    expect(page.get_by_text("Text in this photo")).to_have_count(0)


def wait_until_read(catalogue: Path, photos: int) -> None:
    until = time.monotonic() + 120
    with closing(sqlite3.connect(catalogue)) as db:
        while db.execute("SELECT count(*) FROM looked_at WHERE pass = 'texts'").fetchone() != (photos,):
            assert time.monotonic() < until, "the photos were not read"
            time.sleep(0.2)


def lines_are_marked_where_one_points(page: Page) -> None:
    pointed = page.locator(".marks polygon.pointed")
    expect(pointed).to_have_count(0)
    page.locator(".lines li").nth(1).hover()
    expect(pointed).to_have_count(1)
    mark, stage = pointed.bounding_box(), page.locator(".photo > .stage").bounding_box()
    assert mark and stage
    assert stage["x"] <= mark["x"] and mark["x"] + mark["width"] <= stage["x"] + stage["width"]
    middle = (mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.mouse.move(stage["x"] + 5, stage["y"] + 5)
    expect(pointed).to_have_count(0)
    page.mouse.move(*middle)
    expect(page.locator(".lines li.pointed")).to_have_text(LINES[1])
    page.get_by_role("button", name="Zoom in").click()
    page.locator(".lines li").nth(1).hover()
    larger = pointed.bounding_box()
    assert larger and larger["height"] > 1.3 * mark["height"], "the mark grows with the photo"
    page.get_by_role("button", name="Zoom out").click()


def arrows_lead_from_line_to_line(page: Page) -> None:
    page.locator(".lines li").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".lines li.pointed")).to_have_text(LINES[1])
    expect(page.locator(".marks polygon.pointed")).to_have_count(1)
    page.keyboard.press("ArrowUp")
    expect(page.locator(".lines li.pointed")).to_have_text(LINES[0])
