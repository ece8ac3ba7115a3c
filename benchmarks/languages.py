"""What queries in other languages than English find: ``python -m benchmarks.languages --data FOLDER [--json]``.

Of the pictures of flickr8k's dev split that have a caption in the language, that caption is a query each, the first
that people wrote or translated; beside it stands an English caption of the very same pictures. Spanish has no captions
there.

model        the built-in model, pictures by the query's vector: the share of queries whose picture is among the first
             ten
descriptions MiniLM, which compares text with text: the query against another English caption of each picture, as if a
             model had described it
english      both again with the English caption as the query
told         of the captions of the language, how many are told to be in another language (``looks_foreign``). Its
             everyday words were chosen on every second caption, so the others judge it; of the English captions, of the
             class names of photos1000 and of the tags of library/ all do, and none should be told to be so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import command, machine
from benchmarks.retrieval import photo_names, ranks_of
from benchmarks.retrieval_sets import encode_files
from src.models.embedders.builtin import BuiltinEmbedder
from src.models.model_manager import ModelManager
from src.services.search.foreign import looks_foreign

FIRST = 10
LANGUAGES = {
    "de": "German", "es": "Spanish", "fr": "French", "zh": "Chinese", "nl": "Dutch", "cs": "Czech", "ar": "Arabic",
    "hi": "Hindi",
}  # fmt: skip
Captions = Mapping[str, Sequence[str]]
"""File of a picture -> its captions in one language."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("languages", __doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with languages/, flickr8k/, photos1000/ and library/"
    )
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures. Raises OSError where the captions or pictures are not there."""
    english, others = captions(options.data)
    files = sorted(english)
    models = ModelManager("builtin")
    images = encode_files(models, [options.data / "flickr8k" / file for file in files])
    vectors = dict(zip(files, images, strict=True))
    found = {LANGUAGES[code]: _of(some, english, vectors, models) for code, some in sorted(others.items())}
    for code in others:
        every = [text for row in _rows(options.data) if row["lang"] == code for text in row["captions"]]
        found[LANGUAGES[code]]["told"] = _share(every[1::2])
    return {
        "languages": found,
        "without_captions": [name for code, name in LANGUAGES.items() if code not in others],
        "wrongly_told": wrongly_told(options.data, english),
        "machine": machine.reference(),
    }


def captions(data: Path) -> tuple[Captions, dict[str, Captions]]:
    """The English captions of the dev split's pictures, and those in each other language."""
    told = map(json.loads, (data / "flickr8k" / "captions.jsonl").read_text(encoding="utf-8").splitlines())
    english = {row["file"]: row["captions"] for row in told if row["split"] == "dev"}
    others: dict[str, dict[str, list[str]]] = {}
    for row in _rows(data):
        file = row["file"].removeprefix("flickr8k/")
        if file in english:
            others.setdefault(row["lang"], {}).setdefault(file, []).extend(row["captions"])
    return english, dict(others)


def _rows(data: Path) -> list[dict[str, Any]]:
    lines = (data / "languages" / "flickr8k_dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _of(some: Captions, english: Captions, vectors: Mapping[str, NDArray[np.float32]], models: ModelManager) -> Any:
    """The figures of one language."""
    files = sorted(some)
    embedder = models.embedder()
    assert isinstance(embedder, BuiltinEmbedder)
    images = np.stack([vectors[file] for file in files])
    described = embedder.sentence_vectors([english[file][1] for file in files])
    figures: dict[str, Any] = {"pictures": len(files)}
    for name, texts in (("own", [some[file][0] for file in files]), ("english", [english[file][0] for file in files])):
        figures[name] = {
            "model": _recall(embedder.encode_texts(texts) @ images.T),
            "descriptions": _recall(embedder.sentence_vectors(texts) @ described.T),
        }
    return figures


def _recall(scores: NDArray[np.float32]) -> float:
    return round(float((ranks_of(scores, np.eye(len(scores), dtype=bool)) < FIRST).mean()), 4)


def _share(texts: Sequence[str]) -> float:
    """Of the texts, how many are told to be in another language."""
    return round(float(np.mean([looks_foreign(text) for text in texts])), 4)


def wrongly_told(data: Path, english: Captions) -> dict[str, float]:
    """The same of English: captions, names of things, and a photographer's tags."""
    rows = map(json.loads, (data / "library" / "facts.jsonl").read_text(encoding="utf-8").splitlines())
    tags = sorted({tag for row in rows for tag in row.get("tags", ())})
    every = [text for some in english.values() for text in some]
    return {"captions": _share(every), "names": _share(photo_names(data / "photos1000")[1]), "tags": _share(tags)}


def table(result: dict[str, Any]) -> str:
    """The figures for a reader, in per cent."""
    lines = [f"{'':10}{'pictures':>9}{'model':>8}{'english':>9}{'descriptions':>14}{'english':>9}{'told':>8}"]
    for name, one in result["languages"].items():
        own, english = one["own"], one["english"]
        cells = (own["model"], english["model"], own["descriptions"], english["descriptions"], one["told"])
        widths = (8, 9, 14, 9, 8)
        row = "".join(f"{100 * value:{width}.1f}" for value, width in zip(cells, widths, strict=True))
        lines.append(f"{name:10}{one['pictures']:9}{row}")
    lines += [f"without captions: {', '.join(result['without_captions']) or 'none'}"]
    wrongly = ", ".join(f"{name} {100 * value:.1f}" for name, value in result["wrongly_told"].items())
    return "\n".join([*lines, f"English wrongly told: {wrongly}"])


if __name__ == "__main__":
    sys.exit(main())
