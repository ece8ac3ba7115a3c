"""Our towers against transformers.CLIPModel, both holding the same random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from src.vendored_clip import clip
from src.vendored_clip.checkpoint import image_weights, text_weights
from src.vendored_clip.model import build_image_tower, build_text_tower
from tests.parity.clip_reference import (
    SMALL,
    VIT_B_32,
    openai_layout,
    reference_clip,
    reference_images,
    reference_texts,
)

TEXTS = ["a", "", "a photo of a cat", "two dogs running on the wet grass, one of them with a ball", "word " * 200]
Record = Callable[[str, object], None]

CASES = [
    pytest.param(VIT_B_32, True, id="ViT-B/32"),
    pytest.param(SMALL, True, id="small"),
    pytest.param(SMALL, False, id="small-gelu"),
]


def noise(side: int, n: int = 3) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("sizes", "quick_gelu"), CASES)
def test_embeddings_equal_transformers(sizes: dict[str, Any], quick_gelu: bool, record_property: Record) -> None:
    reference = reference_clip(sizes, quick_gelu)
    layout = openai_layout(reference)
    pixels, tokens = noise(sizes["vision"]["image_size"]), clip.tokenize(TEXTS, truncate=True)
    expected = {"image": reference_images(reference, pixels), "text": reference_texts(reference, tokens)}
    del reference
    for dtype in (torch.float32, torch.bfloat16):
        with torch.inference_mode():
            image = build_image_tower(image_weights(layout), quick_gelu, dtype=dtype)(pixels.to(dtype)).float()
            text = build_text_tower(text_weights(layout), quick_gelu, dtype=dtype)(tokens).float()
        for kind, ours in (("image", image), ("text", text)):
            assert expected[kind].std() > 0.1 and F.cosine_similarity(*expected[kind][:2], dim=0) < 0.99, (
                "nothing to compare"
            )
            apart = (ours - expected[kind]).abs().max().item()
            cosine = F.cosine_similarity(ours, expected[kind]).min().item()
            print(f"\n{kind} {dtype}: max abs difference {apart:.2e}, lowest cosine {cosine:.6f}")
            record_property(f"{kind} {dtype}", {"max_abs": apart, "cosine": cosine})
            assert cosine >= 0.999
            assert dtype is not torch.float32 or apart <= 1e-4


def test_the_wrong_gelu_is_seen() -> None:
    """The parity above is fine enough to tell the two activations apart."""
    reference = reference_clip(SMALL, quick_gelu=True)
    pixels = noise(80)
    tower = build_image_tower(image_weights(openai_layout(reference)), quick_gelu=False)
    with torch.inference_mode():
        assert (tower(pixels) - reference_images(reference, pixels)).abs().max() > 1e-3


def test_text_is_run_only_to_the_last_end_mark() -> None:
    layout = openai_layout(reference_clip(SMALL))
    tower = build_text_tower(text_weights(layout))
    lengths: list[int] = []
    tower.transformer.register_forward_pre_hook(lambda module, args: lengths.append(args[0].shape[1]))
    with torch.inference_mode():
        together = tower(clip.tokenize(TEXTS, truncate=True))
        short = tower(clip.tokenize(TEXTS[:3]))
        alone = torch.cat([tower(clip.tokenize([text], truncate=True)) for text in TEXTS])
    assert lengths[:2] == [77, 7]
    assert lengths[2:] == [3, 2, 7, 16, 77]
    torch.testing.assert_close(short, together[:3], atol=1e-5, rtol=0)
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)


def test_logits_are_scaled_cosines() -> None:
    layout = openai_layout(reference_clip(SMALL))
    visual, text = build_image_tower(image_weights(layout)), build_text_tower(text_weights(layout))
    model = clip.CLIP(visual, text, torch.tensor(2.0)).requires_grad_(False)
    pixels, tokens = noise(80, n=2), clip.tokenize(TEXTS[:3])
    per_image, per_text = model(pixels, tokens)
    assert per_image.shape == (2, 3)
    assert torch.equal(per_text, per_image.T)
    expected = F.cosine_similarity(visual(pixels)[1], text(tokens)[2], dim=0) * torch.tensor(2.0).exp()
    torch.testing.assert_close(per_image[1, 2], expected)


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_cuda_equals_cpu(dtype: torch.dtype, record_property: Record) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    layout = openai_layout(reference_clip(VIT_B_32))
    pixels, tokens = noise(224), clip.tokenize(TEXTS, truncate=True)
    with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
        pairs = {
            "image": [
                build_image_tower(image_weights(layout), device=d, dtype=t)(pixels.to(d, t)).float().cpu()
                for d, t in (("cpu", torch.float32), ("cuda", dtype))
            ],
            "text": [
                build_text_tower(text_weights(layout), device=d, dtype=t)(tokens.to(d)).float().cpu()
                for d, t in (("cpu", torch.float32), ("cuda", dtype))
            ],
        }
    for kind, (expected, ours) in pairs.items():
        apart, cosine = (ours - expected).abs().max().item(), F.cosine_similarity(ours, expected).min().item()
        print(f"\n{kind} cuda {dtype}: max abs difference {apart:.2e}, lowest cosine {cosine:.6f}")
        record_property(f"{kind} cuda {dtype}", {"max_abs": apart, "cosine": cosine})
        assert cosine >= 0.999
        assert dtype is not torch.float32 or apart <= 1e-4
