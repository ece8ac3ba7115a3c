"""Pictures of every page and state, on drawn photos: 1366, 420 and 2560 pixels wide, light, dark, with more contrast
and in the system's own colours.

python -m tests.e2e.screenshots            writes to tests/output/screenshots
python -m tests.e2e.screenshots --only objects inside export
python -m tests.e2e.screenshots --readme   makes docs/images/search.png again
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from src.config import PROJECT_DIR
from tests.chromium import LAUNCH_ARGUMENTS, MISSING, find_chromium
from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp, commanded, running_app

OUTPUT = PROJECT_DIR / "tests" / "output" / "screenshots"
README_PICTURE = PROJECT_DIR / "docs" / "images" / "search.png"
LOOKS: list[tuple[int, dict[str, str]]] = [
    *((width, {"color_scheme": scheme}) for width in (1366, 420, 2560) for scheme in ("light", "dark")),
    (1366, {"color_scheme": "light", "contrast": "more"}),
    (1366, {"color_scheme": "dark", "contrast": "more"}),
    (1366, {"color_scheme": "light", "forced_colors": "active"}),
]
PHOTOS = 120
QUERY = "hot air balloons"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readme", action="store_true", help="only docs/images/search.png")
    parser.add_argument("--only", nargs="+", metavar="STATE", help=f"of {', '.join((*EMPTY, *COMING, *FULL))}")
    arguments = parser.parse_args()
    readme_only, chosen = arguments.readme, arguments.only or [*EMPTY, *COMING, *FULL]
    binary = find_chromium()
    if binary is None:
        raise SystemExit(MISSING)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=list(LAUNCH_ARGUMENTS))
        pictures = write_pictures(Path(folder) / "My photos", PHOTOS)
        with running_app(Path(folder) / "library") as app:
            if not readme_only:
                _each_look(browser, app, EMPTY, chosen)
            _add_photos(browser, app, pictures)
            if readme_only:
                README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
                _take(browser, app, 1280, {"color_scheme": "light"}, _text_results, README_PICTURE)
            else:
                _find_objects(browser, app, chosen)
                _say_something(app, pictures)
                _each_look(browser, app, FULL, chosen)
        browser.close()


def _each_look(
    browser: Browser, app: RunningApp, states: dict[str, Callable[[Page, str], None]], chosen: Sequence[str]
) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for width, look in LOOKS:
        for name, reach in ((name, reach) for name, reach in states.items() if name in chosen):
            _take(browser, app, width, look, reach, OUTPUT / f"{name}-{width}-{'-'.join(look.values())}.png")


def _take(
    browser: Browser,
    app: RunningApp,
    width: int,
    look: dict[str, str],
    reach: Callable[[Page, str], None],
    file: Path,
) -> None:
    height = {1366: 768, 2560: 1300}.get(width, 820)
    context = browser.new_context(viewport={"width": width, "height": height}, **look)  # type: ignore[arg-type]
    page = context.new_page()
    reach(page, app.url)
    page.wait_for_timeout(900)
    page.screenshot(path=file)
    context.close()


def _add_photos(browser: Browser, app: RunningApp, pictures: list[Path]) -> None:
    page = browser.new_page()
    page.goto(f"{app.url}/upload")
    broken = pictures[0].with_name("half a picture.jpg")
    broken.write_bytes(pictures[0].read_bytes()[:700])
    (pictures[0].with_name("empty.png")).touch()
    page.get_by_placeholder("~/Photos/2024").fill(str(pictures[0].parent))
    page.get_by_role("button", name="Add folder").click()
    page.get_by_text(f"added {PHOTOS} photos").wait_for(timeout=90_000)
    page.close()


def _say_something(app: RunningApp, pictures: list[Path]) -> None:
    """Tags, an album, and something in the bin."""
    names = [str(picture) for picture in pictures]
    commanded(app.home, "tag", *names[:9], "--add", "trip/italy", "--add", "sea")
    commanded(app.home, "album", "Best of summer", "--add", *names[:14])
    commanded(app.home, "rate", *names[:3], "--stars", "4")
    commanded(app.home, "remove", *names[-3:])


def _find_objects(browser: Browser, app: RunningApp, chosen: Sequence[str]) -> None:
    page = browser.new_page()
    page.goto(f"{app.url}/?q={QUERY}")
    page.get_by_test_id("stSidebar").get_by_text("Objects", exact=True).click()
    page.get_by_role("button", name="Find objects in all photos").click()
    _each_look(browser, app, COMING, chosen)
    page.get_by_text(f"found in {PHOTOS} photos").wait_for(timeout=180_000)
    page.close()


# ---------------------------------------------------------------- states


def _opens(path: str, text: str) -> Callable[[Page, str], None]:
    def reach(page: Page, url: str) -> None:
        page.goto(url + path)
        page.get_by_text(text).first.wait_for()

    return reach


def _text_results(page: Page, url: str) -> None:
    page.goto(f"{url}/?q={QUERY}")
    page.locator(".tile").first.wait_for()
    page.wait_for_function("() => document.fonts.status === 'loaded'")


def _photo(page: Page, url: str) -> None:
    _text_results(page, url)
    page.locator(".tile").first.click()
    page.get_by_role("dialog").locator(".stage img").wait_for()


def _similar(page: Page, url: str) -> None:
    _photo(page, url)
    page.get_by_role("button", name="Find similar").click()
    page.get_by_text("Photos that look like").wait_for()


def _in_objects(page: Page, url: str) -> None:
    _text_results(page, url)
    _open_sidebar(page)
    page.get_by_test_id("stSidebar").get_by_text("Both", exact=True).click()
    page.wait_for_timeout(700)


def _objects(page: Page, url: str) -> None:
    _in_objects(page, url)
    _close_sidebar(page)
    page.locator(".tile .box").first.wait_for()


def _new_objects(page: Page, url: str) -> None:
    """To be reached while objects are being found."""
    _in_objects(page, url)
    _close_sidebar(page)
    page.get_by_role("button", name="new object").wait_for()


def _found(page: Page, url: str) -> None:
    _objects(page, url)
    page.locator(".tile:has(.box)").first.click()
    page.get_by_role("button", name="Search with this box").wait_for()
    page.wait_for_timeout(1_000)


def _inside(page: Page, url: str) -> None:
    _photo(page, url)
    page.get_by_role("button", name="Search inside").click()
    page.get_by_role("button", name="Search with this box").wait_for()
    page.wait_for_timeout(1_000)


def _export(page: Page, url: str) -> None:
    _text_results(page, url)
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Write it").wait_for()


def _exported(page: Page, url: str) -> None:
    _export(page, url)
    with tempfile.TemporaryDirectory() as folder:
        page.get_by_label("New folder or ZIP on this computer").fill(f"{folder}/photos.zip")
        page.get_by_role("button", name="Write it").click()
        page.get_by_text("The sidebar shows how far it is").wait_for()
        page.wait_for_timeout(1_500)


def _clip_card(page: Page, url: str) -> None:
    _text_results(page, url)
    _open_sidebar(page)
    page.get_by_text("Get CLIP").click()


def _clear(page: Page, url: str) -> None:
    _text_results(page, url)
    _open_sidebar(page)
    page.get_by_role("button", name="Clear database").click()
    page.get_by_text("Keep everything").wait_for()


def _open_sidebar(page: Page) -> None:
    button = page.get_by_test_id("stExpandSidebarButton")
    if button.is_visible():
        button.click()
        page.wait_for_timeout(400)


def _close_sidebar(page: Page) -> None:
    """Where it covers the page."""
    if page.viewport_size and page.viewport_size["width"] < 700:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()


def _library(page: Page, url: str) -> None:
    page.goto(f"{url}/library")
    page.locator(".tile.here").first.wait_for()


def _selected(page: Page, url: str) -> None:
    _library(page, url)
    for at in (1, 2):
        page.locator(".tile").nth(at).click(modifiers=["ControlOrMeta"])


def _arranged(page: Page, url: str) -> None:
    page.goto(f"{url}/collections")
    page.get_by_role("checkbox", name="Choose Best of summer").check()
    page.get_by_role("button", name="Put in order").click()
    page.get_by_role("listbox").get_by_role("option").first.wait_for()
    page.get_by_text("Order of").scroll_into_view_if_needed()


def _suggested(page: Page, url: str) -> None:
    page.goto(f"{url}/collections")
    page.get_by_label("Photos that may want the tag").fill("balloon")
    page.keyboard.press("Enter")
    page.locator(".strip img").first.wait_for()
    page.locator(".strip").scroll_into_view_if_needed()


def _marks(page: Page, url: str) -> None:
    _library(page, url)
    page.locator(".tile.here").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator(".stage img").wait_for()
    dialog.get_by_role("button", name="Tags, albums, note, remove").click()


COMING = {"new-objects": _new_objects}
"""While objects are being found."""
EMPTY = {
    "empty-text": _opens("/", "No photos yet"),
    "empty-image": _opens("/image", "No photos yet"),
    "empty-upload": _opens("/upload", "Add a folder on this computer"),
    "empty-library": _opens("/library", "No photos yet"),
    "empty-collections": _opens("/collections", "No tags yet"),
    "empty-history": _opens("/history", "Nothing was done yet"),
    "empty-bin": _opens("/bin", "The bin is empty"),
    "empty-about": _opens("/about", "How it works"),
}
FULL = {
    "upload-report": _opens("/upload", "added"),
    "text-start": _opens("/", "Newest photos"),
    "text-results": _text_results,
    "text-nothing": _opens("/?q=xqzvw", "Nothing fits"),
    "text-filtered": _opens("/?q=balloon+-people+is:landscape", "photos ·"),
    "photo": _photo,
    "similar": _similar,
    "objects": _objects,
    "found": _found,
    "objects-sidebar": _in_objects,
    "inside": _inside,
    "export": _export,
    "exported": _exported,
    "image-start": _opens("/image", "Find similar"),
    "about": _opens("/about", "How it works"),
    "library": _library,
    "library-selected": _selected,
    "library-photo": _marks,
    "collections": _opens("/collections", "Best of summer"),
    "album-order": _arranged,
    "suggestions": _suggested,
    "descriptions": _opens("/descriptions", "The pictures stay on this machine"),
    "history": _opens("/history", "put into the bin"),
    "bin": _opens("/bin", "3 photos in the bin"),
    "clip-card": _clip_card,
    "clear": _clear,
}


if __name__ == "__main__":
    main()
