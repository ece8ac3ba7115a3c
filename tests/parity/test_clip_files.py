"""Every kind of file that CLIP's weights are published in gives the same model; what is no checkpoint is refused with
ValueError.
"""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from transformers import CLIPModel

from src.vendored_clip import checkpoint, clip
from tests.parity.clip_reference import (
    SMALL,
    Layout,
    openai_layout,
    reference_clip,
    reference_images,
    reference_texts,
    save_torchscript,
)

Writer = Callable[[CLIPModel, Path], Path]
TEXTS = ["a cat", "two dogs running on the wet grass"]


def clones(layout: Layout) -> Layout:
    return {name: tensor.clone() for name, tensor in layout.items()}


def plain(model: CLIPModel, folder: Path) -> Path:
    torch.save(clones(openai_layout(model)), folder / "plain.pt")
    return folder / "plain.pt"


def training_run(model: CLIPModel, folder: Path) -> Path:
    """As OpenCLIP's training writes it, from several GPUs."""
    weights = {f"module.{name}": tensor for name, tensor in clones(openai_layout(model)).items()}
    torch.save({"epoch": 32, "name": "run", "state_dict": weights}, folder / "epoch_32.pt")
    return folder / "epoch_32.pt"


def openclip(model: CLIPModel, folder: Path) -> Path:
    safetensors.torch.save_file(clones(openai_layout(model)), folder / "open_clip_model.safetensors")
    return folder / "open_clip_model.safetensors"


def openclip_custom_text(model: CLIPModel, folder: Path) -> Path:
    top = ("visual.", "logit_scale")
    weights = {
        name if name.startswith(top) else f"text.{name}": tensor
        for name, tensor in clones(openai_layout(model)).items()
    }
    safetensors.torch.save_file(weights, folder / "custom.safetensors")
    return folder / "custom.safetensors"


