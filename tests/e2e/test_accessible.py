"""Every page and state, looked through by axe-core for what shuts people out: contrast, names, roles, keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.running_app import RunningApp, commanded, running_app
from tests.unit.scenes import scene

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, pictures: list[Path]) -> Iterator[RunningApp]:
    """One app with the drawn pictures in its library, for all tests here."""
    home, folder, copies = tmp_path_factory.mktemp("library"), str(pictures[0].parent), tmp_path_factory.mktemp("two")
    scene(1).save(copies / "large.jpg")
    scene(1).resize((160, 120)).save(copies / "small.jpg")
    for said in (
        ["index", folder, str(copies)],
        ["tag", folder, "--add", "trip/italy"],
        ["album", "Best", "--add", str(pictures[0])],
        ["remove", str(pictures[-1])],
    ):
        commanded(home, *said)
    with running_app(home, duplicates=True) as running:
        yield running


def reach(address: str, text: str) -> Callable[[Page, str], None]:
    def go(page: Page, url: str) -> None:
        page.goto(url + address)
        expect(page.get_by_text(text).first).to_be_visible()

    return go


def found(page: Page, url: str) -> None:
    page.goto(f"{url}/?q=snow")
    expect(page.locator(".tile").first).to_have_attribute("aria-label", re.compile("match, [0-9]+ %"))


def filters(page: Page, url: str) -> None:
    found(page, url)
    page.get_by_text("Filters", exact=True).click()
    expect(page.get_by_label("It is")).to_be_visible()


def help_(page: Page, url: str) -> None:
    found(page, url)
    page.get_by_text("Help", exact=True).click()
    expect(page.get_by_role("region", name="How to search")).to_be_visible()


def photo(page: Page, url: str) -> None:
    found(page, url)
    page.locator(".tile").first.click()
    expect(page.get_by_role("dialog").locator(".stage img")).to_be_visible()
    expect(page.get_by_role("dialog").locator(".alike").first).to_be_visible()


def similar(page: Page, url: str) -> None:
    photo(page, url)
    page.get_by_role("button", name="Find similar").click()
    expect(page.get_by_text("Photos that look like")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def library(page: Page, url: str) -> None:
    page.goto(f"{url}/library")
    expect(page.get_by_role("option").first).to_be_visible()


def selected(page: Page, url: str) -> None:
    library(page, url)
    page.get_by_role("option").first.click(modifiers=["ControlOrMeta"])
    expect(page.get_by_role("toolbar", name="Selected photos")).to_be_visible()
    if (page.viewport_size or {"width": 0})["width"] < 760:
        page.get_by_role("button", name="Actions").click()
    expect(page.get_by_role("button", name="Add tag")).to_be_visible()


def more(page: Page, url: str) -> None:
    photo(page, url)
    page.get_by_role("dialog").get_by_role("button", name="More").first.click()
    expect(page.get_by_role("dialog").get_by_text("trip/italy").first).to_be_visible()


def duplicates(page: Page, url: str) -> None:
    page.goto(f"{url}/duplicates")
    expect(page.locator(".card img").first).to_be_visible()


def comparison(page: Page, url: str) -> None:
    duplicates(page, url)
    page.keyboard.press(" ")
    expect(page.get_by_role("dialog").locator("figure").first).to_be_visible()


def rule(page: Page, url: str) -> None:
    duplicates(page, url)
    page.get_by_role("button", name="Decide about many").click()
    expect(page.locator(".bulk-first img").first).to_be_visible()


def arranged(page: Page, url: str) -> None:
    page.goto(f"{url}/collections")
    page.get_by_role("checkbox", name="Choose Best").check()
    page.get_by_role("button", name="Put in order").click()
    expect(page.get_by_role("listbox", name="Photos of the album").get_by_role("option")).to_have_count(1)


def suggested(page: Page, url: str) -> None:
    page.goto(f"{url}/collections")
    page.get_by_label("Photos that may want the tag").fill("balloons")
    page.keyboard.press("Enter")
    expect(page.locator(".strip li").first).to_be_visible()


def labels(page: Page, url: str) -> None:
    page.goto(f"{url}/labels")
    chosen = page.get_by_role("combobox", name="Labels", exact=True)
    chosen.click()
    page.get_by_role("option", name="My own labels").click()
    page.get_by_role("textbox", name="Labels, one a line").fill("snow, boat, city")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.get_by_text(re.compile("By 3 labels|by these 3 labels"))).to_be_visible()
    start = page.get_by_role("button", name=re.compile("Classify [0-9]+ photo"))
    if start.count():
        start.click()
    expect(page.locator(".strip li").first).to_be_visible()
    page.reload()  # the toast at the job's end is not ours
    expect(page.get_by_text("by these 3 labels")).to_be_visible()
    expect(page.locator(".strip li").first).to_be_visible()
    assert page.evaluate("document.activeElement === document.body"), "nothing takes the keyboard by itself"


def forgetting(page: Page, url: str) -> None:
    page.goto(f"{url}/lab")
    expect(page.get_by_text("Vectors of your photos")).to_be_visible()
    page.get_by_text("Take over vectors").click()
    expect(page.get_by_role("textbox", name="Name of the space")).to_be_visible()


STATES: dict[str, Callable[[Page, str], None]] = {
    "upload": reach("/upload", "Add a folder on this computer"),
    "start": reach("/", "Newest photos"),
    "results": found,
    "nothing fits": reach("/?q=xqzvw", "Nothing fits"),
    "filters": filters,
    "help": help_,
    "photo": photo,
    "image search": reach("/image", "Find similar"),
    "similar photos": similar,
    "about": reach("/about", "How it works"),
    "library": library,
    "selected photos": selected,
    "what is said of a photo": more,
    "tags and albums": reach("/collections", "Best"),
    "duplicates": duplicates,
    "two copies compared": comparison,
    "a rule for copies": rule,
    "order of an album": arranged,
    "suggestions": suggested,
    "descriptions": reach("/descriptions", "The pictures stay on this machine"),
    "history": reach("/history", "put into the bin"),
    "bin": reach("/bin", "1 photo in the bin"),
    "labels": labels,
    "lab": forgetting,
    "insights": reach("/insights", "Outliers"),
}


LAYERS = "[role=dialog], [role=toolbar], [role=region], [role=option], [data-testid=stPopoverBody], .card, .strip li"
"""What a state has open or shows."""


@pytest.mark.parametrize("width", [1366, 420])
@pytest.mark.parametrize("state", STATES)
def test_nothing_serious_is_found(page: Page, app: RunningApp, state: str, width: int) -> None:
    """In the light colours, and in the dark ones that the page takes on when the system does."""
    page.set_viewport_size({"width": width, "height": 768})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    STATES[state](page, app.url)
    drawn_on(page, "rgb(255, 255, 255)")
    nothing_serious(page)
    layers, number = page.locator(LAYERS), page.locator(LAYERS).count()
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    drawn_on(page, "rgb(19, 20, 24)")
    nothing_serious(page)
    assert layers.count() == number, "what was open is still"


def drawn_on(page: Page, colour: str) -> None:
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", colour)


def test_links_to_pages_show_where_the_keyboard_is(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/insights")
    bar = page.get_by_test_id("stTopNavLinkContainer").get_by_role("link", name="Upload")
    for link in (bar, page.get_by_test_id("stSidebar").get_by_role("link", name="Map", exact=True)):
        expect(link).to_be_visible()
        page.keyboard.press("Tab")
        link.focus()
        expect(link).to_have_css("outline-style", "solid")


def test_labels_are_answered_by_keys_also_after_the_same_one_was_chosen_again(page: Page, app: RunningApp) -> None:
    labels(page, app.url)
    box = page.locator(".st-key-labels-label").get_by_role("combobox")
    box.click()
    page.get_by_role("option").first.click()  # the one that is chosen already
    expect(box).not_to_be_focused()
    page.keyboard.press("n")
    expect(page.get_by_text("refused for 1 photo")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="All as CSV").focus()
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "labels.csv"
    assert download.value.path().read_text("utf-8-sig").startswith("photo,label,probability")


STILL = """async () => {
  const shadows = (root) => [...root.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean);
  const within = (root) => [root, ...shadows(root).flatMap(within)];
  const ends = (one) => one.playState === "running" && Number.isFinite(one.effect.getComputedTiming().endTime);
  const fading = () => within(document).some((root) => root.getAnimations().some(ends));
  for (let still = 0; still < 8; still = fading() ? 0 : still + 1) await new Promise((next) => setTimeout(next, 25));
}"""
"""Until for a fifth of a second nothing has been fading in that ever ends."""


def nothing_serious(page: Page) -> None:
    """Nothing that axe-core calls serious is on the page."""
    page.evaluate(STILL)
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [told(one) for one in violations if one["impact"] in ("serious", "critical")]
    assert not serious, "\n".join(serious)


def told(violation: dict[str, Any]) -> str:
    places = [f"    {' '.join(map(str, node['target']))}: {node['html'][:200]}" for node in violation["nodes"][:4]]
    return "\n".join([f"{violation['id']} ({violation['impact']}): {violation['help']}", *places])


def test_the_help_is_scrolled_by_keys(page: Page, app: RunningApp) -> None:
    page.set_viewport_size({"width": 1366, "height": 600})
    found(page, app.url)
    button = page.get_by_test_id("stPopoverButton").filter(has_text="Help")
    button.focus()
    page.keyboard.press("Enter")
    region = page.get_by_role("region", name="How to search")
    expect(region).to_be_focused()
    last = region.get_by_role("row").last
    expect(last).not_to_be_in_viewport()
    page.keyboard.press("End")
    expect(last).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(region).to_have_count(0)
    expect(button).to_be_focused()


def test_filters_are_chosen_by_keys(page: Page, app: RunningApp) -> None:
    found(page, app.url)
    button = page.get_by_test_id("stPopoverButton").filter(has_text="Filters")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Folder", exact=True)).to_be_focused()
    page.get_by_label("It is").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.type("land")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="is:landscape", exact=True)).to_be_visible()
