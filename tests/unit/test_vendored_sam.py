"""SAM's networks and the segmenter on small random weights: shapes, files, preprocessing, bad input."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from src import masks
from src.errors import BadInput, WeightsCorrupt, WeightsMissing
from src.models.segmenters import sam as models_sam
from src.models.segmenters.sam import SamSegmenter
from src.schema import Segmenter
from src.vendored_sam import sam as vendored
from src.vendored_sam.image_encoder import BlockSize, VitEncoder, VitSize
from src.vendored_sam.mask_decoder import DecoderSize, MaskDecoder
from src.vendored_sam.packed import can_pack, pack
from src.vendored_sam.prompt_encoder import PromptEncoder
from src.vendored_sam.sam import MEAN, STD, Predictor, Sam, build, preprocess, resized
from src.vendored_sam.tiny_vit import StageSize, TinyEncoder, TinySize, fold

SIDE = 256
WIDTH = 64
VIT = VitSize(SIDE, 16, WIDTH, (BlockSize(48, 3, 96, 7), BlockSize(48, 3, 96, 16)))
DECODER = DecoderSize(WIDTH, 2, 96, 32, 4, (40, 40, 4))
MOBILE = TinySize(
    (
        StageSize(64, 2, 256),
        StageSize(128, 2, 512, 4, 7),
        StageSize(160, 6, 640, 5, 14),
        StageSize(320, 2, 1280, 10, 7),
    ),
    256,
)
"""As MobileSAM's encoder is."""


