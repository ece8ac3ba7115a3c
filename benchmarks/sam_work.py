"""What the SAM benchmark measures with: a network that knows the answers, random weights whose masks hang together, the
peer's pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:  # else torch comes after the product's own modules, which settle how its threads wait
    from torch import Tensor

    from src.vendored_sam.amg import FoundMask
    from src.vendored_sam.mask_decoder import Looked
    from src.vendored_sam.sam import Predictor, Sam

BoolArray = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int64]
SIDE, LOW = 1024, 256
"""Of the square that a network sees a picture in, and of its masks before they are upscaled."""
HUMANS = 3
SURE = 10.0
"""Logit of what belongs to a mask; what does not has its negative."""


# ------------------------------------------------------------ human segmentations as a network's answers


def human_labels(data: Path, most: int) -> Iterator[tuple[Path, list[Labels]]]:
    """Photos of bsds500, spread over the folder, and for each (H, W) labels of its first three human segmentations.

    Raises FileNotFoundError where there are none.
    """
    folder = data / "boxes" / "bsds500"
    photos = sorted((folder / "images").glob("*.jpg"))
    if not photos:
        raise FileNotFoundError(f"There are no photos in {folder / 'images'}.")
    for at in range(min(most, len(photos))):
        photo = photos[at * len(photos) // min(most, len(photos))]
        files = sorted((folder / "segmentations").glob(f"{photo.stem}_*.png"))[:HUMANS]
        yield photo, [np.array(Image.open(file)).astype(np.int64) for file in files]


@dataclass(frozen=True)
class LabelAnswer:
    """``ious`` (n, 3), and which segment each of the three masks is."""

    ious: Tensor
    segments: Tensor


class LabelDecoder:
    """A PointDecoder whose three masks of a point are the segments of three humans that it lies in.

    The predicted quality belongs to the segment: within 0.9 and 1 for a share ``good`` of them, drawn once, else 0.5.
    Of good segments each answer is good with a chance of ``reliable`` only.
    """

    def __init__(self, labels: Sequence[Labels], good: float = 1.0, reliable: float = 1.0, side: int = LOW) -> None:
        """side: of the square that it sees the picture in; small is sooner upscaled."""
        import torch

        height, width = labels[0].shape
        scale = side / max(height, width)
        self.size = (int(height * scale + 0.5), int(width * scale + 0.5))
        middles = (np.arange(LOW) + 0.5) * side / LOW / scale
        rows, columns = (np.minimum(middles.astype(np.int64), length - 1) for length in (height, width))
        starts = np.cumsum([0, *(each.max() + 1 for each in labels)])
        self._low = torch.from_numpy(
            np.stack([each[rows][:, columns] + start for each, start in zip(labels, starts, strict=False)])
        )
        self._dice = np.random.default_rng(0)
        chosen = self._dice.random(starts[-1]) < good
        self._quality = np.where(chosen, 0.9 + 0.1 * self._dice.random(starts[-1]), 0.5).astype(np.float32)
        self._reliable, self._side = reliable, side

    def look(self, points: Tensor) -> LabelAnswer:
        import torch

        columns, rows = (points * LOW / self._side).long().T
        segments = self._low[:, rows, columns].T
        quality = self._quality[segments.numpy()]
        steady = self._dice.random(quality.shape) < self._reliable
        return LabelAnswer(torch.from_numpy(np.where(steady, quality, np.float32(0.5))), segments)

    def draw(self, looked: LabelAnswer, prompts: Tensor, choices: Tensor) -> Tensor:
        import torch

        wanted = looked.segments[prompts, choices]
        return torch.where(self._low[choices] == wanted[:, None, None], SURE, -SURE)

    def upscale(self, logits: Tensor) -> Tensor:
        from torch.nn import functional

        large: Tensor = functional.interpolate(
            logits[None], (self._side, self._side), mode="bilinear", align_corners=False
        )[0]
        return large[:, : self.size[0], : self.size[1]]


@dataclass(frozen=True)
class BothAnswers:
    labels: LabelAnswer
    network: Looked

    @property
    def ious(self) -> Tensor:
        return self.labels.ious


class Disguised:
    """A network that does all its work for each prompt, and then says what the humans' segments say."""

    def __init__(self, network: Predictor, labels: LabelDecoder) -> None:
        self._network, self._labels, self.size = network, labels, network.size

    def look(self, points: Tensor) -> BothAnswers:
        return BothAnswers(self._labels.look(points), self._network.look(points))

    def draw(self, looked: BothAnswers, prompts: Tensor, choices: Tensor) -> Tensor:
        self._network.draw(looked.network, prompts, choices)
        return self._labels.draw(looked.labels, prompts, choices)

    def upscale(self, logits: Tensor) -> Tensor:
        return self._network.upscale(logits)


