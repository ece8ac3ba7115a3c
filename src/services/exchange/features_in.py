"""Vectors in: those that were made elsewhere become a space of the library of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from src.database.catalog.catalog import Catalog
from src.database.disk_space import check_space
from src.database.embeddings import normalised
from src.database.store import Store
from src.errors import BadInput
from src.export.feature_files import Part, read_features
from src.export.npy import BLOCK
from src.identity import image_id, is_id
from src.schema import Finding, FloatArray, JobEvent, Progress
from src.services.enrichment.spaces import SpaceService
from src.text import count, shown

_SHA256 = re.compile("[0-9a-f]{64}")
NAMED = 5
"""Vectors of no photo that are named when it is told how many there are."""


def import_features(
    catalog: Catalog, store: Store, spaces: SpaceService, place: Path, name: str, again: bool = False
) -> Iterator[JobEvent]:
    """Take vectors over as the space ``name``: whole or, where anything in the file is wrong, not at all.

    A vector is of the photo whose id, path or SHA-256 it names, or whose file alone has the name that it names. Those
    of none are told of; of two of one photo, the first counts. They are stored with norm 1 and in half precision.
    again: go on where the program died in the middle of it. Closing the iterator leaves nothing. Raises BadInput,
    UnreadablePath, LibraryUnusable where the disk has too little room.
    """
    collection = spaces.check_new(name)
    if not again and catalog.vectors.count_all(collection):
        raise BadInput(f"There is a space {name} already.", "Choose another name, or remove that space first.")
    parts = read_features(place)
    total = sum(part.shape.rows for part in parts)
    check_space(catalog.path.parent, total * (8 * parts[0].shape.dimensions + 500), "the vectors")
    yield from _checked(parts, total)
    matched = [_matched(catalog, part.keys, part.shape.rows) for part in parts]
    if not any(map(any, matched)):
        raise BadInput(f"None of the {count(total, 'vector')} is of a photo of the library.", _looks(parts[0]))
    whole = False
    try:
        yield from _stored(store, collection, parts, matched, total)
        whole = True
    finally:
        if not whole:
            store.drop(collection)
    yield from _told(name, parts, matched)


def _checked(parts: Sequence[Part], total: int) -> Iterator[Progress]:
    """All vectors looked at, before one is stored. Raises BadInput for the first that is none."""
    done = 0
    for part in parts:
        at = 0
        for block in part.blocks():
            largest = np.abs(block).max(axis=1)
            wrong = np.flatnonzero(~np.isfinite(largest) | (largest == 0))
            if len(wrong):
                what = "is zero" if largest[wrong[0]] == 0 else "holds numbers that are not finite"
                raise BadInput(f"Vector {at + wrong[0]:,} of {part.called} {what}; nothing was taken over.")
            at += len(block)
            done += len(block)
            yield Progress(done, 2 * total, "vectors", "looking at the vectors")


def _stored(
    store: Store, collection: str, parts: Sequence[Part], matched: Sequence[Sequence[str]], total: int
) -> Iterator[Progress]:
    done, seen = total, set[str]()
    for part, ids in zip(parts, matched, strict=True):
        left = iter(ids)
        for block in part.blocks():
            rows: dict[str, FloatArray] = {}
            vectors = normalised(_moderate(block))
            for id_, vector in zip(islice(left, len(block)), vectors, strict=True):
                if id_ and id_ not in seen:
                    rows[id_] = vector
                    seen.add(id_)
            store.put_features(collection, rows)
            done += len(block)
            yield Progress(done, 2 * total, "vectors", "storing them")


def _moderate(block: npt.NDArray[Any]) -> FloatArray:
    """The same, vectors whose squares float32 can't hold at another scale."""
    largest = np.abs(block).max(axis=1).astype(np.float64)
    if largest.max() < 1e15 and largest.min() > 1e-15:
        return np.asarray(block, np.float32)
    return np.asarray(block / largest[:, None], np.float32)


def _told(name: str, parts: Sequence[Part], matched: Sequence[Sequence[str]]) -> Iterator[Finding]:
    rows = [(part, row, id_) for part, ids in zip(parts, matched, strict=True) for row, id_ in enumerate(ids)]
    known = [id_ for _, _, id_ in rows if id_]
    of = count(len(set(known)), "photo")
    yield Finding("features", f"The space {name} has vectors of {of}, of {parts[0].shape.dimensions:,} numbers.", True)
    unknown = [next(iter(part.keys.values()))[row] for part, row, id_ in rows if not id_]
    if unknown:
        some = ", ".join(shown(text) or "(nothing)" for text in unknown[:NAMED])
        more = ", ..." if len(unknown) > NAMED else ""
        yield Finding("features", f"{count(len(unknown), 'vector')} belonged to no photo of the library: {some}{more}.")
    if twice := len(known) - len(set(known)):
        yield Finding("features", f"{count(twice, 'vector was', 'vectors were')} of photos that had one already.")


def _looks(part: Part) -> str:
    """What the file names its pictures by, as a hint."""
    told = next(iter(part.keys.values()))
    return f"They are said to be of {shown(told[0])!r:.80} and the like." if told and told[0] else ""


# ---------------------------------------------------------------- of which photos


def _matched(catalog: Catalog, keys: Mapping[str, Sequence[str]], rows: int) -> list[str]:
    """For each vector the id of its photo, empty where there is none."""
    there = set(catalog.health.image_ids())
    found = [""] * rows
    for key in ("id", "sha256", "path"):
        texts = keys.get(key)
        if texts is None:
            continue
        for start in range(0, rows, BLOCK):
            open_ = {at: texts[at].strip() for at in range(start, min(start + BLOCK, rows)) if not found[at]}
            for at, id_ in _of(catalog, key, open_).items():
                if id_ in there:
                    found[at] = id_
    return found


def _of(catalog: Catalog, key: str, texts: Mapping[int, str]) -> dict[int, str]:
    """Place -> id of an image that there may be."""
    if key == "id":
        ids = {at: text.lower() for at, text in texts.items() if is_id(text.lower())}
        return ids | _by_path(catalog, {at: text for at, text in texts.items() if at not in ids})
    if key == "sha256":
        return {at: image_id(text.lower()) for at, text in texts.items() if _SHA256.fullmatch(text.lower())}
    return _by_path(catalog, texts)


def _by_path(catalog: Catalog, texts: Mapping[int, str]) -> dict[int, str]:
    """By whole paths, and by names alone where only one file has that name."""
    paths = {at: os.fsencode(text) for at, text in texts.items() if text and "\0" not in text and _encodes(text)}
    known = catalog.files.at(list(set(paths.values())))
    found = {at: known[path].image_id for at, path in paths.items() if path in known}
    names = {at: texts[at] for at in paths if at not in found and not re.search(r"[/\\]", texts[at])}
    called = catalog.files.called(list(set(names.values())))
    return found | {at: called[name][0] for at, name in names.items() if len(called.get(name, ())) == 1}


def _encodes(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True
