"""What the box drawer is given to draw, and what it makes of what the browser gives back."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from src import masks
from src.ui.photos import box_drawer


def drawn(script: Any) -> dict[str, Any]:
    """The data that the component of a script gets."""
    app = AppTest.from_function(script, default_timeout=30).run()
    assert not app.exception
    (component,) = app.get("bidi_component")
    data: dict[str, Any] = json.loads(component.proto.json)
    return data


def picture(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))


def test_objects_go_to_the_browser_in_the_pictures_pixels_and_with_harmless_names() -> None:
    def script() -> None:
        import streamlit as st

        from src.ui.photos import box_drawer

        boxes = [((1, 2, 30, 40), "cat\u202e"), ((0, 0, 640, 480), "")]
        st.text(str(box_drawer.show("draw", "/api/image/1", 640, 480, boxes, name="a\nb", chosen=(5, 6, 7, 8))))

    data = drawn(script)
    assert data["objects"] == [
        {"box": [1, 2, 30, 40], "label": "cat\N{REPLACEMENT CHARACTER}"},
        {"box": [0, 0, 640, 480], "label": ""},
    ]
    assert (data["src"], data["width"], data["height"], data["chosen"]) == ("/api/image/1", 640, 480, [5, 6, 7, 8])
    assert data["name"] == "a\N{REPLACEMENT CHARACTER}b" and data["mask"] is None


def test_nothing_is_returned_before_something_was_confirmed() -> None:
    def script() -> None:
        import streamlit as st

        from src.ui.photos import box_drawer

        st.text(str(box_drawer.show("draw", "/api/image/1", 640, 480)))

    app = AppTest.from_function(script, default_timeout=30).run()
    assert app.text[0].value == "None"


def test_a_picture_travels_small_upright_and_without_transparency() -> None:
    def script() -> None:
        from PIL import Image

        from src.ui.photos import box_drawer

        box_drawer.show("draw", Image.new("RGBA", (4000, 2000), (255, 0, 0, 0)), 4000, 2000)

    data = drawn(script)
    sent = picture(data["src"])
    assert data["src"].startswith("data:image/jpeg;base64,") and sent.size == (1600, 800)
    assert sent.getpixel((800, 400)) == (255, 255, 255)


def test_a_mask_travels_as_opacity() -> None:
    def script() -> None:
        import numpy as np

        from src import masks
        from src.ui.photos import box_drawer

        pixels = np.zeros((30, 40), bool)
        pixels[10:20, 5:35] = True
        box_drawer.show("draw", "/api/image/1", 400, 300, mask=masks.encode(pixels))

    alpha = np.asarray(picture(drawn(script)["mask"]).getchannel("A"))
    assert alpha.shape == (30, 40) and set(np.unique(alpha)) == {0, 255}
    assert masks.bounds(alpha > 0) == (5, 10, 35, 20)


def test_a_large_mask_travels_small() -> None:
    whole = masks.encode(np.ones((3000, 2), bool))
    assert picture(box_drawer._mask_url(whole)).size == (1, 1024)


@pytest.mark.parametrize(
    ("value", "box"),
    [
        ([1, 2, 30, 40], (1, 2, 30, 40)),
        ([1.4, 1.6, 30.2, 39.9], (1, 2, 30, 40)),
        ([-5, -5, 999, 999], (0, 0, 64, 48)),
        ([30, 2, 30, 40], None),
        ([40, 2, 30, 40], None),
        ([70, 0, 80, 10], None),
        ([1, 2, 3], None),
        (["1", 2, 3, 4], None),
        ([float("nan"), 0, 1, 1], None),
        ([0, 0, float("inf"), 1], None),
        ("1,2,3,4", None),
        (None, None),
        ({"left": 1}, None),
    ],
)
def test_only_a_box_inside_the_picture_comes_back(value: object, box: tuple[int, ...] | None) -> None:
    assert box_drawer._read(value, 64, 48) == box
