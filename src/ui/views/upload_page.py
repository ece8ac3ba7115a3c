"""Upload: photos by drag and drop, or a folder of this computer; progress and report."""

from __future__ import annotations

import streamlit as st

from src.errors import AppError
from src.services.jobs.asked import queue_folder
from src.ui.frame import error_box
from src.ui.jobs import job_progress, told
from src.ui.library import folder_form, folder_list, upload_form
from src.ui.resources import get_services

services = get_services()
job_progress.show(services, ("index",))
# there without a report too: what comes after it must not move, or the browser draws it anew
with st.container(key="report-place"):
    job_progress.show_report(services)

left, right = st.columns([3, 2], gap="large")
with left:
    st.markdown("#### Upload photos")
    upload_form.show(services)
with right:
    st.markdown("#### Add a folder on this computer")
    st.caption("Best for many photos: they stay where they are and are only read. Folders inside it are included.")
    try:
        chosen = folder_form.show()
    except AppError as error:
        chosen = None
        error_box.show(error)
if chosen is not None:
    told.also_watch(queue_folder(services.jobs, services.folders, chosen))
    st.rerun()
folder_list.show(services)
