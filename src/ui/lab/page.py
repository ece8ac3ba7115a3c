"""The page Lab: what is asked for, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from src.errors import AppError, BadInput
from src.processing.discovery import check_readable, parse_path
from src.runtime import Services
from src.services.jobs.asked import evaluate
from src.services.jobs.kinds import Evaluate
from src.services.lab.service import Told
from src.services.lab.words import speed_of
from src.text import count, shown
from src.ui.format import literal
from src.ui.frame import error_box
from src.ui.jobs import job_progress
from src.ui.jobs import told as jobs_told
from src.ui.lab import spaces, told

KINDS = ("Evaluate", "Study")
ABOUT = (
    "How well do models tell the classes of a labelled set of pictures, such as a folder with a folder of pictures for"
    " each class? *Evaluate* measures it; *Study* also asks with altered pictures, and answers in words whether similar"
    " pictures have similar vectors. Pictures are only read, and none is added to the library."
)
HEADINGS = {
    "knn": "kNN", "linear_probe": "Linear probe", "precision@10": "Precision@10", "map": "MAP",
    "r_precision": "R-precision", "silhouette": "Silhouette", "auc": "AUC",
}  # fmt: skip
EARLIER = 10
"""Reports that are offered."""


def show(services: Services) -> None:
    st.markdown(ABOUT)
    try:
        _show_form(services)
    except AppError as error:
        error_box.show(error)
    with st.container(key="lab-progress", gap="small"):  # there without a job too: what comes after it must not move
        job_progress.show(services, ("evaluate",))
    _show_reports(services)
    spaces.show(services)


def _show_form(services: Services) -> None:
    names = list(services.lab.offered().names)
    told.start(KINDS, names)
    with st.form("lab-form", border=False):
        folder = st.text_input("Folder of labelled pictures", key=told.FOLDER, placeholder="~/pictures/by-class")
        with st.container(horizontal=True, vertical_alignment="top"):
            kind = st.segmented_control("What", KINDS, key=told.KIND, required=True)
            queries = st.number_input(
                "Pictures a study asks with", 0, 1_000_000, key=told.QUERIES, width=230, help="0: a sixth of them"
            )
        models = st.multiselect("Models", names, key=told.MODELS)
        with st.expander("Classes of another kind"):
            table = st.text_input("A table of files and labels, CSV", key=told.TABLE, placeholder="~/labels.csv")
            level = st.number_input("Folders, one in another, that make a class", 1, 9, key=told.LEVEL, width=300)
        wanted = st.form_submit_button("Measure", type="primary", key="lab-measure")
    told.keep()
    if wanted:
        place = parse_path(folder, "folder", "~/pictures")
        check_readable(place)
        if not models:
            raise BadInput("No model is chosen.", "Choose one or more.")
        labels = str(parse_path(table, "table", "~/labels.csv")) if table.strip() else ""
        asked = Evaluate(
            str(place), labels, int(level), tuple(models), kind == "Study", int(queries), services.lab.place()
        )
        jobs_told.also_watch(evaluate(services.jobs, asked))
        st.rerun()


def _show_reports(services: Services) -> None:
    """The latest report, and a choice of earlier ones."""
    done = [job for job in services.jobs.latest(100) if job.kind == "evaluate" and job.state == "done"]
    places = [(job, services.lab.told(str(services.jobs.params(job.id).get("place", "")))) for job in done[:EARLIER]]
    reports = {job.id: (job.title, found) for job, found in places if found}
    if not reports:
        return
    chosen = next(iter(reports))
    told.choose_newest(chosen)
    if len(reports) > 1:
        chosen = st.selectbox("Report", list(reports), format_func=lambda id_: _named(*reports[id_]), key=told.REPORT)
    title, found = reports[chosen]
    with st.container(key="lab-report-place"):
        _show_report(title, found, chosen)


def _named(title: str, found: Told) -> str:
    """With the moment it was written: the same folder may have been measured twice."""
    return f"{shown(title)} – {datetime.fromtimestamp(found.written):%Y-%m-%d %H:%M}"


def _show_report(title: str, found: Told, name: str) -> None:
    figures = found.figures
    st.markdown(f"#### {literal(title)}")
    for sentence in figures.get("answer", ()):
        st.markdown(literal(sentence))
    st.markdown(
        f"{count(figures.get('images', 0), 'picture')}, {count(figures.get('classes', 0), 'class', 'classes')};"
        f" {literal(figures.get('split_said', ''))}."
    )
    for sentence in figures.get("warnings", ()):
        st.warning(literal(sentence), icon=":material/warning:")
    st.dataframe(_rows(figures), hide_index=True, width="stretch", height="content")
    st.markdown(speed_of(figures.get("seconds", 0), figures.get("workers", 1), figures.get("speed_up", 1)))
    st.download_button(
        "Download the report",
        found.file.read_bytes(),
        "report.html",
        "text/html",
        icon=":material/download:",
        key=f"lab-download-{name}",
        help="One HTML file with pictures, which classes are confused, and the hardest pairs",
    )


def _rows(figures: Mapping[str, Any]) -> list[dict[str, object]]:
    models: Mapping[str, Mapping[str, Any]] = figures.get("models", {})
    return [
        {"Model": name, **{heading: f"{one.get(key, 0):.3f}" for key, heading in HEADINGS.items()}}
        for name, one in models.items()
    ]
