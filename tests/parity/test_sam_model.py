"""Our SAM against transformers.SamModel, both holding the same random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from src.vendored_sam import image_encoder
from src.vendored_sam.image_encoder import BlockSize, VitEncoder, VitSize
from src.vendored_sam.mask_decoder import DecoderSize, Looked, MaskDecoder
from src.vendored_sam.prompt_encoder import PromptEncoder
from src.vendored_sam.sam import Predictor, build, preprocess
from tests.parity.sam_reference import (
    SMALL,
    VIT_B,
    VIT_B_LESS,
    official_layout,
    reference_embedding,
    reference_masks,
    reference_sam,
    unfilled_sam,
)

Record = Callable[[str, object], None]
CLOSE = 1e-3

CASES = [pytest.param(VIT_B_LESS, id="ViT-B's layers"), pytest.param(SMALL, id="small")]


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def padded(image: Image.Image, side: int) -> Tensor:
    pixels = preprocess(image, side)
    return F.pad(pixels, (0, side - pixels.shape[2], 0, side - pixels.shape[1]))[None]


def prompts(side: int) -> dict[str, dict[str, Tensor]]:
    """Prompts of each kind, in pixels of a picture of (side, 3/4 side)."""
    places = torch.rand(5, 2, generator=torch.Generator().manual_seed(2)) * torch.tensor([side, 0.75 * side])
    corners = torch.cat([places[:3] * 0.4, places[:3] * 0.4 + 0.3 * side], dim=1)
    return {
        "a point": {"points": places[:, None]},
        "points and not": {"points": places[:4].view(2, 2, 2), "labels": torch.tensor([[1, 0], [1, 1]])},
        "a box": {"boxes": corners},
        "a box and a point": {"points": places[:3, None], "labels": torch.tensor([[1], [0], [1]]), "boxes": corners},
    }


def drawn(predictor: Predictor, looked: Looked, several: bool) -> Tensor:
    """(n, 3 or 1, S, S)."""
    choices = torch.tensor([0, 1, 2] if several else [-1])
    n, m = len(looked.ious), len(choices)
    return predictor.draw(looked, torch.arange(n).repeat_interleave(m), choices.repeat(n)).unflatten(0, (n, m))


def largest(ours: Tensor, theirs: Tensor) -> float:
    return (ours - theirs).abs().max().item()


@pytest.mark.parametrize("sizes", CASES)
def test_it_equals_transformers(
    sizes: dict[str, Any], record_property: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a grid of 32 a side is taken in as many parts by heads and rows as one of 64 is
    monkeypatch.setattr(image_encoder, "SCORES", image_encoder.SCORES // 4)
    reference = reference_sam(sizes)
    sam = build(official_layout(reference))
    image = picture(sam.side, 3 * sam.side // 4)
    predictor = Predictor(sam, image)
    expected = reference_embedding(reference, padded(image, sam.side))[0]
    assert expected.std() > 0.3, "nothing to compare"
    differences = {"embedding": largest(predictor.embedding, expected)}
    for kind, prompt in prompts(sam.side).items():
        looked = predictor.ask(**prompt)
        for several in (True, False):
            masks, ious = reference_masks(reference, expected, **prompt, several=several)
            assert masks.std() > 0.1 and ious.std() > 0.01, "nothing to compare"
            name = f"{kind}, {'three masks' if several else 'one mask'}"
            low = drawn(predictor, looked, several)
            height, width = predictor.size
            whole = F.interpolate(masks, (sam.side, sam.side), mode="bilinear", align_corners=False)[
                :, :, :height, :width
            ]
            differences[f"{name}: low logits"] = largest(
                low[..., : height // 4, : width // 4], masks[..., : height // 4, : width // 4]
            )
            differences[f"{name}: logits"] = largest(predictor.upscale(low.flatten(0, 1)), whole.flatten(0, 1))
            differences[f"{name}: IoU"] = largest(looked.ious if several else looked.single[:, None], ious)
    print("\n" + "\n".join(f"{name}: max abs difference {apart:.2e}" for name, apart in differences.items()))
    record_property("max abs differences", differences)
    assert max(differences.values()) <= CLOSE


def part(layout: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in layout.items() if name.startswith(prefix)}


def test_vit_b_has_the_parameters_of_transformers() -> None:
    """What the smaller ones are tried for holds for it: the same layers, read off weights of its names and shapes."""
    layout = official_layout(unfilled_sam(VIT_B))
    encoder, decoder, prompts = (part(layout, name) for name in ("image_encoder.", "mask_decoder.", "prompt_encoder."))
    windows = [14 if number % 3 != 2 else 64 for number in range(12)]
    size = VitSize(1024, 16, 256, tuple(BlockSize(768, 12, 3072, window) for window in windows))
    assert VitSize.of(encoder) == size
    with torch.device("meta"):
        modules = VitEncoder(size), MaskDecoder(DecoderSize.of(decoder)), PromptEncoder(256, 1024)
    for module, theirs in zip(modules, (encoder, decoder, prompts), strict=True):
        ours = {name: tensor.shape for name, tensor in module.state_dict().items()}
        assert ours == {name: tensor.shape for name, tensor in theirs.items() if "mask_downscaling" not in name}


def test_every_weight_is_seen() -> None:
    """The parity above is fine enough to tell one small change of any parameter that is used."""
    layout = official_layout(reference_sam(SMALL))
    image, point = picture(320, 240), torch.tensor([[100.0, 90.0]])

    class Encoded(Predictor):
        """The picture as the unchanged image encoder sees it, which is not asked again."""

        def _encode(self, _: Tensor) -> Tensor:
            return seen

    seen = Predictor(build(layout), image).embedding

    def answers(weights: dict[str, Tensor], changed: str = "image_encoder.") -> Tensor:
        predictor = (Predictor if changed.startswith("image_encoder.") else Encoded)(build(weights), image)
        boxed = predictor.ask(point[None], torch.zeros(1, 1), torch.tensor([[20.0, 30.0, 200.0, 180.0]]))
        told = [
            *(drawn(predictor, asked, several) for asked in (predictor.look(point), boxed) for several in (True, False))
        ]
        return torch.cat([each.flatten() for each in [*told, boxed.ious, boxed.single]])

    before = answers(layout)
    unseen = [
        name
        for name, tensor in layout.items()
        if "mask_downscaling" not in name
        and largest(answers({**layout, name: tensor + 0.1 * torch.sign(tensor)}, name), before) < 1e-5
    ]
    assert all(name.endswith("k_proj.bias") for name in unseen), (
        f"only a key's bias changes nothing, it moves all scores alike: {unseen}"
    )
