"""SAM's mask decoder: a prompt's tokens and an image's places look at each other; then tokens say masks, and how good.

Kirillov et al. 2023 (arXiv:2304.02643), section 3 and appendix A. Parameters carry the names of the official
checkpoints.

It is laid out for many prompts of one image. Exact in real numbers, so the same figures up to rounding:

- What depends on the image alone is projected once (``Scene``), not once for each prompt.
- The image's 4,096 places are never projected for a prompt (``decoder_attention``).
- How good the masks are is known from the tokens (``look``); masks are drawn only where they are wanted (``draw``).

In the shape comments n is the number of prompts, t of tokens, l of places (grid * grid), c the width, d of a head, a of
heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .common import Mlp, Weights, count, fill, require
from .decoder_attention import Attention, heads

NORM_EPS = 1e-5
UPSCALE_EPS = 1e-6


@dataclass(frozen=True)
class DecoderSize:
    """Sizes of a decoder.

    ``hidden`` is the width of the MLPs, ``inner`` that of the attention between tokens and places.
    """

    width: int
    layers: int
    hidden: int
    inner: int
    masks: int
    quality: tuple[int, ...]

    @classmethod
    def of(cls, weights: Weights) -> DecoderSize:
        """Read off a decoder's weights. Raises ValueError where they are none."""
        layer = "transformer.layers.0"
        names = ("mask_tokens.weight", f"{layer}.mlp.lin1.weight", f"{layer}.cross_attn_token_to_image.q_proj.weight")
        require(weights, (*names, "iou_prediction_head.layers.0.weight"), "mask decoder")
        masks, width = weights["mask_tokens.weight"].shape
        heads = range(count(weights, "iou_prediction_head.layers."))
        quality = tuple(weights[f"iou_prediction_head.layers.{i}.weight"].shape[0] for i in heads)
        return cls(
            width,
            count(weights, "transformer.layers."),
            weights[names[1]].shape[0],
            weights[names[2]].shape[0],
            masks,
            quality,
        )


@dataclass(frozen=True)
class Scene:
    """What the decoder knows of an image before any prompt."""

    places: Tensor
    """(l, c): the image encoder's output, and that no mask was given."""
    first_values: Tensor
    """(a, l, d): what the first layer's tokens find in the places."""
    asked: tuple[Tensor, ...]
    """For each attention of tokens to places, (a, l, d): the first layer's keys, of the later ones what tells where."""
    asking: tuple[Tensor, ...]
    """For each attention of places to tokens, (a, l, d): the same of the queries."""
    seen: tuple[int, int]
    """Rows and columns of the grid in which masks are wanted: not the padding's."""


@dataclass(frozen=True)
class Looked:
    """What prompts made of an image.

    ``ious`` (n, 3) in about [0, 1]: how well the masks will fit, as the network predicts it.
    """

    ious: Tensor
    single: Tensor
    """(n,): the same of the one mask that SAM gives where a prompt is not ambiguous; ``draw`` has it as choice -1."""
    tokens: Tensor
    """(n, masks, c)"""
    places: tuple[Tensor, ...]
    """n times (l, c): 4 MB a prompt in fp32, so let go of it soon."""
    seen: tuple[int, int]


class Layer(nn.Module):
    """Tokens look at each other, then at the places, think, and the places look at them."""

    def __init__(self, size: DecoderSize) -> None:
        super().__init__()
        width = size.width
        self.self_attn = Attention(width, width)
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.cross_attn_token_to_image = Attention(width, size.inner)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = Mlp(width, size.hidden, nn.ReLU())
        self.norm3 = nn.LayerNorm(width, eps=NORM_EPS)
        self.norm4 = nn.LayerNorm(width, eps=NORM_EPS)
        self.cross_attn_image_to_token = Attention(width, size.inner)


