"""How many of the photos that are suggested for a tag do show it: by the tag's words, and by 8 or 16 examples.

python -m benchmarks.suggestions --data FOLDER --json

Two sets whose photos people have labelled: coco128 (a tag for each object that is in enough photos), and photos1000,
whose thousand ImageNet classes are put together to what everybody calls them. Each is a library of its own. For each
tag: what is suggested while no photo has it, and what once 8 or 16 of the right photos have it, drawn by chance, the
mean of several draws.

precision@10 and @20 are of what is suggested, which may be less: tags for which nothing is suggested are told apart
(silent) and are not in them. recall is of the right photos that have no tag yet, among the first 20, of the silent too.
A tag of which fewer than ``LEAST`` right photos are left is left out; where fewer than 20 are, precision@20 can't be 1.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import command
from benchmarks.labelled import coco128_by_tag
from src.bootstrap import build_services
from src.config import Settings
from src.runtime import Services

EXAMPLES = (8, 16)
DRAWS = 5
LEAST = 5
"""Right photos that must be left once the examples are tagged."""
TOP = (10, 20)
SEED = 1
GROUPS: Mapping[str, Sequence[range]] = {
    "fish": (range(7), range(389, 398)),
    "bird": (range(7, 25), range(80, 101), range(127, 147)),
    "lizard": (range(38, 49),),
    "snake": (range(52, 69),),
    "dog": (range(151, 269),),
    "beetle": (range(300, 308),),
    "monkey": (range(365, 383),),
}
"""What everybody calls them -> numbers of ImageNet's classes, which are the numbers of the photos in their order."""


def main() -> int:
    made = command.parser("suggestions", __doc__)
    made.add_argument("--data", type=Path, required=True, help="the folder with photos1000 and boxes/coco128")
    arguments = made.parse_args()
    return command.told(lambda: measured(arguments.data), table, arguments.json)


def measured(data: Path) -> dict[str, Any]:
    """Name of a set -> way -> the means over its tags, and each tag's own figures. Raises OSError without the data."""
    found: dict[str, Any] = {}
    for name, (files, right) in {"photos1000": _photos1000(data), "coco128": coco128_by_tag(data)}.items():
        with tempfile.TemporaryDirectory() as folder:
            for file in files:
                shutil.copy(file, folder)
            services = build_services(Settings(home=Path(folder) / "library"))
            try:
                list(services.handlers["index"]({"paths": [folder]}))
                found[name] = _of_library(services, right)
            finally:
                services.close()
    return found


def _photos1000(data: Path) -> tuple[list[Path], dict[str, set[str]]]:
    files = sorted((data / "photos1000").glob("n*_*.jpg"))
    if len(files) != 1000:
        raise FileNotFoundError(f"There are no 1,000 photos in {data / 'photos1000'}.")
    numbers = {tag: [number for some in ranges for number in some] for tag, ranges in GROUPS.items()}
    return files, {tag: {files[number].name for number in some} for tag, some in numbers.items()}


def _of_library(services: Services, right: Mapping[str, set[str]]) -> dict[str, Any]:
    ids = {services.catalog.shown([id_])[id_].name: id_ for id_ in services.catalog.listing.ids(None, "name")}
    chance = np.random.default_rng(SEED)
    found: dict[str, Any] = {}
    for way in ("words", *EXAMPLES):
        number = 0 if way == "words" else int(way)
        tags = {tag: [ids[name] for name in sorted(some)] for tag, some in sorted(right.items())}
        enough = {tag: some for tag, some in tags.items() if len(some) >= number + LEAST}
        each = {tag: _of_tag(services, tag, some, number, chance) for tag, some in enough.items()}
        found["words" if way == "words" else f"{way} examples"] = _means(each)
    return found


def _means(each: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Over tags; of precision, over those for which something was suggested."""
    told = [one for one in each.values() if one["suggested"]]
    means: dict[str, Any] = {"tags": len(each), "silent": len(each) - len(told)}
    for top in TOP:
        means[f"precision@{top}"] = float(np.mean([one[f"precision@{top}"] for one in told])) if told else None
    for name in ("recall@20", "suggested"):
        means[name] = float(np.mean([one[name] for one in each.values()]))
    return {**means, "each": dict(each)}


def _of_tag(
    services: Services, tag: str, right: Sequence[str], examples: int, chance: np.random.Generator
) -> dict[str, float]:
    draws = []
    for _ in range(DRAWS if examples else 1):
        tagged = [right[number] for number in chance.choice(len(right), examples, replace=False)]
        if tagged:
            services.curation.tag(tagged, [tag])
        left = set(right) - set(tagged)
        hits = [one.image_id in left for one in services.suggestions.photos(tag, max(TOP))]
        draws.append([*(sum(hits[:top]) / max(1, len(hits[:top])) for top in TOP), sum(hits) / len(left), len(hits)])
        if tagged:
            services.curation.undo()
    means = np.mean(draws, axis=0)
    return dict(zip((*(f"precision@{top}" for top in TOP), "recall@20", "suggested"), map(float, means), strict=True))


def table(found: Mapping[str, Any]) -> str:
    head = "| set | by | tags | silent | precision@10 | precision@20 | recall@20 | suggested (of 20) |"
    rows = [head, "|---|---|---|---|---|---|---|---|"]
    for name, ways in found.items():
        for way, means in ways.items():
            figures = (f"{means[key]:.2f}" for key in ("precision@10", "precision@20", "recall@20"))
            cells = (name, way, means["tags"], means["silent"], *figures, f"{means['suggested']:.1f}")
            rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
