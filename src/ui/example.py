"""What of the session is about the example picture: what is searched by on its tab."""

from __future__ import annotations

from typing import cast

import streamlit as st

from src.schema import Box
from src.ui import state

SPACE = "compare-by"
"""Widget key of what an example is compared by."""


def space() -> str:
    """Name of the space in which the example is compared; empty for the model's."""
    return cast("str | None", st.session_state.get("space")) or ""


def set_space(name: str) -> None:
    """Compare in that one from now on."""
    st.session_state["space"] = name


def set_example(name: str, png: bytes, photo: str | None) -> None:
    """Search by this picture from now on. photo: the library's that has just its bytes."""
    st.session_state.update(example_name=name, example_png=png, example_photo=photo, similar_to=None)


def search_by_example(name: str, png: bytes, photo: str | None) -> None:
    """The same, on its tab."""
    set_example(name, png, photo)
    state.want_page("image_search")


def set_similar(id_: str, box: Box | None = None) -> None:
    """Search by a library's picture, a box in it, or an object from now on, on its tab, and close what is open.

    A picture that was dropped is kept for the way back.
    """
    search_like(id_, box)
    state.want_page("image_search")
    state.close_dialog()


def search_like(id_: str | None, box: Box | None = None) -> None:
    """The same where one is; None: by the picture that was dropped, if any."""
    st.session_state.update(similar_to=id_, similar_box=box)


def clear() -> None:
    st.session_state.update(example_name=None, example_png=None, similar_to=None)


def picture() -> tuple[str, bytes] | None:
    """Name and PNG bytes of the dropped picture; None for none, or where one of the library is searched by."""
    png = None if similar_to() else st.session_state.get("example_png")
    return (st.session_state["example_name"], png) if png else None


def photo() -> str | None:
    """Id of the photo of the library whose bytes the dropped picture has."""
    return cast("str | None", st.session_state.get("example_photo")) if picture() else None


def similar_to() -> str | None:
    """Id of the picture of the library, or of the object in one, that is searched by."""
    return cast("str | None", st.session_state.get("similar_to"))


def similar_box() -> Box | None:
    """The part of that picture that is searched by, None for all of it."""
    return cast("Box | None", st.session_state.get("similar_box")) if similar_to() else None
