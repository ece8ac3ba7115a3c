"""Completes filters while they are typed: keys, and their values, of which the library's are asked for as one types."""

from __future__ import annotations

import streamlit as st

from src.schema import query_values
from src.schema.colour_words import COLOUR_WORDS
from src.schema.query_keys import KEYS, SORTS
from src.services.search.vocabulary import COMPLETED
from src.ui import address
from src.ui.frame.component import script

VALUES = {
    "colour": COLOUR_WORDS,
    "flash": ("yes", "no"),
    "is": query_values.IS,
    "has": tuple(query_values.KNOWN),
    "rating": tuple(f">={stars}" for stars in range(5, 0, -1)),
    "sort": (*SORTS, *(f"-{order}" for order in SORTS[1:])),
}
"""Key -> values that are the same in every library."""


def offer() -> None:
    """For the boxes of this page."""
    keys = [[key.name, key.help] for key in dict.fromkeys(KEYS.values())]
    keys.append(["sort", f"In that order: {', '.join(SORTS)}; with a - before it the other way round."])
    values = {spelling: VALUES[key.name] for spelling, key in KEYS.items() if key.name in VALUES}
    asked = [spelling for spelling, key in KEYS.items() if key.name in COMPLETED]
    data = {
        "keys": keys,
        "values": {**values, "sort": VALUES["sort"]},
        "asked": asked,
        "place": address.on_server("/api/values/"),
    }
    with st.container(key="completing"):
        script(__file__, "completions")(key="completions", data=data, width="content")