def drawn_at_random(module: torch.nn.Module, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, parameter in module.state_dict().items():
        spread = 0.1 if parameter.ndim < 2 else parameter[0].numel() ** -0.5
        weights[name] = torch.empty(parameter.shape).normal_(std=spread, generator=generator)
        if "norm" in name and name.endswith("weight"):
            weights[name] += 1
    return weights


def checkpoint_weights(side: int = SIDE) -> dict[str, Tensor]:
    """A small model under the names of the official files, with the parts that are not used here."""
    parts = {
        "image_encoder": VitEncoder(VitSize(side, 16, WIDTH, (VIT.blocks[0], BlockSize(48, 3, 96, side // 16)))),
        "prompt_encoder": PromptEncoder(WIDTH, side),
        "mask_decoder": MaskDecoder(DECODER),
    }
    weights = {f"{part}.{name}": t for part, module in parts.items() for name, t in drawn_at_random(module).items()}
    weights["prompt_encoder.mask_downscaling.0.weight"] = torch.zeros(4, 1, 2, 2)
    return weights


def picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def sam() -> Sam:
    return build(checkpoint_weights())


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam") / "small.pth"
    torch.save(checkpoint_weights(), path)
    return path


# ---------------------------------------------------------------- sizes and shapes


def test_sizes_are_read_off_the_weights() -> None:
    assert VitSize.of(drawn_at_random(VitEncoder(VIT))) == VIT
    assert DecoderSize.of(drawn_at_random(MaskDecoder(DECODER))) == DECODER


@pytest.mark.parametrize(
    ("width", "heads", "depth", "millions"),
    [(768, 12, 12, 89.67), (1024, 16, 24, 308.28), (1280, 16, 32, 637.03)],
    ids="BLH",
)
def test_the_official_encoders_have_their_parameters(width: int, heads: int, depth: int, millions: float) -> None:
    """Of the published sizes: 91 M, 308 M and 636 M, the paper's table says."""
    every = depth // 4
    blocks = tuple(BlockSize(width, heads, 4 * width, 14 if (i + 1) % every else 64) for i in range(depth))
    with torch.device("meta"):
        encoder = VitEncoder(VitSize(1024, 16, 256, blocks))
    assert sum(p.numel() for p in encoder.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)


def mobile_names() -> dict[str, Tensor]:
    """An encoder as it is in ``mobile_sam.pt``: normalisations beside the convolutions, and a classifier's head."""
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: tensor for name, tensor in drawn_at_random(TinyEncoder(MOBILE)).items() if not name.endswith(".c.bias")
    }
    for name in [name for name in weights if name.endswith(".c.weight")]:
        norm, channels = name.removesuffix("c.weight") + "bn.", len(weights[name])
        for part in ("weight", "bias", "running_mean", "running_var"):
            weights[norm + part] = torch.rand(channels, generator=generator) + 0.5
        weights[norm + "num_batches_tracked"] = torch.tensor(7)
    head = {"norm_head.weight": (320,), "norm_head.bias": (320,), "head.weight": (1000, 320), "head.bias": (1000,)}
    return weights | {name: torch.zeros(size) for name, size in head.items()}


def test_mobile_sams_encoder_has_its_sizes_and_parameters() -> None:
    """6.07 M as published, which counts the classifier that nothing asks; its last stage and neck are at SAM's grid."""
    weights = mobile_names()
    assert TinySize.of(weights) == MOBILE
    learnt = [t for name, t in weights.items() if "running" not in name and "batches" not in name]
    assert sum(t.numel() for t in learnt) / 1e6 == pytest.approx(6.07, abs=0.005)
    folded = fold(weights)
    assert set(folded) == set(TinyEncoder(MOBILE).state_dict())


def test_folding_a_normalisation_changes_nothing() -> None:
    weights = mobile_names()
    first = {
        name.removeprefix("patch_embed.seq.0."): t
        for name, t in weights.items()
        if name.startswith("patch_embed.seq.0.")
    }
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    plain = torch.nn.functional.conv2d(x, first["c.weight"], stride=2, padding=1)
    mean, variance, scale, shift = (first[f"bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    expected = torch.nn.functional.batch_norm(plain, mean, variance, scale, shift)
    encoder = TinyEncoder(MOBILE)
    encoder.load_state_dict(fold(weights))
    with torch.inference_mode():
        torch.testing.assert_close(encoder.patch_embed.seq[0](x), expected, atol=1e-5, rtol=1e-5)


def test_mobile_sam_is_told_by_its_weights() -> None:
    prompts = {f"prompt_encoder.{n}": t for n, t in drawn_at_random(PromptEncoder(256, 1024)).items()}
    decoder = {
        f"mask_decoder.{n}": t
        for n, t in drawn_at_random(MaskDecoder(DecoderSize(256, 2, 2048, 128, 4, (256, 256, 4)))).items()
    }
    sam = build({f"image_encoder.{n}": t for n, t in mobile_names().items()} | prompts | decoder)
    assert isinstance(sam.image_encoder, TinyEncoder)
    predictor = Predictor(sam, picture(300, 200))
    assert predictor.embedding.shape == (256, 64, 64)
    assert predictor.size == (683, 1024)
    looked = predictor.look(torch.tensor([[500.0, 300.0]]))
    low = predictor.draw(looked, torch.tensor([0]), torch.tensor([2]))
    assert low.shape == (1, 256, 256)
    assert predictor.upscale(low).shape == (1, 683, 1024)
    assert torch.isfinite(low).all()


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize(
    ("size", "expected"),
    [((640, 480), (1024, 768)), ((1, 1), (1024, 1024)), ((5000, 1), (1024, 1)), ((333, 1000), (341, 1024))],
)
def test_the_long_side_is_made_1024(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert resized(*size, 1024) == expected


def test_pixels_are_normalised() -> None:
    pixels = preprocess(Image.new("RGB", (10, 5), (255, 0, 128)), 20)
    assert pixels.shape == (3, 10, 20)
    expected = (torch.tensor([255.0, 0, 128]) - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(pixels[:, 3, 7], expected)


def test_padding_is_zero_and_to_the_right_and_below(sam: Sam) -> None:
    seen: list[Tensor] = []
    handle = sam.image_encoder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    Predictor(sam, picture(100, 50))
    handle.remove()
    assert seen[0].shape == (1, 3, SIDE, SIDE)
    assert not seen[0][:, :, SIDE // 2 :].any()
    torch.testing.assert_close(seen[0][0, :, : SIDE // 2], preprocess(picture(100, 50), SIDE))


# ---------------------------------------------------------------- prompts and masks


def test_prompts_do_not_depend_on_their_company(sam: Sam) -> None:
    predictor = Predictor(sam, picture(256, 256))
    points = torch.rand(5, 2, generator=torch.Generator().manual_seed(0)) * SIDE
    together = predictor.look(points)
    for i in range(5):
        torch.testing.assert_close(predictor.look(points[i : i + 1]).ious[0], together.ious[i], atol=1e-5, rtol=0)


def test_masks_are_drawn_where_they_are_asked_for_in_any_order(sam: Sam) -> None:
    predictor = Predictor(sam, picture(256, 256))
    looked = predictor.look(torch.tensor([[20.0, 30.0], [200.0, 100.0], [90.0, 220.0]]))
    all_of_them = predictor.draw(looked, torch.arange(3).repeat_interleave(3), torch.arange(3).repeat(3)).view(
        3, 3, 64, 64
    )
    some = predictor.draw(looked, torch.tensor([2, 0, 2]), torch.tensor([1, 2, 0]))
    torch.testing.assert_close(some, all_of_them[[2, 0, 2], [1, 2, 0]])
    assert (all_of_them[0, 0] - all_of_them[1, 0]).abs().max() > 1e-2
    assert predictor.draw(looked, torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64)).shape == (
        0,
        64,
        64,
    )


@pytest.mark.parametrize("size", [(256, 256), (256, 100), (33, 256), (256, 1)])
def test_upscaling_is_that_of_the_whole_square(size: tuple[int, int], sam: Sam) -> None:
    """Although only what the picture's part is made of is upscaled, and drawn."""
    predictor = Predictor(sam, picture(*size))
    looked = predictor.look(torch.tensor([[5.0, 0.0]]))
    low = predictor.draw(looked, torch.tensor([0]), torch.tensor([1]))
    complete = sam.mask_decoder.draw(replace(looked, seen=(16, 16)), torch.tensor([0]), torch.tensor([1]))
    height, width = predictor.size
    whole = torch.nn.functional.interpolate(complete[None], (SIDE, SIDE), mode="bilinear")[0, :, :height, :width]
    torch.testing.assert_close(predictor.upscale(low), whole, atol=1e-5, rtol=0)


def test_a_prompt_needs_something(sam: Sam) -> None:
    with pytest.raises(ValueError, match="points or a box"):
        Predictor(sam, picture(20, 20)).ask()


@pytest.mark.skipif(not can_pack(), reason="this build of torch has no oneDNN")
def test_a_packed_encoder_says_the_same(sam: Sam) -> None:
    x = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    packed = build(checkpoint_weights()).image_encoder
    assert isinstance(packed, VitEncoder)
    with torch.inference_mode():
        torch.testing.assert_close(pack(packed)(x), sam.image_encoder(x), atol=1e-4, rtol=0)


def test_half_precision_stays_close(sam: Sam) -> None:
    half = build(checkpoint_weights(), encoder_dtype=torch.bfloat16)
    exact, rounded = (Predictor(s, picture(200, 150)) for s in (sam, half))
    assert rounded.embedding.dtype == torch.float32
    cosine = torch.nn.functional.cosine_similarity(exact.embedding.flatten(), rounded.embedding.flatten(), dim=0)
    assert cosine > 0.999


# ---------------------------------------------------------------- files


def test_a_saved_file_loads(checkpoint: Path, sam: Sam) -> None:
    loaded = vendored.load(checkpoint)
    for ours, theirs in zip(loaded.mask_decoder.parameters(), sam.mask_decoder.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def spoil_html(path: Path) -> None:
    path.write_bytes(b"<html>")


def spoil_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("something", "else")


def spoil_code(path: Path) -> None:
    torch.save({"image_encoder": threading.Thread}, path)


def spoil_list(path: Path) -> None:
    torch.save([torch.zeros(3)], path)


def spoil_clip(path: Path) -> None:
    torch.save({"visual.proj": torch.zeros(3)}, path)


def spoil_cut(path: Path) -> None:
    torch.save(checkpoint_weights(), path)
    path.write_bytes(path.read_bytes()[:100_000])


def spoil_missing(path: Path) -> None:
    weights = checkpoint_weights()
    del weights["mask_decoder.transformer.layers.1.norm4.bias"]
    torch.save(weights, path)


SPOILT = [spoil_html, spoil_zip, spoil_code, spoil_list, spoil_clip, spoil_cut, spoil_missing]


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__.removeprefix("spoil_"))
def test_a_file_that_is_no_sam_is_refused(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    spoil(tmp_path / "bad.pth")
    with pytest.raises(ValueError):
        vendored.load(tmp_path / "bad.pth")
    with pytest.raises(WeightsCorrupt, match=r"bad\.pth.*Delete the file"):
        segmenter(tmp_path / "bad.pth").segment(picture(20, 20), most=3)


# ---------------------------------------------------------------- the segmenter


@pytest.fixture
def small_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SamSegmenter, "side", SIDE)


def segmenter(checkpoint: Path, **changes: Any) -> SamSegmenter:
    arguments: dict[str, Any] = {"preset": "everything", "device": "cpu", "precision": "fp32"} | changes
    return SamSegmenter("small", checkpoint, **arguments)


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights are sure of nothing: a preset that keeps what they say."""
    from src.vendored_sam import amg

    everything = amg.MaskSettings(side=4, batch=5, min_iou=0.0, min_stability=0.0)
    monkeypatch.setattr(amg, "PRESETS", {**amg.PRESETS, "everything": everything})


@pytest.mark.parametrize("size", [(300, 200), (700, 350), (256, 256), (1, 1), (600, 2)])
def test_segments_lie_in_the_picture_the_best_first(size: tuple[int, int], checkpoint: Path, small_side: None) -> None:
    finder: Segmenter = segmenter(checkpoint)
    found = finder.segment(picture(*size), most=5)
    assert len(found) <= 5
    assert found or min(size) < 3
    assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)
    for segment in found:
        left, top, right, bottom = segment.box
        assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
        assert max(segment.mask.height, segment.mask.width) <= SIDE
        assert 0 <= segment.score <= 1
        x0, y0, x1, y1 = masks.bounds(masks.decode(segment.mask)) or (0, 0, 0, 0)
        scale = size[0] / segment.mask.width
        assert abs(x0 * scale - left) <= 1 and abs(x1 * scale - right) <= 1
        assert y0 <= top / size[1] * segment.mask.height + 1 and y1 <= bottom / size[1] * segment.mask.height + 1


def test_none_or_fewer_segments_make_no_sense(checkpoint: Path) -> None:
    with pytest.raises(BadInput, match="0 segments"):
        segmenter(checkpoint).segment(picture(20, 20), most=0)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"later\.pth"):
        segmenter(tmp_path / "later.pth").segment(picture(20, 20), most=3)


def test_a_model_of_another_side_is_refused(checkpoint: Path) -> None:
    with pytest.raises(WeightsCorrupt, match="256 pixels"):
        segmenter(checkpoint).segment(picture(20, 20), most=3)


def test_it_is_loaded_once_by_several_threads_and_given_back(
    checkpoint: Path, small_side: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Path] = []
    load = vendored.load
    monkeypatch.setattr(
        vendored, "load", lambda path, *rest, **options: loads.append(path) or load(path, *rest, **options)
    )
    finder = segmenter(checkpoint)
    assert loads == []
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: finder.segment(picture(64, 48), most=3), range(3)))
    assert len(loads) == 1
    assert answers[0] == answers[1] == answers[2]
    finder.unload()
    assert finder.segment(picture(64, 48), most=3) == answers[0]
    assert len(loads) == 2


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_precision_asked_for_is_used(precision: Any, checkpoint: Path, small_side: None) -> None:
    finder = segmenter(checkpoint, precision=precision)
    assert finder.precision_name == precision
    assert finder.segment(picture(64, 48), most=1)


def test_importing_it_loads_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, src.models.segmenters.sam, src.models.registry; print('torch' in sys.modules)"
    project = Path(models_sam.__file__).parents[3]
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.strip() == "False"
