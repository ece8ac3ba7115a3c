"""The process that ``benchmarks.kill`` kills: the real services on a library, with a model that knows its pictures by
number.

    python -m benchmarks.kill_child HOME PHOTOS ACKNOWLEDGED STARTED FOLDER [--finish]

PHOTOS/ids.tsv names every picture's id; ACKNOWLEDGED is a file with the numbers of those that were acknowledged before;
STARTED the time of the start; FOLDER what to index in this life. Says what happens, one line each, on standard output:

    E n...      these pictures are about to be encoded
    A n         this picture is committed to the catalogue
    {...}       what was found: "answered", "verified", "in step", "idle" or "finished"
"""

from __future__ import annotations

import functools
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.bootstrap import build_services
from src.config import Settings
from src.database.index import manifest
from src.models.model_manager import ModelManager
from src.runtime import Services
from src.schema import Finding, FloatArray, Indexed, JobEvent
from src.services.jobs.runner import Handler
from src.services.search.service import Query

BITS = 24
DIMENSIONS = 128
SIDE = 8
"""Squares along a picture's side; each is a bit, and as large as a block of JPEG, so that any quality keeps it."""
CHUNK = 1_000


def picture(number: int) -> bytes:
    """A JPEG of its own for each number, which can be read off it."""
    dice = np.random.default_rng(number)
    bits = np.array([number >> place & 1 for place in range(BITS)] * 2 + [0] * (SIDE * SIDE - 2 * BITS)).reshape(
        SIDE, SIDE
    )
    grey = np.kron(bits * 130 + 60, np.ones((8, 8), int))
    pixels = grey[:, :, None] + dice.integers(-20, 21, (SIDE * 8, SIDE * 8, 3)) + dice.integers(-20, 21, 3)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=int(dice.integers(50, 96)))
    return buffer.getvalue()


def vector(number: int) -> FloatArray:
    """(128,) of norm 1: different for each number, with the few strong directions that real embeddings have."""
    raw = np.random.default_rng(number).normal(size=DIMENSIONS) / np.sqrt(np.arange(1, DIMENSIONS + 1))
    return np.asarray(raw / np.linalg.norm(raw), dtype=np.float32)


