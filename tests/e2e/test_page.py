"""What a browser offers by itself and people use without thinking: Back, Forward, reload, links, keys and the focus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import NUMBER, SECONDS, name_of
from tests.e2e.running_app import RunningApp, commanded, running_app

pytestmark = pytest.mark.browser

DOGS = "a dog on the beach"
SNOW = "snow on the mountains"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, pictures: list[Path]) -> Iterator[RunningApp]:
    """One app with the drawn pictures in its library, for all tests here."""
    home = tmp_path_factory.mktemp("library")
    commanded(home, "index", str(pictures[0].parent))
    with running_app(home) as running:
        yield running


def cells(page: Page) -> Locator:
    return page.locator(".tile")


def box(page: Page) -> Locator:
    return page.get_by_placeholder("Describe what you are looking for")


def ask(page: Page, query: str) -> None:
    box(page).fill(query)
    box(page).press("Enter")
    at(page, "q", query)
    expect(cells(page).first).to_have_attribute("aria-label", re.compile("match, [0-9]+ %"))


def at(page: Page, part: str, value: str | None) -> None:
    """Wait until that part of the address says so; None: until it is not there."""
    page.wait_for_function(
        "([part, value]) => new URLSearchParams(location.search).get(part) === value", arg=[part, value]
    )


def shown(page: Page, number: int, query: str | None = None) -> None:
    """Wait until the page shows so many photos, for these words."""
    expect(cells(page)).to_have_count(number)
    if query is not None:
        expect(box(page)).to_have_value(query)


def choose(page: Page, tab: str) -> None:
    page.get_by_test_id("stTopNavLinkContainer").get_by_text(tab, exact=True).click()


def start(page: Page, app: RunningApp, address: str = "") -> None:
    page.goto(app.url + address)
    expect(cells(page).first).to_be_visible()


def drawn(page: Page) -> None:
    """Wait until the page is drawn to its end."""
    expect(page.locator('[data-testid="stApp"][data-test-script-state="running"]')).to_have_count(0)


def search_in_four_steps(page: Page, app: RunningApp) -> None:
    """From the first page to 19 results, objects among them: each step is one in the browser's history."""
    start(page, app)
    shown(page, NUMBER, "")
    drawn(page)
    ask(page, DOGS)
    ask(page, SNOW)
    page.get_by_role("radio", name="Both").click()
    at(page, "in", "both")
    drawn(page)
    page.get_by_role("slider", name="Number of results").focus()
    page.keyboard.press("ArrowLeft")
    at(page, "n", "19")
    shown(page, 19, SNOW)


# ---------------------------------------------------------------- Back, Forward, reload, links


def test_back_and_forward_move_between_searches(page: Page, app: RunningApp) -> None:
    """One after the other, each once the page is drawn."""
    search_in_four_steps(page, app)
    drawn(page)
    page.go_back()
    at(page, "n", None)
    shown(page, 20, SNOW)
    expect(page.get_by_role("radio", name="Both")).to_be_checked()
    drawn(page)
    page.go_back()
    at(page, "in", None)
    shown(page, 20, SNOW)
    expect(page.get_by_role("radio", name="Photos")).to_be_checked()
    drawn(page)
    page.go_back()
    shown(page, 20, DOGS)
    drawn(page)
    page.go_back()
    shown(page, NUMBER, "")
    for number, words, mode in ((20, DOGS, "Photos"), (20, SNOW, "Photos"), (20, SNOW, "Both"), (19, SNOW, "Both")):
        drawn(page)
        page.go_forward()
        expect(page.get_by_role("radio", name=mode)).to_be_checked()
        shown(page, number, words)
    at(page, "in", "both")


def test_steps_in_the_history_may_come_while_the_page_is_drawn(page: Page, app: RunningApp) -> None:
    """Each is pressed at once after the one before: runs cut each other short, or come right after each other."""
    search_in_four_steps(page, app)
    searches = (
        (NUMBER, "", "Photos", {}),
        (20, DOGS, "Photos", {"q": DOGS}),
        (20, SNOW, "Photos", {"q": SNOW}),
        (20, SNOW, "Both", {"q": SNOW, "in": "both"}),
        (19, SNOW, "Both", {"q": SNOW, "in": "both", "n": "19"}),
    )
    place = 4
    for goal in (2, 4, 0, 3, 1, 4, 0, 4):
        for _ in range(abs(goal - place)):
            page.go_back() if goal < place else page.go_forward()
        place = goal
        number, words, mode, parts = searches[goal]
        shown(page, number, words)
        expect(page.get_by_role("radio", name=mode)).to_be_checked()
        assert dict(parse_qsl(urlsplit(page.url).query)) == parts


