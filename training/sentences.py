"""The sentences as MiniLM vectors, computed once and kept under training/cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from training.minilm import MiniLM, load_tokenizer, sentence_vectors

CLASS_FILE = Path(__file__).parents[1] / "src" / "models" / "label_files" / "imagenet_classes.tsv"
BROADER_FILE = Path(__file__).with_name("broader_terms.tsv")
"""Written by hand for this project: what people call the things of a class, the nearest term first."""


def class_names() -> list[list[str]]:
    """For each of the 1,000 ImageNet classes, in the classifier's order, its WordNet names, the usual one first."""
    return _terms(CLASS_FILE)


def broader_terms() -> list[list[str]]:
    """For each class what people call its things in general: ``sorrel`` is a ``horse``, an ``animal``."""
    return _terms(BROADER_FILE)


def _terms(path: Path) -> list[list[str]]:
    return [line.split("\t")[1].split(", ") for line in path.read_text(encoding="utf-8").splitlines()]


def with_article(name: str) -> str:
    """``otter`` -> ``an otter``."""
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def without_frame(sentence: str) -> str:
    """``a photo of an otter`` -> ``an otter``, what a person would type."""
    return sentence.removeprefix("a photo of ")


def bare(sentence: str) -> str:
    """``a photo of an otter`` -> ``otter``."""
    words = without_frame(sentence).split(" ", 1)
    return words[1] if len(words) == 2 and words[0] in ("a", "an", "the") else " ".join(words)


class SentenceCache:
    """Sentences -> MiniLM vectors, (n, 384) float32 of L2 norm 1; each list is encoded once."""

    def __init__(self, cache: Path, minilm: MiniLM) -> None:
        self._cache, self._minilm, self._tokenizer = cache, minilm, load_tokenizer()

    def __call__(self, texts: Sequence[str]) -> Tensor:
        stored = self._cache / f"sentences-{hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:12]}.pt"
        if not stored.exists():
            torch.save(sentence_vectors(self._minilm, self._tokenizer, texts), stored)
        return torch.load(stored, weights_only=True)


def class_vectors(encode: SentenceCache, broader: float) -> Tensor:
    """(1000, 384): for each class the direction of its usual name, and with weight ``broader`` that of its nearest
    broader term.
    """
    own = both_wordings(encode, [names[0] for names in class_names()])
    return F.normalize(own + broader * both_wordings(encode, [terms[0] for terms in broader_terms()]), dim=-1)


def both_wordings(encode: SentenceCache, names: Sequence[str]) -> Tensor:
    """(n, 384): the mean direction of each name bare and as "a photo of a <name>"."""
    return F.normalize(encode(names) + encode([f"a photo of {with_article(name)}" for name in names]), dim=-1)
