"""Curves and tables of benchmark results: python -m benchmarks.curves --results FOLDER [--write] [--docs FOLDER]

FOLDER holds one JSON file for each benchmark (search.json, ingest.json, ...), as ``python -m benchmarks.quick --results
FOLDER`` leaves them or as one gets with ``python -m benchmarks.search --json | tail -n 1 > FOLDER/search.json``.
Without ``--write`` the tables go to standard output; with it the pictures are drawn and docs/performance.md has its
generated part replaced, so that every figure there comes from a benchmark. A benchmark without a file is left out, and
the text says so.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import bars
from benchmarks.bars import FILTERS, Results, number
from src.config import PROJECT_DIR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
NAMES = (
    "ingest",
    "ingest-library",
    "decode",
    "search",
    "startup",
    "gallery",
    "memory",
    "retrieval",
    "segments",
    "sam",
    "small_things",
)
CONTENDERS = {
    "vit": "ViT-B/32",
    "builtin": "built-in model",
    "transformers": "transformers\nViT-B/32 fp32",
    "sentence-transformers": "sentence-transformers\nViT-B/32 fp32",
    "onnxruntime": "onnxruntime\nViT-B/32 fp32",
    "builtin-torch": "PyTorch, built-in\nnetwork, fp32",
    "builtin-onnxruntime": "onnxruntime, built-in\nnetwork, fp32",
}
SETS = {
    "clustered-512": "clustered, 512-d",
    "text-512": "clustered, 512-d, with queries as far from the photos as words are",
    "clustered-768": "clustered, 768-d",
    "random-512": "random, 512-d",
}
OURS, LIGHT, NUMPY, SQLITE, GREY = "#0b6e99", "#7fb8d1", "#b3541e", "#6b5b95", "#555555"
SHADES = ("#9ecae1", "#6baed6", "#3182bd", "#08519c")
STAGES = ("#0b6e99", "#4a9fc4", "#9ecae1", "#e6a15c", "#b3541e", "#6b5b95", "#3f7f5f", "#a3c9a8", "#999999", "#cccccc")


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The results that are there. Raises ValueError for a file that is no JSON object."""
    found = {}
    for name in NAMES:
        file = folder / f"{name}.json"
        if file.exists():
            result = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(result, dict):
                raise ValueError(f"{file} holds no result.")
            found[name] = result
    return found


def refuse_unclean(results: Results) -> None:
    """Raises ValueError for a result that no commit stands for: its figures could not be measured again."""
    unclean = [
        name
        for name, result in results.items()
        if not _CLEAN.fullmatch(str(result.get("machine", {}).get("commit", "")))
    ]
    if unclean:
        raise ValueError(f"Measured with changes that are not committed, so not for the page: {', '.join(unclean)}.")


_CLEAN = re.compile("[0-9a-f]{7,40}")

# ------------------------------------------------------------ text


def page(results: Results, pictures: Sequence[str]) -> str:
    """The generated part of docs/performance.md. pictures: names of those that were drawn, beside the page's own
    folder.
    """
    parts = [f"![{name.rsplit('.', 1)[0].replace('-', ' ')}](performance/{name})" for name in pictures]
    parts += [
        "### Figures and bars",
        markdown(("figure", "value", "bar", "peer in the same run", "within"), _rows(results)),
    ]
    for kind, title in SETS.items():
        rows = list(search_rows(results, kind))
        if rows:
            parts += [f"### Search, {title}", markdown(SEARCH_COLUMNS, rows)]
    parts += [
        "### Where and when",
        markdown(("benchmark", "commit", "machine", "matrix product", "decode", "set"), _machines(results)),
    ]
    missing = [name for name in NAMES if name not in results]
    if missing:
        parts.append(f"Not run: {', '.join(missing)}.")
    return "\n\n".join(parts)


def _rows(results: Results) -> Iterator[tuple[str, ...]]:
    yield from (verdict.cells for verdict in bars.verdicts(results))


SEARCH_TIMES = ("p50 ms", "p95 ms", "of it words", "of it vectors", "of it the rest", "NumPy", "SQLite")
SEARCH_COLUMNS = ("photos", "filter", *SEARCH_TIMES, "recall@10")


