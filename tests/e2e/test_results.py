"""Results of a search in the gallery: copies that are folded, the selection and its keys, pictures that are dropped and
pasted, what an open photo shows beside itself, and a recording in which nothing flashes.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageEnhance
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.conftest import make_photo
from tests.e2e.conftest import NUMBER, name_of
from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp, commanded, running_app
from tests.e2e.test_accessible import nothing_serious

pytestmark = pytest.mark.browser

SNOW = "/?q=snow+on+the+mountains&n=60"
COPIES = 3
ALL = NUMBER - 2 + COPIES + 1
"""Photos: two that look like another are left out, and one more was taken in Rome."""
BOX = "Describe what you are looking for"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn pictures, three copies of the first of the mountains, and one that was taken in Rome."""
    place = tmp_path_factory.mktemp("drawn")
    pictures = write_pictures(place, NUMBER)
    for number in (2, 3):
        (place / f"sunset-sea-{number}.jpg").unlink()
    original = Image.open(next(one for one in pictures if one.stem == "mountains-1"))
    original.save(place / "mountains-1-q50.jpg", quality=50)
    original.resize((640, 480)).save(place / "mountains-1-small.jpg")
    ImageEnhance.Brightness(original).enhance(1.08).save(place / "mountains-1-bright.jpg")
    rome = Image.open(make_photo(place / "rome.jpg", (200, 120, 60), (480, 360)))
    exif = Image.Exif()
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (41.0, 53.0, 30.0), 3: "E", 4: (12.0, 29.0, 0.0)}
    rome.save(place / "rome.jpg", exif=exif)
    return place


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[RunningApp]:
    """One app with these pictures, whose copies were found, for all tests here."""
    home = tmp_path_factory.mktemp("library")
    commanded(home, "index", str(folder))
    commanded(home, "duplicates")
    with running_app(home, duplicates=True) as running:
        yield running


def tiles(page: Page) -> Locator:
    return page.locator(".tile")


def bar(page: Page) -> Locator:
    return page.get_by_role("toolbar", name="Selected photos")


def found(page: Page, app: RunningApp, address: str = SNOW) -> Page:
    page.goto(app.url + address)
    expect(page.locator(".tile.here").first).to_be_visible()
    return page


# ---------------------------------------------------------------- copies


def folded(page: Page) -> Locator:
    return page.locator(".tile:has(.copies)")


def test_copies_are_folded_and_shown_in_place_by_click_and_key(page: Page, app: RunningApp) -> None:
    found(page, app)
    expect(tiles(page)).to_have_count(ALL - COPIES)
    expect(page.get_by_text(f"{ALL} of {ALL} photos")).to_be_visible()
    expect(page.locator("p.count")).to_have_text(f"{ALL - COPIES} photos, {COPIES} copies folded")
    expect(folded(page)).to_have_count(1)
    expect(folded(page).locator(".copies")).to_have_text(f"+{COPIES}")
    expect(folded(page)).to_have_attribute("aria-label", re.compile(rf"match, [0-9]+ %, {COPIES} more copies$"))
    first = int(folded(page).get_attribute("aria-posinset") or 0)
    tiles(page).first.evaluate("node => { window.sameTile = node; }")
    folded(page).locator(".copies").click()
    expect(tiles(page)).to_have_count(ALL)
    shown = [name_of(tiles(page).nth(first - 1 + at)) for at in range(COPIES + 1)]
    assert len(set(shown)) == COPIES + 1 and all(name.startswith("mountains-1") for name in shown)
    expect(folded(page)).to_be_focused()
    assert page.get_by_role("dialog").count() == 0 and page.evaluate("window.sameTile.isConnected")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    expect(tiles(page)).to_have_count(ALL - COPIES)
    expect(folded(page)).to_be_focused()
    page.keyboard.press("c")
    expect(tiles(page)).to_have_count(ALL)
    nothing_serious(page)


def test_the_next_photo_is_the_next_that_is_shown(page: Page, app: RunningApp) -> None:
    found(page, app)
    first = int(folded(page).get_attribute("aria-posinset") or 0) - 1
    after = name_of(tiles(page).nth(first + 1))
    dialog = page.get_by_role("dialog")
    folded(page).click()
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.locator(".title")).to_have_text(after)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    folded(page).locator(".copies").click()
    copy = name_of(tiles(page).nth(first + 1))
    assert copy != after
    folded(page).click(position={"x": 40, "y": 60})
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.locator(".title")).to_have_text(copy)


