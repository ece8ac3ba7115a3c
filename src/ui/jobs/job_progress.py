"""Background jobs as the user sees them: bars while they run, a report when they are done."""

from __future__ import annotations

import csv
import io
import os
import uuid
from collections.abc import Callable

import streamlit as st

from src.export.sheet import FORMULA
from src.runtime import Services
from src.schema import JobSnapshot, Skipped
from src.services.jobs.kinds import JobKind, kind_of
from src.text import count, shown
from src.ui.curation import actions
from src.ui.format import duration, literal, size
from src.ui.jobs import told

EVERY = 0.7
"""Seconds between two looks at a running job."""
IDLE = 4.0
"""Seconds between two looks for a job that another tab or the command line started."""
WORDS: dict[str, str] = {"images": "photo", "objects": "object", "bytes": "byte", "vectors": "vector"}
STAGES: dict[str, str] = {
    "read": "Reading files",
    "decode": "Decoding",
    "thumbnail": "Thumbnails",
    "prepare": "Preparing for the model",
    "encode": "Encoding",
    "store": "Storing",
    "index": "Search index",
    "wait": "Waiting for pictures",
}
"""Of ``JobSnapshot.timings``, in the order in which a picture passes them."""
WAITING = 4
"""Jobs in line that are drawn: a program that uploads may have hundreds there."""


def show(services: Services, kinds: tuple[JobKind, ...], compact: bool = False) -> None:
    """Bars of the unfinished jobs of these kinds, kept up to date."""
    watch(services, lambda: show_bars(services, kinds, compact))


def watch(services: Services, draw: Callable[[], None]) -> None:
    """Draw now and again while jobs run.

    The whole page runs again when one begins or ends, in this tab or elsewhere.
    """
    first = True

    def look() -> None:
        nonlocal first
        if not first and (services.problem() or jobs_state(services) != told.drawn()):
            st.rerun()
        first = False
        draw()

    repeat(look, EVERY if services.jobs.active() else IDLE)


def repeat(draw: Callable[[], None], seconds: float) -> None:
    """Draw now, and again after so many seconds until the page runs again.

    Each run of the page has a fragment of its own. A timer's request of the run before, still under way when a run
    ends, would else be served right after it; Streamlit then takes back what the page drew for the fragment and has not
    sent yet, the browser closes the gap, and the fragment's own answer lands on whatever moved up: a report was lost
    so, until the next click.
    """

    def look() -> None:
        draw()

    look.__qualname__ = f"look-{uuid.uuid4().hex}"  # part of the fragment's id
    st.fragment(look, run_every=seconds)()


def show_bars(services: Services, kinds: tuple[JobKind, ...], compact: bool = False) -> None:
    """Those that run or are paused, then the first few of those that wait, and how many more there are."""
    jobs = [job for job in services.jobs.active() if job.kind in kinds]
    waiting = [job for job in jobs if job.state == "queued"]
    for job in [*(job for job in jobs if job.state != "queued"), *waiting[:WAITING]]:
        _show_bar(services, job, compact)
    if len(waiting) > WAITING:
        st.text(f"{count(len(waiting) - WAITING, 'more job')} in line")


def jobs_state(services: Services) -> list[tuple[str, str]]:
    """The unfinished jobs and the newest, which may have come and gone between two looks: a page is drawn for these."""
    jobs = [*services.jobs.active(), *services.jobs.latest(1)]
    return [(job.id, job.state if job.finished or job.state == "paused" else "") for job in jobs]


def _show_bar(services: Services, job: JobSnapshot, compact: bool) -> None:
    with st.container(border=not compact, key=f"job-{'small' if compact else 'large'}-{job.id}", gap="small"):
        st.text(shown(job.title))
        st.progress(min(1.0, job.done / job.total) if job.total else 0.0, text=progress_line(job))
        if job.current and not compact:
            st.text(shown(job.current))
        with st.container(horizontal=True, gap="small"):
            if job.state == "paused":
                _button("Resume", services.jobs.resume, job, compact)
            elif kind_of(job.kind).pausable:
                _button("Pause", services.jobs.pause, job, compact)
            _button("Cancel", services.jobs.cancel, job, compact)


