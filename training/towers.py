"""The two towers of the built-in model, as they are exported.

A vector has two halves of 384 numbers. The *caption half* is a small network over the backbone's features, trained
towards MiniLM's vectors of human captions with a symmetric contrastive loss (InfoNCE as in CLIP, arXiv:2103.00020). The
*class-name half* is the probability-weighted mean of the MiniLM vectors of the 1,000 ImageNet class names (ConSE,
arXiv:1312.5650): it keeps what the backbone's classifier knows. The text tower decides for each query how much each
half counts: a bare name leans on the class-name half, a sentence on the caption half.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.backbone import FEATURES, EfficientNetLite0
from training.minilm import WIDTH, MiniLM


class ClassNames(nn.Module):
    """(n, 1000) logits -> (n, 384) of L2 norm 1: where the classifier's guesses lie in sentence space, off the mean of
    all names.
    """

    def __init__(self, names: Tensor, temperature: float) -> None:
        super().__init__()
        mean = names.mean(0)
        self.register_buffer("vectors", names)
        self.register_buffer("mean", mean)
        self.register_buffer("table", names - mean)
        self.temperature = temperature

    def forward(self, logits: Tensor) -> Tensor:
        return F.normalize((logits / self.temperature).softmax(-1) @ self.table, dim=-1)

    def of_text(self, sentence: Tensor) -> Tensor:
        """(n, 384) MiniLM vectors -> the same space as ``forward``."""
        return F.normalize(sentence - self.mean, dim=-1)


class Captions(nn.Module):
    """(n, 1280) features and (n, 384) class-name halves -> (n, 384) caption halves; a map brings sentences there."""

    def __init__(self, hidden: int, text_hidden: int, dropout: float) -> None:
        super().__init__()
        self.input_dropout = nn.Dropout(0.1)
        self.head = nn.Sequential(
            nn.Linear(FEATURES + WIDTH, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, WIDTH)
        )
        self.text_map = nn.Linear(WIDTH, WIDTH)
        self.text_bend = nn.Sequential(
            nn.Linear(WIDTH, text_hidden), nn.GELU(), nn.Dropout(0.2), nn.Linear(text_hidden, WIDTH)
        )
        nn.init.eye_(self.text_map.weight)
        for start_at_zero in (self.text_map.bias, self.text_bend[3].weight, self.text_bend[3].bias):
            nn.init.zeros_(start_at_zero)

    def forward(self, features: Tensor, class_half: Tensor) -> Tensor:
        inputs = torch.cat([features, class_half * WIDTH**0.5], dim=-1)
        return F.normalize(self.head(self.input_dropout(inputs)), dim=-1)

    def of_text(self, sentence: Tensor) -> Tensor:
        """(n, 384) MiniLM vectors -> the same space as ``forward``."""
        return F.normalize(self.text_map(sentence) + self.text_bend(sentence * WIDTH**0.5) / WIDTH**0.5, dim=-1)


class Gate(nn.Module):
    """(n, 384) MiniLM vectors -> (n, 1), the caption half's weight: ``low`` for the bare name of a thing, ``high`` for
    a sentence.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.sentence_like = nn.Linear(WIDTH, 1)
        self.low, self.high = low, high

    def forward(self, sentence: Tensor) -> Tensor:
        return self.low + (self.high - self.low) * torch.sigmoid(self.sentence_like(sentence))


class Heads(nn.Module):
    """Everything that is trained, and how the halves are put together.

    ``image_share`` is the caption half's share of every picture's squared length. The score of a picture for a query is
    then in proportion to ``g * cosine of the caption halves + (1 - g) * cosine of the class-name halves`` with the
    gate's ``g``.
    """

    def __init__(self, names: ClassNames, captions: Captions, gate: Gate, image_share: float) -> None:
        super().__init__()
        self.names, self.captions, self.gate = names, captions, gate
        self.caption_length, self.class_length = image_share**0.5, (1 - image_share) ** 0.5

    def image(self, features: Tensor, logits: Tensor) -> Tensor:
        """(n, 1280) and (n, 1000) -> (n, 768) of L2 norm 1."""
        class_half = self.names(logits)
        caption_half = self.captions(features, class_half)
        return torch.cat([caption_half * self.caption_length, class_half * self.class_length], dim=-1)

    def text(self, sentence: Tensor) -> Tensor:
        """(n, 384) MiniLM vectors -> (n, 768) of L2 norm 1."""
        weight = self.gate(sentence)
        caption_half = self.captions.of_text(sentence) * weight / self.caption_length
        class_half = self.names.of_text(sentence) * (1 - weight) / self.class_length
        return F.normalize(torch.cat([caption_half, class_half], dim=-1), dim=-1)


class ImageTower(nn.Module):
    """(n, 3, 224, 224) float32 pixels -> (n, 768) of L2 norm 1."""

    def __init__(self, backbone: EfficientNetLite0, heads: Heads) -> None:
        super().__init__()
        self.backbone, self.heads = backbone, heads

    def forward(self, pixels: Tensor) -> Tensor:
        return self.heads.image(*self.backbone(pixels))


class TextTower(nn.Module):
    """(n, t) token ids and mask -> (n, 768) of L2 norm 1, and MiniLM's own (n, 384) sentence vectors."""

    def __init__(self, minilm: MiniLM, heads: Heads) -> None:
        super().__init__()
        self.minilm, self.heads = minilm, heads

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        sentence = self.minilm(ids, mask)
        return self.heads.text(sentence), sentence
