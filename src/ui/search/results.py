"""What a search found, with an honest word on how well it fits."""

from __future__ import annotations

import streamlit as st

from src.errors import ModelError
from src.runtime import Services
from src.schema import SearchPage
from src.services.jobs.handlers import queue_objects
from src.services.jobs.kinds import FindObjects, Reindex
from src.services.search.query import Query, read
from src.text import count
from src.ui import state
from src.ui.format import literal
from src.ui.frame import empty_state
from src.ui.jobs import told
from src.ui.photos import hits
from src.ui.search import export_box, new_objects

MORE = 60
"""Results that a button at their end adds at least: as many again as there are. Their number is in the address."""
CLOSEST = "Nothing fits well. The closest:"
HELP = (
    "The percentage says how likely a photo is what you asked for, judged by what unanswerable questions reach in your "
    "library: from 80 % on it is a strong match, from 50 % on a likely one."
)


def limit() -> int:
    """The slider for the number of results; both searches share it and it outlives a change of tab."""
    state.set_limit(state.limit())
    return int(st.slider("Number of results", 1, state.MAX_RESULTS, key=state.RESULTS))


def show(services: Services, query: Query, limit: int, key: str, box: str = state.QUERY, space: str = "") -> None:
    """Search and draw: notices, the count line and the gallery; a click opens the photo large.

    limit: how many results every search shows, to which those are added that were asked for of this one. key: of the
    gallery. box: of the session, the page's box for words. space: in which an example is compared.
    """
    coming = new_objects.Watch(services, read(query, None).only)
    wanted = min(limit + state.more(), state.MOST_RESULTS)
    page = services.search.search(query, wanted, mode="images" if space else state.mode(), space=space)
    if not page.hits:
        _show_empty(services, page, space)
        coming.show_at_once()
        return
    if page.verdict == "nothing" and not state.closest_wanted(page.query):
        _ask_for_closest(services, page)
        if state.mode() != "images":
            _offer_rest(services)
        coming.show_at_once()
        return
    with st.container(gap="xsmall", key="results-head"):
        _show_line(services, page, coming, objects=state.mode() != "images" and not space)
    judged = {hit.id: hit.chance for hit in page.hits if hit.seen is None}
    state.know_chances(page.words if page.words_only else "", judged)
    there_is_more = wanted <= len(page.hits) < max(page.searched, page.objects) and wanted < state.MOST_RESULTS
    more = min(wanted + max(MORE, wanted), state.MOST_RESULTS) - limit if there_is_more else None
    with st.container(key="gallery-place"):
        hits.show(services, page.hits, key, not page.listed, box, copies=True, more=more)


def _show_line(services: Services, page: SearchPage, coming: new_objects.Watch, objects: bool) -> None:
    """objects: whether they are searched too."""
    if page.notice:
        st.markdown(f":material/info: {literal(page.notice)}")
    if page.verdict == "nothing":
        st.markdown(f":material/search_off: **{CLOSEST}**")
    _tell_indexing(services, page)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="result-line"):
        st.caption(f"{compared(page)} · {page.took_ms:.0f} ms", help=HELP)
        export_box.show(services, page, "results")
        if objects:
            _offer_objects(services, page)
    if objects:
        _offer_rest(services)
        coming.offer()


def _ask_for_closest(services: Services, page: SearchPage) -> None:
    """Say that nothing fits, and offer the closest."""
    if page.notice:
        st.markdown(f":material/info: {literal(page.notice)}")
    where = "that passes the filters" if page.filtered else "in your library"
    inside = state.mode() == "objects"
    things = f"object {'so far ' if new_objects.finding(services) else ''}" if inside else ""
    other = "Whole photos may fit: search in Photos, or in Both." if inside else "Try other words."
    text = f"No {things or 'photo '}{where} looks like “{literal(page.query)}”. {other}"
    if empty_state.show("search_off", "Nothing fits", text, "Show the closest", key="nothing-fits"):
        state.want_closest(page.query)
        st.rerun()


