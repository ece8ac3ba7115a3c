"""Which of several copies is worth keeping, and why: by rules that each can be told in a few words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from src.schema.duplicates import Copy, Reason

_FORMATS = {"RAW": 0, "HEIF": 1, "AVIF": 1, "JPEG": 1, "TIFF": 1}
"""How near to what the camera made a format is. The others hold copies as a rule, such as a PNG made of a JPEG."""
_COPY = 2
_LARGER = 1.25
"""So many times the sharpness or the bytes is a difference that counts."""


@dataclass(frozen=True)
class Rule:
    """One thing that makes a copy the better one. ``rank``: the lowest is best. ``told``: of the best and the next."""

    code: str
    rank: Callable[[Copy], Any]
    told: Callable[[Copy, Copy], str]


RULES: tuple[Rule, ...] = (
    Rule(
        "pixels",
        lambda copy: -copy.pixels,
        lambda best, next_: f"more pixels ({_size(best)} against {_size(next_)})",
    ),
    Rule(
        "format",
        lambda copy: _FORMATS.get(copy.format, _COPY),
        lambda best, next_: f"nearer to what the camera made ({best.format} against {next_.format})",
    ),
    Rule("camera", lambda copy: not copy.camera, lambda best, _: f"it tells its camera ({best.camera})"),
    Rule(
        "bytes",
        lambda copy: -_steps(copy.bytes),
        lambda best, next_: f"less compressed ({best.bytes:,} bytes against {next_.bytes:,})",
    ),
    Rule("sharpness", lambda copy: -_steps(copy.sharpness), lambda *_: "sharper"),
    Rule("taken", lambda copy: copy.taken_at or "9", lambda *_: "taken earlier"),
    Rule("changed", lambda copy: copy.changed_ns, lambda *_: "its file is older"),
    Rule("added", lambda copy: copy.added_at, lambda *_: "in the library for longer"),
)
"""The first that tells copies apart decides. A photo that tells its camera goes before a larger file: what was saved
anew with little compression is larger, and no better.
"""


def best_first(copies: Sequence[Copy], shots: bool = False) -> list[Copy]:
    """Copies in the order in which they are worth keeping. shots: of one moment, where the sharpest is wanted."""

    def rank(copy: Copy) -> tuple[Any, ...]:
        return (_sharp(copy) if shots else 0, *(rule.rank(copy) for rule in RULES), copy.image_id)

    return sorted(copies, key=rank)


def why(best: Copy, others: Sequence[Copy], shots: bool = False) -> list[Reason]:
    """Why the best is kept: the first rule by which it goes before each of the others, each rule once."""
    found: dict[str, Reason] = {}
    for other in others:
        if shots and _sharp(best) != _sharp(other):
            found.setdefault("sharpness", Reason("sharpness", "Worth keeping: sharper."))
            continue
        rule = next((rule for rule in RULES if rule.rank(best) != rule.rank(other)), None)
        if rule:
            found.setdefault(rule.code, Reason(rule.code, f"Worth keeping: {rule.told(best, other)}."))
    return list(found.values())


def _sharp(copy: Copy) -> int:
    return -_steps(copy.sharpness)


def _steps(number: float) -> int:
    """How often a number is a quarter larger than one: smaller differences tell nothing."""
    return round(math.log(max(number, 1e-3), _LARGER))


def _size(copy: Copy) -> str:
    return f"{copy.width:,} x {copy.height:,}"
