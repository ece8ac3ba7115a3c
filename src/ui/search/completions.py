"""Completes filters while they are typed: keys, and their values, of which the library's are asked for as one types."""

from __future__ import annotations

import streamlit as st

from src.schema.query_keys import KEYS
from src.services.search.completing import HELP, VALUES
from src.services.search.vocabulary import COMPLETED
from src.ui import address
from src.ui.frame.component import script


def offer() -> None:
    """For the boxes of this page."""
    values = {spelling: VALUES[key.name] for spelling, key in KEYS.items() if key.name in VALUES}
    asked = [spelling for spelling, key in KEYS.items() if key.name in COMPLETED]
    data = {
        "keys": [list(one) for one in HELP],
        "values": {**values, "sort": VALUES["sort"]},
        "asked": asked,
        "place": address.on_server("/api/values/"),
    }
    with st.container(key="completing"):
        script(__file__, "completions")(key="completions", data=data, width="content")
