"""One picture and its likeliest labels as bars."""

from __future__ import annotations

import io
from collections.abc import Sequence

import streamlit as st

from src.errors import AppError
from src.models.label_bank import Label
from src.runtime import Services
from src.services.lab.classifying import Sorting, one_picture
from src.text import shown
from src.ui import files
from src.ui.frame import error_box
from src.ui.frame.component import beside
from src.ui.labels import told
from src.ui.library.upload_form import TYPES
from src.ui.search.example_picture import as_png

TOP = 5


def show(services: Services, asked: Sorting | None) -> None:
    """A place to drop a picture; it is told, and kept nowhere."""
    st.markdown("#### One picture")
    kept = told.looked_at()
    if kept is None:
        _drop(services)
        return
    name, png = kept
    left, right = st.columns([1, 2], gap="medium")
    with left:
        st.image(png, width="stretch")
        st.text(shown(name))
        st.button("Another picture", icon=":material/close:", on_click=told.look_away, key="labels-other")
    with right:
        if asked is not None:
            _bars(services, asked, png)


def _drop(services: Services) -> None:
    with st.container(key="drop-labels"), st.container(key="drop"):
        label, key = "Drop a picture", f"labels-{files.part_of_key()}"
        file = st.file_uploader(label, TYPES, key=key, label_visibility="collapsed")
    if file is None:
        return
    try:
        told.look_at(file.name, as_png(services.search.open_picture(file)))
    except AppError as error:
        error_box.show(error)
        return
    files.next_round()
    st.rerun()


def _bars(services: Services, asked: Sorting, png: bytes) -> None:
    try:
        found = one_picture(services.classifying.by(asked), services.reader, io.BytesIO(png), TOP)
    except AppError as error:
        error_box.show(error)
        return
    draw(found, "labels-bars")


def draw(found: Sequence[Label], key: str) -> None:
    """A bar for each label, as long as it is likely."""
    rows = [{"label": shown(label.word), "percent": round(100 * label.chance, 1)} for label in found]
    beside(__file__, "bars", '<ol class="root"></ol>')(key=key, data={"rows": rows})
