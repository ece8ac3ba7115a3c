"""The map: how long laying out takes, how true it is, how smoothly it moves: python -m benchmarks.map [--size 100000]
[--library HOME] [--points 1000000] [--only layout trust frames] [--quick] [--json]

Of a made-up library (``benchmarks.synthetic``, clustered, 768 numbers a vector, in the built-in model's space): seconds
from nothing, compiling included, and for 1,000 new photos. Trustworthiness at 15 neighbours (Venna and Kaski, 2001) of
10,000 vectors against a full UMAP of the same, and with a third of them as landmarks; of a library's own vectors with
--library. Frames a second of a headless Chromium while the mouse moves the map, with as many points, and seconds until
all are drawn where it was let go (``as_a_picture``: they take long to draw, so that their picture was moved).
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import math
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks import machine, synthetic
from benchmarks.synthetic import Drawer, Shape
from src.bootstrap import build_services
from src.config import PROJECT_DIR, Settings
from src.database.vector_db import VectorDatabase
from src.models import label_bank
from src.schema import FloatArray, Progress
from src.services.map import geometry, process
from src.services.map.process import Arrangement
from tests.chromium import LAUNCH_ARGUMENTS, find_chromium

SIZE, NEW, TRUSTED, NEIGHBOURS, POINTS = 100_000, 1_000, 10_000, 15, 1_000_000
PARTS = ("layout", "trust", "frames")
SECONDS = 5.0
PAGE = """<!doctype html><div id="host" style="width: 1300px"><div class="board"></div></div>
<style>%s</style><script type="module">
import draw from "/board.js";
const where = { points: "/points.bin", version: "1", plot: "/plot.js", thumb: "/" };
const data = { ...where, by: "cluster", rest: 0, places: [], area: "", values: [["all", %d]] };
draw({ data, parentElement: document.getElementById("host"), setTriggerValue: () => null });
</script>"""
COUNTED = """() => {
  window.shown = { frames: 0, begun: performance.now() };
  const step = () => { window.shown.frames += 1; requestAnimationFrame(step); };
  requestAnimationFrame(step);
}"""
SEEN = "() => (1000 * window.shown.frames) / (performance.now() - window.shown.begun)"
STILL = "() => !document.querySelector('.board canvas').style.transform"
PLACE = "document.querySelector('.board').board.plot.get('cameraTarget').join(' ')"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--library", type=Path, help="home of a library whose vectors are trusted or not")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    share = 10 if asked.quick else 1
    found: dict[str, Any] = {"machine": machine.reference()}
    if "layout" in asked.only:
        found["layout"] = layout(asked.size // share)
    if "trust" in asked.only:
        found["trust"] = trust(vectors(asked.library, TRUSTED // share))
    if "frames" in asked.only:
        found["frames"] = frames(asked.points // share)
    print(json.dumps(found, indent=None if asked.json else 2))


def space() -> str:
    """Of the built-in model, so that words are found too."""
    return str(next(iter(json.loads(label_bank.CALIBRATIONS.read_text(encoding="utf-8")))))


def layout(size: int) -> dict[str, Any]:
    """Seconds from nothing and for NEW photos more."""
    with tempfile.TemporaryDirectory() as folder:
        settings, shape = Settings(home=Path(folder)), Shape(size, 768, space=space())
        with VectorDatabase(settings) as database:
            synthetic.fill(database, shape)
        services = build_services(settings)
        try:
            services.labels.get_ready()  # once for a model, whatever the library
            first = _seconds(lambda: _laid_out(services.maps.lay_out()))
            shown = _seconds(services.maps.told)
            synthetic.fill(services.store, Shape(size + NEW, 768, space=space()))
            new = _seconds(services.maps.chart)
            told = services.maps.told()
            assert told and told.photos == size + NEW and not told.waiting
            packed = _seconds(lambda: services.maps.packed("folder"))
        finally:
            services.close()
    return {
        "photos": size, "landmarks": told.landmarks, "clusters": len(told.clusters), "in_no_cluster": told.alone,
        "first_s": first, "shown_s": shown, "new_photos": NEW, "new_s": new, "packed_s": packed,
    }  # fmt: skip


def _laid_out(events: Iterator[Any]) -> None:
    for event in events:
        if isinstance(event, Progress) and sys.stderr.isatty():
            print(f"\r{event.current} {event.done:,} of {event.total or 0:,}", end="", file=sys.stderr)


def _seconds(work: Any) -> float:
    started = time.perf_counter()
    work()
    return round(time.perf_counter() - started, 2)


def vectors(library: Path | None, number: int) -> FloatArray:
    """(n, D): a library's own, or made-up ones."""
    if library is None:
        return Drawer(Shape(number, 768)).block(0, number)[0]
    services = build_services(Settings(home=library), read_only=True)
    try:
        collection = services.library.collection()
        found = services.catalog.vectors.get_many(collection, services.catalog.vectors.sample(collection, number))
        return np.stack(list(found.values()))
    finally:
        services.close()


