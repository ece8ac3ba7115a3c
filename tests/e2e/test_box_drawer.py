"""Drawing a box on a photo in a real browser: by pointer, finger and keys, under the app's security policy."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Locator, Page, expect

from src.config import PROJECT_DIR
from src.schema import Box
from tests.e2e.running_app import free_port

pytestmark = pytest.mark.browser

SECONDS = 30_000
WIDTH, HEIGHT = 2400, 1800
INNER, OUTER, SMALL = (600, 450, 1200, 1350), (300, 300, 1800, 1500), (2300, 1700, 2310, 1706)
HOSTILE = "<img src=x onerror=window.hacked=1> **b** \u202egpj"

APP = """
from pathlib import Path
import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import FileResponse
from starlette.routing import Route
from src.api.origin_guard import Doors

here = Path(__file__).parent
app = st.App(
    here / "page.py",
    routes=[Route("/api/picture", lambda request: FileResponse(here / "picture.jpg"))],
    middleware=[Middleware(Doors)],
)
"""
PAGE = """
from pathlib import Path
import numpy as np
import streamlit as st
from PIL import Image
from src import masks
from src.ui.photos import box_drawer

scene = st.query_params.get("scene", "objects")
st.set_page_config(layout="wide")
st.button("Run again")
if scene == "objects":
    boxes = [(INNER, "inner " + HOSTILE), (OUTER, "outer"), (SMALL, "small")]
    box = box_drawer.show("draw", "/api/picture", WIDTH, HEIGHT, boxes, name="red " + HOSTILE)
elif scene == "plain":
    box = box_drawer.show("draw", "/api/picture", WIDTH, HEIGHT, name="red")
elif scene == "mask":
    rows, columns = np.mgrid[:60, :80]
    mask = masks.encode(np.hypot(rows - 30, columns - 40) < 20)
    box = box_drawer.show("draw", "/api/picture", WIDTH, HEIGHT, mask=mask, chosen=INNER, action="Find this")
else:
    box = box_drawer.show("draw", Image.open(Path(__file__).with_name("tiny.png")), 40, 30)
st.session_state.rounds = st.session_state.get("rounds", 0) + (box is not None)
st.session_state.last = box or st.session_state.get("last")
st.text(f"confirmed {st.session_state.rounds}: {st.session_state.last}")
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with drawing_app(tmp_path_factory.mktemp("app")) as address:
        yield address


