"""Writing what a search found, or the whole library, as a data set or a table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from src.errors import AppError, BadInput
from src.export.features import FEATURE_FORMATS
from src.export.formats import FORMATS
from src.models.looking import BUILTIN_VISUAL
from src.processing.discovery import parse_path
from src.runtime import Services
from src.schema import SearchPage
from src.services.exchange.exporting import Selection
from src.services.jobs.feature_jobs import queue_feature_export
from src.services.jobs.handlers import queue_export
from src.text import count
from src.ui import state
from src.ui.frame import error_box
from src.ui.jobs import told

TITLES = {name: one.title for name, one in FORMATS.items()} | {name: one.title for name, one in FEATURE_FORMATS.items()}
VECTORS_OF = {
    "image": "Whole photos",
    "object": "Objects in them",
    "text": "Text in them",
    "description": "What is said of them",
}


def show(services: Services, page: SearchPage, key: str) -> None:
    """A small button that opens the choices. ``key`` tells several of them on a page apart.

    What is exported are the strong and the likely matches of a search, and the weak ones where that is chosen.

    After each export it is another popover, which begins closed and suggests another name; after one that came to
    nothing, what was typed.
    """
    with st.popover("Export", icon=":material/save_alt:", type="tertiary", key=f"export-{key}-{state.exports()}"):
        _show_choices(services, _selection(page, key), key)


@st.dialog("Export", on_dismiss=state.close_dialog)
def show_dialog(services: Services) -> None:
    """The same for photos that were selected."""
    if state.dialog() is None:
        st.rerun()
    photos = state.photos_to_export()
    st.caption(f"{count(len(photos), 'photo is', 'photos are')} selected.")
    _show_choices(services, Selection(photos), "selected")


def _show_choices(services: Services, selection: Selection, key: str) -> None:
    written = state.exports()
    form = st.selectbox("Format", list(TITLES), format_func=TITLES.__getitem__, key=f"export-format-{key}")
    model, kind = _whose_vectors(services, key) if form in FEATURE_FORMATS else ("", "")
    typed = _typed_in_vain(services)
    place_key = f"export-place-{key}-{written}{'-again' if typed else ''}"
    place = st.text_input("New folder or ZIP on this computer", typed or str(_suggested(written)), key=place_key)
    can_copy = form in FORMATS and FORMATS[form].copies_pictures
    pictures = can_copy and st.checkbox("Copy the photos too", key=f"export-pictures-{key}")
    if st.button("Write it", type="primary", key=f"export-go-{key}", disabled=selection.images == []):
        try:
            if not place.strip():
                raise BadInput("No place was given.", "Type a new folder or a new ZIP, such as ~/photos.zip.")
            if form in FEATURE_FORMATS:
                job_id = queue_feature_export(services.jobs, form, parse_path(place), selection, model, kind)
            else:
                job_id = queue_export(services.jobs, form, parse_path(place), selection, bool(pictures))
        except AppError as error:
            error_box.show(error)
        else:
            _begun(job_id, place)


def _whose_vectors(services: Services, key: str) -> tuple[str, str]:
    """Model or space, and what the vectors are of."""
    kind = st.selectbox("Vectors of", list(VECTORS_OF), format_func=VECTORS_OF.__getitem__, key=f"export-kind-{key}")
    if kind not in ("image", "object"):
        return "", kind
    there = [space.name for space in services.spaces.all() if kind == "image" or space.active]
    others = [] if kind == "object" or BUILTIN_VISUAL in there else [BUILTIN_VISUAL]
    active = services.library.active_model
    names = dict.fromkeys([active, *there, *others])
    said = {active: "in use", **dict.fromkeys(others, "made first")}
    model = st.selectbox(
        "By", list(names), format_func=lambda name: f"{name} ({said[name]})" if name in said else name,
        key=f"export-model-{key}",
    )  # fmt: skip
    return model, kind


def _begun(job_id: str, place: str) -> None:
    state.count_export(job_id, place)
    told.also_watch(job_id)
    state.set_message("Exporting. The sidebar shows how far it is.")
    if state.dialog() == "export":
        state.close_dialog()
    st.rerun()


def _selection(page: SearchPage, key: str) -> Selection:
    """What is to be exported of the results, with a word on what is left out."""
    selection = Selection.of(page)
    if selection.weak and st.checkbox(f"Weak matches too ({selection.weak:,})", key=f"export-weak-{key}"):
        selection = Selection.of(page, weak=True)
    taken = len(selection.images or ())
    if taken < len(page.hits):
        text = f"{taken:,} of the {len(page.hits):,} shown" if taken else "None of those shown"
        st.caption(f":material/info: {text} will be exported; the others are no good match.")
    return selection


def _typed_in_vain(services: Services) -> str:
    """The place of this session's last export where that failed or was cancelled, as it was typed."""
    job_id, place = state.last_export()
    job = services.jobs.snapshot(job_id) if job_id else None
    return place if job is not None and job.state in ("failed", "cancelled") else ""


@st.cache_data(ttl=60, show_spinner=False)
def _suggested(written: int) -> Path:
    """A name in the user's own folder; another one after each export."""
    return Path.home() / f"photos-{datetime.now():%Y-%m-%d-%H%M}{f'-{written + 1}' if written else ''}.zip"