class TwoWay(nn.Module):
    """The layers, and a last look of the tokens at the places."""

    def __init__(self, size: DecoderSize) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.final_attn_token_to_image = Attention(size.width, size.inner)
        self.norm_final_attn = nn.LayerNorm(size.width, eps=NORM_EPS)

    def scene(self, places: Tensor, waves: Tensor, seen: tuple[int, int]) -> Scene:
        """What can be known of (l, c) places, and the waves where they are, before any prompt."""
        layers = [layer for layer in self.layers if isinstance(layer, Layer)]
        asked = [*(layer.cross_attn_token_to_image for layer in layers), self.final_attn_token_to_image]
        looked_at = [places + waves, *[waves] * len(layers)]
        return Scene(
            places=places,
            first_values=heads(asked[0].v_proj(places)),
            asked=tuple(heads(attention.k_proj(x)).contiguous() for attention, x in zip(asked, looked_at, strict=True)),
            asking=tuple(
                heads(layer.cross_attn_image_to_token.q_proj(x)).contiguous()
                for layer, x in zip(layers, looked_at, strict=False)
            ),
            seen=seen,
        )

    def forward(self, scene: Scene, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """(n, t, c) tokens as they were asked -> the tokens and the places (n, l, c) after it all."""
        tokens, places = prompts, scene.places[None]
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            tokens = layer.norm1(self._among(layer, tokens, prompts, first=i == 0))
            tokens = layer.norm2(tokens + self._gather(layer, tokens + prompts, places, scene, i))
            tokens = layer.norm3(tokens + layer.mlp(tokens))
            attention = layer.cross_attn_image_to_token
            spread = attention.spread_first if i == 0 else attention.spread
            places = layer.norm4(spread(places, tokens + prompts, tokens, scene.asking[i]))
        last = self.final_attn_token_to_image.gather(tokens + prompts, places, scene.asked[-1])
        said: Tensor = self.norm_final_attn(tokens + last)
        return said, places

    def _among(self, layer: Layer, tokens: Tensor, prompts: Tensor, first: bool) -> Tensor:
        """In the first layer the tokens are the prompts, so nothing is added to them nor kept."""
        if first:
            alone: Tensor = layer.self_attn(tokens, tokens, tokens)
            return alone
        asking = tokens + prompts
        heard: Tensor = layer.self_attn(asking, asking, tokens)
        return tokens + heard

    def _gather(self, layer: Layer, asking: Tensor, places: Tensor, scene: Scene, i: int) -> Tensor:
        attention = layer.cross_attn_token_to_image
        if i == 0:
            return attention.gather_first(asking, scene.asked[0], scene.first_values)
        return attention.gather(asking, places, scene.asked[i])


class Perceptron(nn.Module):
    """Linear layers with ReLU in between."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        y: Tensor = self.layers[-1](x)
        return y


class MaskDecoder(nn.Module):
    """``scene`` once for each image, ``look`` for prompts, ``draw`` for masks."""

    def __init__(self, size: DecoderSize) -> None:
        super().__init__()
        width = size.width
        self.transformer = TwoWay(size)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(size.masks, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, kernel_size=2, stride=2),
            nn.LayerNorm(width // 4, eps=UPSCALE_EPS),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, kernel_size=2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            Perceptron(width, width, width, width // 8) for _ in range(size.masks)
        )
        self.iou_prediction_head = Perceptron(width, *size.quality)

    def scene(self, embedding: Tensor, no_mask: Tensor, waves: Tensor, seen: tuple[int, int]) -> Scene:
        """embedding: (c, grid, grid) of the image encoder. no_mask (c,) and waves (l, c): of the prompt encoder. seen:
        see ``Scene``.
        """
        dtype = self.iou_token.weight.dtype
        places = (embedding.flatten(1).T.float() + no_mask).to(dtype)
        return self.transformer.scene(places, waves.to(dtype), seen)

    def look(self, scene: Scene, prompts: Tensor) -> Looked:
        """(n, k, c) tokens of the prompt encoder, n >= 1 -> what they made of the image.

        They go through one by one: the places of more would not stay in the processor's cache.
        """
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([own.expand(len(prompts), -1, -1), prompts.to(own)], dim=1)  # (n, t, c)
        answers = [self.transformer(scene, one) for one in tokens[:, None].unbind()]
        said = torch.cat([answer[0] for answer in answers])
        ious = self.iou_prediction_head(said[:, 0]).float()
        return Looked(
            ious[:, 1:], ious[:, 0], said[:, 1 : len(own)], tuple(answer[1][0] for answer in answers), scene.seen
        )

    def draw(self, looked: Looked, prompts: Tensor, choices: Tensor) -> Tensor:
        """m masks, each as its prompt (0 to n - 1) and choice (0 to 2, or -1) -> (m, 4 grid, 4 grid) float32 logits.

        They are 0 where only padding is seen.
        """
        side = 4 * round(looked.places[0].shape[0] ** 0.5)
        down, across = 4 * looked.seen[0], 4 * looked.seen[1]
        logits = torch.zeros(len(prompts), side, side, device=looked.ious.device)
        for prompt in sorted(set(prompts.tolist())):
            rows = (prompts == prompt).nonzero()[:, 0]
            codes = [self._code(looked, prompt, choice) for choice in choices[rows].tolist()]
            logits[rows, :down, :across] = self._canvas(looked.places[prompt], torch.stack(codes), looked.seen).float()
        return logits

    def _code(self, looked: Looked, prompt: int, choice: int) -> Tensor:
        """(c / 8,): by which a mask's logit is read off the canvas."""
        code: Tensor = self.output_hypernetworks_mlps[choice + 1](looked.tokens[prompt, choice + 1])
        return code

    def _canvas(self, places: Tensor, codes: Tensor, seen: tuple[int, int]) -> Tensor:
        """(l, c) places and (m, c / 8) codes -> (m, 4 rows, 4 columns).

        The convolutions share no pixel, so they are linear layers.
        """
        first, norm, act, second, _ = self.output_upscaling
        grid = round(places.shape[0] ** 0.5)
        wanted = places.view(grid, grid, -1)[: seen[0], : seen[1]].flatten(0, 1)
        finer = act(norm(_fourfold(wanted, first)))  # (4 l, c / 4)
        finest = act(_fourfold(finer, second))  # (16 l, c / 8)
        # m, down, across, then twice the half below and the half beside
        logits: Tensor = (codes @ finest.T).view(-1, *seen, 2, 2, 2, 2)
        return logits.permute(0, 1, 3, 5, 2, 4, 6).reshape(len(codes), 4 * seen[0], 4 * seen[1])


def _fourfold(x: Tensor, convolution: nn.Module) -> Tensor:
    """(l, c) -> (4 l, b): each place becomes four, above left, above right, below left, below right."""
    assert isinstance(convolution, nn.ConvTranspose2d) and convolution.bias is not None
    weight = convolution.weight.permute(2, 3, 1, 0).flatten(0, 2)  # (4 b, c)
    return F.linear(x, weight, convolution.bias.repeat(4)).view(4 * len(x), -1)


def build_mask_decoder(weights: Weights, device: str = "cpu", dtype: torch.dtype = torch.float32) -> MaskDecoder:
    """A decoder that holds copies of ``weights`` (keys as in ``MaskDecoder``).

    Raises ValueError where they don't make one.
    """
    size = DecoderSize.of(weights)
    with torch.device("meta"):
        decoder = MaskDecoder(size)
    fill(decoder, weights, device, dtype)
    return decoder
