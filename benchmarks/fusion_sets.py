"""Photos with what is said and written of them, for ``benchmarks.fusion``: what is asked of them, and what each part of
a search says to that.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import words_pictures
from benchmarks.relevance import NONSENSE
from benchmarks.retrieval import photo_names
from benchmarks.retrieval_sets import encode_files
from benchmarks.synthetic import photo_id
from src.database.catalog.catalog import Catalog, ImageRow
from src.database.catalog.facts import FactsRow
from src.database.catalog.files import FileRow
from src.database.catalog.texts import TextRow
from src.lexical import terms
from src.models import query_bank
from src.models.embedders.builtin import BuiltinEmbedder
from src.models.model_manager import ModelManager
from src.models.query_bank import QueryBank
from src.schema import FileStamp, ImageFacts, SearchHit
from src.schema.facts import PhotoFacts
from src.schema.texts import TextLine
from src.services.search import calibration, prompts
from src.services.search.names import CERTAIN, NEARLY, Names
from src.services.search.query import Query, read

Numbers = NDArray[np.float64]
Vectors = NDArray[np.float32]

RARE = 3
LEAST_LETTERS = 4
LIBRARIES, ASKED = 40, 24
"""Drawn from the descriptions, beside the whole; queries of each kind in one library."""
COMMON, FREQUENT = 0.3, 8
"""Words that captions are asked for by: in those of at least so many pictures, and not of more than that share."""
EMPTY = frozenset(
    re.findall(
        r"\w+",
        """a about an and are around as at be being by down each for from front has have her his in into is it its near
    next of off on one onto other out over several some something that the their there they this through to together
    two three under up while who with""",
    )
)
"""Words that tell nothing that is seen."""


@dataclass(frozen=True)
class Set:
    """n photos and q queries. words: what is written of each photo, by the column of ``_written``."""

    name: str
    images: Vectors
    descriptions: Sequence[str]
    """(n,), or none where the photos have none."""
    written: Sequence[Mapping[str, Sequence[str]]]
    queries: Sequence[str]
    right: NDArray[np.bool_]
    """(q, n)"""


@dataclass(frozen=True)
class Tried:
    """A query of a library of n photos, for its chances."""

    kind: str
    """answerable, absent or nonsense"""
    fits: NDArray[np.bool_]
    by_image: Numbers
    heights: Numbers
    """(n,) each; by the descriptions."""
    visible: float


# ---------------------------------------------------------------- sets


def sets(data: Path, models: ModelManager) -> Iterator[Set]:
    """All that are judged. Raises OSError where one is not as expected."""
    whole = described(data / "flickr8k", "test", models)
    yield whole
    texts = [text if number % 2 == 0 else "" for number, text in enumerate(whole.descriptions)]
    written = [{"caption": [text]} for text in texts]
    yield Set("half described", whole.images, texts, written, whole.queries, whole.right)
    files, names, right = photo_names(data / "photos1000")
    images, tags = encode_files(models, files), [{"keywords": [name]} for name in names]
    yield Set("named", images, (), tags, names, right)
    half = [tag if number % 2 == 0 else {} for number, tag in enumerate(tags)]
    yield Set("half named", images, (), half, names, right)
    yield _text(data, models)
    yield _files(data / "library", models)


def described(folder: Path, split: str, models: ModelManager) -> Set:
    """Pictures of flickr8k, described by their first caption and asked for by the others."""
    rows = _rows(folder, split)
    first, others = [row["captions"][0] for row in rows], [text for row in rows for text in row["captions"][1:]]
    images = encode_files(models, [folder / row["file"] for row in rows])
    right = np.repeat(np.eye(len(rows), dtype=bool), 4, axis=0)
    return Set("described", images, first, [{"caption": [text]} for text in first], others, right)


def _rows(folder: Path, split: str) -> list[dict[str, Any]]:
    rows = map(json.loads, (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row["split"] == split]


def _text(data: Path, models: ModelManager) -> Set:
    known = [*words_pictures.real(data / "ocr"), *words_pictures.blank(data)]
    images = encode_files(models, [one.file for one in known if one.file])
    held = [frozenset(word for word in one.words if len(word) >= LEAST_LETTERS and word.isalpha()) for one in known]
    number = Counter(word for some in held for word in some)
    words = sorted(word for word, times in number.items() if times <= RARE)
    right = np.array([[word in some for some in held] for word in words])
    return Set("text", images, (), [{"text": list(one.words)} for one in known], words, right)


def _files(folder: Path, models: ModelManager) -> Set:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    stems = [file.stem for file in files]
    right = np.array([[terms(stem) == terms(other) for other in stems] for stem in stems])
    return Set("files", encode_files(models, files), (), [{"name": [file.name]} for file in files], stems, right)


# ---------------------------------------------------------------- what each part says


def chances_of(
    some: Set, models: ModelManager, embedder: BuiltinEmbedder, curve: calibration.Weights
) -> tuple[dict[str, Numbers], NDArray[np.bool_]]:
    """Part -> (q, n) chances, 0 where it says nothing; and which photos are right (q, n)."""
    found = prompts.vectors(list(dict.fromkeys(some.queries)), embedder.encode_texts)
    asked = np.stack([found[query] for query in some.queries])
    parts = {"images": _by_vectors(asked, some.images, query_bank.build(embedder.encode_texts), calibration.WORDS)}
    if some.descriptions:
        has = np.array([bool(text) for text in some.descriptions])
        stored = embedder.sentence_vectors([text for text in some.descriptions if text])
        bank, queries = query_bank.build(embedder.sentence_vectors), embedder.sentence_vectors(some.queries)
        parts["descriptions"] = np.zeros((len(queries), len(has)))
        parts["descriptions"][:, has] = _by_vectors(queries, stored, bank, curve)
    parts["words"] = _by_words(some, parts["images"].max(1))
    return parts, some.right


def _by_vectors(asked: Vectors, stored: Vectors, bank: QueryBank, curve: calibration.Weights) -> Numbers:
    sample = stored[np.random.default_rng(0).permutation(len(stored))[: calibration.SAMPLE]]
    background = calibration.best_scores(bank.nothing, sample, len(stored))
    heights = background.height((asked @ stored.T).astype(np.float64), len(stored))
    evidence = zip(heights, bank.visible(asked), strict=True)
    return np.stack([calibration.chance(row, float(visible), curve) for row, visible in evidence])


def _by_words(some: Set, seen: Numbers) -> Numbers:
    """The chances of photos that are called what was asked for. seen: the best chance by what photos show."""
    ids = [photo_id(number) for number in range(len(some.images))]
    places = {id_: place for place, id_ in enumerate(ids)}
    chances = np.zeros((len(some.queries), len(ids)))
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder) / "catalog.sqlite3")
        _write(catalog, ids, some.written)
        names = Names(catalog)
        for row, query, best in zip(chances, some.queries, seen, strict=True):
            hit = SearchHit(ids[0], "", "", 0.0, chance=float(best))
            called = names.called(read(Query(query), None), [hit], len(ids))
            row[[places[id_] for id_ in called.ids]] = NEARLY if called.near else CERTAIN
        catalog.close()
    return chances


def _write(catalog: Catalog, ids: Sequence[str], written: Sequence[Mapping[str, Sequence[str]]]) -> None:
    """A catalogue in which these texts are written of the photos."""
    images, files, facts, texts = [], [], [], []
    for number, (id_, told) in enumerate(zip(ids, written, strict=True)):
        name = next(iter(told.get("name", ())), f"{number}.jpg")
        path = f"/photos/{number}/{name}"
        images.append(ImageRow(id_, f"{number:064x}", ImageFacts(40, 30, "JPEG", None), 1000))
        files.append(FileRow(path.encode(), path, name, id_, FileStamp(1, number, 1, 1, 1)))
        caption = next(iter(told.get("caption", ())), "")
        facts.append(FactsRow(id_, PhotoFacts(caption=caption, keywords=tuple(told.get("keywords", ()))), None, ""))
        corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
        texts.append(
            TextRow(id_, number.to_bytes(8, "big"), tuple(TextLine(t, corners, 1) for t in told.get("text", ())))
        )
    catalog.commit_batch("none", images, files)
    catalog.facts.put("made up", facts)
    catalog.texts.put("made up", texts)
    while catalog.lexical.catch_up():
        pass


# ---------------------------------------------------------------- what a chance is worth


def tried(split: str, data: Path, models: ModelManager, embedder: BuiltinEmbedder) -> Iterator[Tried]:
    """Queries of a split's pictures, each with one caption as its description, by words of the other captions."""
    rows = _rows(data / "flickr8k", split)
    images = encode_files(models, [data / "flickr8k" / row["file"] for row in rows])
    stored = embedder.sentence_vectors([row["captions"][0] for row in rows])
    banks = query_bank.build(embedder.encode_texts), query_bank.build(embedder.sentence_vectors)
    right, dice = worded([row["captions"][1:] for row in rows]), np.random.default_rng(0)
    said = {word for row in rows for text in row["captions"] for word in terms(text)}
    absent = [name for name in photo_names(data / "photos1000")[1] if not set(terms(name)) & said]
    strange = [line for line in NONSENSE.read_text(encoding="utf-8").splitlines() if line] if split == "test" else []
    asked = {"answerable": list(right), "absent": list(dict.fromkeys(absent)), "nonsense": strange}
    vectors = {kind: _both(embedder, some) for kind, some in asked.items() if some}
    for turn in range(LIBRARIES + 1):
        size = len(rows) if not turn else round(math.exp(dice.uniform(math.log(20), math.log(len(rows)))))
        library = dice.permutation(len(rows))[:size]
        grounds = [
            calibration.best_scores(bank.nothing, some[library], size)
            for bank, some in zip(banks, (images, stored), strict=True)
        ]
        for kind, (seen, read_) in vectors.items():
            for number in dice.choice(len(seen), min(len(seen), ASKED), replace=False):
                wanted = right[asked[kind][number]] if kind == "answerable" else frozenset()
                fits = np.isin(library, list(wanted))
                if kind == "answerable" and not fits.any():
                    continue
                heights = [
                    ground.height((some[library] @ vector).astype(np.float64), size)
                    for ground, some, vector in zip(
                        grounds, (images, stored), (seen[number], read_[number]), strict=True
                    )
                ]
                visible = [
                    float(bank.visible(vector[None])[0])
                    for bank, vector in zip(banks, (seen[number], read_[number]), strict=True)
                ]
                by_image = calibration.chance(heights[0], visible[0], calibration.WORDS)
                yield Tried(kind, fits, by_image, heights[1], visible[1])


def _both(embedder: BuiltinEmbedder, texts: Sequence[str]) -> tuple[Vectors, Vectors]:
    """Words as a search asks for them: of pictures, and of descriptions."""
    found = prompts.vectors(texts, embedder.encode_texts)
    return np.stack([found[text] for text in texts]), embedder.sentence_vectors(texts)


def worded(captions: Sequence[Sequence[str]]) -> dict[str, frozenset[int]]:
    """Words, and pairs that stand together -> the pictures of which a caption has them."""
    found: dict[str, set[int]] = {}
    for number, texts in enumerate(captions):
        for text in texts:
            words = terms(text)
            pairs = [f"{one} {other}" for one, other in itertools.pairwise(words) if not {one, other} & EMPTY]
            for word in [*(word for word in words if word not in EMPTY), *pairs]:
                found.setdefault(word, set()).add(number)
    most = COMMON * len(captions)
    return {word: frozenset(some) for word, some in sorted(found.items()) if FREQUENT <= len(some) <= most}
