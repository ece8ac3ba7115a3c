"""What the benchmarks must show, where it stands in their results, and how a result is told against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Mapping[str, Any]]
"""The JSON object of each benchmark that was run, by its name."""


@dataclass(frozen=True)
class Figure:
    """One figure.

    ``path``: keys that lead to it in the benchmark's result, and ``peer`` to what it competes with, in the same unit.
    """

    benchmark: str
    text: str
    path: tuple[str, ...]
    unit: str = ""
    least: float | None = None
    most: float | None = None
    peer: tuple[str, ...] = ()
    peer_name: str = ""
    ours_in: tuple[str, ...] = ()
    """Keys that lead to the precision that our side computed in."""

    @property
    def bar(self) -> str:
        if self.least is not None:
            return f">= {number(self.least)}"
        return f"<= {number(self.most)}" if self.most is not None else ""


@dataclass(frozen=True)
class Verdict:
    """A figure with its value; None where the benchmark did not measure it here."""

    figure: Figure
    value: float | None
    peer: float | None
    precision: str = ""
    """What our side computed in, where the benchmark tells."""

    @property
    def within(self) -> bool | None:
        """Whether it is within its bar; None where it has none or was not measured."""
        figure, value = self.figure, self.value
        if value is None or (figure.least is None and figure.most is None):
            return None
        return (figure.least is None or value >= figure.least) and (figure.most is None or value <= figure.most)

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Figure, value, bar, peer, within or not, as text."""
        figure = self.figure
        value = "not measured" if self.value is None else f"{number(self.value)} {figure.unit}".strip()
        peer = "" if self.peer is None else f"{f'{number(self.peer)} {figure.unit}'.strip()} ({figure.peer_name})"
        within = {True: "yes", False: "NO", None: ""}[self.within]
        precision = f" (ours in {self.precision})" if self.precision else ""
        return f"{figure.benchmark}: {figure.text}{precision}", value, figure.bar, peer, within


SEARCH_BARS = {
    1_000: (15.0, 30.0, 0.99),
    10_000: (15.0, 30.0, 0.99),
    100_000: (15.0, 30.0, 0.99),
    1_000_000: (25.0, 100.0, 0.95),
}
"""By size: p50 in ms without and with filters, recall@10. Those of 100,000 hold below it too."""
FILTERS = ("0.1%", "1%", "10%", "50%")