def search_rows(results: Results, kind: str) -> Iterator[tuple[str, ...]]:
    """A line for each size and filter of one set of made-up libraries."""
    keys = ("p50_ms", "p95_ms", "encode_p50_ms", "vectors_p50_ms", "rest_p50_ms", "numpy_p50_ms", "sqlite_p50_ms")
    for size, found in _sizes(results):
        for name, figures in found.get(kind, {}).items():
            cells = [number(figures[key]) if key in figures else "" for key in keys]
            yield f"{size:,}", name, *cells, f"{figures['recall']:.3f}"


def _machines(results: Results) -> Iterator[tuple[str, ...]]:
    for name, result in results.items():
        machine = result.get("machine", {})
        what = f"{machine.get('cores')} cores, {machine.get('system')}, Python {machine.get('python')}"
        keys = ("matrix_product_1024_s", "jpeg_decode_1600x1200_s")
        seconds = [f"{1000 * machine[key]:.1f} ms" if key in machine else "" for key in keys]
        yield name, str(machine.get("commit", "")), what, *seconds, "quick" if result.get("quick") else "full"


def markdown(head: Sequence[str], rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def replaced(text: str, generated: str) -> str:
    """A page with the part between its two marks replaced. Raises ValueError where they are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page lacks the marks {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{generated}\n\n{END}{after}"


def _sizes(results: Results) -> list[tuple[int, Mapping[str, Any]]]:
    return sorted((int(size), found) for size, found in results.get("search", {}).get("sizes", {}).items())


# ------------------------------------------------------------ pictures


def draw(results: Results, folder: Path) -> list[str]:
    """Draw what the results allow as PNG files; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, plot in (("search-latency", _latency), ("search-filters", _filtered), ("ingest-speed", _ingest)):
        figure = plot(results)
        if figure is not None:
            figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
            drawn.append(f"{name}.png")
    return drawn


def _new(title: str, result: Mapping[str, Any], columns: int = 1) -> tuple[Figure, list[Axes]]:
    """An empty picture that says what was measured where."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update(
        {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY}
    )
    figure, axes = pyplot.subplots(1, columns, figsize=(8.5, 5.0), facecolor="white", squeeze=False)
    figure.suptitle(title, x=0.02, ha="left", fontsize=12, fontweight="bold")
    machine = result.get("machine", {})
    label = f"commit {machine.get('commit')}, {machine.get('cores')} cores, {machine.get('system')}"
    label += ", quick set" if result.get("quick") else ""
    figure.text(0.02, 0.01, label, fontsize=8, color=GREY)
    figure.subplots_adjust(left=0.1, right=0.8 if columns == 1 else 0.97, top=0.88, bottom=0.14, wspace=0.6)
    return figure, list(axes[0])


def _lines(axes: Axes, lines: Sequence[tuple[str, str, str, list[tuple[int, float]]]]) -> None:
    """Lines (label, colour, style, points) on two logarithmic scales, each labelled at its end, labels kept apart."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("photos in the library")
    axes.set_ylabel("milliseconds")
    axes.grid(True, which="major", color="#e5e5e5", linewidth=0.8)
    drawn = [line for line in lines if line[3]]
    for _, colour, style, points in drawn:
        axes.plot(*zip(*points, strict=True), style, color=colour, linewidth=2, marker="o", markersize=4)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.figure.canvas.draw()  # else the scales are not settled yet
    for (label, colour, _, points), height in zip(drawn, spaced(axes, [line[3][-1][1] for line in drawn]), strict=True):
        end = axes.transAxes.inverted().transform(axes.transData.transform(points[-1]))[0]
        axes.text(end + 0.015, height, label, color=colour, va="center", fontsize=9, transform=axes.transAxes)


def spaced(axes: Axes, values: Sequence[float], least: float = 0.055) -> list[float]:
    """Heights for labels, as shares of the axes, near the values and no closer to one another than ``least``."""
    heights = axes.transAxes.inverted().transform(axes.transData.transform([(1, value) for value in values]))[:, 1]
    placed: dict[int, float] = {}
    below = -1.0
    for place in sorted(range(len(values)), key=lambda at: heights[at]):
        below = placed[place] = max(float(heights[place]), below + least)
    return [placed[place] for place in range(len(values))]


def _points(results: Results, name: str, key: str) -> list[tuple[int, float]]:
    found = [(size, at.get("clustered-512", {}).get(name, {}).get(key)) for size, at in _sizes(results)]
    return [(size, value) for size, value in found if value is not None]


def _latency(results: Results) -> Figure | None:
    if not _sizes(results):
        return None
    figure, (axes,) = _new("Time of a text query against library size", results["search"])
    lines = (
        ("full query, p95", LIGHT, "--", _points(results, "none", "p95_ms")),
        ("full query, p50", OURS, "-", _points(results, "none", "p50_ms")),
        ("of it vectors", OURS, ":", _points(results, "none", "vectors_p50_ms")),
        ("NumPy, in memory", NUMPY, "-", _points(results, "none", "numpy_p50_ms")),
        ("SQLite, as rclip", SQLITE, "-", _points(results, "none", "sqlite_p50_ms")),
    )
    _lines(axes, lines)
    return figure


def _filtered(results: Results) -> Figure | None:
    if not _sizes(results):
        return None
    figure, (axes,) = _new("Time of a text query with a filter, p50", results["search"])
    lines = [
        (f"keeps {name}", shade, "-", _points(results, name, "p50_ms"))
        for name, shade in zip(FILTERS, SHADES, strict=True)
    ]
    _lines(axes, [*lines, ("no filter", GREY, "--", _points(results, "none", "p50_ms"))])
    return figure


def _ingest(results: Results) -> Figure | None:
    """Photos a second beside the peers', and where our seconds went."""
    result = results.get("ingest", {})
    speeds = {name: told["median"] for name, told in result.get("images_per_s", {}).items()}
    if not speeds:
        return None
    figure, (left, right) = _new("Adding photos, end to end", result, 2)
    figure.subplots_adjust(left=0.2, top=0.8)
    left.barh(
        [CONTENDERS.get(name, name) for name in speeds], list(speeds.values()), color=[_colour(name) for name in speeds]
    )
    left.invert_yaxis()
    left.set_xlabel("photos a second")
    for place, value in enumerate(speeds.values()):
        left.annotate(f" {number(value)}", (value, place), va="center", fontsize=9)
    _stacked(right, {CONTENDERS.get(name, name): stages for name, stages in result.get("stage_seconds", {}).items()})
    return figure


def _colour(contender: str) -> str:
    return OURS if contender in ("vit", "builtin") else NUMPY


def _stacked(axes: Axes, stages: Mapping[str, Mapping[str, float]]) -> None:
    """One bar for each model, its stages beside one another."""
    names = list(dict.fromkeys(name for parts in stages.values() for name in parts))
    left = [0.0] * len(stages)
    for name, colour in zip(names, cycle(STAGES), strict=False):
        widths = [parts.get(name, 0.0) for parts in stages.values()]
        axes.barh(list(stages), widths, left=left, color=colour, label=name)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("seconds, summed over threads")
    axes.legend(fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.35, 1.0), ncols=3)


# ------------------------------------------------------------ the command


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw and write; 0 done, 1 failed with a reason."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.curves", description="Curves and tables of benchmark results."
    )
    parser.add_argument("--results", type=Path, required=True, help="folder with <benchmark>.json files")
    parser.add_argument("--write", action="store_true", help="draw the pictures and put the tables into the page")
    parser.add_argument(
        "--docs", type=Path, default=PROJECT_DIR / "docs", help="folder with performance.md (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        results = read(options.results)
        if not results:
            raise ValueError(f"{options.results} holds no result.")
        if options.write:
            refuse_unclean(results)
            target = options.docs / "performance.md"
            old = target.read_text(encoding="utf-8")
            pictures = draw(results, options.docs / "performance")
            target.write_text(replaced(old, page(results, pictures)), encoding="utf-8")
        else:
            print(page(results, ()))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
