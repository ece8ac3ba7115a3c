"""The vectors that photos are compared by: which there are, taking over those made elsewhere, and forgetting some."""

from __future__ import annotations

import streamlit as st

from src.errors import AppError
from src.processing.discovery import check_readable, parse_path
from src.runtime import Services
from src.schema.library import Space
from src.services.jobs.feature_jobs import queue_import, remove_space
from src.text import count
from src.ui import state
from src.ui.format import literal
from src.ui.frame import error_box
from src.ui.jobs import job_progress
from src.ui.jobs import told as jobs_told
from src.ui.lab import told

ABOUT = (
    "Each row is a *space*: what one model makes of photos, as numbers, one vector a photo. Photos are found by the one"
    " in use; by the others they are compared with *Compare by* on the page *Image search*."
)
FILE_HELP = (
    "A .npz, a .npy with its .parquet beside it, or a folder of them, as *Export* and clip-retrieval write them. It"
    " says which photo each vector is of: by id, path, name or SHA-256. It is only read."
)


def show(services: Services) -> None:
    """Nothing where no photo has a vector yet."""
    spaces = services.spaces.all()
    if not spaces:
        return
    st.markdown("#### Vectors of your photos")
    st.markdown(ABOUT)
    with st.container(key="lab-spaces", gap="small"):
        for space in spaces:
            _show_space(services, space)
    with st.container(key="lab-import-progress", gap="small"):  # there without a job too, so that nothing moves
        job_progress.show(services, ("import-features", "features"))
    _tell_last_import(services)
    with st.expander("Take over vectors that were made elsewhere", icon=":material/upload_file:"):
        _show_import(services)


def _show_space(services: Services, space: Space) -> None:
    made = "made elsewhere" if space.imported else "in use" if space.active else "made here"
    said = f"{count(space.photos, 'photo')}, {space.dimensions:,} numbers each, {made}"
    with st.container(horizontal=True, vertical_alignment="center", key=f"lab-space-{space.name}"):
        st.markdown(f"**{literal(space.name)}** – {said}", width="content")
        if not space.active:
            st.button(
                f"Forget {literal(space.name)}", type="tertiary", icon=":material/delete:", on_click=told.ask_to_forget,
                args=(space.name,), key=f"lab-forget-{space.name}",
            )  # fmt: skip
    if told.to_forget() == space.name:
        _ask(services, space)


def _ask(services: Services, space: Space) -> None:
    """What would be lost, and whether it may be."""
    back = (
        "Only the file that they came from can bring them back."
        if space.imported
        else "They can be made again, for which each photo is read once more."
    )
    with st.container(border=True, key="lab-forget-asked"):
        st.markdown(
            f"Forget {count(space.photos, 'vector')} of **{literal(space.name)}**? This can't be undone. {back}"
            " The photos and all that is said of them stay."
        )
        with st.container(horizontal=True):
            if st.button("Forget them", type="primary", key="lab-forget-yes"):
                _forget(services, space.name)
            st.button("Keep them", on_click=told.ask_to_forget, args=("",), key="lab-forget-no")


def _forget(services: Services, name: str) -> None:
    try:
        number = remove_space(services.jobs, services.spaces, name)
    except AppError as error:
        error_box.show(error)
        return
    told.ask_to_forget("")
    state.set_message(f"{count(number, 'vector')} forgotten.")
    st.rerun()


def _show_import(services: Services) -> None:
    told.start_import()
    with st.form("lab-import", border=False):
        file = st.text_input("File or folder of vectors", key=told.FILE, placeholder="~/vectors.npz", help=FILE_HELP)
        name = st.text_input("Name of the space", key=told.NAME, placeholder="dino", width=330)
        wanted = st.form_submit_button("Take over", key="lab-import-go")
    told.keep_import()
    if wanted:
        try:
            place = parse_path(file, "file or folder", "~/vectors.npz")
            check_readable(place)
            jobs_told.also_watch(queue_import(services.jobs, services.spaces, place, name.strip()))
        except AppError as error:
            error_box.show(error)
            return
        st.rerun()


def _tell_last_import(services: Services) -> None:
    """What the last import did, until its space is forgotten."""
    last = next((job for job in services.jobs.latest(20) if job.kind == "import-features"), None)
    if last is None or last.state != "done":
        return
    if services.jobs.params(last.id).get("name") in {space.name for space in services.spaces.all()}:
        for finding in last.findings:
            icon = "check_circle" if finding.repaired else "info"
            st.markdown(f":material/{icon}: {literal(finding.text)}")
