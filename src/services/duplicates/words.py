"""Why files are in one group, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from src.database.catalog.duplicates import Alike, FileOfImage
from src.schema.duplicates import Copy, Level, Reason

_TURNED = {1: "turned", 2: "turned", 3: "turned", 4: "mirrored", 5: "mirrored", 6: "mirrored and turned"}
_TURNED[7] = _TURNED[6]
_SMALLER, _WHOLE = 0.98, 0.95


def of_bytes(number: int) -> list[Reason]:
    return [Reason("same-bytes", f"The {number} files are the same, byte for byte.")]


def of_photos(level: Level, best: Copy, others: Sequence[Copy], links: Iterable[Alike]) -> list[Reason]:
    """What a group of photos has in common, and what was done to the others. links: of the best with each of them."""
    if level == "pixels":
        return [Reason("same-pixels", "Every pixel is the same; only what the files tell of it differs.")]
    if level == "shot":
        return [Reason("same-moment", "Taken at about the same time, and alike.")]
    found = [Reason("same-picture", "The same picture.")]
    turns = sorted({_TURNED[link.turn] for link in links if link.turn in _TURNED})
    found += [Reason("turned", f"A copy is {turn}.") for turn in turns]
    parts = [share for link in links if (share := min(link.share, 1 / link.share)) < _WHOLE]
    if parts:
        found.append(Reason("part", f"A copy shows {min(parts):.0%} of it."))
    if any(copy.pixels < _SMALLER * best.pixels for copy in others) and not parts:
        found.append(Reason("smaller", "A copy has fewer pixels."))
    if any(copy.format != best.format for copy in others):
        found.append(Reason("format", "A copy has another format."))
    return found


def of_files(best_first: Sequence[FileOfImage]) -> list[Reason]:
    """Why the first of files with the same bytes is kept."""
    best, rest = best_first[0], best_first[1:]
    if not best.uploaded and all(file.uploaded for file in rest):
        return [Reason("own", "Worth keeping: it is in a folder of yours; the others were uploaded.")]
    if all(best.mtime_ns < file.mtime_ns for file in rest):
        return [Reason("oldest", "Worth keeping: the oldest file.")]
    return [Reason("any", "Any of them is worth keeping; this one has the shortest path.")]
