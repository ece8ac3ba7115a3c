"""Finding picture files under a path, in a stable order, without walking in circles."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from src import originals
from src.errors import UnreadableImage, UnreadablePath
from src.processing.decoding.image_io import display_text, looks_like_image
from src.processing.typed_path import parse_path as parse_path
from src.schema import EXPORT_MARK, FoundFile, Skipped

BINS = (
    *("$RECYCLE.BIN", "$Recycle.Bin", "RECYCLER", "RECYCLED"),
    *("#recycle", "@Recycle", "trashbox", "Network Trash Folder", "files_trashbin"),
)
"""Recycle bins of Windows, NAS boxes (Synology, QNAP, Buffalo), file servers and Nextcloud. Others begin with a dot."""
PRIVATE = (
    *("@eaDir", "@SynoEAStream", "@SynoResource", "@tmp", "@sharebin", "@__thumb"),  # a NAS's thumbnails and scratch
    *("#snapshot", "@Recently-Snapshot", "~snapshot", "files_versions"),  # earlier states of the same files
    # the system's own
    *("System Volume Information", "lost+found", "__MACOSX", "TheVolumeSettingsFolder", "Temporary Items"),
)
"""Folders that systems and NAS boxes keep for themselves."""
_FOLDS = os.name == "nt" or sys.platform == "darwin"
_OWN_NAMES = frozenset(name.casefold() if _FOLDS else name for name in (*BINS, *PRIVATE))
_PREVIEWS = (".lrdata", ".lrcat-data")
"""Endings of the folders in which Lightroom keeps previews."""
_BUNDLES = (".photoslibrary", ".aplibrary", ".photolibrary", ".migratedphotolibrary")
_ORIGINALS = ("originals", "Originals", "Masters")
"""What is looked into of a photo library of macOS: the rest are previews and copies."""
_LIBRARY_FILE, _LIBRARY_FOLDERS = "catalog.sqlite3", ("thumbs", "uploads")
"""Another library of this program: the catalogue, and folders beside it that hold pictures."""
_SYSTEM = (
    "proc",
    "sys",
    "dev",
    "run",
    "etc",
    "usr",
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "boot",
    "snap",
    "System",
    "Library",
)
_SYSTEM_ON_WINDOWS = ("windows", "program files", "program files (x86)", "programdata")
_DRIVES = ("media", "user")
"""Below /run: where drives and network folders are mounted."""


@dataclass
class Rules:
    """What decides whether a scan follows the links that it comes upon, and what it leaves out."""

    top: Path
    """The folder that is followed: the one that is scanned, or one around it."""
    own: Collection[Path] = ()
    """Folders that are never looked into, nor what is in them: the library's own."""
    others: Collection[Path] = ()
    """Folders that are followed beside ``top``: a link to them is not, or their photos would be there twice."""
    links: dict[Path, Path] = field(default_factory=dict)
    """Filled by the scan: link to a folder that it followed -> where it really leads."""


def find_images(
    path: Path, leave_out: Collection[Path] = (), rules: Rules | None = None
) -> Iterator[FoundFile | Skipped]:
    """Every picture file at or under ``path``, folders in name order.

    Left out are hidden files and folders, bins and private folders (see ``is_left_out``), exports and other libraries
    of this program, and ``leave_out`` with what is in it. A link to a folder is followed as ``leads_to_photos`` says. A
    file or folder given directly is always looked at, but for ``leave_out``. A sub-folder that may not be read is a
    Skipped. Raises UnreadablePath where ``path`` itself does not exist or may not be read.
    """
    check_readable(path)
    rules = rules or Rules(path)
    rules.own = {folder.resolve() for folder in (*leave_out, *rules.own)}
    rules.others = {folder.resolve() for folder in rules.others}
    if not _within(path, rules.own):
        yield from _walk(path, rules) if path.is_dir() else [FoundFile(path, _name(path))]


def is_left_out(name: str, folder: str) -> bool:
    """Whether a scan passes over a folder of this name in one of that name: hidden, a bin, a system's or program's."""
    if name.startswith(".") or (name.casefold() if _FOLDS else name) in _OWN_NAMES or name.endswith(_PREVIEWS):
        return True
    return folder.endswith(_BUNDLES) and name not in _ORIGINALS