def test_without_folding_copies_stand_where_they_were_found_and_that_is_kept(page: Page, app: RunningApp) -> None:
    found(page, app)
    switch = page.get_by_role("button", name="Fold copies of the same picture")
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    expect(tiles(page)).to_have_count(ALL)
    expect(page.locator("p.count")).to_have_text(f"{ALL} photos, {COPIES} of them copies")
    page.reload()
    expect(tiles(page)).to_have_count(ALL)
    expect(switch).to_have_attribute("aria-pressed", "false")
    shares = [int(re.findall(r"([0-9]+) %", tile.get_attribute("aria-label") or "")[0]) for tile in tiles(page).all()]
    assert shares == sorted(shares, reverse=True)


# ---------------------------------------------------------------- selection, keys, look


def test_results_are_selected_and_tagged_and_stay_where_they_are(page: Page, app: RunningApp) -> None:
    page.set_viewport_size({"width": 1280, "height": 640})
    found(page, app)
    tiles(page).nth(8).focus()
    scrolled = page.locator(".scroller").evaluate("node => (node.scrollTop += 60)")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    expect(bar(page)).to_contain_text("2 selected")
    tiles(page).nth(8).evaluate("node => { window.sameTile = node; }")
    bar(page).get_by_role("button", name="Add tag").click()
    page.keyboard.type("winter")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 photos tagged “winter”")).to_be_visible()
    expect(bar(page)).to_contain_text("2 selected")
    assert page.evaluate("window.sameTile.isConnected"), "it was drawn anew"
    assert page.locator(".scroller").evaluate("node => node.scrollTop") == scrolled
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_hidden()
    page.keyboard.press("ControlOrMeta+z")
    expect(page.get_by_text("Undone: 2 photos tagged “winter”")).to_be_visible()


def test_a_removed_result_leaves_the_others_where_they_are_and_comes_back(page: Page, app: RunningApp) -> None:
    found(page, app)
    number = tiles(page).count()
    gone, after = name_of(tiles(page).nth(2)), tiles(page).nth(3)
    after.evaluate("node => { window.sameTile = node; }")
    tiles(page).nth(2).click(modifiers=["ControlOrMeta"])
    bar(page).get_by_role("button", name="Remove").click()
    expect(tiles(page)).to_have_count(number - 1)
    assert page.evaluate("window.sameTile.isConnected") and gone not in tiles(page).locator(".name").all_text_contents()
    expect(bar(page)).to_be_hidden()
    page.keyboard.press("ControlOrMeta+z")
    expect(tiles(page)).to_have_count(number)


