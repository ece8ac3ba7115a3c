"""Sidecars: what the user says of photos, written on request into ``.xmp`` files beside them, for other programs.

A photo's own file is never written. What other programs wrote into a sidecar stays, byte for byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from src.database.catalog.catalog import Catalog
from src.database.catalog.marks import STEP, Said
from src.errors import AppError, BadInput, UnreadableImage
from src.files import write_atomically
from src.plain_files import open_plain
from src.processing.decoding.image_io import display_text
from src.processing.facts import xmp_edit
from src.processing.facts.header import XMP_BYTES
from src.processing.facts.reader import FactsReader
from src.processing.facts.xmp import properties
from src.schema import JobEvent, Progress, Skipped
from src.text import folded

ENDING, TREE = ".xmp", "lr:hierarchicalSubject"


class SidecarWriter:
    """Writes sidecars in the form with the photo's full name, ``IMG_1.jpg.xmp``."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._reader = FactsReader()

    def write(self, ids: Sequence[str]) -> Iterator[JobEvent]:
        """Write what the user says of these photos beside every file of theirs that is there; uploads have no place
        beside them.

        Tags, rating and note, as far as the user says something of them: dc:subject and lr:hierarchicalSubject,
        xmp:Rating, dc:description. A sidecar that can't be changed safely is Skipped, and left as it is. Progress in
        files that were changed.
        """
        said = self._catalog.marks.said(ids)
        written = 0
        for image_id, of_photo in said.items():
            for raw, _, _, uploaded in self._catalog.paths_of(image_id):
                path = Path(os.fsdecode(raw))
                if uploaded or not path.is_file():
                    continue
                try:
                    written += self._write(path, of_photo)
                except (OSError, BadInput, UnreadableImage) as error:
                    yield Skipped(display_text(_sidecar_of(path)), _why(error))
                yield Progress(written, None, "sidecars", path.name)

    def _write(self, path: Path, said: Said) -> bool:
        """Whether the photo's sidecar is another one now. Raises OSError, BadInput, UnreadableImage."""
        sidecar = _sidecar_of(path)
        before = _read(sidecar) if os.path.lexists(sidecar) else None
        wanted = _wanted(said, self._reader.read(path).keywords, before or b"")
        after = xmp_edit.edited(before or xmp_edit.EMPTY, wanted)
        if not wanted or after == before:
            return False
        if before is not None and _read(sidecar) != before:
            raise OSError(0, "another program is changing it")
        with write_atomically(sidecar) as file:
            file.write(after)
        return True


def _sidecar_of(path: Path) -> Path:
    """The one that there is, whatever its capitals, or is to be made."""
    name = f"{path.name}{ENDING}"
    there = (entry for entry in sorted(os.listdir(path.parent)) if entry.casefold() == name.casefold())
    return path.with_name(next(there, name))


def _read(sidecar: Path) -> bytes:
    if sidecar.is_symlink():
        raise OSError(0, "it is a link")
    with open_plain(sidecar) as file:
        data = file.read(XMP_BYTES + 1)
    if len(data) > XMP_BYTES:
        raise OSError(0, "it is too large")
    return data


def _wanted(said: Said, keywords: Sequence[str], before: bytes) -> xmp_edit.Properties:
    """What the properties are to be that the user says something of; of tags, with what the file has of its own."""
    wanted: dict[str, str | Sequence[str]] = {}
    if said.tags:
        tags = {tag: text for tag, text in ({folded(word): word for word in keywords} | said.tags).items() if text}
        known = properties(before).get(TREE, [])
        paths = [path for path in ([known] if isinstance(known, str) else known) if _is_of(path, tags)]
        own = ["|".join(text.split(STEP)) for text in tags.values() if STEP in text]
        there = set(map(folded, paths))
        wanted[xmp_edit.SUBJECT] = list(tags.values())
        wanted[xmp_edit.TREE] = [*paths, *(path for path in own if folded(path) not in there)]
    if said.rating is not None:
        wanted[xmp_edit.RATING] = str(said.rating)
    if said.note:
        wanted[xmp_edit.DESCRIPTION] = said.note
    return wanted


def _is_of(path: str, tags: dict[str, str]) -> bool:
    """Whether a photo has a tag that another program wrote as a path in a tree."""
    steps = folded(path).split("|")
    return STEP.join(steps) in tags or steps[-1] in tags


def _why(error: OSError | AppError) -> str:
    if isinstance(error, AppError):
        return error.user_message
    return f"The sidecar is left as it is: {error.strerror or error}."
