"""Photos that are called what was asked for: by words in file and folder names, titles, captions, keywords and names of
places, and by the year.

There is no index of these words: all files and facts are gone through, so not in very large libraries.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

from src.database.catalog.catalog import Catalog
from src.schema import PhotoFilter, SearchHit
from src.services.search.query import Asked
from src.text import folded

LARGEST = 100_000
"""Photos in a library up to which names are looked through."""
MOST_WORDS, SHORTEST = 6, 3
COMMON, FEW = 0.1, 50
"""Words that more than this share of the photos have, and more than so many, tell nothing, such as ``img``."""
CERTAIN = 0.9
"""Chance of a photo that is called what was asked for, at least."""
_WORD = re.compile(r"[^\W\d_]+|\d+")


def asked_by_name(asked: Asked, searched: int) -> bool:
    """Whether photos are to be looked for by what they are called, too."""
    return asked.words_only and 0 < len(words_of(asked.words)) <= MOST_WORDS and 0 < searched <= LARGEST


def called(catalog: Catalog, text: str, only: PhotoFilter | None, searched: int) -> list[str]:
    """Ids of the photos of which all words of a text are written; none where the words are short or common ones."""
    words = words_of(text)
    if not any(len(word) >= SHORTEST for word in words):
        return []
    most = max(FEW, int(COMMON * searched))
    found: dict[str, str] | None = None
    for word in sorted(words, key=len, reverse=True):  # the longest are the rarest
        named = catalog.listing.naming(word, only, most)
        if named is None:  # most photos have it, such as "jpg": it is looked for in those that have the other words
            continue
        found = named if found is None else {id_: f"{found[id_]} {named[id_]}" for id_ in named if id_ in found}
        if not found:
            return []
    above = sorted({os.path.dirname(os.fsdecode(row.path)) for row in catalog.folders.all()}, key=len, reverse=True)
    return [id_ for id_, written in (found or {}).items() if set(words) <= set(words_of(_below(written, above)))]


def _below(written: str, above: Sequence[str]) -> str:
    """Without what lies above the followed folders, which all photos in them have in their paths."""
    for place in above:
        written = written.replace(place + os.sep, " ") if len(place) > 1 else written
    return written


def words_of(text: str) -> list[str]:
    """Words and numbers in small letters: ``IMG_2041.jpg`` has img, 2041 and jpg."""
    return list(dict.fromkeys(_WORD.findall(folded(text))))


def certain(hit: SearchHit) -> SearchHit:
    """A hit that is called what was asked for; what it shows decides its place among those."""
    if hit.chance >= CERTAIN:  # what it shows says so already
        return hit
    return replace(hit, chance=CERTAIN + (1 - CERTAIN) * hit.chance, named=True)
