"""What is said to be in photos of the library: having them described, what was said, and what the user makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from src.database.catalog.catalog import Catalog
from src.database.catalog.descriptions import Described, Spent
from src.database.store import Store
from src.errors import BadInput
from src.schema import Finding, JobEvent, PhotoFilter
from src.schema.descriptions import Captioner
from src.services.enrichment.description_vectors import DescriptionVectors
from src.services.enrichment.descriptions_pass import AT_ONCE, DescriptionsPass, Limits
from src.services.library.service import LibraryService
from src.text import count


@dataclass(frozen=True)
class Estimate:
    """What it would take to have photos described.

    waiting: photos without a description. photos: of those, as many as the limits let through. seconds, money: of all
    of them, by what the same model's answers took in this library; None where that is not known yet.
    """

    waiting: int
    photos: int
    seconds: float | None
    money: float | None


class DescriptionService:
    """The descriptions of photos of the library."""

    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        library: LibraryService,
        vectors: DescriptionVectors,
        captioner: Callable[[str, str], Captioner],
    ) -> None:
        """captioner: makes what asks the server at a base URL for a model.; it alone knows the key."""
        self._catalog = catalog
        self._store = store
        self._library = library
        self._captioner = captioner
        self.vectors = vectors

    def of_photo(self, image_id: str) -> Described | None:
        """What is said of a photo; None where nobody said anything."""
        return self._catalog.descriptions.of_image(image_id)

    def said_of(self, image_id: str) -> Described | None:
        """The description of a photo that is there: None also where the user deleted it."""
        found = self.of_photo(image_id)
        return found if found and not found.deleted else None

    def count(self) -> int:
        """Photos that have a description."""
        return self._catalog.descriptions.count()

    def waiting(self) -> int:
        """Photos that have none, and whose description nobody deleted."""
        return self._catalog.descriptions.number_pending()

    def estimate(self, model: str, folders: Sequence[str] | None = None, limits: Limits = Limits()) -> Estimate:  # noqa: B008
        """What describing the photos of these folders, or all, would take. See ``Estimate``."""
        waiting = len(self._pending(folders, None)) if folders else self.waiting()
        known = self._catalog.descriptions.spent(model)
        photos = min(waiting, limits.photos) if limits.photos else waiting
        each = limits.cost(known.sent, known.received) / known.asked if known.asked else 0.0
        if limits.money and each:
            photos = min(photos, int(limits.money / each))
        seconds = photos * known.seconds / known.asked / AT_ONCE if known.asked else None
        return Estimate(waiting, photos, seconds, photos * each if each else None)

    def describe(
        self,
        base_url: str,
        model: str,
        folders: Sequence[str] | None = None,
        limits: Limits = Limits(),  # noqa: B008
        again: bool = False,
        since: str = "",
        careful: bool = False,
    ) -> Iterator[JobEvent]:
        """Have the photos described that are due: of these folders, or of the whole library.

        again: also those that another model described. since: when the job was asked for (UTC, ISO 8601): what it took
        before it was interrupted counts. careful: decode in a process of its own, as after a crash. Raises
        EndpointRefused, and BadInput for limits that can't be kept.
        """
        if limits.money and not (limits.price_in or limits.price_out):
            raise BadInput("A budget needs prices.", "Say what a million tokens cost, sent and received.")
        captioner = self._captioner(base_url, model)
        spent = self._catalog.descriptions.spent(captioner.model, since) if since else Spent()
        encode = self.vectors.encode
        work = DescriptionsPass(self._catalog, self._store, self._library, captioner, encode, limits, again, careful)
        yield from work.run(self._pending(folders, captioner.recipe if again else None), spent)
        yield from _told(work, limits)

    def _pending(self, folders: Sequence[str] | None, recipe: str | None) -> list[str]:
        filters = [PhotoFilter(folder) if folder else None for folder in folders or ("",)]
        return list(dict.fromkeys(id_ for only in filters for id_ in self._catalog.descriptions.pending(recipe, only)))


def _told(work: DescriptionsPass, limits: Limits) -> Iterator[Finding]:
    """What came of a pass, a sentence each."""
    spent = work.spent
    cost = limits.cost(spent.sent, spent.received)
    tokens = f"{spent.sent:,} tokens sent and {spent.received:,} received"
    money = f", {cost:,.4f} by the prices given" if cost else ""
    yield Finding("descriptions", f"{count(work.described, 'photo')} described; {tokens}{money}.", True)
    if work.failed:
        text = f"{count(work.failed, 'photo')} could not be described; the next run tries again."
        yield Finding("descriptions", text)
    if work.left:
        yield Finding("descriptions", f"Ended at the limit that was set; {count(work.left, 'photo')} left.", True)
