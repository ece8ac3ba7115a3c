"""The map in a browser: points drawn by WebGL, what is drawn around, keys, and a browser without WebGL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from src.config import Settings
from src.database.embeddings import library_collection
from src.database.store import Store
from src.models import label_bank
from src.services.map import kept
from src.services.map.geometry import Projection
from src.services.map.kept import Layout, Spots, as_bytes
from src.services.map.service import MapService
from tests.e2e.many_photos import photo_id, write_library
from tests.e2e.running_app import RunningApp, running_app

pytestmark = pytest.mark.browser

NAMES = ("dog, pet", "boat", "old building")
MIDDLES = np.array([[-0.7, 0.0], [0.6, 0.4], [0.6, -0.4]], np.float32)
EACH = 60
DIMENSIONS, DIRECTIONS = 768, 50
DISTANCE = "(node) => node.parentNode.board.plot.get('cameraDistance')"
NO_WEBGL = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return /webgl/.test(kind) ? null : real.call(this, kind, ...rest);
};
"""


def write_map(home: Path) -> None:
    """Three crowds of photos, the first on the left, laid out without the packages that do such a thing."""
    number = len(NAMES) * EACH
    write_library(home, number)
    settings = Settings(home=home)
    space = next(iter(json.loads(label_bank.CALIBRATIONS.read_text(encoding="utf-8"))))
    collection = library_collection(space)
    dice = np.random.default_rng(0)
    vectors = dice.standard_normal((number, DIMENSIONS), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [photo_id(one) for one in range(number)]
    store = Store(settings)
    try:
        store.catalog.vectors.create(collection, DIMENSIONS, "library")
        store.catalog.vectors.put(collection, dict(zip(ids, vectors, strict=True)), {})
    finally:
        store.close()
    groups = (np.arange(number) % len(NAMES)).astype(np.int16)
    where = MIDDLES[groups] + dice.uniform(-0.12, 0.12, (number, 2)).astype(np.float32)
    spots = Spots(as_bytes(ids), where, groups, np.full(number, -1, np.int16))
    directions = Projection(np.zeros(DIMENSIONS, np.float32), np.eye(DIMENSIONS, DIRECTIONS, dtype=np.float32))
    layout = Layout(directions, directions.of(vectors), spots, NAMES, label_bank.made_of(), spots)
    kept.save(layout, MapService._made_of(collection), settings.maps_dir / f"{collection}.safetensors")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    home = tmp_path_factory.mktemp("library") / "home"
    write_map(home)
    with running_app(home) as running:
        yield running


@pytest.fixture
def board(page: Page, app: RunningApp) -> Locator:
    page.goto(f"{app.url}/map")
    return drawn(page)


def drawn(page: Page) -> Locator:
    expect(page.locator(f'.board[data-drawn="{len(NAMES) * EACH}"]')).to_be_visible()
    return page.locator(".field")


def photos(page: Page) -> Locator:
    return page.locator("p.count")


def spot(board: Locator, place: tuple[float, float]) -> tuple[float, float]:
    """Where on the page a place of the map is."""
    script = "(node, [x, y]) => node.parentNode.board.lens.to(x, y)"
    left, top = board.evaluate(script, list(place))
    box = board.bounding_box()
    assert box
    return box["x"] + left, box["y"] + top


def draw_around(page: Page, board: Locator, corners: list[tuple[float, float]]) -> None:
    page.get_by_role("button", name="Draw around").click()
    page.mouse.move(*spot(board, corners[0]))
    page.mouse.down()
    for (x1, y1), (x2, y2) in pairwise(corners):
        for step in np.linspace(0.1, 1, 10):  # a hand takes some time
            page.mouse.move(*spot(board, (x1 + step * (x2 - x1), y1 + step * (y2 - y1))))
            page.wait_for_timeout(15)
    page.mouse.up()


def test_what_is_drawn_around_is_listed_and_can_be_tagged_and_exported(page: Page, board: Locator) -> None:
    draw_around(page, board, [(-0.88, 0.25), (-0.3, 0.25), (-0.3, -0.25), (-0.88, -0.25), (-0.88, 0.2)])
    expect(photos(page)).to_have_text(f"{EACH} photos")
    expect(page.locator(".tile.here").first).to_be_visible()
    page.locator(".tile").first.click(modifiers=["ControlOrMeta"])
    page.keyboard.press("ControlOrMeta+a")
    bar = page.get_by_role("toolbar", name="Selected photos")
    expect(bar.locator(".selected")).to_contain_text(str(EACH))
    expect(bar.get_by_role("button", name="Add tag")).to_be_visible()
    expect(bar.get_by_role("button", name="Export")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(photos(page)).to_have_count(0)


def test_a_colour_lists_its_photos_and_the_address_keeps_it(page: Page, board: Locator) -> None:
    page.get_by_role("button", name="boat").click()
    expect(photos(page)).to_have_text(f"{EACH} photos")
    expect(page).to_have_url(re.compile(r"/map\?q=cluster%3Dboat"))
    page.reload()
    drawn(page)
    expect(photos(page)).to_have_text(f"{EACH} photos")
    expect(page.get_by_role("button", name="boat")).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(photos(page)).to_have_count(0)
    page.get_by_text("Folder", exact=True).click()
    expect(page.get_by_role("list", name="Colours").get_by_role("button").first).to_contain_text("/photos/")


def test_keys_move_zoom_and_list_what_is_in_sight(page: Page, board: Locator) -> None:
    board.focus()
    page.keyboard.press("Enter")
    expect(photos(page)).to_have_text(f"{len(NAMES) * EACH} photos")
    board.focus()
    for key in ("+", "+", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    expect(photos(page)).to_have_text(f"{EACH} photos")
    board.focus()
    page.keyboard.press("Escape")
    expect(photos(page)).to_have_count(0)


def test_a_point_shows_its_photo_and_opens_it(page: Page, board: Locator) -> None:
    x, y = board.evaluate("(node) => { const { x, y } = node.parentNode.board.points; return [x[0], y[0]]; }")
    left, top = spot(board, (x, y))
    page.mouse.move(left - 30, top - 30)
    page.mouse.move(left, top, steps=5)
    expect(board.locator(".shown img")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_role("dialog").locator(".stage img")).to_be_visible()


def test_where_points_are_drawn_slowly_their_picture_is_moved_to_the_same_place(page: Page, board: Locator) -> None:
    """The mouse and the wheel do the same to the picture of the points as the plot itself does to the points."""

    def dragged() -> tuple[float, float]:
        left, top = spot(board, (0.0, 0.0))
        page.mouse.move(left, top)
        page.mouse.down()
        page.mouse.move(left + 60, top + 30, steps=3)
        assert board.evaluate("(node) => !!node.querySelector('canvas').style.transform") == (slow == "true")
        page.mouse.up()
        page.wait_for_function(at_rest, arg=node)
        after = spot(board, (0.0, 0.0))
        return round(after[0] - left, 1), round(after[1] - top, 1)

    node = board.element_handle()
    at_rest = "(node) => node.querySelector('.name') && !node.querySelector('canvas').style.transform"
    slow = "false"
    assert dragged() == pytest.approx((60, 30), abs=1.5)
    slow = "true"
    board.evaluate(
        "(node) => { node.parentNode.board.slow = true; node.parentNode.board.plot.set({cameraIsFixed: true}); }"
    )
    assert dragged() == pytest.approx((60, 30), abs=1.5)
    distance = board.evaluate(DISTANCE)
    under = spot(board, (-0.7, 0.0))
    page.mouse.move(*under)
    page.mouse.wheel(0, -200)
    page.wait_for_function("(node) => node.querySelector('canvas').style.transform", arg=node)
    page.wait_for_function(at_rest, arg=node)
    assert board.evaluate(DISTANCE) < 0.9 * distance
    assert spot(board, (-0.7, 0.0)) == pytest.approx(under, abs=1.5)


def test_without_webgl_one_sentence_says_so_and_the_list_works(browser: Browser, app: RunningApp) -> None:
    context = browser.new_context()
    context.add_init_script(NO_WEBGL)
    page = context.new_page()
    page.goto(f"{app.url}/map")
    expect(page.get_by_text("The map needs WebGL")).to_be_visible()
    page.get_by_role("button", name="dog, pet").click()
    expect(photos(page)).to_have_text(f"{EACH} photos")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 420])
def test_nobody_is_shut_out(browser: Browser, app: RunningApp, scheme: Literal["light", "dark"], width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{app.url}/map?q=cluster%3Dboat")
    drawn(page)
    expect(photos(page)).to_have_text(f"{EACH} photos")
    found = Axe().run(page, context=".st-key-map-place").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
    context.close()
