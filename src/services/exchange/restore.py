"""Restoring: an empty library filled from an archive that ``backup`` wrote, or that somebody made up.

The archive is unpacked beside the library, verified as a whole, and only then moved into its place: a kill leaves the
library empty, or it is completed at its next opening.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import uuid
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from src.config import Settings
from src.database.catalog import imported, snapshot
from src.database.disk_space import check_space
from src.database.index.choice import LIBRARY_ID
from src.database.index.chroma_local import ChromaIndex
from src.database.library_lock import LibraryLock
from src.errors import LibraryError, LibraryUnusable
from src.files import sha256_of, size_of, sync_folder
from src.identity import image_id
from src.models import registry
from src.processing.decoding.image_io import display_text, stamp_of
from src.schema import FileStamp, Progress
from src.schema.library import RECENT_SEARCHES, SAID_OF_HITS, SAVED_SEARCHES
from src.services.enrichment.objects import BUILTIN, SEGMENTER
from src.services.exchange.archive import BLOCK, CATALOG, checked_members, opened_archive, read_manifest, refusal
from src.services.jobs.kinds import KINDS
from src.services.library.folders import OUT_OF_REACH
from src.services.library.service import ACTIVE_MODEL
from src.services.library.uploads import CLEARED

log = logging.getLogger(__name__)

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
READY = "verified"
"""A file in the staging folder that says: all of it was verified and is the library from now on."""
THEIRS = "theirs.sqlite3"
"""The archive's own catalogue in the staging folder: it is only read, and goes once its rows were copied."""
_STAGING = re.compile(r"\.import-[0-9a-f]{8}")


def import_library(settings: Settings, file: Path) -> Iterator[Progress]:
    """Fill an empty library from an archive. Nothing is written before every member's name and size was checked.

    Progress in bytes. Closing the iterator, or a kill, leaves the library empty until all of the archive was verified;
    from then on the next opening completes it (``finish_import``). Raises LibraryBusy where another process has the
    library, LibraryError where it is not empty, LibraryNewer for an archive of a newer version, LibraryUnusable for one
    that is damaged or that something else made, UnreadablePath where there is none.
    """
    folders = (settings.data_dir, *settings.data_dir.parents)
    made = [folder for folder in folders if not os.path.lexists(folder)]
    lock = LibraryLock(settings.lock_file)
    try:
        lock.acquire()
        _finish(settings)
        _refuse_unless_empty(settings)
        staging = settings.data_dir / f".import-{uuid.uuid4().hex[:8]}"
        try:
            yield from _stage(file, staging, settings)
            _finish(settings)
        finally:
            if not (staging / READY).exists():
                shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise _not_imported(error) from error
    finally:
        lock.release()
        _unmake(made, settings)


def finish_import(settings: Settings) -> None:
    """Complete an import that was interrupted after its last check, and remove what is left of any other.

    For the library's owner, before it opens the catalogue. Raises LibraryBusy where another process has the library,
    LibraryUnusable where it can't be completed now: the next opening tries again.
    """
    try:
        if _staged(settings):
            lock = LibraryLock(settings.lock_file)
            lock.acquire()
            try:
                _finish(settings)
            finally:
                lock.release()
    except OSError as error:
        raise _not_imported(error) from error


def _unmake(made: list[Path], settings: Settings) -> None:
    """Remove the folders that an import made for itself, innermost first, where nothing came into them."""
    with contextlib.suppress(OSError):
        if settings.data_dir in made and set(settings.data_dir.iterdir()) == {settings.lock_file}:
            settings.lock_file.unlink()
    for folder in made:
        with contextlib.suppress(OSError):  # something is in it
            folder.rmdir()


def import_waits(settings: Settings) -> bool:
    """Whether a verified library is to be moved into place at the next opening by an owner."""
    try:
        return any((staging / READY).exists() for staging in _staged(settings))
    except OSError:
        return False


def _not_imported(error: OSError) -> LibraryUnusable:
    """One sentence that names what stands in the way: of a move, where it leads."""
    name = error.filename2 or error.filename
    where = f" at {display_text(Path(os.fsdecode(name)))}" if name else ""
    return LibraryUnusable(f"The library could not be imported ({error.strerror or error}{where}).")


