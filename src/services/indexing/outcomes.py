"""What came of one file, and what of it is stored and told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from src.database.catalog.files import FileRow, Refusal
from src.processing.decoding import image_io
from src.processing.decoding.reader import READER
from src.schema import Already, FileStamp, FloatArray, FoundFile, ImageFacts, Indexed, JobEvent, Skipped


@dataclass(frozen=True)
class Read:
    """A file of which everything needed is known now.

    ``pixels`` is None where the library has the vector already; ``stored`` is False where the catalogue must (again) be
    told of the file.
    """

    found: FoundFile
    stamp: FileStamp
    image_id: str
    sha256: str = ""
    facts: ImageFacts | None = None
    pixels: FloatArray | None = None
    stored: bool = False


@dataclass(frozen=True)
class Refused:
    """A file that is skipped. ``stamp`` is set where this is to be remembered."""

    found: FoundFile
    reason: str
    stamp: FileStamp | None = None


@dataclass(frozen=True)
class Discarded:
    """A file whose photo the user removed for good. ``image_id`` and ``stamp`` are set where this is to be noted."""

    found: FoundFile
    image_id: str = ""
    stamp: FileStamp | None = None


Outcome = Read | Refused | Discarded


def event_of(item: Outcome, new: set[str]) -> JobEvent:
    """Indexed for the first file of a new image (which is then taken out of ``new``), Already for every other."""
    if isinstance(item, Refused):
        return Skipped(item.found.name if item.found.uploaded else image_io.display_text(item.found.path), item.reason)
    path = image_io.display_text(item.found.path)
    if isinstance(item, Discarded) or item.image_id not in new:
        return Already(path)
    new.discard(item.image_id)
    return Indexed(item.image_id, path)


def file_rows(reads: Sequence[Read], before: set[str]) -> list[FileRow]:
    """A row for each of the user's own files that is new or changed; for an upload if it is its image's first file.

    before: those of the images that had a file already.
    """
    rows: list[FileRow] = []
    has_file = set(before)
    for read in reads:
        path = read.found.path
        if not read.stored and not (read.found.uploaded and read.image_id in has_file):
            text = image_io.display_text(path)
            rows.append(
                FileRow(os.fsencode(path), text, read.found.name, read.image_id, read.stamp, read.found.uploaded)
            )
            has_file.add(read.image_id)
    return rows


def refusal_of(item: Refused) -> Refusal:
    stamp = item.stamp or FileStamp(0, 0, 0, 0)
    return Refusal(os.fsencode(item.found.path), stamp, item.reason, READER)


def why(error: OSError) -> str:
    """One sentence for a file that can't be opened or read."""
    if isinstance(error, PermissionError):
        return "There is no permission to read it."
    if isinstance(error, FileNotFoundError):
        return "The file is not there any more."
    return f"It can't be read: {error.strerror or error}."
