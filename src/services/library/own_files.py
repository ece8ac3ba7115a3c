"""Which files under data/uploads and data/thumbs are the program's own: no others there are removed or taken for ours.

A folder of these names may have been somebody else's before. So a file is ours where the catalogue knows it by a name
that only we give, or where it carries such a name and proves it: an upload is named by its own bytes, a thumbnail has a
mark in it, and what was left half-written has a name that nothing else gives.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from src.config import Settings
from src.files import DRAFT
from src.plain_files import open_plain
from src.processing.decoding.image_io import image_id
from src.processing.thumbnails import is_marked, thumbnail_path, thumbnail_place
from src.text import count

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_UPLOAD = re.compile(rf"({_ID})(\.[a-z0-9]{{1,5}})?")
_THUMBNAIL = re.compile(rf"({_ID})\.jpg")
MOST_BYTES = 500 * 2**20
"""Of an upload: what the server takes of one file (``maxUploadSize``).

A larger file is none, and is not read to see.
"""
_DRAFT = re.compile(rf"{_ID}(\.[a-z0-9]{{1,5}})?\.[0-9a-f]{{8}}{re.escape(DRAFT)}")


def is_draft(file: Path) -> bool:
    """Whether it is an upload or a thumbnail of ours that was left half-written."""
    return _DRAFT.fullmatch(file.name) is not None and _is_regular(file)


def is_upload_of(file: Path, image: str) -> bool:
    """Whether a file has the name under which an image's upload is stored, whatever has become of its bytes."""
    found = _UPLOAD.fullmatch(file.name)
    return found is not None and found[1] == image and _is_regular(file)


def proves_upload(file: Path) -> bool:
    """Whether a file is an upload of ours: named by what its bytes are."""
    found = _UPLOAD.fullmatch(file.name)
    if found is None or not _is_regular(file):
        return False
    try:
        with open_plain(file) as opened:
            if os.fstat(opened.fileno()).st_size > MOST_BYTES:
                return False
            return image_id(hashlib.file_digest(opened, "sha256").hexdigest()) == found[1]
    except OSError:
        return False


def proves_thumbnail(file: Path, folder: Path, images: Collection[str]) -> bool:
    """Whether a file is a thumbnail of ours: of one of ``images``, which the library knows, or with our mark in it."""
    found = _THUMBNAIL.fullmatch(file.name)
    if found is None or file != thumbnail_path(folder, found[1]) or not _is_regular(file):
        return False
    return found[1] in images or is_marked(file)


def named_like_ours(file: Path) -> bool:
    """Whether its name alone may be one of ours: for numbers that are only shown."""
    return any(pattern.fullmatch(file.name) for pattern in (_UPLOAD, _THUMBNAIL, _DRAFT))


def thumbnails(folder: Path) -> Iterator[Path]:
    """Files where thumbnails are kept, ours or not."""
    for place in _listed(folder):
        if re.fullmatch(r"[0-9a-f]{2}", place.name) and place.is_dir() and not place.is_symlink():
            yield from _listed(place)


def remove_thumbnails(folder: Path, images: Collection[str]) -> None:
    """Remove every thumbnail of ours, finished or not, and the folders that this leaves empty."""
    remove(file for file in thumbnails(folder) if is_draft(file) or proves_thumbnail(file, folder, images))


def remove(files: Iterable[Path]) -> None:
    """Remove files known to be ours, then those of their folders, and above a thumbnail's, that are empty now."""
    emptied: set[Path] = set()
    for file in files:
        with suppress(OSError):
            file.unlink(missing_ok=True)
            emptied.add(file.parent)
    for place in sorted(
        {*emptied, *(place.parent for place in emptied if len(place.name) == 2)}, key=lambda place: -len(place.parts)
    ):
        with suppress(OSError):  # what is not empty stays
            place.rmdir()


class Strangers:
    """Files in the library's folders that this program did not make."""

    def __init__(self, settings: Settings, images: Collection[str], uploads: Collection[Path]) -> None:
        """images: ids of all images that the library knows. uploads: files that it knows as stored uploads."""
        self._folders = (settings.uploads_dir, settings.thumbs_dir)
        self._thumbs = settings.thumbs_dir
        self._images = images
        self._uploads = uploads
        self._known = {name: sub for sub, name in map(thumbnail_place, images)}

    def sentence(self) -> str:
        """How many there are, and where; empty where there are none. Goes through both folders."""
        found = {folder: number for folder in self._folders if (number := sum(1 for _ in self._in(folder)))}
        if not found:
            return ""
        number, places = sum(found.values()), " and ".join(str(folder) for folder in found)
        was = "was left where it is" if number == 1 else "were left where they are"
        return f"{count(number, 'file')} that this program did not make {was}, in {places}."

    def _in(self, folder: Path) -> Iterator[Path]:
        for entry in _files(folder):
            if not self._is_known(entry) and not self._is_ours(file := Path(entry.path)):
                yield file

    def _is_known(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is a thumbnail of a photo of the library, as nearly all are: told without asking for the file."""
        sub = self._known.get(entry.name)
        return (
            sub is not None
            and entry.path == os.path.join(self._thumbs, sub, entry.name)
            and entry.is_file(follow_symlinks=False)
        )

    def _is_ours(self, file: Path) -> bool:
        if file.name.endswith(DRAFT):
            return is_draft(file)
        if self._thumbs in file.parents:
            return proves_thumbnail(file, self._thumbs, self._images)
        return file.parent == self._folders[0] and (file in self._uploads or proves_upload(file))


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What is no folder in a folder and those in it; one that can't be read has nothing in it."""
    places: list[str] = [str(folder)]
    while places:
        with suppress(OSError), os.scandir(places.pop()) as entries:
            for entry in entries:
                if not entry.is_dir():
                    yield entry
                elif not entry.is_symlink():
                    places.append(entry.path)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_regular(file: Path) -> bool:
    """A file of its own: what a link leads to is somebody else's."""
    try:
        return S_ISREG(file.lstat().st_mode)
    except OSError:
        return False
