"""Photos dropped into the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from src.processing.decoding.image_io import RAW_EXTENSIONS, UPLOAD_TYPES
from src.runtime import Services
from src.services.jobs.asked import queue_uploads
from src.services.library.uploads import limits
from src.text import count, shown
from src.ui import files
from src.ui.format import size
from src.ui.jobs import told

TYPES = [*UPLOAD_TYPES, *sorted(suffix.lstrip(".") for suffix in RAW_EXTENSIONS)]
"""Camera RAW too: where its reader is not installed, the report says so of each."""
NAMED = 5
"""So many files are named, the others counted."""
LOST_CSS = """
[role="status"]:not(:empty) {
  padding: 8px 12px;
  border-radius: 8px;
  color: var(--st-orange-text-color);
  background: var(--st-orange-background-color);
}
"""
QUICK = 1.0
"""Seconds to wait for a few photos to be added: their report is then there at once."""


def show(services: Services) -> None:
    """The drop area and the button that adds what was dropped, as one job.

    What was chosen and not added yet outlives a change of tab.
    """
    label = "Drop photos here"
    key = f"upload-{files.part_of_key()}"
    with st.container(key="drop"):
        dropped = st.file_uploader(label, TYPES, accept_multiple_files=True, key=key, label_visibility="collapsed")
    chosen = files.chosen(dropped)
    _lost_files()(key="lost-files", data={"session": files.session(), "chosen": len(chosen)}, height="content")
    if chosen:
        _show_chosen(services, chosen, len(chosen) - len(dropped))


def _show_chosen(services: Services, chosen: Sequence[UploadedFile], before: int) -> None:
    """before: how many chosen files the drop area does not list, since they were chosen at an earlier visit."""
    total = sum(file.size for file in chosen)
    too_much = over_limit(len(chosen), total)
    if before:
        st.text(f"Chosen before and not added yet: {_names(chosen[:before])}")
    if too_much:
        st.warning(too_much, icon=":material/folder_open:")
    with st.container(horizontal=True, key="chosen"):
        if not too_much and st.button(
            f"Add {count(len(chosen), 'photo')} ({size(total)})", type="primary", key="add-uploads"
        ):
            with st.spinner("Storing your photos"):
                services.jobs.wait(queue(services, chosen), QUICK)
            files.forget()
            st.rerun()
        if before:
            st.button("Put them away", key="forget-files", type="tertiary", on_click=files.forget)


def _names(chosen: Sequence[UploadedFile]) -> str:
    """ "a.jpg, b.jpg, c.jpg and 9 more"."""
    names = ", ".join(shown(file.name) for file in chosen[:NAMED])
    return f"{names} and {len(chosen) - NAMED:,} more" if len(chosen) > NAMED else names


@st.cache_resource(show_spinner=False)
def _lost_files() -> Callable[..., object]:
    """Says when the app was started anew under files that were chosen in the browser. Registered once a process."""
    js = Path(__file__).with_name("lost_files.js").read_text(encoding="utf-8")
    return cast(
        "Callable[..., object]",
        st.components.v2.component("lost_files", html='<div role="status"></div>', css=LOST_CSS, js=js),
    )


def over_limit(number: int, total: int) -> str | None:
    """Why these uploads are refused, None where they are not. ``total`` is in bytes."""
    most = limits()
    if most.allow(number, total):
        return None
    return (
        f"{count(number, 'photo')} of {size(total)} together are too many to upload at once: "
        f"the limit is {most.files} files or {size(most.bytes)}. Nothing was added. "
        "Add their folder instead: it is quicker, and nothing is copied."
    )


def queue(services: Services, chosen: Sequence[UploadedFile]) -> str:
    """Write the uploads to disk one after the other, then queue one job for them and return its id.

    Nothing is drawn in between, so that leaving the page can't stop it half-way.
    """
    with services.uploads.adding():
        found = [services.uploads.save(file.name, file.getbuffer()) for file in chosen]
        job_id = queue_uploads(services.jobs, found)
    told.also_watch(job_id)
    return job_id
