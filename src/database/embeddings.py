"""Vectors and names of collections as scripts give them, and what they get back."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from src.errors import BadInput, WrongDimensions
from src.schema import FloatArray, Kind

IMPORTED = "image-imported."
"""How the names of collections begin whose vectors of images were made elsewhere."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,510}[A-Za-z0-9]")


@dataclass(frozen=True)
class VectorMatch:
    """One result of ``search_by_embedding``. ``score`` is a cosine in [-1, 1], higher is better."""

    id: str
    score: float
    metadata: dict[str, Any]


def library_collection(space: str, kind: Kind = "image") -> str:
    """Name of the app's own collection for a space and a kind of thing."""
    return f"{kind}-{space}"


def check_name(name: str) -> None:
    """Raise BadInput for a name that is not 3 to 512 of ``A-Za-z0-9._-``."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} can't name a collection.", "Use 3 to 512 letters, digits, dots, dashes and underscores."
        )


def check_dimensions(name: str, known: int, matrix: FloatArray) -> None:
    """Raise WrongDimensions where queries (n, D) are not as long as a collection's vectors: ``known``, 0 for none."""
    if known and known != matrix.shape[1]:
        raise WrongDimensions(
            f"The collection {name!r} holds vectors of length {known}, the query has {matrix.shape[1]}."
        )


def together(
    embeddings: Sequence[npt.ArrayLike] | npt.NDArray[Any],
    metadatas: Sequence[Mapping[str, Any]] | None,
    ids: Sequence[str] | None,
) -> tuple[FloatArray, list[str], list[Mapping[str, Any]]]:
    """As many vectors of norm 1, ids (made up where not given) and metadatas. Raises BadInput."""
    matrix = normalised(embeddings)
    keys = [uuid.uuid4().hex for _ in matrix] if ids is None else [str(id_) for id_ in ids]
    details: list[Mapping[str, Any]] = [{} for _ in matrix] if metadatas is None else list(metadatas)
    if not len(matrix) == len(keys) == len(details) == len(set(keys)):
        raise BadInput(
            f"{len(matrix)} embeddings, {len(details)} metadatas and {len(set(keys))} distinct ids don't go together."
        )
    return matrix, keys, details


def normalised(vectors: Sequence[npt.ArrayLike] | npt.NDArray[Any]) -> FloatArray:
    """n vectors of any scale -> (n, D) float32 of norm 1. Raises BadInput for ragged, zero or not finite ones."""
    try:
        matrix = np.asarray(vectors, dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise BadInput("The embeddings are not vectors of one length.") from error
    if matrix.size == 0:
        return matrix.reshape(0, 0)
    if matrix.ndim != 2:
        raise BadInput(f"Embeddings come as n vectors of length D, not in the shape {matrix.shape}.")
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or not (norms > 0).all():
        raise BadInput("An embedding is zero or not finite.")
    return np.asarray(matrix / norms, dtype=np.float32)
