"""Files and stored texts that may be anything by now: opened only where they are plain files, and never waited for."""

from __future__ import annotations

import errno
import json
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any

from src.errors import LibraryUnusable

JSON_BYTES = 4 << 20
"""Most that is read of a file of JSON that this program keeps for itself: thousands of times what it writes."""
SQLITE = ("", "-journal", "-wal", "-shm")
"""What SQLite adds to the name of its database for the files beside it."""


def open_plain(path: Path) -> BufferedReader:
    """The file for reading. Raises OSError, at once, also for a pipe, a device or a folder under that name."""
    file = open(path, "rb", opener=opened_at_once)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return file


def begins_with(path: Path, mark: bytes) -> bool:
    """Whether there is a plain file that can be read, and that begins so."""
    try:
        with open_plain(path) as file:
            return file.read(len(mark)) == mark
    except OSError:
        return False


def is_special(path: Path) -> bool:
    """Whether something is there that is no plain file, nor a link to one: a folder, a pipe, a device.

    To open some is to wait.
    """
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def special_of_database(file: Path) -> Path | None:
    """The first file SQLite opens for a database that is no plain file: it would wait, and nothing could end that."""
    return next(filter(is_special, (file.with_name(file.name + ending) for ending in SQLITE)), None)


def no_plain_file(file: Path) -> LibraryUnusable:
    """What is to be said where one of the library's own files, without which it can't be opened, is none."""
    return LibraryUnusable(
        f"{file} is no plain file.", "It was left as it is. Move it away, or choose another folder with MFE_HOME."
    )


def opened_at_once(path: str, flags: int) -> int:
    """An ``opener`` for ``open`` that waits for no writer of a pipe, nor makes a terminal this program's own."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def read_object(path: Path) -> dict[str, Any]:
    """A small JSON object that we once wrote; {} where the file is absent, unreadable, too large or anything else.

    Whatever is in the file, nothing is raised: what is kept this way can always be found out anew.
    """
    try:
        with open_plain(path) as file:
            data = file.read(JSON_BYTES + 1)
    except OSError:
        return {}
    said = json_in(data) if len(data) <= JSON_BYTES else None
    return said if isinstance(said, dict) else {}


def json_in(text: object) -> Any:
    """What a stored text says in JSON; None where it is no text, no JSON, or nested too deeply to be ours."""
    try:
        return json.loads(text) if isinstance(text, str | bytes) else None
    except (ValueError, RecursionError):
        return None


def may_be_path(text: object) -> bool:
    """Whether a stored value is a text that the system takes as a path."""
    try:
        return isinstance(text, str) and bool(text) and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