class NumberEmbedder:
    """Reads the number off a picture, says so, and gives the number's vector."""

    model_id, space, dimensions, min_side = "numbers", "numbers-000000000000", DIMENSIONS, 16

    def preprocess(self, image: Image.Image) -> FloatArray:
        grey = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)
        return np.stack([grey] * 3)

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        bits = pixels[:, 0].reshape(len(pixels), -1)[:, :BITS] > 125
        numbers = [int(sum(1 << place for place in np.flatnonzero(row))) for row in bits]
        say("E " + " ".join(map(str, numbers)))
        return np.stack([vector(number) for number in numbers])

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Of the number that each ends with, however it is asked for."""
        words = [text.rpartition(" ")[2] for text in texts]
        return np.stack([vector(int(word) if word.isdecimal() else 0) for word in words])

    def unload(self, idle: float = 0.0) -> None:
        pass


def say(line: str | dict[str, Any]) -> None:
    """One line in one write, so that a kill leaves no mixture."""
    text = line if isinstance(line, str) else json.dumps(line)
    os.write(1, f"{text}\n".encode())


def acknowledging(handler: Handler, number_of: dict[str, int]) -> Handler:
    """The handler, and a word on every picture once its commit is done."""

    @functools.wraps(handler)
    def run(params: dict[str, Any]) -> Iterator[JobEvent]:
        events = handler(params)
        try:
            for event in events:
                if isinstance(event, Indexed):
                    say(f"A {number_of[event.image_id]}")
                yield event
        finally:
            events.close()  # type: ignore[attr-defined]

    return run


def verify(services: Services, acknowledged: Sequence[int], id_of: dict[int, str]) -> dict[str, Any]:
    """Ask for every acknowledged picture by its own vector: which did not come first, and what answered."""
    name = services.library.collection()
    by_index = services.store.index.follows(name)
    missed: list[int] = []
    for start in range(0, len(acknowledged), CHUNK):
        part = acknowledged[start : start + CHUNK]
        found = services.store.search(name, np.stack([vector(number) for number in part]), 1)
        missed += [
            number for number, matches in zip(part, found, strict=True) if not matches or matches[0][0] != id_of[number]
        ]
    by_index = by_index and services.store.index.follows(name)
    return {
        "asked": len(acknowledged),
        "missed": missed[:20],
        "missed_count": len(missed),
        "by": "index" if by_index else "exact",
    }


def first_answer(services: Services, acknowledged: Sequence[int], id_of: dict[int, str]) -> bool:
    """Whether a search in words finds the picture that was acknowledged last (with none: whether it answers)."""
    number = acknowledged[-1] if acknowledged else 0
    hits = services.search.search(Query(str(number)), 3).hits
    return not acknowledged or (bool(hits) and hits[0].id == id_of[number])


def main(home: Path, photos: Path, acknowledged_file: Path, started: float, folder: Path, finish: bool) -> None:
    id_of = {
        int(number): id_ for number, id_ in (line.split("\t") for line in (photos / "ids.tsv").read_text().splitlines())
    }
    acknowledged = [int(line) for line in acknowledged_file.read_text().split()]
    settings = Settings(home=home)
    trusted = manifest.verified(settings.chroma_dir) is not None
    services = build_services(settings, models=ModelManager("builtin", settings, loader=lambda *_: NumberEmbedder()))
    for kind in ("index", "sync"):
        services.handlers[kind] = acknowledging(services.handlers[kind], {id_: number for number, id_ in id_of.items()})
    services.start()
    answered = first_answer(services, acknowledged, id_of)
    say({"what": "answered", "right": answered, "seconds": time.time() - started, "trusted": trusted})
    say({"what": "verified", **verify(services, acknowledged, id_of)})
    wait(services)
    say({"what": "in step", **verify(services, acknowledged, id_of)})
    services.jobs.submit("index", "More", paths=[str(photos if finish else folder)])
    wait(services)
    say({"what": "idle", "in_step": services.store.index.follows(services.library.collection())})
    if finish:
        findings = [
            event.text for event in services.handlers["doctor"]({"repair": False}) if isinstance(event, Finding)
        ]
        images, _, _ = services.catalog.counts()
        failed = [f"{job.title}: {job.error}" for job in services.jobs.latest(3) if job.state == "failed"]
        services.close()
        trusted = manifest.verified(settings.chroma_dir) is not None
        say({"what": "finished", "images": images, "findings": findings + failed, "trusted": trusted})
    else:
        time.sleep(600)


def wait(services: Services, seconds: float = 300.0) -> None:
    """Until no job is left (a start queues the rebuild of an index that is behind)."""
    until = time.monotonic() + seconds
    quiet = 0
    while quiet < 3 and time.monotonic() < until:
        quiet = 0 if services.jobs.active() else quiet + 1
        time.sleep(0.1)


def probe(folder: Path) -> None:
    """Use an index that a kill left, as a program that trusts it would.

    Raises what Chroma raises, or takes the process down.
    """
    import chromadb

    for collection in (client := chromadb.PersistentClient(str(folder))).list_collections():
        opened = client.get_collection(collection.name, embedding_function=None)
        ids = opened.get(limit=200, include=["embeddings"])["ids"]
        found = opened.query(query_embeddings=np.stack([vector(number) for number in range(20)]), n_results=10)
        if opened.count() and not (ids and all(found["ids"])):
            raise RuntimeError("vectors are missing")


if __name__ == "__main__" and sys.argv[1] == "--probe":
    probe(Path(sys.argv[2]))
elif __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), float(sys.argv[4]), Path(sys.argv[5]), "--finish" in sys.argv)