@contextmanager
def drawing_app(folder: Path) -> Iterator[str]:
    """A page with nothing but the component, behind the app's own doors."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (208, 214, 196))
    ImageDraw.Draw(picture).rectangle((INNER[0], INNER[1], INNER[2] - 1, INNER[3] - 1), (196, 40, 40))
    ImageDraw.Draw(picture).ellipse((1500, 200, 2200, 900), (40, 90, 160))
    picture.save(folder / "picture.jpg")
    Image.new("RGBA", (40, 30), (10, 120, 60, 200)).save(folder / "tiny.png")
    (folder / "app.py").write_text(APP)
    values = {"INNER": INNER, "OUTER": OUTER, "SMALL": SMALL, "WIDTH": WIDTH, "HEIGHT": HEIGHT, "HOSTILE": HOSTILE}
    (folder / "page.py").write_text(
        "\n".join(f"{name} = {value!r}" for name, value in values.items()) + PAGE, encoding="utf-8"
    )
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "app.py"), "--server.port", str(port)]
    environ = {**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT_DIR, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/picture", process, folder / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the app did not start:\n" + log.read_text(errors="replace")[-2_000:])


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, url: str) -> Iterator[Opened]:
    """Opens a scene; fails on a script error, on anything the policy stops, and on a script that a name brought in."""
    pages: list[Page] = []
    wrong: list[str] = []

    def open_scene(scene: str = "plain", **options: Any) -> Page:
        page = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options}).new_page()
        page.set_default_timeout(SECONDS)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None)
        pages.append(page)
        page.goto(f"{url}/?scene={scene}")
        page.locator("img.picture").evaluate("picture => picture.decode()")
        return page

    yield open_scene
    hacked = [page.evaluate("() => window.hacked") for page in pages]
    for page in pages:
        page.context.close()
    assert not wrong and hacked == [None] * len(pages)


expect.set_options(timeout=SECONDS)


# ---------------------------------------------------------------- steps


def stage(page: Page) -> Locator:
    return page.locator(".stage")


def spot(page: Page, x: float, y: float, width: int = WIDTH, height: int = HEIGHT) -> tuple[float, float]:
    """Where a pixel of the picture is on the screen, by the picture itself."""
    place = page.locator("img.picture").bounding_box()
    assert place
    return place["x"] + x / width * place["width"], place["y"] + y / height * place["height"]


def drag(
    page: Page, start: tuple[float, float], end: tuple[float, float], size: tuple[int, int] = (WIDTH, HEIGHT)
) -> None:
    page.mouse.move(*spot(page, *start, *size))
    page.mouse.down()
    page.mouse.move(*spot(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2, *size))
    page.mouse.move(*spot(page, *end, *size))
    page.mouse.up()


def drawn(page: Page) -> Box | None:
    """The box that the page says is drawn, XYXY."""
    said = page.get_by_role("status").filter(has_text=re.compile("^(Box of|No box)")).inner_text()
    found = re.fullmatch(r"Box of (\d+) × (\d+) pixels at (\d+), (\d+)", said)
    if not found:
        assert said == "No box yet"
        return None
    width, height, left, top = (int(number) for number in found.groups())
    return left, top, left + width, top + height


def confirmed(page: Page, round_number: int) -> Box:
    """The box that Python was given at the n-th confirmation."""
    said = page.get_by_text(re.compile(rf"^confirmed {round_number}: \("))
    left, top, right, bottom = json.loads(said.inner_text().split(": ")[1].replace("(", "[").replace(")", "]"))
    return left, top, right, bottom


def near(box: Box | None, expected: Box, within: float) -> bool:
    return box is not None and all(abs(one - other) <= within for one, other in zip(box, expected, strict=True))


# ---------------------------------------------------------------- pointer


@pytest.mark.parametrize("density", [1, 3])
@pytest.mark.parametrize("width", [1100, 420])
def test_a_dragged_box_is_in_the_pictures_own_pixels(opened: Opened, width: int, density: int) -> None:
    page = opened(viewport={"width": width, "height": 800}, device_scale_factor=density)
    place = page.locator("img.picture").bounding_box()
    assert place and place["width"] < WIDTH / 2 and abs(place["width"] / place["height"] - WIDTH / HEIGHT) < 0.01
    expect(page.get_by_role("button", name="Search with this box")).to_be_disabled()
    drag(page, (INNER[2], INNER[1]), (INNER[0], INNER[3]))
    pixel = WIDTH / place["width"]
    assert near(drawn(page), INNER, pixel), "from any corner to the opposite one"
    box = drawn(page)
    page.get_by_role("button", name="Search with this box").click()
    assert confirmed(page, 1) == box
    outline = page.locator(".box").bounding_box()
    assert (
        outline and abs(outline["x"] - spot(page, INNER[0], 0)[0]) < 1.5 and abs(outline["height"] - 900 / pixel) < 2.5
    )


def test_a_box_ends_at_the_picture(opened: Opened) -> None:
    page = opened()
    drag(page, (1800, 1500), (9_000, 9_000))
    assert near(drawn(page), (1800, 1500, WIDTH, HEIGHT), 4)
    drag(page, (400, 300), (-900, -900))
    assert near(drawn(page), (0, 0, 400, 300), 4)


def test_a_box_is_moved_by_its_inside_and_resized_by_its_corners(opened: Opened) -> None:
    page = opened()
    drag(page, (600, 600), (1200, 1200))
    drag(page, (900, 900), (1000, 800))
    assert near(drawn(page), (700, 500, 1300, 1100), 7)
    drag(page, (900, 900), (9_000, 900))
    assert near(drawn(page), (1800, 500, 2400, 1100), 7), "moved to the edge, it keeps its size"
    left, top, right, bottom = drawn(page) or (0, 0, 0, 0)
    drag(page, (left, top), (1500, 200))
    assert near(drawn(page), (1500, 200, right, bottom), 7)
    drag(page, (1500, bottom), (right + 9, 100))
    assert near(drawn(page), (right, 100, WIDTH, 200), 12), "past the opposite corner it turns over"


def test_a_click_draws_nothing_and_a_box_stays_through_a_run(opened: Opened) -> None:
    page = opened()
    page.mouse.click(*spot(page, 500, 500))
    assert drawn(page) is None
    drag(page, (600, 600), (1200, 1200))
    ring = "stage => getComputedStyle(stage).outlineStyle"
    assert stage(page).evaluate(ring) == "none"
    page.keyboard.press("ArrowRight")
    assert stage(page).evaluate(ring) == "solid", "keys go on with what the pointer began, and the focus shows"
    box = drawn(page)
    page.get_by_role("button", name="Run again").click()
    page.wait_for_timeout(1_000)
    assert drawn(page) == box
    page.get_by_role("button", name="Clear").click()
    assert drawn(page) is None
    expect(page.get_by_text("confirmed 0: None")).to_be_visible()


def test_a_small_picture_is_drawn_large_and_no_box_is_too_small(opened: Opened) -> None:
    page = opened("tiny")
    place = page.locator("img.picture").bounding_box()
    assert place and place["width"] >= 300
    for start, end in (((5, 5), (6, 6)), ((39.9, 29.9), (38.9, 28.9)), ((20, 0.1), (19, 1.1))):
        drag(page, start, end, (40, 30))
        left, top, right, bottom = drawn(page) or (0, 0, 0, 0)
        assert (right - left, bottom - top) == (4, 4) and left >= 0 and top >= 0 and right <= 40 and bottom <= 30
        page.get_by_role("button", name="Clear").click()
    drag(page, (-20, -20), (60, 60), (40, 30))
    assert drawn(page) is None, "what begins outside is not ours"
    drag(page, (0.5, 0.5), (60, 60), (40, 30))
    assert drawn(page), "though that has selected the page's text, and the picture with it"
    page.get_by_role("button", name="Search with this box").click()
    left, top, right, bottom = confirmed(page, 1)
    assert left <= 1 and top <= 1 and (right, bottom) == (40, 30)


# ---------------------------------------------------------------- known objects


def test_a_click_on_an_object_chooses_it_the_smaller_where_two_lie(opened: Opened) -> None:
    page = opened("objects")
    page.mouse.click(*spot(page, 900, 900))
    assert confirmed(page, 1) == INNER == drawn(page)
    page.mouse.click(*spot(page, 1500, 1400))
    assert confirmed(page, 2) == OUTER
    x, y = spot(page, 2305, 1703)
    page.mouse.click(x - 9, y - 9)
    assert confirmed(page, 3) == SMALL, "a small one has room around it to be hit"


def test_a_drag_that_begins_on_an_object_draws_and_chooses_nothing(opened: Opened) -> None:
    page = opened("objects")
    drag(page, (700, 600), (1100, 1000))
    assert near(drawn(page), (700, 600, 1100, 1000), 4)
    page.wait_for_timeout(700)
    expect(page.get_by_text("confirmed 0: None")).to_be_visible()
    page.locator(".object").nth(0).press("Enter")
    assert confirmed(page, 1) == OUTER
    page.mouse.click(*spot(page, 900, 900))
    assert confirmed(page, 2) == INNER, "under a drawn box too"


def test_objects_are_reached_and_chosen_by_keys(opened: Opened) -> None:
    page = opened("objects")
    stage(page).focus()
    page.keyboard.press("Tab")
    focused = "() => document.activeElement.shadowRoot?.activeElement?.getAttribute('aria-label')"
    names = []
    for _ in range(3):
        names.append(page.evaluate(focused))
        page.keyboard.press("Tab")
    assert [name.split(" ")[0].strip(",") for name in names] == ["outer", "inner", "small"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert confirmed(page, 1) == INNER


def test_names_are_text(opened: Opened) -> None:
    page = opened("objects")
    safe = HOSTILE.replace("\u202e", "\N{REPLACEMENT CHARACTER}")
    assert page.locator("img.picture").get_attribute("alt") == f"red {safe}"
    assert stage(page).get_attribute("aria-label") == f"Draw a box on red {safe}"
    page.mouse.move(*spot(page, 900, 900))
    label = page.locator(".label", has_text="inner")
    expect(label).to_be_visible()
    assert label.text_content() == f"inner {safe}" and label.locator("*").count() == 0


def test_a_label_at_the_edge_stays_on_the_screen(opened: Opened) -> None:
    page = opened("objects", viewport={"width": 420, "height": 800})
    page.mouse.move(*spot(page, 2305, 1703))
    place = page.locator(".label", has_text="small").bounding_box()
    assert place and place["x"] >= 0 and place["x"] + place["width"] <= 420
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 420


# ---------------------------------------------------------------- keys and fingers


def test_everything_goes_by_keys(opened: Opened) -> None:
    page = opened()
    page.get_by_role("button", name="Run again").focus()
    page.keyboard.press("Tab")
    assert (
        stage(page).evaluate("stage => stage.matches(':focus-visible') && getComputedStyle(stage).outlineStyle")
        == "solid"
    )
    page.keyboard.press("ArrowLeft")
    assert drawn(page) == (800, 600, 1600, 1200), "the first key makes a box"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert drawn(page) == (776, 624, 1576, 1224)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    assert drawn(page) == (776, 624, 1600, 1200)
    page.keyboard.press("Enter")
    assert confirmed(page, 1) == (776, 624, 1600, 1200)
    page.keyboard.press("Escape")
    assert drawn(page) is None and page.get_by_role("button", name="Clear").is_disabled()


def test_keys_stop_at_the_pictures_edges(opened: Opened) -> None:
    page = opened("tiny")
    stage(page).focus()
    page.keyboard.press("Enter")
    for key, expected in (("ArrowLeft", (0, 10)), ("ArrowUp", (0, 0))):
        for _ in range(60):
            page.keyboard.press(key)
        left, top, *_ = drawn(page) or (-1, -1)
        assert (left, top) == expected
    for way, size in (("Left", (4, 10)), ("Up", (4, 4)), ("Right", (40, 4)), ("Down", (40, 30))):
        for _ in range(60):
            page.keyboard.press(f"Shift+Arrow{way}")
        assert drawn(page) == (0, 0, *size)


def test_keys_with_nothing_to_do_are_left_to_the_page(opened: Opened) -> None:
    page = opened()
    page.evaluate(
        "() => { window.seen = []; document.addEventListener('keydown', event => window.seen.push(event.key)); }"
    )
    stage(page).focus()
    for key in ("Escape", "Enter", "ArrowLeft", "Escape", "PageDown"):
        page.keyboard.press(key)
    assert page.evaluate("() => window.seen") == ["Escape", "PageDown"], "the first Escape had no box to clear"


def test_with_a_box_arrows_and_escape_are_ours_on_every_button_and_during_a_drag(opened: Opened) -> None:
    page = opened("objects")
    page.evaluate(
        "() => { window.seen = []; document.addEventListener('keydown', event => window.seen.push(event.key)); }"
    )
    page.locator(".object").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    drag(page, (600, 1300), (1600, 1700))
    for place in (page.locator(".object").nth(1), page.get_by_role("button", name="Search with this box")):
        box = drawn(page)
        place.focus()
        page.keyboard.press("ArrowRight")
        assert box and drawn(page) == (box[0] + 24, box[1], box[2] + 24, box[3])
    page.keyboard.press("Escape")
    assert drawn(page) is None
    page.locator(".object").nth(1).focus()
    page.mouse.move(*spot(page, 700, 700))
    page.mouse.down()
    page.keyboard.press("ArrowRight")
    page.mouse.move(*spot(page, 1000, 1000), steps=3)
    box = drawn(page)
    page.keyboard.press("ArrowRight")
    assert box and drawn(page) == box, "the pointer has it"
    page.keyboard.press("Escape")
    page.wait_for_timeout(100)  # however long one waits before letting go over an object, it is not chosen
    page.mouse.up()
    assert drawn(page) is None
    expect(page.get_by_text("confirmed 0: None")).to_be_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("() => window.seen") == ["ArrowLeft", "Escape"], "without a box they are the page's"


def test_a_finger_draws_and_chooses_and_two_do_not(opened: Opened) -> None:
    page = opened(
        "objects", viewport={"width": 420, "height": 800}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    stage(page).scroll_into_view_if_needed()
    client = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        found = [dict(zip(("x", "y"), spot(page, *point), strict=True)) for point in points]
        client.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{**at, "id": number} for number, at in enumerate(found)]},
        )

    touch("touchStart", (300, 1550))
    for step in range(1, 6):
        touch("touchMove", (300 + 200 * step, 1550 - 200 * step))
    touch("touchEnd")
    assert near(drawn(page), (300, 550, 1300, 1550), 12)
    box = drawn(page)
    touch("touchStart", (1800, 300))
    touch("touchMove", (1900, 400))
    touch("touchStart", (1900, 400), (400, 400))
    touch("touchMove", (2000, 500), (300, 300))
    touch("touchEnd")
    assert drawn(page) == box, "a pinch draws nothing"
    page.touchscreen.tap(*spot(page, 1700, 400))
    assert confirmed(page, 1) == OUTER


# ---------------------------------------------------------------- what is shown over the picture


def test_a_mask_and_a_box_to_begin_with_are_shown(opened: Opened) -> None:
    page = opened("mask")
    assert drawn(page) == INNER
    page.get_by_role("button", name="Clear").click()
    page.wait_for_timeout(300)
    picture = page.locator("img.picture").bounding_box()
    assert picture
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        middle, edge = (
            shot.convert("RGB").getpixel(tuple(map(int, spot(page, x, 1650 if x > 2000 else 900))))
            for x in (1300, 2300)
        )
    assert edge != middle and middle[2] > edge[2], "the mask's middle has the theme's blue over it"
    expect(page.get_by_role("button", name="Find this")).to_be_disabled()
