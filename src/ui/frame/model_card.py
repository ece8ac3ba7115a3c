"""Choosing another model, and getting one that is not on this machine yet."""

from __future__ import annotations

import streamlit as st

from src.runtime import Services
from src.schema import JobSnapshot, ModelStatus
from src.services.jobs.kinds import Download, Reindex, kind_of
from src.ui.format import literal, size
from src.ui.jobs import told


def show(services: Services, statuses: list[ModelStatus]) -> None:
    """One model at a time: what it is, and the one thing that can be done with it."""
    others = [status for status in statuses if not status.active]
    title = "Change model" if any(status.available for status in others) else "Get CLIP"
    with st.expander(title, icon=":material/deployed_code:", key="model-card"):
        titles = {status.id: status.title for status in others}
        chosen = st.selectbox(
            "Model", list(titles), format_func=titles.__getitem__, key="model-choice", label_visibility="collapsed"
        )
        status = next((status for status in others if status.id == chosen), None)
        if status is not None:
            _show_model(services, status)


def _show_model(services: Services, status: ModelStatus) -> None:
    st.caption(f"{literal(status.about)} {status.dimensions} dimensions.")
    busy = any(kind_of(job.kind).concerns_model for job in services.jobs.active())
    if status.available:
        if services.settings.model:
            st.caption(f"MFE\\_MODEL fixes the model to {literal(services.settings.model)}.")
            return
        if st.button("Use this model", key="use-model", disabled=busy, width="stretch"):
            told.queue(services, f"Changing to {status.title}", Reindex(status.id))
            st.rerun()
        st.caption("Your photos are read once more. Search goes on with the old model until that is done.")
        return
    show_download(services, status, "model")


def show_download(services: Services, status: ModelStatus, what: str) -> None:
    """Fetching the weights of a model, or of a segmenter (``what`` tells their widgets apart), here or by hand."""
    busy = any(kind_of(job.kind).concerns_model for job in services.jobs.active())
    label = f"Download ({size(status.download_bytes)})" if status.download_bytes else "Download"
    if st.button(label, key=f"download-{what}", disabled=busy, width="stretch", icon=":material/download:"):
        told.queue(services, f"Downloading {status.title}", Download(status.id))
        st.rerun()
    failed = _failed_download(services, status)
    if failed:
        st.error("The download did not work.", icon=":material/cloud_off:")
        st.text(failed.error or "")
    _show_by_hand(services, status, what)


def _show_by_hand(services: Services, status: ModelStatus, what: str) -> None:
    """How to bring the file from another machine."""
    with st.popover(
        "No network here?", type="tertiary", icon=":material/folder_open:", width="stretch", key=f"by-hand-{what}"
    ):
        st.markdown("Fetch the file on another machine, put it into this folder, then look again.")
        for name, value in [
            ("From", status.url),
            ("Folder", str(services.settings.weights_dir)),
            ("SHA-256", status.sha256),
        ]:
            st.caption(name)
            st.code(value, language=None, wrap_lines=True)
        st.button("Look again", key=f"look-again-{what}", icon=":material/refresh:")


def _failed_download(services: Services, status: ModelStatus) -> JobSnapshot | None:
    """The last download of this model, if it failed."""
    downloads = [job for job in services.jobs.latest(20) if job.kind == "download"]
    last = next((job for job in downloads if services.jobs.params(job.id).get("model") == status.id), None)
    return last if last is not None and last.state == "failed" else None
