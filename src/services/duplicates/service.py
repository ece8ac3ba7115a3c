"""Groups of photos that are copies of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from src.database.catalog.catalog import Catalog
from src.database.catalog.duplicates import COMPARED, PRINTS
from src.errors import BadInput
from src.processing.duplicates.groups import linked
from src.schema import JobEvent, PhotoFilter
from src.schema.duplicates import LEVELS, DuplicateGroup, Level
from src.services.duplicates.comparing import Comparison, Decode, compare_pixels
from src.services.duplicates.grouping import Grouping
from src.services.duplicates.prints_pass import RECIPE, PrintsPass
from src.services.enrichment.passes import run
from src.services.library.service import LibraryService
from src.versioned_cache import Kept

_FULL = 1 << 20
"""Short side in pixels that no picture exceeds: none is decoded at a reduced size."""

_KEPT = 4
"""Lists of groups that are kept."""


class DuplicateService:
    """Finds copies, tells which belong together and which one to keep; what was decided is not asked again."""

    def __init__(self, catalog: Catalog, library: LibraryService, by_itself: bool = True) -> None:
        """by_itself: copies are looked for after photos were added, without anybody asking."""
        self._catalog = catalog
        self._library = library
        self._by_itself = by_itself
        self._grouped: Kept[list[DuplicateGroup]] = Kept(_KEPT)
        self._runs = 0

    # ------------------------------------------------------------ finding

    def waiting(self) -> int:
        """How many photos are still to be looked at or compared with the others.

        Raises ModelError where the model's weights are not here.
        """
        looked_at = self._catalog.looked_at
        return max(looked_at.number_pending(PRINTS, RECIPE), looked_at.number_pending(COMPARED, self.recipe()))

    def is_due(self) -> bool:
        """Whether photos are to be looked at now without anybody asking. Raises ModelError as above."""
        looked_at = self._catalog.looked_at
        return self._by_itself and (
            looked_at.any_pending(PRINTS, RECIPE) or looked_at.any_pending(COMPARED, self.recipe())
        )

    def find(self, careful: bool = False) -> Iterator[JobEvent]:
        """Look at photos that are new, and compare them with all others.

        careful: originals are decoded in a process of its own, as after a crash. Raises ModelError.
        """
        recipe = self.recipe()
        try:
            yield from run(PrintsPass(self._catalog, self._library), self._catalog.looked_at.pending(PRINTS, RECIPE))
            seen = self._catalog.looked_at.pending(COMPARED, recipe)
            decode = self._decoder(careful)
            yield from Comparison(self._catalog, self._library.collection(), seen, decode).run(recipe)
            yield from compare_pixels(self._catalog, decode)
        finally:
            self._runs += 1

    def recipe(self) -> str:
        """What photos are compared with: other vectors find other pairs."""
        return f"duplicates-1 of {RECIPE} in {self._library.collection()}"

    def _decoder(self, careful: bool) -> Decode:
        return lambda image_id: self._library.picture(image_id, _FULL, careful)

    # ------------------------------------------------------------ groups

    def groups(self, level: Level | None = None, only: PhotoFilter | None = None) -> list[DuplicateGroup]:
        """What is still to be decided, the strictest level first; in each group the file to keep comes first.

        level: files that are alike at that level or a stricter one, in groups that the stricter ones do not have.
        Without it: all levels, and every file but those to keep once, at its strictest. The one to keep stands for its
        group at the next level. only: photos that pass. Made once for each change. Raises BadInput for an unknown level
        or a filter that makes no sense.
        """
        if level is not None and level not in LEVELS:
            raise BadInput(f"{level!r} is no level.", f"Say {', '.join(LEVELS)}.")
        state = self._catalog.changes(), self._catalog.decisions.state(), self._runs, self._library.collection()
        return self._grouped.get((level, only), state, lambda: self._group(level, only))

    def _group(self, level: Level | None, only: PhotoFilter | None) -> list[DuplicateGroup]:
        grouping = Grouping(self._catalog, self._library, only)
        return grouping.at(level) if level else grouping.all()

    def same_as_earlier(self, image_ids: Sequence[str]) -> dict[str, str]:
        """Id -> the first of the list that shows the same picture, for those that one before them does.

        For lists of results: what is the same picture as an earlier result can be told as a "+3" on that one. Goes by
        what ``find`` has found, and not by what people said is different or to be shown apart.
        """
        decided = self._catalog.decisions.of(image_ids)
        links = {pair.ids for pair in self._catalog.duplicates.alike(image_ids)}
        links |= {pair for pair, decision in decided.items() if decision == "same" and pair[0] != pair[1]}
        links -= {pair for pair, decision in decided.items() if decision != "same"}
        like = linked(links)
        found: dict[str, str] = {}
        shown: dict[str, None] = {}
        for id_ in image_ids:
            first = next((other for other in shown if other in like.get(id_, ())), None) if id_ in like else None
            if first is not None and id_ not in shown:
                found[id_] = first
            else:
                shown[id_] = None
        return found
