"""From Enter to all thumbnails, and how smoothly the whole library scrolls: ``python -m benchmarks.gallery
[--libraries FOLDER] [--data FOLDER] [--json] [--quick]``.

In a real browser, on a library of 100,000 made-up photos (10,000 with ``--quick``) and 60 results: types a query,
presses Enter, and takes the time until every visible thumbnail is complete and belongs to the new query. 20 different
queries after two that are not counted. The split: what the search itself says it took; until the new hits are in the
page (search, page script, drawing); from then on the pictures.

Then the tab Library is scrolled first as one looks for something and then from end to end: frames a second, frames that
took longer than a thirtieth of one, the nodes of the gallery at most, and the memory of the tab afterwards.

The table goes to standard error; with ``--json`` the last line of standard output is one object.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import browsing, command, machine

if TYPE_CHECKING:
    from playwright.sync_api import Page

HITS = 60
WARM_UP = 2

WATCH = f"""(before) => new Promise((done) => {{
  const look = {browsing.SETTLED};
  let started = 0, found = 0;
  setTimeout(() => done(null), {browsing.SECONDS * 1000:.0f});
  const start = (event) => {{ if (event.key === "Enter") started = performance.now(); }};
  addEventListener("keydown", start, {{ capture: true, once: true }});
  const step = () => {{
    const now = look();
    if (started && now.scored && now.ids !== before) {{
      found ||= performance.now();
      if (now.complete) return done({{ total: performance.now() - started, hits: found - started, ...now }});
    }}
    requestAnimationFrame(step);
  }};
  step();
}})"""
"""Resolves to milliseconds since Enter: until the new hits are in the page, and until the visible ones are complete."""


SCROLL = """([share, most]) => new Promise((done) => {
  const root = document.querySelector(".st-key-timeline");
  const { shadowRoot } = [root, ...root.querySelectorAll("*")].find((node) => node.shadowRoot);
  const scroller = shadowRoot.querySelector(".scroller"), step = scroller.clientHeight * share;
  const started = performance.now();
  let frames = 0, slow = 0, nodes = 0, before = started, top = -1;
  scroller.scrollTop = 0;
  const go = (now) => {
    frames += 1;
    if (now - before > 34) slow += 1;
    before = now;
    if (frames % 30 === 0) nodes = Math.max(nodes, shadowRoot.querySelectorAll("*").length);
    const seconds = (now - started) / 1000;
    if (scroller.scrollTop === top || seconds > most) return done({ frames, slow, nodes, seconds });
    top = scroller.scrollTop;
    scroller.scrollTop += step;
    requestAnimationFrame(go);
  };
  requestAnimationFrame(go);
})"""
"""Resolves to what the scrolling from the top took: a share of a screen a frame, to the end or for so many seconds."""
READING = (0.05, 20)
"""Three screens a second, as one looks for something: all pictures are fetched and shown."""
FAST = (0.5, 600)
"""Half a screen a frame from end to end, as the scroll bar does it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    size = options.size or (10_000 if options.quick else 100_000)
    return command.told(lambda: measure(options.libraries, options.data, size, options.quick), table, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("gallery", __doc__, quick="10,000 photos, 10 queries", libraries=True)
    parser.add_argument("--data", type=Path, help="folder with photos1000/: thumbnails of real photos")
    parser.add_argument("--size", type=int, help="photos in the library (default: 100000)")
    return parser.parse_args(arguments)


def measure(libraries: Path, data: Path | None, size: int, quick: bool) -> dict[str, object]:
    """All figures, in milliseconds.

    Raises NotHere where there is no browser, AppError where the library can't be opened.
    """
    home = browsing.big_library(size, libraries, data)
    queries = browsing.fitting(home, WARM_UP + (10 if quick else 20))
    rounds = []
    with browsing.browser_page() as page, browsing.started(home) as (url, _):
        browsing.await_answer(url)
        page.goto(url)
        for number, query in enumerate(queries):
            rounds.append(one_query(page, query))
            if number == 0:
                ask_for(page, HITS)
        scrolled = scroll(page, url)
    counted = rounds[WARM_UP:]
    totals = [each["total"] for each in counted]
    split = {
        name: round(machine.median([each[name] for each in counted]), 1) for name in ("search", "page", "thumbnails")
    }
    return {
        "median_ms": round(machine.median(totals), 1),
        "p95_ms": round(float(np.percentile(totals, 95)), 1),
        "split_ms": split,
        "scroll": scrolled,
        "visible": int(machine.median([each["visible"] for each in counted])),
        "hits": HITS,
        "photos": size,
        "queries": len(counted),
        "quick": quick,
        "machine": machine.reference(),
    }


def one_query(page: Page, query: str) -> dict[str, float]:
    """Milliseconds of one query: in all, of the search, of the page until the hits are in it, and of the thumbnails
    after that.
    """
    box = page.get_by_placeholder(browsing.BOX)
    box.fill(query)
    before = browsing.gallery(page)["ids"]
    page.evaluate(f"(before) => {{ window.watched = ({WATCH})(before); }}", before)
    box.press("Enter")
    found = page.evaluate("() => window.watched")
    if found is None:
        raise browsing.NotHere(f"Nothing new was shown for “{query}”.")
    page.wait_for_timeout(300)  # the line above the gallery, and what the app does after a search
    line = page.get_by_text(re.compile(r"of [\d,]+ photos? · [\d,]+ ms")).first.inner_text()
    took = float(re.search(r"([\d,]+) ms", line)[1].replace(",", ""))  # type: ignore[index]
    return {
        "total": found["total"],
        "search": took,
        "page": found["hits"] - took,
        "thumbnails": found["total"] - found["hits"],
        "visible": found["visible"],
        "cells": found["cells"],
    }


def scroll(page: Page, url: str) -> dict[str, float]:
    """Frames a second, slow ones, nodes and megabytes of the tab while the whole library is scrolled."""
    page.goto(f"{url}/library")
    page.locator(".tile.here").first.wait_for()
    page.wait_for_timeout(1_000)
    reading, fast = page.evaluate(SCROLL, READING), page.evaluate(SCROLL, FAST)
    tab = page.context.new_cdp_session(page)
    tab.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in tab.send("Performance.getMetrics")["metrics"]}
    return {
        "reading_frames_per_s": round(reading["frames"] / reading["seconds"], 1),
        "frames_per_s": round(fast["frames"] / fast["seconds"], 1),
        "slow_frames": reading["slow"] + fast["slow"],
        "frames": reading["frames"] + fast["frames"],
        "nodes": max(reading["nodes"], fast["nodes"]),
        "heap_mb": round(metrics["JSHeapUsedSize"] / 1e6, 1),
    }


