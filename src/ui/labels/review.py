"""What was suggested by classifying: label by label, accepted or refused by one key, and all of it as a table."""

from __future__ import annotations

import streamlit as st

from src.database.catalog.labels import LabelCount
from src.errors import AppError
from src.runtime import Services
from src.services.curation.service import tag_of
from src.text import shown
from src.ui.curation import suggested
from src.ui.frame import download_link, error_box
from src.ui.labels import told


def show(services: Services) -> None:
    """Nothing where no label is suggested for any photo."""
    counts = services.catalog.labels.counts()
    if not counts:
        return
    st.markdown("#### Suggested tags")
    words = {one.word: one for one in counts}
    told.start(told.LABEL)
    if told.chosen(told.LABEL) not in words:
        told.choose(told.LABEL, counts[0].word)
    with st.container(horizontal=True, vertical_alignment="bottom", key="labels-answer"):
        word = st.selectbox("Label", list(words), format_func=lambda one: _named(words[one]), key=told.LABEL, width=420)
        download_link.show("All as CSV", "/api/labels.csv", "labels.csv", "labels-csv")
        st.button(
            "Forget suggestions", icon=":material/delete:", on_click=services.catalog.labels.clear, key="labels-clear"
        )
    told.keep()
    try:
        tag = tag_of(word)
        st.markdown(_learned(services, tag))
        suggested.draw(services, tag, suggested.still_open(services, tag), told.LABEL)
    except AppError as error:
        error_box.show(error)


def _named(one: LabelCount) -> str:
    parts = [f"{one.open:,} open"]
    parts += [f"{number:,} {what}" for number, what in ((one.accepted, "yes"), (one.refused, "no")) if number]
    return f"{shown(one.word)} – {', '.join(parts)}"


def _learned(services: Services, tag: str) -> str:
    yes, no = len(services.catalog.marks.tagged(tag)), len(services.catalog.marks.refused(tag))
    if yes and no:
        return f"The order is learned from your answers: {yes:,} yes and {no:,} no."
    return "Y accepts, N refuses. From the first of each on, your answers teach the order."
