"""A process that lays landmarks out, so that what takes minutes and much memory holds up nothing else and can be ended.

Started by ``process``. It reads (m, k) float32 points as a .npy from stdin, says how far it is in lines of text, and
then writes (m, 2) positions and (m,) groups as two .npy. UMAP (McInnes, Healy and Melville, 2018) lays them out,
HDBSCAN (Campello, Moulavi and Sander, 2013) finds the groups; both packages are an extra.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from src.schema import FloatArray
from src.services.map.geometry import nearest

NEIGHBOURS = 15
"""Of a photo that are to lie beside it."""
LEAST = 20
"""Points from which on a layout by neighbours is worth more than the two main directions."""
DONE = b"done\n"
_READY, _COMPARED, _LAID_OUT = 0.05, 0.2, 0.95
"""Shares of the time that have passed when the packages are there, neighbours are known, and points have places."""
Told = Callable[[float], None]
Groups = npt.NDArray[np.int16]


def main() -> None:
    """Lay out what comes on stdin."""
    if hasattr(os, "nice"):
        os.nice(5)  # whoever looks at photos meanwhile goes first
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the packages print must not come between the answers

    def told(share: float) -> None:
        answers.write(f"{share:.4f}\n".encode())
        answers.flush()

    points = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    positions = laid_out(points, told)
    groups = grouped(positions)
    answers.write(DONE)
    _send(answers, positions)
    _send(answers, groups)
    answers.close()


def laid_out(points: FloatArray, told: Told = lambda _: None) -> FloatArray:
    """(m, k) -> (m, 2) float32. told: hears how far it is, 0 to 1."""
    if len(points) < LEAST:
        flat = np.zeros((len(points), 2), np.float32)
        flat[:, : min(2, points.shape[1])] = points[:, :2]
        return flat
    from umap import UMAP

    told(_READY)
    number = min(NEIGHBOURS, len(points) - 1)
    known = nearest(points, points, number)
    told(_COMPARED)
    umap = UMAP(
        n_neighbors=number, min_dist=0.1, init="pca", precomputed_knn=(*known, None), verbose=True,
        force_approximation_algorithm=True, tqdm_kwds={"file": _Epochs(told), "bar_format": "{percentage}"},
    )  # fmt: skip
    found: FloatArray = umap.fit_transform(points).astype(np.float32)
    told(_LAID_OUT)
    return found


class _Epochs:
    """What UMAP's progress is written to."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def write(self, text: str) -> None:
        try:
            percent = float(text.strip("\r\n "))
        except ValueError:
            return
        self._told(_COMPARED + (_LAID_OUT - _COMPARED) * percent / 100)

    def flush(self) -> None:
        """It writes at once."""


def grouped(positions: FloatArray) -> Groups:
    """(m, 2) -> (m,): the number of each point's group, from 0 on, and -1 for those in none."""
    if len(positions) < LEAST:
        return np.full(len(positions), -1, np.int16)
    from sklearn.cluster import HDBSCAN

    least = max(5, round(len(positions) / 150))
    found: Any = HDBSCAN(min_cluster_size=least, min_samples=5, copy=True).fit_predict(positions)
    return np.asarray(found, np.int16)


def _send(answers: IO[bytes], array: npt.NDArray[Any]) -> None:
    whole = io.BytesIO()
    np.save(whole, array, allow_pickle=False)
    answers.write(whole.getvalue())


if __name__ == "__main__":
    main()
