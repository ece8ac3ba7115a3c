"""What finds objects in photos: choosing another segmenter, and getting one that is not on this machine yet."""

from __future__ import annotations

import streamlit as st

from src.runtime import Services
from src.schema import ModelStatus
from src.services.jobs.handlers import queue_objects
from src.ui.format import literal
from src.ui.frame import model_card


def show(services: Services) -> None:
    """One segmenter at a time: what it is, and the one thing that can be done with it."""
    statuses = services.objects.segmenters()
    active = next((status for status in statuses if status.active), statuses[0])
    with st.expander(f"Objects by: {active.title}", icon=":material/select_all:", key="segmenter-card"):
        st.caption(literal(active.about))
        others = {status.id: status for status in statuses if not status.active}
        chosen = st.selectbox(
            "Change to", list(others), format_func=lambda id_: others[id_].title, key="segmenter-choice", index=None
        )
        if chosen is not None:
            _show_other(services, others[chosen])


def _show_other(services: Services, status: ModelStatus) -> None:
    st.caption(literal(status.about))
    if not status.available:
        model_card.show_download(services, status, "segmenter")
        return
    if st.button("Find objects with this", key="use-segmenter", width="stretch"):
        services.objects.use(status.id)
        queue_objects(services.jobs)
        st.rerun()
    st.caption(
        "All photos are looked through again in the background; the objects found before are searched until then."
    )
