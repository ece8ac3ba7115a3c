"""What is looked for: words in the query language, pictures, or both, read once and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PIL import Image

from src.errors import BadInput, BadQuery
from src.schema import Box, Notice, PhotoFilter
from src.services.search import language
from src.services.search.language import Like, Reading, Term


@dataclass(frozen=True)
class Query:
    """What is looked for: words, an example picture, a library's picture, or several (their vectors are averaged)."""

    text: str = ""
    """In the query language (``language``)."""
    image: Image.Image | None = None
    like: str | None = None
    """Id of an image of the library, or of an object in one; the image is left out of the results."""
    part_of: str | None = None
    """Id of the image of the library that ``image`` is a part of; it is left out of the results too."""

    @property
    def label(self) -> str:
        return " ".join(self.text.split()) or ("(picture)" if self.image is not None else "(similar)")


@dataclass(frozen=True)
class Asked:
    """A query that was read."""

    query: Query
    reading: Reading
    only: PhotoFilter | None
    """What was asked for beside the query, and its own restrictions; None where all photos may be found."""
    notices: tuple[Notice, ...] = ()

    @property
    def wanted(self) -> tuple[Term, ...]:
        """Words to look for, each with its weight; all that have none of their own are one."""
        own = tuple(term for term in self.reading.terms if not term.negative and term.weight != 1)
        return (Term(self.reading.words), *own) if self.reading.words else own

    @property
    def words(self) -> str:
        """All that is wanted in words, as one text."""
        return " ".join(term.text for term in self.wanted)

    @property
    def unwanted(self) -> tuple[str, ...]:
        return tuple(term.text for term in self.reading.terms if term.negative)

    @property
    def likes(self) -> tuple[Like, ...]:
        """Photos and objects of the library, the query's own first."""
        return (*((Like(self.query.like),) if self.query.like else ()), *self.reading.similar)

    @property
    def words_only(self) -> bool:
        """Whether no picture is looked for."""
        return self.query.image is None and all(like.negative for like in self.likes)

    @property
    def lists(self) -> bool:
        """Whether nothing is to be looked for: photos are only filtered and put in order."""
        return self.query.image is None and not self.likes and not self.reading.terms


def read(query: Query, only: PhotoFilter | None) -> Asked:
    """Read a query's text. Raises BadQuery where there is nothing to look for or to filter by."""
    reading = language.parse(query.text)
    notices = tuple(Notice("language", note) for note in reading.notes)
    both = replace(only or PhotoFilter(), where=(*(only.where if only else ()), *reading.conditions))
    asked = Asked(query, reading, None if both == PhotoFilter() else both, notices)
    if asked.lists and not reading.restrictions and not reading.sort:
        raise BadQuery("The query is empty.", "Describe what you are looking for, or give an example picture.")
    return asked


def check_region(region: Box, size: tuple[int, int]) -> None:
    """Raise BadInput for a box (XYXY, pixels) that is not within a picture of that width and height, or empty."""
    left, top, right, bottom = region
    if not (0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]):
        raise BadInput(
            f"The region {left}, {top}, {right}, {bottom} is no part of a picture of {size[0]} x {size[1]} pixels.",
            "Give left, top, right and bottom, in pixels of the upright picture.",
        )