def _button(label: str, act: Callable[[str], None], job: JobSnapshot, compact: bool) -> None:
    st.button(label, key=f"{label.lower()}-{compact}-{job.id}", type="tertiary", on_click=act, args=(job.id,))


def progress_line(job: JobSnapshot) -> str:
    """How far a job is, in one line: "312 of 1,000 · 48 photos/s · 14 s left"."""
    if job.state == "queued":
        return "Waiting for its turn"
    if job.state == "paused":
        return f"Paused at {job.done:,} of {job.total:,}" if job.total else "Paused"
    if job.total is None:
        return "Looking for photos" if kind_of(job.kind).reads_photos else "Starting"
    in_bytes = job.unit == "bytes"
    parts = [f"{size(job.done)} of {size(job.total)}" if in_bytes else f"{job.done:,} of {job.total:,}"]
    if job.done and job.per_second:
        parts.append(
            f"{size(round(job.per_second))}/s" if in_bytes else f"{_rate(job.per_second)} {WORDS[job.unit]}s/s"
        )
    if job.seconds_left is not None:
        parts.append(f"{duration(job.seconds_left)} left")
    return " · ".join(parts)


def _rate(per_second: float) -> str:
    """A number as people say it of a speed: no digits that mean nothing, and never nothing for what moves."""
    return f"{per_second:,.0f}" if per_second >= 9.95 else f"{max(per_second, 0.1):.1f}"


# ---------------------------------------------------------------- afterwards


