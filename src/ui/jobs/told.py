"""What a browser session knows of jobs: those that its page was drawn for, and what of them it was told or is to be.

The only place that names keys of ``st.session_state`` for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import streamlit as st

from src.runtime import Services
from src.services.jobs.kinds import Params


def watched() -> list[str] | None:
    """Ids of jobs that a word is due for at their end: those unfinished at the last run, None at the first."""
    return cast("list[str] | None", st.session_state.get("watched"))


def watch(job_ids: Sequence[str]) -> None:
    st.session_state["watched"] = list(job_ids)


def also_watch(job_id: str) -> None:
    """Have a job that was queued just now told of, though it may have ended before the page is drawn again."""
    watch([*(watched() or []), job_id])


def queue(services: Services, title: str, asked: Params) -> str:
    """Queue a job that the user asked for, and return its id. Its end is told, however soon it comes."""
    job_id = services.jobs.queue(title, asked)
    also_watch(job_id)
    return job_id


def keep_failure(job_id: str) -> None:
    """Have the page say that this job failed, until the user puts it away."""
    if job_id not in failures():
        st.session_state["failures"] = [*failures(), job_id]


def failures() -> list[str]:
    """Ids of the failed jobs that the user was told of and has not put away, the oldest first."""
    return cast("list[str]", st.session_state.get("failures", []))


def dismiss_failure(job_id: str) -> None:
    st.session_state["failures"] = [other for other in failures() if other != job_id]


def set_drawn(jobs: Sequence[tuple[str, str]]) -> None:
    """The state of the jobs that the page was drawn for, to its end: a run that was cut short does not count."""
    st.session_state["drawn"] = list(jobs)


def drawn() -> list[tuple[str, str]]:
    return cast("list[tuple[str, str]]", st.session_state.get("drawn", []))


def dismiss_report(job_id: str) -> None:
    st.session_state["dismissed"] = job_id


def dismissed_report() -> str | None:
    return cast("str | None", st.session_state.get("dismissed"))