def test_back_closes_an_open_photo_and_stays_in_the_search(page: Page, app: RunningApp) -> None:
    start(page, app)
    ask(page, DOGS)
    cells(page).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".title")).to_have_text(name_of(cells(page).first))
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".title")).to_have_text(name_of(cells(page).nth(1)))
    at(page, "photo", cells(page).nth(1).get_attribute("data-id"))
    page.go_back()
    expect(dialog).to_have_count(0)
    shown(page, 20, DOGS)
    page.go_forward()
    expect(dialog.locator(".title")).to_have_text(name_of(cells(page).nth(1)))
    page.reload()
    expect(dialog.locator(".title")).to_have_text(name_of(cells(page).nth(1)))
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.locator(".title")).to_have_text(name_of(cells(page).nth(2)))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    at(page, "photo", None)
    shown(page, 20, DOGS)


def test_a_closed_photo_costs_no_step_back(page: Page, app: RunningApp) -> None:
    start(page, app)
    ask(page, DOGS)
    ask(page, SNOW)
    cells(page).nth(2).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".title")).to_be_visible()
    page.wait_for_function("() => new URLSearchParams(location.search).has('photo')")
    dialog.get_by_role("button", name="Close").last.click()
    expect(dialog).to_have_count(0)
    at(page, "photo", None)
    page.go_back()
    shown(page, 20, DOGS)


def test_a_change_of_tab_is_one_step(page: Page, app: RunningApp) -> None:
    start(page, app)
    ask(page, DOGS)
    choose(page, "Statistics & about")
    expect(page.get_by_text("Check-up")).to_be_visible()
    choose(page, "Text search")
    shown(page, 20, DOGS)
    at(page, "q", DOGS)
    page.go_back()
    expect(page.get_by_text("Check-up")).to_be_visible()
    page.go_back()
    shown(page, 20, DOGS)
    page.go_back()
    shown(page, NUMBER, "")