def show_report(services: Services) -> None:
    """What the last finished index job did, until it is put away, another begins, or a later one makes it untrue."""
    latest = services.jobs.latest(10)
    at = next((at for at, job in enumerate(latest) if job.kind == "index"), None)
    job = None if at is None else latest[at]
    if job is None or not job.finished or job.id == told.dismissed_report():
        return
    if any(_is_untrue_after(services, job, later) for later in latest[:at]):
        return
    with st.container(border=True, key="report"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{literal(job.title)}** – {summary(job)}")
            st.button("Dismiss", key="dismiss", type="tertiary", on_click=told.dismiss_report, args=(job.id,))
        if job.error:
            st.error(literal(job.error), icon=":material/error:")
        for finding in job.findings:
            st.text(shown(finding.text))
        if job.skipped_count:
            _show_skipped(job)
        if job.indexed and job.timings:
            _show_timings(job)


def _is_untrue_after(services: Services, job: JobSnapshot, later: JobSnapshot) -> bool:
    """Whether what was added is not there any more, or what was left undone was done since."""
    if later.state != "done":
        return False
    added = set(services.jobs.paths(job.id))
    if later.kind == "sync" and job.state != "done":
        looked_at = services.jobs.paths(later.id)
        return bool(added) and (not looked_at or added <= set(looked_at))
    return later.kind == "clear" or (later.kind == "remove" and added == {services.jobs.params(later.id).get("path")})


def summary(job: JobSnapshot) -> str:
    """The outcome in one or two sentences."""
    if not (job.indexed or job.already or job.skipped_count):
        return {"done": "no photos were found there.", "cancelled": "cancelled.", "failed": "stopped."}[job.state]
    begun = {"done": "", "cancelled": "cancelled; ", "failed": "stopped; "}[job.state]
    parts = [f"{begun}added {count(job.indexed, 'photo')} in {duration(job.seconds)}."]
    if job.already:
        parts.append(f"{count(job.already, 'file was', 'files were')} in the library already.")
    if job.skipped_count:
        parts.append(f"{count(job.skipped_count, 'file was', 'files were')} skipped.")
    return " ".join(parts)


def _show_skipped(job: JobSnapshot) -> None:
    rows = [_row(skipped) for skipped in job.skipped]
    if not any(row["Folder"] for row in rows):  # uploads have none
        rows = [{name: value for name, value in row.items() if name != "Folder"} for row in rows]
    with st.expander(f"{count(job.skipped_count, 'skipped file')}", expanded=len(rows) <= 20):
        st.dataframe(rows, hide_index=True, width="stretch", height="auto")
        if len(rows) < job.skipped_count:
            st.caption(f"The first {len(rows):,} are listed.")
        icon = ":material/download:"
        st.download_button(
            "Save as CSV", as_csv(rows), "skipped.csv", "text/csv", key="skipped-csv", type="tertiary", icon=icon
        )


def _show_timings(job: JobSnapshot) -> None:
    with st.expander("Where the time went"):
        rows = [
            {"Stage": words, "Seconds": round(job.timings[name], 2)}
            for name, words in STAGES.items()
            if name in job.timings
        ]
        seconds = st.column_config.NumberColumn(format="%.2f")
        st.dataframe(rows, hide_index=True, width="content", height="content", column_config={"Seconds": seconds})
        st.caption("Several photos are read and prepared at the same time: the seconds of each are added up.")


def _row(skipped: Skipped) -> dict[str, str]:
    folder, name = os.path.split(shown(skipped.path))
    return {"File": name or folder, "Why it was skipped": shown(skipped.reason), "Folder": folder}


def as_csv(rows: list[dict[str, str]]) -> str:
    """Rows of the same columns as CSV text.

    What a spreadsheet would take for a formula gets an apostrophe before it.
    """
    target = io.StringIO()
    writer = csv.DictWriter(target, rows[0].keys())
    writer.writeheader()
    writer.writerows(
        {name: f"'{value}" if value.startswith(FORMULA) else value for name, value in row.items()} for row in rows
    )
    return target.getvalue()


def announce(services: Services, kinds: tuple[JobKind, ...]) -> None:
    """Tell, once a session, of jobs of these kinds that ended since its last run; of one that failed until put away."""
    active = [job.id for job in services.jobs.active()]
    for job_id in told.watched() or []:
        job = services.jobs.snapshot(job_id) if job_id not in active else None
        if job is None or job.kind not in kinds or is_quiet(job):
            continue
        if job.state == "failed":
            told.keep_failure(job.id)
        elif job.state == "done" and actions.say_last(services, kind_of(job.kind).operation):
            continue
        elif kind_of(job.kind).announced:
            icon = ":material/check_circle:" if job.state == "done" else ":material/info:"
            st.toast(f"{literal(job.title)}: {literal(outcome(job))}", icon=icon)
    told.watch(active)
    show_failures(services)


def show_failures(services: Services) -> None:
    """What failed, each with its sentence and a button that puts it away."""
    with st.container(key="failures", gap="small"):  # there without any too: what comes after it must not move
        for job in filter(None, map(services.jobs.snapshot, told.failures())):
            with st.container(horizontal=True, vertical_alignment="center", key=f"failure-{job.id}"):
                title = literal(_whole_title(services, job))
                st.error(f"**{title}** – {literal(outcome(job))}", icon=":material/error:")
                st.button(
                    "Dismiss", key=f"dismiss-{job.id}", type="tertiary", on_click=told.dismiss_failure, args=(job.id,)
                )


def _whole_title(services: Services, job: JobSnapshot) -> str:
    """An export's title names its target alone; where it failed, one wants to know in which folder that was to be."""
    place = services.jobs.params(job.id).get("place") if job.kind == "export" else None
    return f"Exporting to {place}" if isinstance(place, str) else job.title


def is_quiet(job: JobSnapshot) -> bool:
    """A look at the folders that found nothing new: the app does that by itself, and nobody asked."""
    found = job.kind != "sync" or job.indexed or job.findings
    return job.state == "done" and (kind_of(job.kind).quiet or not found)


def outcome(job: JobSnapshot) -> str:
    """What came of a finished job, in a sentence or two."""
    if job.state == "failed" and job.error:
        return job.error
    if job.findings:
        return " ".join(finding.text for finding in job.findings)
    if kind_of(job.kind).reads_photos:
        return summary(job)
    return {"done": "done.", "cancelled": "cancelled.", "failed": "it did not work."}.get(job.state, "")
