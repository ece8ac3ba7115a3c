"""The page Map: laying it out, what it is coloured by, and the photos in the part that was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from src.errors import AppError
from src.runtime import Services
from src.schema.map import MapTold
from src.services.jobs.handlers import queue_map
from src.services.map.colouring import BY
from src.text import count
from src.ui import address, state
from src.ui.frame import empty_state, error_box
from src.ui.jobs import job_progress
from src.ui.map import board
from src.ui.map import told as map_told
from src.ui.photos import hits, timeline

NAMES = {"cluster": "Cluster", "label": "Label", "folder": "Folder", "tag": "Tag", "date": "Date"}


def show(services: Services) -> None:
    """Raises AppError where the library or its model can't be used."""
    laying = any(job.kind == "map" for job in services.jobs.active())
    told = services.maps.told()
    with st.container(key="map-progress", gap="small"):  # there without a job too: what comes after must not move
        if laying:
            job_progress.show(services, ("map",))
        else:
            _tell_how_it_ended(services)
    if told is None:
        _offer(services, laying)
        return
    by = _show_head(services, told, laying)
    with st.container(key="map-place"):
        board.show(services, by)
    _show_photos(services)


def _tell_how_it_ended(services: Services) -> None:
    """Why the last layout failed, where it did."""
    last = next((job for job in services.jobs.latest(10) if job.kind == "map"), None)
    if last is not None and last.state == "failed":
        error_box.show(AppError(last.error or "The map could not be laid out."))


def _offer(services: Services, laying: bool) -> None:
    absent = services.maps.missing()
    if absent:
        error_box.show(absent)
    elif laying:
        empty_state.show("hourglass_empty", "The map is being laid out", "It appears here when it is done.", key="map")
    else:
        text = (
            "Photos that look alike are laid out beside each other. It takes a minute or so, once; new photos join by"
            " themselves."
        )
        if empty_state.show("scatter_plot", "No map yet", text, "Lay out the map", key="map"):
            queue_map(services.jobs)
            st.rerun()


def _show_head(services: Services, told: MapTold, laying: bool) -> str:
    """What the points are coloured by."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="map-head"):
        st.markdown("Coloured by", width="content")
        by = st.segmented_control(
            "Coloured by", BY, format_func=NAMES.__getitem__, default=BY[0], required=True, key=map_told.COLOUR,
            label_visibility="collapsed",
        )  # fmt: skip
        waiting = f", {told.waiting:,} without a place yet" if told.waiting else ""
        st.markdown(f"{count(told.photos, 'photo')}{waiting}")
        if not laying and not services.maps.missing():
            st.button(
                "Lay out anew", icon=":material/refresh:", type="tertiary", on_click=queue_map, args=(services.jobs,),
                key="map-again",
            )  # fmt: skip
    return str(by or BY[0])


def _show_photos(services: Services) -> None:
    """The photos in the part of the map that was chosen."""
    area = state.query(map_told.AREA)
    if not area:
        st.markdown("Draw around some points, or choose a colour, to see their photos here.")
        return
    listing = services.maps.listing(area)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="map-chosen"):
        st.markdown("**In this part of the map**")
        st.button(
            "Close", icon=":material/close:", type="tertiary", on_click=state.ask, args=("", map_told.AREA),
            key="map-close",
        )  # fmt: skip
    if state.dialog() == "photo":
        state.know_gallery(listing.ids)
    data = {
        "listing": f"{address.on_server('/api/map/photos')}?{urlencode({'of': area})}",
        "version": listing.version,
        "grouped": True,
        "chosen": {},
        "plain": True,
    }
    told: dict[str, timeline.Told] = {"open": partial(_open, listing.ids), "narrow": hits.show_folder}
    with st.container(key="gallery-place"):
        timeline.draw(services, "map-photos", data, told)


def _open(ids: tuple[str, ...], told: Mapping[str, Any]) -> None:
    if told.get("id") in ids:
        state.open_photo(str(told["id"]), ids)
