"""The library at a glance, on every page."""

from __future__ import annotations

from html import escape

import streamlit as st

from src.runtime import Services
from src.schema import Mode, ModelStatus
from src.services.jobs.kinds import JobKind
from src.ui import state
from src.ui.curation import links
from src.ui.format import size
from src.ui.frame import explore, model_card, segmenter_card
from src.ui.jobs import job_progress
from src.ui.search import saved_searches


def show(services: Services, kinds: tuple[JobKind, ...]) -> None:
    """``kinds``: the jobs whose progress is shown here; the page Upload shows its own."""
    statuses = services.library.model_statuses()
    active = next((status for status in statuses if status.active), None)

    def draw() -> None:
        _show_facts(services, active)
        job_progress.show_bars(services, kinds, compact=True)

    with st.sidebar:
        _show_mode()
        job_progress.watch(services, draw)
        model_card.show(services, statuses)
        if state.mode() != "images":
            segmenter_card.show(services)
        saved_searches.show(services)
        links.show(services, "sidebar-links")
        with st.container(key="explore-links"):
            explore.show()
        with st.container(key="sidebar-end", gap="xsmall"):
            st.button(
                "Clear database",
                icon=":material/delete:",
                type="tertiary",
                on_click=state.open_dialog,
                args=("clear",),
                key="clear",
            )
            st.button(
                "Quit", icon=":material/power_settings_new:", type="tertiary", on_click=state.quit_now, key="quit"
            )
            if services.settings.hosts:  # who is here has signed in
                st.html(SIGN_OUT)


SIGN_OUT = '<form class="sign-out" method="post" action="sign-out"><button type="submit">Sign out</button></form>'
"""The doors answer it, and end the session."""
MODES: dict[Mode, str] = {"images": "Photos", "objects": "Objects", "both": "Both"}
MODE_HELP = (
    "Photos: what each shows as a whole. Objects: single things inside photos, marked by a box. "
    "Both: whichever fits better."
)


def _show_mode() -> None:
    """The same on every page, and kept."""
    st.segmented_control(
        "Search in",
        list(MODES),
        format_func=MODES.__getitem__,
        required=True,
        key=state.MODE,
        help=MODE_HELP,
        width="stretch",
    )


def _show_facts(services: Services, active: ModelStatus | None) -> None:
    images, _, _ = services.catalog.counts()
    looked, objects = services.objects.counts()
    facts = [("Photos", f"{images:,}"), ("Device", services.library.runs_on()[0])]
    if looked:
        facts.insert(1, ("Objects", f"{objects:,}"))
    if active is None or not active.available:
        st.warning("The model in use is not on this machine.", icon=":material/warning:")
    else:
        facts[1:1] = [("Model", active.title), ("Dimensions", str(active.dimensions))]
        counted = None if services.jobs.active() else images
        taken = services.library.room(counted)
        facts.append(("Disk used", "…" if taken is None else size(taken)))
    offline = services.folders.offline()
    if offline:
        facts.append(("Offline folders", str(offline)))
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    st.html(f'<dl class="facts">{rows}</dl>')
