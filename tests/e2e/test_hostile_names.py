"""File names are data: names and EXIF made to run, to format or to turn round are shown letter by letter, found, and
run nothing.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Browser, Locator, Page, expect

from src.processing.decoding.image_io import display_text
from src.text import shown
from tests.conftest import make_photo
from tests.e2e.commands import cli
from tests.e2e.conftest import name_of
from tests.e2e.running_app import RunningApp, running_app
from tests.fakes import COLOURS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="other systems' file systems refuse most of these names"
    ),
]

SECONDS = 30_000
RUN = "window.hacked=1"
NAMES: list[bytes] = [
    f"<img src=x onerror={RUN}>.jpg".encode(),
    f'"><svg onload={RUN}>.jpg'.encode(),
    f"' onload='{RUN}' x='.jpg".encode(),
    f"<script>{RUN}<script>.jpg".encode(),
    f"[a](javascript:{RUN}) ![p](x) **b** _i_ ~~s~~ `c` # h.jpg".encode(),
    b":red[x] $x^2$ $$y$$ :smile: :streamlit: :material_delete: :blue-badge[b].jpg",
    b"a -- b -> c <- d >= e ~= f.jpg",
    b"&lt;b&gt; &#58; {{7*7}} ${x} %s {0} \\n \\.jpg",
    b"new\nline\r\ttab\n\n# heading.jpg",
    b"\x1b[31mred\x1b]0;title\x07\x08.jpg",
    b"latin-\xe9-\xff\xfe.jpg",
    "turned \u202egpj.exe\u202c \u2066x\u2069.jpg".encode(),
    "שלום \u200f写真 👨\u200d👩\u200d👧.jpg".encode(),
    b"x" * 251 + b".jpg",
    b"=HYPERLINK(1).jpg",
]
FOLDER = f":red[dir] $y$ <img src=x onerror={RUN}> -- *b* :streamlit:"
UNDER = ":material"
BELOW = "delete: [a](b).jpg"
BROKEN = [f"<img src=x onerror={RUN}>.png".encode(), b"bad\nname-\xff.png", "bad \u202egnp.png".encode()]


def text_of(name: bytes) -> str:
    return shown(display_text(Path(os.fsdecode(name))))


def with_markup_in_exif(path: Path) -> None:
    """The file's own words, in every EXIF field that holds text."""
    image, exif = Image.open(path), Image.Exif()
    markup = f"<img src=x onerror={RUN}>"
    tags = ExifTags.Base
    for tag in (
        tags.ImageDescription,
        tags.Make,
        tags.Model,
        tags.Software,
        tags.Artist,
        tags.Copyright,
        tags.DateTime,
        tags.XPTitle,
    ):
        exif[tag] = markup if tag != tags.XPTitle else markup.encode("utf-16-le")
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {tags.DateTimeOriginal: f"2020:01:02 03:04:05 {markup}", tags.UserComment: markup.encode()}
    )
    image.save(path, exif=exif)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("album") / FOLDER
    for number, name in enumerate(NAMES):
        make_photo(folder / "made.jpg", COLOURS["red"], seed=number)
        with_markup_in_exif(folder / "made.jpg")
        os.rename(folder / "made.jpg", os.fsencode(folder) + b"/" + name)
    make_photo(folder / UNDER / BELOW, COLOURS["red"], seed=99)
    for name in BROKEN:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("library")) as running:
        yield running


