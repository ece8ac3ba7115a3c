"""The pass that has photos described by a server: two at a time, each answer stored as it comes.

An answer may cost money, so none is asked for twice: copies of a picture, which are known by their pixels, share one,
and what was answered is stored before anything else is done, also where the pass is stopped meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace

from PIL import Image

from src import pixels
from src.database.catalog.catalog import Catalog
from src.database.catalog.descriptions import DescriptionRow, Spent, bounded
from src.database.catalog.sqlite_file import now
from src.database.store import Store
from src.errors import AppError, BadInput, ModelError, NotDescribed
from src.schema import FloatArray, Indexed, JobEvent, Progress, Skipped
from src.schema.descriptions import Captioner
from src.services.library.service import LibraryService

log = logging.getLogger(__name__)
AT_ONCE = 2
"""Pictures that a server is asked about at the same time."""
TELL_SECONDS = 0.5
"""While nothing is answered, the job is told of after this long, so that it can be stopped."""
END_SECONDS = 4.0
"""So long answers that were asked for are waited for when the pass is stopped, before they are given up."""
SIDE = 768
"""Short side in pixels to which a picture is decoded at least: more is of no use to the models that describe."""
PER = 1_000_000
"""Tokens that prices are of."""


@dataclass(frozen=True)
class Limits:
    """What a pass may cost. photos: most that are described; money: most that it costs; 0: no limit.

    price_in, price_out: of a million tokens sent and received.
    """

    photos: int = 0
    money: float = 0.0
    price_in: float = 0.0
    price_out: float = 0.0

    def cost(self, sent: int, received: int) -> float:
        return (sent * self.price_in + received * self.price_out) / PER


@dataclass(frozen=True)
class Asked:
    """What came of one photo: its row, or why there is none."""

    image_id: str
    name: str
    row: DescriptionRow | None = None
    reason: str = ""
    failed: NotDescribed | None = None
    """The server gave no usable answer; else its file could not be read."""


class DescriptionsPass:
    """One pass over photos, with one captioner."""

    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        library: LibraryService,
        captioner: Captioner,
        encode: Callable[[Sequence[str]], FloatArray],
        limits: Limits,
        again: bool = False,
        careful: bool = False,
    ) -> None:
        """again: of copies, only those that this recipe described count. careful: see ``LibraryService.picture``."""
        self._catalog = catalog
        self._store = store
        self._library = library
        self._captioner = captioner
        self._encode = encode
        self._limits = limits
        self._recipe = captioner.recipe if again else None
        self._careful = careful
        self._halted = threading.Event()
        self._lock = threading.Lock()
        self._by_pixels: dict[bytes, Future[DescriptionRow]] = {}
        """Asked about now: what is asked about another copy waits for the answer."""
        before = catalog.descriptions.spent(captioner.model)
        self._dearest = limits.cost(before.sent, before.received) / max(1, before.asked)
        """What an answer is expected to cost at most; 0 where nothing is known of it."""
        self.spent = Spent()
        self.described = self.failed = self.left = 0
        """Photos that were stored, that there was no usable answer for, and that a limit left undone."""

    def run(self, todo: Sequence[str], spent: Spent) -> Iterator[JobEvent]:
        """Describe photos (ids), each told of once it was stored. Closing the iterator stops; what was asked is stored.

        spent: what the same job took before it was interrupted. Raises EndpointRefused, and BadInput where a budget
        can't be kept.
        """
        self.spent = spent
        done, left, running = 0, list(reversed(todo)), set[Future[Asked]]()
        yield Progress(0, len(todo))
        pool = ThreadPoolExecutor(AT_ONCE, "describe")
        try:
            while True:
                while left and len(running) < AT_ONCE and self._may_ask(len(running)):
                    running.add(pool.submit(self._look, left.pop()))
                if not running:
                    break
                for asked in wait(running, TELL_SECONDS, FIRST_COMPLETED).done:
                    running.discard(asked)
                    done += 1
                    yield self._stored(asked.result())
                yield Progress(done, len(todo))  # here a job may be stopped
        finally:
            wait(running, END_SECONDS)  # answers on their way may have been paid for
            self._halted.set()
            pool.shutdown(wait=True)
            self._keep(running)
        self.left = len(left)

    def _may_ask(self, running: int) -> bool:
        """Whether one more answer is within the limits, with those that are waited for.

        Until it is known what an answer costs, one is waited for before the next is asked for.
        """
        limits, spent = self._limits, self.spent
        if limits.photos and spent.asked + running >= limits.photos:
            return False
        if not limits.money:
            return True
        so_far = limits.cost(spent.sent, spent.received)
        return so_far + (running + 1) * self._dearest <= limits.money if self._dearest else not running

    def _look(self, image_id: str) -> Asked:
        """One photo's description, from a copy of it that was described before, or from the server."""
        shown = self._catalog.shown([image_id]).get(image_id)
        name = shown.name if shown else image_id
        image = self._library.picture(image_id, SIDE, self._careful)
        if image is None:
            return Asked(image_id, name, reason="Its file can't be read now.")
        try:
            row = self._of_pixels(pixels.digest(image), image)
        except NotDescribed as error:
            return Asked(image_id, name, reason=str(error), failed=error)
        return Asked(image_id, name, replace(row, image_id=image_id))

    def _of_pixels(self, digest: bytes, image: Image.Image) -> DescriptionRow:
        """What is said of these pixels; the server is asked once for all copies. Raises what the captioner raises."""
        with self._lock:
            other = self._by_pixels.get(digest)
            known = None if other else self._catalog.descriptions.of_pixels(digest, self._recipe)
            if not other and not known:
                self._by_pixels[digest] = own = Future[DescriptionRow]()
        if other:
            return _of_copy(other)
        if known:
            return DescriptionRow("", known.description, known.model, known.recipe, digest)
        try:
            own.set_result(self._answer(digest, image))
        except BaseException as error:
            own.set_exception(error)
            raise
        return own.result()

    def _answer(self, digest: bytes, image: Image.Image) -> DescriptionRow:
        started = time.monotonic()
        answer = self._captioner.describe(image, self._halted.is_set)
        said, took = bounded(answer.description), round(time.monotonic() - started, 3)
        if not said.text:
            raise NotDescribed("The server described nothing in this picture.", "", answer.sent, answer.received)
        model, recipe = self._captioner.model, self._captioner.recipe
        return DescriptionRow("", said, model, recipe, digest, now(), took, answer.sent, answer.received)

    def _stored(self, asked: Asked) -> JobEvent:
        """What is to be told of a photo, once it was stored."""
        row = asked.row
        if row is None:
            if asked.failed:
                self.failed += 1
                self._count(0.0, asked.failed.sent, asked.failed.received)
            return Skipped(asked.name, asked.reason)
        stored = self._store.put_descriptions([row], self._vectors(row))
        self.described += len(stored)
        if row.answered_at:
            with self._lock:
                self._by_pixels.pop(row.pixels or b"", None)
            self._count(row.seconds, row.sent, row.received)
            self._needs_tokens()
        return Indexed(asked.image_id, asked.name) if stored else Skipped(asked.name, "It was changed meanwhile.")

    def _vectors(self, row: DescriptionRow) -> dict[str, FloatArray]:
        """Where the model that makes them can't be used, they are made later: what was answered is stored."""
        with suppress(ModelError):
            return {row.image_id: self._encode([row.description.text])[0]}
        return {}

    def _count(self, seconds: float, sent: int, received: int) -> None:
        """What an answer took, also one that was of no use."""
        spent = self.spent
        numbers = spent.seconds + seconds, spent.sent + sent, spent.received + received
        self.spent = Spent(spent.asked + 1, *numbers)
        self._dearest = max(self._dearest, self._limits.cost(sent, received))

    def _needs_tokens(self) -> None:
        """Raises BadInput where it is not told what an answer cost, and there is a budget."""
        if self._limits.money and not self._dearest:
            raise BadInput(
                "The server does not tell how many tokens its answers count for, so no budget can be kept.",
                "Limit the number of photos instead.",
            )

    def _keep(self, running: set[Future[Asked]]) -> None:
        """Store what was still asked about when the pass was stopped."""
        for asked in running:
            try:
                self._stored(asked.result())
            except AppError as error:  # the pass is being left: by a cancel, or by an error of its own
                log.info("a photo was not described at the end: %s", error)


def _of_copy(other: Future[DescriptionRow]) -> DescriptionRow:
    """What is said of a copy that is asked about now; it counts once. Raises NotDescribed."""
    try:
        return replace(other.result(), answered_at=None, seconds=0.0, sent=0, received=0)
    except NotDescribed as error:
        raise NotDescribed(error.user_message, error.hint) from error
