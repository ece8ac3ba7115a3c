"""The app's pages as AppTest runs them, on a library of their own with a stand-in model."""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from PIL import Image
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button, DateInput, Selectbox

from src import bootstrap
from src.bootstrap import build_services
from src.config import PROJECT_DIR, Settings
from src.models.model_manager import ModelManager
from src.runtime import Services
from src.ui import resources
from tests.conftest import fake_model
from tests.fakes import COLOURS, colour_picture

MAIN = PROJECT_DIR / "src" / "ui" / "main.py"


@pytest.fixture(scope="session", autouse=True)
def _packages_read_once() -> Iterator[None]:
    """For every app under test Streamlit reads what each installed package says of itself; here it does so once."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "library")


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The one set of services that the app under test uses, on the stand-in model."""
    st.cache_resource.clear()
    st.cache_data.clear()
    models = ModelManager(settings=settings, loader=lambda spec, *_: fake_model(spec, spec.id))
    monkeypatch.setattr(bootstrap, "build_services", lambda **_: build_services(settings, models=models))
    monkeypatch.setattr(resources, "FIRST_PAGE", 0.0)
    opened = resources.get_services()
    opened.tending.wait(30)  # else the first look at the folders may fall into the middle of a test
    yield opened
    resources.close_services()


@pytest.fixture
def app(services: Services) -> AppTest:
    """The whole app at its first page, not run yet."""
    return AppTest.from_file(str(MAIN), default_timeout=30)


@pytest.fixture
def photos(tmp_path: Path, services: Services) -> Path:
    """A folder of one picture of each named colour, indexed."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for colour in COLOURS:
        colour_picture(colour, (60, 40)).save(folder / f"{colour}.png")
    index(services, folder)
    return folder


def index(services: Services, folder: Path) -> None:
    """Add a folder by the same job as the page and wait for it, and for what is done with its photos by itself."""
    done = services.jobs.wait(services.jobs.submit("index", f"Adding {folder.name}", paths=[str(folder)]), 30)
    assert done is not None and done.state == "done"
    for job in services.jobs.active():
        services.jobs.wait(job.id, 30)


def png(colour: str) -> bytes:
    target = io.BytesIO()
    colour_picture(colour, (60, 40)).save(target, "PNG")
    return target.getvalue()


def heic(colour: str) -> bytes:
    import pillow_heif

    target = io.BytesIO()
    pillow_heif.register_heif_opener()
    image: Image.Image = colour_picture(colour, (64, 64))
    image.save(target, "HEIF", quality=90)
    return target.getvalue()


def texts(app: AppTest) -> str:
    """Everything the page says, as it is read (without the escapes that keep data from being Markdown)."""
    kinds = (app.markdown, app.caption, app.text, app.error, app.warning, app.info, app.toast, app.metric, app.code)
    return read("\n".join(str(element.value) for kind in kinds for element in kind))


def read(markdown: str) -> str:
    """As it is shown, without escapes and joiners."""
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", markdown).replace("\N{WORD JOINER}", "")


def button(app: AppTest, label: str) -> Button:
    """The button with that label, which must be there."""
    return next(button for button in app.button if read(button.label) == label)


def choice(app: AppTest, label: str) -> Selectbox:
    """The choice with that label among the filters, which must be there; they are opened where they are not."""
    open_filters(app)
    return next(each for each in app.selectbox if each.label == label)


def day(app: AppTest, label: str) -> DateInput:
    """The field for a day with that label among the filters, which must be there."""
    open_filters(app)
    return next(each for each in app.date_input if each.label == label)


def open_filters(app: AppTest) -> None:
    """As a click on the button over the results does."""
    if not any(each.label == "Order" for each in app.selectbox):
        app.session_state["query-filters"] = True
        app.run()


def told(app: AppTest, key: str) -> dict[str, Any]:
    """What the gallery's page was told."""
    found = [element.proto for element in app.get("bidi_component") if element.proto.id.endswith(f"-{key}")]
    assert len(found) == 1, f"the page has {len(found)} galleries {key!r}"
    data: dict[str, Any] = json.loads(found[0].json)
    return data


def gallery(app: AppTest, key: str) -> list[dict[str, Any]]:
    """The photos that the gallery was given to draw, in order."""
    items: list[dict[str, Any]] = told(app, key)["items"]
    return items


def galleries(app: AppTest) -> int:
    """How many grids of photos the page draws."""
    return sum('"items"' in element.proto.json for element in app.get("bidi_component"))


def names(app: AppTest, key: str) -> list[str]:
    return [item["name"] for item in gallery(app, key)]


def search(app: AppTest, query: str) -> AppTest:
    """Type a query and press Search."""
    app.text_input(key="query").set_value(query)
    return button(app, "Search").click().run()


def goto(app: AppTest, page: str) -> AppTest:
    """Open a tab by the name of its script."""
    return app.switch_page(f"views/{page}_page.py").run()
