"""SAM's prompt encoder: points and boxes become tokens, a place becomes sines and cosines of random waves.

Kirillov et al. 2023 (arXiv:2304.02643), section 3; Tancik et al. 2020, "Fourier Features" (arXiv:2006.10739).
Parameters carry the names of the official checkpoints. Masks as prompts are left out, since nothing here gives any. In
the shape comments c is the width of a token.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .common import Weights, fill, require

BACKGROUND, FOREGROUND, TOP_LEFT, BOTTOM_RIGHT = range(4)
"""What a point stands for. The first two are the labels that a caller gives."""
UNUSED = "mask_downscaling."


class Waves(nn.Module):
    """Places to (c,) sines and cosines."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.positional_encoding_gaussian_matrix = nn.Parameter(torch.empty(2, width // 2))

    def forward(self, places: Tensor) -> Tensor:
        """(..., 2) XY as fractions of the padded picture's side -> (..., c)."""
        angles = 2 * math.pi * ((2 * places - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class PromptEncoder(nn.Module):
    """Always computes in fp32: rounded to 8 bits, a place would be off by pixels."""

    def __init__(self, width: int, side: int) -> None:
        """width: c. side: pixels of the padded picture."""
        super().__init__()
        self.side = side
        self.pe_layer = Waves(width)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.no_mask_embed = nn.Embedding(1, width)

    def forward(
        self, points: Tensor | None = None, labels: Tensor | None = None, boxes: Tensor | None = None
    ) -> Tensor:
        """n prompts -> (n, k, c) tokens, k = points + 1 without boxes, points + 2 with.

        points: (n, m, 2) XY pixels of the resized picture. labels: (n, m) of 0 (not this) and 1 (this); all 1 where
        left out. boxes: (n, 4) XYXY in the same pixels. Raises ValueError where there are neither points nor boxes.
        """
        tokens: list[Tensor] = []
        if points is not None:
            tokens.append(self._points(points, torch.ones(points.shape[:2]) if labels is None else labels))
        if boxes is not None:
            tokens.append(self._corners(boxes.view(-1, 2, 2)))
        elif points is not None:
            tokens.append(self.not_a_point_embed.weight.expand(len(points), 1, -1))
        if not tokens:
            raise ValueError("a prompt needs points or a box")
        return torch.cat(tokens, dim=1)

    def everywhere(self, grid: int) -> Tensor:
        """(grid * grid, c), row by row: the waves at the middle of each place of the image's grid."""
        middles = (torch.arange(grid, device=self.no_mask_embed.weight.device) + 0.5) / grid
        across, down = torch.meshgrid(middles, middles, indexing="xy")
        places: Tensor = self.pe_layer(torch.stack([across, down], dim=-1))
        return places.flatten(0, 1)

    def _points(self, points: Tensor, labels: Tensor) -> Tensor:
        """(n, m, 2), (n, m) -> (n, m, c)."""
        kinds = torch.cat([self.point_embeddings[BACKGROUND].weight, self.point_embeddings[FOREGROUND].weight])  # type: ignore[list-item]
        return self._waves(points) + kinds[labels.to(kinds.device, torch.int64)]

    def _corners(self, corners: Tensor) -> Tensor:
        """(n, 2, 2) -> (n, 2, c)."""
        kinds = torch.cat([self.point_embeddings[TOP_LEFT].weight, self.point_embeddings[BOTTOM_RIGHT].weight])  # type: ignore[list-item]
        return self._waves(corners) + kinds

    def _waves(self, places: Tensor) -> Tensor:
        """Pixels have their middle at a half."""
        waves: Tensor = self.pe_layer((places.to(self.no_mask_embed.weight) + 0.5) / self.side)
        return waves


def build_prompt_encoder(weights: Weights, side: int, device: str = "cpu") -> PromptEncoder:
    """A prompt encoder that holds copies of ``weights`` (keys as in ``PromptEncoder``).

    Raises ValueError where they don't make one.
    """
    require(weights, ("no_mask_embed.weight",), "prompt encoder")
    with torch.device("meta"):
        encoder = PromptEncoder(weights["no_mask_embed.weight"].shape[1], side)
    fill(
        encoder,
        {name: tensor for name, tensor in weights.items() if not name.startswith(UNUSED)},
        device,
        torch.float32,
    )
    return encoder
