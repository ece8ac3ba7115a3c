"""The page that has photos described: by a server of the tests, which stands for one of people's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from src.runtime import Services
from src.ui import secrets
from src.ui.curation import links
from src.ui.page_ends import ENDS
from tests.fakes import COLOURS
from tests.ui.conftest import button, goto, texts
from tests.vision_server import VisionServer, error

KEY = "sk-0123456789abcdef"


@pytest.fixture
def page(app: AppTest, photos: Path) -> AppTest:
    """The page, in a library of photos."""
    assert photos
    return goto(app.run(), "descriptions")


def choose(page: AppTest, server: VisionServer) -> AppTest:
    """Type the server's address and look for its models."""
    page.text_input(key="describe-address").set_value(server.base_url).run()
    return page.button(key="describe-look").click().run()


def start(page: AppTest) -> bool:
    """Whether the button that begins can be pressed."""
    return not page.button(key="describe-start").disabled


def test_photos_are_described_by_the_models_that_a_server_names(page: AppTest, services: Services) -> None:
    assert not start(page) and f"{len(COLOURS)} photos have no description. Choose a model first." in texts(page)
    with VisionServer() as server:
        choose(page, server)
        assert page.selectbox(key="describe-server").value == "Another server"
        assert page.selectbox(key="describe-model").options == list(server.models)
        assert "does not say which take pictures" in texts(page) and not start(page)
        assert "The pictures stay on this machine" in page.info[0].value
        page.selectbox(key="describe-model").set_value(server.models[0]).run()
        button(page, f"Describe {len(COLOURS)} photos").click().run()
        (job,) = [job for job in services.jobs.latest(3) if job.kind == "describe"]
        done = services.jobs.wait(job.id, 30)
    assert done is not None and done.state == "done" and not page.exception
    assert services.descriptions.count() == len(COLOURS) and services.descriptions.waiting() == 0
    assert "Every photo has a description." in texts(page.run()) and not start(page)
    goto(page, "about")
    assert goto(page, "descriptions").text_input(key="describe-address").value == server.base_url
    assert page.selectbox(key="describe-model").value == server.models[0]


def test_a_model_that_says_it_takes_pictures_is_chosen(page: AppTest) -> None:
    with VisionServer() as server:
        server.listed = {
            "data": [{"id": "words", "input_modalities": ["text"]}, {"id": "sees", "modalities": ["image"]}]
        }
        choose(page, server)
    assert page.selectbox(key="describe-model").value == "sees" and start(page)
    assert page.selectbox(key="describe-model").options == ["sees – takes pictures", "words – takes no pictures"]


def test_a_preset_brings_its_address_and_says_where_pictures_go(page: AppTest, services: Services) -> None:
    page.selectbox(key="describe-server").set_value("Groq").run()
    assert page.text_input(key="describe-address").value == "https://api.groq.com/openai/v1"
    assert "The pictures leave this machine, to api.groq.com." in page.warning[0].value.replace("\\", "")
    assert "No key for it is known." in texts(page) and "GROQ_API_KEY or MFE_VISION_API_KEY" in texts(page)
    services.servers.offer({"GROQ_API_KEY": KEY})
    assert "A key for it is known." in texts(page.run()) and KEY not in texts(page)
    page.text_input(key="describe-address").set_value("http://127.0.0.1:11434/v1/").run()
    assert page.selectbox(key="describe-server").value == "Ollama" and not page.warning


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("no address", "is no address of a server"),
        ("https://host/v1?key=1", "may hold no name, password or key"),
        ("http://192.168.1.5/v1", "not sent to 192.168.1.5 over an unencrypted connection"),
    ],
)
def test_addresses_that_may_not_be_used_are_refused(
    address: str, sentence: str, page: AppTest, services: Services
) -> None:
    services.servers.offer({"MFE_VISION_API_KEY": KEY})
    page.text_input(key="describe-address").set_value(address).run()
    assert sentence in texts(page) and not page.exception
    assert not any(each.key == "describe-start" for each in page.button)


def test_a_server_that_refuses_is_told_of_and_the_form_stays_as_it_was(page: AppTest) -> None:
    with VisionServer(key=KEY) as server:
        choose(page, server)
        assert "wants a key" in texts(page) and KEY not in texts(page)
    page.button(key="describe-look").click().run()
    assert "can't be reached" in texts(page) and not page.exception
    assert page.run().text_input(key="describe-address").value == server.base_url


def test_a_job_that_a_server_ends_says_why(page: AppTest, services: Services) -> None:
    with VisionServer(every=error(403)) as server:
        choose(page, server).selectbox(key="describe-model").set_value(server.models[0]).run()
        page.button(key="describe-start").click().run()
        job = next(job for job in services.jobs.latest(3) if job.kind == "describe")
        services.jobs.wait(job.id, 30)
    assert "does not allow the use of colours-vl:2b" in texts(page.run())


def test_limits_are_kept(page: AppTest, services: Services) -> None:
    with VisionServer() as server:
        choose(page, server).selectbox(key="describe-model").set_value(server.models[0]).run()
        page.number_input(key="describe-budget").set_value(1.0).run()
        assert "A budget needs prices" in texts(page)
        page.number_input(key="describe-price-in").set_value(0.5).run()
        page.number_input(key="describe-most").set_value(2).run()
        button(page, "Describe 2 photos").click().run()
        job = next(job for job in services.jobs.latest(3) if job.kind == "describe")
        services.jobs.wait(job.id, 30)
    said = services.jobs.params(job.id)
    assert (said["most"], said["budget"], said["price_in"]) == (2, 1.0, 0.5) and services.descriptions.count() == 2
    assert "about 0.00 by the prices given" in texts(page.run())


def test_the_addresses_of_all_pages_beside_the_tabs_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    monkeypatch.setattr(st, "Page", lambda *_, url_path, **__: found.append(url_path))
    links.pages()
    assert "descriptions" in found and set(found) <= set(ENDS)


def test_without_photos_the_page_says_so(app: AppTest) -> None:
    page = goto(app.run(), "descriptions")
    assert "No photos yet" in texts(page) and not page.exception


def test_keys_in_streamlits_file_are_offered(
    page: AppTest, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert secrets.known() == {} and "No key" not in texts(page) and not page.error
    file = tmp_path / "secrets.toml"
    monkeypatch.setenv("GROQ_API_KEY", "")
    was = st.get_option("secrets.files")
    config._set_option("secrets.files", [str(file)], "a test")
    try:
        file.write_text("not = toml = at all")
        assert secrets.known() == {} and not page.run().error
        file.write_text(f'GROQ_API_KEY = "{KEY}"\nother = 5\n[OPENAI_API_KEY]\nodd = 1\n')
        assert secrets.known()["GROQ_API_KEY"] == KEY and "other" not in secrets.known()
        page.selectbox(key="describe-server").set_value("Groq").run()
        assert "A key for it is known." in texts(page) and KEY not in texts(page) and not page.exception
        page.selectbox(key="describe-server").set_value("OpenAI").run()
        assert "No key for it is known." in texts(page)
    finally:
        config._set_option("secrets.files", was, "a test")
        st.secrets._reset()
