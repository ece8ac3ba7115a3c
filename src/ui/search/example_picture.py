"""The picture that an image search starts from."""

from __future__ import annotations

import io

import streamlit as st
from PIL import Image

from src.identity import is_id
from src.runtime import Services
from src.schema import Box, ImageDetails
from src.services.search.service import Query
from src.text import shown
from src.ui import example, files, state
from src.ui.library.upload_form import TYPES
from src.ui.photos import gallery
from src.ui.search import results


def show(services: Services) -> tuple[Query | None, int]:
    """The picture in use with a button to put it away, or a place to drop one.

    Returns what to search for (None without a picture) and how many results to show. Raises UnreadableImage for a file
    that is no picture.
    """
    found, similar = example.picture(), example.similar_to()
    if found is None and similar is None:
        _show_drop_area(services)
        return None, 0
    left, side = st.columns([4, 1.2], vertical_alignment="bottom", gap="medium")
    with left, st.container(key="example", horizontal=True, vertical_alignment="center", gap="medium"):
        query = _show_dropped(*found) if found is not None else _show_similar(services, similar or "")
    with side:
        return query, results.limit()


def _show_drop_area(services: Services) -> None:
    key = f"example-{files.part_of_key()}"
    with st.container(key="drop-example"), st.container(key="drop"):
        file = st.file_uploader("Drop an example picture", TYPES, key=key, label_visibility="collapsed")
    st.caption("Or open any photo of your library and choose “Find similar”.")
    if file is not None:
        png = as_png(services.search.open_picture(file))
        example.set_example(file.name, png, services.library.id_of_bytes(file))
        files.next_round()
        st.rerun()


def _show_dropped(name: str, png: bytes) -> Query:
    st.image(png, width="content")
    _show_label(_like(name))
    return Query(image=Image.open(io.BytesIO(png)))


def _show_similar(services: Services, id_: str) -> Query | None:
    """``id_``: of a photo of the library, or of an object in one."""
    return _show_photo(services, id_) if is_id(id_) else _show_object(services, id_)


def _show_object(services: Services, segment_id: str) -> Query | None:
    found = services.objects.part_of(segment_id)
    name, picture = found or ("", None)
    if picture is not None:
        st.image(picture, width="content")
    _show_label(
        f"Photos with something like this object in {name}" if found else "This object is not in the library any more."
    )
    return Query(like=segment_id) if found else None


def _show_photo(services: Services, image_id: str) -> Query | None:
    details, box = services.library.details(image_id), example.similar_box()
    if details is not None and box is not None:
        if box[2] <= details.facts.width and box[3] <= details.facts.height:
            return _show_part(services, details, box)
        example.search_like(image_id)  # the address had a box that is not in this photo
    if details is not None:
        gallery.show_small(image_id, details.name)
    _show_label(_like(details.name) if details else "This photo is not in the library any more.")
    return Query(like=image_id) if details else None


def _show_part(services: Services, details: ImageDetails, box: Box) -> Query | None:
    picture = services.objects.part(details.id, box)
    if picture is not None:
        st.image(picture, width="content")
    _show_label(_like(f"this part of {details.name}") if picture else f"The file of {details.name} can't be read now.")
    return Query(image=picture, part_of=details.id) if picture else None


def _like(name: str) -> str:
    return f"{'Objects' if state.mode() == 'objects' else 'Photos'} that look like {name}"


def _show_label(text: str) -> None:
    with st.container(gap="small"):
        st.text(shown(text))
        st.button("Choose another", icon=":material/close:", on_click=example.clear, key="other-example")


def as_png(image: Image.Image) -> bytes:
    """Without loss: the session keeps this, not the file."""
    target = io.BytesIO()
    image.save(target, "PNG", compress_level=1)
    return target.getvalue()
