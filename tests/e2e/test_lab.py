"""The lab in a real browser: labelled pictures measured while one waits, and the report, which asks for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp, running_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("library")) as running:
        yield running


@pytest.fixture(scope="module")
def report(browser: Browser, app: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page's button saves, after a study of drawn pictures in two classes."""
    folder = tmp_path_factory.mktemp("labelled")
    for number, path in enumerate(write_pictures(tmp_path_factory.mktemp("pictures"), 24)):
        (folder / ("one", "two")[number % 2]).mkdir(exist_ok=True)
        path.rename(folder / ("one", "two")[number % 2] / path.name)
    page = browser.new_page(viewport={"width": 1366, "height": 900})
    page.goto(f"{app.url}/lab")
    page.get_by_label("Folder of labelled pictures").fill(str(folder))
    page.get_by_role("radio", name="Study").click()
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_text("Are the vectors of two similar pictures similar, too?")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("times as fast as with one step after the other")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    place = tmp_path_factory.mktemp("saved") / "report.html"
    download.value.save_as(place)
    page.close()
    return place


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (420, "dark")])
def test_the_report_is_read_without_asking_for_anything(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page, asked, said = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    expect(page.get_by_role("heading", name="Models side by side")).to_be_visible()
    page.wait_for_load_state("networkidle")
    others = [url for url in asked if not url.startswith("data:")]
    assert others == [report.as_uri()] and said == []
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], "tables scroll within themselves"
    shown = page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert shown and page.evaluate("document.images.length") > 4
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (scheme == "light")
    context.close()


def test_a_narrow_page_cuts_nothing_off(page: Page, app: RunningApp, report: Path) -> None:
    page.set_viewport_size({"width": 420, "height": 860})
    page.goto(f"{app.url}/lab")
    expect(page.get_by_role("button", name="Download the report")).to_be_visible()
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
