"""A picture that is dropped on a page or pasted there, or the path of one, is searched by."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

import streamlit as st

from src.errors import AppError
from src.processing.discovery import parse_path
from src.runtime import Services
from src.ui import example, state
from src.ui.frame.component import reported, script
from src.ui.search.example_picture import as_png

_KEY = "picture-drop"
PASTED = "the pasted picture"


def listen(services: Services, words: str = "") -> None:
    """From now on, on this page. words: those of the page, which are searched by together with the picture."""
    with st.container(key=f"{_KEY}-place"):
        script(__file__, "picture_drop")(
            key=_KEY, data={}, width="content", on_picture_change=partial(_search, services, words)
        )


def _search(services: Services, words: str) -> None:
    """Run before the page is drawn."""
    told = reported(_KEY, "picture")
    if isinstance(told, Mapping):
        search_by(services, told, words)


def search_by(services: Services, told: Mapping[str, Any], words: str = "") -> None:
    """Go to the tab for example pictures with this one; where it can't be read, the page says why.

    told: ``name`` and ``data`` (a picture's bytes in base64), or the ``path`` of a file on this computer.
    """
    try:
        name, source = _source(told)
        picture, photo = services.search.open_picture(source), services.library.id_of_bytes(source)
    except (AppError, OSError, ValueError) as error:
        state.set_message(error.user_message if isinstance(error, AppError) else "There is no picture to search by.")
        return
    if words:
        state.ask(words, state.IMAGE_QUERY)
    example.search_by_example(name, as_png(picture), photo)


def _source(told: Mapping[str, Any]) -> tuple[str, Path | IO[bytes]]:
    """Raises UnreadablePath or ValueError for what can be neither."""
    if told.get("path"):
        path = parse_path(str(told["path"]), "picture", "~/Pictures/cat.jpg")
        return path.name, path
    return str(told.get("name") or PASTED), io.BytesIO(base64.b64decode(str(told.get("data") or "")))
