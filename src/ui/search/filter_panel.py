"""Filters with the mouse: each choice is written into the query, where it can be read, changed and shared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import streamlit as st

from src.runtime import Services
from src.schema.colour_words import COLOUR_WORDS
from src.schema.conditions import STAR
from src.schema.query_keys import SORTS
from src.schema.query_values import IS
from src.services.search.language import Reading, Restriction, parse, written
from src.services.search.vocabulary import Counts
from src.text import folded, shown
from src.ui import state
from src.ui.jobs import job_progress

DATE_KEYS = Path(__file__).with_name("date_keys.js")
"""Has a date taken as soon as it was typed."""
COUNTED = ("date", "is", "format", "rating", "album", "camera", "tag", "in", "colour")
"""Keys whose choices are counted, in the order in which they are: what takes longest comes last."""
COUNTING = 0.4
"""Seconds between two looks for counts that took longer."""
MOST = 200
"""Choices of one kind."""
EARLIEST, LATEST = date(1826, 1, 1), date(2100, 1, 1)

_ANY, _YEAR = re.compile(".*", re.DOTALL), re.compile("[0-9]{4}")
ORDERS = {
    "": "Best first",
    "date": "Newest first",
    "-date": "Oldest first",
    "name": "By name",
    "size": "Largest first",
    "-size": "Smallest first",
    "album": "Album order",
}


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
            counts = services.vocabulary.counts(reading, COUNTED)
            _show_choices(_Choices(services, reading, query, counts))
            if None in counts.values() and services.vocabulary.counting(reading, COUNTED):
                job_progress.repeat(_until_counted(services, reading), COUNTING)
    # before the choices are opened: what closes them at Escape comes to hear of it later
    with st.container(key="date-keys"):
        st.html(f"<script>{DATE_KEYS.read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)


def _until_counted(services: Services, reading: Reading) -> Callable[[], None]:
    """Draws the page anew once what was still being counted is known."""

    def look() -> None:
        if not services.vocabulary.counting(reading, COUNTED):
            st.rerun()

    return look


def _show_choices(choices: _Choices) -> None:
    query, (since, until) = choices.query, _days(choices.reading)
    choices.show("Folder", "in", choices.folders(), "All folders")
    ends = {"since": _key(query, "since", since), "until": _key(query, "until", until)}
    left, right = st.columns(2)
    with left:
        _day("Taken from", "since", since, ends, query)
        choices.show("Year", "date", choices.found("date"), "Any year", only=_YEAR)
        choices.show("Tag", "tag", choices.found("tag"), "Any tag")
        choices.show("It is", "is", IS, "Anything")
        choices.show("At least", "rating", [f">={stars}" for stars in range(1, 6)], "Any rating", _stars)
    with right:
        _day("Taken until", "until", until, ends, query)
        choices.show("Camera", "camera", choices.found("camera"), "All cameras")
        choices.show("Format", "format", choices.found("format"), "Any format")
        choices.show("Colour", "colour", COLOUR_WORDS, "Any colour")
        choices.show("Order", "sort", choices.orders(), "Best first", ORDERS.get)
        choices.show("Album", "album", choices.found("album"), "Any album")


def _stars(value: str) -> str:
    """``>=4`` in words; another value, which was typed, as it is."""
    number = value.removeprefix(">=")
    return f"{number} star{'s' * (number != '1')}" if value[:2] == ">=" and number.isdecimal() else _plain(value)


def _plain(value: str) -> str:
    return shown(value.replace(STAR, "*"))


@dataclass(frozen=True)
class _Choices:
    """What the panel offers, and what the query says already."""

    services: Services
    reading: Reading
    query: str
    """Key of the session where the query's text is kept."""
    counts: Mapping[str, Counts | None]

    def found(self, key: str) -> list[str]:
        """Values of a key that photos have which pass the other filters, most first; of years the latest."""
        values = [value.replace("*", STAR) for value in self.counts[key] or ()]
        return sorted(values, reverse=True) if key == "date" else values[:MOST]

    def orders(self) -> list[str]:
        """The order of an album is offered where one is listed."""
        keys = {(one.key, one.negative) for one in self.reading.restrictions}
        return [order for order in ORDERS if order and (order != "album" or ("album", False) in keys)]

    def folders(self) -> list[str]:
        return [folder.path.replace("*", STAR) for folder in self.services.folders.all()]

    def show(
        self,
        label: str,
        key: str,
        values: Sequence[str],
        every: str,
        name: Callable[[str], Any] = _plain,
        only: re.Pattern[str] = _ANY,
    ) -> None:
        """One of the values, or none; where the query says another one that is like ``only``, that is among them."""
        now = _value(self.reading, key)
        now = now if now and only.fullmatch(now) else None
        options = list(values) if now is None or now in values else [now, *values]
        if not options and self.counts.get(key) is not None:
            return
        named = [f"{name(value) or value}{self._counted(key, value)}" for value in options]
        # a widget with other labels is another one: it would else look for its value among the old ones
        widget = f"{_key(self.query, key, now)}-{hash(tuple(named))}"
        st.selectbox(
            label,
            options,
            format_func=dict(zip(options, named, strict=True)).__getitem__,
            placeholder=every,
            key=widget,
            on_change=_write,
            args=(self.query, key, lambda: st.session_state[widget]),
            index=None if now is None else options.index(now),
            disabled=not options,
        )

    def _counted(self, key: str, value: str) -> str:
        """How many photos have it, in brackets; empty where that is not known."""
        counts = self.counts.get(key)
        if counts is None:
            return ""
        if key == "rating":
            least = value.removeprefix(">=")
            found = sum(counts[stars] for stars in counts if least.isdecimal() and int(stars) >= int(least))
            return f" ({found:,})" if least.isdecimal() else ""
        return f" ({self._plain[key].get(folded(value.replace(STAR, '*')), 0):,})"

    @cached_property
    def _plain(self) -> Mapping[str, Counts]:
        """The counts, of values as they are compared."""
        known = ((key, counts) for key, counts in self.counts.items() if counts is not None)
        return {key: {folded(value): photos for value, photos in counts.items()} for key, counts in known}


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
    state.set_filtered(query)
    if key == "sort":
        wanted = value or ""
        assert not wanted or wanted.removeprefix("-") in SORTS
        state.ask(written(replace(reading, sort=wanted)), query)
        return
    others = tuple(r for r in reading.restrictions if r.key != key or r.negative)
    new = (Restriction(key, (value,)),) if value else ()
    state.ask(written(replace(reading, restrictions=(*others, *new))), query)
