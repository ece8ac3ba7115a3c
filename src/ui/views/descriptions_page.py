"""Descriptions: photos described in words by a vision model, so that searches find them by these."""

from __future__ import annotations

import streamlit as st

from src.text import count
from src.ui import secrets
from src.ui.curation import links, no_photos
from src.ui.descriptions import form
from src.ui.jobs import job_progress
from src.ui.resources import get_services

services = get_services()
links.show(services)
images, _, _ = services.catalog.counts()
if images or services.jobs.active():
    services.servers.offer(secrets.known())
    with st.container(key="describe-progress", gap="small"):  # there without a job too: what comes after must not move
        job_progress.show(services, ("describe",))
    form.show(services)
    described = services.descriptions.count()
    if described:
        st.caption(f"{count(described, 'photo has', 'photos have')} a description: it stands under the open photo.")
else:
    no_photos.show(services, "Add some, then have them described, and find them by what is written of them.")
