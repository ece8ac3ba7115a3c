"""Duplicates in a real browser: found by themselves, compared, decided about by one key, undone, and many by a rule."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e.running_app import RunningApp, commanded, running_app
from tests.unit.scenes import scene

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """One app with three groups: a file twice, a scene at three sizes, another turned."""
    home, folder = tmp_path_factory.mktemp("library"), tmp_path_factory.mktemp("copies")
    large = scene(1).resize((960, 720))
    large.save(folder / "large.jpg", quality=95)
    for name, side in (("middle", 320), ("small", 160)):
        large.resize((side, side * 3 // 4)).save(folder / f"{name}.jpg")
    scene(2).save(folder / "upright.jpg", quality=95)
    scene(2).transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", quality=80)
    scene(3).save(folder / "twice.jpg")
    shutil.copy(folder / "twice.jpg", folder / "again.jpg")
    commanded(home, "index", str(folder))
    with running_app(home, duplicates=True) as running:
        yield running


def heading(page: Page, text: str) -> None:
    expect(page.locator("h2.heading")).to_have_text(text)


def opened(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/duplicates")
    heading(page, "Same bytes, group 1 of 3")


def bar(page: Page) -> Locator:
    return page.locator(".bar[role=status]:not(:empty)").last


def test_a_group_is_decided_by_one_key_and_undone_by_another(page: Page, app: RunningApp) -> None:
    opened(page, app)
    expect(page.locator(".files li")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    heading(page, "Same picture, group 2 of 3")
    expect(page.locator(".card")).to_have_count(3)
    expect(page.locator(".card.kept .name")).to_have_text("large.jpg")
    expect(page.locator(".card.kept dd.best").first).to_contain_text("960 × 720")
    page.keyboard.press("1")
    expect(bar(page)).to_contain_text("2 copies put into the bin")
    heading(page, "Same picture, group 2 of 2")
    expect(page.locator(".card")).to_have_count(2)
    page.keyboard.press("u")
    expect(bar(page)).to_contain_text("Undone: 2 copies put into the bin")
    heading(page, "Same picture, group 2 of 3")
    expect(page.locator(".card.kept .name")).to_have_text("large.jpg")


def test_another_photo_is_kept_than_the_suggested_one(page: Page, app: RunningApp) -> None:
    opened(page, app)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".card.kept .name")).to_have_text("large.jpg")
    page.keyboard.press("4")
    expect(page.locator(".card.kept .name")).to_have_text("middle.jpg")
    page.get_by_role("radio", name="Keep small.jpg").check()
    page.keyboard.press("1")
    expect(bar(page)).to_contain_text("2 copies put into the bin")
    page.goto(f"{app.url}/bin")
    expect(page.get_by_text("2 photos in the bin.")).to_be_visible()
    expect(page.get_by_text("large.jpg")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("The bin is empty")).to_be_visible()


def transforms(page: Page) -> list[str]:
    return page.locator(".view img").evaluate_all("found => found.map((image) => image.style.transform)")  # type: ignore[no-any-return]


def test_two_photos_are_compared_zoomed_and_moved_as_one(page: Page, app: RunningApp) -> None:
    opened(page, app)
    page.keyboard.press("ArrowRight")
    heading(page, "Same picture, group 2 of 3")
    page.keyboard.press(" ")
    dialog = page.get_by_role("dialog", name="1 of 2: middle.jpg")
    expect(dialog).to_be_visible()
    expect(dialog.locator("figcaption").first).to_contain_text("large.jpg")
    page.keyboard.press("+")
    page.keyboard.press("+")
    first, second = transforms(page)
    assert first == second and "scale(2.25)" in first
    expect(dialog.locator(".view img").first).to_have_attribute("src", re.compile(r"/api/image/[-0-9a-f]+"))
    box = dialog.locator(".view").nth(1).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 170)
    page.mouse.up()
    moved = transforms(page)
    assert moved[0] == moved[1] != first, "one is moved with the other"
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("dialog", name="2 of 2: small.jpg")).to_be_visible()
    page.keyboard.press(" ")
    expect(page.locator("figure.behind")).to_contain_text("large.jpg")
    page.keyboard.press(" ")
    expect(page.locator("figure.behind")).to_contain_text("small.jpg")
    page.keyboard.down("f")
    expect(page.locator("figure.behind")).to_contain_text("large.jpg")
    page.keyboard.up("f")
    expect(page.locator("figure.behind")).to_contain_text("small.jpg")
    page.keyboard.press("3")
    expect(page.get_by_role("dialog")).to_contain_text("3 photos decided to be different pictures")
    expect(page.get_by_role("dialog", name="1 of 1: turned.jpg")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("dialog")).to_contain_text("Undone:")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    heading(page, "Same picture, group 2 of 3")


def test_a_rule_decides_about_all_groups_in_one_operation(page: Page, app: RunningApp) -> None:
    opened(page, app)
    page.get_by_role("button", name="Decide about many").click()
    expect(page.get_by_text("2 groups: the suggested photo of each is kept, and 3 copies")).to_be_visible()
    expect(page.locator(".bulk-first img")).to_have_count(5)
    page.get_by_role("button", name="Decide about 2 groups").click()
    expect(bar(page)).to_contain_text("3 copies put into the bin, the best of each kept.")
    heading(page, "Same bytes, group 1 of 1")
    page.keyboard.press("2")
    expect(page.get_by_text("nothing left to decide")).to_be_visible()
    page.goto(f"{app.url}/history")
    expect(page.locator(".history li").nth(1)).to_contain_text("3 copies put into the bin, the best of each kept")
    for _ in range(2):
        page.get_by_role("button", name="Undo", exact=True).first.click()
        expect(bar(page)).to_contain_text("Undone:")
        page.get_by_role("button", name="Dismiss").click()
    opened(page, app)


def test_all_of_it_is_reached_by_keys(page: Page, app: RunningApp) -> None:
    opened(page, app)
    page.keyboard.press("ArrowRight")
    heading(page, "Same picture, group 2 of 3")
    page.get_by_role("button", name="Previous group").focus()
    seen = []
    for _ in range(16):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    for name in ("Next group", "Keep chosen, bin the others", "Keep all apart", "Compare large.jpg", "Keep large.jpg"):
        assert name in seen, seen
    assert "Open small.jpg" in seen or "Open middle.jpg" in seen


FOCUSED = """() => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  return node?.ariaLabel || node?.querySelector(".label")?.textContent || "";
}"""
