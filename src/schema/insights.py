"""What a library is made of, counted: bars, each of which stands for photos that can be shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """So many photos have something in common. One of ``query`` and ``of`` says how to show just these.

    query: a text of the query language. of: the name of a set that no query can tell, which the library page is told
    beside its query. detail: what else there is to say, in a few words.
    """

    label: str
    photos: int
    query: str = ""
    of: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Block:
    """Bars that belong together. note: a sentence under them; the reason where there are none."""

    name: str
    title: str
    bars: tuple[Bar, ...] = ()
    note: str = ""