def ask_for(page: Page, hits: int) -> None:
    """Set the number of results by the keyboard. Raises NotHere where the gallery does not follow."""
    thumb = page.get_by_role("slider").first
    thumb.focus()
    for _ in range(10 * hits):  # a key that comes while the page is drawn may be lost
        if (now := int(thumb.input_value())) == hits:
            break
        thumb.press("ArrowRight" if now < hits else "ArrowLeft")
        page.wait_for_timeout(50)
    try:
        page.get_by_text(re.compile(rf"^{hits} of [\d,]+ photos?")).first.wait_for()
    except Exception as error:
        raise browsing.NotHere(f"The gallery did not show {hits} results.") from error


def table(result: dict[str, object]) -> str:
    split = ", ".join(f"{name} {value} ms" for name, value in dict(result["split_ms"]).items())  # type: ignore[call-overload]
    took = f"median {result['median_ms']} ms, p95 {result['p95_ms']} ms ({split})"
    scrolled: dict[str, float] = dict(result["scroll"])  # type: ignore[call-overload]
    smooth = (
        f"library scrolled: {scrolled['reading_frames_per_s']} frames/s with all pictures, {scrolled['frames_per_s']} "
        f"from end to end, {scrolled['slow_frames']} of "
        f"{scrolled['frames']:,} slow, {scrolled['nodes']:,} nodes, {scrolled['heap_mb']} MB of scripts"
    )
    return f"{result['photos']:,} photos, {result['hits']} hits: {took}\n{smooth}"


if __name__ == "__main__":
    sys.exit(main())
