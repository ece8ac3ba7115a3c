"""Library: everything there is, by the date it was taken, narrowed by filters, folders, months or cameras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from src.services.search.browsing import looks_for
from src.services.search.language import Restriction, parse, written
from src.ui import state
from src.ui.curation import no_photos
from src.ui.insights import set_line
from src.ui.photos import timeline
from src.ui.resources import get_services
from src.ui.search import picture_drop, query_box, understood

services = get_services()


def narrow(told: Mapping[str, Any]) -> None:
    """The filter that was chosen beside the photos takes the place of the one by the same key."""
    key, value = str(told["key"]), told["value"]
    negative, name = key.startswith("-"), key.removeprefix("-")
    reading = parse(state.query(state.LIBRARY_QUERY))
    others = tuple(one for one in reading.restrictions if (one.key, one.negative) != (name, negative))
    new = (Restriction(name, (str(value),), negative),) if value is not None else ()
    state.ask(written(replace(reading, restrictions=(*others, *new))), state.LIBRARY_QUERY)


def search_for(text: str) -> None:
    state.ask(text)
    state.want_page("text_search")


def search(_: Mapping[str, Any]) -> None:
    state.want_page("text_search")


images, _, _ = services.catalog.counts()
if images or services.jobs.active():
    reading = query_box.show(state.LIBRARY_QUERY, "Narrow down, as in camera:nikon date:2024 rating:>=4")
    understood.show(services, reading, state.LIBRARY_QUERY)
    # there without any words too: what comes after it must not move
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="library-words"):
        if looks_for(reading):
            st.caption(":material/info: The library is narrowed by filters alone; words are looked for in a search.")
            asked = (written(reading),)
            st.button("Search for them", type="tertiary", on_click=search_for, args=asked, key="search-for")
    set_line.show(services)
    with st.container(key="gallery-place"):
        timeline.show(services, reading, state.query(state.LIBRARY_QUERY), narrow, search)
    picture_drop.listen(services)
else:
    text = f"Add some, then look through them by date, folder or camera. {no_photos.STAY}"
    no_photos.show(services, text)