# ------------------------------------------------------------ masks against masks


def overlaps(wanted: Sequence[BoolArray], found: Sequence[BoolArray]) -> npt.NDArray[np.float64]:
    """(n, m) intersection over union of two sets of masks of one size."""
    import torch

    if not len(wanted) or not len(found):
        return np.zeros((len(wanted), len(found)))
    one, other = (torch.from_numpy(np.stack(masks).reshape(len(masks), -1)).float() for masks in (wanted, found))
    shared = (one @ other.T).double().numpy()
    areas = one.sum(1).double().numpy()[:, None] + other.sum(1).double().numpy()[None]
    result: npt.NDArray[np.float64] = shared / np.maximum(areas - shared, 1)
    return result


def matched(wanted: Sequence[BoolArray], found: Sequence[BoolArray], least: float) -> tuple[int, float]:
    """How many of ``wanted`` have a mask of their own in ``found`` with at least that overlap; the lowest of all best
    overlaps.
    """
    table = overlaps(wanted, found)
    if not table.size:
        return 0, 0.0
    best, taken = table.argmax(axis=1), set()
    for row in np.argsort(-table.max(axis=1)):
        if table[row, best[row]] >= least:
            taken.add(int(best[row]))
    return len(taken), float(table.max(axis=1).min())


def pixels_of(found: Sequence[FoundMask]) -> list[BoolArray]:
    return [mask.pixels for mask in found]


# ------------------------------------------------------------ random weights


def random_sam(photo: Image.Image, sizes: dict[str, Any], seed: int = 0) -> Any:
    """transformers' SamModel, all weights random, then scaled until its masks are such as can survive: see
    ``_steadied``.
    """
    from tests.parity.sam_reference import reference_sam

    model = reference_sam(sizes, seed)
    _localised(model)
    _steadied(model, photo)
    return model


def _localised(model: Any) -> None:
    """Points find the places near them: queries and keys of the attention between points and places are the same
    matrix.

    And the masks are smooth: what a place of the grid says holds for all of it, and depends less on the picture.
    """
    decoder, norm = model.mask_decoder, model.vision_encoder.neck.layer_norm2
    layers = decoder.transformer.layers
    attentions = [layer.cross_attn_token_to_image for layer in layers] + [
        layer.cross_attn_image_to_token for layer in layers
    ]
    for attention in [*attentions, decoder.transformer.final_attn_token_to_image]:
        attention.q_proj.weight.mul_(3.0)
        attention.k_proj.weight.copy_(attention.q_proj.weight)
    for convolution in (decoder.upscale_conv1, decoder.upscale_conv2):
        convolution.weight.copy_(2 * convolution.weight.mean((2, 3), keepdim=True).expand_as(convolution.weight))
    norm.weight.mul_(0.1)
    norm.bias.mul_(0.1)


def _steadied(model: Any, photo: Image.Image, spread: float = 200.0, below: float = 300.0) -> None:
    """Logits with a spread of 200 about -300, so that masks cover a part of the picture and have steep edges; predicted
    quality 0.8 +- 0.1.

    Without this every mask of random weights is all or noise, and no two boxes differ.
    """
    import torch
    from torch.nn import functional

    decoder = model.mask_decoder
    canvas: list[Tensor] = []
    hook = decoder.upscale_conv2.register_forward_hook(
        lambda _module, _inputs, output: canvas.append(functional.gelu(output))
    )
    with torch.no_grad():
        ask = _asking(model, photo)
        ask()
        mean = canvas[-1].mean((0, 2, 3))
        along = mean / mean.norm()
        for code in decoder.output_hypernetworks_mlps:
            code.proj_out.weight.sub_(torch.outer(along, along @ code.proj_out.weight))
            code.proj_out.bias.sub_(along * (along @ code.proj_out.bias))
        answer = ask()
        spreads = answer.pred_masks.std((0, 1, 3, 4))
        for number, code in enumerate(decoder.output_hypernetworks_mlps):
            factor = spread / spreads[max(number - 1, 0)]
            code.proj_out.weight.mul_(factor)
            code.proj_out.bias.mul_(factor).sub_(below * along / mean.norm())
        quality, head = answer.iou_scores[0], decoder.iou_prediction_head.proj_out
        factors = 0.1 / quality.std(0)
        head.weight[1:].mul_(factors[:, None])
        head.bias[1:].sub_(quality.mean(0)).mul_(factors).add_(0.8)
    hook.remove()