def _stage(file: Path, staging: Path, settings: Settings) -> Iterator[Progress]:
    """Unpack a checked archive into ``staging``, verify it and fit it to this library."""
    with opened_archive(file) as archive:
        members = checked_members(archive, size_of(file))
        manifest = read_manifest(archive, members)
        total = sum(member.file_size for member in members)
        check_space(settings.data_dir, total + manifest.catalogue_bytes, "what is in the archive")
        done = 0
        for member in members:
            for block in _unpack(
                archive, member, staging / (THEIRS if member.filename == CATALOG else member.filename)
            ):
                done += block
                yield Progress(done, total, "bytes", member.filename)
    theirs, catalogue = staging / THEIRS, staging / CATALOG
    if sha256_of(theirs) != manifest.catalogue_sha256:
        raise refusal("another catalogue than its manifest says")
    for _ in imported.adopt(theirs, catalogue, manifest.schema, allowed()):
        yield Progress(total, total, "bytes", CATALOG)
    theirs.unlink()
    stray = snapshot.unknown(catalogue, (member.filename for member in members if member.filename != CATALOG))
    if stray:
        raise refusal(f"a file that its catalogue does not know: {stray}")
    snapshot.settle(catalogue, settings.uploads_dir, _stamps(staging / settings.uploads_dir.name))
    _sync_folders(staging / settings.uploads_dir.name, staging)  # all that it says is there lasts before it does
    (staging / READY).touch()
    sync_folder(staging)


def allowed() -> imported.Allowed:
    """The settings and the kinds of jobs that this version knows."""
    settings: dict[str, Collection[str]] = {
        ACTIVE_MODEL: [spec.id for spec in registry.specs()],
        SEGMENTER: [BUILTIN, *(spec.id for spec in registry.specs("segment"))],
        LIBRARY_ID: (),
        OUT_OF_REACH: (),
        SAID_OF_HITS: (),
        SAVED_SEARCHES: (),
        RECENT_SEARCHES: (),
        CLEARED: [""],
    }
    return imported.Allowed(settings, tuple(KINDS))


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> Iterator[int]:
    """Write one member to a new file; its checksum is verified on the way. Yields bytes written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("xb") as file:
        while block := source.read(BLOCK):
            file.write(block)
            yield len(block)
        if not member.filename.startswith("thumbs/"):  # thumbnails can be made again
            file.flush()
            os.fsync(file.fileno())


def _stamps(uploads: Path) -> dict[str, FileStamp]:
    """Stored name -> stamp; moving a file within its disk keeps it, but for the ctime, which is left unknown."""
    return (
        {file.name: replace(stamp_of(file.stat()), ctime_ns=0) for file in uploads.iterdir()}
        if uploads.is_dir()
        else {}
    )


def _finish(settings: Settings) -> None:
    """Move a verified library into place; what is not verified goes. Every step can be done again after a kill."""
    for staging in _staged(settings):
        catalogue = staging / CATALOG
        if (staging / READY).exists() and catalogue.exists() and not snapshot.holds_anything(settings.catalog_file):
            for source in [
                file for name in ("thumbs", "uploads") for file in (staging / name).rglob("*") if file.is_file()
            ]:
                target = settings.data_dir / source.relative_to(staging)
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if source.parent.name != "uploads" or _may_take(source, target):
                        os.replace(source, target)
                except OSError as error:
                    if source.parent.name == "uploads" or error.errno in NO_ROOM:
                        raise
                    log.info(
                        "a thumbnail has no place at %s (%s); it can be made again",
                        display_text(target),
                        error.strerror,
                    )
            ChromaIndex(settings.chroma_dir).discard()
            snapshot.retire(settings.catalog_file)
            # what the catalogue names lasts before it; thumbnails can be made again
            _sync_folders(settings.uploads_dir, settings.data_dir)
            os.replace(catalogue, settings.catalog_file)
            sync_folder(settings.data_dir)
        shutil.rmtree(staging, ignore_errors=True)


def _sync_folders(*folders: Path) -> None:
    """Those of them that there are."""
    for folder in filter(Path.is_dir, folders):
        sync_folder(folder)


def _may_take(source: Path, target: Path) -> bool:
    """Whether an upload may have its place.

    One that lies there, still to be added, is the only copy: it goes for its own bytes alone.
    """
    return not os.path.lexists(target) or (_is_as_named(source) and not _is_as_named(target))


def _is_as_named(upload: Path) -> bool:
    """Whether an upload's bytes are those that its name is made of."""
    return upload.is_file() and image_id(sha256_of(upload)) == upload.name.partition(".")[0]


def _staged(settings: Settings) -> list[Path]:
    found = settings.data_dir.iterdir() if settings.data_dir.is_dir() else ()
    return [entry for entry in found if _STAGING.fullmatch(entry.name)]


def _refuse_unless_empty(settings: Settings) -> None:
    try:
        holds_anything = snapshot.holds_anything(settings.catalog_file)
    except LibraryUnusable as error:
        raise LibraryUnusable(
            error.user_message, "Move that file away, or choose another folder with --library."
        ) from error
    if holds_anything:
        hint = "Clear it and empty its bin first, or choose another folder with --library."
        raise LibraryError("The library is not empty, and an import would replace what it holds.", hint)
    snapshot.retire(settings.catalog_file)  # tells now whether someone reads it
