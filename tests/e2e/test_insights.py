"""Insights in a real browser: bars that one comes to by keyboard, and the photos that they lead to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp, commanded, running_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    home, folder = tmp_path_factory.mktemp("library"), tmp_path_factory.mktemp("pictures")
    write_pictures(folder, 30)
    commanded(home, "index", str(folder))
    with running_app(home) as running:
        yield running


def opened(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/insights")
    expect(page.get_by_role("heading", name="Outliers")).to_be_visible()
    expect(page.locator(".waits")).to_have_text("")


def followed(page: Page, block: str) -> str:
    """Go by keyboard where a block's first bar leads; its number of photos, which are there."""
    link = page.locator("section", has=page.get_by_role("heading", name=block)).get_by_role("link").first
    number = f"{link.locator('.number').text_content()} photos"
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/library?*")
    expect(page.get_by_text(number, exact=True).first).to_be_visible()
    return number


def test_a_bar_leads_to_the_photos_it_counts_and_back_comes_back(page: Page, app: RunningApp) -> None:
    opened(page, app)
    for block in ("Formats", "Photos that look alike"):
        number = followed(page, block)
        page.reload()
        expect(page.get_by_text(number, exact=True).first).to_be_visible()
        page.go_back()
        expect(page.get_by_role("heading", name=block)).to_be_visible()
    page.goto(f"{app.url}/library?of=alike-gone")
    expect(page.get_by_text("before the library changed")).to_be_visible()
    page.get_by_role("button", name="Show all photos").click()
    expect(page.get_by_text("30 photos", exact=True).first).to_be_visible()


@pytest.mark.parametrize("width", [1366, 420])
def test_a_bar_is_a_link_of_its_own_and_nothing_is_cut_off(page: Page, app: RunningApp, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, app)
    link = page.get_by_role("link", name="no tag: 30 photos")
    assert link.get_attribute("href") == "/library?q=-has%3Atag"
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    if width == 420:
        page.locator(".st-key-explore button").click()
        page.get_by_test_id("stPopoverBody").get_by_role("link", name="Insights").click()
        expect(page.get_by_role("heading", name="Outliers")).to_be_visible()
