"""Reads CLIP's weights out of the files they are published in, one tower at a time.

| published by | file | layout |
|---|---|---|
| OpenAI | TorchScript archive (``ViT-B-32.pt``) | ``visual.*``; text at the top level |
| anyone | state dict saved with ``torch.save``, alone or under ``state_dict`` | any of these |
| OpenCLIP | safetensors | as OpenAI's, or the text under ``text.*`` |
| Hugging Face | safetensors of ``CLIPModel`` | ``vision_model.*``, ``text_model.*``: other names, q, k and v apart |

What kind a file is, is told by its content, never by its name.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

Weights = Mapping[str, Tensor]

_TEXT_NAMES = ("token_embedding.", "positional_embedding", "transformer.", "ln_final.", "text_projection")

_HF_NAMES = (
    ("embeddings.patch_embedding.", "conv1."),
    ("embeddings.class_embedding", "class_embedding"),
    ("embeddings.position_embedding.weight", "positional_embedding"),
    ("embeddings.token_embedding.", "token_embedding."),
    ("pre_layrnorm.", "ln_pre."),  # the typing error is theirs, and in every file
    ("post_layernorm.", "ln_post."),
    ("final_layer_norm.", "ln_final."),
    ("encoder.layers.", "transformer.resblocks."),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
    (".self_attn.", ".attn."),
    ("text_projection.weight", "text_projection"),
    ("visual_projection.weight", "proj"),
)
_HF_QUERY = re.compile(r"(.*\.attn\.)q_proj\.(weight|bias)")
_HF_TRANSPOSED = ("proj", "text_projection")


class _SafeTensors(Weights):
    """A safetensors file as a mapping that reads a tensor when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._file = cast(Any, safe_open(path, framework="pt"))
        self._names = frozenset(self._file.keys())

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        tensor: Tensor = self._file.get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def read_checkpoint(path: Path) -> Weights:
    """The tensors of a file under the names they have there; mapped or read on demand where the format allows it.

    A TorchScript archive carries code, which ``torch.jit.load`` compiles (nothing calls it here): check the file's hash
    first. Raises OSError where the file can't be opened and ValueError where it is no checkpoint.
    """
    try:
        return _reader_of(path)(path)
    except (RuntimeError, pickle.UnpicklingError, SafetensorError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ValueError(f"{path.name} is damaged or no checkpoint: {error}") from error


def image_weights(checkpoint: Weights) -> Weights:
    """The image tower's part, under the names of ``model.ImageTower``; empty where there is none."""
    if "visual_projection.weight" in checkpoint:
        return _from_hugging_face(checkpoint, "vision_model.", "visual_projection.weight")
    return {name.removeprefix("visual."): checkpoint[name] for name in checkpoint if name.startswith("visual.")}


def text_weights(checkpoint: Weights) -> Weights:
    """The text tower's part, under the names of ``model.TextTower``; empty where there is none."""
    if "text_projection.weight" in checkpoint:
        return _from_hugging_face(checkpoint, "text_model.", "text_projection.weight")
    names = {name.removeprefix("text."): name for name in checkpoint}
    return {ours: checkpoint[theirs] for ours, theirs in names.items() if ours.startswith(_TEXT_NAMES)}


def _reader_of(path: Path) -> Callable[[Path], Weights]:
    with path.open("rb") as file:
        head = file.read(9)
    if head[8:] == b"{":  # after the header's length in 8 bytes, its JSON
        return _SafeTensors
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path.name} is damaged or no checkpoint: neither safetensors nor a complete archive of torch.save"
        )
    with zipfile.ZipFile(path) as archive:
        scripted = any(name.endswith("/constants.pkl") for name in archive.namelist())
    return _read_torchscript if scripted else _read_state_dict


def _read_torchscript(path: Path) -> Weights:
    with warnings.catch_warnings():
        # torch would rather have new archives; OpenAI's are what they are
        warnings.simplefilter("ignore", DeprecationWarning)
        archive = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    weights: Weights = archive.state_dict()
    return weights


def _read_state_dict(path: Path) -> Weights:
    content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    if isinstance(content, dict):
        content = content.get("state_dict", content)
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise ValueError(f"{path.name} holds something else than a state dict")
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def _from_hugging_face(checkpoint: Weights, tower: str, projection: str) -> Weights:
    """Renames, turns the projection (theirs is applied from the left) and joins q, k and v into one matrix."""
    theirs = [
        name
        for name in checkpoint
        if name == projection or (name.startswith(tower) and not name.endswith("position_ids"))
    ]
    renamed = {_rename(name.removeprefix(tower)): checkpoint[name] for name in theirs}
    weights = {name: t for name, t in renamed.items() if not re.search(r"\.attn\.[qkv]_proj\.", name)}
    for match in filter(None, map(_HF_QUERY.fullmatch, renamed)):
        block, kind = match.groups()
        weights[f"{block}in_proj_{kind}"] = torch.cat([renamed[f"{block}{part}_proj.{kind}"] for part in "qkv"])
    return {name: t.T if name in _HF_TRANSPOSED else t for name, t in weights.items()}


def _rename(name: str) -> str:
    for theirs, ours in _HF_NAMES:
        name = name.replace(theirs, ours)
    return name
