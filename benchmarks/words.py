"""Text in pictures: python -m benchmarks.words --data FOLDER [--quick] [--json]

real: the pictures of ocr/ with the words that people noted. Recall is the share of these words that were read,
precision the share of read words that are among them (only where everything in a picture was noted). Words are compared
as letters and digits alone, whatever their case; of Chinese, Japanese and Korean each character counts as one; each
known word counts once for each time it is there. The places of words are not compared. ``even`` and ``odd`` are halves
of the pictures by their number: the confidence below which a line is no text (0.7) was chosen with an eye on the even
ones and on all of the photos without text, so only the odd ones judge it.

blank: the photos that have no text by ocr/no_text.jsonl: the share in which no line is read, and what the first look
costs (``gate``) beside this machine's product of two matrices of 1,024.

made: 300 pictures drawn with 11 fonts in sizes of 18 to 72 pixels (seed 0), one in three faint, a third of them upright
and a third turned to either side. They are of 1,200 x 900 pixels with 1 to 6 lines of everyday words.

search: these pictures, the real and the blank ones in a library of their own. For each made picture a word in it that
no other made picture has is searched for (``text:word``): the share of pictures among the first five.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import command, machine, words_pictures
from benchmarks.words_pictures import Known, met, words_of
from src.bootstrap import build_services
from src.config import Settings
from src.models import query_bank
from src.models.readers.rapid import RapidReader
from src.services.search.service import Query

MADE, SEED = 300, 0
LEAST = 4
"""Letters of the words that pictures are searched by."""
FIRST = 5
BARS = {"upright": 0.9, "sideways": 0.8, "found": 0.95, "blank": 0.95}


@dataclass(frozen=True)
class Told:
    """What was read in a picture."""

    known: Known
    words: tuple[str, ...]
    lines: int
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    return command.told(lambda: measure(options.data, options.quick), table, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("words", __doc__, quick="an eighth of the pictures")
    parser.add_argument("--data", type=Path, required=True, help="folder with ocr/ and photos1000/")
    return parser.parse_args(arguments)


def measure(data: Path, quick: bool = False) -> dict[str, Any]:
    """All figures. Raises OSError where the pictures are not there."""
    step = 8 if quick else 1
    real = words_pictures.real(data / "ocr")[::step]
    blank = words_pictures.blank(data)[::step]
    made = words_pictures.rendered(MADE // step, vocabulary(), SEED)
    reader = RapidReader()
    reader.read(made[0].picture())  # the networks are loaded
    told = {
        name: [look(reader, one) for one in some] for name, some in (("real", real), ("blank", blank), ("made", made))
    }
    result = {
        "real": {**figures(told["real"]), "even": figures(told["real"][::2]), "odd": figures(told["real"][1::2])},
        "kinds": {kind: figures([one for one in told["real"] if one.known.kind == kind]) for kind in kinds(real)},
        "blank": {**gate(reader, blank), **emptiness(told["blank"])},
        "made": {kind: figures([one for one in told["made"] if one.known.kind == kind]) for kind in kinds(made)},
        "search": search([*made, *real, *blank], made),
        "quick": quick,
        "machine": machine.reference(),
    }
    return {**result, "passed": passed(result)}


def vocabulary() -> list[str]:
    """Everyday words of four letters and more."""
    file = Path(query_bank.__file__).with_name("query_bank_files") / "visible.txt"
    return sorted({word for word in file.read_text(encoding="utf-8").split() if len(word) >= LEAST})


def kinds(some: Iterable[Known]) -> list[str]:
    return list(dict.fromkeys(one.kind for one in some))


def look(reader: RapidReader, known: Known) -> Told:
    picture = known.picture()
    started = time.perf_counter()
    lines = reader.read(picture)
    took = time.perf_counter() - started
    return Told(known, tuple(word for line in lines for word in words_of(line.text)), len(lines), took)


def figures(told: Sequence[Told]) -> dict[str, Any]:
    """Recall over all words, precision over those of pictures that are noted in full (None where there is none)."""
    found = [met(one.known.words, one.words) for one in told]
    complete = [(hits, len(one.words)) for hits, one in zip(found, told, strict=True) if one.known.complete]
    read = sum(number for _, number in complete)
    return {
        "pictures": len(told),
        "words": sum(len(one.known.words) for one in told),
        "recall": round(sum(found) / max(1, sum(len(one.known.words) for one in told)), 4),
        "precision": round(sum(hits for hits, _ in complete) / read, 4) if read else None,
        "images_per_s": round(len(told) / max(1e-9, sum(one.seconds for one in told)), 2),
    }


def emptiness(told: Sequence[Told]) -> dict[str, Any]:
    empty = sum(not one.lines for one in told)
    pace = len(told) / max(1e-9, sum(one.seconds for one in told))
    return {"photos": len(told), "without_lines": round(empty / max(1, len(told)), 4), "images_per_s": round(pace, 2)}


def gate(reader: RapidReader, blank: Sequence[Known]) -> dict[str, Any]:
    """What it costs to find that there is nothing to read, decoded pictures apart: the median over photos."""
    pictures = [np.ascontiguousarray(np.asarray(one.picture())[:, :, ::-1]) for one in blank]
    times = []
    for picture in pictures:
        started = time.perf_counter()
        reader.find(picture)
        times.append(time.perf_counter() - started)
    product = float(str(machine.reference()["matrix_product_1024_s"]))
    median = machine.median(times)
    return {"gate_ms": round(1000 * median, 2), "gate_in_products": round(median / product, 2)}


def search(held: Sequence[Known], made: Sequence[Known]) -> dict[str, Any]:
    """Made pictures by a word in them, in a library that holds all of these."""
    often = Counter(word for one in made for word in set(one.words))
    queries = {one.name: [word for word in one.words if often[word] == 1 and len(word) >= LEAST] for one in made}
    asked = {name: max(words, key=len) for name, words in queries.items() if words}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        folder.mkdir()
        for number, one in enumerate(held):
            name = one.name if one.kind.startswith("turned") else f"other-{number}"
            one.picture().save(folder / f"{name}.png", compress_level=1)
        services = build_services(replace(Settings.from_env(), home=Path(place) / "library", model="builtin"))
        try:
            for kind, said in (("index", {"paths": [str(folder)]}), ("texts", {})):
                for _ in services.handlers[kind](said):  # type: ignore[index]
                    pass
            first = {
                name: [hit.name for hit in services.search.search(Query(f"text:{word}"), FIRST).hits]
                for name, word in asked.items()
            }
        finally:
            services.close()
    found = sum(f"{name}.png" in hits for name, hits in first.items())
    return {"pictures": len(held), "asked": len(asked), "found": round(found / max(1, len(asked)), 4)}


def passed(result: dict[str, Any]) -> dict[str, bool]:
    """Each bar for quality, and whether it is met."""
    made = result["made"]
    sideways = [told["recall"] for kind, told in made.items() if kind != "turned by 0"]
    return {
        "upright": made["turned by 0"]["recall"] >= BARS["upright"],
        "sideways": min(sideways) >= BARS["sideways"],
        "found": result["search"]["found"] >= BARS["found"],
        "blank": result["blank"]["without_lines"] >= BARS["blank"],
    }


def table(result: dict[str, Any]) -> str:
    """The figures, for people."""
    sets = {"real": result["real"], **result["kinds"], **result["made"]}
    lines = [f"{'pictures':36} {'number':>7} {'words':>7} {'recall':>7} {'precision':>9} {'images/s':>9}"]
    for name, told in sets.items():
        precision = "" if told["precision"] is None else f"{told['precision']:.3f}"
        numbers = (
            f"{told['pictures']:7} {told['words']:7} {told['recall']:7.3f} {precision:>9} {told['images_per_s']:9.2f}"
        )
        lines.append(f"{name:36} {numbers}")
    blank, search = result["blank"], result["search"]
    lines.append(
        f"without text: no line in {blank['without_lines']:.3f} of {blank['photos']} photos, "
        f"{blank['images_per_s']:.1f} images/s; first look {blank['gate_ms']:.1f} ms, "
        f"{blank['gate_in_products']:.1f} matrix products"
    )
    lines.append(f"found by a word: {search['found']:.3f} of {search['asked']} among {search['pictures']} pictures")
    lines += [f"{name}: {'met' if met_ else 'NOT MET'}" for name, met_ in result["passed"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
