"""Filters with the mouse: each choice is written into the query, where it can be read, changed and shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import streamlit as st

from src.runtime import Services
from src.schema.colour_words import COLOUR_WORDS
from src.schema.query_keys import SORTS
from src.schema.query_values import SHAPES
from src.services.search.language import Reading, Restriction, parse, written
from src.text import shown
from src.ui import state

DATE_KEYS = Path(__file__).with_name("date_keys.js")
"""Has a date taken as soon as it was typed."""
EARLIEST, LATEST = date(1826, 1, 1), date(2100, 1, 1)

ORDERS = {
    "": "Best first",
    "date": "Newest first",
    "-date": "Oldest first",
    "name": "By name",
    "size": "Largest first",
    "-size": "Smallest first",
}


def show(services: Services, reading: Reading, query: str) -> None:
    """A small button that opens the choices. query: key of the session where the query's text is kept."""
    with st.popover("Filters", icon=":material/tune:", type="tertiary", key=f"{query}-filters"):
        folders = [folder.path for folder in services.folders.all()]
        _choice("Folder", "in", folders, "All folders", reading, query)
        since, until = _days(reading)
        ends = {"since": _key(query, "since", since), "until": _key(query, "until", until)}
        left, right = st.columns(2)
        with left:
            _day("Taken from", "since", since, ends, query)
        with right:
            _day("Taken until", "until", until, ends, query)
        _choice("Camera", "camera", services.facts.cameras(), "All cameras", reading, query)
        left, right = st.columns(2)
        with left:
            _choice("Shape", "is", SHAPES, "Any shape", reading, query)
            _choice("Colour", "colour", COLOUR_WORDS, "Any colour", reading, query)
        with right:
            _choice("At least", "rating", [f">={stars}" for stars in range(1, 6)], "Any rating", reading, query, _stars)
            _choice("Order", "sort", [order for order in ORDERS if order], "Best first", reading, query, ORDERS.get)
    # before the choices are opened: what closes them at Escape comes to hear of it later
    with st.container(key="date-keys"):
        st.html(f"<script>{DATE_KEYS.read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)


def _stars(value: str) -> str:
    """``>=4`` in words; another value, which was typed, as it is."""
    number = value.removeprefix(">=")
    return f"{number} star{'s' * (number != '1')}" if value[:2] == ">=" and number.isdecimal() else shown(value)


def _choice(
    label: str,
    key: str,
    values: Sequence[str],
    every: str,
    reading: Reading,
    query: str,
    name: Callable[[str], Any] = shown,
) -> None:
    """One of the values, or none; where the query says another one, that is among them."""
    now = _value(reading, key)
    options = list(values) if now is None or now in values else [now, *values]
    if not options:
        return
    widget = _key(query, key, now)
    st.selectbox(
        label,
        options,
        format_func=lambda value: str(name(value) or value),
        placeholder=every,
        key=widget,
        on_change=_write,
        args=(query, key, lambda: st.session_state[widget]),
        index=None if now is None else options.index(now),
    )


def _key(query: str, part: str, now: object) -> str:
    """Of a widget: another one for each value that the query says, so that none goes on with what it said before."""
    return f"{query}-filter-{part}-{now}"


def _day(label: str, end: str, now: date | None, ends: Mapping[str, str], query: str) -> None:
    """ends: keys of both fields."""
    st.date_input(
        label,
        now,
        EARLIEST,
        LATEST,
        format="YYYY-MM-DD",
        key=ends[end],
        on_change=_write,
        args=(query, "date", lambda: _span(ends)),
    )


def _span(ends: Mapping[str, str]) -> str | None:
    """What both date fields say, as a value."""
    since, until = (st.session_state.get(ends[end]) for end in ("since", "until"))
    if since is None and until is None:
        return None
    if since and until and since > until:
        since, until = until, since
    return f"{since.isoformat() if since else ''}..{until.isoformat() if until else ''}"


def _days(reading: Reading) -> tuple[date | None, date | None]:
    """The first and the last day that a query's dates name, where it names them so."""
    value = _value(reading, "date") or ""
    first, dots, last = value.partition("..")
    return _parsed(first), _parsed(last if dots else first)


def _parsed(text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if len(text) == len("2024-01-01") else None
    except ValueError:
        return None
    return day if day is None or EARLIEST <= day <= LATEST else None


def _value(reading: Reading, key: str) -> str | None:
    """The one value of a key in a query; None where it has none or several."""
    if key == "sort":
        return reading.sort or None
    values = [value for r in reading.restrictions if r.key == key and not r.negative for value in r.values]
    return values[0] if len(values) == 1 else None


def _write(query: str, key: str, chosen: Callable[[], str | None]) -> None:
    """Put what was chosen into the query in place of what it said of that."""
    reading = parse(state.query(query))
    value = chosen()
    if key == "sort":
        wanted = value or ""
        assert not wanted or wanted.removeprefix("-") in SORTS
        state.ask(written(replace(reading, sort=wanted)), query)
        return
    others = tuple(r for r in reading.restrictions if r.key != key or r.negative)
    new = (Restriction(key, (value,)),) if value else ()
    state.ask(written(replace(reading, restrictions=(*others, *new))), query)
