"""What the points of a map are coloured by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from src.database.catalog.catalog import Catalog
from src.models import label_bank

BY = ("cluster", "label", "folder", "tag", "date")
MOST = 12
"""Values with a colour of their own; the others share one. Of clusters, all have a number."""
MOST_CLUSTERS = 250
Values = Sequence[str | None]
"""Of each photo, in a map's order."""


@dataclass(frozen=True)
class Colouring:
    """numbers: (n,) uint8, of each photo the number of its value from 1 on, 0 for one without or of the others.

    names, photos: of each value from 1 on, what it is called and how many photos have it.
    """

    numbers: npt.NDArray[np.uint8]
    names: tuple[str, ...]
    photos: tuple[int, ...]


def most_common(values: Values, most: int = MOST) -> Colouring:
    """The values that most photos have, those first."""
    counted = Counter(value for value in values if value is not None).most_common(most)
    return _numbered(values, [name for name, _ in counted])


def clusters(groups: npt.NDArray[np.int16], names: Sequence[str]) -> Colouring:
    """The largest first."""
    return most_common([names[group] if group >= 0 else None for group in groups.tolist()], MOST_CLUSTERS)


def words(numbers: npt.NDArray[np.int16]) -> Colouring:
    """Of words of the vocabulary, by their numbers."""
    known = label_bank.vocabulary().words
    return most_common([known[number].word if 0 <= number < len(known) else None for number in numbers.tolist()])


def of_catalogue(by: str, catalog: Catalog, ids: Sequence[str]) -> Colouring:
    """by: folder, tag or date."""
    make: Callable[[Catalog, Sequence[str]], Colouring] = {"folder": _folders, "tag": _tags, "date": _dates}[by]
    return make(catalog, ids)


def _folders(catalog: Catalog, ids: Sequence[str]) -> Colouring:
    return most_common(_each(catalog.browsing.folder_of(), ids))


def _tags(catalog: Catalog, ids: Sequence[str]) -> Colouring:
    """Of several tags that a photo has, the rarest of the most common counts: it says most."""
    commonest = sorted(catalog.marks.tags(), key=lambda tag: -tag.photos)[:MOST]
    found: dict[str, str] = {}
    for tag in commonest:
        found.update(dict.fromkeys(catalog.marks.tagged(tag.tag), tag.tag))
    return most_common(_each(found, ids))


def _dates(catalog: Catalog, ids: Sequence[str]) -> Colouring:
    """Years, or spans of years where there are many, the earliest first."""
    years = {row.id: row.day // 10_000 for row in catalog.browsing.photos(None, "added") if row.day > 0}
    if not years:
        return most_common([None] * len(ids))
    first, last = min(years.values()), max(years.values())
    span = (last - first) // MOST + 1
    names = {start: _span(start, min(start + span - 1, last)) for start in range(first, last + 1, span)}
    values = _each({id_: names[year - (year - first) % span] for id_, year in years.items()}, ids)
    there = set(values)
    return _numbered(values, [name for name in names.values() if name in there])


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _each(found: Mapping[str, str], ids: Sequence[str]) -> list[str | None]:
    return [found.get(id_) for id_ in ids]


def _numbered(values: Values, names: Sequence[str]) -> Colouring:
    known: dict[str | None, int] = {name: number for number, name in enumerate(names, 1)}
    numbers = np.array([known.get(value, 0) for value in values], np.uint8)
    photos = np.bincount(numbers, minlength=len(names) + 1)[1:]
    return Colouring(numbers, tuple(names), tuple(photos.tolist()))
