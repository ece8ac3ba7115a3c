"""The map of the library: laid out when asked for, joined by new photos, coloured, and asked what lies where.

What is laid out are landmarks, photos spread evenly over the library; every other photo is placed by those that are
nearest to it. So a photo that is added joins the map without a new layout.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.errors import AppError, BadInput, NotNow
from src.models import label_bank
from src.schema import FloatArray, JobEvent, Progress
from src.schema.map import MapTold
from src.services.curation.labels import LabelService
from src.services.library.service import LibraryService
from src.services.map import area, colouring, kept, process
from src.services.map.colouring import Colouring
from src.services.map.geometry import NEAREST, Numbers, fitted, inside, nearest, placed, projection_of
from src.services.map.kept import Layout, Spots, as_bytes, as_ids
from src.services.map.naming import Namer
from src.services.map.process import Arrangement
from src.services.search.browsing import Listing, pack
from src.versioned_cache import Kept

LANDMARKS = 30_000
"""Photos that are laid out at most: by ``benchmarks.map``, what 100,000 photos leave time for on two cores."""
AT_ONCE = 5_000
"""New photos that join while a page waits; more join by the job that lays the map out."""
LAYING = 0.7
"""Share of the work that is done once the landmarks have their places."""
_COLOURINGS, _LISTINGS = 2 * len(colouring.BY), 4
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chart:
    """The photos of a map that can be seen now. ids: n, in the order of ``spots``. waiting: photos without a place."""

    version: str
    ids: tuple[str, ...]
    spots: Spots
    names: tuple[str, ...]
    landmarks: int
    waiting: int


class MapService:
    """Safe to use from several threads. writes: new places are kept in the library's folder."""

    def __init__(
        self, settings: Settings, catalog: Catalog, library: LibraryService, labels: LabelService, writes: bool = True
    ) -> None:
        self._folder = settings.maps_dir
        self._catalog = catalog
        self._library = library
        self._labels = labels
        self._writes = writes
        self._lock = threading.Lock()
        self._held: tuple[object, Layout] | None = None
        self._charts: Kept[Chart | None] = Kept(1)
        self._colourings: Kept[Colouring] = Kept(_COLOURINGS)
        self._listings: Kept[Listing] = Kept(_LISTINGS)
        self._middles: Kept[list[tuple[str, float, float]]] = Kept(1)

    def missing(self) -> AppError | None:
        """Why no map can be laid out here."""
        return process.missing()

    # ------------------------------------------------------------ laying out

    def lay_out(self) -> Iterator[JobEvent]:
        """Lay the library out anew. Raises AppError where that can't be done here, and NotNow without photos."""
        if absent := self.missing():
            raise absent
        yield Progress(0, None, "vectors", "Getting ready")
        collection = self._library.collection()
        namer = Namer(self._labels.bank())
        found = self._catalog.vectors.get_many(collection, self._landmark_ids(collection))
        if not found:
            raise NotNow("There is no photo to lay out.", "Add some first.")
        total = max(self._catalog.vectors.count(collection), len(found))
        vectors = np.stack(list(found.values()))
        laid: Layout | None = None
        for step in self._laid_out(list(found), vectors, namer):
            if isinstance(step, Layout):
                laid = step
            else:
                yield Progress(int(step * LAYING * total), total, "vectors", "Laying photos out")
        assert laid
        spots = []
        for done, some in self._all_placed(collection, laid, namer):
            spots.append(some)
            yield Progress(int((LAYING + (1 - LAYING) * done / total) * total), total, "vectors", "Placing all photos")
        self._keep(collection, replace(laid, spots=_joined(spots)))

    def _landmark_ids(self, collection: str) -> list[str]:
        ids = self._catalog.vectors.sample(collection, LANDMARKS)
        visible = self._catalog.visible(ids)
        return [one for one in ids if one in visible]

    def _laid_out(self, ids: Sequence[str], vectors: FloatArray, namer: Namer) -> Iterator[float | Layout]:
        """Landmarks, whose (m, D) vectors these are: how far it is, at last a layout that has no other photos."""
        projection = projection_of(vectors)
        points = projection.of(vectors)
        found: Arrangement | None = None
        for step in process.arranged(points):
            if isinstance(step, Arrangement):
                found = step
            else:
                yield step
        assert found
        names = namer.names(*_middles(vectors, found.groups)) if found.groups.max() >= 0 else []
        marks = Spots(as_bytes(ids), fitted(found.positions), found.groups, namer.words(vectors))
        yield Layout(projection, points, marks, tuple(names), label_bank.made_of(), marks)

    def _all_placed(self, collection: str, layout: Layout, namer: Namer) -> Iterator[tuple[int, Spots]]:
        """Every photo that can be found, some at a time, and how many they are so far."""
        own = {id_: at for at, id_ in enumerate(as_ids(layout.marks.ids))}
        done = 0
        for ids, vectors in self._catalog.vectors.blocks(collection):
            marks = [own[id_] for id_ in ids if id_ in own]
            others = np.array([at for at, id_ in enumerate(ids) if id_ not in own], np.int64)
            done += len(ids)
            yield done, _part(layout.marks, np.array(marks, np.int64))
            yield done, _spots([ids[at] for at in others], vectors[others], layout, namer)

    def _keep(self, collection: str, layout: Layout) -> None:
        """Raises AppError where the library's folder takes nothing."""
        file = self._file(collection)
        with self._lock:
            try:
                kept.save(layout, self._made_of(collection), file)
            except OSError as error:
                raise AppError(f"The map could not be kept ({error.strerror or error}).", "Make room first.") from error
            self._held = _state(file), layout

    def _file(self, collection: str) -> Path:
        return self._folder / f"{collection}.safetensors"

    @staticmethod
    def _made_of(collection: str) -> str:
        return f"{kept.RECIPE} of {collection}"

    # ------------------------------------------------------------ as it is now

    def chart(self) -> Chart | None:
        """The map with the photos that joined it since; None where none was laid out for the model in use.

        Raises ModelError where the model can't be used.
        """
        collection = self._library.collection()
        layout = self._layout(collection)
        if layout is None:
            return None
        state = self._catalog.changes(), _state(self._file(collection)), collection
        return self._charts.get("chart", state, lambda: self._made(collection))

    def _layout(self, collection: str) -> Layout | None:
        file = self._file(collection)
        with self._lock:
            state = _state(file)
            if self._held is None or self._held[0] != state:
                found = kept.read(file, self._made_of(collection))
                self._held = (state, found) if found else None
            return self._held[1] if self._held else None

    def _made(self, collection: str) -> Chart | None:
        version = self._catalog.changes()
        layout = self._layout(collection)
        if layout is None:
            return None
        visible = self._catalog.listing.ids(None, "added")
        at = {id_: number for number, id_ in enumerate(as_ids(layout.spots.ids))}
        new = self._catalog.encoded(collection, [id_ for id_ in visible if id_ not in at])
        some = [id_ for id_ in visible if id_ in new][:AT_ONCE] if new else []
        if some:
            layout = self._join(collection, layout, some)
            at = {id_: number for number, id_ in enumerate(as_ids(layout.spots.ids))}
        here = [id_ for id_ in visible if id_ in at]
        spots = _part(layout.spots, np.array([at[id_] for id_ in here], np.int64))
        said = f"{version:x}-{abs(hash(_state(self._file(collection)))):x}"
        return Chart(said, tuple(here), spots, layout.names, len(layout.marks), len(new) - len(some))

    def _join(self, collection: str, layout: Layout, ids: Sequence[str]) -> Layout:
        """Place new photos, and keep their places."""
        found = self._catalog.vectors.get_many(collection, ids)
        if not found:
            return layout
        namer = Namer(self._labels.bank())
        joined = layout.joined_by(_spots(list(found), np.stack(list(found.values())), layout, namer))
        if self._writes:
            try:
                self._keep(collection, joined)
            except AppError as error:  # they are placed again next time
                log.warning("%s", error)
        return joined

    # ------------------------------------------------------------ what a page shows of it

    def colouring(self, by: str) -> Colouring:
        """What the points are coloured by. Raises BadInput for anything but ``colouring.BY``, NotNow without a map."""
        if by not in colouring.BY:
            raise BadInput(f"A map is coloured by {', '.join(colouring.BY)}.")
        chart = self._there()
        return self._colourings.get(by, chart.version, lambda: self._coloured(by, chart))

    def _coloured(self, by: str, chart: Chart) -> Colouring:
        if by == "cluster":
            return colouring.clusters(chart.spots.groups, chart.names)
        if by == "label":
            return colouring.words(chart.spots.words)
        return colouring.of_catalogue(by, self._catalog, chart.ids)

    def told(self) -> MapTold | None:
        """None where there is no map. Raises ModelError."""
        chart = self.chart()
        if chart is None:
            return None
        found = self.colouring("cluster")
        clusters = tuple(zip(found.names, found.photos, strict=True))
        return MapTold(len(chart.ids), chart.landmarks, chart.waiting, clusters, len(chart.ids) - sum(found.photos))

    def places(self) -> list[tuple[str, float, float]]:
        """Of each cluster, the largest first, its name and where the middle of its points is. Raises NotNow."""
        chart, found = self._there(), self.colouring("cluster")
        if len(found.numbers) != len(chart.ids):  # it has changed in between
            return []
        return self._middles.get("places", chart.version, lambda: _where(found, chart.spots.positions))

    def packed(self, by: str) -> tuple[str, bytes]:
        """A name for what it is now, and the points: 25 bytes each, column after column, little-endian.

        float32 x, float32 y (to the right and upwards, -1..1), uint8 number of the colour, 16 bytes id. Raises as
        ``colouring``.
        """
        numbers = self.colouring(by).numbers
        chart = self._there()
        if len(numbers) != len(chart.ids):  # it has changed in between
            return self.packed(by)
        x, y = chart.spots.positions.astype("<f4").T
        ids = np.ascontiguousarray(chart.spots.ids)
        return f"{chart.version}-{by}", b"".join([x.tobytes(), y.tobytes(), numbers.tobytes(), ids.tobytes()])

    def listing(self, text: str) -> Listing:
        """The photos in a part of the map (``area.read``), the last taken first. Raises BadInput, and NotNow."""
        chart = self._there()
        return self._listings.get(text, chart.version, lambda: self._listing(chart, text))

    def _listing(self, chart: Chart, text: str) -> Listing:
        rows = self._catalog.browsing.of(self._within(chart, text))
        rows.sort(key=lambda row: (-row.day, row.id))
        return Listing(self._catalog.changes(), tuple(row.id for row in rows), pack(rows))

    def _within(self, chart: Chart, text: str) -> list[str]:
        part = area.read(text)
        if isinstance(part, area.Polygon):
            found = inside(part.corners, chart.spots.positions)
        else:
            coloured = self._coloured(part.by, chart)
            known = {name: number for number, name in enumerate(coloured.names, 1)}
            found = coloured.numbers == known[part.name] if part.name in known else np.zeros(len(chart.ids), np.bool_)
        return [chart.ids[at] for at in np.flatnonzero(found)]

    def _there(self) -> Chart:
        chart = self.chart()
        if chart is None:
            raise NotNow("There is no map of the library yet.", "Have it laid out on the page Map.")
        return chart


