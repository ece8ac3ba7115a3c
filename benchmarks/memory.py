"""Memory: python -m benchmarks.memory --data FOLDER [--photos 500] [--quick] [--json]

Indexes large photos (6000x4000 pixels, made from ``photos1000`` by scaling up and adding noise; a few dozen pictures,
every file's bytes its own) with the built-in model, and with ViT-B/32 (random weights), each in a fresh process.
``peak_mb`` is the most that the process and those it starts to decode took together, looked at every 20 ms; pages that
they share count once for each, so it is rather too much. ``idle_after_indexing_mb`` is what the process keeps after
that and one search, ``unloaded_mb`` the same once the model is unloaded; ``idle_mb`` is what one keeps that opened the
library and searched; ``app_idle_mb`` what the whole app keeps, started and left alone, without an open page.

Then the whole journey (add, search by words, search by example, open large, delete, clear) in a process that may not
have more than 4 GB: of address space (RLIMIT_AS, which counts also what is only reserved, and holds for each process),
or, where that alone stops it, of data (RLIMIT_DATA); the result says which. Memory is read from /proc; a system without
it is told, and has no figures here.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import command, machine
from src.config import PROJECT_DIR, Settings
from src.models import registry
from src.models.model_manager import ModelManager

SIZE = (6000, 4000)
PICTURES, QUICK_PICTURES = 24, 4
PHOTOS, QUICK_PHOTOS = 500, 40
JOURNEY_PHOTOS, QUICK_JOURNEY_PHOTOS = 24, 8
LIMIT_BYTES = 4 * 10**9
LIMITS = ("RLIMIT_AS", "RLIMIT_DATA")
MODELS = ("builtin", "vit")
EVERY_SECONDS = 0.02
SETTLE_SECONDS, SETTLE_MOST = 3.0, 60.0
"""An idle process is looked at once its memory did not change for so long, or after so long."""


def make_photos(source: Path, folder: Path, number: int, pictures: int) -> Path:
    """A folder of ``number`` distinct files of 24 megapixels that show ``pictures`` different things.

    Raises OSError without the source.
    """
    originals = sorted(source.glob("n*_*.jpg"))[:: max(1, 1000 // pictures)][:pictures]
    if not originals:
        raise FileNotFoundError(f"{source} holds none of photos1000's pictures.")
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).normal(0, 4, (SIZE[1], SIZE[0], 3)).astype(np.int8)
    encoded = [_large(path, np.roll(noise, 977 * place, (0, 1))) for place, path in enumerate(originals)]
    for place in range(number):
        (folder / f"{place:04}.jpg").write_bytes(with_comment(encoded[place % len(encoded)], str(place)))
    return folder


def _large(path: Path, noise: Any) -> bytes:
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC), np.int16)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def with_comment(jpeg: bytes, text: str) -> bytes:
    """The same picture in a file of other bytes."""
    data = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(data) + 2).to_bytes(2, "big") + data + jpeg[2:]


# ------------------------------------------------------------ what the children do


def _models(settings: Settings, model: str, weights: Path) -> ModelManager:
    if model == "builtin":
        return ModelManager(registry.BUILTIN, settings)
    from benchmarks import random_clip  # imports torch, which the built-in model does without

    return random_clip.models(settings, weights)


def _child(what: str, model: str, folder: Path, limit: str | None) -> dict[str, Any]:
    """One piece of work in this process. ``limit`` names the resource that is limited."""
    if limit:
        import resource

        kind = getattr(resource, limit)
        resource.setrlimit(kind, (LIMIT_BYTES, LIMIT_BYTES))
    settings = Settings(home=folder / f"library-{what}-{model}" if what == "journey" else folder / f"library-{model}")
    work: dict[str, Callable[[Settings, ModelManager, Path], dict[str, Any]]] = {
        "index": _index,
        "idle": _idle,
        "journey": _journey,
    }
    return work[what](settings, _models(settings, model, folder / "weights"), folder)


def _index(settings: Settings, models: ModelManager, folder: Path) -> dict[str, Any]:
    from src.bootstrap import build_services
    from src.schema import Indexed, Skipped
    from src.services.search.service import Query

    services = build_services(settings, models=models)
    started = time.perf_counter()
    events = services.handlers["index"]({"paths": [str(folder / "photos")]})
    counts = {Indexed: 0, Skipped: 0}
    for event in events:
        if type(event) in counts:
            counts[type(event)] += 1
    seconds = time.perf_counter() - started
    for what in ("facts", "duplicates"):  # what the app does by itself after photos were added
        for _ in services.handlers[what]({}):
            pass
    own_peak = machine.peak_mb()
    services.search.search(Query("a dog on grass"))
    idle = _settled(os.getpid())
    models.unload()
    unloaded = _settled(os.getpid())
    services.close()
    return {
        "photos": counts[Indexed],
        "skipped": counts[Skipped],
        "images_per_s": round(counts[Indexed] / seconds, 2),
        "own_peak_mb": own_peak,
        "idle_after_indexing_mb": idle,
        "unloaded_mb": unloaded,
    }


def _idle(settings: Settings, models: ModelManager, _: Path) -> dict[str, Any]:
    from src.bootstrap import build_services
    from src.services.search.service import Query

    services = build_services(settings, models=models).start()
    services.search.search(Query("a dog on grass"))
    result = {"idle_mb": _settled(os.getpid())}
    services.close()
    return result


def _journey(settings: Settings, models: ModelManager, folder: Path) -> dict[str, Any]:
    """Raises AssertionError where a step does not do what it should."""
    from src.bootstrap import build_services
    from src.schema import Indexed, Skipped
    from src.services.search.service import Query

    photos = folder / "journey"
    files = sorted(photos.iterdir())
    services = build_services(settings, models=models)
    events = list(services.handlers["index"]({"paths": [str(photos)]}))
    assert sum(isinstance(event, Indexed) for event in events) == len(files), [
        e for e in events if isinstance(e, Skipped)
    ][:3]
    hits = services.search.search(Query("a dog on grass"), len(files)).hits
    assert len(hits) == len(files), "not all were found by words"
    with files[0].open("rb") as file:
        example = services.search.open_picture(file)
    assert services.search.search(Query(image=example), 1).hits[0].score > 0.99, "the example did not find itself"
    assert services.library.preview(hits[0].id), "it can't be opened large"
    aside = folder / f"aside-{files[0].name}"
    shutil.move(files[0], aside)
    try:
        list(services.handlers["sync"]({"paths": [str(photos)]}))
        list(services.handlers["forget"]({}))
        assert len(services.search.search(Query("a dog on grass"), len(files)).hits) == len(files) - 1, (
            "it was not deleted"
        )
    finally:
        shutil.move(aside, files[0])
    list(services.handlers["clear"]({}))
    assert services.catalog.counts()[0] == 0, "the library was not cleared"
    list(services.handlers["empty"]({}))
    assert not services.catalog.health.image_ids(), "the bin was not emptied"
    services.close()
    return {"works": True}


def _settled(pid: int) -> float | None:
    """Memory of a process and those it started, once it changes no more."""
    gc.collect()
    until, since, last = time.monotonic() + SETTLE_MOST, time.monotonic(), machine.family_mb(pid)
    while time.monotonic() < min(until, since + SETTLE_SECONDS):
        time.sleep(0.2)
        now = machine.family_mb(pid)
        if now is None or last is None or abs(now - last) > 1:
            since, last = time.monotonic(), now
    return last


# ------------------------------------------------------------ the parent


class Watched:
    """A child process, and the most memory that it and those it started had at one time."""

    def __init__(self, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "benchmarks.memory", *arguments]
        self.peak: float | None = None
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            self._process = subprocess.Popen(command, cwd=PROJECT_DIR, stdout=out, stderr=err)
            watcher = threading.Thread(target=self._watch)
            watcher.start()
            self.code = self._process.wait()
            watcher.join()
            out.seek(0)
            err.seek(0)
            lines = out.read().splitlines()
            self.errors = err.read().decode(errors="replace").strip().splitlines()
        self.said: dict[str, Any] = json.loads(lines[-1]) if self.code == 0 else {}

    def _watch(self) -> None:
        while self._process.poll() is None:
            now = machine.family_mb(self._process.pid)
            self.peak = max(self.peak or 0.0, now) if now is not None else self.peak
            time.sleep(EVERY_SECONDS)

    @property
    def last_words(self) -> str:
        return self.errors[-1] if self.errors else f"exit code {self.code}"


def measure(data: Path, photos: int, quick: bool) -> dict[str, Any]:
    """All figures. Raises RuntimeError where indexing itself fails, OSError without the photos."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pictures = QUICK_PICTURES if quick else PICTURES
        make_photos(data / "photos1000", folder / "photos", photos, pictures)
        journey = QUICK_JOURNEY_PHOTOS if quick else JOURNEY_PHOTOS
        (folder / "journey").mkdir()
        for file in sorted((folder / "photos").iterdir())[:journey]:
            shutil.copy(file, folder / "journey")
        _make_weights(folder / "weights")
        result: dict[str, Any] = {
            "photos": photos,
            "megapixels": round(SIZE[0] * SIZE[1] / 1e6),
            "quick": quick,
            "limit_4gb": {},
        }
        for model in MODELS:
            result[model] = _figures(model, folder)
            result["limit_4gb"][model] = _limited(model, folder)
        result["builtin"]["app_idle_mb"] = _app_idle(folder / "library-builtin")
        return {**result, "machine": machine.reference()}


