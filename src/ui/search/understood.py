"""Under the box: what was understood of the words, each part to be changed or taken away, the filters, and help."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from src.runtime import Services
from src.schema.query_keys import KEYS, SORTS
from src.services.search.language import Reading, written
from src.ui import state
from src.ui.search import chips, completions, filter_panel, saved_searches

ROWS = (
    ("dog on grass", "words mean something"),
    ('"two words"', "belong together"),
    ('-people -"red car"', "without that"),
    ("beach^2 people", "counts twice as much"),
    ("camera:nikon|canon", "one or the other"),
    ("-camera:nikon", "none of those"),
    ('in:"My Photos"', "a value with a space"),
    ("name:IMG_2*", "a star stands for any text"),
    ("date:2019-05..2019-08", "from, to; also >, >=, <, <="),
    ("sort:date", f"in that order: {', '.join(SORTS)}; sort:-date the other way round"),
    ('\\-word in:"5\\* best"', "a backslash: the sign after it means nothing special"),
)
"""How things are written, and what they say."""


def show(services: Services, reading: Reading, key: str = state.QUERY) -> None:
    """key: of the session, where the text is kept."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="understood"):
        filter_panel.show(services, reading, key)
        chips.show(services, reading, key)
        if key == state.QUERY and written(reading):
            saved_searches.offer_to_save(services, reading)
        with st.popover("Help", icon=":material/help:", type="tertiary", key=f"{key}-help"):
            _show_help()
    completions.offer()


def _show_help() -> None:
    """One screen: how a query is written, and every key with an example. It takes the focus, so that keys scroll it."""
    tables = [_table("Write", "It means", ROWS)]
    tables.append(_table("Filter", "Which photos", [(key.example, key.help) for key in dict.fromkeys(KEYS.values())]))
    region = f'<div class="query-help" tabindex="0" role="region" aria-label="How to search">{"".join(tables)}</div>'
    st.html(region)


def _table(first: str, second: str, rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"<tr><td><code>{escape(written)}</code></td><td>{escape(says)}</td></tr>" for written, says in rows]
    head = f'<tr><th scope="col">{first}</th><th scope="col">{second}</th></tr>'
    return f"<table><thead>{head}</thead><tbody>{''.join(lines)}</tbody></table>"
