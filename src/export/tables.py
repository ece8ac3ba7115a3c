"""Tables of pictures and of the objects in them: CSV for spreadsheets, Parquet for programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from src import masks
from src.errors import BadInput
from src.export.items import Annotation, ExportedImage, rounded
from src.export.sheet import Sheet
from src.export.target import new_target
from src.schema import Progress
from src.schema.fields import FIELDS, OF_THE_USER, Field

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_KNOWN = ("id", "name", "path", "width", "height", "taken_at", "format", "bytes", "score", "objects")
FACTS = tuple(field for field in (*FIELDS, *OF_THE_USER) if field.name not in _KNOWN)
IMAGES = (*_KNOWN, *(field.name for field in FACTS))
OBJECTS = ("image_id", "number", "category", "left", "top", "right", "bottom", "area", "score", "origin")
ROWS = 1_000
"""Held in memory before they are written to a Parquet file."""

_NO_TEXT = re.compile("[\ud800-\udfff]")
_WHOLE = ("width", "height", "bytes", "objects", "number", "left", "top", "right", "bottom", "area")


def export_csv(images: Iterable[ExportedImage], place: Path, *, total: int | None = None) -> Iterator[Progress]:
    """Write ``images.csv`` and ``objects.csv`` to a new folder or ZIP at ``place``.

    Text is as it may be shown, and nothing in it is a formula: ``export_parquet`` keeps every letter. Progress
    in images; closing the iterator leaves nothing. Raises BadInput where ``place`` exists or there is no picture,
    UnreadablePath where it can't be written.
    """
    return _export(images, place, total, _Csv, ".csv")


def export_parquet(images: Iterable[ExportedImage], place: Path, *, total: int | None = None) -> Iterator[Progress]:
    """Write ``images.parquet`` and ``objects.parquet``, else as ``export_csv``.

    ``taken_at`` is a time without a zone. Bytes of a path that are no text become U+FFFD.
    """
    return _export(images, place, total, _Parquet, ".parquet")


class _Table(Protocol):
    def add(self, row: tuple[Any, ...]) -> None: ...

    def close(self) -> None: ...


def _export(
    images: Iterable[ExportedImage],
    place: Path,
    total: int | None,
    table: Callable[[IO[bytes], tuple[str, ...]], _Table],
    suffix: str,
) -> Iterator[Progress]:
    done = 0
    with (
        new_target(place) as target,
        target.growing(f"images{suffix}") as upper,
        target.growing(f"objects{suffix}") as lower,
        closing(table(upper, IMAGES)) as pictures,
        closing(table(lower, OBJECTS)) as objects,
    ):
        for image in images:
            yield Progress(done, total, "images", image.name)
            pictures.add(_image_row(image))
            for number, item in enumerate(image.annotations, 1):
                objects.add(_object_row(image, number, item))
            done += 1
        if not done:
            raise BadInput("There is no picture to export.")


def _image_row(image: ExportedImage) -> tuple[Any, ...]:
    known = (image.id, image.name, image.path, image.width, image.height, image.taken_at, image.format, image.bytes)
    return (*known, rounded(image.score), len(image.annotations), *(_fact(image, field) for field in FACTS))


def _fact(image: ExportedImage, field: Field) -> Any:
    """Several words are one text with semicolons between them, as spreadsheets and photo programs have them."""
    value = image.facts.get(field.name)
    return ("; ".join(value) if value else None) if field.kind in ("words", "colours") else value


def _object_row(image: ExportedImage, number: int, item: Annotation) -> tuple[Any, ...]:
    left, top, right, bottom = item.box
    area = (right - left) * (bottom - top)
    if item.mask is not None:
        area = masks.area(masks.resized(item.mask, image.height, image.width))
    return (image.id, number, item.category, *item.box, area, rounded(item.score), item.origin)


class _Csv:
    def __init__(self, file: IO[bytes], columns: tuple[str, ...]) -> None:
        self._sheet = Sheet(file, columns)

    def add(self, row: tuple[Any, ...]) -> None:
        self._sheet.add(row)

    def close(self) -> None:
        """Every row is written."""


class _Parquet:
    def __init__(self, file: IO[bytes], columns: tuple[str, ...]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        self._schema = pa.schema([(name, _kind(name, pa)) for name in columns])
        self._writer = pq.ParquetWriter(file, self._schema)
        self._rows: list[dict[str, Any]] = []

    def add(self, row: tuple[Any, ...]) -> None:
        values = dict(zip(self._schema.names, row, strict=True))
        self._rows.append({name: _value(name, value) for name, value in values.items()})
        if len(self._rows) == ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []


def _kind(name: str, pa: Any) -> pa.DataType:
    special = {"taken_at": pa.timestamp("ms"), "score": pa.float64()}
    of_facts = {"number": pa.float64(), "whole": pa.int64(), "flag": pa.bool_()}
    special |= {field.name: of_facts.get(field.kind, pa.string()) for field in FACTS}
    return special.get(name, pa.int64() if name in _WHOLE else pa.string())


def _value(name: str, value: Any) -> Any:
    if name == "taken_at":
        return _moment(value)
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", value)


def _moment(value: str | None) -> datetime | None:
    """None where there is no time or it is nonsense, such as the 31st of February."""
    try:
        return datetime.fromisoformat(value).replace(tzinfo=None) if value else None
    except ValueError:
        return None
