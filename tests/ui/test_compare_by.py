"""Image search by what photos mean, by how they look, and by vectors made elsewhere; and vectors as an export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from src.runtime import Services
from tests.fakes import COLOURS
from tests.ui.conftest import button, choice, gallery, goto, names, texts
from tests.ui.test_address import parts


def ended(services: Services, kind: str) -> None:
    while any(job.kind == kind for job in services.jobs.active()):
        services.closed.wait(0.02)


def test_how_photos_look_is_offered_made_and_compared(app: AppTest, photos: Path, services: Services) -> None:
    like = services.library.id_of("red.png")
    page = goto(app.run(), "image_search")
    page.session_state["similar_to"] = like
    page.run()
    assert len(gallery(page, "image-results")) == len(COLOURS) - 1
    page.session_state["space"] = "builtin-visual"
    page.run()
    assert "Not looked at yet" in texts(page) and not page.exception
    button(page, "Look at all photos").click().run()
    ended(services, "features")
    page.run()
    assert len(gallery(page, "image-results")) == len(COLOURS) - 1 and "Not looked at yet" not in texts(page)
    assert parts(page)["by"] == "builtin-visual"
    page.session_state["image-query"] = "a car"
    page.run()
    assert "Words can't be looked for in the space builtin-visual" in texts(page) and not page.exception
    page.session_state["image-query"] = "-name:red.png"
    page.session_state["mode"] = "objects"
    page.run()
    assert "not the objects in them" in texts(page) and len(gallery(page, "image-results")) == len(COLOURS) - 1
    page.session_state["space"] = ""
    page.session_state["mode"] = "images"
    page.run()
    assert "by" not in parts(page)


def test_a_space_that_was_made_elsewhere_is_one_more_choice(app: AppTest, photos: Path, services: Services) -> None:
    ids = [services.library.id_of(f"{name}.png") for name in ("red", "blue", "green")]
    near = np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0]], np.float32)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    services.store.put_features("image-imported.dino", dict(zip(ids, near, strict=True)))
    page = goto(app.run(), "image_search")
    page.session_state["similar_to"], page.session_state["space"] = ids[0], "dino"
    page.run()
    assert not page.exception and names(page, "image-results") == ["blue.png", "green.png"]
    page.session_state["similar_to"] = None
    page.run()
    red = (photos / "red.png").read_bytes()
    page.file_uploader[0].set_value(("mine.png", red, "image/png")).run()
    assert names(page, "image-results") == ["blue.png", "green.png"], (
        "a dropped photo of the library is known by its bytes"
    )
    page.session_state["similar_to"] = ids[0]
    page.session_state["space"] = "gone"
    page.run()
    assert len(gallery(page, "image-results")) == len(COLOURS) - 1, "as if none were chosen"


def test_vectors_are_one_of_the_formats_of_an_export(app: AppTest, photos: Path, services: Services) -> None:
    app.run()
    app.session_state["dialog"], app.session_state["photos_to_export"] = "export", [services.library.id_of("red.png")]
    app.run()
    app.selectbox(key="export-format-selected").select("npz").run()
    assert choice(app, "Vectors of").value == "image" and choice(app, "By").value == "builtin"
    choice(app, "By").select("builtin-visual").run()
    place = photos.parent / "vectors.npz"
    app.text_input(key="export-place-selected-0").set_value(str(place)).run()
    button(app, "Write it").click().run()
    ended(services, "export")
    with np.load(place) as data:
        assert data["vectors"].shape == (1, 3) and data["model"].item() == "builtin-visual"
