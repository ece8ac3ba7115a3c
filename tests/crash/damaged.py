"""Opens damaged libraries, each with 1,100 vectors in "segments", and tells what it finds, one JSON line each: for
``test_faults``.

    python -m tests.crash.damaged FOLDER...

A process of its own, because a damaged index may take it down.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from src.config import Settings
from src.database.vector_db import VectorDatabase

VECTORS = np.random.default_rng(8).normal(size=(1_100, 16)).astype(np.float32)
IDS = [f"id{number}" for number in range(len(VECTORS))]


def right(db: VectorDatabase) -> bool:
    """Whether every 100th vector finds itself."""
    return all(db.search_by_embedding(VECTORS[n], 1)[0].id == IDS[n] for n in range(0, len(VECTORS), 100))


def main(folders: list[str]) -> None:
    for folder in folders:
        print(folder, flush=True)
        with VectorDatabase(Settings(home=Path(folder))) as db:
            db.create_or_get_collection()
            trusted, exactly = db.index.open("segments"), right(db)
            for _ in db.rebuild("segments"):
                pass
            print(
                json.dumps(
                    {"trusted": trusted, "exactly": exactly, "by_index": db.index.follows("segments") and right(db)}
                ),
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