def _make_weights(folder: Path) -> None:
    """In a process of its own: it takes more memory than anything that is measured here."""
    code = (
        f"from pathlib import Path; from benchmarks import random_clip; random_clip.checkpoint(Path({str(folder)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, check=True)


def _figures(model: str, folder: Path) -> dict[str, Any]:
    indexed = _run("index", model, folder)
    idle = _run("idle", model, folder)
    figures = {
        **indexed.said,
        "peak_mb": max(indexed.peak or 0.0, indexed.said["own_peak_mb"] or 0.0) or None,
        **idle.said,
    }
    return {name: value if name == "images_per_s" else _whole(value) for name, value in figures.items()}


def _run(what: str, model: str, folder: Path, limit: str | None = None) -> Watched:
    watched = Watched(["--child", json.dumps([what, model, str(folder), limit])])
    if watched.code and limit is None:
        raise RuntimeError(f"{what} with {model} failed: {watched.last_words}")
    return watched


def _limited(model: str, folder: Path) -> dict[str, Any]:
    """The journey under each kind of limit, until it works under one."""
    failures: dict[str, str] = {}
    for limit in LIMITS:
        watched = _run("journey", model, folder, limit)
        shutil.rmtree(folder / f"library-journey-{model}", ignore_errors=True)
        if watched.code == 0:
            return {"works": True, "limit": limit, "peak_mb": _whole(watched.peak), "failed_under": failures}
        failures[limit] = watched.last_words
    return {"works": False, "failed_under": failures}


def _app_idle(home: Path) -> float | None:
    """The app as people start it, on a library that is there, without an open page."""
    from tests.e2e.running_app import running_app

    with running_app(home) as app:
        idle = _settled(app.process.pid)
    return None if idle is None else round(idle)


def _whole(value: Any) -> Any:
    return round(value) if isinstance(value, float) else value


def table(result: dict[str, Any]) -> str:
    lines = [f"{result['photos']} photos of {result['megapixels']} megapixels; 10^6 bytes"]
    for model in MODELS:
        figures, limited = result[model], result["limit_4gb"][model]
        lines.append(
            f"{model:<10}peak {figures['peak_mb']}, after a search {figures['idle_after_indexing_mb']}, "
            f"model unloaded {figures['unloaded_mb']}, newly opened {figures['idle_mb']}, "
            f"{figures['images_per_s']} img/s, {figures['skipped']} skipped"
        )
        how = f"works under {limited['limit']}, peak {limited['peak_mb']}" if limited["works"] else "FAILS"
        lines.append(
            f"{'':<10}with 4 GB: {how}" + "".join(f"; {name}: {why}" for name, why in limited["failed_under"].items())
        )
    return "\n".join([*lines, f"the app, idle: {result['builtin']['app_idle_mb']}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("memory", __doc__, quick="few photos")
    parser.add_argument("--data", type=Path, help="folder with photos1000/")
    parser.add_argument("--photos", type=int, help=f"default {PHOTOS}, with --quick {QUICK_PHOTOS}")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        what, model, folder, limit = json.loads(options.child)
        print(json.dumps(_child(what, model, Path(folder), limit)))
        return 0
    if options.data is None:
        parser.error("--data is needed")
    if not machine.has_proc():
        reason = "memory is read from /proc, which this system does not have"
        print(f"not run: {reason}", file=sys.stderr)
        if options.json:
            print(json.dumps({"not_run": reason, "machine": machine.reference()}))
        return 0
    photos = options.photos or (QUICK_PHOTOS if options.quick else PHOTOS)
    return command.told(lambda: measure(options.data, photos, options.quick), table, options.json)


if __name__ == "__main__":
    sys.exit(main())
