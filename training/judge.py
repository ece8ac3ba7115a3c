"""What is measured before a model ships, on data that neither training nor the tests use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from training import evaluate
from training.data import Photo, flickr8k, held_back, labelled
from training.evaluate import Gallery
from training.sentences import SentenceCache, bare, class_names
from training.towers import Heads

WIDE_SOURCES = ("stanford40", "caltech101", "voc2012_mask_labels")
"""The sources of labelled/ whose pictures are not square."""

Features = Callable[[Sequence[Photo], str], Tensor]
"""Photos and the name of a view -> (n, 1280)."""


class Judge:
    """flickr8k dev, and the held-back sentences of labelled/ with their pictures, as one gallery."""

    def __init__(
        self, data: Path, features: Features, classifier: torch.nn.Linear, heads: Heads, encode: SentenceCache
    ) -> None:
        self.features, self.classifier, self.heads, self.encode = features, classifier, heads, encode
        self.captioned = flickr8k(data, "dev")
        self.unseen = [photo for photo in labelled(data) if held_back(photo)]
        inputs = torch.cat([features(self.captioned, "squash"), features(self.unseen, "squash")])
        self.logits = classifier(inputs)
        self.images = heads.image(inputs, self.logits)

    def scores(self) -> dict[str, dict[str, float]]:
        """Every figure, by name. Recalls and precisions are fractions."""
        return {
            "flickr8k dev": evaluate.recall(self.captions()),
            "classifier's surest photo by class name": evaluate.recall(self.surest()),
            "unseen labels, sentence": evaluate.both(self.labels(lambda label: label)),
            "unseen labels, bare": evaluate.both(self.labels(bare)),
            "unseen labels, bare, shrunken": evaluate.both(self.shrunken()),
            "unseen labels, like picture": {
                "5-nn": evaluate.neighbour_precision(self.images[len(self.captioned) :], self._numbers())
            },
            **{
                f"unseen labels, wide pictures, {view}": evaluate.both(self.resized(view))
                for view in ("squash", "centre", "pad")
            },
        }

    def captions(self) -> Gallery:
        """Each dev caption among the dev pictures."""
        count = len(self.captioned)
        texts = [caption for photo in self.captioned for caption in photo.sentences]
        owner = torch.arange(count).repeat_interleave(len(texts) // count)
        return self._gallery(texts, self.images[:count], owner[:, None] == torch.arange(count))

    def surest(self) -> Gallery:
        """Class names as queries, for the classes of which the classifier is sure (above 0.5) to see one; right is its
        surest picture.
        """
        surest, photo = self.logits.softmax(-1).max(0)
        sure = torch.nonzero(surest > 0.5)[:, 0]
        names = [names[0] for names in class_names()]
        vectors = self.heads.text(self.encode(names))[sure]
        return Gallery(self.images, vectors, photo[sure][:, None] == torch.arange(len(self.images)))

    def labels(self, wording: Callable[[str], str]) -> Gallery:
        """The held-back labels, reworded, among their pictures and all dev pictures."""
        texts, right = self._labels_of(self.unseen)
        strangers = torch.zeros(len(texts), len(self.captioned), dtype=torch.bool)
        return self._gallery([wording(text) for text in texts], self.images, torch.cat([strangers, right], dim=1))

    def shrunken(self) -> Gallery:
        """The held-back labels, bare, among their pictures alone, which came down to 32 x 32 pixels."""
        texts, right = self._labels_of(self.unseen)
        inputs = self.features(self.unseen, "small")
        return self._gallery([bare(text) for text in texts], self.heads.image(inputs, self.classifier(inputs)), right)

    def resized(self, view: str) -> Gallery:
        """The held-back labels of pictures that are not square, brought to the square in one way or another."""
        wide = [photo for photo in self.unseen if photo.group in WIDE_SOURCES]
        texts, right = self._labels_of(wide)
        inputs = self.features(wide, view)
        return self._gallery(texts, self.heads.image(inputs, self.classifier(inputs)), right)

    def _gallery(self, texts: Sequence[str], images: Tensor, right: Tensor) -> Gallery:
        return Gallery(images, self.heads.text(self.encode(texts)), right)

    def _numbers(self) -> Tensor:
        labels = sorted({photo.sentences[0] for photo in self.unseen})
        return torch.tensor([labels.index(photo.sentences[0]) for photo in self.unseen])

    def _labels_of(self, photos: Sequence[Photo]) -> tuple[list[str], Tensor]:
        """The photos' labels, each once, and (labels, photos) bool: which is which's."""
        labels = sorted({photo.sentences[0] for photo in photos})
        return labels, torch.tensor([[photo.sentences[0] == label for photo in photos] for label in labels])
