"""Forged libraries: python -m benchmarks.forged [--cases 2000] [--seed 1] [--minutes 30] [--first NUMBER] [--json]

Each case forges an archive (rows, schema, bytes of the catalogue, members and bytes of the ZIP) and imports it, or
plants odd rows in a library of its own; whatever is open then goes through stats, folders, jobs, newest, search,
details, tags, albums, undo, sync, doctor, export, forget, clear and empty. Counted are exceptions that are no AppError,
files outside the library that were read, written or removed (told by Python's audit events, and by looking at the
files), and cases that took too long. A case is told by seed and number alone: ``--first NUMBER --cases 1`` runs one
again. Exit 1 where anything was counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import forging
from src.bootstrap import build_services
from src.config import PROJECT_DIR, Settings
from src.database.catalog.facts import FactsRow
from src.database.embeddings import normalised
from src.errors import AppError
from src.models.model_manager import ModelManager
from src.runtime import Services
from src.schema import FloatArray, Mode
from src.schema.facts import PhotoFacts
from src.services.exchange.backup import export_library
from src.services.exchange.exporting import FORMATS, Selection
from src.services.exchange.restore import import_library
from src.services.jobs.kinds import JobKind
from src.services.library.uploads import as_params
from src.services.search.service import Query

SLOW_S = 30.0
"""A case that takes longer, in seconds of CPU, is counted: nothing in a library of four photos does by itself."""
PLANTED = 0.3
"""Share of the cases that plant their rows in a library instead of importing them."""
JOBS: tuple[tuple[JobKind, dict[str, Any]], ...] = (
    ("doctor", {"repair": False}),
    ("sync", {}),
    ("doctor", {}),
    ("reindex", {"model": "builtin"}),
    ("objects", {}),
    ("forget", {}),
    ("clear", {}),
    ("empty", {}),
)
_WRITES = (
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.utime",
)


class Plain:
    """An embedder without weights: a few averages of colour. Words point somewhere, the same way each time."""

    model_id, dimensions, min_side = "builtin", 64, 16
    space = "builtin-0123456789ab"

    def preprocess(self, image: Image.Image) -> FloatArray:
        return np.ascontiguousarray(np.asarray(image.resize((5, 5)), np.float32).transpose(2, 0, 1) / 255)

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        flat = pixels.reshape(len(pixels), -1)[:, :64] + 0.01
        return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True), np.float32)

    def encode_texts(self, texts: list[str]) -> FloatArray:
        rows = np.array(
            [np.random.default_rng(len(text)).random(64, np.float32) for text in texts], np.float32
        ).reshape(-1, 64)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def unload(self, idle: float = 0.0) -> None:
        pass


@dataclass
class Guard:
    """Listens to what Python does with files, while a case runs."""

    inside: tuple[str, ...] = ()
    """Folders in which everything is allowed; None are listened to while it is empty."""
    readable: tuple[str, ...] = ()
    seen: list[str] = field(default_factory=list)

    def listen(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.inside or not (event in _WRITES or event == "open"):
            return
        if event == "open" and arguments[1] is None and not os.path.isabs(os.fsdecode(arguments[0])):
            return  # below a folder that is open, of which the event does not tell: deleting a tree looks into it so
        writes = event != "open" or _is_writing(arguments)
        paths = arguments[:2] if event in ("os.rename", "os.link", "os.symlink") else arguments[:1]
        for path in paths:
            if isinstance(path, str | bytes | os.PathLike):
                self._look(event, _absolute(os.fsdecode(path), arguments[len(paths) :]), writes)

    def _look(self, event: str, path: str, writes: bool) -> None:
        allowed = self.inside if writes else (*self.inside, *self.readable)
        if path != os.devnull and not any(path == place or path.startswith(place + os.sep) for place in allowed):
            self.seen.append(f"{event} {path}")


def _absolute(path: str, more: tuple[Any, ...]) -> str:
    """A path may be told from a folder that is open (shutil.rmtree does so): its handle is the event's last number."""
    handle = more[-1] if more and isinstance(more[-1], int) and more[-1] > 2 else None
    link = f"/proc/self/fd/{handle}"
    start = os.readlink(link) if handle and not os.path.isabs(path) and os.path.exists(link) else ""
    return os.path.normpath(os.path.abspath(os.path.join(start, path)))


def _is_writing(arguments: tuple[Any, ...]) -> bool:
    mode, flags = arguments[1], arguments[2]
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


GUARD = Guard()


@dataclass
class Tally:
    """What came of the cases."""

    cases: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    raised: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        counted = {"exceptions": len(self.raised), "outside": len(self.touched), "slow": len(self.slow)}
        return {
            "cases": self.cases,
            **counted,
            "ways": dict(self.ways),
            "told": [*self.raised, *self.touched, *self.slow][:50],
        }


def models(settings: Settings) -> ModelManager:
    return ModelManager(model="builtin", settings=settings, loader=lambda *_: Plain())


