"""Objects that are found while one looks at the results of a search."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from src.runtime import Services
from src.schema import PhotoFilter
from src.text import count
from src.ui import state
from src.ui.jobs import job_progress

EVERY = 1.5
"""Seconds between two looks: what was found is committed about as often."""


def finding(services: Services) -> bool:
    """Whether objects are being found, or about to be."""
    return any(job.kind == "objects" for job in services.jobs.active())


class Watch:
    """What could be searched when the page began; to be made before its search.

    Nothing is drawn while no objects are being found.
    """

    def __init__(self, services: Services, only: PhotoFilter | None) -> None:
        self._services = services
        self._only = only
        self._running = state.mode() != "images" and finding(services)
        self._before = services.objects.searchable(self._only) if self._running else (0, 0)

    def offer(self) -> None:
        """A button over the results that shows the new ones: what is looked at moves neither by itself nor for it."""

        def draw() -> None:
            now, rewritten = self._services.objects.searchable(self._only)
            more = now - self._before[0]
            if more > 0 or rewritten != self._before[1]:
                label = f"Show {count(more, 'new object')}" if more > 0 else "Show new objects"
                if st.button(label, icon=":material/refresh:", type="primary", key="new-objects"):
                    st.rerun()

        with st.container(key="coming"):
            self._repeat(draw)

    def show_at_once(self) -> None:
        """The page again as soon as there are new ones: where nothing is shown, nothing moves."""
        first = True

        def draw() -> None:
            nonlocal first
            if not first and self._services.objects.searchable(self._only) != self._before:
                st.rerun()
            first = False

        self._repeat(draw)

    def _repeat(self, draw: Callable[[], None]) -> None:
        if self._running:
            job_progress.repeat(draw, EVERY)
