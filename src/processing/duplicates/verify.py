"""Whether two pictures are the same one: compared pixel by pixel on very small copies, wherever they may be the same.

One may be resized, re-compressed, tinted, turned or mirrored, or be a part of the other. The copies are as
``Print.grey`` has them. What is measured is the normalised cross-correlation of the whole (1 for copies, however
bright), and of the worst of its 16 tiles: where a face or a word was changed, one of them is unlike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from src.processing.duplicates.pdq import TURNS, swaps_sides
from src.schema import FloatArray

Greys = npt.NDArray[np.uint8]
"""(n, 32, 32)."""
Windows = npt.NDArray[np.float64]
"""(n, 4): left, top, width and height of a part of a picture, as shares of it."""
_BLACK, _WHITE = 6, 249
"""Brightness at which a pixel says nothing any more: a tint has cut it off."""
_TILES = 4
_NOISE = 8.0
"""Variance that a tile is believed to have at least: the noise of a plain one is no difference."""
_SEEN = 0.25
"""Share of a tile's pixels that must say something for the tile to be judged."""
_DETAIL, _DETAILED = 4 * _NOISE, 4
"""Variance of a tile that has something in it, and how many of them a part has at least."""
_COARSE, _LIKELY, _POSSIBLE = 8, 0.6, 0.75
"""Side of the copies on which pairs are ruled out at little cost, and their least correlation, whole and in part."""
_PARTS = (0.92, 0.84, 0.76, 0.66)
"""Sides of the parts that are tried, as shares of the whole's; what lies between is found from the nearest."""
_LEAST_PART = 0.5
_PLACES = (0.0, 0.5, 1.0)
_ROUNDS = 8
_BLOCK = 2_048
"""Pairs compared at a time."""


@dataclass(frozen=True)
class Bar:
    """How alike copies are at least, as a whole and in the worst tile."""

    match: float = 0.94
    worst: float = 0.5


BAR = Bar()
"""Chosen by ``benchmarks.duplicates`` on half of its photos."""


@dataclass(frozen=True)
class Likenesses:
    """What n pairs have in common, an entry each."""

    turn: npt.NDArray[np.int64]
    """Number in ``TURNS`` of what makes the second of the first, (n,)."""
    share: FloatArray
    """Of the first that the second shows, (n,): 1 for all of it; over 1 where the first is a part of the second."""
    match: FloatArray
    """Correlation, (n,)."""
    worst: FloatArray
    """Of the worst tile, (n,)."""

    def same(self, bar: Bar) -> npt.NDArray[np.bool_]:
        """Which pairs are the same picture, (n,)."""
        return (self.match >= bar.match) & (self.worst >= bar.worst)


def compared(
    first: Greys, second: Greys, shapes: FloatArray, turns: npt.NDArray[np.int64], bar: Bar = BAR
) -> Likenesses:
    """Of each first picture with the second of the same place: the first way in which they are the same.

    shapes: (n, 2), width by height of the first and the second picture in full: what parts are looked for. turns: (n,),
    numbers in ``TURNS`` of what was done to the first before a part of it was cut out, where it was; that of a picture
    as a whole is found.
    """
    blocks = []
    for at in range(0, max(len(first), 1), _BLOCK):
        some = slice(at, at + _BLOCK)
        blocks.append(_compared(first[some], second[some], shapes[some], turns[some], bar))
    names = ("turn", "share", "match", "worst")
    return Likenesses(**{name: np.concatenate([vars(one)[name] for one in blocks]) for name in names})


def _compared(first: Greys, second: Greys, shapes: FloatArray, turns: npt.NDArray[np.int64], bar: Bar) -> Likenesses:
    left, right = first.astype(np.float32), second.astype(np.float32)
    found = _as_a_whole(left, right)
    left, shape = _turned(left, shapes[:, 0], turns)
    for one, other, ratio, turned in (
        (left, right, shapes[:, 1] / shape, False),
        (right, left, shape / shapes[:, 1], True),
    ):
        todo = np.flatnonzero(~found.same(bar))
        part = _as_a_part(one[todo], other[todo], ratio[todo])
        places, better = todo[part.same(bar)], part.same(bar)
        found.turn[places] = turns[places]
        found.share[places] = 1 / part.share[better] if turned else part.share[better]
        found.match[places], found.worst[places] = part.match[better], part.worst[better]
    return found


