"""Search latency against library size: python -m benchmarks.search [--sizes 1000 10000 100000] [--libraries FOLDER]
[--json] [--quick]

Made-up libraries (``benchmarks.synthetic``) are searched through the product's own services: encode the words, find the
nearest of the library, look up the facts of 20 hits. Without a filter, and with spans of days that keep 0.1, 1, 10 and
50 % of the photos; beside them ``album``, a folder whose photos have nothing to do with the query (a hard case for an
approximate index), and ``everything``, a folder that all photos are in. Every search has words, and a filter, of its
own, so that nothing can answer from a cache.

In most sets a query is drawn as the photos are, which is how an example picture lies to them. Words lie elsewhere: in
``text-512``, which searches the library of ``clustered-512``, queries have a direction of their own in common that no
photo has, and a cosine of about 0.25 to what they mean, as with CLIP. An index built for photos finds less of those, so
recall is told for them too.

The vectors are made up, so no model knows them. The embedder therefore runs a real text tower on the words (ViT-B/32
with random weights for 512 dimensions, the built-in model for 768), for what that costs, and then gives the made-up
query vector that was prepared for them.

In ``alike-512``, which has 44,000 photos whatever sizes are asked for (fewer are answered exactly), ten of eleven are
nearly alike (a cosine over 0.999, every fourth an exact copy), which leaves others out of the reach of an index;
queries are drawn like the others.

Recall@10 is measured against an exact scan done here with NumPy, over the vectors as the catalogue stores them. Peers
answer the same queries in the same run, in turn with ours, from the query vector on, so they compare with our
``vectors_*`` figures: NumPy with all vectors in memory as float32 (``numpy``), and every vector read from a SQLite
table at each query (``sqlite``, as rclip does; up to 100,000). Opening again (``reopen_s``) is from nothing to the
first answer among vectors, with the files in the system's cache.

Each library has a fresh process, so that one's memory is not another's. The table goes to standard error; with
``--json`` the last line of standard output is one object.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import command, machine, random_clip, synthetic
from benchmarks.synthetic import BLOCK, DAYS, Drawer, Shape
from src.bootstrap import build_services
from src.config import PROJECT_DIR, Settings
from src.database.catalog.vector_codec import restored
from src.database.vector_db import VectorDatabase
from src.models import query_bank, registry
from src.models.model_manager import LoadedModel, ModelManager
from src.models.query_bank import QueryBank
from src.runtime import Services
from src.schema import FloatArray, PhotoFilter
from src.services.search.service import Query

SPANS = {"0.1%": 1, "1%": 10, "10%": 100, "50%": 500}
"""Days of ``DAYS`` that a filter keeps."""
NONE, ALBUM, EVERYTHING = "none", "album", "everything"
LIMIT, TOP = 20, 10
ROUNDS, QUERIES, QUICK_QUERIES = 5, 200, 60
SQLITE_MOST, FEW_QUERIES = 100_000, 25
"""Photos up to which the peer with the table runs; queries that it, and with more photos NumPy too, answers: seconds
each.
"""
SIZES, QUICK_SIZES = (1_000, 10_000, 100_000), (1_000, 10_000)
SETS = ("clustered-512", "text-512", "clustered-768", "random-512", "alike-512")
ALIKE = 44_000
"""Photos of ``alike-512``: the least of a few for which the product asks the index."""
RANDOM_MOST = 100_000
"""Vectors without structure up to which it is worth the hour that their index takes."""
SUBJECTS = (
    "a brown dog",
    "two children",
    "an old car",
    "a red boat",
    "my sister",
    "a black cat",
    "some flowers",
    "a birthday cake",
)
PLACES = ("on a beach", "in the snow", "at night", "in front of a house", "under a tree")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Filter:
    """What one search may find: photos of these days, or of the album of this cluster."""

    first_day: int | None = None
    days: int = 0
    cluster: int | None = None
    everything: bool = False

    def wanted(self) -> PhotoFilter | None:
        """As the product is asked for it."""
        if self.first_day is not None:
            since, until = (synthetic.FIRST_DAY + timedelta(self.first_day + more) for more in (0, self.days - 1))
            return PhotoFilter(since=since.date().isoformat(), until=until.date().isoformat())
        if self.cluster is not None:
            return PhotoFilter(folder=synthetic.album(self.cluster))
        return PhotoFilter(folder="/made-up") if self.everything else None

    def keeps(self, days: NDArray[np.int64], clusters: NDArray[np.int64]) -> Mask:
        """Which photos pass."""
        if self.first_day is not None:
            return (days >= self.first_day) & (days < self.first_day + self.days)
        if self.cluster is not None:
            return np.asarray(clusters // 10 == self.cluster // 10)
        return np.ones(len(days), bool)


@dataclass
class Answers:
    """What was measured of one kind of filter. Seconds, and ids found, by query."""

    full: list[float] = field(default_factory=list)
    encode: list[float] = field(default_factory=list)
    vectors: list[float] = field(default_factory=list)
    rest: list[float] = field(default_factory=list)
    """Facts of the hits, and of a filter how many photos pass."""
    numpy: list[float] = field(default_factory=list)
    sqlite: list[float] = field(default_factory=list)
    found: dict[int, list[str]] = field(default_factory=dict)


class PreparedEmbedder:
    """Runs a real text tower and then gives a prepared vector for the words; says how long the tower took."""

    def __init__(self, inner: LoadedModel, vectors: FloatArray) -> None:
        self.model_id, self.min_side, self.space = inner.model_id, inner.min_side, Shape(0).space
        self.dimensions = vectors.shape[1]
        self.seconds: list[float] = []
        self._inner, self._vectors = inner, vectors

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        started = time.perf_counter()
        self._inner.encode_texts(texts)
        self.seconds.append(time.perf_counter() - started)
        return np.stack([self._vectors[number_of(text)] for text in texts])

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        return self._inner.encode_pixels(pixels)

    def preprocess(self, image: Image.Image) -> FloatArray:
        return self._inner.preprocess(image)

    def unload(self, idle: float = 0.0) -> None:
        self._inner.unload(idle)


def words(number: int, kind: str) -> str:
    """Of a query: as long as people's are, distinct for each number and kind of filter, and ending in the number."""
    return f"{SUBJECTS[number % len(SUBJECTS)]} {PLACES[number % len(PLACES)]} {kind.rstrip('%')} {number}"


