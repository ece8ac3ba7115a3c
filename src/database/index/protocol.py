"""What VectorDatabase asks of an approximate index, wherever that keeps its vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from src.database.nearest.exact import Match
from src.schema import FloatArray


@dataclass(frozen=True)
class Beside:
    """Vectors scanned beside each answer of a collection's index: what it does not find, and what was written last."""

    ids: tuple[str, ...] = ()
    missed: int = 0
    """So many at their start were not found when the index was last asked for them."""


class Index(Protocol):
    """Collections of vectors that can be thrown away and made again from the catalogue.

    ``beside``: of each collection, the vectors that its graph may not lead to (``reach.Reach``); kept as long as the
    collection.

    Every method may be called from any thread. Those that must reach the index raise IndexFailed where they can't; the
    caller then scans exactly. A fingerprint tells which rows a collection held when it was described; the first write
    after that takes it away.
    """

    beside: dict[str, Beside]

    @property
    def local(self) -> bool:
        """Whether it lives in this library's folder: its size counts there, and if it fails it is best discarded."""

    @property
    def place(self) -> str:
        """Where it lives, for a person who is to look at what is wrong with it."""

    @property
    def written(self) -> bool:
        """Whether something changed that was not described since."""

    def reachable(self) -> bool:
        """Whether it can be used now: one that can't need not be made again yet."""

    def count(self, name: str) -> int: ...
    def begin(self, name: str, total: int) -> None: ...
    def finish(self, name: str) -> None: ...
    def upsert(self, name: str, ids: Sequence[str], matrix: FloatArray) -> None: ...
    def delete(self, name: str, ids: Sequence[str]) -> None: ...
    def query(self, name: str, queries: FloatArray, limit: int) -> list[list[Match]]: ...
    def drop(self, name: str) -> None: ...
    def noted(self, name: str) -> str | None: ...
    def deleted(self, name: str) -> int: ...

    def noted_unopened(self, name: str) -> str | None:
        """As ``noted``, told without opening what is not open, so that no file changes."""

    def flush_bytes(self) -> int: ...
    def leftovers(self) -> int: ...
    def sweep(self) -> None: ...
    def discard(self) -> None: ...
    def checkpoint(self, fingerprints: Mapping[str, str]) -> None: ...
    def let_go(self) -> None:
        """Close it without writing anything: its files, or the library's, are somebody else's or gone."""

    def is_lost(self) -> bool:
        """Whether its files are open here but not where they were any more."""

    def close(self, fingerprints: Mapping[str, str] | None = None) -> None: ...
