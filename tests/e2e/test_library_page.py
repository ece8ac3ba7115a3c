"""The tab Library in a browser, with 10,000 photos: what is drawn of them, keys, the selection, and what is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import SECONDS
from tests.e2e.many_photos import photo_id, write_library
from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp, commanded, running_app
from tests.e2e.test_page import stands_out

pytestmark = pytest.mark.browser

NUMBER = 10_000
MOST_NODES = 1_500
"""Nodes of the gallery at a time: those of a few screens, however many photos there are."""

SCROLLED = """async () => {
  const root = document.querySelector(".st-key-gallery-place");
  const host = [root, ...root.querySelectorAll("*")].find((node) => node.shadowRoot);
  const scroller = host.shadowRoot.querySelector(".scroller"), step = scroller.scrollHeight / 240;
  const met = new Set();
  let frames = 0, nodes = 0, before = -1;
  while (scroller.scrollTop !== before) {
    before = scroller.scrollTop;
    scroller.scrollTop += step;
    await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
    frames += 1;
    nodes = Math.max(nodes, host.shadowRoot.querySelectorAll("*").length);
    const { top, bottom } = scroller.getBoundingClientRect();
    const seen = [...host.shadowRoot.querySelectorAll(".tile")].filter((tile) => {
      const box = tile.getBoundingClientRect();
      return box.bottom > top && box.top < bottom;
    });
    if (!seen.length) return { bare: before };
    seen.forEach((tile) => met.add(tile.at));
  }
  return { frames, nodes, met: met.size, last: met.has(%d) };
}"""
"""Scrolls from where it is to the end; a frame later there must be photos in sight, each time."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    home = tmp_path_factory.mktemp("library") / "home"
    write_library(home, NUMBER)
    with running_app(home) as running:
        yield running


@pytest.fixture
def library(page: Page, app: RunningApp) -> Page:
    page.goto(f"{app.url}/library")
    expect(page.locator(".tile.here").first).to_be_visible()
    return page


def tile(page: Page, at: int) -> Locator:
    """The photo at that place, from 0, if it is drawn."""
    return page.locator(f'.tile[aria-posinset="{at + 1}"]')


def dated(at: int) -> int:
    """Number of the photo at that place: those without a date, one of fifty, come last."""
    return at + at // 49


def bar(page: Page) -> Locator:
    return page.get_by_role("toolbar", name="Selected photos")


def top(page: Page) -> float:
    return float(page.locator(".scroller").evaluate("node => node.scrollTop"))


def photos(page: Page) -> Locator:
    return page.locator("p.count")


def test_all_photos_are_reached_and_few_are_drawn(library: Page) -> None:
    expect(photos(library)).to_have_text("10,000 photos")
    found: dict[str, Any] = library.evaluate(SCROLLED % (NUMBER - 1))
    assert "bare" not in found, f"nothing was drawn at {found}"
    assert found["last"] and found["nodes"] < MOST_NODES and found["frames"] > 200
    expect(library.locator(".month h3").last).to_have_text("Undated")


def test_a_thousand_results_are_reached_and_few_are_drawn(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/?q=is:landscape&n=1000")
    expect(page.locator(".tile.here").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"^1,000 of [\d,]+ photos"))).to_be_visible()
    found: dict[str, Any] = page.evaluate(SCROLLED % 999)
    assert "bare" not in found, f"nothing was drawn at {found}"
    assert found["last"] and found["nodes"] < MOST_NODES and found["frames"] > 200
    assert found["met"] > 990, "all but the first row, which is passed before anything is looked at"


def test_keys_lead_everywhere(library: Page) -> None:
    tile(library, 0).focus()
    for key, place in [
        ("ArrowRight", 1),
        ("ArrowLeft", 0),
        ("End", NUMBER - 1),
        ("ArrowLeft", NUMBER - 2),
        ("Home", 0),
    ]:
        library.keyboard.press(key)
        expect(tile(library, place)).to_be_focused()
    library.keyboard.press("ArrowDown")
    first, second = tile(library, 0).bounding_box(), library.locator(".tile:focus").bounding_box()
    assert first and second and second["y"] > first["y"]
    library.keyboard.press("PageDown")
    expect(library.locator(".tile:focus")).to_be_in_viewport()
    assert top(library) > 0