def _asking(model: Any, photo: Image.Image) -> Any:
    """Ask the model about 16 points of the photo; its answer."""
    import torch
    from torch.nn import functional

    from src.vendored_sam.sam import preprocess

    side = model.config.vision_config.image_size
    pixels = preprocess(photo, side)
    embedding = model.get_image_embeddings(
        functional.pad(pixels, (0, side - pixels.shape[2], 0, side - pixels.shape[1]))[None]
    )
    points = torch.rand(1, 16, 1, 2, generator=torch.Generator().manual_seed(5)) * torch.tensor(pixels.shape[:0:-1])
    return lambda: model(image_embeddings=embedding, input_points=points, multimask_output=True)


def random_mobile(sam: Sam) -> Sam:
    """MobileSAM at its published size: a TinyViT of random weights before the decoder of ``sam``."""
    import torch

    from src.vendored_sam.sam import Sam
    from src.vendored_sam.tiny_vit import StageSize, TinyEncoder, TinySize

    stages = (
        StageSize(64, 2, 256),
        StageSize(128, 2, 512, 4, 7),
        StageSize(160, 6, 640, 5, 14),
        StageSize(320, 2, 1280, 10, 7),
    )
    with torch.device("meta"):
        encoder = TinyEncoder(TinySize(stages, 256))
    dice = torch.Generator().manual_seed(0)
    encoder = encoder.to_empty(device="cpu").requires_grad_(False).eval()
    for name, parameter in encoder.named_parameters():
        parameter.normal_(std=0.1 if parameter.ndim < 2 else parameter[0].numel() ** -0.5, generator=dice)
        if parameter.ndim == 1 and name.endswith("weight"):
            parameter.add_(1.0)
    return Sam(encoder, sam.prompt_encoder, sam.mask_decoder, encoder.image)


# ------------------------------------------------------------ the peer


class ReferencePipeline:
    """transformers' mask-generation pipeline, fp32, with a suppression of doubles of our own, since it asks torchvision
    for one.
    """

    def __init__(self, model: Any) -> None:
        from transformers import SamImageProcessorPil
        from transformers.pipelines.mask_generation import MaskGenerationPipeline

        side = model.config.vision_config.image_size
        processor = SamImageProcessorPil(size={"longest_edge": side}, pad_size={"height": side, "width": side})
        processor.post_process_for_mask_generation = _finished
        self._pipeline = MaskGenerationPipeline(model=model, image_processor=processor, device="cpu")

    def masks(self, photo: Image.Image, grid: int, min_iou: float, min_stability: float) -> list[BoolArray]:
        """At the size of the photo, best predicted quality first; all other settings as published."""
        wanted = {"pred_iou_thresh": min_iou, "stability_score_thresh": min_stability}
        told = self._pipeline(photo, points_per_crop=grid, points_per_batch=64, **wanted)
        return [np.asarray(mask, bool) for mask in told["masks"]]


def _finished(
    rles: list[Any], scores: Tensor, boxes: Tensor, limit: float
) -> tuple[list[BoolArray], Tensor, list[Any], Tensor]:
    kept = plain_suppression(boxes.double().numpy(), scores.double().numpy(), limit)
    masks = [_decoded(rles[place]) for place in kept]
    return masks, scores[kept], [rles[place] for place in kept], boxes[kept]


def plain_suppression(boxes: npt.NDArray[np.float64], scores: npt.NDArray[np.float64], limit: float) -> list[int]:
    """Suppression of doubles as its definition reads: the best box first, each that overlaps a kept one by more than
    the limit goes.
    """
    kept: list[int] = []
    for place in np.argsort(-scores, kind="stable").tolist():
        if all(_overlap(boxes[place], boxes[other]) <= limit for other in kept):
            kept.append(place)
    return kept


def _overlap(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    wide, high = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = max(wide, 0.0) * max(high, 0.0)
    whole = np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared
    return float(shared / whole) if whole else 0.0


def _decoded(rle: dict[str, Any]) -> BoolArray:
    height, width = rle["size"]
    flat = np.repeat(np.arange(len(rle["counts"])) % 2 == 1, rle["counts"])
    return flat.reshape(width, height).T
