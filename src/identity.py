"""What an image is called: its bytes' SHA-256 makes its id, and an id is all that may become a file's name."""

from __future__ import annotations

import re
import uuid

from src.errors import LibraryUnusable

IMAGE_NAMESPACE = uuid.UUID("6f1f4c1e-6a0f-5d8e-9a57-1f0f6c3c2b11")
UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
UPLOAD_NAME = re.compile(rf"{UUID_PATTERN}(\.[a-z0-9]{{1,5}})?")
"""Name of a stored upload: the image's id and the ending that its file had."""
_ID = re.compile(UUID_PATTERN)


def image_id(sha256: str) -> str:
    """The image's identity: a UUIDv5 of its content hash."""
    return str(uuid.uuid5(IMAGE_NAMESPACE, sha256))


def is_id(value: object) -> bool:
    """Whether this is an id as ``image_id`` writes it. Anything else may be a path that leads somewhere."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def checked_id(value: object) -> str:
    """The id itself, to be put into a file's name. Raises LibraryUnusable where it is none."""
    if isinstance(value, str) and is_id(value):
        return value
    raise LibraryUnusable(
        f"The catalogue has a photo under {str(value)[:80]!r}, which is no photo's id.",
        "`doctor` removes what such a row says.",
    )
