"""Clearing the library: says what happens and that it can be undone, then does it and waits."""

from __future__ import annotations

import streamlit as st

from src.runtime import Services
from src.services.jobs.asked import clear
from src.services.jobs.handlers import KEPT_DAYS
from src.services.jobs.kinds import kind_of
from src.text import count
from src.ui import example, state
from src.ui.curation import actions
from src.ui.jobs import told

PATIENCE = 300.0
"""Seconds to wait for the running batch to end and the library to be cleared."""


@st.dialog("Clear the library?", on_dismiss=state.close_dialog)
def show(services: Services) -> None:
    """What happens, with the counts, and the button that does it."""
    if state.dialog() is None:  # a button closed it: the whole page runs again
        st.rerun()
    job_id = state.clearing()
    if job_id:
        _wait(services, job_id)
    images, _, only_copies = services.catalog.counts()
    st.markdown(what_happens(images, len(services.folders.all())))
    st.markdown("Nothing is deleted now. **It can be undone until the bin is emptied.**")
    st.markdown("Your own photos in their folders stay where they are. Downloaded models stay too.")
    copies = sum(not upload.missing for upload in services.catalog.files.uploads())
    if copies:
        st.markdown(f"When the bin is emptied, {what_goes(copies, only_copies)}")
    if any(kind_of(job.kind).fills for job in services.jobs.active()):
        st.caption("The job that is running now will be cancelled first.")
    with st.container(horizontal=True):
        label = f"Clear {count(images, 'photo')}"
        st.button(label, type="primary", on_click=_clear, args=(services,), key="clear-yes", disabled=not images)
        st.button("Keep everything", on_click=state.close_dialog, key="clear-no")


def what_happens(images: int, folders: int) -> str:
    """What a clear does. folders: how many are followed."""
    which = "with its facts" if images == 1 else "with their facts"
    said = f"{count(images, 'photo')} {'goes' if images == 1 else 'go'} into the bin, {which}, tags, ratings and notes"
    days = f"; after {KEPT_DAYS} days there, they are forgotten."
    if not folders:
        return f"{said}{days}"
    return f"{said}, and {count(folders, 'folder')} {'is' if folders == 1 else 'are'} followed no more{days}"


def what_goes(copies: int, only_copies: int) -> str:
    """What goes with the bin. copies: stored uploads; only_copies: photos in no followed folder."""
    said = f"{count(copies, 'uploaded copy is', 'uploaded copies are')} deleted"
    if not only_copies:
        return f"{said}, {'all of them also' if copies > 1 else 'also'} in your folders."
    which = "an uploaded photo" if only_copies >= copies else f"{only_copies:,} of them"
    return f"{said}: there may be no other copy of {which}."


def _clear(services: Services) -> None:
    job_id = clear(services.jobs, services.forgetting)
    told.also_watch(job_id)
    state.set_clearing(job_id)


def _wait(services: Services, job_id: str) -> None:
    with st.spinner("Clearing"):
        job = services.jobs.wait(job_id, PATIENCE)
    state.set_clearing(None)
    state.close_dialog()
    example.clear()
    told.watch([])  # what was cancelled for this needs no word of its own
    if job is not None and job.state == "failed":
        told.keep_failure(job.id)
    else:
        done = job is not None and job.state == "done"
        if done:
            actions.say_last(services, "clear")
        else:
            state.set_message("The library is not cleared yet.")
    st.rerun()