@pytest.fixture
def page(browser: Browser, app: RunningApp) -> Iterator[Page]:
    """A tab that fails the test where anything ran, failed, or was asked of another machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    tab = context.new_page()
    tab.set_default_timeout(SECONDS)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
    tab.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
    allowed = (app.url, app.url.replace("http", "ws"), "data:", "blob:")
    tab.on("request", lambda request: None if request.url.startswith(allowed) else errors.append(request.url))
    yield tab
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("img[onerror], svg[onload], [src=x], a[href^=javascript]").count() == 0
    context.close()
    assert not errors


def cells(page: Page) -> Locator:
    return page.locator(".tile")


def titles(page: Page) -> set[str]:
    return {name_of(cell) for cell in cells(page).all()}


EVERYTHING = {*(text_of(name) for name in NAMES), BELOW}


def test_the_folder_is_added_and_everything_is_shown_as_text(page: Page, app: RunningApp, album: Path) -> None:
    page.goto(f"{app.url}/upload")
    page.get_by_placeholder("~/Photos/2024").fill(str(album))
    page.get_by_role("button", name="Add folder").click()
    expect(page.get_by_text(re.compile(rf"added {len(EVERYTHING)} photos"))).to_be_visible(timeout=SECONDS)
    title = page.locator(".st-key-report strong").first.inner_text()
    assert title.replace("\N{WORD JOINER}", "") == f"Adding {FOLDER}"
    expect(page.get_by_text(f"{len(BROKEN)} files were skipped")).to_be_visible()
    expect(page.locator("td[id^=glide-cell-0]")).to_have_count(len(BROKEN))
    assert set(page.locator("td[id^=glide-cell-0]").all_text_contents()) == {text_of(name) for name in BROKEN}


def test_the_gallery_and_the_dialog_show_each_name(page: Page, app: RunningApp) -> None:
    page.goto(app.url)
    expect(cells(page)).to_have_count(len(EVERYTHING))
    assert titles(page) == EVERYTHING
    for image in cells(page).locator("img").all():
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 160
    dialog = page.get_by_role("dialog")
    cells(page).first.click()
    seen = set()
    for _ in EVERYTHING:
        seen.add(dialog.locator(".title").text_content())
        assert dialog.locator(".stage img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 160
        where = dialog.locator("dt", has_text="Where").locator("xpath=following-sibling::dd[1]")
        expect(where).to_contain_text(FOLDER)
        before = dialog.locator(".title").text_content() or ""
        page.keyboard.press("ArrowRight")
        if len(seen) < len(EVERYTHING):
            expect(dialog.locator(".title")).not_to_have_text(before)
    assert seen == EVERYTHING


def test_every_photo_is_found_by_words_and_by_example(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/?q=a+plain+red+picture")
    expect(cells(page)).to_have_count(len(EVERYTHING))
    assert titles(page) == EVERYTHING
    chosen = text_of(NAMES[0])
    page.locator(".tile", has_text=chosen).first.click()
    page.get_by_role("button", name="Find similar").click()
    expect(page.get_by_text(f"Photos that look like {chosen}")).to_be_visible()
    expect(cells(page)).to_have_count(len(EVERYTHING) - 1)


@pytest.mark.parametrize(
    "query", [f"<img src=x onerror={RUN}>", "**b** :red[x] $x$ a -- b", "\u202eturned", "' OR 1=1; --"]
)
def test_a_query_is_data_too(page: Page, app: RunningApp, query: str) -> None:
    page.goto(app.url)
    box = page.get_by_placeholder("Describe what you are looking for")
    box.fill(query)
    box.press("Enter")
    expect(page.get_by_text(re.compile(r"^\d+ of \d+ photos|^Nothing fits$")).first).to_be_visible()


@pytest.mark.parametrize("name", [NAMES[0], NAMES[5], NAMES[6]])
def test_a_path_that_is_not_there_is_told_as_text(page: Page, app: RunningApp, name: bytes) -> None:
    page.goto(f"{app.url}/upload")
    page.get_by_placeholder("~/Photos/2024").fill(f"/nowhere/{name.decode()}")
    page.get_by_role("button", name="Add folder").click()
    error = page.get_by_test_id("stAlert").filter(has_text="nowhere")
    expect(error).to_contain_text("/nowhere/")
    assert name.decode() in (error.text_content() or "").replace("\N{WORD JOINER}", "")


def test_uploads_keep_their_names_as_data(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/upload")
    good = io.BytesIO()
    Image.new("RGB", (64, 64), COLOURS["blue"]).save(good, "PNG")
    name = f"<img src=x onerror={RUN}> :red[up] $z$ -- .png"
    files: list[Any] = [
        {"name": name, "mimeType": "image/png", "buffer": good.getvalue()},
        {"name": f"bad {name}", "mimeType": "image/png", "buffer": b"no picture"},
        {"name": f"..\\..\\{name}", "mimeType": "image/png", "buffer": b"no picture"},
    ]
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)
    page.get_by_role("button", name=re.compile("^Add 3 photos")).click()
    expect(page.get_by_text("2 files were skipped")).to_be_visible()
    expect(page.locator("td[id^=glide-cell-0]")).to_have_count(2)
    assert f"bad {name}" in page.locator("td[id^=glide-cell-0]").all_text_contents()
    page.goto(app.url)
    expect(cells(page).filter(has=page.get_by_text(name, exact=True))).to_have_count(1)


def test_the_command_line_prints_them_safely(tmp_path: Path, album: Path) -> None:
    def run(*arguments: str, check: int = 0) -> subprocess.CompletedProcess[str]:
        ended = cli(*arguments, home=tmp_path, check=check, COLUMNS="120")
        out = ended.stdout + ended.stderr
        assert "Traceback" not in out
        assert not {
            c
            for c in out
            if c != "\n" and (unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202e\u202c\u2066\u2069")
        }
        return ended

    assert "3 skipped" in run("index", str(album)).stdout
    table = "".join(run("search", "a plain red picture").stdout.split())
    for name in EVERYTHING:
        assert "".join(name.split()) in table, name
    results = json.loads(run("search", "a plain red picture", "--json").stdout)["results"]
    assert {hit["name"] for hit in results} == {*(display_text(Path(os.fsdecode(name))) for name in NAMES), BELOW}
    refused = run("index", os.fsdecode(b"/nowhere/\x1b[31m\xff\xe2\x80\xae.jpg"), check=1)
    assert "There is no file or folder /nowhere/" in refused.stderr
