"""Checkpoints on disk: find one and verify it, or download it so that an interruption costs nothing.

A file counts only once its SHA-256 is the published one. Hashing some hundred megabytes takes a second, so the hash of
a file is remembered by its size and times in ``verified.json`` inside the library's own weights folder; the other
folders are only ever read.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from src.errors import DownloadFailed, WeightsCorrupt, WeightsMissing
from src.files import write_json
from src.models.downloads import LARGEST, Patience, Source, by_hand, check_space
from src.models.partial import Arrivals
from src.models.registry import ModelSpec
from src.plain_files import open_plain, read_object
from src.schema import Progress

MEMORY_FILE = "verified.json"


# ---------------------------------------------------------------- finding


def locate(spec: ModelSpec, folders: Sequence[Path]) -> Path | None:
    """The verified checkpoint, or None where no folder has it; ``folders[0]``, the library's own, remembers hashes.

    A wrong file does not hide a good one in a later folder. Raises WeightsCorrupt, with both hashes, where there are
    only wrong ones.
    """
    wrong: WeightsCorrupt | None = None
    for folder in folders:
        path = folder / spec.file_name
        if not spec.file_name or not os.path.isfile(path):
            continue
        try:
            verify(spec, path, folders[0])
            return path
        except WeightsCorrupt as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong
    return None


def verify(spec: ModelSpec, path: Path, memory_folder: Path) -> None:
    """Compare a file with the published size and hash. Raises WeightsCorrupt, which names both.

    A file of another size is not read at all.
    """
    try:
        size = path.stat().st_size
        if spec.bytes and size != spec.bytes:
            raise _another(
                spec,
                path,
                f"it should have {spec.bytes:,} bytes and has {size:,} (its SHA-256 should be {spec.sha256})",
            )
        found = _remembered_hash(path, memory_folder)
    except OSError as error:
        raise WeightsCorrupt(
            f"{path} can't be read ({error.strerror or error}).", "Check its permissions, or remove it."
        ) from error
    if found != spec.sha256:
        raise _another(spec, path, f"its SHA-256 should be {spec.sha256} and is {found}")


def _another(spec: ModelSpec, path: Path, why: str) -> WeightsCorrupt:
    return WeightsCorrupt(
        f"{path} is not the published checkpoint of {spec.title}: {why}.",
        "Remove or rename that file, then download the model again.",
    )


def missing(spec: ModelSpec, folder: Path, base_url: str | None = None) -> WeightsMissing:
    """The error that tells a person where to get the checkpoint and where to put it."""
    return WeightsMissing(f"The weights of {spec.title} are not on this computer.", by_hand(spec, folder, base_url))


def _remembered_hash(path: Path, memory_folder: Path) -> str:
    """SHA-256 of a plain file, from memory where its size and times are the remembered ones. Raises OSError."""
    with open_plain(path) as file:
        stamp = _stamp(os.fstat(file.fileno()))
        entry = read_object(memory_folder / MEMORY_FILE).get(str(path.absolute()))
        if isinstance(entry, dict) and entry.get("stamp") == stamp:
            return str(entry.get("sha256"))
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _remember(memory_folder, path, stamp, digest)
    return digest


def _stamp(stat: os.stat_result) -> list[int]:
    """Changes with the file's bytes. A program may set the modification time back, but not the change time."""
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _remember(folder: Path, path: Path, stamp: list[int], digest: str) -> None:
    """Store a file's hash. A folder that can't be written only costs hashing again."""
    memory = read_object(folder / MEMORY_FILE) | {str(path.absolute()): {"stamp": stamp, "sha256": digest}}
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / MEMORY_FILE, memory)


# ---------------------------------------------------------------- downloading


def download(
    spec: ModelSpec, folder: Path, base_url: str | None = None, patience: Patience | None = None
) -> Iterator[Progress]:
    """Fetch a checkpoint into ``folder``; progress in bytes. Closing the iterator keeps what came for the next time.

    ``base_url`` replaces the publisher's host by ``<base_url>/<file name>`` and may be plain http; otherwise every
    request, redirects included, must be https. Raises DownloadFailed (nothing lost, try again) or WeightsCorrupt (what
    arrived was not the published file).
    """
    target = folder / spec.file_name
    if target.exists():
        verify(spec, target, folder)
        yield Progress(spec.bytes or target.stat().st_size, spec.bytes or None, "bytes", spec.file_name)
        return
    source = Source(spec, folder, base_url, patience or Patience())
    try:
        with _lock_and_open(spec, folder) as arrivals:
            check_space(spec, folder, spec.bytes - arrivals.kept.size)
            yield from source.fill(arrivals)
            found = arrivals.kept.sha256()
            if found != spec.sha256:
                arrivals.kept.remove()
                raise source.another_file(found)
            arrivals.kept.become(target)
    except OSError as error:
        raise _disk_error(spec, folder, error) from error
    _remember(folder, target, _stamp(target.stat()), spec.sha256)


def _lock_and_open(spec: ModelSpec, folder: Path) -> Arrivals:
    """What has arrived so far, for this download alone. Raises DownloadFailed where another one is writing it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{spec.file_name}.part"
    lock = FileLock(f"{path}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise DownloadFailed(
            f"{spec.title} is being downloaded already.", "Wait for that download, or cancel it."
        ) from error
    try:
        return Arrivals(path, lock, spec.bytes or LARGEST)
    except OSError:
        lock.release()
        raise


def _disk_error(spec: ModelSpec, folder: Path, error: OSError) -> DownloadFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DownloadFailed(
            f"{spec.title} could not be stored: the disk of {folder} is full.",
            "Free some space and try again; what arrived is kept.",
        )
    why = error.strerror or error
    return DownloadFailed(
        f"{spec.title} could not be stored in {folder} ({why}).", "Check that the folder can be written."
    )
