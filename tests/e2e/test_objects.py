"""Objects in a real browser: find them, see their boxes, open one, draw a box and search with it, export what was
found.
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp

pytestmark = pytest.mark.browser

QUERY = "hot air balloons"


def test_objects_from_the_first_look_to_the_export(
    page: Page, app: RunningApp, pictures: list[Path], tmp_path: Path
) -> None:
    add(page, app, pictures)
    find_objects(page, app)
    see_boxes(page)
    keys_are_the_boxs_first(page)
    search_with_a_drawn_box(page)
    export(page, tmp_path / "found.zip")


def test_the_first_objects_show_by_themselves_and_typing_is_kept(page: Page, app: RunningApp, tmp_path: Path) -> None:
    add(page, app, write_pictures(tmp_path / "many", 72))
    page.goto(f"{app.url}/?q={QUERY}")
    choose(page, "Objects")
    page.get_by_role("button", name="Find objects in all photos").click()
    expect(page.get_by_text("Looking for objects")).to_be_visible()
    box = page.get_by_label("What are you looking for?")
    box.fill("a red ca")
    expect(page.locator(".tile .box").first).to_be_visible()
    running = page.get_by_test_id("stSidebar").get_by_text("Finding objects in photos")
    assert running.is_visible(), "they are there before the last photo was looked through"
    box.press("r")
    assert box.input_value() == "a red car" and box.evaluate("box => box === document.activeElement")
    before = page.locator(".tile").count()
    more = page.get_by_role("button", name="new object")
    expect(more).to_be_visible()
    assert page.locator(".tile").count() == before, "what is being looked at does not move by itself"
    more.click()
    expect(more).to_be_hidden()
    assert box.input_value() == "a red car" and running.is_visible()


def add(page: Page, app: RunningApp, pictures: list[Path]) -> None:
    page.goto(f"{app.url}/upload")
    page.get_by_placeholder("~/Photos/2024").fill(str(pictures[0].parent))
    page.get_by_role("button", name="Add folder").click()
    expect(page.get_by_text(f"added {len(pictures)} photos")).to_be_visible()


def find_objects(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/?q={QUERY}")
    expect(page.locator(".tile").first).to_be_visible()
    assert page.locator(".tile .box").count() == 0
    choose(page, "Objects")
    expect(page.get_by_text("No objects yet")).to_be_visible()
    page.get_by_role("button", name="Find objects in all photos").click()
    expect(page.get_by_text("Finding objects in photos")).to_be_visible()
    expect(page.get_by_text("Finding objects in photos").and_(page.locator("[data-testid=stText] *"))).to_have_count(0)


def see_boxes(page: Page) -> None:
    choose(page, "Both")
    expect(page.get_by_text("photos and")).to_be_visible()
    expect(page.locator(".tile .box").first).to_be_visible()
    outside = """cells => cells.filter(cell => {
        const [a, b] = [cell, cell.querySelector('.box')].map(node => node.getBoundingClientRect());
        const beyond = b.left < a.left - 1 || b.top < a.top - 1 || b.right > a.right + 1 || b.bottom > a.bottom + 1;
        return beyond || !b.width || !b.height;
    }).length"""
    assert page.locator(".tile:has(.box)").evaluate_all(outside) == 0


def keys_are_the_boxs_first(page: Page) -> None:
    """Arrows move the box, and the photo only where there is none; Escape drops the box, then closes."""
    page.locator(".tile").first.click()
    dialog = page.get_by_role("dialog")
    switch = dialog.get_by_role("button", name=re.compile("Search inside|Whole photo"))
    expect(switch).to_be_visible()
    if "inside" in switch.inner_text():
        switch.click()
    expect(dialog.get_by_role("button", name="Search with this box")).to_be_visible()
    clear = dialog.get_by_role("button", name="Clear")
    if clear.is_enabled():
        clear.click()
    name = shown_photo(dialog)
    draw(page, dialog)
    told = dialog.get_by_role("status")
    expect(told).to_contain_text("Box of")
    before = told.text_content()
    page.keyboard.press("ArrowRight")
    expect(told).not_to_have_text(before or "")
    page.wait_for_timeout(700)
    assert shown_photo(dialog) == name, "the arrow moved the box, not the gallery"
    page.keyboard.press("Escape")
    expect(told).to_have_text("No box yet")
    page.wait_for_timeout(700)
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def shown_photo(dialog: Locator) -> str | None:
    return dialog.locator("img").first.get_attribute("alt")


def draw(page: Page, dialog: Locator) -> None:
    """A box over the middle of the open photo."""
    stage = dialog.locator("img").first
    expect(stage).to_be_visible()
    page.wait_for_timeout(1_000)  # the picture is laid out once it is there
    place = stage.bounding_box()
    assert place
    page.mouse.move(place["x"] + place["width"] * 0.35, place["y"] + place["height"] * 0.35)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] * 0.7, place["y"] + place["height"] * 0.75, steps=6)
    page.mouse.up()


def search_with_a_drawn_box(page: Page) -> None:
    page.locator(".tile:has(.box)").first.click()
    dialog = page.get_by_role("dialog")
    draw(page, dialog)
    name = shown_photo(dialog)
    dialog.get_by_role("button", name="Search with this box").click()
    expect(page.get_by_text(f"Photos that look like this part of {name}")).to_be_visible()
    page.wait_for_function("() => new URLSearchParams(location.search).has('box')")
    page.reload()
    expect(page.get_by_text(f"Photos that look like this part of {name}")).to_be_visible()
    expect(page.locator(".tile").filter(has=page.get_by_text(name, exact=True))).to_have_count(
        0
    )  # the photo itself is left out
    expect(page.locator(".tile").first).to_be_visible()


def export(page: Page, place: Path) -> None:
    page.get_by_role("button", name="Export").click()
    name = page.get_by_label("New folder or ZIP on this computer")
    name.fill(str(place))
    name.press("Enter")
    page.get_by_role("button", name="Write it").click()
    expect(page.get_by_role("button", name="Write it")).to_be_hidden()
    expect(page.get_by_text(f"Written to {place}")).to_be_visible()
    with zipfile.ZipFile(place) as archive:
        said = json.loads(archive.read("annotations.json"))
    assert said["images"] and said["annotations"] and said["annotations"][0]["segmentation"]["counts"]


def choose(page: Page, mode: str) -> None:
    page.get_by_test_id("stSidebar").get_by_text(mode, exact=True).first.click()
