"""The spaces that the library has vectors of its photos in: its models', and those that were made elsewhere.

A space is vectors of whole photos that are compared with one another and with no others. It goes by the id of the model
that made them, or by the name that they were given when they were taken over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from src.database.catalog.catalog import Catalog
from src.database.catalog.kinds import IMAGE
from src.database.embeddings import IMPORTED, library_collection
from src.database.store import Store
from src.errors import BadInput, ModelError, NotFound
from src.models import looking
from src.models.looking import Looker
from src.models.model_manager import ModelManager
from src.schema import Finding, JobEvent
from src.schema.library import Space
from src.services.enrichment.features_pass import FeaturesPass
from src.services.enrichment.passes import run
from src.services.library.service import LibraryService
from src.text import count

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


class SpaceService:
    """Which spaces there are, and making, finding and removing one."""

    def __init__(self, catalog: Catalog, store: Store, models: ModelManager, library: LibraryService) -> None:
        self._catalog = catalog
        self._store = store
        self._models = models
        self._library = library

    # ------------------------------------------------------------ which there are

    def all(self) -> list[Space]:
        """Those with vectors: the models' in the order in which these are offered, then the imported ones by name."""
        known = {self.collection(name): name for name in looking.names() if self._here(name)}
        found = [
            self._space(known.get(one.name) or one.name.removeprefix(IMPORTED), one.name, one.dimensions)
            for one in self._catalog.vectors.all()
            if one.owner == "library" and one.kind == IMAGE and (one.name in known or one.name.startswith(IMPORTED))
        ]
        order = list(looking.names())
        found.sort(key=lambda space: (space.imported, "" if space.imported else order.index(space.name), space.name))
        return [space for space in found if self._catalog.vectors.count_all(space.collection)]

    def find(self, name: str) -> Space:
        """The space of that name; a model's without vectors has none yet. Raises NotFound, which names those there are,
        WeightsMissing.
        """
        there = {space.name: space for space in self.all()}
        if name in there:
            return there[name]
        if name in looking.names():
            return self._space(name, self.collection(name), 0)
        others = ", ".join(there) or "none yet"
        raise NotFound(
            f"There is no space {name!r:.80} in the library.", f"`spaces` lists those that there are: {others}."
        )

    def collection(self, name: str) -> str:
        """Of the vectors of whole photos by a model. Raises UnknownModel, WeightsMissing."""
        return library_collection(looking.space_of(self._models, name))

    def is_due(self, name: str) -> bool:
        """Whether photos have vectors by that model, so that new ones are to get theirs, and some have none yet.

        Told by numbers that are kept: this is asked after every job.
        """
        if not self._here(name) or not self._catalog.vectors.count_all(collection := self.collection(name)):
            return False
        return self._catalog.vectors.count(collection) < self._catalog.listing.number(None)

    def check_new(self, name: str) -> str:
        """Name of the collection for vectors made elsewhere. Raises BadInput for a name that can't be had."""
        if not _NAME.fullmatch(name):
            raise BadInput(
                f"{name!r:.80} can't name a space.", "Use up to 64 letters, digits, dots, dashes and underscores."
            )
        if name in looking.names():
            raise BadInput(f"{name} is a model of this program.", "Choose another name.")
        return IMPORTED + name

    def _here(self, name: str) -> bool:
        try:
            looking.space_of(self._models, name)
        except ModelError:
            return False
        return True

    def _space(self, name: str, collection: str, dimensions: int | None) -> Space:
        photos = self._catalog.vectors.count(collection)
        active = name == self._library.active_model
        return Space(name, collection, dimensions or 0, photos, collection.startswith(IMPORTED), active)

    # ------------------------------------------------------------ making and removing

    def pending(self, name: str, images: Sequence[str] | None = None) -> list[str]:
        """Ids of photos that have no vector by a model yet: of these, or of all.

        Raises UnknownModel, WeightsMissing.
        """
        without = self._catalog.without_vector(self.collection(name))
        wanted = None if images is None else set(images)
        return [id_ for id_ in without if wanted is None or id_ in wanted]

    def make(self, name: str, images: Sequence[str] | None = None, careful: bool = False) -> Iterator[JobEvent]:
        """Make the vectors that photos have not by a model: of these photos, or of all.

        careful: decode in a process of its own, as after a crash. Raises UnknownModel, WeightsMissing.
        """
        model = looking.looker(self._models, name)
        work = FeaturesPass(self._catalog, self._store, self._library, model, library_collection(model.space), careful)
        yield from run(work, self.pending(name, images))
        yield Finding("features", f"{count(work.stored, 'photo')} got a vector by {name}.")

    def looker(self, name: str) -> Looker:
        """The model of a space, for pictures that are in no library. Raises UnknownModel, WeightsMissing."""
        return looking.looker(self._models, name)

    def check_model(self, name: str) -> None:
        """Raise NotFound where no model of that id makes vectors of pictures, WeightsMissing where it is not here."""
        if name not in looking.names():
            raise NotFound(
                f"There is no model {name!r:.80} that makes vectors.", f"There are: {', '.join(looking.names())}."
            )
        looking.looker(self._models, name)

    def remove(self, name: str) -> int:
        """Forget a space with its vectors, and return their number; the photos stay.

        Raises NotFound, and BadInput for that of the model in use.
        """
        space = self.find(name)
        if space.active:
            raise BadInput(f"The library is searched by the vectors of {name}.", "Switch to another model first.")
        number = self._catalog.vectors.count_all(space.collection)
        self._store.drop(space.collection)
        return number
