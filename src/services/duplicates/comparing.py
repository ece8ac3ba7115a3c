"""Comparing new photos with all others: which of them show the same picture.

    looks of all photos -> pairs worth comparing, by hash and by vector -> compared on their very small copies -> stored

Each photo is compared with all before it, once; a photo that was compared is not gone through again for those that
come later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from src import pixels
from src.database.catalog.catalog import Catalog
from src.database.catalog.duplicates import Alike, Look
from src.processing.duplicates.candidates import Half
from src.processing.duplicates.finder import Finder, Link
from src.processing.duplicates.pdq import BYTES, POOR, TURNS, undone
from src.processing.duplicates.prints import SIDE
from src.schema import JobEvent, Progress

BLOCK = 2_000
"""New photos that are compared, and stored, at a time."""
_TWINS = 20
"""Nearly empty pictures that look alike, with whose pixels those of the next are compared."""
EXACT = 0.97
"""Correlation of very small copies below which two pictures can't have the same pixels."""

Decode = Callable[[str], Image.Image | None]
"""Image id -> the picture at full size; None where none of its files can be read now."""


class Comparison:
    """One run: photos that were compared before, and new ones. Held in memory: 1.8 kB a photo and its vector."""

    def __init__(self, catalog: Catalog, collection: str, pending: Sequence[str], decode: Decode) -> None:
        """collection: of the vectors that are used. pending: ids of the photos that are to be compared."""
        self._catalog = catalog
        self._decode = decode
        new = set(pending)
        looks = [look for block in catalog.duplicates.looks() for look in block]
        self._looks = sorted(looks, key=lambda look: look.image_id in new)
        self._since = sum(look.image_id not in new for look in looks)
        self._place = {look.image_id: number for number, look in enumerate(self._looks)}
        self._hashes, self._vectors = self._read_hashes(), self._read_vectors(collection)
        self._usable = np.array([look.quality > POOR for look in self._looks], np.bool_)

    def run(self, recipe: str) -> Iterator[JobEvent]:
        """Compare what is new and store what was found, told after each block."""
        total = len(self._looks) - self._since
        yield Progress(0, total)
        if not total:
            return
        shapes = np.array([look.width / look.height for look in self._looks], np.float32)
        finder = Finder(self._hashes, self._usable, self._vectors, shapes, self._greys)
        plain = self._plain()
        for since in range(self._since, len(self._looks), BLOCK):
            until = min(since + BLOCK, len(self._looks))
            links = finder.links(since, until, self._known)
            found = [*map(self._alike, links), *self._twins(plain, since, until)]
            new = [look.image_id for look in self._looks[since:until]]
            self._catalog.duplicates.put_alike(recipe, new, found)
            yield Progress(until - self._since, total)

    def _read_hashes(self) -> npt.NDArray[np.uint8]:
        joined = b"".join(look.hashes for look in self._looks)
        return np.frombuffer(joined, np.uint8).reshape(len(self._looks), len(TURNS), BYTES)

    def _read_vectors(self, collection: str) -> Half:
        """(n, D), zeros for photos without one."""
        length = self._catalog.vectors.counters(collection).dimensions or 1
        vectors = np.zeros((len(self._looks), length), np.float16)
        for block in self._catalog.vectors.rows(collection, hidden=True):
            places = np.array([self._place.get(id_, -1) for id_ in block.ids])
            vectors[places[places >= 0]] = block.half[places >= 0]
        return vectors

    # ------------------------------------------------------------ what pairs are

    def _known(self, numbers: Sequence[int]) -> list[Link]:
        """Links of these pictures that were found before."""
        pairs = self._catalog.duplicates.alike([self._looks[number].image_id for number in numbers])
        there = [pair for pair in pairs if pair.first in self._place and pair.second in self._place]
        return [self._link(pair, self._place[pair.first], self._place[pair.second]) for pair in there]

    def _greys(self, numbers: npt.NDArray[np.int64]) -> dict[int, npt.NDArray[np.uint8]]:
        found = self._catalog.duplicates.greys([self._looks[number].image_id for number in numbers])
        return {self._place[id_]: np.frombuffer(grey, np.uint8).reshape(SIDE, SIDE) for id_, grey in found.items()}

    def _alike(self, link: Link) -> Alike:
        """With the lower id first."""
        one, other = self._looks[link.first].image_id, self._looks[link.second].image_id
        if one < other:
            return Alike(one, other, link.turn, link.share, link.match)
        return Alike(other, one, undone(link.turn), 1 / link.share, link.match)

    @staticmethod
    def _link(pair: Alike, first: int, second: int) -> Link:
        """With the lower number first."""
        if first < second:
            return Link(first, second, pair.turn, pair.share, pair.match)
        return Link(second, first, undone(pair.turn), 1 / pair.share, pair.match)

    # ------------------------------------------------------------ plain pictures

    def _plain(self) -> dict[int, tuple[bytes, int, int]]:
        """Number of each picture that is nearly empty -> what others with its pixels have too; looks tell no more."""
        numbers = np.flatnonzero(~self._usable)
        greys = self._greys(numbers)
        return {number: (grey.tobytes(), *_size(self._looks[number])) for number, grey in greys.items()}

    def _twins(self, plain: Mapping[int, tuple[bytes, int, int]], since: int, until: int) -> Iterator[Alike]:
        """New pictures that are nearly empty, each with the first one that has the same pixels."""
        same: dict[object, list[int]] = {}
        for number in sorted(plain):
            before = same.setdefault(plain[number], [])
            if since <= number < until:
                digests = self._digests([*before, number]) if before else {}
                like = next((other for other in before if digests.get(other) == digests.get(number)), None)
                if like is not None and number in digests:
                    yield self._alike(Link(like, number, 0, 1.0, 1.0))
                    continue
            if len(before) < _TWINS:
                before.append(number)

    def _digests(self, numbers: Sequence[int]) -> dict[int, bytes]:
        ids = [self._looks[number].image_id for number in numbers]
        return {self._place[id_]: digest for id_, digest in digests_of(self._catalog, ids, self._decode).items()}


def _size(look: Look) -> tuple[int, int]:
    return look.width, look.height


# ---------------------------------------------------------------- every pixel


def compare_pixels(catalog: Catalog, decode: Decode) -> Iterator[JobEvent]:
    """Decode pictures that may have the same pixels in full, once, and note what they are."""
    pairs = [pair for pair in catalog.duplicates.alike() if pair.turn == 0 and pair.share == 1 and pair.match >= EXACT]
    copies = catalog.duplicates.copies([id_ for pair in pairs for id_ in pair.ids])
    same = [pair for pair in pairs if len({(copies[id_].width, copies[id_].height) for id_ in pair.ids}) == 1]
    ids = sorted({id_ for pair in same for id_ in pair.ids})
    todo = sorted(set(ids) - set(catalog.duplicates.pixels_of(ids)))
    for done, image_id in enumerate(todo):
        yield Progress(done, len(todo), current=image_id)
        digests_of(catalog, [image_id], decode)
    yield Progress(len(todo), len(todo))


def digests_of(catalog: Catalog, image_ids: Sequence[str], decode: Decode) -> dict[str, bytes]:
    """Image id -> BLAKE2 of size and upright RGB pixels, of those whose files can be read; remembered."""
    known = catalog.duplicates.pixels_of(image_ids)
    new: dict[str, bytes] = {}
    for image_id in image_ids:
        picture = None if image_id in known else decode(image_id)
        if picture is not None:
            new[image_id] = pixels.digest(picture)
    if new:
        catalog.duplicates.put_pixels(new)
    return known | new
