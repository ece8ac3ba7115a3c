"""Checking and repairing the library from the page."""

from __future__ import annotations

import streamlit as st

from src.runtime import Services
from src.schema import JobSnapshot
from src.services.jobs.kinds import Examine
from src.ui.format import duration, literal
from src.ui.jobs import told


def show(services: Services) -> None:
    """The button that checks and repairs, and what the last check found."""
    st.markdown("#### Check-up")
    st.caption(
        "Goes through catalogue, search index, thumbnails and uploads, and repairs what is not right. "
        "Your photos are only read."
    )
    for notice in services.notices:
        st.info(literal(notice), icon=":material/folder_off:")
    last = next((job for job in services.jobs.latest(50) if job.kind == "doctor"), None)
    busy = last is not None and not last.finished
    if st.button("Check and repair", icon=":material/health_and_safety:", key="doctor", disabled=busy):
        told.queue(services, "Checking the library", Examine())
        st.rerun()
    if last is not None and last.finished:
        _show_outcome(last)


def _show_outcome(job: JobSnapshot) -> None:
    if job.error:
        st.error(literal(job.error), icon=":material/error:")
    elif job.state == "cancelled":
        st.caption("The last check was cancelled.")
    elif not job.findings:
        st.markdown(f":material/check_circle: Nothing wrong (the check took {duration(job.seconds)}).")
    for finding in job.findings:
        icon = ":material/build:" if finding.repaired else ":material/warning:"
        st.markdown(f"{icon} {literal(finding.text)}{' Repaired.' if finding.repaired else ''}")
