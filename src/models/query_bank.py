"""Queries that a model is tried with once, so that the scores of real ones can be understood: some that no photo
answers, and some of things that can be seen. What a cosine means differs from model to model; how it compares with
these does not.

The texts stand in ``query_bank_files`` and were written for this project.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from src.models import kept_tensors
from src.schema import FloatArray

TEXTS = Path(__file__).with_name("query_bank_files")
SHIPPED = Path(__file__).with_name("builtin_files")
SHRINKAGE = 0.6
"""Share of the covariance that is replaced by its mean variance: there are fewer queries than dimensions."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueryBank:
    """What a model makes of the bank's queries."""

    nothing: FloatArray
    """(m, D) float32, each row of norm 1: the vectors of queries that no photo answers."""
    direction: FloatArray
    """(D,) float32: along it, queries of visible things lie furthest from those (Fisher's linear discriminant)."""
    offset: float

    def visible(self, queries: FloatArray) -> FloatArray:
        """(q, D) vectors of words -> (q,): how much each is like a query of visible things.

        Below 0 it is more like those that no photo answers; the visible ones of the bank spread by 1.
        """
        found: FloatArray = np.asarray(queries, np.float32) @ self.direction + self.offset
        return found


class TextModel(Protocol):
    """What a bank is made of: ``encode_texts`` turns n texts into (n, D) float32 of norm 1."""

    @property
    def space(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def encode_texts(self, texts: Sequence[str]) -> FloatArray: ...


def texts(name: str) -> list[str]:
    """The queries of one of the two lists, ``nothing`` or ``visible``."""
    return [line for line in (TEXTS / f"{name}.txt").read_text(encoding="utf-8").splitlines() if line]


def build(encode: Callable[[Sequence[str]], FloatArray]) -> QueryBank:
    """Try a model with the queries: ``encode`` turns n texts into (n, D) float32 of norm 1. Takes about a second."""
    nothing, visible = encode(texts("nothing")), encode(texts("visible"))
    between = visible.mean(0) - nothing.mean(0)
    covariance = (np.cov(visible.T) + np.cov(nothing.T)) / 2
    mean_variance = float(np.trace(covariance)) / len(covariance)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * max(mean_variance, 1e-9) * np.eye(len(covariance))
    direction = np.linalg.solve(shrunk, between)
    spread = max(float((visible @ direction).std()), 1e-9)
    offset = -float(direction @ (visible.mean(0) + nothing.mean(0))) / 2
    return QueryBank(nothing, (direction / spread).astype(np.float32), offset / spread)


def save(bank: QueryBank, file: Path) -> None:
    """Write it whole or not at all. Raises OSError."""
    tensors: dict[str, npt.NDArray[Any]] = {
        "nothing": bank.nothing.astype(np.float16),
        "direction": bank.direction,
        "offset": np.array([bank.offset], np.float32),
    }
    kept_tensors.save(tensors, made_of(), file)


def read(file: Path, dimensions: int) -> QueryBank | None:
    """One that was saved; None where there is none, it was made of other texts, or it makes no sense."""
    shapes = {"nothing": (len(texts("nothing")), dimensions), "direction": (dimensions,), "offset": (1,)}
    found = kept_tensors.read(file, made_of(), shapes)
    return QueryBank(found["nothing"], found["direction"], float(found["offset"][0])) if found else None


def file_name(space: str) -> str:
    return f"{space}.safetensors"


def made_of() -> str:
    """A name for the texts and the way in which they are used; another one makes what was saved out of date."""
    known = "\n".join([*texts("nothing"), "", *texts("visible"), str(SHRINKAGE)])
    return hashlib.sha256(known.encode()).hexdigest()[:16]


class QueryBanks:
    """The bank of each model of one process: read from where it was saved, else made and saved.

    Safe to use from several threads.
    """

    def __init__(self, folder: Path) -> None:
        """folder: where banks are kept, beside those that ship with the project."""
        self._folder = folder
        self._known: dict[str, QueryBank] = {}
        self._lock = threading.Lock()

    def of(self, model: TextModel) -> QueryBank:
        """The bank of a model. Raises ModelError where it has to be made and the model can't be used."""
        with self._lock:
            if model.space not in self._known:
                name = file_name(model.space)
                saved = (read(folder / name, model.dimensions) for folder in (SHIPPED, self._folder))
                bank = next((bank for bank in saved if bank), None)
                self._known[model.space] = bank or self._made(self._folder / name, model)
            return self._known[model.space]

    def _made(self, file: Path, model: TextModel) -> QueryBank:
        bank = build(model.encode_texts)
        try:
            save(bank, file)
        except OSError as error:  # it is made again next time
            log.warning("the query bank of %s can't be kept: %s", model.space, error)
        return bank
