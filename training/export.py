"""Write the towers as ONNX with half-precision weights, and check each file against PyTorch.

Weights are stored as float16 behind a Cast to float32: onnxruntime folds the casts when it loads, so that the file is
half the size and the arithmetic runs in float32 at full speed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from training.backbone import INPUT_SIDE
from training.minilm import MAX_TOKENS, load_tokenizer
from training.towers import ImageTower, TextTower

SMALL = 512
"""Tensors with fewer numbers than this stay float32: they weigh nothing."""


def export_image(tower: ImageTower, path: Path) -> None:
    """pixels (n, 3, 224, 224) float32 -> vector (n, 768) float32."""
    shapes = {"pixels": {0: torch.export.Dim("n", min=1, max=4096)}}
    _export(tower, (torch.zeros(2, 3, INPUT_SIDE, INPUT_SIDE),), shapes, ["pixels"], ["vector"], path)


def export_text(tower: TextTower, path: Path) -> None:
    """ids and mask (n, t) int64 -> vector (n, 768) and sentence (n, 384), float32."""
    n, t = torch.export.Dim("n", min=1, max=4096), torch.export.Dim("t", min=2, max=MAX_TOKENS)
    # two tensors: the exporter merges equal objects
    ids, mask = torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64)
    _export(
        tower, (ids, mask), {"ids": {0: n, 1: t}, "mask": {0: n, 1: t}}, ["ids", "mask"], ["vector", "sentence"], path
    )


def export_tokenizer(path: Path) -> None:
    """The tokenizer with its cut at 128 tokens and padding to the longest text of a batch."""
    load_tokenizer().save(str(path), pretty=False)


def lowest_cosine(path: Path, inputs: dict[str, Tensor], expected: Sequence[Tensor]) -> float:
    """Lowest cosine between the file's outputs and PyTorch's, over all rows of all outputs."""
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    return min(
        float(torch.cosine_similarity(torch.from_numpy(f), e).min()) for f, e in zip(found, expected, strict=True)
    )


def write_card(folder: Path, facts: dict[str, object]) -> None:
    """model.json: the files' hashes, the space id made of them, and what the run-time needs to know."""
    hashes = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("image.onnx", "text.onnx", "tokenizer.json")
    }
    both = hashlib.sha256((folder / "image.onnx").read_bytes() + (folder / "text.onnx").read_bytes()).hexdigest()
    card = {"space": f"builtin-{both[:12]}", "sha256": hashes, **facts}
    (folder / "model.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def _export(
    tower: torch.nn.Module,
    example: tuple[Tensor, ...],
    shapes: dict[str, object],
    inputs: list[str],
    outputs: list[str],
    path: Path,
) -> None:
    program = torch.onnx.export(
        tower.eval(),
        example,
        dynamo=True,
        dynamic_shapes=shapes,
        input_names=inputs,
        output_names=outputs,
        verbose=False,
    )
    model = program.model_proto
    _halve(model.graph)
    del model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _halve(graph: onnx.GraphProto) -> None:
    """Store large float32 initialisers as float16, each followed by a Cast back to float32 under its old name."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALL:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