def _spots(ids: Sequence[str], vectors: FloatArray, layout: Layout, namer: Namer) -> Spots:
    """Photos placed by the landmarks that are nearest to them; each is in the group of the nearest."""
    if not ids:
        return _part(layout.marks, np.empty(0, np.int64))
    found, distances = nearest(layout.landmarks, layout.projection.of(vectors), NEAREST)
    positions = placed(layout.marks.positions, found, distances)
    return Spots(as_bytes(ids), positions, layout.marks.groups[found[:, 0]], namer.words(vectors))


def _part(spots: Spots, numbers: Numbers) -> Spots:
    return Spots(*(column[numbers] for column in vars(spots).values()))


def _joined(some: Sequence[Spots]) -> Spots:
    columns = zip(*(vars(one).values() for one in some), strict=True)
    return Spots(*(np.concatenate(column) for column in columns))


def _middles(vectors: FloatArray, groups: npt.NDArray[np.int16]) -> tuple[FloatArray, FloatArray]:
    """(k, D) middles of groups 0 to k - 1, and (D,) that of all, each of norm 1."""
    means = [vectors[groups == group].mean(axis=0) for group in range(groups.max() + 1)]
    found = np.stack([*means, vectors.mean(axis=0)])
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
    return found[:-1], found[-1]


def _where(found: Colouring, positions: FloatArray) -> list[tuple[str, float, float]]:
    """Of each value, its name and the middle of its points."""
    order = np.argsort(found.numbers, kind="stable")
    ends = np.searchsorted(found.numbers[order], np.arange(1, len(found.names) + 2))
    parts = [positions[order[begin:end]] for begin, end in itertools.pairwise(ends)]
    middles = [np.median(part, axis=0).tolist() for part in parts]
    return [(name, round(x, 4), round(y, 4)) for name, (x, y) in zip(found.names, middles, strict=True)]


def _state(file: Path) -> tuple[int, int]:
    """Another one after each writing of a file; zeros where there is none."""
    try:
        known = file.stat()
    except OSError:
        return 0, 0
    return known.st_mtime_ns, known.st_ino
