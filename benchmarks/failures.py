"""Where a model fails, as a page to look at: python -m benchmarks.failures --data FOLDER --out FILE.html [--model
builtin] [--most 40]

Of flickr8k's 5,000 test captions those whose own picture comes last, one caption a picture at most: the caption, how
far down its picture came, that picture, and the first four that were found instead. Of photos1000's class names
likewise. The page holds thumbnails of the pictures, whose terms do not let it be passed on.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import command
from benchmarks.retrieval import flickr8k_test, own_picture, photo_names, ranks_of
from benchmarks.retrieval_sets import Vectors, encode_files
from src.models.model_manager import ModelManager

INSTEAD = 4
THUMBNAIL = 160
MOST = 40
STYLE = (
    "body{font:15px sans-serif;margin:2em}section{margin:1.5em 0}"
    "img{height:120px;margin:4px}img.right{outline:3px solid #2a2}"
)


@dataclass(frozen=True)
class Failure:
    """A query whose right picture came at ``rank`` (0 = first)."""

    query: str
    rank: int
    right: Path
    found: tuple[Path, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; 0 done, 1 failed with a reason."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failures", description=__doc__)
    parser.add_argument("--model", default="builtin", help="any model id of the registry (default: %(default)s)")
    parser.add_argument("--data", type=Path, required=True, help="folder with flickr8k/ and photos1000/")
    parser.add_argument("--out", type=Path, required=True, help="the page")
    parser.add_argument("--most", type=int, default=MOST, help="failures of each set (default: %(default)s)")
    options = parser.parse_args(arguments)

    def write() -> dict[str, int]:
        models = ModelManager(options.model)
        sets = {
            "captions": captions(models, options.data / "flickr8k"),
            "class names": names(models, options.data / "photos1000"),
        }
        chosen = {name: worst(found, options.most) for name, found in sets.items()}
        options.out.write_text(page(models.space, chosen), encoding="utf-8")
        return {name: len(found) for name, found in chosen.items()}

    return command.told(write, lambda told: f"{told} written to {options.out}", as_json=False)


def captions(models: ModelManager, folder: Path) -> list[Failure]:
    """Every test caption of flickr8k."""
    files, texts = flickr8k_test(folder)
    return failures(texts, files, models.encode_text(texts) @ encode_files(models, files).T, own_picture(len(files)))


def names(models: ModelManager, folder: Path) -> list[Failure]:
    """Every class name of photos1000."""
    files, texts, right = photo_names(folder)
    return failures(texts, files, models.encode_text(texts) @ encode_files(models, files).T, right)


def failures(texts: Sequence[str], files: Sequence[Path], scores: Vectors, right: NDArray[np.bool_]) -> list[Failure]:
    """(q, n) scores and which are right -> what each query found."""
    best = np.where(right, scores, -2.0).argmax(axis=1)
    first = np.argsort(-scores, axis=1)[:, :INSTEAD]
    rows = zip(texts, ranks_of(scores, right).tolist(), best.tolist(), first.tolist(), strict=True)
    return [Failure(text, rank, files[own], tuple(files[at] for at in found)) for text, rank, own, found in rows]


def worst(found: Sequence[Failure], most: int) -> list[Failure]:
    """Those furthest down, each picture once."""
    by_picture: dict[Path, Failure] = {}
    for failure in sorted(found, key=lambda failure: -failure.rank):
        by_picture.setdefault(failure.right, failure)
    return [failure for failure in list(by_picture.values())[:most] if failure.rank > 0]


def page(space: str, chosen: dict[str, list[Failure]]) -> str:
    """The whole page."""
    return "\n".join(
        [f"<!doctype html><meta charset=utf-8><title>{space}</title><style>{STYLE}</style>", *_parts(space, chosen)]
    )


def _parts(space: str, chosen: dict[str, list[Failure]]) -> Iterator[str]:
    yield f"<h1>Where {html.escape(space)} fails</h1>"
    yield "<p>First the right picture, outlined; then what was found instead.</p>"
    for name, found in chosen.items():
        yield f"<h2>{html.escape(name)}</h2>"
        for failure in found:
            pictures = "".join(
                _picture(path, " class=right" if at == 0 else "")
                for at, path in enumerate((failure.right, *failure.found))
            )
            before = f"{failure.rank:,} others came before its picture"
            yield f"<section><b>{html.escape(failure.query)}</b>, {before}<br>{pictures}</section>"


def _picture(path: Path, marked: str) -> str:
    target = io.BytesIO()
    with Image.open(path) as opened:
        small = opened.convert("RGB")
    small.thumbnail((2 * THUMBNAIL, THUMBNAIL))
    small.save(target, "JPEG", quality=80)
    encoded = base64.b64encode(target.getvalue()).decode()
    return f'<img{marked} alt="{html.escape(path.stem)}" src="data:image/jpeg;base64,{encoded}">'


if __name__ == "__main__":
    sys.exit(main())
