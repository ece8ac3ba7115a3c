"""By what an example picture is compared: what photos mean, how they look, or vectors that were made elsewhere."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from src.identity import is_id
from src.models.looking import BUILTIN_VISUAL
from src.runtime import Services
from src.services.jobs.feature_jobs import queue_features
from src.services.search.service import Query
from src.text import count
from src.ui import example, state
from src.ui.format import literal
from src.ui.frame import empty_state
from src.ui.jobs import told

NAMES = {"": "Means the same", BUILTIN_VISUAL: "Looks like"}
HELP = (
    "Means the same: photos of the same kind of thing, whatever it looks like; words and objects count too. "
    "Looks like: the same colours, shapes and textures, without words; better for finding one place or thing again."
)


def show(services: Services) -> str:
    """The choice; returns the name of the space, empty for what photos mean."""
    own = [space.name for space in services.spaces.all() if space.imported]
    options = [*NAMES, *own]
    chosen = example.space() if example.space() in options else ""
    example.set_space(chosen)
    st.session_state[example.SPACE] = chosen  # Streamlit forgets widgets of a page that was left
    st.segmented_control(
        "Compare by",
        options,
        format_func=lambda name: NAMES.get(name, literal(name)),
        required=True,
        key=example.SPACE,
        on_change=lambda: example.set_space(str(st.session_state.get(example.SPACE) or "")),
        help=HELP,
    )
    return chosen


def is_ready(services: Services, space: str) -> bool:
    """Whether there is anything to compare with; where not all photos can be compared yet, offer to have that done."""
    if space != BUILTIN_VISUAL:
        return True
    images, _, _ = services.catalog.counts()
    seen, looking = services.spaces.find(space).photos, _is_looking(services)
    if not seen:
        _show_first(services, looking)
        return False
    if state.mode() != "images":
        st.markdown(":material/info: Whole photos are compared, not the objects in them.")
    if looking:
        st.markdown(f":material/hourglass_top: {seen:,} of {count(images, 'photo')} can be compared so far.")
    elif seen < images:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="looks-rest"):
            st.markdown(f":material/info: {count(images - seen, 'photo')} can't be compared yet.", width="content")
            if st.button("Look at them", icon=":material/palette:", type="tertiary", key="look-at-rest"):
                _begin(services)
    return True


def wanted(services: Services, query: Query, space: str) -> Query:
    """The query as it can be asked in a space: an object of the library by the picture of it, and where nothing can be
    made of a new picture, one that was dropped by the photo of the library that it is.
    """
    dropped = example.photo()
    if space and space not in NAMES and dropped and query.image is not None:
        return replace(query, like=dropped, image=None)
    if space != BUILTIN_VISUAL or query.like is None or is_id(query.like):
        return query
    _, picture = services.objects.part_of(query.like) or ("", None)
    return query if picture is None else replace(query, like=None, image=picture, part_of=query.like.partition("#")[0])


def _show_first(services: Services, looking: bool) -> None:
    if looking:
        text = "The first can be compared as soon as some are looked at."
        empty_state.show("hourglass_top", "Looking at your photos", text, key="looks-soon")
        return
    text = (
        "To compare how photos look, each is read once more, about as long as adding it took. "
        "You can go on meanwhile; photos that you add later are looked at by themselves."
    )
    if empty_state.show("palette", "Not looked at yet", text, "Look at all photos", key="looks"):
        _begin(services)


def _begin(services: Services) -> None:
    told.also_watch(queue_features(services.jobs, BUILTIN_VISUAL))
    st.rerun()


def _is_looking(services: Services) -> bool:
    jobs = (job for job in services.jobs.active() if job.kind == "features")
    return any(services.jobs.params(job.id).get("model") == BUILTIN_VISUAL for job in jobs)