def number_of(text: str) -> int:
    return int(text.rsplit(" ", 1)[1])


class Measurement:
    """One library, opened by the product, and the figures of it."""

    def __init__(self, shape: Shape, libraries: Path, queries: int, like: str = "photos") -> None:
        """like: what the queries resemble, ``photos`` or ``texts``."""
        self.shape, self.queries = shape, synthetic.queries(shape, queries, like)
        self._home = synthetic.library(shape, libraries)
        self._weights = libraries / "weights"
        self._dice = np.random.default_rng(2)
        self.filters = {
            kind: [self._filter(kind) for _ in range(queries)] for kind in (NONE, *SPANS, ALBUM, EVERYTHING)
        }
        self.answers = {kind: Answers() for kind in self.filters}

    def _filter(self, kind: str) -> Filter:
        if kind in SPANS:
            return Filter(first_day=int(self._dice.integers(0, DAYS - SPANS[kind] + 1)), days=SPANS[kind])
        if kind == ALBUM:
            return Filter(cluster=int(self._dice.integers(0, Drawer(self.shape).clusters)))
        return Filter(everything=kind == EVERYTHING)

    def run(self) -> dict[str, Any]:
        """Open, search, compare; every figure of this library."""
        models = self._models()
        services, opened = self._open(models)
        try:
            self._search(services, NONE, 0)  # loads the text tower
            opened["resident_mb"] = _rounded(machine.resident_mb())
            self.answers[NONE] = Answers()
            stored = Stored(self.shape)
            opened["disk_mb"] = round(
                sum(file.stat().st_size for file in self._home.rglob("*") if file.is_file()) / 1e6
            )
            with tempfile.TemporaryDirectory() as folder:
                self._rounds(services, stored, Path(folder))
            return {**self._figures(stored.truth(self.queries, self.filters)), **opened, "queries": len(self.queries)}
        finally:
            services.close()

    def _models(self) -> ModelManager:
        settings = Settings(home=self._home)
        if self.shape.dimensions == random_clip.TEXT.dimensions:
            inner, model = random_clip.models(settings, self._weights).embedder(), registry.DEFAULT_CLIP
        else:
            inner, model = ModelManager(registry.BUILTIN, settings).embedder(), registry.BUILTIN
        self.embedder = PreparedEmbedder(inner, self.queries)
        return _Prepared(model, settings, self.embedder)

    def _open(self, models: ModelManager) -> tuple[Services, dict[str, Any]]:
        """Services, and how long it took until the library answered, without the model."""
        started = time.perf_counter()
        services = build_services(Settings(home=self._home), models=models)
        in_step = services.store.index.open(self.shape.collection)
        services.store.search(self.shape.collection, self.queries[:1], LIMIT)
        seconds = time.perf_counter() - started
        if not in_step:
            services.close()
            raise RuntimeError(f"the index of {self.shape.name} is not what the catalogue holds")
        self._watch(services)
        return services, {"reopen_s": round(seconds, 2)}

    def _watch(self, services: Services) -> None:
        """Note from now on how long the search among vectors takes."""
        search = services.store.search
        self._vector_seconds = 0.0

        def timed(*arguments: Any, **more: Any) -> Any:
            started = time.perf_counter()
            found = search(*arguments, **more)
            self._vector_seconds = time.perf_counter() - started
            return found

        services.store.search = timed  # type: ignore[method-assign]

    def _rounds(self, services: Services, stored: Stored, folder: Path) -> None:
        """Every kind of filter and every peer in turn, five times, a fifth of the queries each time."""
        table = (
            SqliteScan(folder / "peer.sqlite3", stored)
            if stored.size <= SQLITE_MOST and stored.matrix is not None
            else None
        )
        each = -(-len(self.queries) // ROUNDS)
        for start in range(0, len(self.queries), each):
            numbers = range(start, min(start + each, len(self.queries)))
            peers = numbers[: None if stored.size <= SQLITE_MOST else -(-FEW_QUERIES // ROUNDS)]
            for kind in self.filters:
                for number in numbers:
                    self._search(services, kind, number)
                for number in peers if stored.matrix is not None else ():
                    self.answers[kind].numpy.append(
                        _seconds(partial(stored.nearest, self.queries[number], self.filters[kind][number]))
                    )
            if table:
                asked = numbers[: -(-FEW_QUERIES // ROUNDS)]
                self.answers[NONE].sqlite += [
                    _seconds(partial(table.nearest, self.queries[number])) for number in asked
                ]
        if table:
            table.close()

    def _search(self, services: Services, kind: str, number: int) -> None:
        answers, encoded = self.answers[kind], len(self.embedder.seconds)
        query, only = Query(words(number, kind)), self.filters[kind][number].wanted()
        started = time.perf_counter()
        page = services.search.search(query, LIMIT, only=only)
        answers.full.append(time.perf_counter() - started)
        if len(self.embedder.seconds) != encoded + 1:
            raise RuntimeError("the words were not encoded: some cache answered")
        answers.encode.append(self.embedder.seconds[-1])
        answers.vectors.append(self._vector_seconds)
        answers.rest.append(answers.full[-1] - answers.encode[-1] - answers.vectors[-1])
        answers.found[number] = [hit.id for hit in page.hits]

    def _figures(self, truth: dict[str, list[list[int]]]) -> dict[str, Any]:
        filters = {}
        for kind, answers in self.answers.items():
            figures = {**machine.percentiles(answers.full), "recall": recall(answers.found, truth[kind])}
            for part in ("encode", "vectors", "rest", "numpy", "sqlite"):
                if times := getattr(answers, part):
                    figures |= {f"{part}_{name}": value for name, value in machine.percentiles(times).items()}
            rounds = [machine.median(part.tolist()) for part in np.array_split(answers.full, ROUNDS)]
            filters[kind] = {**figures, "spread": machine.spread(rounds)}
        return {"filters": filters}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class _Prepared(ModelManager):
    """Gives one embedder for every model."""

    def __init__(self, model: str, settings: Settings, embedder: PreparedEmbedder) -> None:
        super().__init__(model, settings)
        self._embedder = embedder

    def embedder(self, model_id: str | None = None) -> LoadedModel:
        return self._embedder

    def query_bank(self, model_id: str) -> QueryBank:
        """As many queries as the real one has, in any directions: what hits are judged by costs the same."""
        drawn = np.random.default_rng(0).normal(size=(len(query_bank.texts("nothing")), self._embedder.dimensions))
        nothing = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
        return QueryBank(nothing, np.zeros(self._embedder.dimensions, np.float32), 0.0)


class Stored:
    """The library's vectors once more, rounded as the catalogue rounds them; in memory where that has room, for the
    peers.
    """

    def __init__(self, shape: Shape) -> None:
        self.size, self._shape = shape.size, shape
        self._days = np.array([synthetic.day(number) for number in range(shape.size)])
        self._clusters = np.empty(shape.size, np.int64)
        room = machine.available_mb()
        fits = room is None or room * 1e6 > 2.0 * shape.size * shape.dimensions * 4
        self.matrix: FloatArray | None = np.empty((shape.size, shape.dimensions), np.float32) if fits else None
        for start, vectors, clusters in self._blocks():
            self._clusters[start : start + len(clusters)] = clusters
            if self.matrix is not None:
                self.matrix[start : start + len(clusters)] = vectors

    def _blocks(self) -> Iterator[tuple[int, FloatArray, NDArray[np.int64]]]:
        drawer = Drawer(self._shape)
        for start in range(0, self.size, BLOCK):
            vectors, clusters = drawer.block(start, min(BLOCK, self.size - start))
            yield start, restored(vectors.astype(np.float16)), clusters

    def _rows(self) -> Iterator[tuple[int, FloatArray]]:
        """All vectors in blocks, and where each begins: from memory, or drawn again."""
        if self.matrix is None:
            yield from ((start, vectors) for start, vectors, _ in self._blocks())
        else:
            yield from ((start, self.matrix[start : start + BLOCK]) for start in range(0, self.size, BLOCK))

    def nearest(self, query: FloatArray, only: Filter) -> list[int]:
        """The peer: one matrix product over all rows in memory, or over those that pass."""
        assert self.matrix is not None
        if only.first_day is None and only.cluster is None:
            return [int(row) for row in best(self.matrix @ query, LIMIT)]
        rows = np.flatnonzero(only.keeps(self._days, self._clusters))
        return [int(row) for row in rows[best(self.matrix[rows] @ query, LIMIT)]]

    def truth(self, queries: FloatArray, filters: dict[str, list[Filter]]) -> dict[str, list[list[int]]]:
        """The right ten of each query, by kind of filter, best first; fewer where fewer pass."""
        top: dict[str, list[tuple[FloatArray, NDArray[np.int64]]]] = {
            kind: [(np.empty(0, np.float32), np.empty(0, np.int64)) for _ in queries] for kind in filters
        }
        for start, vectors in self._rows():
            scores = queries @ vectors.T
            part = slice(start, start + len(vectors))
            for kind, wanted in filters.items():
                for number, only in enumerate(wanted):
                    rows = np.flatnonzero(only.keeps(self._days[part], self._clusters[part]))
                    rows = rows[best(scores[number, rows], TOP)]
                    old_scores, old_rows = top[kind][number]
                    all_scores, all_rows = (
                        np.append(old_scores, scores[number, rows]),
                        np.append(old_rows, rows + start),
                    )
                    chosen = best(all_scores, TOP)
                    top[kind][number] = all_scores[chosen], all_rows[chosen]
        return {kind: [rows.tolist() for _, rows in found] for kind, found in top.items()}


def best(scores: FloatArray, limit: int) -> NDArray[np.int64]:
    """Places of the ``limit`` highest, highest first."""
    places = np.argpartition(-scores, limit - 1)[:limit] if len(scores) > limit else np.arange(len(scores))
    return np.asarray(places[np.argsort(-scores[places], kind="stable")], np.int64)


class SqliteScan:
    """The peer that keeps vectors in a table and reads all of them at each query."""

    def __init__(self, file: Path, stored: Stored) -> None:
        assert stored.matrix is not None
        self._connection = sqlite3.connect(file)
        with self._connection:
            self._connection.execute("CREATE TABLE images (id INTEGER PRIMARY KEY, path TEXT, vector BLOB)")
            rows = (
                (number, f"/made-up/photo-{number:08}.jpg", row.tobytes()) for number, row in enumerate(stored.matrix)
            )
            self._connection.executemany("INSERT INTO images VALUES (?, ?, ?)", rows)

    def nearest(self, query: FloatArray) -> list[str]:
        rows = self._connection.execute("SELECT path, vector FROM images").fetchall()
        matrix = np.stack([np.frombuffer(vector, np.float32) for _, vector in rows])
        return [rows[place][0] for place in best(matrix @ query, LIMIT)]

    def close(self) -> None:
        self._connection.close()


def recall(found: dict[int, list[str]], truth: list[list[int]]) -> float:
    """Share of each query's right ten (fewer where fewer pass the filter) among its first ten hits; the mean of all
    queries.
    """
    shares = []
    for number, ids in found.items():
        right = {synthetic.photo_id(row) for row in truth[number]}
        shares.append(len(right & set(ids[:TOP])) / len(right) if right else float(not ids))
    return round(float(np.mean(shares)), 4)


# ------------------------------------------------------------ the command


def measure(sizes: Sequence[int], libraries: Path, quick: bool, sets: Sequence[str]) -> dict[str, Any]:
    """Every library in a process of its own. Raises RuntimeError where one fails."""
    result: dict[str, Any] = {"sizes": {}, "quick": quick, "sets": list(sets)}
    queries = QUICK_QUERIES if quick else QUERIES
    for size in sizes:
        for name in sets:
            kind, dimensions = name.split("-")
            if kind != "alike" and (kind != "random" or size <= RANDOM_MOST):
                shape = Shape(size, int(dimensions), "clustered" if kind == "text" else kind)
                found = _measured(name, shape, libraries, queries)
                place = result["sizes"].setdefault(str(size), {})
                place[name] = found.pop("filters")
                if name == "clustered-512":
                    place |= {**found, "recall_least": min(place[name][which]["recall"] for which in (NONE, *SPANS))}
    if "alike-512" in sets:
        result["alike"] = _measured("alike-512", Shape(ALIKE, 512, "alike"), libraries, queries)
    return {**result, "machine": machine.reference()}


def _measured(name: str, shape: Shape, libraries: Path, queries: int) -> dict[str, Any]:
    """One library's figures, which people are told too."""
    found = _in_a_child(shape, libraries, queries, "texts" if name.startswith("text") else "photos")
    print(f"{name}, {shape.size:,} photos", file=sys.stderr)
    print(table(shape, found), file=sys.stderr, flush=True)
    return found


def _in_a_child(shape: Shape, libraries: Path, queries: int, like: str) -> dict[str, Any]:
    """What a new process measures, once another one has made the library ready."""
    found: dict[str, Any] = {}
    for number in (0, queries):
        child = [
            sys.executable,
            "-m",
            "benchmarks.search",
            "--child",
            json.dumps({**asdict(shape), "queries": number, "like": like}),
        ]
        run = subprocess.run(
            [*child, "--libraries", libraries.absolute()], cwd=PROJECT_DIR, stdout=subprocess.PIPE, check=False
        )
        if run.returncode:
            raise RuntimeError(f"the measurement of {shape.name} failed with exit code {run.returncode}")
        found = json.loads(run.stdout.splitlines()[-1])
    return found


def prepare(shape: Shape, libraries: Path) -> dict[str, Any]:
    """Build the library where it is not there yet, and its index anew where this version of the program does not trust
    it.
    """
    with VectorDatabase(Settings(home=synthetic.library(shape, libraries))) as database:
        rebuilt = not database.index.open(shape.collection)
        for progress in database.rebuild(shape.collection) if rebuilt else ():
            if progress.done == progress.total:
                print(f"{shape.name}: the index was made again", file=sys.stderr, flush=True)
    return {"rebuilt": rebuilt}


def table(shape: Shape, found: dict[str, Any]) -> str:
    """The figures of one library for a reader."""
    memory = (
        f"{found['resident_mb']} MB resident" if found["resident_mb"] is not None else "memory not told by this system"
    )
    lines = [f"{shape.name}: open again {found['reopen_s']} s, {memory}, {found['disk_mb']} MB on disk"]
    lines.append("".join(name.rjust(width) for name, (_, width) in COLUMNS.items()) + "  (ms)")
    for kind, figures in found["filters"].items():
        cells = [kind.ljust(12)]
        for key, width in list(COLUMNS.values())[1:]:
            cells.append(f"{figures[key]:.3f}".rjust(width) if key == "recall" else _cell(figures.get(key), width))
        lines.append("".join(cells))
    return "\n".join(lines)


COLUMNS = {
    "filter      ": ("", 12),
    "p50": ("p50_ms", 8),
    "p95": ("p95_ms", 8),
    "encode": ("encode_p50_ms", 8),
    "vectors": ("vectors_p50_ms", 9),
    "rest": ("rest_p50_ms", 7),
    "numpy": ("numpy_p50_ms", 8),
    "sqlite": ("sqlite_p50_ms", 8),
    "recall": ("recall", 8),
}
"""Heading: key of the figure, and width."""


def _cell(value: float | None, width: int) -> str:
    return ("-" if value is None else f"{value:.1f}").rjust(width)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser(
        "search", __doc__, quick=f"{QUICK_QUERIES} queries, and the library of 512 dimensions alone", libraries=True
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", help="vectors (default: 1000 10000 100000; with --quick 1000 10000)"
    )
    parser.add_argument("--sets", nargs="+", default=None, choices=SETS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        asked = json.loads(options.child)
        queries, like = asked.pop("queries"), asked.pop("like")
        shape = Shape(**asked)
        print(
            json.dumps(
                Measurement(shape, options.libraries, queries, like).run()
                if queries
                else prepare(shape, options.libraries)
            )
        )
        return 0
    sizes = options.sizes or (QUICK_SIZES if options.quick else SIZES)
    sets = options.sets or (("clustered-512", "text-512") if options.quick else SETS)
    return command.told(lambda: measure(sizes, options.libraries, options.quick, sets), None, options.json)


if __name__ == "__main__":
    sys.exit(main())
