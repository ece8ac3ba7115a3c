"""Filters with the mouse: each choice is written into the query, where it can be read, changed and shared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import streamlit as st

from src.runtime import Services
from src.schema.query_keys import SORTS
from src.services.search.language import Reading, Restriction, parse, written
from src.services.search.query_parts import days, days_written
from src.ui import state
from src.ui.search.choices import Choices, draw_once_counted

DATE_KEYS = Path(__file__).with_name("date_keys.js")
"""Has a date taken as soon as it was typed."""
COUNTED = ("date", "is", "format", "rating", "album", "camera", "tag", "in", "colour")
"""Keys whose choices are counted, in the order in which they are: what takes longest comes last."""
EARLIEST, LATEST = date(1826, 1, 1), date(2100, 1, 1)

_ANY, _YEAR = re.compile(".*", re.DOTALL), re.compile("[0-9]{4}")


@st.fragment
def show(services: Services, reading: Reading, query: str) -> None:
    """A small button that opens the choices. query: key of the session where the query's text is kept.

    Opening it draws this part of the page alone: the choices, and how many photos each would leave.
    """
    key = f"{query}-filters"
    if state.take_filtered(query):
        st.rerun()
    with st.popover("Filters", icon=":material/tune:", type="tertiary", key=key, on_change="rerun") as panel:
        if panel.open:
            _show_choices(_Panel(Choices(services, reading, COUNTED), query))
            draw_once_counted(services, reading, COUNTED)
    # before the choices are opened: what closes them at Escape comes to hear of it later
    with st.container(key="date-keys"):
        st.html(f"<script>{DATE_KEYS.read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)


def _show_choices(panel: _Panel) -> None:
    query, (since, until) = panel.query, _days(panel.choices.reading)
    panel.show("Folder", "in", "All folders")
    ends = {"since": _key(query, "since", since), "until": _key(query, "until", until)}
    left, right = st.columns(2)
    with left:
        _day("Taken from", "since", since, ends, query)
        panel.show("Year", "date", "Any year", only=_YEAR)
        panel.show("Tag", "tag", "Any tag")
        panel.show("It is", "is", "Anything")
        panel.show("At least", "rating", "Any rating")
    with right:
        _day("Taken until", "until", until, ends, query)
        panel.show("Camera", "camera", "All cameras")
        panel.show("Format", "format", "Any format")
        panel.show("Colour", "colour", "Any colour")
        panel.show("Order", "sort", "Best first")
        panel.show("Album", "album", "Any album")


@dataclass(frozen=True)
class _Panel:
    """What is offered, and where what is chosen is written."""

    choices: Choices
    query: str
    """Key of the session where the query's text is kept."""

    def show(self, label: str, key: str, every: str, only: re.Pattern[str] = _ANY) -> None:
        """One of the values, or none; where the query says another one that is like ``only``, that is among them."""
        now = _value(self.choices.reading, key)
        now = now if now and only.fullmatch(now) else None
        values = self.choices.values(key)
        options = list(values) if now is None or now in values else [now, *values]
        if not options and self.choices.known(key):
            return
        named = self.choices.named(key, options)
        # a widget with other labels is another one: it would else look for its value among the old ones
        widget = f"{_key(self.query, key, now)}-{hash(tuple(named.values()))}"
        st.selectbox(
            label,
            options,
            format_func=named.__getitem__,
            placeholder=every,
            key=widget,
            on_change=_write,
            args=(self.query, key, lambda: st.session_state[widget]),
            index=None if now is None else options.index(now),
            disabled=not options,
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
    return days_written("date", since, until) or None


def _days(reading: Reading) -> tuple[date | None, date | None]:
    """The first and the last day that a query's dates leave, where one of them can be chosen."""
    first, last = days("date", _value(reading, "date") or "")
    return on_calendar(first), on_calendar(last)


def on_calendar(day: date | None) -> date | None:
    """The day where it is one of those that can be chosen."""
    return day if day and EARLIEST <= day <= LATEST else None


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
    state.set_filtered(query)
    if key == "sort":
        wanted = value or ""
        assert not wanted or wanted.removeprefix("-") in SORTS
        state.ask(written(replace(reading, sort=wanted)), query)
        return
    others = tuple(r for r in reading.restrictions if r.key != key or r.negative)
    new = (Restriction(key, (value,)),) if value else ()
    state.ask(written(replace(reading, restrictions=(*others, *new))), query)
