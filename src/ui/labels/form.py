"""Which labels photos are classified by, and the button that begins."""

from __future__ import annotations

from contextlib import suppress
from typing import BinaryIO

import streamlit as st

from src.errors import AppError, BadInput
from src.models.label_lists import MOST_BYTES, PRESETS, decoded, preset
from src.models.label_lists import read as read_labels
from src.runtime import Services
from src.services.jobs.handlers import queue_classifying
from src.services.jobs.kinds import Classify
from src.services.lab.classifying import Sorting
from src.text import count
from src.ui.frame import error_box
from src.ui.jobs import job_progress
from src.ui.jobs import told as jobs_told
from src.ui.labels import told

OWN = "own"
_HOW = {"one": "One of them", "several": "Several, or none"}


def show(services: Services) -> Sorting | None:
    """The form; what is chosen, or None where that is not enough, which is said."""
    if told.is_new():
        _choose_last(services)
    told.start(told.LIST, told.HOW, told.TEMPLATES)
    with st.container(border=True, key="labels-form"):
        st.markdown("#### Classify photos")
        _choices()
        try:
            asked = _asked()
            if asked is not None:
                _begin(services, asked)
        except AppError as error:
            error_box.show(error)
            asked = None
    told.keep()
    return asked


def _choose_last(services: Services) -> None:
    """What photos were classified by last: a page that is loaded anew says what is going on, and has the labels."""
    last = next((job for job in services.jobs.latest(50) if job.kind == "classify"), None)
    if last is not None:
        asked = Classify.read(services.jobs.params(last.id))
        told.choose(told.LIST, asked.preset if asked.preset in PRESETS else OWN)
        told.choose(told.OWN, "\n".join(asked.labels))
        told.choose(told.HOW, "several" if asked.several else "one")
        told.choose(told.TEMPLATES, "\n".join(asked.templates))


def _choices() -> None:
    names = {**PRESETS, OWN: "My own labels"}
    with st.container(horizontal=True, vertical_alignment="top", key="labels-choices"):
        st.selectbox("Labels", list(names), format_func=names.__getitem__, key=told.LIST, width=330)
        st.segmented_control(
            "A photo shows", list(_HOW), format_func=_HOW.__getitem__, key=told.HOW, required=True, default=None
        )
    if told.chosen(told.LIST) == OWN:
        _own()
    with st.expander("How a label is asked for", icon=":material/tune:"):
        st.text_area(
            "Templates, one a line",
            key=told.TEMPLATES,
            placeholder="a photo of {}\na drawing of {}",
            help="The label stands in place of {}; the middle of what the model makes of all templates counts.",
        )


def _own() -> None:
    """A box for labels, and a file that fills it."""
    told.start(told.OWN)
    st.text_area(
        "Labels, one a line or with commas between",
        key=told.OWN,
        placeholder="beach, mountains, birthday party",
        help="“crane = crane bird” is asked for in other words; “dog >= 60%” is suggested from that chance on.",
    )
    label, kinds = "Or a text file with a label a line", ["txt", "csv"]
    st.file_uploader(label, kinds, key="labels-file", on_change=_take_file, max_upload_size=MOST_BYTES // 10**6)


def _take_file() -> None:
    """Before a run: what is in the file stands in the box from then on. ``_asked`` says what is wrong with it."""
    file = told.chosen("labels-file")
    with suppress(BadInput):
        if file is not None:
            told.choose(told.OWN, _text(file))


def _text(file: BinaryIO) -> str:
    """Raises BadInput."""
    file.seek(0)
    return decoded(file.name, file.read(MOST_BYTES + 1))


def _asked() -> Sorting | None:
    """Raises BadInput. None where labels of one's own are still to be typed."""
    chosen, own, file = told.chosen(told.LIST), told.chosen(told.OWN) or "", told.chosen("labels-file")
    if chosen == OWN and file is not None:
        _text(file)  # what is in the box is older than a file that can't be read
    if chosen == OWN and not own.strip():
        st.markdown("Type some labels, or choose a list.")
        return None
    found = read_labels(own) if chosen == OWN else preset(chosen)
    lines = [line.strip() for line in (told.chosen(told.TEMPLATES) or "").splitlines() if line.strip()]
    several = told.chosen(told.HOW) == "several"
    return Sorting(found, several, tuple(lines))


def _begin(services: Services, asked: Sorting) -> None:
    """How many photos wait, the button, and how far it is."""
    if services.catalog.counts()[0] == 0:
        return
    by = services.classifying.by(asked)
    waiting = services.classifying.waiting(asked)
    running = any(job.kind == "classify" for job in services.jobs.active())
    with st.container(horizontal=True, vertical_alignment="center", key="labels-begin"):
        label = f"Classify {count(waiting, 'photo')}" if waiting else "Classify photos"
        idle = running or not waiting
        if st.button(label, type="primary", icon=":material/label:", key="labels-start", disabled=idle):
            jobs_told.also_watch(queue_classifying(services.jobs, asked))
            st.rerun()
        st.markdown(_state(asked, waiting, running, by.measured))
    with st.container(key="labels-progress", gap="small"):  # there without a job too: what comes after must not move
        job_progress.show(services, ("classify",))


def _state(asked: Sorting, waiting: int, running: bool, measured: bool) -> str:
    """Beside the button: what it would do, or why it can't be pressed."""
    unsure = "" if measured else " This model was never compared with labelled photos: take its chances as an order."
    if running:
        return "Photos are being classified."
    if not waiting:
        return f"Every photo was classified by these {count(len(asked.labels), 'label')}.{unsure}"
    return f"By {count(len(asked.labels), 'label')}; what is likely is suggested as tags, below.{unsure}"
