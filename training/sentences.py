"""The sentences as MiniLM vectors, computed once and kept under training/cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from training.minilm import MiniLM, load_tokenizer, sentence_vectors

CLASS_FILE = Path(__file__).with_name("imagenet_classes.tsv")


def class_names() -> list[list[str]]:
    """For each of the 1,000 ImageNet classes, in the classifier's order, its WordNet names, the usual one first."""
    lines = CLASS_FILE.read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1].split(", ") for line in lines]


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


def class_vectors(encode: SentenceCache) -> Tensor:
    """(1000, 384): for each class the mean direction of its bare usual name and "a photo of a <name>"."""
    names = [names[0] for names in class_names()]
    return F.normalize(encode(names) + encode([f"a photo of {with_article(name)}" for name in names]), dim=-1)
