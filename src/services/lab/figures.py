"""Tables and drawings of a report, as HTML that needs no script, no style of its own and no other file."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from src.errors import UnreadableImage
from src.processing.decoding.reader import PictureReader
from src.schema import FloatArray
from src.schema.lab import Counts, Measured, OfClass, Pair
from src.text import shown

SIDE = 128
"""Pixels that a picture's longer side has at most in a report."""
MOST_CLASSES = 20
"""Of more classes, those that are confused most are drawn."""
LEVELS = 10
"""Shades of a cell."""
_WIDE, _HIGH, _FOOT = 400, 150, 22
_BINS = 100


def text(said: object) -> str:
    """Anything as text in HTML, in which nothing is a tag or drives the page."""
    return escape(shown(str(said)), quote=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], best: Sequence[int] = ()) -> str:
    """A table that scrolls within itself. The first cell of a row is its name.

    best: places of columns of numbers, in which the highest is marked.
    """
    rows = list(rows)
    top = {column: max(map(str, (row[column] for row in rows)), key=float) for column in best if rows}
    head = "".join(f'<th scope="col">{text(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{text(row[0])}</th>'
        + "".join(_cell(row[at], top.get(at) == str(row[at]) and len(rows) > 1) for at in range(1, len(row)))
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: object, marked: bool) -> str:
    return f"<td>{f'<b>{text(value)}</b>' if marked else text(value)}</td>"


# ---------------------------------------------------------------- which class is taken for which


def confusion(counts: Counts, labels: Sequence[str]) -> str:
    """A table in which a cell is the fuller the more pictures of its row's class were said to be of its column's."""
    chosen = _most_confused(counts)
    part = counts[np.ix_(chosen, chosen)]
    shares = part / np.maximum(1, counts[chosen].sum(axis=1, keepdims=True))
    names = [text(labels[number]) for number in chosen]
    head = "".join(f'<th scope="col"><span>{name}</span></th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(_shaded(int(value), float(share)) for value, share in zip(row, of_row, strict=True))
        + "</tr>"
        for name, row, of_row in zip(names, part, shares, strict=True)
    )
    note = "" if len(chosen) == len(labels) else f"<p>The {len(chosen)} classes that are confused most.</p>"
    grid = f'<table class="confusion"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'{note}<div class="scroll" tabindex="0">{grid}</div>'


def _most_confused(counts: Counts) -> list[int]:
    if len(counts) <= MOST_CLASSES:
        return list(range(len(counts)))
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    return sorted(np.argsort(-wrong, kind="stable")[:MOST_CLASSES].tolist())


def _shaded(value: int, share: float) -> str:
    return f'<td class="s{round(share * LEVELS)}">{value or ""}</td>'


# ---------------------------------------------------------------- drawings


def distributions(measured: Measured) -> str:
    """How similar pairs of one class are, and pairs of two, as two hills over the cosines that there are."""
    same, different = (_shares(counts) for counts in (measured.same, measured.different))
    there = np.flatnonzero((same > 1e-4) | (different > 1e-4))
    first, last = int(there.min()), int(there.max()) + 1
    most = float(max(same.max(), different.max()))
    marks = "".join(_mark(cosine, first, last) for cosine in np.arange(-1, 1.01, 0.2))
    said = f"Cosines of pairs of one class and of two classes, {measured.model}"
    return (
        f'<svg viewBox="0 0 {_WIDE} {_HIGH + _FOOT}" role="img" aria-label="{text(said)}">'
        f'<path class="different" d="{_hill(different[first:last], most)}"/>'
        f'<path class="same" d="{_hill(same[first:last], most)}"/>'
        f'<path class="axis" d="M0 {_HIGH}H{_WIDE}"/>{marks}</svg>'
        '<p class="legend"><span class="key same"></span> one class &ensp;'
        '<span class="key different"></span> two classes &ensp; (left: unlike, right: alike)</p>'
    )


