"""What may be chosen for a filter with the mouse: its values, in words, and how many photos each would leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import streamlit as st

from src.runtime import Services
from src.schema.conditions import STAR
from src.services.search.completing import VALUES
from src.services.search.language import Reading
from src.services.search.vocabulary import Counts
from src.text import folded, shown
from src.ui.jobs import job_progress

COUNTING = 0.4
"""Seconds between two looks for counts that took longer."""
MOST = 200
"""Choices of one kind."""
ORDERS = {
    "": "Best first",
    "date": "Newest first",
    "-date": "Oldest first",
    "name": "By name",
    "-name": "By name, the last first",
    "size": "Largest first",
    "-size": "Smallest first",
    "album": "Album order",
    "-album": "Album order, the last first",
}


@dataclass(frozen=True)
class Choices:
    """What is offered for the keys of a query."""

    services: Services
    reading: Reading
    keys: Sequence[str]
    """Those whose values are counted."""

    @cached_property
    def counts(self) -> Mapping[str, Counts | None]:
        """Key -> value -> photos; None where that is not known yet."""
        return self.services.vocabulary.counts(self.reading, self.keys)

    def values(self, key: str) -> Sequence[str]:
        """Those of a key that there are to choose from: the library's with those first that most photos have which pass
        the other filters, of years the latest.
        """
        if key == "in":
            return [folder.path.replace("*", STAR) for folder in self.services.folders.all()]
        if key == "sort":
            return self._orders()
        if key == "rating":
            return [f">={stars}" for stars in range(1, 6)]
        if key in VALUES:
            return VALUES[key]
        values = [value.replace("*", STAR) for value in self.counts.get(key) or ()]
        return sorted(values, reverse=True) if key == "date" else values[:MOST]

    def named(self, key: str, values: Sequence[str]) -> Mapping[str, str]:
        """Values, and those that are chosen, in words, with the number of photos behind where it is known."""
        name = {"sort": _order, "rating": _stars}.get(key, plain)
        return {value: f"{name(value)}{self._counted(key, value)}" for value in values}

    def known(self, key: str) -> bool:
        """Whether the values of a key are counted, and so all known."""
        return self.counts.get(key) is not None

    def _orders(self) -> list[str]:
        """The order of an album is offered where one is listed."""
        keys = {(one.key, one.negative) for one in self.reading.restrictions}
        return [order for order in ORDERS if order and (not order.endswith("album") or ("album", False) in keys)]

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


def plain(value: str) -> str:
    return shown(value.replace(STAR, "*"))


def _order(value: str) -> str:
    return ORDERS.get(value, value)


def _stars(value: str) -> str:
    """``>=4`` in words; another value, which was typed, as it is."""
    number = value.removeprefix(">=")
    return f"{number} star{'s' * (number != '1')}" if value[:2] == ">=" and number.isdecimal() else plain(value)


def draw_once_counted(services: Services, reading: Reading, keys: Sequence[str]) -> None:
    """Have the page drawn anew once what is still being counted for it is known."""

    def look() -> None:
        if not services.vocabulary.counting(reading, keys):
            st.rerun()

    if services.vocabulary.counting(reading, keys):
        job_progress.repeat(look, COUNTING)
