"""Photos dropped into the page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from src.bootstrap import Services
from src.names import count
from src.processing.image_io import UPLOAD_TYPES
from src.services.uploads import MAX_BYTES, MAX_FILES, as_params
from src.ui import state
from src.ui.text import size

QUICK = 1.0
"""Seconds to wait for a few photos to be added: their report is then there at once."""


def show(services: Services) -> None:
    """The drop area and the button that adds what was dropped, as one job."""
    label = "Drop photos here"
    key = f"upload-{state.upload_round()}"
    with st.container(key="drop"):
        files = st.file_uploader(label, list(UPLOAD_TYPES), accept_multiple_files=True, key=key, label_visibility="collapsed")
    if not files:
        return
    total = sum(file.size for file in files)
    too_much = over_limit(len(files), total)
    if too_much:
        st.warning(too_much, icon=":material/folder_open:")
    elif st.button(f"Add {count(len(files), 'photo')} ({size(total)})", type="primary", key="add-uploads"):
        with st.spinner("Storing your photos"):
            services.jobs.wait(queue(services, files), QUICK)
        state.next_upload_round()
        st.rerun()


def over_limit(number: int, total: int) -> str | None:
    """Why these uploads are refused, None where they are not. ``total`` is in bytes."""
    if number <= MAX_FILES and total <= MAX_BYTES:
        return None
    return (
        f"{count(number, 'photo')} of {size(total)} together are too many to upload at once: "
        f"the limit is {MAX_FILES} files or {size(MAX_BYTES)}. Nothing was added. "
        "Add their folder instead: it is quicker, and nothing is copied."
    )


def queue(services: Services, files: Sequence[UploadedFile]) -> str:
    """Write the uploads to disk one after the other, then queue one job for them and return its id.

    Nothing is drawn in between, so that leaving the page can't stop it half-way.
    """
    with services.uploads.adding():
        found = [services.uploads.save(file.name, file.getbuffer()) for file in files]
        return services.jobs.submit("index", f"Adding {count(len(found), 'uploaded photo')}", files=as_params(found))
