"""An album's photos put in an order by hand, and the one chosen that stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from src.identity import is_id
from src.runtime import Services
from src.text import count, shown
from src.ui import address
from src.ui.curation import actions, told
from src.ui.format import literal
from src.ui.frame.component import beside, reported

KEY = "arranged"
MOST = 2_000
"""Photos of an album that are shown to be put in order."""


def show(services: Services) -> None:
    """The album that is being put in order; nothing where none is."""
    album = next((one for one in services.curation.albums() if one.id == told.arranged()), None)
    if album is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### Order of “{literal(album.name)}”")
        st.button(
            "Done", icon=":material/check:", type="tertiary", on_click=told.arrange, args=("",), key="arrange-end"
        )
    ids = services.curation.album_photos(album.id)
    if len(ids) > MOST:
        st.caption(f"The first {MOST:,} of {count(len(ids), 'photo')} are shown.")
    names = services.catalog.shown(ids[:MOST])
    items = [_item(id_, names[id_].name) for id_ in ids[:MOST] if id_ in names]
    data = {"album": album.id, "items": items, "cover": album.cover, "heard": told.heard(KEY)}
    beside(__file__, KEY, after="again")(key=KEY, data=data, on_moves_change=partial(_move, services))


def _item(image_id: str, name: str) -> dict[str, Any]:
    return {"id": image_id, "name": shown(name), "src": address.on_server(f"/api/thumb/{image_id}")}


def _move(services: Services) -> None:
    """Run before the page is drawn. A move that was heard already is sent again where the next came quickly."""
    said = reported(KEY, "moves")
    if not isinstance(said, Mapping) or said.get("album") != told.arranged() or not isinstance(said["moves"], list):
        return
    for move in said["moves"]:
        if isinstance(move, Mapping) and is_id(move.get("id")) and told.hear(move.get("number"), KEY):
            moved(services, str(said["album"]), move)


def moved(services: Services, album: str, move: Mapping[str, Any]) -> None:
    """One operation: a photo before another of the album (``before``; None: at its end), or its ``cover``."""
    photo, before = str(move["id"]), move.get("before")
    if move.get("cover") is True:
        actions.perform(services, lambda of: of.choose_cover(album, photo))
    else:
        actions.perform(services, lambda of: of.move_in_album(album, photo, before if is_id(before) else None))
