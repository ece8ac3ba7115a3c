"""A photo on which one chooses an object, or draws a box with pointer, finger or keys, to search with what is in it."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from PIL import Image

from src import masks
from src.pixels import to_rgb
from src.processing.thumbnails import as_jpeg, shrunk
from src.schema import Box, Mask
from src.text import shown
from src.ui.frame.component import beside, reported

MIN_SIDE = 4
"""Pixels of the picture: no box is narrower or lower, unless the picture is."""
SIDE = 1600
"""Longest side in pixels at which a picture that has no address is sent to the browser."""


def show(
    key: str,
    picture: str | Image.Image,
    width: int,
    height: int,
    boxes: Sequence[tuple[Box, str]] = (),
    *,
    name: str = "Photo",
    mask: Mask | None = None,
    chosen: Box | None = None,
    action: str = "Search with this box",
) -> Box | None:
    """Draw the picture, and return the box confirmed just now, else None; boxes are XYXY in its upright pixels.

    picture: its address on this server, such as ``/api/image/<id>``, or the picture itself; either may be smaller than
    ``width`` x ``height``. boxes: objects that are known, each with its label; a click or Enter on one confirms its
    box. name: what the picture is called. mask: shown over the picture. chosen: the box to begin with; another one
    replaces what is drawn. action: what confirming does, on the button. A box that comes back lies inside the picture
    and is at least ``MIN_SIDE`` pixels wide and high, but where a known object is smaller. The box is drawn, moved and
    resized in the browser alone: nothing runs before it is confirmed.
    """
    data = {
        "src": picture if isinstance(picture, str) else _jpeg_url(picture),
        "width": width,
        "height": height,
        "objects": [{"box": list(box), "label": shown(label)} for box, label in boxes],
        "name": shown(name),
        "mask": None if mask is None else _mask_url(mask),
        "chosen": None if chosen is None else list(chosen),
        "action": action,
        "least": MIN_SIDE,
    }
    beside(__file__, "box_drawer")(key=key, data=data, width="stretch", on_box_change=partial(_keep, key))
    return _read(st.session_state.pop(_kept(key), None), width, height)


def _keep(key: str) -> None:
    """A box was confirmed.

    Run before the page is drawn: a run that another one cuts short would lose what it only reads while drawing.
    """
    st.session_state[_kept(key)] = reported(key, "box")


def _kept(key: str) -> str:
    return f"{key}-confirmed"


def _read(value: object, width: int, height: int) -> Box | None:
    """What came from the browser as a box inside the picture, None where it is none."""
    if not isinstance(value, list | tuple) or len(value) != 4 or not all(map(_is_number, value)):
        return None
    limits = (width, height, width, height)
    left, top, right, bottom = (max(0, min(limit, round(side))) for limit, side in zip(limits, value, strict=True))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _jpeg_url(picture: Image.Image) -> str:
    small = as_jpeg(to_rgb(shrunk(picture, SIDE)))
    return "data:image/jpeg;base64," + base64.b64encode(small).decode("ascii")


def _mask_url(mask: Mask) -> str:
    """The mask as the opacity of a PNG of at most 1,024 pixels: the browser stretches it in the theme's colour."""
    longest = max(mask.height, mask.width)
    if longest > 1024:
        mask = masks.resized(mask, max(1, mask.height * 1024 // longest), max(1, mask.width * 1024 // longest))
    alpha = Image.fromarray(masks.decode(mask).astype(np.uint8) * 255)
    target = io.BytesIO()
    Image.merge("LA", (Image.new("L", alpha.size), alpha)).save(target, "PNG")
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode("ascii")
