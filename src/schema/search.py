"""A search: what may be found, what was, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from src.schema.conditions import Condition
from src.schema.encoders import Kind
from src.schema.parts import Box
from src.schema.texts import Corners

Mode = Literal["images", "objects", "both"]
"""What is searched: whole images, the objects inside them, or whichever of the two fits better."""


Band = Literal["strong", "likely", "weak"]
STRONG, LIKELY = 0.8, 0.5
"""Chances from which on a hit is in these bands."""
NOTHING = 0.06
"""Chance of the best hit below which nothing fits."""


def percent_of(chance: float) -> int:
    """A chance (0..1) as people read it, rounded down, so that 80 is a strong match and 79 a likely one."""
    return int(100 * chance + 1e-9)


Part = Literal["image", "object", "description", "words"]
"""What of a photo a search goes through: what it shows as a whole, an object in it, what a model said of it, and what
is written of it.
"""


_PARTS = {"image": "What it shows", "object": "An object in it"}
_TEXTS = {
    "tags": "Its tag", "name": "Its file name", "folders": "Its folder", "title": "Its title",
    "caption": "Its caption", "note": "Its note", "albums": "Its album", "place": "Its place", "camera": "Its camera",
    "dates": "Its date", "text": "Text in it", "description": "Its description",
}  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """Why a photo is among the results: the part of the search that found it and, where that is a text, what that
    says.
    """

    part: Part
    where: str = ""
    """Which text, by its column of ``catalog.lexical_tables.WORDS``; empty where no text found it."""
    text: str = ""
    """As it is written; of a long one what is around the words."""
    spans: tuple[tuple[int, int], ...] = ()
    """Where the words stand in it: first character, and the one behind the last."""
    box: Corners | None = None
    """Where in the picture a line of text is, as shares of its width and height."""

    @property
    def label(self) -> str:
        """What found it, in a few plain words for people, without the text."""
        return _TEXTS.get(self.where) or _PARTS.get(self.part, "What is written of it")


@dataclass(frozen=True)
class SearchHit:
    """One result: an image, once.

    ``score`` is a cosine, higher is better. ``box`` is where the object is, None for a whole image.
    """

    id: str
    path: str
    name: str
    score: float
    kind: Kind = "image"
    box: Box | None = None
    size: tuple[int, int] = (0, 0)
    """Width and height of the upright image in pixels."""
    segment: str | None = None
    """Id of the object."""
    chance: float = 1.0
    """How likely it is what was asked for, 0..1 (``services.search.calibration``)."""
    named: bool = False
    """It is called what was asked for, which is why its chance is high."""
    seen: float | None = None
    """The chance by what it shows alone, where more than that is known; None where ``chance`` is that."""
    why: tuple[Reason, ...] = ()
    """What found it, most telling first."""

    @property
    def percent(self) -> int:
        return percent_of(self.chance)

    @property
    def band(self) -> Band:
        return "strong" if self.chance >= STRONG else "likely" if self.chance >= LIKELY else "weak"

    @property
    def fits(self) -> bool:
        """False where it is so unlikely that it is shown only on request, and never exported."""
        return self.chance >= NOTHING


@dataclass(frozen=True)
class PhotoFilter:
    """Which photos a search may find: all that is given must hold.

    A photo without a capture time is outside every span of days.
    """

    folder: str | None = None
    """Only photos with a file in this folder or below it; as the system spells it, absolute."""
    since: str | None = None
    """Taken on this day or later, ``YYYY-MM-DD``."""
    until: str | None = None
    """Taken on this day or earlier, ``YYYY-MM-DD``."""
    where: tuple[Condition, ...] = ()
    """What its facts must be."""


Verdict = Literal["match", "nothing", "empty"]
"""match: some hits fit. nothing: none does, the closest are told. empty: there was nothing to compare."""


NoticeCode = Literal[
    "language", "not-english", "no-objects", "other-model", "unsorted", "near-names", "names-late", "short-word"
]
"""What a notice says.

language: a part of it was read as words and may have been meant otherwise. not-english:
the model may not understand it. no-objects: none were found yet. other-model: the photos of the library have no vectors
of this model yet. unsorted: no hit is likely enough for another order than the best first. near-names: nothing is
called just what was asked for, so what is called nearly so was found. names-late: some photos can't be found by what
they are called yet. short-word: one letter or digit alone is not looked for in names.
"""


@dataclass(frozen=True)
class Notice:
    """Something to be said of a query: a sentence for people, and a code that tells programs which it is."""

    code: NoticeCode
    sentence: str


@dataclass(frozen=True)
class SearchPage:
    """Hits, best first, with what the reader needs to judge them."""

    query: str
    model: str
    took_ms: float
    hits: tuple[SearchHit, ...]
    searched: int
    """Images that were compared."""
    verdict: Verdict
    notices: tuple[Notice, ...] = ()
    """What is to be said of the query itself, such as that it was too long and cut."""
    filtered: bool = False
    """Only a part of the library was searched."""
    objects: int = 0
    """Objects that were compared."""
    words: str = ""
    """What is wanted in words, empty where a picture alone was looked for; ``query`` is what it is called then."""
    words_only: bool = True
    """No picture was in the query."""
    listed: bool = False
    """Nothing was looked for: the hits are photos that pass, in the order that was asked for."""

    @property
    def notice(self) -> str | None:
        """All notices as one text; None where there are none."""
        return " ".join(notice.sentence for notice in self.notices) or None