def test_similar_photos_have_an_address_too(page: Page, app: RunningApp) -> None:
    start(page, app)
    ask(page, DOGS)
    chosen = cells(page).first
    id_, name = chosen.get_attribute("data-id"), name_of(chosen)
    chosen.click()
    page.get_by_role("button", name="Find similar").click()
    expect(page.get_by_text(f"Photos that look like {name}")).to_be_visible()
    at(page, "like", id_)
    page.reload()
    expect(page.get_by_text(f"Photos that look like {name}")).to_be_visible()
    page.get_by_role("button", name="Choose another").click()
    at(page, "like", None)
    page.go_back()
    expect(page.get_by_text(f"Photos that look like {name}")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog").locator(".title")).to_have_text(name)
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    shown(page, 20, DOGS)


def test_a_dropped_example_is_not_in_the_address_and_is_there_on_the_way_back(
    page: Page, app: RunningApp, pictures: list[Path]
) -> None:
    start(page, app)
    choose(page, "Image search")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(pictures[4])
    example = page.get_by_text(f"Photos that look like {pictures[4].name}")
    expect(example).to_be_visible()
    assert "like" not in page.url
    cells(page).nth(3).click()
    page.get_by_role("button", name="Find similar").click()
    expect(example).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("dialog").locator(".title")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(example).to_be_visible()


def test_a_reload_and_a_second_tab_keep_filters_number_and_mode(
    page: Page, app: RunningApp, pictures: list[Path]
) -> None:
    folder = f"in:{pictures[0].parent.name}"
    page.goto(f"{app.url}/?q=snow+is:landscape+{folder}&n=7&in=both")
    words = page.get_by_role("button", name=folder, exact=True)
    expect(words).to_be_visible()
    page.reload()
    expect(words).to_be_visible()
    expect(page.get_by_role("radio", name="Both")).to_be_checked()
    expect(page.get_by_role("slider", name="Number of results")).to_have_value("7")
    page.get_by_role("button", name=f"Take away {folder}").click()
    at(page, "q", "snow is:landscape")
    shown(page, 7, "snow is:landscape")
    page.go_back()
    expect(words).to_be_visible()


@pytest.mark.parametrize(
    "parts", ["n=0&in=nowhere&folder=/none&since=2024-02-31&until=x&photo=", "n=1e3&since=0001-01-01"]
)
def test_nonsense_in_an_address_is_as_if_it_were_not_there(page: Page, app: RunningApp, parts: str) -> None:
    start(page, app, f"/?q=snow&{parts}")
    shown(page, 20, "snow")
    expect(page.get_by_role("radio", name="Photos")).to_be_checked()
    page.wait_for_function("location.search === '?q=snow'")


# ---------------------------------------------------------------- keys and focus


def test_an_unknown_address_shows_the_first_page_with_its_pictures(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/search?q=snow")
    page.wait_for_url(f"{app.url}/?q=snow")
    expect(cells(page).first.locator("img")).to_have_js_property("complete", True)
    assert cells(page).first.locator("img").evaluate("img => img.naturalWidth") > 0
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("then", ["Enter", "Tab", "Escape", "nothing", "a click on the days of the week"])
def test_a_typed_date_is_taken(page: Page, app: RunningApp, then: str) -> None:
    start(page, app, "/?q=snow")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_role("spinbutton", name="year, Taken until").click()
    calendar = page.get_by_test_id("stDateInputCalendar")
    days = calendar.locator("th").nth(3)
    expect(days).to_be_visible()
    place = days.bounding_box()
    page.keyboard.type("2024-05-01", delay=30)
    if then.startswith("a click"):
        assert place
        page.mouse.click(place["x"] + 5, place["y"] + 5)
    elif then != "nothing":
        page.keyboard.press(then)
    at(page, "q", "snow date:..2024-05-01")
    expect(calendar).to_have_count(0)  # it would hide what is below
    part = page.get_by_role("button", name="date:..2024-05-01", exact=True)
    expect(part).to_be_visible()
    expect(page.get_by_text("No photo passes the filters")).to_be_visible()
    page.reload()
    expect(part).to_be_visible()


def test_a_part_of_the_search_is_changed_and_taken_away_by_keys(page: Page, app: RunningApp) -> None:
    start(page, app, "/?q=snow width:>5 -boat")
    part = page.get_by_role("button", name="width:>5", exact=True)
    part.focus()
    page.keyboard.press("Enter")
    value = page.get_by_role("textbox", name="Value")
    expect(value).to_be_visible()
    value.fill("7")
    page.keyboard.press("Enter")
    at(page, "q", "snow -boat width:>7")
    expect(box(page)).to_have_value("snow -boat width:>7")
    expect(value).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="width:>7", exact=True)).to_be_focused()
    page.keyboard.press("Delete")
    at(page, "q", "snow -boat")
    expect(page.get_by_role("button", name="-boat", exact=True)).to_be_focused()
    page.get_by_role("button", name="Take away -boat").click()
    at(page, "q", "snow")


