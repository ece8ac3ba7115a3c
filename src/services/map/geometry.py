"""What a map is made by, with numpy alone: main directions of vectors, nearest landmarks, places, areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from src.schema import FloatArray

DIRECTIONS = 50
"""Main directions that are kept of vectors."""
NEAREST = 3
"""Landmarks by which a photo that is none is placed."""
_BLOCK = 1_024
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Projection:
    """The main directions of some vectors (PCA). middle: (D,), directions: (D, k), both float32."""

    middle: FloatArray
    directions: FloatArray

    def of(self, vectors: FloatArray) -> FloatArray:
        """(n, D) -> (n, k)."""
        found: FloatArray = ((vectors - self.middle) @ self.directions).astype(np.float32)
        return found


def projection_of(vectors: FloatArray, directions: int = DIRECTIONS) -> Projection:
    """Of (n, D) vectors; of as many directions as there are, where there are fewer."""
    middle = vectors.mean(axis=0)
    spread = vectors - middle
    strengths, axes = np.linalg.eigh((spread.T @ spread).astype(np.float64))
    main = np.argsort(strengths)[::-1][:directions]
    return Projection(middle.astype(np.float32), np.ascontiguousarray(axes[:, main], np.float32))


def nearest(landmarks: FloatArray, points: FloatArray, number: int) -> tuple[Numbers, FloatArray]:
    """Of each of (n, k) points the nearest of (m, k) landmarks, the nearest first, and how far they are: (n, number)
    each, of fewer columns where there are fewer landmarks.
    """
    number = min(number, len(landmarks))
    lengths = np.einsum("ij,ij->i", landmarks, landmarks)
    parts = [_nearest(landmarks, lengths, points[at : at + _BLOCK], number) for at in range(0, len(points), _BLOCK)]
    if not parts:
        return np.empty((0, number), np.int64), np.empty((0, number), np.float32)
    return np.concatenate([found for found, _ in parts]), np.concatenate([far for _, far in parts])


def _nearest(landmarks: FloatArray, lengths: FloatArray, points: FloatArray, number: int) -> tuple[Numbers, FloatArray]:
    far = lengths - 2 * (points @ landmarks.T)  # the square of the distance, but for what is the same for all landmarks
    found = np.argpartition(far, number - 1, axis=1)[:, :number] if number < len(landmarks) else _all(far)
    squares = np.take_along_axis(far, found, axis=1) + np.einsum("ij,ij->i", points, points)[:, None]
    order = np.argsort(squares, axis=1, kind="stable")
    distances = np.sqrt(np.maximum(np.take_along_axis(squares, order, axis=1), 0))
    return np.take_along_axis(found, order, axis=1).astype(np.int64), distances.astype(np.float32)


def _all(far: FloatArray) -> Numbers:
    return np.tile(np.arange(far.shape[1]), (len(far), 1))


def placed(positions: FloatArray, found: Numbers, distances: FloatArray) -> FloatArray:
    """Where points lie by their nearest landmarks (see ``nearest``), whose (m, 2) positions are known: (n, 2).

    In their middle, much nearer to the nearest: the more the others count, the more points end up between groups that
    they belong to one of.
    """
    if not len(found):
        return np.empty((0, 2), np.float32)
    beyond = distances - distances[:, :1]
    scale = np.maximum(beyond.mean(axis=1, keepdims=True), 1e-6)
    say = np.exp(-4 * beyond / scale)
    say /= say.sum(axis=1, keepdims=True)
    where: FloatArray = np.einsum("ij,ijk->ik", say, positions[found]).astype(np.float32)
    return where


def fitted(positions: FloatArray) -> FloatArray:
    """(n, 2), turned so that they spread to the sides more than up and down, moved, and scaled alike in both directions
    so that all lie in -1..1.
    """
    positions = projection_of(positions, 2).of(positions)
    low, high = positions.min(axis=0), positions.max(axis=0)
    side = max(float((high - low).max()), 1e-6)
    within: FloatArray = ((positions - (low + high) / 2) * (2 * 0.96 / side)).astype(np.float32)
    return within


def inside(polygon: FloatArray, points: FloatArray) -> Flags:
    """Which of (n, 2) points lie in a polygon of (k, 2) corners, by the even-odd rule."""
    found = np.zeros(len(points), np.bool_)
    if len(polygon) < 3:
        return found
    near = np.flatnonzero(((points >= polygon.min(axis=0)) & (points <= polygon.max(axis=0))).all(axis=1))
    x, y = points[near].T
    odd = np.zeros(len(near), np.bool_)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y1 != y2:
            crossing = (y1 > y) != (y2 > y)
            odd ^= crossing & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    found[near] = odd
    return found