def test_slash_and_question_mark_are_the_pages_own(page: Page, app: RunningApp) -> None:
    found(page, app)
    tiles(page).first.focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_placeholder(BOX)).to_be_focused()
    tiles(page).first.click()
    page.get_by_role("button", name="Find similar").click()
    expect(page.get_by_text("Photos that look like")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    tiles(page).first.focus()
    page.keyboard.press("/")
    expect(page.get_by_placeholder("Add words, or filters")).to_be_focused()


def test_squares_and_sizes_are_those_of_the_library_and_kept(page: Page, app: RunningApp) -> None:
    found(page, app, "/library")
    page.get_by_role("button", name="Squares").click()
    page.get_by_role("slider", name="Size of the thumbnails").fill("240")
    found(page, app)
    expect(page.get_by_role("button", name="Squares")).to_have_attribute("aria-pressed", "true")
    box = tiles(page).first.bounding_box()
    assert box and box["width"] == pytest.approx(box["height"], abs=1) and box["width"] >= 200
    page.keyboard.press("-")
    expect(page.get_by_role("slider", name="Size of the thumbnails")).to_have_value("216")


def test_the_folder_of_a_result_is_shown_in_the_library(page: Page, app: RunningApp, folder: Path) -> None:
    found(page, app)
    tiles(page).first.click(modifiers=["ControlOrMeta"])
    bar(page).get_by_role("button", name="Show in folder").click()
    page.wait_for_url(re.compile(r"/library\?q=in%3A"))
    expect(page.locator("p.count")).to_have_text(f"{ALL} photos")


def test_every_control_of_the_results_has_a_name(page: Page, app: RunningApp) -> None:
    found(page, app)
    tiles(page).first.click(modifiers=["ControlOrMeta"])
    expect(bar(page)).to_be_visible()
    nameless = page.locator(".timeline").evaluate(
        """node => [...node.querySelectorAll("button, input, [tabindex]")].filter((one) => one.offsetParent
             && !(one.ariaLabel || one.textContent.trim() || one.title)).map((one) => one.outerHTML)"""
    )
    assert nameless == []
    expect(page.get_by_role("listbox", name="Photos")).to_have_attribute("aria-multiselectable", "true")


# ---------------------------------------------------------------- pictures that are brought

BRING = """async (node, [name, kind, text]) => {
  const brought = new DataTransfer();
  if (text) brought.setData("text/plain", text);
  else {
    const canvas = Object.assign(document.createElement("canvas"), { width: 60, height: 40 });
    canvas.getContext("2d").fillRect(0, 0, 30, 40);
    const picture = await new Promise((done) => canvas.toBlob(done, "image/png"));
    brought.items.add(new File([picture], name, { type: "image/png" }));
  }
  const how = { bubbles: true, cancelable: true, composed: true };
  const event = kind === "drop" ? new DragEvent("drop", { dataTransfer: brought, ...how })
                                : new ClipboardEvent("paste", { clipboardData: brought, ...how });
  node.dispatchEvent(event);
}"""
"""A picture, or a text where there is one, is dropped on a node or pasted there."""


def bring(page: Page, kind: str, name: str = "brought.png", text: str = "") -> None:
    page.locator("body").evaluate(BRING, [name, kind, text])


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_searched_by_together_with_the_words_of_the_page(page: Page, app: RunningApp, kind: str) -> None:
    found(page, app)
    bring(page, kind)
    expect(page.get_by_text("Photos that look like brought.png")).to_be_visible()
    expect(page.get_by_placeholder("Add words, or filters")).to_have_value("snow on the mountains")
    expect(tiles(page).first).to_be_visible()
    bring(page, kind, "another.png")
    expect(page.get_by_text("Photos that look like another.png")).to_be_visible()
    expect(page.get_by_placeholder("Add words, or filters")).to_have_value("snow on the mountains")


@pytest.mark.parametrize("address", ["/", "/?q=xqzvw+blorp", "/image", "/library"])
def test_a_path_is_searched_by_wherever_it_is_pasted(page: Page, app: RunningApp, folder: Path, address: str) -> None:
    page.goto(app.url + address)
    expect(page.locator(".st-key-picture-drop-place")).to_be_attached()
    page.wait_for_timeout(500)
    bring(page, "paste", text="only words, no/path")
    bring(page, "paste", text=f'"{folder / "rome.jpg"}"')
    expect(page.get_by_text("Photos that look like rome.jpg")).to_be_visible()
    expect(tiles(page).first).to_have_attribute("aria-label", re.compile("^rome.jpg, [a-z]+ match"))


def test_a_path_that_leads_to_no_picture_says_so(page: Page, app: RunningApp, tmp_path: Path) -> None:
    found(page, app)
    bring(page, "paste", text=str(tmp_path / "not there.jpg"))
    expect(page.get_by_test_id("stToast")).to_be_visible()
    (tmp_path / "words.jpg").write_text("these are only words")
    bring(page, "drop", text=str(tmp_path / "words.jpg"))
    expect(page.get_by_text("It is not a picture in a format that can be read")).to_be_visible()
    assert page.url.startswith(f"{app.url}/?q=snow")


# ---------------------------------------------------------------- beside an open photo


def test_similar_photos_of_an_open_one_are_opened_and_lead_back(page: Page, app: RunningApp) -> None:
    found(page, app, "/?q=name:mountains-1.jpg")
    tiles(page).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".alike")).to_have_count(12)
    names = [one.get_attribute("title") or "" for one in dialog.locator(".alike").all()]
    assert not [name for name in names if name.startswith("mountains-1-") or name == "mountains-1.jpg"]
    dialog.get_by_role("button", name=f"Open {names[1]}", exact=True).click()
    expect(dialog.locator(".title")).to_have_text(names[1])
    dialog.get_by_role("button", name="Previous").click()
    expect(dialog.locator(".title")).to_have_text(names[0])
    dialog.get_by_role("button", name="Previous").click()
    expect(dialog.locator(".title")).to_have_text("mountains-1.jpg")
    expect(dialog.locator(".atlas")).to_have_count(0)
    page.go_back()
    expect(dialog).to_have_count(0)