def sample(folder: Path) -> Path:
    """Home of a library with photos in a folder, an upload, objects, past jobs and a hand-made collection; something
    was said of photos, and some were removed.
    """
    settings = Settings(home=folder / "sample")
    services = build_services(settings, models=models(settings))
    followed = folder / "photos"
    followed.mkdir()
    for number, colour in enumerate(("red", "green", "blue")):
        picture = Image.new("RGB", (200, 150), colour)
        ImageDraw.Draw(picture).ellipse((40, 30, 130, 110), fill="white")
        picture.save(followed / f"{number}.png")
    picture.save(folder / "upload.png")
    list(services.handlers["index"]({"paths": [str(followed)]}))
    picture.rotate(90).save(folder / "upload.png")
    list(
        services.handlers["index"](
            {"files": as_params([services.uploads.save("x.png", (folder / "upload.png").read_bytes())])}
        )
    )
    list(services.handlers["objects"]({}))
    services.catalog.vectors.create("mine", 2, "user")
    services.store.put("mine", {"x": normalised([[3.0, 4.0]])[0]}, {"x": {"source": "x"}})
    _say(services, followed)
    services.jobs.start()
    for kind in ("sync", "doctor"):
        services.jobs.wait(services.jobs.submit(kind, "Looking"), 60)
    services.close()
    return settings.home


def _say(services: Services, followed: Path) -> None:
    """What a user says of photos; three of them are in the bin, removed for good, or changed since."""
    for number, colour in enumerate(("white", "black", "yellow"), 3):
        Image.new("RGB", (90, 60), colour).save(followed / f"{number}.png")
    list(services.handlers["sync"]({}))
    curation, ids = services.curation, services.catalog.listing.ids(None, "added", 9)
    names = {services.catalog.shown([id_])[id_].name: id_ for id_ in ids}
    told = [FactsRow(id_, PhotoFacts(keywords=("Sea", "Boat"), rating=2), None, "") for id_ in ids]
    services.catalog.facts.put("facts", told)
    curation.tag(ids, ["trip/italy"], ["boat"])
    curation.rate(ids[:2], 4)
    curation.note(ids[:1], "Ask\nKöln")
    curation.create_album("Best", ids)
    curation.remove([names["3.png"]])
    list(services.handlers["empty"]({}))
    curation.remove([names["4.png"]])
    Image.new("RGB", (90, 60), "orange").save(followed / "5.png")
    list(services.handlers["sync"]({}))
    curation.favourite(ids[:2])
    curation.undo()


def case(number: int, seed: int, base: Path, good: forging.Members, tally: Tally) -> None:
    """One forged library from its making to its clearing."""
    dice = random.Random(f"{seed}-{number}")
    folder = base / f"case-{number}"
    outside, followed = folder / "outside", folder / "followed"
    for place in (outside, followed):
        place.mkdir(parents=True)
        Image.new("RGB", (64, 48), "white").save(place / "holiday.jpg")
    home = folder / "library"
    before = _described(outside)
    GUARD.seen = []
    GUARD.readable = (
        str(PROJECT_DIR),
        sys.prefix,
        sys.base_prefix,
        "/proc",
        "/sys",
        "/usr",
        "/lib",
        "/etc",
        "/dev",
        str(base / "photos"),
    )
    if dice.random() < PLANTED:
        list(import_library(Settings(home=home), base / "good.zip"))
        file = home / "data" / forging.CATALOG
        _, said = forging.changed(file.read_bytes(), file, lambda db: forging.spoil_rows(db, dice, outside, followed))
        tally.ways["planted"] += 1
    else:
        data, said = forging.archive(good, folder / "forging.sqlite3", dice, outside, followed)
        (folder / "forged.zip").write_bytes(data)
        said = f"imported: {said}"
    started, name = time.process_time(), f"case {number} ({said})"
    GUARD.inside = tuple(str(place) for place in (home, folder / "exports", followed, folder / "forged.zip"))
    try:
        _lives(home, folder, dice, name, tally)
    finally:
        GUARD.inside = ()
    if time.process_time() - started > SLOW_S:
        tally.slow.append(f"{name}: {time.process_time() - started:.0f} s")
    if GUARD.seen or _described(outside) != before:
        tally.touched.append(f"{name}: {sorted(set(GUARD.seen))[:5] or 'changed'}")
    tally.cases += 1
    shutil.rmtree(folder)


