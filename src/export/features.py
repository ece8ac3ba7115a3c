"""Vectors as files that numpy, pandas, FAISS and clip-retrieval read as they are used to."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from src.errors import BadInput
from src.export.npy import VectorFile
from src.export.target import Target, new_file, new_target, scratch
from src.schema import Box, FloatArray, Progress

BYTES_A_ROW = 2_000
"""What is said of a vector takes no more, with the longest paths but a few."""


@dataclass(frozen=True)
class Row:
    """What a vector is of: a photo, or an object in one, of which ``box`` (XYXY, pixels, upright) says where it is."""

    id: str
    image_id: str
    path: str
    name: str
    width: int
    height: int
    box: Box | None = None


@dataclass(frozen=True)
class Features:
    """Vectors to be written. total: how many there are to be, D: how long each is.

    blocks: some rows and their vectors (n, D) float32 of norm 1, as often as there are more.
    """

    model: str
    space: str
    kind: str
    dimensions: int
    total: int
    blocks: Iterable[tuple[Sequence[Row], FloatArray]]

    @property
    def bytes(self) -> int:
        """That they take at most, with what is said of them."""
        return self.total * (4 * self.dimensions + BYTES_A_ROW)

    @property
    def about(self) -> dict[str, Any]:
        told = {"model": self.model, "space": self.space, "kind": self.kind, "dims": self.dimensions}
        return {**told, "normalised": True}


@dataclass(frozen=True)
class FeatureFormat:
    """How people read its name, and how it is written. copies: how often the vectors are on the disk meanwhile."""

    title: str
    write: Callable[[Features, Path], Iterator[Progress]]
    copies: int = 2


def write_npz(features: Features, place: Path) -> Iterator[Progress]:
    """One ``.npz``: ``vectors`` (n, D), ``ids``, ``image_ids``, ``paths`` (n,), ``boxes`` (n, 4) of objects, and
    ``model``, ``space``, ``kind``, ``dims``, ``normalised``. In a folder or ZIP where ``place`` does not end in
    ``.npz``.

    Progress in vectors; closing the iterator leaves nothing. Raises as ``target.new_target`` does.
    """
    if place.suffix.lower() == ".npz":
        with new_file(place) as file:
            yield from _pack(features, file, place)
    else:
        with new_target(place) as target, target.growing("features.npz") as file:
            yield from _pack(features, file, place)


def write_npy(features: Features, place: Path) -> Iterator[Progress]:
    """A folder or ZIP with ``vectors.npy`` (n, D), ``metadata.parquet`` (a row a vector) and ``features.json``."""
    return _write_parts(features, place, "vectors.npy", "metadata.parquet", _columns(features))


def write_clip_retrieval(features: Features, place: Path) -> Iterator[Progress]:
    """The same as clip-retrieval lays it out: ``img_emb/img_emb_0.npy`` and ``metadata/metadata_0.parquet``, whose
    column ``image_path`` has the paths.
    """
    columns = ["image_path" if name == "path" else name for name in _columns(features)]
    columns.sort(key=lambda name: name != "image_path")
    return _write_parts(features, place, "img_emb/img_emb_0.npy", "metadata/metadata_0.parquet", columns)


FEATURE_FORMATS: Mapping[str, FeatureFormat] = {
    "npz": FeatureFormat("Features (one NumPy .npz)", write_npz, copies=3),
    "npy": FeatureFormat("Features (.npy and Parquet)", write_npy),
    "clip-retrieval": FeatureFormat("Features (as clip-retrieval has them)", write_clip_retrieval),
}

# ---------------------------------------------------------------- inside


def _columns(features: Features) -> list[str]:
    box = ["left", "top", "right", "bottom"] if features.kind == "object" else []
    return ["id", "image_id", "path", "name", "width", "height", *box]


def _write_parts(
    features: Features, place: Path, vectors: str, metadata: str, columns: Sequence[str]
) -> Iterator[Progress]:
    with new_target(place) as target:
        with target.growing(vectors) as upper, _table(target, metadata, columns) as add:
            file = VectorFile(upper, features.dimensions)
            for rows, matrix in features.blocks:
                file.add(matrix)
                add([_told(row, columns) for row in rows])
                yield Progress(file.rows, features.total, "vectors")
            _close(file)
        said = {**features.about, "vectors": file.rows}
        target.add("features.json", json.dumps(said, indent=1).encode())


def _told(row: Row, columns: Sequence[str]) -> dict[str, Any]:
    left, top, right, bottom = row.box or (0, 0, 0, 0)
    told = {**vars(row), "image_path": row.path, "left": left, "top": top, "right": right, "bottom": bottom}
    return {name: told[name] for name in columns}


@contextmanager
def _table(target: Target, name: str, columns: Sequence[str]) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """A Parquet file in the target; what is yielded adds rows to it."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    texts = ("id", "image_id", "path", "name", "image_path")
    schema = pa.schema([(column, pa.string() if column in texts else pa.int64()) for column in columns])
    with target.growing(name) as file, pq.ParquetWriter(file, schema) as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _pack(features: Features, file: IO[bytes], place: Path) -> Iterator[Progress]:
    """The vectors wait in a nameless file beside the place: how many they are stands at their beginning."""
    rows: list[Row] = []
    with scratch(place) as waiting:
        vectors = VectorFile(waiting, features.dimensions)
        for some, matrix in features.blocks:
            vectors.add(matrix)
            rows += some
            yield Progress(vectors.rows, features.total, "vectors")
        _close(vectors)
        waiting.seek(0)
        with zipfile.ZipFile(file, "w") as archive:
            with archive.open("vectors.npy", "w", force_zip64=True) as member:
                shutil.copyfileobj(waiting, member, 1 << 20)
            for name, values in _arrays(features, rows).items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, values, allow_pickle=False)


def _arrays(features: Features, rows: Sequence[Row]) -> dict[str, np.ndarray[Any, Any]]:
    texts = {"ids": [row.id for row in rows], "image_ids": [row.image_id for row in rows]}
    texts["paths"] = [row.path for row in rows]
    found = {name: np.array(values, np.str_) for name, values in texts.items()}
    if features.kind == "object":
        found["boxes"] = np.array([row.box for row in rows], np.int32)
    return found | {name: np.array(value) for name, value in features.about.items()}


def _close(file: VectorFile) -> None:
    if not file.rows:
        raise BadInput("There is no vector to export.")
    file.close()