def compared(page: SearchPage) -> str:
    """What was shown of what was searched: "20 of 1,000 photos and 5,320 objects"."""
    searched = [count(page.searched, "photo")] if page.searched else []
    searched += [count(page.objects, "object")] if page.objects else []
    return f"{len(page.hits):,} of {' and '.join(searched)}"


def _offer_objects(services: Services, page: SearchPage) -> None:
    """Look through just these photos, where some were not yet."""
    try:
        waiting = services.objects.pending(images=[hit.id for hit in page.hits])
    except ModelError:  # the segmenter's weights have gone: its card in the sidebar says so
        return
    if waiting and not new_objects.finding(services):
        label = f"Find objects in {count(len(waiting), 'photo')} shown here"
        icon = ":material/select_all:"
        if st.button(label, icon=icon, type="tertiary", key="objects-here"):
            queue_objects(services.jobs, FindObjects(images=tuple(waiting)))
            st.rerun()


def _offer_rest(services: Services) -> None:
    """Where objects are searched: how many photos were not looked through for any yet, and a button to do that."""
    if state.mode() == "images" or new_objects.finding(services):
        return
    try:
        waiting = services.objects.waiting()
    except ModelError:  # see above
        return
    if waiting:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="objects-rest-line"):
            st.caption(
                f":material/info: {count(waiting, 'photo has', 'photos have')} not been looked through for objects yet."
            )
            icon = ":material/select_all:"
            if st.button("Find objects in them", icon=icon, type="tertiary", key="objects-rest"):
                queue_objects(services.jobs)
                st.rerun()


def _tell_indexing(services: Services, page: SearchPage) -> None:
    """While photos are being added: how many of them this search could see."""
    jobs = [job for job in services.jobs.active() if job.kind == "index" and job.state != "paused"]
    if not jobs or not page.searched:
        return
    waiting = sum((job.total or 0) - job.done for job in jobs)
    if waiting > 0 and all(job.total is not None for job in jobs):
        st.caption(
            f":material/hourglass_top: Searching {page.searched:,} of {page.searched + waiting:,} – "
            "the rest is being indexed."
        )
    else:
        st.caption(f":material/hourglass_top: Searching {page.searched:,} – more photos are being indexed.")


def _offer_all(services: Services) -> None:
    text = (
        "To find things inside photos, each photo is looked through once. "
        "That takes longer than adding it did; you can go on meanwhile."
    )
    if new_objects.finding(services):
        empty_state.show(
            "hourglass_top",
            "Looking for objects",
            "The first are there as soon as some photos are looked through.",
            key="objects-soon",
        )
    elif empty_state.show("select_all", "No objects yet", text, "Find objects in all photos", key="find-objects"):
        queue_objects(services.jobs)
        st.rerun()


def _show_empty(services: Services, page: SearchPage, space: str = "") -> None:
    if (page.searched or page.objects) and not page.listed:
        text = "All that could be found is what the search started from, or shows what is not wanted."
        empty_state.show("search_off", "No match", text, key="no-match")
        return
    if page.filtered and state.mode() == "objects":
        text = "No object that was found is in a photo that passes them. Widen them, or take them away."
        empty_state.show("filter_alt_off", "No object passes the filters", text, key="no-match")
        _offer_rest(services)
        return
    if page.filtered:
        empty_state.show(
            "filter_alt_off", "No photo passes the filters", "Widen them, or take them away.", key="no-match"
        )
        return
    images, _, _ = services.catalog.counts()
    if images and state.mode() == "objects" and not page.objects:
        _offer_all(services)
        return
    if images == 0 or space:
        empty_state.show("search_off", "No match", "There is nothing else in your library to show.", key="no-match")
        return
    text = "The model in use has not seen your photos yet. It needs to read each of them once."
    if empty_state.show("model_training", "Photos need indexing", text, "Index them now", key="reindex"):
        told.queue(services, f"Indexing with {page.model}", Reindex(page.model))
        st.rerun()
