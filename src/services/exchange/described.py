"""Descriptions as three files in a folder, in the shapes of an older system that found pictures by their descriptions.

``image_descriptions.json``: file name -> ``{"scene_summary", "objects": [{"label", "color", "position"}]}``. A name is
the image's id with the ending of its file. ``image_embeddings.npz``: ``filenames`` (n,) and ``embeddings`` (n, 384),
float32 of norm 1, the vectors of the texts. ``filename_mapping.json``: the same names -> the names that the files had.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from src import wire
from src.database.catalog.catalog import Catalog
from src.database.catalog.descriptions import Described, DescriptionRow, bounded
from src.database.store import Store
from src.errors import BadInput, UnreadablePath
from src.files import write_atomically
from src.identity import is_id
from src.plain_files import json_in, open_plain
from src.processing.decoding.image_io import display_text
from src.schema import Finding, Indexed, JobEvent, Progress
from src.schema.descriptions import DescribedObject, Description
from src.services.enrichment.description_vectors import DescriptionVectors
from src.text import count, shown

DESCRIPTIONS, EMBEDDINGS, NAMES = "image_descriptions.json", "image_embeddings.npz", "filename_mapping.json"
MOST_BYTES = 256_000_000
"""Of a file that is read: what half a million descriptions take."""
AT_ONCE = 128
"""Descriptions that are stored together."""
IMPORTED = "imported"
"""The model of a description of which the file names none."""
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}")


def export_descriptions(catalog: Catalog, vectors: DescriptionVectors, folder: Path) -> Iterator[JobEvent]:
    """Write the descriptions of all visible photos into a folder, which is made where there is none.

    Raises BadInput where one of the files is there already, UnreadablePath where they can't be written.
    """
    if taken := next((name for name in (DESCRIPTIONS, EMBEDDINGS, NAMES) if os.path.lexists(folder / name)), None):
        raise BadInput(f"{display_text(folder / taken)} is there already.", "Choose another folder.")
    said = dict(catalog.descriptions.all())
    names = {id_: photo.name for id_, photo in catalog.shown(list(said)).items()}
    keys = {id_: id_ + _ending(names[id_]) for id_ in said if id_ in names}
    yield Progress(0, len(keys))
    matrix = vectors.of({id_: said[id_].description.text for id_ in keys})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with write_atomically(folder / EMBEDDINGS) as file:
            np.savez(file, filenames=np.array(list(keys.values()), np.str_), embeddings=matrix)
        _write(folder / NAMES, {key: shown(names[id_]) for id_, key in keys.items()})
        _write(folder / DESCRIPTIONS, {key: _told(said[id_]) for id_, key in keys.items()})
    except OSError as error:
        for name in (EMBEDDINGS, NAMES):  # a part of it would be in the way of the next attempt
            with suppress(OSError):
                (folder / name).unlink()
        raise UnreadablePath(
            f"{display_text(folder)} can't be written ({error.strerror or error}).", "Choose another folder."
        ) from error
    yield Progress(len(keys), len(keys))


def import_descriptions(
    catalog: Catalog, store: Store, vectors: DescriptionVectors, folder: Path
) -> Iterator[JobEvent]:
    """Take descriptions over from such a folder, for photos of which nothing is said yet.

    A photo is known by its id or, where ``filename_mapping.json`` is there, by the name that its file had, if only one
    photo and only one description has that name. Vectors are made of the words anew, so that they are of no others.
    What is null in a description is as if it were not there; one that says nothing is left out.
    Raises UnreadablePath, and BadInput where a file holds anything else: nothing is taken over then.
    """
    said = _descriptions(folder / DESCRIPTIONS)
    found = _matched(catalog, list(said), _names(folder / NAMES))
    telling = {id_: said[key] for id_, key in found.items() if said[key][0].text}
    free = set(catalog.descriptions.pending(None))
    rows = [_row(id_, entry) for id_, entry in telling.items() if id_ in free]
    yield Progress(0, len(rows))
    done = 0
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        encoded = vectors.encode([row.description.text for row in some])
        store.put_descriptions(some, {row.image_id: vector for row, vector in zip(some, encoded, strict=True)})
        done += len(some)
        yield from (Indexed(row.image_id, row.image_id) for row in some)
        yield Progress(done, len(rows))
    yield from _left_out(len(said) - len(found), len(found) - len(telling), len(telling) - len(rows))


def _left_out(unknown: int, empty: int, kept: int) -> Iterator[Finding]:
    """What was not taken over, and why. unknown: of no photo; empty: without a word; kept: of photos that have one."""
    if unknown:
        yield Finding("descriptions", f"{count(unknown, 'description')} belonged to no photo here.")
    if empty:
        yield Finding("descriptions", f"{count(empty, 'description')} said nothing.")
    if kept:
        of = f"{count(kept, 'photo')} kept what is said of {'it' if kept == 1 else 'them'} already, or"
        yield Finding("descriptions", f"{of} {'is' if kept == 1 else 'are'} in the bin.", True)


# ---------------------------------------------------------------- writing


def _ending(name: str) -> str:
    found = _ENDING.fullmatch(Path(name).suffix)
    return found[0].lower() if found else ""


def _told(said: Described) -> dict[str, Any]:
    return {**wire.description(said.description), "model": said.model, "by_hand": said.by_hand}


def _write(file: Path, told: Mapping[str, Any]) -> None:
    with write_atomically(file) as out:
        out.write(json.dumps(told, ensure_ascii=False, indent=1).encode())


# ---------------------------------------------------------------- reading


def _object(file: Path) -> dict[str, Any]:
    """What a file of JSON holds. Raises UnreadablePath, and BadInput where that is no object."""
    try:
        with open_plain(file) as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnreadablePath(f"{display_text(file)} can't be read ({error.strerror or error}).") from error
    found = json_in(data) if len(data) <= MOST_BYTES else None
    if not isinstance(found, dict):
        raise BadInput(f"{display_text(file)} is no JSON object of at most {MOST_BYTES // 1_000_000} MB.")
    return found


def _descriptions(file: Path) -> dict[str, tuple[Description, str, bool]]:
    """File name -> description, model, whether a person wrote it."""
    return {name: _entry(file, name, told) for name, told in _object(file).items()}


def _entry(file: Path, name: str, told: Any) -> tuple[Description, str, bool]:
    """What is null is not said: a description that says nothing at all comes of it at most."""
    if told is None:
        return Description(""), IMPORTED, False
    if isinstance(told, dict) and ("scene_summary" in told or "objects" in told):
        kinds: dict[str, Any] = {"scene_summary": "", "objects": [], "model": IMPORTED, "by_hand": False}
        said = {part: usual if told.get(part) is None else told[part] for part, usual in kinds.items()}
        if all(isinstance(said[part], type(usual)) for part, usual in kinds.items()):
            things = [_thing(each) for each in said["objects"] if each is not None]
            if None not in things:
                whole = bounded(Description(said["scene_summary"], tuple(each for each in things if each)))
                return whole, shown(said["model"])[:100], said["by_hand"]
    raise BadInput(f"{display_text(file)} holds something else than a description under {shown(name)!r:.100}.")


def _thing(told: Any) -> DescribedObject | None:
    if not isinstance(told, dict):
        return None
    words = [told.get(name) or "" for name in ("label", "color", "position")]
    return DescribedObject(*words) if all(isinstance(word, str) for word in words) else None


def _names(file: Path) -> dict[str, str]:
    """File name in the descriptions -> the name that the file had; either way round, for the one may be the other."""
    if not file.exists():
        return {}
    told = _object(file)
    if odd := next((key for key, value in told.items() if not isinstance(value, str)), None):
        raise BadInput(f"{display_text(file)} holds something else than a name under {shown(odd)!r:.100}.")
    pairs = [(_base(key), _base(value)) for key, value in told.items()]
    return dict(itertools.chain(((value, key) for key, value in pairs), pairs))


def _base(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]


def _matched(catalog: Catalog, keys: list[str], names: Mapping[str, str]) -> dict[str, str]:
    """Image id -> the name in the file under which it is described."""
    ids = {key: _base(key).partition(".")[0] for key in keys}
    there = set(catalog.health.image_ids())
    found = {ids[key]: key for key in keys if is_id(ids[key]) and ids[key] in there}
    others = {key: names[_base(key)] for key in keys if ids[key] not in there and _base(key) in names}
    called, times = catalog.files.called(list(others.values())), Counter(others.values())
    for key, name in others.items():
        if len(called.get(name, ())) == 1 and times[name] == 1:  # which of several is meant nobody knows
            found.setdefault(called[name][0], key)
    return found


def _row(image_id: str, entry: tuple[Description, str, bool]) -> DescriptionRow:
    said, model, by_hand = entry
    return DescriptionRow(image_id, said, model, recipe=IMPORTED, by_hand=by_hand)
