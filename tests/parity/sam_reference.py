"""What the SAM tests compare with: transformers' SamModel with random weights, and the same under the official
checkpoints' names.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor
from transformers import SamConfig, SamModel

Layout = dict[str, Tensor]

VIT_B: dict[str, Any] = {}
VIT_B_LESS: dict[str, Any] = {
    "vision": {"num_hidden_layers": 3, "global_attn_indexes": [1], "image_size": 512},
    "prompt": {"image_size": 512, "image_embedding_size": 32},
}
"""As wide as ViT-B in every layer, but with 3 of its 12 blocks, one of which looks at the whole picture, and a grid of
32 patches a side for one of 64; windows of 14 reach over the edge of both.
"""
SMALL: dict[str, Any] = {
    "vision": {"hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": 320, "window_size": 7}
    | {"global_attn_indexes": [1], "output_channels": 64, "num_pos_feats": 32},
    "prompt": {"hidden_size": 64, "image_size": 320, "image_embedding_size": 20},
    "decoder": {"hidden_size": 64, "mlp_dim": 128, "iou_head_hidden_dim": 48},
}
"""20 patches a side, so that windows of 7 reach over the edge."""

_NAMES = (
    (r"^vision_encoder\.", "image_encoder."),
    (r"^image_encoder\.patch_embed\.projection\.", "image_encoder.patch_embed.proj."),
    (r"^image_encoder\.layers\.", "image_encoder.blocks."),
    (r"^(image_encoder\.blocks\.\d+)\.layer_norm", r"\1.norm"),
    (r"^image_encoder\.neck\.conv1\.", "image_encoder.neck.0."),
    (r"^image_encoder\.neck\.layer_norm1\.", "image_encoder.neck.1."),
    (r"^image_encoder\.neck\.conv2\.", "image_encoder.neck.2."),
    (r"^image_encoder\.neck\.layer_norm2\.", "image_encoder.neck.3."),
    (
        r"^prompt_encoder\.shared_embedding\.positional_embedding$",
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    ),
    (r"^prompt_encoder\.point_embed\.", "prompt_encoder.point_embeddings."),
    (r"^prompt_encoder\.mask_embed\.conv1\.", "prompt_encoder.mask_downscaling.0."),
    (r"^prompt_encoder\.mask_embed\.layer_norm1\.", "prompt_encoder.mask_downscaling.1."),
    (r"^prompt_encoder\.mask_embed\.conv2\.", "prompt_encoder.mask_downscaling.3."),
    (r"^prompt_encoder\.mask_embed\.layer_norm2\.", "prompt_encoder.mask_downscaling.4."),
    (r"^prompt_encoder\.mask_embed\.conv3\.", "prompt_encoder.mask_downscaling.6."),
    (r"^mask_decoder\.transformer\.layer_norm_final_attn\.", "mask_decoder.transformer.norm_final_attn."),
    (r"^(mask_decoder\.transformer\.layers\.\d+)\.layer_norm", r"\1.norm"),
    (r"^mask_decoder\.upscale_conv1\.", "mask_decoder.output_upscaling.0."),
    (r"^mask_decoder\.upscale_layer_norm\.", "mask_decoder.output_upscaling.1."),
    (r"^mask_decoder\.upscale_conv2\.", "mask_decoder.output_upscaling.3."),
    (r"\.proj_in\.", ".layers.0."),
    (r"\.proj_out\.", ".layers.2."),
)


def unfilled_sam(sizes: dict[str, Any]) -> SamModel:
    """transformers' model, its parameters on the device "meta": names and shapes alone."""
    config = SamConfig(
        vision_config=sizes.get("vision", {}),
        prompt_encoder_config=sizes.get("prompt", {}),
        mask_decoder_config={"layer_norm_eps": 1e-5, **sizes.get("decoder", {})},  # as the official decoder has it
    )
    with torch.device("meta"):
        return SamModel(config)


def reference_sam(sizes: dict[str, Any], seed: int = 0) -> SamModel:
    """transformers' model with every parameter drawn at random, biases, norms and relative positions too: none can be
    forgotten unseen.
    """
    model = unfilled_sam(sizes).to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(False)
        spread = (
            1.0
            if "embed" in name and "patch" not in name
            else 0.1
            if parameter.ndim < 2
            else parameter[0].numel() ** -0.5
        )
        parameter.normal_(std=spread, generator=generator)
        if "norm" in name and name.endswith("weight"):
            parameter.add_(1.0)
    model.prompt_encoder.shared_embedding.positional_embedding = model.shared_image_embedding.positional_embedding
    return model


def official_layout(model: SamModel) -> Layout:
    """The model's parameters under the names of the official checkpoints."""
    layout: Layout = {}
    for name, tensor in model.state_dict().items():
        if name.startswith("shared_image_embedding."):
            continue
        middle = re.search(r"^mask_decoder\.(output_hypernetworks_mlps\.\d|iou_prediction_head)\.layers\.(\d+)\.", name)
        if middle:
            name = name.replace(f".layers.{middle[2]}.", f".layers.{int(middle[2]) + 1}.")
        for theirs, ours in _NAMES:
            name = re.sub(theirs, ours, name)
        layout[name] = tensor
    return layout


def reference_embedding(model: SamModel, pixels: Tensor) -> Tensor:
    """(n, 3, side, side) -> (n, c, grid, grid)."""
    with torch.inference_mode():
        embedding: Tensor = model.get_image_embeddings(pixels)
    return embedding


def reference_masks(
    model: SamModel,
    embedding: Tensor,
    points: Tensor | None = None,
    labels: Tensor | None = None,
    boxes: Tensor | None = None,
    several: bool = True,
) -> tuple[Tensor, Tensor]:
    """(c, grid, grid) and n prompts, as ``Predictor.ask`` takes them -> (n, masks, S, S) logits, (n, masks) predicted
    IoU.
    """
    with torch.inference_mode():
        answer = model(
            image_embeddings=embedding[None],
            input_points=None if points is None else points[None],
            input_labels=None if labels is None else labels[None],
            input_boxes=None if boxes is None else boxes[None],
            multimask_output=several,
        )
    return answer.pred_masks[0], answer.iou_scores[0]