def _turned(pictures: FloatArray, shape: FloatArray, turns: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Pictures (n, S, S) after turns (n,), and their width by height (n,) then."""
    done, new = pictures.copy(), shape.copy()
    for number in np.unique(turns):
        those = turns == number
        done[those] = TURNS[number](pictures[those])
        new[those] = 1 / shape[those] if swaps_sides(int(number)) else shape[those]
    return done, new


def _as_a_whole(left: FloatArray, right: FloatArray) -> Likenesses:
    """After the turn at which they are most alike: the first where several are as good."""
    small, other = _unit(_reduced(left, _COARSE)), _unit(_reduced(right, _COARSE))
    scores = np.stack([(_unit(turn(_reduced(left, _COARSE))) * other).sum(1) for turn in TURNS], 1)
    scores[:, 0] = (small * other).sum(1) + 1e-3
    turns = scores.argmax(1)
    match, worst = np.full(len(left), -1, np.float32), np.full(len(left), -1, np.float32)
    for number, turn in enumerate(TURNS):
        likely = np.flatnonzero((turns == number) & (scores.max(1) >= _LIKELY))
        match[likely], worst[likely] = _measured(turn(left[likely]), right[likely])
    return Likenesses(turns, np.ones(len(left), np.float32), match, worst)


def _as_a_part(whole: FloatArray, part: FloatArray, ratio: FloatArray) -> Likenesses:
    """The second as a part of the first. ratio: (n,), of the part's shape to the whole's."""
    match, worst = np.full(len(whole), -1, np.float32), np.full(len(whole), -1, np.float32)
    share = np.ones(len(whole), np.float32)
    windows, score = _best_window(_reduced(whole, _COARSE), _reduced(part, _COARSE), ratio)
    likely = np.flatnonzero(score >= _POSSIBLE)
    if len(likely):
        fitted = _fitted(whole[likely], part[likely], windows[likely])
        match[likely], worst[likely] = _measured(_cut(whole[likely], fitted), part[likely])
        share[likely] = fitted[:, 2] * fitted[:, 3]
        match[likely[_plain(part[likely])]] = -1
    return Likenesses(np.zeros(len(whole), np.int64), share, match, worst)


def _plain(part: FloatArray) -> npt.NDArray[np.bool_]:
    """Which pictures have so little in them that they would be a part of many, (n,)."""
    plain: npt.NDArray[np.bool_] = (_tiles(part).var(-1) >= _DETAIL).sum(1) < _DETAILED
    return plain


# ---------------------------------------------------------------- measures


def _measured(left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Correlations of pictures (n, S, S) that lie on each other: of the whole, and of the worst tile, (n,) each."""
    seen = ((left > _BLACK) & (left < _WHITE) & (right > _BLACK) & (right < _WHITE)).astype(np.float32)
    whole = _correlation(_flat(left), _flat(right), _flat(seen), 0.0)
    tiles = _tiles(seen)
    each = np.where(tiles.mean(-1) >= _SEEN, _correlation(_tiles(left), _tiles(right), tiles, _NOISE), 1.0)
    judged = seen.mean((1, 2)) >= _SEEN
    return np.where(judged, whole, -1.0).astype(np.float32), each.min(1).astype(np.float32)


def _correlation(left: FloatArray, right: FloatArray, seen: FloatArray, noise: float) -> FloatArray:
    """Of the last axis, of the pixels that are seen; ``noise`` is variance that both are taken to share."""
    number = np.maximum(seen.sum(-1, keepdims=True), 1.0)
    left = (left - (left * seen).sum(-1, keepdims=True) / number) * seen
    right = (right - (right * seen).sum(-1, keepdims=True) / number) * seen
    shared = noise * number[..., 0]
    lengths = ((left * left).sum(-1) + shared) * ((right * right).sum(-1) + shared)
    together: FloatArray = ((left * right).sum(-1) + shared) / np.sqrt(np.maximum(lengths, 1e-6))
    return together


def _tiles(pixels: FloatArray) -> FloatArray:
    """(n, S, S) -> (n, 16, pixels of a tile)."""
    number, side = len(pixels), pixels.shape[-1] // _TILES
    tiles = pixels.reshape(number, _TILES, side, _TILES, side).swapaxes(2, 3)
    return tiles.reshape(number, _TILES * _TILES, side * side)


def _reduced(pixels: FloatArray, side: int) -> FloatArray:
    factor = pixels.shape[-1] // side
    means: FloatArray = pixels.reshape(len(pixels), side, factor, side, factor).mean((2, 4))
    return means


def _flat(pixels: FloatArray) -> FloatArray:
    flat: FloatArray = pixels.reshape(len(pixels), pixels.shape[1] * pixels.shape[2])
    return flat


def _unit(pixels: FloatArray) -> FloatArray:
    """(n, S, S) -> (n, S * S) of mean 0 and length 1, or 0 for plain ones."""
    flat = _flat(pixels)
    flat = flat - flat.mean(1, keepdims=True)
    unit: FloatArray = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3)
    return unit


