"""Tags, ratings, the bin and undo in a real browser, most of it by keys alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import NUMBER
from tests.e2e.running_app import RunningApp, commanded, running_app
from tests.e2e.test_page import stands_out

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, pictures: list[Path]) -> Iterator[RunningApp]:
    """One app with the drawn pictures in its library; each test leaves them all visible."""
    home = tmp_path_factory.mktemp("library")
    commanded(home, "index", str(pictures[0].parent))
    with running_app(home) as running:
        yield running


def cells(page: Page) -> Locator:
    return page.locator(".tile")


def bar(page: Page) -> Locator:
    """What was done last, as the page says it."""
    return page.locator(".bar[role=status]:not(:empty)").last


def open_first(page: Page, app: RunningApp) -> Locator:
    page.goto(app.url)
    expect(cells(page)).to_have_count(NUMBER)
    cells(page).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Tags, albums, note, remove").click()
    expect(dialog.get_by_label("Add tag", exact=True)).to_be_visible()
    return dialog


def add_box(dialog: Locator, label: str) -> Locator:
    return dialog.get_by_label(label, exact=True)


def test_a_photo_is_tagged_and_the_tag_undone_by_a_key(page: Page, app: RunningApp) -> None:
    dialog = open_first(page, app)
    name = dialog.locator(".title").inner_text()
    box = add_box(dialog, "Add tag")
    box.fill("trip/italy")
    box.press("ArrowLeft")
    box.press("5")
    box.press("Backspace")
    box.press("End")
    assert dialog.locator(".title").inner_text() == name, "what is typed moves to no other photo"
    box.fill("trip/italy")
    box.press("Enter")
    expect(dialog.get_by_role("button", name="Take off the tag trip/italy")).to_be_visible()
    expect(bar(page)).to_contain_text("1 photo tagged “trip/italy”.")
    box.press("Control+z")
    expect(dialog.get_by_role("button", name="Take off the tag trip/italy")).to_be_visible()
    dialog.get_by_role("button", name="Find similar").focus()
    page.keyboard.press("Control+z")
    expect(dialog.get_by_role("button", name="Take off the tag trip/italy")).to_have_count(0)
    expect(bar(page)).to_contain_text("Undone: 1 photo tagged “trip/italy”.")
    page.keyboard.press("Control+Shift+z")
    expect(dialog.get_by_role("button", name="Take off the tag trip/italy")).to_be_visible()
    dialog.get_by_role("button", name="Take off the tag trip/italy").click()
    expect(dialog.get_by_role("button", name="Take off the tag trip/italy")).to_have_count(0)


def test_keys_rate_a_photo_and_make_it_a_favourite(page: Page, app: RunningApp) -> None:
    dialog = open_first(page, app)
    page.keyboard.press("4")
    expect(dialog.locator(".star.lit")).to_have_count(4)
    page.keyboard.press("f")
    expect(dialog.get_by_role("button", name="Favourite (key f)")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".star.lit")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    expect(dialog.locator(".star.lit")).to_have_count(4)
    page.keyboard.press("0")
    expect(dialog.locator(".star.lit")).to_have_count(0)


def test_a_note_and_an_album_are_kept(page: Page, app: RunningApp) -> None:
    dialog = open_first(page, app)
    dialog.get_by_role("button", name="Write a note").click()
    area = dialog.get_by_role("textbox", name="Note", exact=True)
    area.fill("ask Ann")
    area.press("Enter")
    area.type("2 or 3 of them")
    area.press("Control+Enter")
    expect(dialog.get_by_role("button", name="Note: ask Ann 2 or 3 of them")).to_be_visible()
    add_box(dialog, "Add to album").fill("Best of all")
    add_box(dialog, "Add to album").press("Enter")
    expect(dialog.get_by_role("button", name="Take out of the album Best of all")).to_be_visible()
    page.goto(f"{app.url}/collections")
    page.get_by_role("button", name="Show Best of all, 1 photo").click()
    expect(page).to_have_url(re.compile(r"\?q=album"))
    expect(cells(page)).to_have_count(1)


def test_a_removed_photo_is_in_the_bin_and_comes_back(page: Page, app: RunningApp) -> None:
    dialog = open_first(page, app)
    name = dialog.locator(".title").inner_text()
    page.keyboard.press("Delete")
    expect(dialog.locator(".title")).not_to_have_text(name)
    expect(bar(page)).to_contain_text("1 photo put into the bin.")
    page.keyboard.press("Escape")
    expect(cells(page)).to_have_count(NUMBER - 1)
    page.get_by_test_id("stSidebar").get_by_text("Bin (1)").click()
    page.get_by_role("checkbox", name=f"Choose {name}").check()
    page.get_by_role("button", name="Take out of the bin").click()
    expect(page.get_by_text("The bin is empty")).to_be_visible()
    page.goto(app.url)
    expect(cells(page)).to_have_count(NUMBER)


def test_the_history_undoes_and_does_again(page: Page, app: RunningApp) -> None:
    open_first(page, app)
    page.keyboard.press("3")
    expect(bar(page)).to_contain_text("1 photo rated 3 stars.")
    page.goto(f"{app.url}/history")
    first = page.locator(".history li").first
    expect(first).to_contain_text("1 photo rated 3 stars")
    page.get_by_role("button", name="Undo").first.click()
    expect(first.locator("del")).to_have_text("1 photo rated 3 stars")
    page.keyboard.press("Control+y")
    expect(first.locator("del")).to_have_count(0)
    expect(first).to_contain_text("1 photo rated 3 stars")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_on_these_pages(page: Page, app: RunningApp, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    dialog = open_first(page, app)
    add_box(dialog, "Add tag").fill("sea")
    add_box(dialog, "Add tag").press("Enter")
    expect(dialog.get_by_role("button", name="Take off the tag sea")).to_be_visible()
    stands_out(page)
    page.get_by_role("button", name="Find similar").focus()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("button", name="Take off the tag sea")).to_have_count(0)
    page.keyboard.press("Delete")
    expect(bar(page)).to_contain_text("1 photo put into the bin.")
    for end, text in (
        ("collections", "Select all tags"),
        ("history", "1 photo put into the bin"),
        ("bin", "30 days left"),
    ):
        page.goto(f"{app.url}/{end}")
        expect(page.get_by_text(text).first).to_be_visible()
        stands_out(page)
    expect(page.locator(".bar[role=status]")).to_be_attached()  # before it is there, nobody hears the keys
    page.keyboard.press("Control+z")
    expect(page.get_by_text("The bin is empty")).to_be_visible()


def test_a_cleared_library_comes_back_and_an_emptied_bin_does_not(page: Page, app: RunningApp) -> None:
    page.goto(app.url)
    expect(cells(page)).to_have_count(NUMBER)
    page.get_by_role("button", name="Clear database").click()
    expect(page.get_by_text("It can be undone until the bin is emptied.")).to_be_visible()
    page.get_by_role("button", name=f"Clear {NUMBER} photos").click()
    expect(page.get_by_role("button", name="Undo the clearing")).to_be_visible()
    bar(page).get_by_role("button", name="Undo").click()
    expect(cells(page)).to_have_count(NUMBER)
    cells(page).first.click()
    expect(page.get_by_role("dialog").locator(".stars")).to_be_visible()
    page.keyboard.press("Delete")
    expect(bar(page)).to_contain_text("1 photo put into the bin.")
    page.keyboard.press("Escape")
    page.goto(f"{app.url}/bin")
    page.get_by_role("button", name="Empty the bin").click()
    expect(page.get_by_text("This can't be undone.")).to_be_visible()
    page.get_by_role("button", name="Forget 1 photo").click()
    expect(page.get_by_text("The bin is empty")).to_be_visible()
    page.goto(app.url)
    expect(cells(page)).to_have_count(NUMBER - 1)
