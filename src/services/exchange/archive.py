"""The archive of a library: which members a ZIP may have, and the manifest that says what they are.

An archive may come from anywhere, so nothing in it is believed: a member that ``export_library`` would not write
refuses the whole.
"""

from __future__ import annotations

import contextlib
import json
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from src.database.catalog.stranger import SCHEMA
from src.errors import LibraryNewer, LibraryUnusable, UnreadablePath
from src.identity import UPLOAD_NAME, UUID_PATTERN
from src.processing.decoding.image_io import display_text

CATALOG, MANIFEST = "catalog.sqlite3", "manifest.json"
FORMAT, VERSION = "media-feature-extractor library", 1
MANIFEST_BYTES = 1 << 16
BLOCK = 1 << 20
"""Bytes of a member that are read or written at a time."""
_THUMBNAIL = re.compile(rf"thumbs/([0-9a-f]{{2}})/(?=\1){UUID_PATTERN}\.jpg")
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OverflowError, struct.error)
"""What the zipfile module is seen to raise for bytes that are no good ZIP."""


@dataclass(frozen=True)
class Manifest:
    """What an archive holds.

    ``schema``: the catalogue's version; sizes in bytes; ``thumbs`` and ``uploads`` count files.
    """

    schema: int
    catalogue_bytes: int
    catalogue_sha256: str
    thumbs: int
    uploads: int

    def as_json(self, facts: Mapping[str, Any]) -> str:
        """The manifest's text; ``facts`` are for people and are not read again."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self), "facts": dict(facts)}, indent=1)


@contextlib.contextmanager
def opened_archive(file: Path) -> Iterator[zipfile.ZipFile]:
    """The archive for reading.

    Raises UnreadablePath where there is no readable file, LibraryUnusable where it is no good ZIP.
    """
    try:
        if not file.is_file():
            raise UnreadablePath(f"There is no file {display_text(file)}.")
        source = file.open("rb")
    except OSError as error:
        raise UnreadablePath(f"{display_text(file)} can't be read ({error.strerror or error}).") from error
    try:
        with source, zipfile.ZipFile(source) as archive:
            yield archive
    except _DAMAGED as error:
        raise LibraryUnusable(f"{display_text(file)} is no library archive, or it is damaged.") from error


def checked_members(archive: zipfile.ZipFile, size: int) -> list[zipfile.ZipInfo]:
    """Every member but the manifest. Raises LibraryUnusable unless each is one that an export writes.

    size: bytes of the archive. Members are stored as they are, so together they can't be larger: no bomb gets through.
    """
    members = archive.infolist()
    names = {member.filename for member in members}
    strange = next((member for member in members if not _is_expected(member)), None)
    if strange is not None:
        raise refusal(f"a member that does not belong there: {strange.orig_filename[:200]!r}")
    if len(names) != len(members) or not {CATALOG, MANIFEST} <= names:
        raise refusal("the same member twice, or none that it must have")
    if sum(member.file_size for member in members) > size:
        raise refusal("members that are larger than the archive")
    return [member for member in members if member.filename != MANIFEST]


def read_manifest(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Manifest:
    """The manifest.

    Raises LibraryUnusable unless it fits the members, LibraryNewer where a newer version of this program wrote it.
    """
    if archive.getinfo(MANIFEST).file_size > MANIFEST_BYTES:
        raise refusal("a manifest that is far too long")
    try:
        said = json.loads(archive.read(MANIFEST))
        known, version = said["format"] == FORMAT, int(said["version"])
        manifest = (
            Manifest(*(kind(said[name]) for name, kind in _FIELDS.items())) if known and version == VERSION else None
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise refusal("a manifest that can't be read") from error
    if known and (version > VERSION or (manifest and manifest.schema > SCHEMA)):
        raise LibraryNewer(
            "The archive was written by a newer version of this program.", "Update the program, then import it."
        )
    if manifest is None:
        raise refusal("a manifest of another format or version")
    found = [member.filename.split("/")[0] for member in members]
    sizes = [member.file_size for member in members if member.filename == CATALOG]
    if (found.count("thumbs"), found.count("uploads"), sizes) != (
        manifest.thumbs,
        manifest.uploads,
        [manifest.catalogue_bytes],
    ):
        raise refusal("other members than its manifest says")
    return manifest


_FIELDS = {"schema": int, "catalogue_bytes": int, "catalogue_sha256": str, "thumbs": int, "uploads": int}


def refusal(what: str) -> LibraryUnusable:
    return LibraryUnusable(
        f"The archive is refused: it has {what}.", "Only archives made by export-library can be imported."
    )


def _is_expected(member: zipfile.ZipInfo) -> bool:
    """A plain file, stored as it is, under a name that an export gives (in the file: zipfile tidies names)."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    plain = not member.flag_bits & 0x41 and kind in (0, stat.S_IFREG)
    stored = member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size
    return plain and stored and _is_ours(member.orig_filename)


def _is_ours(name: str) -> bool:
    folder, _, upload = name.partition("/")
    return name in (CATALOG, MANIFEST) or bool(
        _THUMBNAIL.fullmatch(name) or (folder == "uploads" and UPLOAD_NAME.fullmatch(upload))
    )
