"""Completes filters while they are typed: keys, and what the library knows as their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import streamlit as st

from src.runtime import Services
from src.schema import query_values
from src.schema.colour_words import COLOUR_WORDS
from src.schema.query_keys import KEYS, SORTS
from src.text import shown

FORMATS = ("jpg", "png", "heic", "avif", "webp", "gif", "tiff")


def offer(services: Services) -> None:
    """For the boxes of this page."""
    keys = [[key.name, key.help] for key in dict.fromkeys(KEYS.values())]
    keys.append(["sort", f"In that order: {', '.join(SORTS)}; with a - before it the other way round."])
    folders = [folder.path for folder in services.folders.all()]
    values = {
        "in": [Path(folder).name or folder for folder in folders],
        "camera": services.facts.cameras(),
        "format": FORMATS,
        "colour": COLOUR_WORDS,
        "color": COLOUR_WORDS,
        "is": query_values.SHAPES,
        "has": list(query_values.KNOWN),
        "sort": [*SORTS, *(f"-{order}" for order in SORTS[1:])],
    }
    data = {"keys": keys, "values": {key: [shown(value) for value in some] for key, some in values.items()}}
    with st.container(key="completing"):
        _component()(key="completions", data=data, width="content")


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    """Registered once a process."""
    js = Path(__file__).with_name("completions.js").read_text(encoding="utf-8")
    return cast("Callable[..., Any]", st.components.v2.component("completions", html="<span></span>", js=js))
