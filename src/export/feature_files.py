"""Files of vectors that anybody may have made, read: what they hold, and of which pictures they say it is.

Understood are what ``export.features`` writes, and what is usual beside that: a ``.npz`` with an array of vectors and
one of ids, paths or hashes; a ``.npy`` with a Parquet table of the same name, or a folder of the two; the folders of
clip-retrieval, in as many parts as they have. Nothing is unpickled, and no more is read than what is there.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from src.errors import BadInput, UnreadablePath
from src.export.npy import Shape, read_rows, read_shape
from src.plain_files import open_plain
from src.text import shown

VECTORS = ("vectors", "embeddings", "features", "img_emb", "arr_0")
"""Names under which a ``.npz`` has its vectors, the first that is there."""
KEYS: Mapping[str, Sequence[str]] = {
    "id": ("ids", "id", "image_ids", "image_id"),
    "path": ("paths", "path", "image_path", "files", "filenames", "file", "name", "names"),
    "sha256": ("sha256", "hashes"),
}
"""What says of which picture a vector is, and how arrays or columns with it are called, the first that is there."""
MOST_TEXT_BYTES = 2_000_000_000
"""Of an array of texts."""
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OverflowError, zlib.error)

Opened = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True)
class Part:
    """Some vectors of a file, and what says of which pictures they are: name in ``KEYS`` -> n texts."""

    called: str
    shape: Shape
    keys: Mapping[str, Sequence[str]]
    open: Opened

    def blocks(self) -> Iterator[npt.NDArray[Any]]:
        """The vectors as they are, (n, D) at a time.

        Raises BadInput where there are fewer than is said, UnreadablePath.
        """
        with _in_our_words(self.called), self.open() as file:
            shape = read_shape(file, self.called)
            if shape != self.shape:
                raise BadInput(f"{self.called} was changed while it was read.")
            yield from read_rows(file, shape, self.called)


def read_features(place: Path) -> list[Part]:
    """What a file or folder holds. Raises UnreadablePath, and BadInput, in one sentence, for anything else."""
    called = shown(str(place))
    with _in_our_words(called):
        if place.is_dir():
            parts = _in_folder(place)
        elif place.suffix.lower() == ".npz":
            parts = [_in_npz(place, called)]
        elif place.suffix.lower() == ".npy":
            parts = [_pair(place, place.with_suffix(".parquet"))]
        else:
            raise BadInput(f"{called} is no .npz, no .npy and no folder of vectors.", "A ZIP has to be unpacked first.")
    if len({part.shape.dimensions for part in parts}) > 1:
        raise BadInput(f"{called} holds vectors of several lengths.")
    for part in parts:
        if not part.keys:
            names = ", ".join(name for names in KEYS.values() for name in names)
            raise BadInput(f"{part.called} does not say of which pictures its vectors are.", f"One of: {names}.")
        for name, texts in part.keys.items():
            if len(texts) != part.shape.rows:
                raise BadInput(f"{part.called} holds {part.shape.rows:,} vectors and {len(texts):,} times {name}.")
    return parts


def _in_folder(folder: Path) -> list[Part]:
    pairs = [(folder / "vectors.npy", folder / "metadata.parquet")]
    for vectors in sorted((folder / "img_emb").glob("img_emb_*.npy"), key=lambda path: (len(path.name), path.name)):
        number = vectors.stem.removeprefix("img_emb_")
        pairs.append((vectors, folder / "metadata" / f"metadata_{number}.parquet"))
    found = [_pair(*pair) for pair in pairs if pair[0].is_file()]
    single = folder / "features.npz"
    if not found and single.is_file():
        return [_in_npz(single, shown(str(single)))]
    if not found:
        names = "vectors.npy and metadata.parquet, nor img_emb and metadata"
        raise BadInput(f"The folder {shown(str(folder))} holds neither {names}.")
    return found


# ---------------------------------------------------------------- .npy and Parquet


def _pair(vectors: Path, table: Path) -> Part:
    called = shown(str(vectors))
    if not table.is_file():
        raise BadInput(f"{called} has no {shown(table.name)} that says of which pictures its vectors are.")
    with open_plain(vectors) as file:
        shape = read_shape(file, called)
    return Part(called, shape, _columns(table, shape.rows), lambda: open_plain(vectors))


def _columns(table: Path, rows: int) -> dict[str, list[str]]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        with open_plain(table) as file:
            there = pq.ParquetFile(file)
            if there.metadata.num_rows != rows:
                raise BadInput(f"{shown(str(table))} has {there.metadata.num_rows:,} rows for {rows:,} vectors.")
            wanted = {key: _first(names, there.schema_arrow.names) for key, names in KEYS.items()}
            read = there.read(columns=[name for name in wanted.values() if name])
    except (pa.ArrowException, ValueError, MemoryError) as error:
        raise BadInput(f"{shown(str(table))} is no Parquet table, or it is damaged.") from error
    return {key: [_text(value) for value in read.column(name).to_pylist()] for key, name in wanted.items() if name}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _first(names: Sequence[str], there: Sequence[str]) -> str:
    return next((name for name in names if name in there), "")


# ---------------------------------------------------------------- .npz


def _in_npz(place: Path, called: str) -> Part:
    with open_plain(place) as file, zipfile.ZipFile(file) as archive:
        names = {re.sub(r"\.npy$", "", member): member for member in archive.namelist()}
        vectors = names.get(_first(VECTORS, list(names)))
        if vectors is None:
            raise BadInput(f"{called} holds no array of vectors.", f"It is looked for under: {', '.join(VECTORS)}.")
        with archive.open(vectors) as member:
            shape = read_shape(member, called)
        if archive.getinfo(vectors).file_size < shape.bytes:
            raise BadInput(f"{called} ends before all of its {shape.rows:,} vectors.")
        found = {key: names.get(_first(several, list(names))) for key, several in KEYS.items()}
        keys = {key: _texts(archive, member, called, shape.rows) for key, member in found.items() if member}
    return Part(called, shape, keys, lambda: _member(place, vectors))


@contextlib.contextmanager
def _member(place: Path, name: str) -> Iterator[IO[bytes]]:
    with open_plain(place) as file, zipfile.ZipFile(file) as archive, archive.open(name) as member:
        yield member


def _texts(archive: zipfile.ZipFile, name: str, called: str, rows: int) -> list[str]:
    """An array of as many texts. Raises BadInput for one of anything else."""
    if archive.getinfo(name).file_size > MOST_TEXT_BYTES:
        raise BadInput(f"{called} holds far too long texts in {shown(name)}.")
    with archive.open(name) as member:
        values = np.lib.format.read_array(member, allow_pickle=False)
    if values.dtype.kind not in "US" or values.ndim != 1:
        raise BadInput(f"{called} has something else than texts in {shown(name)}.", "Save them as an array of str.")
    if values.dtype.kind == "S":
        return [value.decode("utf-8", "replace") for value in values.tolist()]
    return [str(value) for value in values.tolist()]


@contextlib.contextmanager
def _in_our_words(called: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreadablePath(f"{called} can't be read ({error.strerror or error}).") from error
    except _DAMAGED as error:
        raise BadInput(f"{called} is no file of vectors that can be read, or it is damaged.") from error
