"""Statistics & about."""

from __future__ import annotations

import streamlit as st

from src.ui.library import about, check_up, other_programs
from src.ui.resources import get_services

services = get_services()
stats = services.library.stats()
about.show_numbers(stats)
left, right = st.columns(2, gap="large")
with left:
    about.show_disk(stats, services.settings.home)
    about.show_model(services, stats)
with right:
    check_up.show(services)
    other_programs.show(services)
    about.show_how()
    about.show_versions()
about.show_jobs(services.jobs.latest(60))
