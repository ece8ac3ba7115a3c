"""Why a photo is among the results, in a few plain words: "Its tag: beach", "Text in it: SALE 50 %"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from src.schema import Reason
from src.text import shown


def told(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """Each reason as the page's scripts draw it: ``label``, and the ``pieces`` of its text, those that are the words
    asked for marked: [[text, marked], ...].
    """
    return [{"label": reason.label, "pieces": _pieces(reason)} for reason in reasons]


def boxes(reasons: Sequence[Reason]) -> list[list[float]]:
    """Around the lines of text among them: left, top, right and bottom, as shares of the picture's sides."""
    found = []
    for reason in reasons:
        if reason.box is not None:
            across, down = zip(*reason.box, strict=True)
            found.append([min(across), min(down), max(across), max(down)])
    return found


def _pieces(reason: Reason) -> list[list[Any]]:
    """The text cut where the words begin and end; what is harmful in it is shown as such."""
    found, at = [], 0
    for start, end in (*reason.spans, (len(reason.text), len(reason.text))):
        found += [[shown(reason.text[at:start]), False], [shown(reason.text[start:end]), True]]
        at = end
    return [piece for piece in found if piece[0]]
