"""The page Duplicates: what is still to be decided, a level's groups one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from src.errors import ModelError
from src.runtime import Services
from src.schema import PhotoFilter
from src.schema.duplicates import LEVELS, DuplicateGroup, Level
from src.services.jobs.handlers import queue_duplicates
from src.text import count
from src.ui.duplicates import bulk, review, told
from src.ui.frame import empty_state, error_box
from src.ui.jobs import job_progress


def show(services: Services, only: PhotoFilter | None) -> None:
    """only: photos that pass; None for all."""
    try:
        waiting, groups = services.duplicates.waiting(), services.duplicates.groups(None, only)
    except ModelError as error:
        error_box.show(error)
        return
    searching = any(job.kind == "duplicates" for job in services.jobs.active())
    with st.container(key="duplicates-search", gap="small"):  # there without a word too: what comes after must not move
        _show_search(services, waiting, searching)
    if not groups:
        _show_none(services, only is not None, waiting > 0 or searching)
        return
    chosen = _chosen(services, groups)
    if chosen:
        review.show(services, chosen)
    else:
        empty_state.show("filter_none", "None at this level", "Another level has some.", key="no-level")


def _show_search(services: Services, waiting: int, searching: bool) -> None:
    """What is looked for now, or still to be looked for."""
    if searching:
        job_progress.show(services, ("duplicates",))
    elif waiting:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"{count(waiting, 'photo is', 'photos are')} not compared with the others yet.")
            st.button(
                "Look for duplicates",
                icon=":material/search:",
                on_click=queue_duplicates,
                args=(services.jobs,),
                key="find-duplicates",
            )


def _show_none(services: Services, narrowed: bool, unfinished: bool) -> None:
    images = services.catalog.counts()[0]
    if unfinished:
        title, text = "None found so far", "Photos that are copies of each other appear here as they are found."
    elif narrowed:
        title, text = "No duplicates among these photos", "Take filters away to see those of the whole library."
    else:
        title = "No duplicates"
        text = f"{count(images, 'photo')}, and nothing left to decide. New photos are compared as they are added."
    empty_state.show("done_all" if not unfinished else "hourglass_empty", title, text, key="no-duplicates")


def _chosen(services: Services, groups: Sequence[DuplicateGroup]) -> list[DuplicateGroup]:
    """The groups of the level that is asked for; beside the choice, a way to decide about many."""
    numbers = {level: sum(group.level == level for group in groups) for level in LEVELS}
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="duplicates-levels"):
        level: Level | str | None = st.segmented_control(
            "Level",
            ["all", *LEVELS],
            format_func=lambda level: review.TITLES.get(level, "All"),
            default="all",
            required=True,
            key=told.LEVEL,
            label_visibility="collapsed",
        )
        parts = [f"{number:,} {review.TITLES[level].lower()}" for level, number in numbers.items() if number]
        st.caption(f"{count(len(groups), 'group')} to decide: {', '.join(parts)}.")
        bulk.show(services, groups)
    return [group for group in groups if level in ("all", group.level)]
