"""Backup: the whole library in one archive, from which ``restore`` fills an empty one.

The archive is a ZIP without compression: the catalogue (every fact and every vector), thumbnails, uploads and a
manifest. The vector index is not in it, it is made again from the catalogue; the photos in the user's own folders are
not in it either.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import IO

from src.config import Settings
from src.database.catalog import imported, snapshot
from src.database.catalog.catalog import Catalog
from src.database.disk_space import check_space
from src.errors import BadInput, UnreadablePath
from src.export.target import claimed, publish, sweep
from src.files import sha256_of, size_of
from src.processing.decoding.image_io import display_text
from src.processing.thumbnails import thumbnail_path
from src.schema import JobEvent, Progress, Skipped
from src.services.exchange.archive import BLOCK, CATALOG, MANIFEST, Manifest
from src.services.exchange.restore import allowed


def export_library(settings: Settings, catalog: Catalog, file: Path) -> Iterator[JobEvent]:
    """Write the library to ``file``: what was committed when it began, also while others index into it.

    Progress in bytes; an upload that has gone is a Skipped. Closing the iterator leaves no file. Raises BadInput where
    there is a file of that name, UnreadablePath where it can't be written, LibraryUnusable where the disk has too
    little space.

    Until it is complete it is in a hidden folder beside ``file`` with a name of its own; of two exports to one name,
    one gets it.
    """
    _refuse_existing(file)
    try:
        os.stat(file.parent)
        total = _bytes_to_store(settings)
        check_space(file.parent, total + 2 * _catalogue_bytes(settings), "the archive")
        sweep(file.parent)
        yield Progress(0, total, "bytes")
        with claimed(file.parent) as folder:
            folder.mkdir(mode=0o700)
            copy, part = folder / CATALOG, folder / "archive"
            members = _members(settings, copy, snapshot.take(catalog, copy))
            yield from _warn_of(copy)
            with part.open("xb") as target:
                yield from _write_archive(copy, members, target, total)
                target.flush()
                os.fsync(target.fileno())
            publish(part, file)
    except OSError as error:
        raise UnreadablePath(
            f"{display_text(file)} can't be written ({error.strerror or error}).", "Choose another place."
        ) from error


def _warn_of(copy: Path) -> Iterator[Skipped]:
    """An archive that no import takes would be worth nothing: say so while the library is still there."""
    problem = imported.problem(copy, allowed(), copy.with_name("tried"))
    if problem:
        yield Skipped(
            CATALOG, f"As it is, it could not be imported again. {problem} Run `doctor`, then export once more."
        )


def _write_archive(
    copy: Path, members: Iterator[tuple[str, Path]], target: IO[bytes], total: int
) -> Iterator[JobEvent]:
    """The members one after the other; the manifest last, when it is known what they are."""
    done, stored = 0, {"thumbs": 0, "uploads": 0, CATALOG: 0}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, source in members:
            opened = _opened(source)
            if opened is None:
                if name.startswith("uploads/"):
                    yield Skipped(
                        display_text(source), "The stored upload can't be read any more, so it is not in the archive."
                    )
                continue
            with opened, archive.open(_entry(name, opened), "w") as member:
                while block := opened.read(BLOCK):
                    member.write(block)
                    done += len(block)
                    yield Progress(done, max(done, total), "bytes", name)
            stored[name.split("/")[0]] += 1
        manifest = Manifest(
            snapshot.schema_version(copy), size_of(copy), sha256_of(copy), stored["thumbs"], stored["uploads"]
        )
        facts = {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "platform": sys.platform,
            **snapshot.counts(copy),
        }
        archive.writestr(zipfile.ZipInfo(MANIFEST), manifest.as_json(facts))
    yield Progress(done, done, "bytes")


def _members(settings: Settings, copy: Path, uploads: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """(name in the archive, file) of the catalogue's copy and of what is stored beside it for its images."""
    yield CATALOG, copy
    for id_ in snapshot.image_ids(copy):  # ids all of them: a copy has no other rows
        thumbnail = thumbnail_path(settings.thumbs_dir, id_)
        yield thumbnail.relative_to(settings.data_dir).as_posix(), thumbnail
    for name, path in uploads.items():
        # whatever the catalogue says: nothing from elsewhere goes out as ours
        yield f"uploads/{name}", settings.uploads_dir / path.name


def _entry(name: str, opened: IO[bytes]) -> zipfile.ZipInfo:
    """A member of the size that the file has now (which decides whether it needs ZIP64)."""
    entry = zipfile.ZipInfo(name)
    entry.file_size = os.fstat(opened.fileno()).st_size
    entry.external_attr = 0o100600 << 16
    return entry


def _bytes_to_store(settings: Settings) -> int:
    """Of everything that goes into an archive, rounded up."""
    stored = [
        size_of(file) + 512 for folder in (settings.thumbs_dir, settings.uploads_dir) for file in folder.rglob("*")
    ]
    return sum(stored) + _catalogue_bytes(settings)


def _catalogue_bytes(settings: Settings) -> int:
    return sum(size_of(file) for file in settings.data_dir.glob(f"{settings.catalog_file.name}*"))


def _refuse_existing(file: Path) -> None:
    if os.path.lexists(file):
        raise BadInput(f"There is a file {display_text(file)} already.", "Choose another name, or move it away.")


def _opened(file: Path) -> IO[bytes] | None:
    """A regular file, no link; None for anything else. It is not waited for a writer, as a pipe would have it."""
    try:
        if not S_ISREG(os.lstat(file).st_mode):
            return None
        handle = os.open(
            file, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
    except (OSError, ValueError):
        return None
    return os.fdopen(handle, "rb")