def test_filters_are_completed_by_keys_and_searched(page: Page, app: RunningApp) -> None:
    start(page, app)
    words, offers = box(page), page.get_by_role("listbox", name="Completions")
    words.click()
    words.press_sequentially("snow is")
    expect(offers.get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(words).to_have_value("snow is:")
    page.keyboard.type("la")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(words).to_have_value("snow is:landscape ")
    expect(offers).to_have_count(0)
    page.keyboard.press("Enter")
    at(page, "q", "snow is:landscape")
    words.press_sequentially(" has")
    expect(offers).to_be_visible()
    page.keyboard.press("Escape")
    expect(offers).to_have_count(0)
    expect(words).to_be_focused()


def test_values_of_the_library_are_completed_and_searched(page: Page, app: RunningApp, pictures: list[Path]) -> None:
    start(page, app)
    words, offers = box(page), page.get_by_role("listbox", name="Completions")
    folder = pictures[0].parent.name
    words.click()
    words.press_sequentially("snow format:", delay=20)
    expect(offers.get_by_role("option").first).to_be_visible()
    form = offers.get_by_role("option").first.inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(words).to_have_value(f"snow format:{form} ")
    page.keyboard.type(f"in:{folder[:3].upper()}", delay=20)
    offers.get_by_role("option", name=folder, exact=True).click()
    expect(words).to_have_value(f"snow format:{form} in:{folder} ")
    page.keyboard.press("Enter")
    at(page, "q", f"snow format:{form} in:{folder}")
    expect(page.get_by_role("button", name=f"in:{folder}", exact=True)).to_be_visible()
    words.press_sequentially("tag:zebra", delay=20)
    page.keyboard.press("Enter")
    at(page, "q", f"snow format:{form} in:{folder} tag:zebra")
    page.wait_for_timeout(500)
    expect(offers).to_have_count(0)


def test_more_results_are_of_one_search_alone(page: Page, app: RunningApp) -> None:
    start(page, app, "/?q=snow&n=4")
    page.get_by_role("button", name="Show more").click()
    at(page, "more", "60")
    shown(page, NUMBER, "snow")
    page.reload()
    shown(page, NUMBER, "snow")
    box(page).fill(DOGS)
    box(page).press("Enter")
    at(page, "more", None)
    at(page, "n", "4")
    shown(page, 4, DOGS)
    page.go_back()
    shown(page, NUMBER, "snow")


def test_a_search_is_saved_and_asked_again_from_the_sidebar(page: Page, app: RunningApp) -> None:
    start(page, app, "/?q=snow")
    page.get_by_text("Save", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Winter")
    page.keyboard.press("Enter")
    saved = page.get_by_role("button", name=re.compile("^Winter"))
    expect(saved).to_be_visible()
    start(page, app)
    saved.click()
    at(page, "q", "snow")
    shown(page, 20, "snow")
    page.get_by_text("Searches", exact=True).click()
    page.get_by_role("button", name="Remove").click()
    expect(saved).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1280, 600), (420, 800), (360, 640)])
def test_what_can_be_done_with_an_open_photo_is_in_sight(page: Page, app: RunningApp, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    start(page, app, "/?q=snow")
    cells(page).first.click()
    dialog = page.get_by_role("dialog")
    for name in ("Find similar", "Search inside", "Previous", "Next", "Close"):
        expect(dialog.get_by_role("button", name=name).last).to_be_in_viewport(ratio=1)
    expect(dialog.locator(".stars")).to_be_in_viewport(ratio=1)
    expect(dialog.get_by_role("button", name="Favourite")).to_be_in_viewport(ratio=1)
    image = dialog.locator(".stage img")
    expect(image).to_be_in_viewport(ratio=1)
    assert image.evaluate("image => image.getBoundingClientRect().height") >= height / 4
    dialog.get_by_role("button", name="Search inside").click()
    expect(dialog.get_by_role("button", name="Whole photo")).to_be_in_viewport(ratio=1)
    expect(dialog.get_by_role("button", name="Close").last).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("how", ["Escape", "Close", "back"])
def test_after_a_photo_the_focus_is_back_in_the_gallery(page: Page, app: RunningApp, how: str) -> None:
    start(page, app, "/?q=snow")
    cells(page).nth(3).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".title")).to_have_text(name_of(cells(page).nth(3)))
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".title")).to_have_text(name_of(cells(page).nth(4)))
    if how == "back":
        page.go_back()
    elif how == "Close":
        dialog.get_by_role("button", name="Close").last.click()
    else:
        page.keyboard.press(how)
    expect(dialog).to_have_count(0)
    expect(cells(page).nth(4)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cells(page).nth(5)).to_be_focused()


# ---------------------------------------------------------------- chosen files, messages


def test_chosen_photos_outlive_a_change_of_tab(page: Page, app: RunningApp, pictures: list[Path]) -> None:
    page.goto(f"{app.url}/upload")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(pictures[:2])
    add = page.get_by_role("button", name=re.compile("^Add 2 photos"))
    expect(add).to_be_visible()
    choose(page, "Text search")
    expect(cells(page).first).to_be_visible()
    choose(page, "Upload")
    expect(page.get_by_text(f"Chosen before and not added yet: {pictures[0].name}, {pictures[1].name}")).to_be_visible()
    add.click()
    expect(page.get_by_text("2 files were in the library already")).to_be_visible()
    expect(page.get_by_text("Chosen before")).to_have_count(0)