def trust(found: FloatArray) -> dict[str, Any]:
    """Trustworthiness, 0 to 1, of a full UMAP, of all vectors as landmarks, and of a third of them."""
    from sklearn.manifold import trustworthiness
    from umap import UMAP

    def trusted(positions: FloatArray) -> float:
        return round(float(trustworthiness(found, positions, n_neighbors=NEIGHBOURS, metric="cosine")), 4)

    points = geometry.projection_of(found).of(found)
    third = np.random.default_rng(0).permutation(len(found))[: len(found) // 3]
    landmarks = _positions(points[third])
    placed = geometry.placed(landmarks, *geometry.nearest(points[third], points, geometry.NEAREST))
    placed[third] = landmarks
    return {
        "vectors": len(found),
        "full_umap": trusted(UMAP(n_neighbors=NEIGHBOURS, min_dist=0.1, metric="cosine").fit_transform(found)),
        "map": trusted(_positions(points)),
        "map_by_a_third": trusted(placed),
    }


def _positions(points: FloatArray) -> FloatArray:
    found = list(process.arranged(points))[-1]
    assert isinstance(found, Arrangement)
    return geometry.fitted(found.positions)


def frames(number: int) -> dict[str, Any]:
    """Frames a second while the map is moved, and seconds until it is drawn first."""
    binary = find_chromium()
    if binary is None:
        return {"points": number, "per_s": None}
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder), number) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=list(LAUNCH_ARGUMENTS))
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        started = time.perf_counter()
        page.goto(url)
        page.wait_for_selector(".board[data-drawn]", timeout=120_000)
        drawn = time.perf_counter() - started
        per_second, still = moved(page)
        slow = page.locator(".board").get_attribute("data-slow") == "true"
        browser.close()
    return {
        "points": number,
        "drawn_s": round(drawn, 2),
        "per_s": round(per_second, 1),
        "again_s": round(still, 2),
        "as_a_picture": slow,
    }


def moved(page: Page) -> tuple[float, float]:
    """Frames a second while the mouse drags the map in circles; seconds from its end until all points are drawn."""
    box = page.locator(".board canvas").bounding_box()
    assert box is not None
    across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(across, down)
    page.mouse.down()
    page.evaluate(COUNTED)
    before, begun = page.evaluate(PLACE), time.perf_counter()
    while (passed := time.perf_counter() - begun) < SECONDS:
        page.mouse.move(across + 150 * math.sin(2 * passed), down + 150 * math.cos(2 * passed) - 150)
    per_second = float(page.evaluate(SEEN))
    page.mouse.up()
    begun = time.perf_counter()
    page.wait_for_function(STILL)
    still = time.perf_counter() - begun
    if page.evaluate(PLACE) == before:
        raise SystemExit("The mouse did not move the map.")
    return per_second, still


@contextmanager
def _served(folder: Path, number: int) -> Iterator[str]:
    """A page that shows so many points, at an address of this machine."""
    ui = PROJECT_DIR / "src" / "ui"
    for file in (ui / "map" / "board.js", PROJECT_DIR / "src" / "api" / "map_files" / "plot.js"):
        (folder / file.name).write_bytes(file.read_bytes())
    style = (ui / "frame" / "tokens.css").read_text() + (ui / "map" / "board.css").read_text()
    (folder / "index.html").write_text(PAGE % (style.replace(":host", ":root"), number))
    (folder / "points.bin").write_bytes(_packed(number))
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def _packed(number: int) -> bytes:
    """Points in crowds, as the map's route has them."""
    dice = np.random.default_rng(0)
    crowd = dice.integers(0, 60, number)
    places = dice.uniform(-0.9, 0.9, (60, 2))[crowd] + 0.04 * dice.standard_normal((number, 2))
    x, y = places.astype("<f4").T
    return x.tobytes() + y.tobytes() + (1 + crowd % 12).astype(np.uint8).tobytes() + dice.bytes(16 * number)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


if __name__ == "__main__":
    main()
