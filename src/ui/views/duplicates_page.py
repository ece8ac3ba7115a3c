"""Duplicates: photos that are copies of each other."""

from __future__ import annotations

import streamlit as st

from src.schema import PhotoFilter
from src.services.search.browsing import looks_for
from src.ui.curation import links, no_photos
from src.ui.duplicates import page, told
from src.ui.resources import get_services
from src.ui.search import query_box, understood

services = get_services()
links.show(services)
images, _, _ = services.catalog.counts()
if images or services.jobs.active():
    reading = query_box.show(told.QUERY, "Narrow down, as in in:Pictures date:2024 camera:nikon")
    understood.show(services, reading, told.QUERY)
    with st.container(key="duplicates-words"):  # there without a word too: what comes after it must not move
        if looks_for(reading):
            st.caption(":material/info: This page is narrowed by filters alone; words are looked for in a search.")
    page.show(services, PhotoFilter(where=reading.conditions) if reading.conditions else None)
else:
    no_photos.show(services, "Add some, then see which of them are copies of each other, and keep the best.")
