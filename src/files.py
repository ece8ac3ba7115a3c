"""Writing that lasts through a power cut."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

DRAFT = ".mfe-part"
"""How the names of files end that this program has not finished."""


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder durable, where the system has a way to (Windows opens no folders)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def draft_of(target: Path) -> Path:
    """A name beside ``target`` to write to before it is renamed: only this program gives it, another each time."""
    return target.with_name(f"{target.name}.{secrets.token_hex(4)}{DRAFT}")


@contextmanager
def write_atomically(target: Path, durable: bool = True, private: bool = False) -> Iterator[IO[bytes]]:
    """A file to write to that replaces ``target`` once it is whole; on any error it is removed.

    durable: it is on the disk before it has the name (``sync_folder`` makes the name last too). private: nobody but the
    user may read it, from its first byte on, where the system knows such a thing. Raises OSError.
    """
    draft = draft_of(target)
    try:
        with open(draft, "xb", opener=_for_nobody_else if private else None) as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _for_nobody_else(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def write_json(target: Path, said: Any, private: bool = False) -> None:
    """Replace a file by one that holds this, whole and on the disk before it has the name. Raises OSError."""
    with write_atomically(target, private=private) as file:
        file.write(json.dumps(said).encode())


def size_of(file: Path) -> int:
    """In bytes; 0 for one that is not there: others may be deleting it."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def identity_of(file: Path) -> tuple[int, int] | None:
    """Which file is in that place now, None where there is none: a library that was never filled has no byte in it."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) and found.st_size else None


def sha256_of(file: Path) -> str:
    """Of its bytes, in hexadecimal. Raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
