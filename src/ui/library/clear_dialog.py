"""Clearing the library: says what goes into the bin and what stays, then does it and waits."""

from __future__ import annotations

import streamlit as st

from src.runtime import Services
from src.services.jobs.kinds import Clear, kind_of
from src.text import count
from src.ui import example, state
from src.ui.jobs import told

PATIENCE = 300.0
"""Seconds to wait for the running batch to end and the library to be cleared."""


@st.dialog("Clear the library?", on_dismiss=state.close_dialog)
def show(services: Services) -> None:
    """What goes, with the counts, and the button that does it."""
    if state.dialog() is None:  # a button closed it: the whole page runs again
        st.rerun()
    job_id = state.clearing()
    if job_id:
        _wait(services, job_id)
    images, _, only_copies = services.catalog.counts()
    copies = sum(not upload.missing for upload in services.catalog.files.uploads())
    st.markdown(what_goes(images, copies, only_copies))
    st.markdown("Your own photos in their folders stay where they are. Downloaded models stay too.")
    if any(kind_of(job.kind).fills for job in services.jobs.active()):
        st.caption("The job that is running now will be cancelled first.")
    with st.container(horizontal=True):
        label = f"Clear {count(images, 'photo')}"
        st.button(label, type="primary", on_click=_clear, args=(services,), key="clear-yes", disabled=not images)
        st.button("Keep everything", on_click=state.close_dialog, key="clear-no")


def what_goes(images: int, copies: int, only_copies: int) -> str:
    """What a clear does, and the list of all that is deleted once the bin is emptied. copies: stored uploads;
    only_copies: photos in no followed folder.
    """
    lines = [
        f"{count(images, 'photo')} {'goes' if images == 1 else 'go'} into the bin, and no folder is followed any more. "
        "This can be undone until the bin is emptied, by you or after 30 days. Only then these are deleted:",
        f"- {count(images, 'entry', 'entries')} in the catalogue, with tags, notes and vectors",
        f"- {count(images, 'thumbnail')}",
        f"- {count(copies, 'uploaded copy', 'uploaded copies')}{_also_elsewhere(copies, only_copies)}"
        if copies
        else "- uploaded copies: there are none",
    ]
    return "\n".join(lines)


def _also_elsewhere(copies: int, only_copies: int) -> str:
    if not only_copies:
        return ", all of them also in your folders" if copies > 1 else ", also in your folders"
    which = "an uploaded photo" if only_copies >= copies else f"{only_copies:,} of them"
    return f": there may be no other copy of {which}"


def _clear(services: Services) -> None:
    services.forgetting.make_room()
    services.jobs.cancel_all()
    state.set_clearing(services.jobs.queue("Clearing the library", Clear()))


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
        left = [finding.text for finding in job.findings] if job is not None else []
        state.set_message(
            " ".join(["The library is empty now; its photos are in the bin.", *left])
            if done
            else "The library is not cleared yet."
        )
    st.rerun()
