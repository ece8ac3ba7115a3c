"""Writing that lasts through a power cut."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

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
    """A name beside ``target`` to write to first, before it is renamed: one that only this program gives, another each time."""
    return target.with_name(f"{target.name}.{secrets.token_hex(4)}{DRAFT}")
