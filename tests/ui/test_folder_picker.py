"""Choosing a folder of the computer with the mouse."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from src.runtime import Services
from tests.fakes import colour_picture
from tests.ui.conftest import button, goto, texts


def test_one_goes_down_and_up_and_adds_a_folder(app: AppTest, services: Services, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / "years" / "2024 [1]").mkdir(parents=True)
    colour_picture("red", (60, 40)).save(tmp_path / "years" / "2024 [1]" / "red.png")
    page = goto(app.run(), "upload")
    button(page, "years").click().run()
    button(page, "2024 [1]").click().run()
    assert "There is no folder in it." in texts(page)
    button(page, "Up").click().run()
    button(page, "2024 [1]").click().run()
    button(page, "Add this folder").click().run()
    job = next(job for job in services.jobs.latest(5) if job.kind == "index")
    done = services.jobs.wait(job.id, 30)
    assert done is not None and done.state == "done" and done.indexed == 1


def test_a_folder_that_has_gone_is_told_and_one_can_go_on(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / "soon gone").mkdir()
    page = goto(app.run(), "upload")
    (tmp_path / "soon gone").rmdir()
    button(page, "soon gone").click().run()
    assert "can't be looked into" in texts(page) and not page.exception
    button(page, "Home").click().run()
    assert "can't be looked into" not in texts(page)
