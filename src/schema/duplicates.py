"""Photos that are copies of each other, or of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["bytes", "pixels", "picture", "shot"]
"""What photos have in common. bytes: all of their files. pixels: every pixel; only what is told of them differs.
picture: what is to be seen, however it was resized, re-compressed, tinted, turned or cut out. shot: moment and camera.
"""
LEVELS: tuple[Level, ...] = get_args(Level)
"""The strictest first."""
Decision = Literal["same", "alternates", "different"]
"""What a person said of two photos. same: one of them is enough. alternates: both are wanted. different: they are not
what they were taken for.
"""
DECISIONS: tuple[Decision, ...] = get_args(Decision)
Fate = Literal["bin", "tag", "album"]
"""What becomes of the other photos of a group once one is kept: into the bin, under a tag, into an album."""
FATES: tuple[Fate, ...] = get_args(Fate)


@dataclass(frozen=True)
class Copy:
    """What is known of a photo that counts for which of several is kept; texts are empty where nothing tells."""

    image_id: str
    width: int
    height: int
    format: str
    bytes: int
    added_at: str
    changed_ns: int
    """When its oldest file was last changed, in nanoseconds since 1970."""
    taken_at: str
    camera: str
    sharpness: float

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class Reason:
    """Why photos are in one group, or why one of them is to be kept. ``code`` is for programs, ``text`` for people."""

    code: str
    text: str


@dataclass(frozen=True)
class DuplicateFile:
    """One file of a group. ``path`` is for display."""

    image_id: str
    path: str


@dataclass(frozen=True)
class DuplicateGroup:
    """Files that have something in common with the one that is worth keeping, which is the first."""

    level: Level
    files: tuple[DuplicateFile, ...]
    reasons: tuple[Reason, ...]

    @property
    def keep(self) -> DuplicateFile:
        return self.files[0]

    @property
    def photos(self) -> tuple[str, ...]:
        """Ids of its photos, the one to keep first; of files with the same bytes, one."""
        return tuple(dict.fromkeys(file.image_id for file in self.files))