def test_chosen_photos_that_a_new_start_of_the_app_lost_are_told(
    browser: Browser, tmp_path: Path, pictures: list[Path]
) -> None:
    page = browser.new_context().new_page()
    with running_app(tmp_path / "library") as first:
        page.goto(f"{first.url}/upload")
        page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(pictures[0])
        expect(page.get_by_role("button", name=re.compile("^Add 1 photo"))).to_be_visible()
        port = first.url.rsplit(":", 1)[1]
    with running_app(tmp_path / "library", "--server.port", port) as second:
        assert second.process.poll() is None
        words = page.get_by_text("The app was started anew, so the photos you had chosen are not there any more.")
        expect(words).to_be_visible(timeout=2 * SECONDS)
        expect(page.get_by_text(pictures[0].name)).to_have_count(0)
        page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(pictures[1])
        expect(page.get_by_role("button", name=re.compile("^Add 1 photo"))).to_be_visible()
        expect(words).to_have_count(0)
    page.context.close()


def test_a_failed_export_says_why_until_it_is_put_away(page: Page, app: RunningApp, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    start(page, app, "/?q=a+hot+air+balloon")
    page.get_by_role("button", name="Export").click()
    place = page.get_by_label("New folder or ZIP")
    place.fill(str(tmp_path / "taken" / "new"))
    place.press("Enter")
    page.get_by_role("button", name="Write it").click()
    failure = page.locator('[class*="st-key-failure-"]')
    expect(failure).to_be_visible()
    page.wait_for_timeout(5_000)  # longer than a toast stands
    expect(failure).to_be_visible()
    assert "it did not work" not in failure.inner_text()
    failure.get_by_role("button", name="Dismiss").click()
    expect(failure).to_have_count(0)


def test_a_toast_leaves_the_search_alone(page: Page, app: RunningApp, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    start(page, app, "/?q=a+hot+air+balloon")
    page.get_by_role("button", name="Export").click()
    place = page.get_by_label("New folder or ZIP")
    place.fill(str(tmp_path / "written.zip"))
    place.press("Enter")
    button = page.get_by_role("button", name="Search", exact=True).element_handle()
    page.get_by_role("button", name="Write it").click()
    toast = page.get_by_test_id("stToast").first
    expect(toast).to_be_visible()
    free, below = toast.evaluate(  # all at once: it is gone soon
        """(toast, button) => {
            const { x, y, width, height } = button.getBoundingClientRect();
            const seen = document.elementFromPoint(x + width / 2, y + height / 2);
            return [button.contains(seen), toast.getBoundingClientRect().y > y + height];
        }""",
        button,
    )
    assert free and below


# ---------------------------------------------------------------- colours


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(
    page: Page, app: RunningApp, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    start(page, app)
    stands_out(page)
    start(page, app, "/?q=snow&in=both")
    stands_out(page)
    page.get_by_role("button", name="Search", exact=True).hover()
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_label("New folder or ZIP")).to_be_visible()
    stands_out(page)
    page.keyboard.press("Escape")
    cells(page).first.click()
    expect(page.get_by_role("button", name="Find similar")).to_be_visible()
    page.get_by_role("button", name="Next").hover()
    stands_out(page)
    page.goto(f"{app.url}/upload")
    page.get_by_placeholder("~/Photos/2024").fill("/no/such/folder")
    page.get_by_role("button", name="Add folder").click()
    expect(page.get_by_text("There is no file or folder")).to_be_visible()
    stands_out(page)
    page.goto(f"{app.url}/about")
    expect(page.get_by_text("Built with")).to_be_visible()
    stands_out(page)


def stands_out(page: Page) -> None:
    """No text in sight has a contrast below 4.5 to 1.

    Looked at until then: what has just come may still be fading in.
    """
    script = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
    check = f"() => {{ const found = ({script})(); return found.length > 8 && found[0].ratio >= 4.5; }}"
    page.wait_for_function(check, timeout=SECONDS / 3)