def test_a_photo_opened_and_closed_leaves_place_focus_and_address(library: Page, app: RunningApp) -> None:
    tile(library, 0).focus()
    for _ in range(6):
        library.keyboard.press("PageDown")
    here = int(library.locator(".tile:focus").get_attribute("aria-posinset") or 0) - 1
    where = top(library)
    library.locator(".tile:focus").evaluate("node => { window.sameTile = node; }")
    library.keyboard.press("Enter")
    dialog = library.get_by_role("dialog")
    expect(dialog.locator(".title")).to_have_text(f"IMG_{dated(here):06}.jpg")
    library.wait_for_url(f"{app.url}/library?photo={photo_id(dated(here))}")
    library.go_back()
    expect(dialog).to_have_count(0)
    expect(tile(library, here)).to_be_focused()
    assert top(library) == where and library.evaluate("window.sameTile.isConnected"), "it was drawn anew"
    library.keyboard.press("Enter")
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.locator(".title")).to_have_text(f"IMG_{dated(here + 1):06}.jpg")
    library.keyboard.press("Escape")
    expect(tile(library, here + 1)).to_be_focused()


def test_an_address_with_a_photo_opens_it_with_its_neighbours(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/library?photo={photo_id(30)}")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".title")).to_have_text("IMG_000030.jpg")
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.locator(".title")).to_have_text("IMG_000031.jpg")


def test_the_place_is_kept_over_a_change_of_tab_and_of_the_layout(library: Page) -> None:
    library.locator(".scroller").evaluate("node => { node.scrollTop = 200000; }")
    library.wait_for_timeout(500)
    seen = in_sight(library)
    library.get_by_role("button", name="Squares").click()
    expect(library.get_by_role("button", name="Squares")).to_have_attribute("aria-pressed", "true")
    assert abs(in_sight(library) - seen) < 12
    seen = in_sight(library)
    library.wait_for_timeout(500)
    library.get_by_test_id("stTopNavLinkContainer").get_by_text("Upload", exact=True).click()
    expect(library.get_by_text("Add a folder on this computer")).to_be_visible()
    library.go_back()
    expect(library.locator(".tile.here").first).to_be_visible()
    assert abs(in_sight(library) - seen) < 12
    expect(library.get_by_role("button", name="Squares")).to_have_attribute("aria-pressed", "true")


def in_sight(page: Page) -> int:
    """Place of the first photo in sight."""
    return int(
        page.locator(".scroller").evaluate(
            """node => Math.min(...[...node.querySelectorAll(".tile")].filter(
                 (tile) => tile.getBoundingClientRect().bottom > node.getBoundingClientRect().top
               ).map((tile) => tile.at))"""
        )
    )


def test_photos_are_selected_by_keys_and_mouse(library: Page) -> None:
    tile(library, 0).focus()
    library.keyboard.press("Space")
    expect(tile(library, 0)).to_have_attribute("aria-selected", "true")
    expect(bar(library)).to_contain_text("1 selected")
    for _ in range(3):
        library.keyboard.press("Shift+ArrowRight")
    expect(bar(library)).to_contain_text("4 selected")
    library.keyboard.press("Shift+ArrowLeft")
    expect(bar(library)).to_contain_text("3 selected")
    tile(library, 5).click(modifiers=["ControlOrMeta"])
    expect(bar(library)).to_contain_text("4 selected")
    tile(library, 7).click(modifiers=["Shift"])
    expect(bar(library)).to_contain_text("6 selected")
    library.keyboard.press("Escape")
    expect(bar(library)).to_be_hidden()
    library.keyboard.press("ControlOrMeta+a")
    expect(bar(library)).to_contain_text("10,000 selected")


def test_five_hundred_are_selected_with_two_clicks(library: Page) -> None:
    tile(library, 0).click(modifiers=["ControlOrMeta"])
    for _ in range(300):
        library.keyboard.press("PageDown")
        at = int(library.locator(".tile:focus").get_attribute("aria-posinset") or 0)
        if at > 505:
            break
    tile(library, 499).click(modifiers=["Shift"], force=True)
    expect(bar(library)).to_contain_text("500 selected")


