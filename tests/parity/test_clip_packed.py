"""Towers laid out for oneDNN against transformers.CLIPModel, and against themselves before."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from src.models.embedders.clip import _cpu_has_bf16
from src.vendored_clip import clip
from src.vendored_clip.checkpoint import image_weights, text_weights
from src.vendored_clip.model import build_image_tower, build_text_tower
from src.vendored_clip.packed import can_pack, pack
from tests.parity.clip_reference import openai_layout, reference_clip, reference_images, reference_texts
from tests.parity.test_clip_model import CASES, TEXTS, Record, noise

pytestmark = pytest.mark.skipif(not can_pack(), reason="this build of torch has no oneDNN")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("sizes", "quick_gelu"), CASES)
def test_embeddings_equal_transformers(
    sizes: dict[str, Any], quick_gelu: bool, dtype: torch.dtype, record_property: Record
) -> None:
    if dtype is torch.bfloat16 and not _cpu_has_bf16():
        pytest.skip("this CPU has no bf16")
    reference = reference_clip(sizes, quick_gelu)
    layout, pixels = openai_layout(reference), noise(sizes["vision"]["image_size"])
    tokens = clip.tokenize(TEXTS, truncate=True)
    expected = {"image": reference_images(reference, pixels), "text": reference_texts(reference, tokens)}
    del reference
    image = pack(build_image_tower(image_weights(layout), quick_gelu, dtype=dtype))
    text = pack(build_text_tower(text_weights(layout), quick_gelu, dtype=dtype))
    with torch.inference_mode():
        ours = {"image": image(pixels.to(dtype)).float(), "text": text(tokens).float()}
        alone = torch.cat([text(clip.tokenize([each], truncate=True)) for each in TEXTS]).float()
    for kind in expected:
        apart = (ours[kind] - expected[kind]).abs().max().item()
        cosine = F.cosine_similarity(ours[kind], expected[kind]).min().item()
        print(f"\n{kind} packed {dtype}: max abs difference {apart:.2e}, lowest cosine {cosine:.6f}")
        record_property(f"{kind} packed {dtype}", {"max_abs": apart, "cosine": cosine})
        assert cosine >= 0.999
        assert dtype is not torch.float32 or apart <= 1e-4
    assert F.cosine_similarity(alone, ours["text"]).min() >= 0.999


def test_it_gives_up_the_plain_weights() -> None:
    """Else a model would take its memory twice."""
    sizes = CASES[1].values[0]
    tower = build_image_tower(image_weights(openai_layout(reference_clip(sizes))))
    before = sum(p.numel() for p in tower.transformer.parameters())
    after = sum(p.numel() for p in pack(tower).transformer.parameters())
    width = sizes["vision"]["hidden_size"]
    assert before > 12 * width**2
    assert after == sizes["vision"]["num_hidden_layers"] * 4 * width  # the norms alone