def number(value: float | None) -> str:
    """Three digits that count, four of those near 1 that are mostly shares and cosines."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.4g}" if 0.9 < abs(value) < 1 else f"{value:.3g}"


def search_figures(sizes: Iterator[int] | list[int]) -> list[Figure]:
    """Of the made-up libraries of these sizes."""
    figures = []
    for size in sizes:
        plain, filtered, recall = SEARCH_BARS.get(size, (None, None, None))
        at = ("sizes", str(size))
        ours = (*at, "clustered-512")
        figures.append(
            Figure("search", f"{size:,} photos, no filter, p50", (*ours, "none", "p50_ms"), "ms", None, plain)
        )
        peer = ((*ours, "none", "numpy_p50_ms"), "NumPy in memory")
        figures.append(
            Figure(
                "search", f"{size:,} photos, of it vectors", (*ours, "none", "vectors_p50_ms"), "ms", None, None, *peer
            )
        )
        for name in FILTERS:
            figures.append(
                Figure(
                    "search",
                    f"{size:,} photos, filter keeps {name}, p50",
                    (*ours, name, "p50_ms"),
                    "ms",
                    None,
                    filtered,
                )
            )
        figures.append(
            Figure("search", f"{size:,} photos, recall@10, lowest of these", (*at, "recall_least"), "", recall)
        )
        for name, text in (("text-512", "queries as far from the photos as words are"), ("clustered-768", "768-d")):
            figures.append(
                Figure(
                    "search",
                    f"{size:,} photos, {text}, no filter, p50",
                    (*at, name, "none", "p50_ms"),
                    "ms",
                    None,
                    plain,
                )
            )
            figures.append(
                Figure("search", f"{size:,} photos, {text}, recall@10", (*at, name, "none", "recall"), "", recall)
            )
        if size >= 1_000_000:
            figures.append(Figure("search", f"{size:,} photos, opened again", (*at, "reopen_s"), "s", None, 10.0))
            figures.append(Figure("search", f"{size:,} photos, resident", (*at, "resident_mb"), "MB", None, 5_000.0))
    alike, text = ("alike", "filters", "none"), "44,000 photos, ten of eleven nearly alike"
    figures.append(Figure("search", f"{text}, no filter, p50", (*alike, "p50_ms"), "ms"))
    figures.append(Figure("search", f"{text}, recall@10 of the others", (*alike, "recall"), "", 0.95))
    return figures


_VIT, _BUILTIN = ("precisions", "vit"), ("precisions", "builtin")
BEFORE_SEARCH = (
    *(
        Figure(
            "ingest",
            f"{ours}, photos a second",
            ("images_per_s", name, "median"),
            "img/s",
            peer=("images_per_s", peer, "median"),
            peer_name=f"{peer_name} fp32 loop, the same network",
            ours_in=precision,
        )
        for ours, name, peer, peer_name, precision in (
            ("ViT-B/32", "vit", "transformers", "transformers", _VIT),
            ("built-in model", "builtin", "builtin-torch", "PyTorch", _BUILTIN),
        )
    ),
    *(
        Figure("ingest", f"{ours}, against {peer}", (path,), "x", least, ours_in=precision)
        for ours, peer, path, least, precision in (
            ("ViT-B/32", "a transformers fp32 loop over the same network", "vit_ratio", 1.7, _VIT),
            ("ViT-B/32", "onnxruntime fp32 over the same network", "vit_over_onnxruntime", None, _VIT),
            (
                "ViT-B/32",
                "sentence-transformers fp32 over the same network",
                "vit_over_sentence-transformers",
                None,
                _VIT,
            ),
            (
                "built-in model",
                "a PyTorch fp32 loop over the same network",
                "builtin_over_builtin-torch",
                None,
                _BUILTIN,
            ),
            (
                "built-in model",
                "an onnxruntime fp32 loop over the same network",
                "builtin_over_builtin-onnxruntime",
                None,
                _BUILTIN,
            ),
            (
                "built-in model",
                "a transformers fp32 loop over another, far larger network, ViT-B/32",
                "builtin_ratio",
                5.0,
                _BUILTIN,
            ),
        )
    ),
    Figure("ingest", "encode alone, share of the machine's matrix product", ("limit_share",), "", 0.8),
    Figure("ingest", "lowest cosine of a vector to fp32's", ("cosine_min",), "", 0.999),
    Figure("ingest-library", "ViT-B/32, into 100,000 photos against into none", ("vit_library_ratio",), "x", 0.85),
    Figure(
        "ingest-library", "built-in model, into 100,000 photos against into none", ("builtin_library_ratio",), "x", 0.75
    ),
    Figure("decode", "against full decode and resize", ("ratio",), "x", 2.5),
    Figure(
        "decode",
        "a photo",
        ("milliseconds", "ours", "median"),
        "ms",
        None,
        None,
        ("milliseconds", "full", "median"),
        "full decode",
    ),
    Figure("decode", "mean cosine to the full decode's vector, built-in model", ("cosine_mean",), "", 0.99),
    Figure("decode", "the same, ViT-B/32", ("vit_cosine_mean",), "", 0.99),
)
AFTER_SEARCH = (
    Figure("startup", "command to interactive page", ("interactive_s",), "s", None, 3.0),
    Figure("startup", "command to the first text result", ("first_result_s",), "s", None, 6.0),
    Figure("startup", "the same with a large library, page", ("large", "interactive_s"), "s", None, 3.0),
    Figure("startup", "the same with a large library, first result", ("large", "first_result_s"), "s", None, 6.0),
    Figure("gallery", "Enter to 60 thumbnails complete, median", ("median_ms",), "ms", None, 400.0),
    Figure("memory", "built-in model, indexing 24-megapixel photos, peak", ("builtin", "peak_mb"), "MB", None, 1_200.0),
    Figure("memory", "built-in model, idle after a search", ("builtin", "idle_mb"), "MB", None, 900.0),
    Figure(
        "memory",
        "built-in model, idle after indexing and a search",
        ("builtin", "idle_after_indexing_mb"),
        "MB",
        None,
        900.0,
    ),
    Figure(
        "memory", "built-in model, whole journey within 4 GB (1 = works)", ("limit_4gb", "builtin", "works"), "", 1.0
    ),
    Figure("memory", "ViT-B/32, indexing 24-megapixel photos, peak", ("vit", "peak_mb"), "MB"),
    Figure("memory", "ViT-B/32, idle after a search", ("vit", "idle_mb"), "MB"),
    Figure("memory", "ViT-B/32, whole journey within 4 GB (1 = works)", ("limit_4gb", "vit", "works"), "", 1.0),
)
_FOUND = (
    ("flickr8k test, R@1", ("flickr8k", "r@1"), 0.27),
    ("flickr8k test, R@5", ("flickr8k", "r@5"), 0.57),
    ("flickr8k test, R@10", ("flickr8k", "r@10"), 0.69),
    ("class names, R@1", ("names", "r@1"), 0.75),
    ("class names, R@10", ("names", "r@10"), 0.92),
    ("names of photos, R@1", ("names_of_photos", "r@1"), None),
    ("cifar10, zero-shot", ("cifar10", "zero_shot"), None),
    ("cifar10, 10 nearest neighbours", ("cifar10", "knn"), None),
    ("coco128's names among its photos, mean average precision", ("coco128", "photos"), None),
    ("coco128's names among its boxes, mean average precision", ("coco128", "boxes"), None),
    ("everyday's names among its photos, mean average precision", ("everyday", "photos"), None),
    ("everyday's names among its boxes, mean average precision", ("everyday", "boxes"), None),
    ("a photo's grey copy finds it first", ("edits", "grey"), None),
    ("a photo's copy of 64 x 64 pixels finds it first", ("edits", "small"), None),
)
RETRIEVAL = (
    *(
        Figure("retrieval", text, path, "", least, None, ("against", *path), "first version")
        for text, path, least in _FOUND
    ),
    Figure("retrieval", "built-in model, pictures encoded a second", ("speed", "images_per_s"), "", 150.0),
    Figure("retrieval", "a text query, warm", ("speed", "text_ms"), "ms", None, 10.0),
    Figure(
        "retrieval", "a text query in a new process, the process included", ("speed", "cold_text_s"), "s", None, 1.0
    ),
)
INSIDE = (
    *(
        Figure(
            "segments",
            f"{name}'s boxes found by {most} built-in regions (IoU 0.5){role}",
            (*path, "recall", "built-in", f"all@{most}"),
            peer=(*path, "best_baseline", f"all@{most}"),
            peer_name="best baseline",
        )
        for name, role, path in (("coco128", ", which set them", ()), ("everyday", ", which judges", ("judged",)))
        for most in (12, 50)
    ),
    Figure("segments", "humans' segments, mean best IoU with 12 regions", ("bsds500", "mean_best@12")),
    Figure("segments", "a photo looked through by the built-in regions", ("seconds_a_photo", "mean"), "s", None, 1.0),
    Figure("sam", "masks of random weights that survive in transformers", ("survivors",), "", 50.0),
    Figure("sam", "of these, the same here (IoU 0.99)", ("same",), "", 1.0),
    Figure("sam", "ViT-B, against transformers fp32, same grid (ours in fp32)", ("ratio",), "x", 2.0),
    Figure("sam", "the same (ours with a bf16 encoder)", ("bf16_ratio",), "x"),
    Figure("sam", "points skipped: prompts saved", ("prompts_saved",), "", 0.6),
    Figure("sam", "points skipped: masks still found", ("found",), "", 0.95),
    Figure("sam", "the same on the harder stand-in: prompts saved", ("harder_prompts_saved",)),
    Figure("sam", "the same on the harder stand-in: masks still found", ("harder_found",)),
    Figure(
        "sam",
        "ViT-B with points skipped, against transformers' whole 32 x 32 grid in fp32 (ours with a bf16 encoder)",
        ("quick_ratio",),
        "x",
        4.0,
    ),
    Figure("sam", "the same on the harder stand-in", ("quick_harder_ratio",), "x"),
    Figure(
        "sam",
        "MobileSAM in fp32, at most 64 points, a photo",
        ("mobile_s",),
        "s",
        None,
        3.0,
        ("mobile_full_s",),
        "all 1,024 points",
    ),
    *(
        Figure(
            "small_things",
            f"{text}, R@10 with object search",
            (name, "12", "objects"),
            least=least,
            peer=(name, "12", "whole"),
            peer_name="whole images",
        )
        for text, name, least in (
            ("300 composites by name, on which settings were chosen", "composites", None),
            ("300 other composites by name", "judged", 0.4),
            ("coco128's names of boxes under 5 %, on which settings were chosen", "coco128", None),
            ("everyday's names of boxes under 5 %", "everyday", None),
        )
    ),
)


def verdicts(results: Results) -> list[Verdict]:
    """Every figure of the benchmarks that were run, in the order of the benchmarks."""
    sizes = sorted(int(size) for size in results.get("search", {}).get("sizes", {}))
    figures = [*BEFORE_SEARCH, *search_figures(sizes), *AFTER_SEARCH, *RETRIEVAL, *INSIDE]
    return [
        Verdict(
            figure,
            _number(results[figure.benchmark], figure.path),
            _number(results[figure.benchmark], figure.peer),
            str(_at(results[figure.benchmark], figure.ours_in) or ""),
        )
        for figure in figures
        if figure.benchmark in results
    ]


def _number(result: Any, path: tuple[str, ...]) -> float | None:
    found = _at(result, path)
    return float(found) if isinstance(found, int | float) else None


def _at(result: Any, path: tuple[str, ...]) -> Any:
    """What the keys lead to; None where one is not there, or there are none."""
    for key in path:
        if not isinstance(result, Mapping) or key not in result:
            return None
        result = result[key]
    return result if path else None