def test_the_selection_is_searched_with_and_shown_in_its_folder(library: Page, app: RunningApp) -> None:
    tile(library, 3).click(modifiers=["ControlOrMeta"])
    bar(library).get_by_role("button", name="Show in folder").click()
    expect(photos(library)).to_have_text("250 photos")
    expect(library.get_by_role("button", name=re.compile("^in:"))).to_be_visible()
    bar(library).get_by_role("button", name="Find similar").click()
    expect(library.get_by_text("Photos that look like IMG_000003.jpg")).to_be_visible()


def test_paths_are_copied(browser: Browser, app: RunningApp) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{app.url}/library")
    tile(page, 0).click(modifiers=["ControlOrMeta"])
    tile(page, 1).click(modifiers=["ControlOrMeta"])
    bar(page).get_by_role("button", name="Copy path").click()
    expect(bar(page)).to_contain_text("2 paths copied")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text == "/photos/2024/album 0/IMG_000000.jpg\n/photos/2023/album 0/IMG_000001.jpg"
    context.close()


def test_dates_folders_and_cameras_narrow_the_library(library: Page, app: RunningApp) -> None:
    column = library.get_by_role("navigation", name="Dates, folders, cameras")
    column.get_by_role("button", name=re.compile("^2022")).first.click()
    library.wait_for_url(f"{app.url}/library?q=date%3A2022")
    expect(library.locator(".month h3").first).to_have_text("December 2022")
    column.get_by_role("button", name=re.compile("^Nikon D750")).click()
    library.wait_for_url(f"{app.url}/library?q=date%3A2022+camera%3A%22Nikon+D750%22")
    expect(column.get_by_role("button", name=re.compile("^Nikon D750"))).to_have_attribute("aria-current", "true")
    column.get_by_role("button", name=re.compile("^Nikon D750")).click()
    library.wait_for_url(f"{app.url}/library?q=date%3A2022")
    library.go_back()
    library.go_back()
    library.go_back()
    expect(photos(library)).to_have_text("10,000 photos")


def test_the_date_bar_goes_by_months(library: Page) -> None:
    slider = library.get_by_role("slider", name="Go to a date")
    expect(slider).to_have_attribute("aria-valuetext", "August 2024")
    slider.focus()
    library.keyboard.press("ArrowDown")
    expect(slider).to_have_attribute("aria-valuetext", "July 2024")
    library.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "Undated")
    box = slider.bounding_box()
    assert box
    library.mouse.click(box["x"] + 20, box["y"] + 2)
    expect(slider).to_have_attribute("aria-valuetext", "August 2024")


def test_slash_leads_to_the_box_of_the_text_search_and_a_question_mark_tells_the_keys(library: Page) -> None:
    library.keyboard.press("?")
    sheet = library.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    library.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    library.keyboard.press("/")
    expect(library.get_by_placeholder("Describe what you are looking for")).to_be_focused()


def test_every_control_is_reached_with_tab_and_has_a_name(library: Page) -> None:
    tile(library, 0).focus()
    library.keyboard.press("Space")
    expect(bar(library)).to_be_visible()
    library.wait_for_timeout(500)
    nameless = library.locator(".timeline").evaluate(
        """node => [...node.querySelectorAll("button, input, [tabindex]")].filter((one) => one.offsetParent
             && !(one.ariaLabel || one.textContent.trim() || one.title)).map((one) => one.outerHTML)"""
    )
    assert nameless == []
    stops = library.locator(".timeline").evaluate(
        """node => [...node.querySelectorAll("[tabindex='0']")].map((one) => one.role)"""
    )
    assert stops == ["option", "slider"], "one photo, and the scroll bar"
    expect(library.get_by_role("listbox", name="Photos")).to_have_attribute("aria-multiselectable", "true")
    expect(tile(library, 0)).to_have_attribute("aria-setsize", str(NUMBER))
    expect(tile(library, 0)).to_have_attribute("aria-label", "IMG_000000.jpg, August 30, 2024")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_library_stands_out(library: Page, scheme: Literal["light", "dark"]) -> None:
    library.emulate_media(color_scheme=scheme)
    stands_out(library)
    tile(library, 0).click(modifiers=["ControlOrMeta"])
    expect(bar(library)).to_be_visible()
    stands_out(library)


