"""The main job in a real browser: add photos, find them by words and by example, open one, clear, quit."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from src.processing import thumbnails
from tests.e2e.conftest import NUMBER, SECONDS, name_of
from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp

pytestmark = pytest.mark.browser


def test_the_main_job(page: Page, app: RunningApp, pictures: list[Path]) -> None:
    start_empty(page, app)
    upload(page, pictures)
    search_by_text(page)
    open_a_photo(page)
    find_similar(page)
    search_by_image(page, pictures[4])
    see_it_in_a_second_tab(page, app)
    clear(page, app)
    quit_the_app(page, app)


def test_real_photos_are_found_by_words(page: Page, app: RunningApp) -> None:
    data = os.environ.get("MFE_TEST_DATA")
    if not data:
        pytest.skip("MFE_TEST_DATA does not name a folder with real photos")
    page.goto(f"{app.url}/upload")
    page.get_by_placeholder("~/Photos/2024").fill(f"'{data}/photos1000'")
    page.get_by_role("button", name="Add folder").click()
    expect(page.get_by_text(re.compile(r"photos/s"))).to_be_visible(timeout=SECONDS)
    tab(page, "Text search").click()  # a click while it runs does not wait for it
    expect(page.get_by_placeholder("Describe what you are looking for")).to_be_visible(timeout=5_000)
    tab(page, "Upload").click()
    expect(page.get_by_text("added 1,000 photos")).to_be_visible(timeout=120_000)
    ask(page, "a tabby cat")
    expect(cells(page).first).to_have_attribute("aria-label", re.compile("match, [0-9]+ %"))
    labels = cells(page).evaluate_all("cells => cells.slice(0, 10).map(cell => cell.getAttribute('aria-label'))")
    assert any("tabby" in label for label in labels), labels


def test_folders_that_change_go_away_and_come_back(page: Page, app: RunningApp, tmp_path: Path) -> None:
    """Nothing is pressed but to add the folder, to forget one photo and to look at the pages."""
    folder = tmp_path / "My drive"
    photos = write_pictures(folder, 6)
    page.goto(f"{app.url}/upload")
    page.get_by_placeholder("~/Photos/2024").fill(str(folder))
    page.get_by_role("button", name="Add folder").click()
    expect(page.get_by_text("added 6 photos")).to_be_visible()
    expect(page.get_by_text("6 photos · looked at")).to_be_visible()
    wait_until_watched(page, app, folder)
    photos[0].unlink()
    expect(page.get_by_text("1 photo is missing: its file is gone.")).to_be_visible()
    page.get_by_role("button", name="Forget 1 photo …").click()
    page.get_by_role("button", name="Forget 1 photo", exact=True).click()
    expect(page.get_by_text("is missing")).to_have_count(0)
    folder.rename(tmp_path / "unplugged")
    expect(page.get_by_text("5 photos hidden until it is back")).to_be_visible()
    tab(page, "Text search").click()
    expect(page.get_by_text("No photos yet")).to_be_visible()
    (tmp_path / "unplugged").rename(folder)
    expect(cells(page)).to_have_count(5)
    tab(page, "Statistics & about").click()
    page.get_by_role("button", name="Check and repair").click()
    expect(page.get_by_text("Nothing wrong")).to_be_visible()


def test_a_timer_that_goes_off_while_the_page_runs_costs_nothing(
    page: Page, app: RunningApp, pictures: list[Path]
) -> None:
    """Timers ask for their parts at any moment, so also while a click is being answered: what it brings must be there
    all the same.

    An answer to such a request, right behind the page's own, made the browser lose what the click had brought, once in
    some dozen rounds.
    """
    with late_timers(page) as (asked, answered):
        page.goto(f"{app.url}/upload")
        for picture in pictures[:12]:
            page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(picture)
            page.get_by_role("button", name=re.compile("^Add 1 photo")).click()
            page.get_by_text("added 1 photo").wait_for()
            page.get_by_role("button", name="Dismiss").click()
            expect(page.get_by_text("added 1 photo")).to_have_count(0)
    assert len(asked) >= 3 * 12 and not answered


# ---------------------------------------------------------------- steps


def wait_until_watched(page: Page, app: RunningApp, folder: Path) -> None:
    """Until the app has asked Linux for what changes in that folder; elsewhere so long that it has surely asked."""
    told = Path(f"/proc/{app.process.pid}/fdinfo")
    if not told.is_dir():
        page.wait_for_timeout(12_000)
        return
    watch, until = f" ino:{folder.stat().st_ino:x} ", time.monotonic() + SECONDS / 1_000
    while not any(watch in text for text in texts_in(told)):
        assert time.monotonic() < until, "the folder is not watched"
        page.wait_for_timeout(100)


def texts_in(folder: Path) -> Iterator[str]:
    for file in folder.iterdir():
        with suppress(OSError):  # it was closed meanwhile
            yield file.read_text()


@contextmanager
def late_timers(page: Page) -> Iterator[tuple[set[str], list[str]]]:
    """Whenever the page begins to run, each timer of the run before asks for its part once more.

    Yields the fragments that were asked for in this way, and those of them of which something was drawn afterwards.
    """
    timers: set[str] = set()
    outdated: set[str] = set()
    drawn: list[str] = []
    last = BackMsg()
    route = server = cast(WebSocketRoute, None)

    def from_page(message: str | bytes) -> None:
        asked = BackMsg.FromString(message if isinstance(message, bytes) else message.encode())
        if asked.WhichOneof("type") == "rerun_script":
            last.CopyFrom(asked)
        server.send(message)

    def from_server(message: str | bytes) -> None:
        told = ForwardMsg.FromString(message if isinstance(message, bytes) else message.encode())
        if told.WhichOneof("type") == "new_session" and not told.metadata.run.fragment_ids:
            for fragment in sorted(timers):
                server.send(timer_request(last, fragment))
            outdated.update(timers)
            timers.clear()
        elif told.WhichOneof("type") == "auto_rerun":
            timers.add(told.auto_rerun.fragment_id)
        elif told.WhichOneof("type") == "delta" and told.delta.fragment_id in outdated:
            drawn.append(told.delta.fragment_id)
        route.send(message)

    def connect(opened: WebSocketRoute) -> None:
        nonlocal route, server
        route, server = opened, opened.connect_to_server()
        route.on_message(from_page)
        server.on_message(from_server)

    page.route_web_socket(re.compile("_stcore/stream"), connect)
    yield outdated, drawn


def timer_request(last: BackMsg, fragment: str) -> bytes:
    """What a timer of the page sends: its fragment, and the widgets as they were when it last sent anything, but for
    what was clicked.
    """
    timer = BackMsg()
    timer.CopyFrom(last)
    timer.rerun_script.fragment_id, timer.rerun_script.is_auto_rerun = fragment, True
    kept = [state for state in last.rerun_script.widget_states.widgets if state.WhichOneof("value") != "trigger_value"]
    del timer.rerun_script.widget_states.widgets[:]
    timer.rerun_script.widget_states.widgets.extend(kept)
    return bytes(timer.SerializeToString())


def tab(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stTopNavLinkContainer").get_by_text(name, exact=True)


def cells(page: Page) -> Locator:
    return page.locator(".tile")


def ask(page: Page, query: str) -> None:
    tab(page, "Text search").click()
    box = page.get_by_placeholder("Describe what you are looking for")
    # before it is there, Enter sends nothing
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_visible()
    box.fill(query)
    box.press("Enter")
    expect(page.get_by_text(re.compile(r"^20 of [\d,]+ photos"))).to_be_visible()


def start_empty(page: Page, app: RunningApp) -> None:
    page.goto(app.url)
    expect(page.get_by_text("No photos yet")).to_be_visible()
    page.get_by_role("button", name="Add photos").click()
    expect(page.get_by_text("Add a folder on this computer")).to_be_visible()


def upload(page: Page, pictures: list[Path]) -> None:
    broken = pictures[0].with_name("broken.jpg")
    broken.write_bytes(pictures[0].read_bytes()[:900])
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files([*pictures, broken])
    page.get_by_role("button", name=re.compile(rf"^Add {NUMBER + 1} photos")).click()
    expect(page.get_by_text(f"added {NUMBER} photos")).to_be_visible()
    expect(page.get_by_text("1 file was skipped")).to_be_visible()
    page.reload()
    expect(page.get_by_text(f"added {NUMBER} photos")).to_be_visible()


def search_by_text(page: Page) -> None:
    ask(page, "snow on the mountains")
    expect(cells(page)).to_have_count(20)
    expect(page).to_have_url(re.compile("q=snow"))
    page.reload()
    expect(cells(page)).to_have_count(20)
    expect(page.get_by_placeholder("Describe what you are looking for")).to_have_value("snow on the mountains")
    expect(cells(page).first.locator("img")).to_have_js_property("naturalWidth", thumbnails.SIDE)


def open_a_photo(page: Page) -> None:
    first = cells(page).first
    name = name_of(first)
    first.focus()
    first.press("ArrowRight")
    expect(cells(page).nth(1)).to_be_focused()
    first.focus()
    first.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".title")).to_have_text(name)
    expect(dialog.locator(".stage img")).to_have_js_property("naturalWidth", 960)
    expect(dialog.get_by_text("960 × 720 pixels")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".title")).to_have_text(name_of(cells(page).nth(1)))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def find_similar(page: Page) -> None:
    name = name_of(cells(page).first)
    cells(page).first.click()
    page.get_by_role("button", name="Find similar").click()
    expect(page.get_by_text(f"Photos that look like {name}")).to_be_visible()
    # the answer to the words is in sight until this one is, and has as many
    expect(cells(page).locator(".name").get_by_text(name, exact=True)).to_have_count(0)
    expect(cells(page)).to_have_count(20)


def search_by_image(page: Page, picture: Path) -> None:
    page.get_by_role("button", name="Choose another").click()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(picture)
    expect(page.get_by_text(f"Photos that look like {picture.name}")).to_be_visible()
    expect(cells(page).first).to_have_attribute("aria-label", re.compile(re.escape(picture.name) + ", strong match"))


def see_it_in_a_second_tab(page: Page, app: RunningApp) -> None:
    other = page.context.new_page()
    other.goto(app.url)
    expect(cells(other)).to_have_count(NUMBER)
    other.close()


def clear(page: Page, app: RunningApp) -> None:
    page.get_by_role("button", name="Clear database").click()
    expect(page.get_by_text(f"{NUMBER} uploaded copies")).to_be_visible()
    page.get_by_role("button", name=f"Clear {NUMBER} photos").click()
    expect(page.get_by_text("No photos yet")).to_be_visible()
    assert len(list((app.home / "data").glob("uploads/*"))) == NUMBER, "all of it is in the bin"


def quit_the_app(page: Page, app: RunningApp) -> None:
    page.get_by_role("button", name="Quit").click()
    expect(page.get_by_text("You can close this tab.")).to_be_visible()
    app.process.wait(SECONDS / 1_000)
    assert app.process.returncode in (0, 1, -signal.SIGINT), "it ends the way Ctrl-C ends it"
    assert not (app.home / "data" / "library.owner.json").exists(), "the library was closed cleanly"
