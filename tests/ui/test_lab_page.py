"""The page Lab: labelled pictures measured by a job, what came of it, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from src.errors import BadInput
from src.runtime import Services
from src.schema import JobSnapshot
from src.services.jobs.asked import evaluate
from src.services.jobs.kinds import Evaluate
from src.services.lab import elsewhere, service
from src.services.lab.elsewhere import published
from src.ui.page_ends import ENDS
from tests.fakes import colour_picture
from tests.ui.conftest import button, goto, texts


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Two classes of six pictures."""
    folder = tmp_path / "by class"
    for number in range(12):
        label, colour = (("warm", "red"), ("cold", "blue"))[number % 2]
        (folder / label).mkdir(parents=True, exist_ok=True)
        colour_picture(colour, (40 + 4 * number, 40)).save(folder / label / f"{number}.png")
    return folder


def measured(services: Services, asked: Evaluate) -> JobSnapshot:
    done = services.jobs.wait(evaluate(services.jobs, asked), 60)
    assert done is not None
    return done


def asked(services: Services, folder: Path, study: bool = False) -> Evaluate:
    return Evaluate(str(folder), models=("builtin",), study=study, place=services.lab.place())


def test_a_set_is_measured_and_its_figures_are_shown(app: AppTest, services: Services, labelled: Path) -> None:
    page = goto(app.run(), "lab")
    assert {"lab"} <= set(ENDS) and not page.exception and "No photos yet" not in texts(page)
    page.text_input(key="lab-folder").set_value(str(labelled))
    page.multiselect(key="lab-models").set_value(["builtin"])
    button(page, "Measure").click().run()
    job = next(job for job in services.jobs.latest(3) if job.kind == "evaluate")
    done = services.jobs.wait(job.id, 60)
    assert done is not None and (done.state, done.error) == ("done", None)
    page.run()
    assert not page.exception and "12 pictures, 2 classes" in texts(page)
    assert page.dataframe[0].value["Model"].tolist() == ["builtin"]
    assert page.dataframe[0].value["kNN"].tolist() == ["1.000"]
    assert "times as fast as with one step after the other" in texts(page)
    assert [one.proto.label for one in page.get("download_button")] == ["Download the report"]
    for _ in range(2):
        assert measured(services, asked(services, labelled)).state == "done"
        page.run()
        newest = services.jobs.latest(1)[0].id
        assert page.selectbox(key="lab-report").value == newest, "what was measured last is shown"
    page.selectbox(key="lab-report").select_index(2).run()
    assert page.run().selectbox(key="lab-report").value == job.id


def test_vectors_made_elsewhere_are_taken_over_and_forgotten_only_when_that_was_confirmed(
    app: AppTest, services: Services, photos: Path, tmp_path: Path
) -> None:
    paths = sorted(map(str, photos.iterdir()))
    vectors = np.random.default_rng(0).standard_normal((len(paths), 8), dtype=np.float32)
    np.savez(tmp_path / "made elsewhere é.npz", vectors=vectors, paths=np.array([*paths[1:], "gone.png"]))
    page = goto(app.run(), "lab")
    assert "builtin" in texts(page) and not [one for one in page.button if one.key.startswith("lab-forget")]
    for file, name, said in (
        ("", "dino", "No file or folder"),
        (str(tmp_path / "none.npz"), "dino", "none.npz"),
        (str(tmp_path), "a b", "name"),
    ):
        page.text_input(key="lab-file").set_value(file)
        page.text_input(key="lab-name").set_value(name)
        button(page, "Take over").click().run()
        assert page.error and said in texts(page), texts(page)
    page.text_input(key="lab-file").set_value(str(tmp_path / "made elsewhere é.npz"))
    page.text_input(key="lab-name").set_value("dino")
    button(page, "Take over").click().run()
    job = next(job for job in services.jobs.latest(3) if job.kind == "import-features")
    done = services.jobs.wait(job.id, 30)
    assert done is not None and done.state == "done"
    page.run()
    assert f"**dino** – {len(paths) - 1} photos, 8 numbers each, made elsewhere" in texts(page)
    assert "1 vector belonged to no photo of the library: gone.png" in texts(page)
    button(page, "Forget dino").click().run()
    assert "This can't be undone. Only the file that they came from can bring them back." in texts(page)
    button(page, "Keep them").click().run()
    assert services.spaces.find("dino").photos and "can't be undone" not in texts(page)
    button(page, "Forget dino").click().run()
    button(page, "Forget them").click().run()
    assert [space.name for space in services.spaces.all()] == ["builtin"] and not page.exception
    assert "**dino**" not in texts(page) and "gone.png" not in texts(page)


def test_what_can_not_be_measured_is_refused_in_a_sentence(app: AppTest, services: Services, tmp_path: Path) -> None:
    page = goto(app.run(), "lab")
    button(page, "Measure").click().run()
    assert page.error and not page.exception
    page.text_input(key="lab-folder").set_value(str(tmp_path / "absent"))
    button(page, "Measure").click().run()
    assert "absent" in texts(page) and not [job for job in services.jobs.latest(3) if job.kind == "evaluate"]
    (tmp_path / "empty").mkdir()
    page.text_input(key="lab-folder").set_value(str(tmp_path / "empty"))
    button(page, "Measure").click().run()
    services.jobs.wait(services.jobs.latest(1)[0].id, 60)
    assert "no labelled picture" in texts(page.run()), "it is told, however soon it failed"
    failed = measured(services, asked(services, tmp_path / "empty"))
    assert (failed.state, failed.error_code) == ("failed", BadInput.code)
    assert "no labelled picture" in (failed.error or "")


def test_a_study_is_kept_with_its_answer_and_the_oldest_reports_make_room(
    services: Services, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "KEPT", 2)
    wanted = [asked(services, labelled, study=number == 2) for number in range(3)]
    assert all(measured(services, one).state == "done" for one in wanted)
    assert services.lab.told(wanted[0].place) is None
    last = services.lab.told(wanted[2].place)
    assert last is not None and last.file.read_text().startswith("<!doctype html>")
    assert last.figures["answer"][0].startswith("Are the vectors of two similar pictures similar, too?")
    assert last.figures["models"]["builtin"]["altered"] and last.figures["speed_up"] > 0
    assert len(list(services.settings.reports_dir.iterdir())) == 4
    for no_report in ("", "nonsense", "../catalog", "../../etc/passwd"):
        assert services.lab.told(no_report) is None
    last.file.with_suffix(".json").write_text("[1, 2")
    assert services.lab.told(wanted[2].place) is None, "a damaged one is none"


def test_a_cancelled_job_leaves_no_report(services: Services, labelled: Path) -> None:
    wanted = asked(services, labelled)
    events = services.handlers["evaluate"](wanted.as_json())
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert services.lab.told(wanted.place) is None
    job = evaluate(services.jobs, wanted)
    services.jobs.cancel(job)
    done = services.jobs.wait(job, 60)
    assert done is not None and done.finished


def test_a_row_can_not_name_a_place_elsewhere(services: Services, labelled: Path) -> None:
    odd = Evaluate(str(labelled), models=("builtin",), place="../outside")
    assert measured(services, odd).state == "done"
    assert not list(services.settings.data_dir.glob("outside*")) and json.dumps(odd.as_json())


def test_figures_of_others_are_told_of_the_set_they_are_of_alone() -> None:
    classes = ["Airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    assert published(classes) and not published(classes[1:]) and not published([*classes, "yak"])
    assert all(0 < one.share < 1 and one.differs and one.source.startswith("https://") for one in published(classes))
    assert "1,000 pictures" in elsewhere.comparison(200, 1_000)
