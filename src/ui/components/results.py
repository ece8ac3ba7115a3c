"""What a search found, with an honest word on how well it fits."""

from __future__ import annotations

import streamlit as st

from src.bootstrap import Services
from src.schema import PhotoFilter, SearchPage
from src.services.search import Query
from src.ui import state
from src.ui.components import empty_state, gallery
from src.ui.text import count, literal

MAX_RESULTS = 200
WEAK = "Nothing in your library fits well. The closest:"
WEAK_FILTERED = "Nothing that passes the filters fits well. The closest:"
HELP = "The score is the cosine between the query and the photo: higher is nearer. Scores of two models can't be compared."


def limit() -> int:
    """The slider for the number of results; both searches share it and it outlives a change of tab."""
    return int(st.slider("Number of results", 1, MAX_RESULTS, 20, key=state.RESULTS, persist_state="session"))


def show(services: Services, query: Query, limit: int, only: PhotoFilter, key: str) -> None:
    """Search and draw: notices, the count line and the gallery; a click opens the photo large."""
    page = services.search.search(query, limit, only=only)
    if page.verdict == "empty":
        _show_empty(services, page)
        return
    with st.container(gap="xsmall"):
        _show_line(services, page)
    opened = gallery.show(page.hits, key)
    if opened:
        state.open_photo(opened, [hit.id for hit in page.hits])


def _show_line(services: Services, page: SearchPage) -> None:
    if page.notice:
        st.markdown(f":material/info: {literal(page.notice)}")
    if page.verdict == "weak":
        st.markdown(f":material/search_off: **{WEAK_FILTERED if page.filtered else WEAK}**")
    _tell_indexing(services, page)
    st.caption(f"{len(page.hits):,} of {count(page.searched, 'photo')} · {page.took_ms:.0f} ms", help=HELP)


def _tell_indexing(services: Services, page: SearchPage) -> None:
    """While photos are being added: how many of them this search could see."""
    jobs = [job for job in services.jobs.active() if job.kind == "index" and job.state != "paused"]
    if not jobs:
        return
    waiting = sum((job.total or 0) - job.done for job in jobs)
    if waiting > 0 and all(job.total is not None for job in jobs):
        st.caption(f":material/hourglass_top: Searching {page.searched:,} of {page.searched + waiting:,} – the rest is being indexed.")
    else:
        st.caption(f":material/hourglass_top: Searching {page.searched:,} – more photos are being indexed.")


def _show_empty(services: Services, page: SearchPage) -> None:
    if page.filtered:
        empty_state.show("filter_alt_off", "No photo passes the filters", "Widen them, or clear them.", key="no-match")
        return
    images, _, _ = services.catalog.counts()
    if images == 0 or page.searched:
        empty_state.show("search_off", "No match", "There is nothing else in your library to show.", key="no-match")
        return
    text = "The model in use has not seen your photos yet. It needs to read each of them once."
    if empty_state.show("model_training", "Photos need indexing", text, "Index them now", key="reindex"):
        services.jobs.submit("reindex", f"Indexing with {page.model}", model=page.model)
        st.rerun()