def _shares(counts: Counts) -> FloatArray:
    """(steps,) counts -> (_BINS,) shares."""
    summed = counts.reshape(_BINS, -1).sum(axis=1)
    return np.asarray(summed / max(1, summed.sum()), np.float32)


def _hill(shares: FloatArray, most: float) -> str:
    step = _WIDE / len(shares)
    points = [(step * (at + 0.5), _HIGH - float(share) / most * (_HIGH - 8)) for at, share in enumerate(shares)]
    line = "".join(f"L{x:.1f} {y:.1f}" for x, y in points)
    return f"M0 {_HIGH}{line}L{_WIDE} {_HIGH}Z"


def _mark(cosine: float, first: int, last: int) -> str:
    """A number below the axis; nothing for one outside, or too near to an end to be read."""
    at = ((cosine + 1) / 2 * _BINS - first) / (last - first) * _WIDE
    if not 12 < at < _WIDE - 12:
        return ""
    said = f"{round(cosine, 1) + 0.0:.1f}"  # no -0.0
    return f'<path class="axis" d="M{at:.1f} {_HIGH}v4"/><text x="{at:.1f}" y="{_HIGH + 17}">{said}</text>'


def classes(found: Sequence[OfClass], labels: Sequence[str]) -> str:
    """A row for each class, the worst first, with a bar as long as its share of nearest pictures."""
    order = sorted(range(len(found)), key=lambda number: found[number].near)
    chosen = [(labels[number], found[number]) for number in order[: 2 * MOST_CLASSES]]
    rows = "".join(
        f'<tr><th scope="row">{text(label)}</th><td>{one.near:.2f}</td>'
        f'<td><meter min="0" max="1" value="{one.near:.3f}"></meter></td>'
        f"<td>{one.recall:.2f}</td><td>{one.precision:.2f}</td></tr>"
        for label, one in chosen
    )
    heads = (
        '<th scope="col">class</th><th scope="col" colspan="2">precision@10</th><th scope="col">knn finds</th>'
        '<th scope="col">knn is right</th>'
    )
    note = "" if len(chosen) == len(found) else f"<p>The {len(chosen)} classes with the lowest precision@10.</p>"
    return (
        f'{note}<div class="scroll" tabindex="0"><table class="classes"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


# ---------------------------------------------------------------- pictures


class Pictures:
    """Small copies of pictures, each made once and written into the report itself."""

    def __init__(self, reader: PictureReader) -> None:
        self._reader = reader
        self._made: dict[Path, str] = {}

    def of(self, path: Path, said: str) -> str:
        """An ``img``, or its name where the picture can't be read any more. said: what it shows, for who can't see."""
        if path not in self._made:
            self._made[path] = self._read(path)
        address = self._made[path]
        return f'<img alt="{text(said)}" src="{address}">' if address else f"<span>{text(said)}</span>"

    def _read(self, path: Path) -> str:
        try:
            picture, _ = self._reader.read(path, SIDE)
        except (UnreadableImage, OSError):
            return ""
        picture.thumbnail((SIDE, SIDE))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=80)
        return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def pairs(found: Sequence[Pair], names: Sequence[tuple[Path, str, str]], pictures: Pictures) -> str:
    """Pairs of pictures side by side. names: of every picture of the set its path, name and class."""
    figures = "".join(_pair(pair, names, pictures) for pair in found)
    return f'<div class="pairs">{figures}</div>'


def _pair(pair: Pair, names: Sequence[tuple[Path, str, str]], pictures: Pictures) -> str:
    both = [names[pair.first], names[pair.second]]
    images = "".join(pictures.of(path, f"{label}: {name}") for path, name, label in both)
    labels = " / ".join(dict.fromkeys(label for _, _, label in both))
    files = " and ".join(name for _, name, _ in both)
    return (
        f'<figure><div class="two">{images}</div><figcaption><b>{text(labels)}</b> {pair.cosine:.2f}'
        f"<small>{text(files)}</small></figcaption></figure>"
    )
