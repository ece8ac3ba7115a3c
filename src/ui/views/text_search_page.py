"""Text search: words in, photos out."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from src.errors import AppError
from src.services.search.language import written
from src.services.search.service import Query
from src.ui import state
from src.ui.curation import no_photos
from src.ui.photos import hits
from src.ui.resources import get_services
from src.ui.search import picture_drop, query_box, results, understood

NEWEST = 60  # photos shown before anything was asked

services = get_services()
images, _, _ = services.catalog.counts()
if images or services.jobs.active():
    box, side = st.columns([4, 1.2], vertical_alignment="bottom", gap="medium")
    with box:
        reading = query_box.show()
    with side:
        limit = results.limit()
    understood.show(services, reading)
    if written(reading):
        with suppress(AppError):  # a full disk, say: the search itself needs none
            services.saved.note(state.query())
        results.show(services, Query(text=state.query()), limit, "text-results")
    else:
        query_box.show_examples()
        state.know_chances("", {})
        newest = services.library.newest(NEWEST)
        st.caption("Newest photos")
        with st.container(key="gallery-place"):
            hits.show(services, newest, "newest", scores=False)
    picture_drop.listen(services, state.query())
else:
    query_box.show()
    text = f"Add some, then find them by describing what is in them. {no_photos.STAY}"
    no_photos.show(services, text)
