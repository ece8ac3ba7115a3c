"""Library: everything there is, by the date it was taken, narrowed by filters, folders, months or cameras."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from src.errors import UnreadableImage
from src.services.search.browsing import looks_for
from src.services.search.language import Restriction, parse, written
from src.ui import address, example, state
from src.ui.curation import no_photos
from src.ui.photos import timeline
from src.ui.resources import get_services
from src.ui.search import query_box, understood
from src.ui.search.example_picture import as_png

HERE = Path(__file__)
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
    state.want_text_search()


def search_by(told: Mapping[str, Any]) -> None:
    """A picture was dropped on the photos or pasted: the tab for example pictures searches by it."""
    try:
        picture = services.search.open_picture(io.BytesIO(base64.b64decode(str(told["data"]))))
    except (UnreadableImage, ValueError) as error:
        state.set_message(error.user_message if isinstance(error, UnreadableImage) else "That is no picture.")
    else:
        example.search_by_example(str(told["name"]) or "the pasted picture", as_png(picture))


def search(_: Mapping[str, Any]) -> None:
    state.want_text_search()


if state.take_text_search():
    address.go(HERE.with_name("text_search_page.py"))
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
    with st.container(key="library-photos"):
        timeline.show(services, reading, state.query(state.LIBRARY_QUERY), narrow, search, search_by)
else:
    text = "Add some, then look through them by date, folder or camera. They never leave this computer."
    no_photos.show(services, text)