# ---------------------------------------------------------------- where a part lies


def _best_window(whole: FloatArray, part: FloatArray, ratio: FloatArray) -> tuple[Windows, FloatArray]:
    """Of windows of several sizes, at the edges and in the middle, the one that is most like the part."""
    wanted = _unit(part)
    best, score = np.zeros((len(whole), 4)), np.full(len(whole), -2.0, np.float32)
    for size in _PARTS:
        width, height = size * np.minimum(1, ratio), size * np.minimum(1, 1 / ratio)
        for x in _PLACES:
            for y in _PLACES:
                windows = np.stack(((1 - width) * x, (1 - height) * y, width, height), 1)
                found = (_unit(_cut(whole, windows)) * wanted).sum(1)
                better = found > score
                best[better], score[better] = windows[better], found[better]
    return best, score


def _fitted(whole: FloatArray, part: FloatArray, windows: Windows) -> Windows:
    """The windows moved and stretched until they are most like the parts (Lucas and Kanade, IJCAI 1981), first on
    copies of half the side, where a step goes further.
    """
    for side in (whole.shape[-1] // 2, whole.shape[-1]):
        there, wanted = _reduced(whole, side), _reduced(part, side)
        for _ in range(_ROUNDS):
            windows = _moved(windows, _step(_cut(there, windows), wanted))
    return windows


def _step(now: FloatArray, wanted: FloatArray) -> Windows:
    """How far to move a window right and down and to stretch it both ways, as shares of itself, (n, 4)."""
    number, side = len(now), now.shape[-1]
    middle = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    down, right = np.gradient(now, 1 / side, axis=(1, 2))
    slopes = np.stack((right, down, right * middle, down * middle[:, None]), -1).reshape(number, side * side, 4)
    spread = [np.maximum(pixels.std((1, 2), keepdims=True), 1e-3) for pixels in (now, wanted)]
    toned = (wanted - wanted.mean((1, 2), keepdims=True)) * (spread[0] / spread[1]) + now.mean((1, 2), keepdims=True)
    system = slopes.swapaxes(1, 2) @ slopes
    damped = 1e-3 * np.trace(system, axis1=1, axis2=2) / 4 + 1e-3
    system = system + damped[:, None, None] * np.eye(4, dtype=np.float32)
    step = np.linalg.solve(system, slopes.swapaxes(1, 2) @ _flat(toned - now)[..., None])
    clipped: Windows = np.clip(step[..., 0].astype(np.float64), -0.08, 0.08)
    return clipped


def _moved(windows: Windows, step: Windows) -> Windows:
    """Windows after a step, kept within the picture and not too small."""
    sides = np.clip(windows[:, 2:] * (1 + step[:, 2:]), _LEAST_PART, 1)
    middles = windows[:, :2] + windows[:, 2:] / 2 + step[:, :2] * windows[:, 2:]
    return np.concatenate((np.clip(middles - sides / 2, 0, 1 - sides), sides), 1)


def _cut(whole: FloatArray, windows: Windows) -> FloatArray:
    """What windows of pictures (n, S, S) show, at the same size."""
    side = whole.shape[-1]
    points = (np.arange(side) + 0.5) / side
    across, down = (
        _between((windows[:, axis, None] + windows[:, axis + 2, None] * points) * side - 0.5, side) for axis in (0, 1)
    )
    return (down @ whole @ across.swapaxes(1, 2)).astype(np.float32, copy=False)


def _between(places: npt.NDArray[np.float64], side: int) -> FloatArray:
    """(n, S, S): weights of the pixels of a row that make what lies at these places between them."""
    kept = np.clip(places, 0, side - 1)[..., None]
    weights: npt.NDArray[np.float64] = np.maximum(1 - np.abs(kept - np.arange(side)), 0)
    return weights.astype(np.float32)