def _described(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(file): (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.rglob("*")}


def _lives(home: Path, folder: Path, dice: random.Random, name: str, tally: Tally) -> None:
    """Import, where there is an archive, and everything that a person does with a library.

    Each step may end in an AppError.
    """
    settings = Settings(home=home)
    (folder / "exports").mkdir(exist_ok=True)
    if (folder / "forged.zip").exists():
        came = _tried(lambda: list(import_library(settings, folder / "forged.zip")), f"{name} import", tally)
        tally.ways["imported" if came else "refused"] += 1
        if not came:
            return
    for read_only in (True, False):
        opened: list[Services] = []
        open_it = partial(build_services, settings, models=models(settings), read_only=read_only)
        if not _tried(partial(_keep, opened, open_it), f"{name} open", tally):
            return
        for what, step in _steps(opened[0], folder / "exports", dice, read_only):
            _tried(step, f"{name} {what}", tally)
        _tried(opened[0].close, f"{name} close", tally)


def _keep(found: list[Any], make: Callable[[], Any]) -> None:
    found.append(make())


def _steps(
    services: Services, exports: Path, dice: random.Random, read_only: bool
) -> Iterator[tuple[str, Callable[[], object]]]:
    """What every door asks for; then, of the library's owner, what its jobs do."""
    ids: list[str] = []
    yield "ids", lambda: ids.extend(services.catalog.listing.ids(None, "added", 50))
    yield "stats", services.library.stats
    yield "folders", lambda: (services.folders.all(), services.folders.missing(), services.folders.offline())
    yield "jobs", lambda: (services.jobs.active(), [services.jobs.params(job.id) for job in services.jobs.latest(50)])
    yield "newest", partial(services.library.newest, 50)
    yield (
        "models",
        lambda: (services.library.runs_on(), services.library.model_statuses(), services.objects.segmenters()),
    )
    for mode in get_args(Mode):
        yield f"search {mode}", partial(services.search.search, Query("a red thing"), 20, mode=mode)
    yield "hand-made search", lambda: services.store.search("mine", normalised([[1.0, 0.0]]), 10)
    for image_id in ids:
        for step in (
            services.library.details,
            services.library.has_original,
            services.library.thumbnail,
            services.library.preview,
        ):
            yield step.__name__, partial(step, image_id)
        yield "similar", partial(services.search.search, Query(like=image_id), 5)
        yield "objects", partial(services.objects.of_photo, image_id)
    yield (
        "export-library",
        lambda: list(export_library(services.settings, services.catalog, exports / f"{read_only}.zip")),
    )
    form = dice.choice(tuple(FORMATS))
    yield (
        f"export {form}",
        lambda: list(services.exports.export(form, exports / f"{read_only}-{form}", Selection(), True)),
    )
    curation = services.curation
    for look in (curation.tag_tree, curation.albums, partial(curation.binned, 50), curation.history):
        yield "curation", look
    for query in ("tag:trip", "rating:>=3 has:note", "-album:best is:favourite"):
        yield query, partial(services.search.search, Query(query), 20)
    if not read_only:
        yield "tag", partial(curation.tag, ids, ["x/y"], ["trip"])
        yield "rename", partial(curation.rename_tag, "x", "z")
        for step in (curation.undo,) * 9 + (curation.redo,) * 9:
            yield "undo and redo", step
    for kind, params in JOBS if not read_only else ():
        yield kind, partial(_done, services, kind, params)


def _done(services: Services, kind: JobKind, params: dict[str, Any]) -> None:
    for _ in services.handlers[kind](dict(params)):
        pass


def _tried(step: Callable[[], object], name: str, tally: Tally) -> bool:
    """Whether a step came to its end. An AppError is an answer; anything else is counted."""
    try:
        step()
        return True
    except AppError:
        return False
    except Exception as error:  # noqa: BLE001  (what is looked for)
        where = traceback.extract_tb(error.__traceback__)
        ours = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in where if "/src/" in frame.filename][-3:]
        tally.raised.append(f"{name}: {type(error).__name__}: {str(error)[:120]} at {' '.join(ours)}")
        return False


def run(cases: int, seed: int, seconds: float, first: int = 0) -> Tally:
    """As many of the cases, from the number ``first`` on, as fit into that time."""
    tally = Tally()
    sys.addaudithook(GUARD.listen)
    with tempfile.TemporaryDirectory(prefix="forged-") as folder:
        base = Path(folder)
        settings = Settings(home=sample(base))
        services = build_services(settings, models=models(settings), read_only=True)
        list(export_library(settings, services.catalog, base / "good.zip"))
        services.close()
        good = _members(base / "good.zip")
        until = time.monotonic() + seconds
        for number in range(first, first + cases):
            if time.monotonic() > until:
                break
            case(number, seed, base, good, tally)
            if number % 100 == 99:
                print(f"{number + 1} cases: {tally.as_json() | {'told': []}}", file=sys.stderr, flush=True)
    return tally


def _members(file: Path) -> forging.Members:
    with zipfile.ZipFile(file) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0, help="stop after that (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default: %(default)s)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    tally = run(arguments.cases, arguments.seed, 60 * arguments.minutes, arguments.first)
    result = {"seed": arguments.seed, "asked": arguments.cases, **tally.as_json()}
    print(json.dumps(result) if arguments.json else "\n".join(f"{name:12}{value}" for name, value in result.items()))
    return int(bool(tally.raised or tally.touched or tally.slow))


if __name__ == "__main__":
    sys.exit(main())