def hugging_face(model: CLIPModel, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder / "model.safetensors"


def hugging_face_old(model: CLIPModel, folder: Path) -> Path:
    """Older files also hold the position numbers."""
    weights = clones(dict(model.state_dict())) | {
        f"{tower}_model.embeddings.position_ids": torch.arange(26)[None] for tower in ("text", "vision")
    }
    safetensors.torch.save_file(weights, folder / "old.safetensors")
    return folder / "old.safetensors"


def torchscript(model: CLIPModel, folder: Path) -> Path:
    with pytest.warns(DeprecationWarning):
        save_torchscript(openai_layout(model), folder / "ViT-small.pt")
    return folder / "ViT-small.pt"


WRITERS = [plain, training_run, openclip, openclip_custom_text, hugging_face, hugging_face_old, torchscript]


@pytest.fixture(scope="module")
def reference() -> CLIPModel:
    return reference_clip(SMALL, seed=3)


@pytest.mark.parametrize("write", WRITERS, ids=lambda writer: writer.__name__)
@pytest.mark.filterwarnings("error", "ignore::ResourceWarning")  # the last is said of what other tests left open
def test_round_trip(
    write: Writer, reference: CLIPModel, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    path = write(reference, tmp_path)
    layout, half = openai_layout(reference), write is torchscript
    image, text = clip.load_image_tower(path), clip.load_text_tower(path)
    both, preprocess = clip.load(path)
    for name, tensor in both.state_dict().items():
        expected = layout[name.removeprefix("text.")]
        assert tensor.dtype is torch.float32
        torch.testing.assert_close(tensor, expected, rtol=1e-3 if half else 0, atol=1e-4 if half else 0)
    assert len(both.state_dict()) == len(layout)
    pixels, tokens = torch.randn(2, 3, 80, 80, generator=torch.Generator().manual_seed(1)), clip.tokenize(TEXTS)
    with torch.inference_mode():
        assert torch.equal(both.encode_image(pixels), image(pixels))
        assert torch.equal(both.encode_text(tokens), text(tokens))
        apart = max(
            (image(pixels) - reference_images(reference, pixels)).abs().max().item(),
            (text(tokens) - reference_texts(reference, tokens)).abs().max().item(),
        )
    print(f"\n{path.name}: max abs difference {apart:.2e}")
    record_property(path.name, apart)
    assert apart <= (2e-2 if half else 1e-4)
    assert preprocess.keywords == {"size": 80}


@pytest.mark.parametrize("write", [openclip, hugging_face], ids=lambda writer: writer.__name__)
def test_a_text_tower_reads_no_picture_weights(
    write: Writer, reference: CLIPModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    get = checkpoint._SafeTensors.__getitem__
    monkeypatch.setattr(checkpoint._SafeTensors, "__getitem__", lambda self, name: read.append(name) or get(self, name))
    path = write(reference, tmp_path)
    clip.load_text_tower(path)
    assert sum("embedding" in name for name in read) == 2
    assert not [name for name in read if name.startswith(("visual.", "vision_model."))]


def test_a_tower_outlives_its_file(reference: CLIPModel, tmp_path: Path) -> None:
    """The weights are copies: no mapping of the file stays behind that a change of the file would reach."""
    path = plain(reference, tmp_path)
    tower, tokens = clip.load_text_tower(path), clip.tokenize(TEXTS)
    with torch.inference_mode():
        before = tower(tokens)
        path.write_bytes(bytes(path.stat().st_size))
        assert torch.equal(tower(tokens), before)


class Malicious:
    """Runs code when a careless reader unpickles it."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.victim,)


@pytest.mark.parametrize("legacy", [False, True])
def test_no_pickled_code_is_run(legacy: bool, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    torch.save({"visual.proj": Malicious(victim)}, tmp_path / "bad.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match=r"bad\.pt"):
        clip.load(tmp_path / "bad.pt")
    assert not victim.exists()


@pytest.mark.parametrize("write", [plain, openclip, torchscript], ids=lambda writer: writer.__name__)
@pytest.mark.parametrize("keep", [0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(write: Writer, keep: float, reference: CLIPModel, tmp_path: Path) -> None:
    path = write(reference, tmp_path)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(ValueError, match="damaged or no checkpoint"):
        clip.load(path)


def no_checkpoints(layout: Layout) -> dict[str, bytes | object]:
    resnet = {"visual.layer1.0.conv1.weight": torch.zeros(8, 3, 3, 3), "text_projection": layout["text_projection"]}
    return {
        "empty": b"",
        "text": b"<!DOCTYPE html><html>404 Not Found</html>",
        "zeros": bytes(10_000),
        "pickle": pickle.dumps({"a": 1}),
        "safetensors header only": struct.pack("<Q", 1 << 40) + b'{"a":',
        "safetensors beyond its end": struct.pack("<Q", 62)
        + json.dumps({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}).encode(),
        "a tensor": torch.zeros(3),
        "numbers": {"a": 1, "b": 2},
        "a ResNet": resnet,
        "another model": {"encoder.weight": torch.zeros(3)},
        "one layer short": {name: t for name, t in layout.items() if not name.endswith("resblocks.1.ln_1.bias")},
        "one too many": layout | {"visual.surprise": torch.zeros(1), "transformer.surprise": torch.zeros(1)},
        "a wrong shape": layout | {"visual.ln_post.bias": torch.zeros(3), "ln_final.bias": torch.zeros(3)},
    }


@pytest.mark.parametrize("what", no_checkpoints({"text_projection": torch.zeros(1)}))
def test_what_is_no_clip_is_refused(what: str, reference: CLIPModel, tmp_path: Path) -> None:
    content, path = no_checkpoints(clones(openai_layout(reference)))[what], tmp_path / "file.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    for loader in (clip.load, clip.load_image_tower, clip.load_text_tower):
        with pytest.raises(ValueError):
            loader(path)


def test_any_zip_is_refused(tmp_path: Path) -> None:
    for name in ("notes.txt", "x/constants.pkl"):
        with zipfile.ZipFile(tmp_path / "file.pt", "w") as archive:
            archive.writestr(name, "hello")
        with pytest.raises(ValueError, match=r"file\.pt"):
            clip.load(tmp_path / "file.pt")


def test_a_missing_file_and_a_folder_are_os_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pt", tmp_path):
        with pytest.raises(OSError):
            clip.load(path)