def looks_into(top: Path, folder: Path) -> bool:
    """Whether a scan of ``top`` comes to ``folder``, which is it or below it and may not be there any more.

    Asks for no permission.
    """
    if not folder.is_relative_to(top):
        return False
    way = [folder, *folder.parents]
    for above, step in itertools.pairwise(reversed(way[: way.index(top) + 1])):
        if is_left_out(step.name, above.name) or _private(above, step.name) or os.path.exists(step / EXPORT_MARK):
            return False
        if os.path.islink(step) and not leads_to_photos(step, top):
            return False
    return True


def leads_to_photos(link: Path, top: Path) -> bool:
    """Whether a scan of ``top`` follows a link to a folder that it came upon.

    Not where it leads back inside ``top`` (that is looked at where it is, unless it is hidden there), to a folder that
    holds ``top``, or to a place of the system's own such as /proc or /usr. To any other folder, as on another drive or
    a NAS.
    """
    real, real_top = Path(os.path.realpath(link)), Path(os.path.realpath(top))
    if real_top.is_relative_to(real) or _private(real.parent, real.name):
        return False
    if real.is_relative_to(real_top):
        return not looks_into(real_top, real)
    return not _is_system(real)


def _is_system(real: Path) -> bool:
    first, second = (*real.parts[1:3], "", "")[:2]
    if os.name == "nt":
        return first.casefold() in _SYSTEM_ON_WINDOWS
    return first in _SYSTEM and not (first == "run" and second in _DRIVES)


def _private(folder: Path, name: str) -> bool:
    """Whether a folder's sub-folder belongs to another library, or to the system alone."""
    if name in _LIBRARY_FOLDERS and os.path.isfile(folder / _LIBRARY_FILE):
        return True
    return folder == Path(os.sep) and name in ("proc", "sys", "dev", "run")


def check_readable(path: Path) -> None:
    """Raise UnreadablePath where there is nothing at ``path``, it may not be read, or it is the whole computer.

    Looks no further.
    """
    # on Windows the top of a drive, which may well hold nothing but photos
    if os.name != "nt" and path == Path(os.sep):
        raise UnreadablePath(f"{os.sep} is the whole computer.", "Choose the folders in it that hold photos.")
    try:
        if path.is_dir():
            os.scandir(path).close()
        else:
            originals.open_regular(path, sys.maxsize).close()
    except UnreadableImage as error:
        raise UnreadablePath(f"{display_text(path)} is neither a folder nor a file.") from error
    except OSError as error:
        raise UnreadablePath(_why(path, error)) from error
    except ValueError as error:
        raise UnreadablePath(f"{display_text(path)} is no path: it holds a NUL character.") from error


def _walk(top: Path, rules: Rules) -> Iterator[FoundFile | Skipped]:
    """Depth first, each real folder once (a link back up is not followed again)."""
    waiting, seen = [top], set[tuple[int, int]]()
    while waiting:
        folder = waiting.pop()
        try:
            stat = folder.stat()
            if (stat.st_dev, stat.st_ino) in seen or (rules.own and folder.resolve() in rules.own):
                continue
            seen.add((stat.st_dev, stat.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(display_text(folder), _why(folder, error))
            continue
        if folder != top and any(entry.name == EXPORT_MARK for entry in entries):
            continue
        waiting.extend(reversed([Path(entry.path) for entry in entries if _is_entered(entry, folder, rules)]))
        files = (Path(entry.path) for entry in entries if not entry.name.startswith(".") and _is_file(entry))
        yield from (FoundFile(file, _name(file)) for file in files if looks_like_image(file))


def _is_entered(entry: os.DirEntry[str], folder: Path, rules: Rules) -> bool:
    """Whether a scan goes into this sub-folder; notes the links that it follows."""
    if not _is_folder(entry) or is_left_out(entry.name, folder.name) or _private(folder, entry.name):
        return False
    if not entry.is_symlink():
        return True
    link, real = Path(entry.path), Path(os.path.realpath(entry.path))
    if _within(real, rules.own) or _within(real, rules.others) or not leads_to_photos(link, rules.top):
        return False
    rules.links[link] = real
    return True


def _within(path: Path, folders: Collection[Path]) -> bool:
    """Whether a path leads to one of the folders (real paths), or into it."""
    return bool(folders) and not {path.resolve(), *path.resolve().parents}.isdisjoint(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """A regular file, or a link to one: never a pipe or a device, which would block."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _name(path: Path) -> str:
    return display_text(Path(path.name))


def _why(path: Path, error: OSError) -> str:
    shown = display_text(path)
    if isinstance(error, PermissionError):
        return f"There is no permission to read {shown}."
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"There is no file or folder {shown}."
    return f"{shown} can't be read: {error.strerror or error}."
