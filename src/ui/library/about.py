"""The parts of the page Statistics & about."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import streamlit as st

from src.runtime import Services
from src.schema import JobSnapshot, LibraryStats
from src.text import count
from src.ui.format import literal, size
from src.ui.jobs import job_progress

PARTS = {
    "catalogue": "Catalogue",
    "index": "Search index",
    "thumbnails": "Thumbnails",
    "uploads": "Uploaded photos",
    "weights": "Downloaded models",
}
PACKAGES = (
    ("streamlit", "Apache-2.0"),
    ("chromadb", "Apache-2.0"),
    ("torch", "BSD-3-Clause"),
    ("onnxruntime", "MIT"),
    ("tokenizers", "Apache-2.0"),
    ("numpy", "BSD-3-Clause"),
    ("pillow", "MIT-CMU"),
    ("pillow-heif", "BSD-3-Clause"),
    ("sqlalchemy", "MIT"),
)
HOW = """
1. **Reading.** Each photo is opened once and never changed. \
A model turns what it shows into a list of numbers, its *vector*.
2. **Keeping.** Vectors and facts are stored in one file on this computer, \
and beside it a small thumbnail and an index for quick search.
3. **Searching.** Your words, or your example picture, become a vector of the same kind. \
The photos whose vectors point the same way
   come first; the percentage says how likely each is what was asked for.

Nothing is sent anywhere. A model is downloaded only when you ask for it.
"""


def show_numbers(stats: LibraryStats) -> None:
    cells = [
        ("Photos", f"{stats.images:,}"),
        ("Files", f"{stats.files:,}"),
        ("Indexed", f"{stats.embedded:,}"),
        ("On disk", size(stats.bytes)),
    ]
    with st.container(key="numbers"):
        for column, (name, value) in zip(st.columns(4), cells, strict=True):
            column.metric(name, value, border=True)
    if stats.embedded < stats.images:
        missing = count(stats.images - stats.embedded, "photo has", "photos have")
        st.info(f"{missing} no vector of the model in use and can't be found by it yet.", icon=":material/info:")


def show_disk(stats: LibraryStats, home: Path) -> None:
    st.markdown("#### Disk")
    total = max(1, sum(stats.details.values()))
    rows = [
        f'<tr><th scope="row">{escape(PARTS.get(name, name))}</th><td>{escape(size(number))}</td>'
        f'<td><div style="width: {number / total:.1%}"></div></td></tr>'
        for name, number in stats.details.items()
        if number
    ]
    st.html(f'<table class="disk"><tbody>{"".join(rows)}</tbody></table>')
    st.caption("The library is in this folder:")
    st.code(str(home), language=None, wrap_lines=True)


def show_model(services: Services, stats: LibraryStats) -> None:
    st.markdown("#### Model")
    status = next((status for status in services.library.model_statuses() if status.id == stats.model), None)
    if status is None:
        return
    st.markdown(f"**{literal(status.title)}** – {literal(status.about)}")
    device, precision = services.library.runs_on()
    st.markdown(f"{status.dimensions} dimensions, on {device} with {precision}.")
    if notice := services.library.unheeded():
        st.caption(literal(notice))
    st.caption(
        "It judges what a whole picture shows. "
        "It does not read text in pictures, know people by name or count reliably."
    )


def show_jobs(jobs: Sequence[JobSnapshot]) -> None:
    st.markdown("#### Jobs")
    rows = [
        {"Job": job.title, "State": job.state, "Outcome": _outcome(job)}
        for job in jobs
        if not job_progress.is_quiet(job)
    ]
    if not rows:
        st.caption("No jobs yet.")
        return
    st.dataframe(rows, hide_index=True, width="stretch")


def _outcome(job: JobSnapshot) -> str:
    if not job.finished:
        return job_progress.progress_line(job)
    return job_progress.outcome(job)


def show_how() -> None:
    st.markdown("#### How it works")
    st.markdown(HOW)


def show_versions() -> None:
    with st.expander("Built with"):
        rows = [{"Package": name, "Version": _version(name), "Licence": licence} for name, licence in PACKAGES]
        st.dataframe(rows, hide_index=True, width="stretch")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