def test_the_place_of_an_open_photo_is_on_a_map(page: Page, app: RunningApp) -> None:
    found(page, app, "/?q=name:rome.jpg")
    tiles(page).first.click()
    dialog = page.get_by_role("dialog")
    map_ = dialog.get_by_role("button", name=re.compile("^Map with .*Italy"))
    expect(map_).to_be_visible()
    near = map_.locator("svg").get_attribute("viewBox")
    expect(dialog.locator(".where")).to_contain_text("Rome")
    nothing_serious(page)
    x, y = (float(map_.locator("circle").get_attribute(name) or 0) for name in ("cx", "cy"))
    assert y == pytest.approx(-418.9, abs=0.2) and 70 < x < 124.9, "degrees of longitude are narrower there"
    map_.click()
    expect(dialog.get_by_role("button", name=re.compile("Show what is around$"))).to_be_visible()
    assert map_.locator("svg").get_attribute("viewBox") != near
    assert float(map_.locator("circle").get_attribute("cx") or 0) == pytest.approx(124.8, abs=0.2)
    dialog.get_by_role("button", name="4 stars").click()
    expect(page.get_by_text("1 photo rated 4 stars")).to_be_visible()
    assert "Rating" not in dialog.locator(".facts dt").all_text_contents(), "it stands over the photo"


def test_places_narrow_the_library(page: Page, app: RunningApp) -> None:
    found(page, app, "/library")
    column = page.get_by_role("navigation", name="Dates, folders, cameras")
    if not column.is_visible():
        page.get_by_role("button", name="Dates, folders, cameras").click()
    italy = column.get_by_role("button", name=re.compile("^Italy"))
    expect(italy).to_contain_text("1")
    italy.click()
    page.wait_for_url(f"{app.url}/library?q=place%3AItaly")
    expect(page.locator("p.count")).to_have_text("1 photo")
    expect(italy).to_have_attribute("aria-current", "true")
    column.get_by_role("button", name="What is in Italy").click()
    column.get_by_role("button", name="What is in Lazio").click()
    column.get_by_role("button", name=re.compile("^Rome")).click()
    page.wait_for_url(f"{app.url}/library?q=place%3ARome")
    expect(page.locator("p.count")).to_have_text("1 photo")


# ---------------------------------------------------------------- a recording


class Recording:
    """Frames of the page as they come, of the part in which the photos are."""

    def __init__(self, page: Page) -> None:
        self.frames: list[NDArray[np.uint8]] = []
        place = page.locator(".stage").bounding_box()
        assert place
        self._cut = tuple(int(place[name]) for name in ("x", "y", "width", "height"))
        self._tab: CDPSession = page.context.new_cdp_session(page)
        self._tab.on("Page.screencastFrame", self._take)
        self._tab.send("Page.startScreencast", {"format": "png", "everyNthFrame": 1})

    def _take(self, frame: dict[str, Any]) -> None:
        left, top, width, height = self._cut
        picture = Image.open(io.BytesIO(base64.b64decode(frame["data"]))).convert("RGB")
        self.frames.append(np.asarray(picture.crop((left, top, left + width, top + height))))
        self._tab.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    def stop(self) -> None:
        self._tab.send("Page.stopScreencast")


def detail(frame: NDArray[np.uint8]) -> float:
    """How much there is to be seen: of pictures much more than of the plain colours that stand for them."""
    return float(np.abs(np.diff(frame.astype(int), axis=1)).mean())


@pytest.mark.parametrize("address", ["/?q=snow", "/library?q="])
def test_no_frame_is_blank_while_a_job_runs_and_the_selection_changes(
    page: Page, app: RunningApp, tmp_path: Path, folder: Path, address: str
) -> None:
    found(page, app, f"{address}+in:{folder.name}")  # what is added meanwhile is not among these
    page.wait_for_timeout(1_500)
    recording = Recording(page)
    page.wait_for_timeout(400)
    other = page.context.new_page()
    other.goto(f"{app.url}/upload")
    other.get_by_placeholder("~/Photos/2024").fill(str(write_pictures(tmp_path / "more", 36)[0].parent))
    other.get_by_role("button", name="Add folder").click()
    page.bring_to_front()
    for at in (0, 1, 3):
        tiles(page).nth(at).click(modifiers=["ControlOrMeta"])
        page.wait_for_timeout(250)
    bar(page).get_by_role("button", name="Rate").click()
    bar(page).get_by_role("button", name="5 stars").click()
    expect(page.get_by_text("3 photos rated 5 stars")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("body").press("ControlOrMeta+z")
    page.get_by_role("button", name="Squares").click()
    page.wait_for_timeout(2_500)
    recording.stop()
    other.close()
    seen = [detail(frame) for frame in recording.frames]
    assert len(seen) > 10, "nothing was recorded"
    assert min(seen) > 0.6 * seen[0], [round(one / seen[0], 2) for one in seen]
