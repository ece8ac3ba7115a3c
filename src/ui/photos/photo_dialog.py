"""One photo, large, with its facts, the objects in it, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from src.models.label_bank import Label
from src.runtime import Services
from src.schema import Box, ImageDetails
from src.services.curation import labels
from src.text import shown
from src.ui import address, example, state
from src.ui.curation import panel
from src.ui.format import moment, size
from src.ui.photos import box_drawer, description, fit_buttons, gallery

GONE = "The original file can't be found now. This is the small picture kept in the library."


@st.dialog("Photo", width="large", on_dismiss=state.close_dialog)
def show(services: Services) -> None:
    """The photo that the session has open."""
    if state.dialog() is None:  # a button closed it: the whole page runs again
        st.rerun()
    details = services.library.details(state.photo())
    if details is None:
        st.info("This photo is not in the library any more.", icon=":material/hide_image:")
        return
    there = services.library.has_original(details.id)
    suggested = panel.suggestions(services, details.id)
    with st.container(horizontal=True, key="photo-actions"):  # over the picture: in sight however large it is
        icon = ":material/image_search:"
        st.button(
            "Find similar", icon=icon, type="primary", on_click=example.set_similar, args=(details.id,), key="similar"
        )
        if there:
            _show_switch()
        _step(-1, "Previous", "chevron_left", "left")
        _step(1, "Next", "chevron_right", "right")
        st.button("Close", on_click=state.close_dialog, key="close-photo")
        panel.show(services, details.id, suggested)
    if there and state.choosing_inside():
        _show_objects(services, details)
    else:
        fit_buttons.show(services)
        known = [*facts(details), *services.facts.of(details.id), *_by_model(suggested)]
        size = (details.facts.width, details.facts.height)
        note = None if there else GONE
        place, lines = _place(services, details.id), services.texts.of_photo(details.id)
        gallery.show_photo(details.id, details.name, known, size, note, place, lines, state.reasons())
        description.show(services, details.id)
    address.write()  # the next photo is drawn without the page around it
    address.draw("address-photo")


def _show_switch() -> None:
    inside = state.choosing_inside()
    label, icon = ("Whole photo", ":material/image:") if inside else ("Search inside", ":material/select_all:")
    st.button(label, icon=icon, on_click=state.choose_inside, args=(not inside,), key="inside")


def _show_objects(services: Services, details: ImageDetails) -> None:
    """The photo with the objects found in it, to choose one or to draw a box, and search with that."""
    stored = {item.segment.box: item for item in services.objects.of_photo(details.id)}
    found = next((item for item in stored.values() if item.id == state.found_object()), None)
    chosen = box_drawer.show(
        f"inside-{details.id}",
        address.on_server(f"/api/image/{details.id}"),
        details.facts.width,
        details.facts.height,
        [(box, f"Object {number}") for number, box in enumerate(stored, 1)],
        name=details.name,
        mask=found.segment.mask if found else None,
        chosen=found.segment.box if found else None,
    )
    if chosen is not None:
        _search_with(details.id, chosen, stored[chosen].id if chosen in stored else None)


def _search_with(image_id: str, box: Box, segment: str | None) -> None:
    state.want_objects()
    example.set_similar(segment or image_id, None if segment else box)
    st.rerun()


def _step(step: int, label: str, icon: str, shortcut: str) -> None:
    disabled = state.neighbour(step) is None
    options = {"icon": f":material/{icon}:", "shortcut": shortcut, "disabled": disabled, "key": label.lower()}
    st.button(label, on_click=state.show_neighbour, args=(step,), **options)  # type: ignore[arg-type]


def _place(services: Services, image_id: str) -> dict[str, Any] | None:
    """Where a photo was taken, None where that is not known."""
    known = services.catalog.facts.of(image_id)
    latitude, longitude = known.get("latitude"), known.get("longitude")
    if latitude is None or longitude is None:
        return None
    return {"latitude": latitude, "longitude": longitude, "name": shown(", ".join(known.get("place", ())))}


def _by_model(suggested: Sequence[Label]) -> list[tuple[str, str]]:
    """What the model sees in a photo, told as its guess."""
    return [("Suggested by the model", labels.sentence(suggested))] if suggested else []


def facts(details: ImageDetails) -> list[tuple[str, str]]:
    """Label and value of everything known about a photo."""
    of_file = details.facts
    lines = [
        ("Size", f"{of_file.width:,} × {of_file.height:,} pixels · {size(details.bytes)} · {of_file.format}"),
        ("Taken", moment(of_file.taken_at)),
        ("Added", moment(details.added_at)),
    ]
    if details.uploaded:
        lines.append(("Where", "Uploaded; the copy is kept in the library"))
    else:
        lines += [("Where" if at == 0 else "Also in", path) for at, path in enumerate(details.paths)]
    return [(label, value) for label, value in lines if value]