def test_a_long_touch_selects(browser: Browser, app: RunningApp) -> None:
    context = browser.new_context(viewport={"width": 420, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    page.goto(f"{app.url}/library")
    expect(page.locator(".tile.here").first).to_be_visible()
    box = tile(page, 1).bounding_box()
    assert box
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch = context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    page.wait_for_timeout(700)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(bar(page)).to_contain_text("1 selected")
    tile(page, 2).tap()
    expect(bar(page)).to_contain_text("2 selected")
    place = bar(page).bounding_box()
    assert place and place["height"] < 60, "on a narrow page the actions are folded"
    actions, first = (bar(page).get_by_role("button", name=name) for name in ("Actions", "Add tag"))
    expect(first).not_to_be_visible()
    actions.press("Enter")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(bar(page).get_by_role("button", name="Copy path")).to_be_focused()
    page.keyboard.press("Escape")
    expect(actions).to_be_focused()
    context.close()


def test_without_filters_that_fit_the_page_says_so(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/library?q=camera:nosuch")
    expect(page.get_by_text("No photo passes these filters.")).to_be_visible()


def test_what_is_done_with_the_selection_can_be_taken_back(library: Page) -> None:
    for at in (10, 11):
        tile(library, at).click(modifiers=["ControlOrMeta"])
    bar(library).get_by_role("button", name="Add tag").click()
    library.keyboard.type("trip/italy, sea")
    library.keyboard.press("Enter")
    expect(library.get_by_text("2 photos tagged “trip/italy”, “sea”")).to_be_visible()
    column = library.get_by_role("navigation", name="Dates, folders, cameras")
    italy = column.locator("button.place", has_text="trip/italy")
    expect(italy).to_contain_text("2")
    bar(library).get_by_role("button", name="Rate").click()
    bar(library).get_by_role("button", name="4 stars").click()
    expect(library.get_by_text("2 photos rated 4 stars")).to_be_visible()
    bar(library).get_by_role("button", name="Remove").click()
    expect(photos(library)).to_have_text("9,998 photos")
    expect(bar(library)).to_be_hidden()
    library.keyboard.press("ControlOrMeta+z")
    expect(photos(library)).to_have_text("10,000 photos")
    library.keyboard.press("ControlOrMeta+z")
    expect(library.get_by_text("Undone: 2 photos rated 4 stars")).to_be_visible()
    library.keyboard.press("ControlOrMeta+z")
    expect(italy).to_have_count(0)


def test_what_is_selected_is_exported(library: Page) -> None:
    tile(library, 20).click(modifiers=["ControlOrMeta"])
    bar(library).get_by_role("button", name="Export").click()
    dialog = library.get_by_role("dialog")
    expect(dialog.get_by_text("1 photo is selected.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Write it")).to_be_visible()
    library.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_picture_that_is_dropped_is_searched_by(library: Page) -> None:
    dropped = """async (node) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 60, height: 40 });
      canvas.getContext("2d").fillRect(0, 0, 30, 40);
      const picture = await new Promise((done) => canvas.toBlob(done, "image/png"));
      const files = new DataTransfer();
      files.items.add(new File([picture], "from outside.png", { type: "image/png" }));
      const how = { dataTransfer: files, bubbles: true, cancelable: true, composed: true };
      node.dispatchEvent(new DragEvent("drop", how));
    }"""
    library.locator(".timeline").evaluate(dropped)
    expect(library.get_by_text("Photos that look like from outside.png")).to_be_visible()


def test_a_job_leaves_the_photos_where_they_are(library: Page, app: RunningApp, tmp_path: Path) -> None:
    """Photos are added in another tab: neither its progress nor its end draws anything here anew or moves it."""
    library.locator(".scroller").evaluate("node => { node.scrollTop = 150000; }")
    library.wait_for_timeout(600)
    library.locator(".timeline").evaluate("node => { window.sameRoot = node; }")
    seen, place = in_sight(library), library.locator(".scroller").bounding_box()
    added = write_pictures(tmp_path / "more", 12)
    other = library.context.new_page()
    other.goto(f"{app.url}/upload")
    other.get_by_placeholder("~/Photos/2024").fill(str(added[0].parent))
    other.get_by_role("button", name="Add folder").click()
    expect(other.get_by_text("added 12 photos")).to_be_visible()
    expect(photos(library)).to_have_text("10,012 photos")
    assert library.evaluate("window.sameRoot.isConnected") and in_sight(library) == seen
    assert library.locator(".scroller").bounding_box() == place


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app with three photos whose originals are there, one of 2400 by 1800 pixels."""
    folder, home = tmp_path_factory.mktemp("originals"), tmp_path_factory.mktemp("viewer")
    large, *_ = write_pictures(folder, 3)
    Image.open(large).resize((2400, 1800)).save(large)
    commanded(home, "index", str(folder))
    with running_app(home) as running:
        yield running


def test_thumbnails_are_as_sharp_as_the_screen(browser: Browser, viewer: RunningApp) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 860}, device_scale_factor=2).new_page()
    page.set_default_timeout(SECONDS)
    page.goto(f"{viewer.url}/library")
    picture = tile(page, 0).locator("img")
    expect(picture).to_have_attribute("src", re.compile(r"/api/image/[0-9a-f-]+\?side=640$"))
    page.get_by_role("slider", name="Size of the thumbnails").press("End")
    expect(picture).to_have_attribute("src", re.compile("/api/image/[0-9a-f-]+$"))
    box = tile(page, 0).bounding_box()
    assert box and box["height"] > 300
    page.context.close()


def opened(browser: Browser, viewer: RunningApp, query: str) -> tuple[Page, Locator]:
    page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
    page.set_default_timeout(SECONDS)
    page.goto(f"{viewer.url}/library?q={query}")
    tile(page, 0).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".title")).to_be_visible()
    return page, dialog


def test_an_open_photo_is_zoomed_and_moved_at_its_own_pixels(browser: Browser, viewer: RunningApp) -> None:
    page, dialog = opened(browser, viewer, "name:sunset")
    image = dialog.locator(".stage img")
    expect(image).to_have_js_property("naturalWidth", 1600)
    page.keyboard.press("+")
    expect(dialog.locator(".stage.zoomed")).to_be_visible()
    expect(image).to_have_js_property("naturalWidth", 2400)

    def place() -> str:
        return str(image.evaluate("image => image.style.transform"))

    once = place()
    dialog.get_by_role("button", name="Zoom in").click()
    assert place() != once
    once = place()
    page.mouse.move(600, 400)
    page.mouse.down()
    page.mouse.move(560, 380)
    page.mouse.up()
    assert place() != once
    page.keyboard.press("z")
    expect(dialog.locator(".stage.zoomed")).to_have_count(0)
    page.mouse.wheel(0, -400)
    expect(dialog.locator(".stage.zoomed")).to_be_visible()
    image.dblclick()
    expect(dialog.locator(".stage.zoomed")).to_have_count(0)
    page.keyboard.press("w")
    page.wait_for_function("() => document.fullscreenElement")
    page.keyboard.press("w")
    page.wait_for_function("() => !document.fullscreenElement")
    expect(dialog).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.context.close()


def test_a_slide_show_goes_on_to_the_last_photo_and_ends(browser: Browser, viewer: RunningApp) -> None:
    page, dialog = opened(browser, viewer, "")
    title, show = dialog.locator(".title"), dialog.get_by_role("button", name="Slide show")
    first = title.inner_text()
    page.keyboard.press("s")
    expect(show).to_have_attribute("aria-pressed", "true")
    expect(title).not_to_have_text(first)
    expect(dialog.get_by_role("button", name="Next")).to_be_disabled()
    expect(show).to_be_disabled()
    expect(show).to_have_attribute("aria-pressed", "false")
    page.context.close()
