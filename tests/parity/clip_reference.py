"""What the CLIP tests compare with: transformers' CLIPModel with random weights, and the same weights in OpenAI's
layout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel

Layout = dict[str, Tensor]

VIT_B_32: dict[str, Any] = {
    "text": {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8},
    "vision": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    | {"image_size": 224, "patch_size": 32},
    "dimensions": 512,
}
SMALL: dict[str, Any] = {
    "text": {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 3, "num_attention_heads": 1},
    "vision": {"hidden_size": 192, "intermediate_size": 768, "num_hidden_layers": 2, "num_attention_heads": 3}
    | {"image_size": 80, "patch_size": 16},
    "dimensions": 96,
}


def reference_clip(sizes: dict[str, Any], quick_gelu: bool = True, seed: int = 0) -> CLIPModel:
    """transformers' model with every parameter drawn at random, biases and norms too, so that none can be forgotten
    unseen.
    """
    act = {"hidden_act": "quick_gelu" if quick_gelu else "gelu"}
    config = CLIPConfig(
        text_config={**sizes["text"], **act, "bos_token_id": 49406, "eos_token_id": 49407},
        vision_config={**sizes["vision"], **act},
        projection_dim=sizes["dimensions"],
    )
    with torch.device("meta"):
        model = CLIPModel(config)
    model = model.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(False)
        spread = 0.1 if parameter.ndim < 2 or "embedding" in name else parameter[0].numel() ** -0.5
        parameter.normal_(std=spread, generator=generator)
        if "norm" in name and name.endswith("weight"):
            parameter.add_(1.0)
    for tower, length in ((model.text_model, 77), (model.vision_model, model.vision_model.embeddings.num_positions)):
        tower.embeddings.position_ids = torch.arange(length)[None]
    return model


def openai_layout(model: CLIPModel) -> Layout:
    """The model's parameters under the names, and in the orientation, of OpenAI's checkpoints."""
    vision, text = model.vision_model, model.text_model
    return {
        "logit_scale": model.logit_scale.data,
        "visual.class_embedding": vision.embeddings.class_embedding.data,
        "visual.positional_embedding": vision.embeddings.position_embedding.weight.data,
        "visual.conv1.weight": vision.embeddings.patch_embedding.weight.data,
        "visual.proj": model.visual_projection.weight.data.T.contiguous(),
        "positional_embedding": text.embeddings.position_embedding.weight.data,
        "token_embedding.weight": text.embeddings.token_embedding.weight.data,
        "text_projection": model.text_projection.weight.data.T.contiguous(),
        **_pair("visual.ln_pre", vision.pre_layrnorm),
        **_pair("visual.ln_post", vision.post_layernorm),
        **_pair("ln_final", text.final_layer_norm),
        **_blocks("visual.transformer.resblocks", vision.encoder.layers),
        **_blocks("transformer.resblocks", text.encoder.layers),
    }


def reference_images(model: CLIPModel, pixels: Tensor) -> Tensor:
    """(n, 3, H, W) -> (n, d) float32, not normalised."""
    with torch.inference_mode():
        return model.get_image_features(pixel_values=pixels).pooler_output


def reference_texts(model: CLIPModel, tokens: Tensor) -> Tensor:
    """(n, 77) -> (n, d) float32, not normalised. Causal attention makes a padding mask needless."""
    with torch.inference_mode():
        return model.get_text_features(input_ids=tokens).pooler_output


def save_torchscript(layout: Layout, path: Path) -> None:
    """An archive as OpenAI's are: half precision but for norms and embeddings, and three whole numbers among the
    tensors.

    It is made of empty modules that hold the tensors, since only ``state_dict()`` is ever asked of it.
    """
    root = nn.Module()
    for name, tensor in layout.items():
        *parents, leaf = name.split(".")
        module = root
        for parent in parents:
            if parent not in dict(module.named_children()):
                module.add_module(parent, nn.Module())
            module = module.get_submodule(parent)
        half = tensor.ndim >= 2 and "embedding" not in name
        module.register_parameter(leaf, nn.Parameter(tensor.half() if half else tensor.clone(), requires_grad=False))
    for name, number in {"input_resolution": 80, "context_length": 77, "vocab_size": 49408}.items():
        root.register_buffer(name, torch.tensor(number))
    torch.jit.save(torch.jit.trace(_Identity(root), torch.zeros(1)).inner, str(path))


class _Identity(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x


def _pair(name: str, module: nn.Module) -> Layout:
    return {f"{name}.weight": module.weight.data, f"{name}.bias": module.bias.data}


def _blocks(name: str, layers: nn.ModuleList) -> Layout:
    layout: Layout = {}
    for i, layer in enumerate(layers):
        attention = layer.self_attn
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        layout |= {
            f"{name}.{i}.attn.in_proj_weight": torch.cat([part.weight.data for part in parts]),
            f"{name}.{i}.attn.in_proj_bias": torch.cat([part.bias.data for part in parts]),
            **_pair(f"{name}.{i}.attn.out_proj", attention.out_proj),
            **_pair(f"{name}.{i}.ln_1", layer.layer_norm1),
            **_pair(f"{name}.{i}.ln_2", layer.layer_norm2),
            **_pair(f"{name}.{i}.mlp.c_fc", layer.mlp.fc1),
            **_pair(f"{name}.{i}.mlp.c_proj", layer.mlp.fc2),
        }
    return layout
