"""How the built-in model is made: its losses, its views, and that an interrupted run goes on as if nothing had been."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from training import tune as tuning
from training.backbone import CLASSES, FEATURES, MAP, EfficientNetLite0, SameConv
from training.data import view
from training.features import Seen
from training.heads import CaptionLoss, Recipe, contrastive, distillation, of_shares
from training.minilm import WIDTH
from training.pictures import Batch, Pictures
from training.sentences import BROADER_FILE, CLASS_FILE, broader_terms, class_names
from training.towers import Captions, ClassNames, Gate, Heads
from training.tune import Tower, Tuning, tune


def test_every_class_has_broader_terms_of_its_own() -> None:
    ids = [
        [line.split("\t")[0] for line in file.read_text(encoding="utf-8").splitlines()]
        for file in (CLASS_FILE, BROADER_FILE)
    ]
    assert ids[0] == ids[1] and len(ids[0]) == CLASSES
    for names, terms in zip(class_names(), broader_terms(), strict=True):
        assert 1 <= len(terms) <= 3 and all(term.strip() == term and term for term in terms)
        assert names[0] != terms[0]
    assert broader_terms()[339][0] == "horse" and broader_terms()[517][0] == "construction crane"


def test_contrastive_shares_its_target_among_all_that_are_right() -> None:
    scores = torch.tensor([[2.0, 0.0, 1.0, -1.0], [0.5, 0.0, 3.0, 0.0]])
    right = torch.tensor([[True, True, False, False], [False, False, True, True]])
    rows = -sum((row.log_softmax(0)[mask]).mean() for row, mask in zip(scores, right, strict=True)) / 2
    columns = -sum(column.log_softmax(0)[mask][0] for column, mask in zip(scores.T, right.T, strict=True)) / 4
    assert contrastive(scores, right).item() == pytest.approx((rows + columns).item() / 2, abs=1e-6)
    assert of_shares(scores * 100, torch.eye(2, 4, dtype=torch.bool)).item() > 0


def test_distillation_is_nothing_where_both_agree() -> None:
    logits = torch.randn(3, 7)
    assert distillation(logits, logits).item() == pytest.approx(0, abs=1e-6)
    assert distillation(logits, logits.flip(1)).item() > 0.1


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    dice = np.random.default_rng(1)
    path = tmp_path / "photo.png"
    Image.fromarray(dice.integers(0, 256, (40, 60, 3), np.uint8)).resize((300, 200), Image.Resampling.BICUBIC).save(
        path
    )
    return path


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_shrunken_views_show_what_the_sharp_ones_show(photo: Path) -> None:
    crop, tiny, other = (view(photo, name) for name in ("crop0", "tiny0", "crop1"))
    assert likeness(crop, tiny) > 0.6 > abs(likeness(crop, other))
    squash, small = view(photo, "squash"), view(photo, "small")
    assert likeness(squash, small) > 0.6
    assert np.abs(np.diff(small)).mean() < 0.7 * np.abs(np.diff(squash)).mean()
    assert all(shown.shape == (3, 224, 224) for shown in (crop, tiny, squash, small))


def pictures(count: int, seed: int) -> Pictures:
    """As many pictures as descriptions, two wordings each."""
    dice = np.random.default_rng(seed)

    def seen() -> Seen:
        return Seen(
            dice.normal(0, 1, (count, *MAP)).astype(np.float16), dice.random((count, FEATURES)).astype(np.float16)
        )

    sentences = F.normalize(torch.randn(count, 2, WIDTH, generator=torch.Generator().manual_seed(seed)), dim=-1)
    return Pictures({"crop0": seen(), "tiny0": seen()}, torch.arange(count), sentences, torch.arange(count))


def test_a_batch_has_each_picture_once_with_all_its_sentences() -> None:
    source = pictures(6, 0)
    batch = source.draw(4, torch.Generator().manual_seed(0), maps=True)
    assert (
        batch.inputs.shape == (4, *MAP) and batch.taught.shape == (4, FEATURES) and batch.sentences.shape == (8, WIDTH)
    )
    assert len(set(batch.described_by.tolist())) == 4 and batch.right.sum().item() == 8
    for row, number in enumerate(batch.described_by.tolist()):
        own = batch.sentences[batch.right[row]]
        assert torch.equal(own, source.sentences[number])


def test_the_teacher_of_a_shrunken_view_sees_the_sharp_one() -> None:
    source = pictures(5, 0)
    shrunken = source.only(["tiny0"])
    batch = replace(shrunken, views={**source.views}).draw(5, torch.Generator().manual_seed(0), maps=True)
    sharp = torch.from_numpy(source.views["crop0"].features).float()
    assert torch.equal(batch.taught, sharp[batch.described_by])


def heads() -> Heads:
    names = F.normalize(torch.randn(CLASSES, WIDTH), dim=-1)
    return Heads(ClassNames(names, 1.5), Captions(16, 8, 0.5), Gate(0.4, 0.95), 0.6)


def test_strangers_only_add_wrong_sentences() -> None:
    torch.manual_seed(0)
    source, made = pictures(6, 0), heads().eval()
    loss_of = CaptionLoss(made, torch.nn.Linear(FEATURES, CLASSES), made.names.vectors, Recipe())
    dice = torch.Generator().manual_seed(0)
    batch, other = source.draw(4, dice, maps=False), source.draw(2, dice, maps=False)
    features = torch.cat([batch.inputs, other.inputs])
    logits = loss_of.classifier(features)
    plain = loss_of(features, logits, batch, other)
    assert loss_of(features, logits, batch, other, source.strangers(50, dice)).item() > plain.item()


SMALL = Tuning(epochs=2, captioned_batch=3, labelled_batch=2, strangers=5, average=0.5)


@pytest.fixture(scope="module")
def start() -> tuple[EfficientNetLite0, Heads]:
    torch.manual_seed(3)
    return EfficientNetLite0().eval().requires_grad_(False), heads().eval().requires_grad_(False)


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(
    start: tuple[EfficientNetLite0, Heads], tmp_path: Path
) -> None:
    captioned, labelled = pictures(6, 1), pictures(4, 2)

    def stop(epoch: int, tower: Tower) -> None:
        raise KeyboardInterrupt

    whole = tune(*start, captioned, labelled, Recipe(), SMALL, tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        tune(*start, captioned, labelled, Recipe(), SMALL, tmp_path, stop)
    assert [path.suffix for path in tmp_path.iterdir()] == [".pt"]
    epochs: list[int] = []
    resumed = tune(*start, captioned, labelled, Recipe(), SMALL, tmp_path, lambda epoch, _: epochs.append(epoch))
    assert epochs == [2]
    before = Tower(*start).state_dict()
    moved = 0
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
        moved += not torch.equal(value, before[name])
    assert moved > 20


def test_the_frozen_part_and_the_originals_stay(start: tuple[EfficientNetLite0, Heads], tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in start[0].state_dict().items()}
    tower = tune(*start, pictures(6, 1), pictures(4, 2), Recipe(), replace(SMALL, epochs=1), tmp_path)
    for name, value in start[0].state_dict().items():
        assert torch.equal(value, before[name]), name
    for name in ("stem.weight", "blocks.7.project.weight"):
        assert torch.equal(tower.backbone.state_dict()[name], before[name])


def test_blending_goes_part_of_the_way(start: tuple[EfficientNetLite0, Heads]) -> None:
    after = Tower(*start)
    with torch.no_grad():
        after.backbone.classifier.bias += 1.0
    half = tuning.blended(Tower(*start), after, 0.5)
    assert (half.backbone.classifier.bias - start[0].classifier.bias).mean().item() == pytest.approx(0.5, abs=1e-5)


def test_depthwise_convolutions_stay_in_single_precision() -> None:
    narrow, wide = SameConv(8, 8, 3, groups=8), SameConv(8, 8, 1)
    with torch.autocast("cpu", torch.bfloat16):
        assert narrow(torch.rand(1, 8, 6, 6)).dtype == torch.float32
        assert wide(torch.rand(1, 8, 6, 6)).dtype == torch.bfloat16


def test_a_batch_is_moved_whole() -> None:
    batch = pictures(4, 0).draw(2, torch.Generator().manual_seed(0), maps=True)
    moved = batch.to(torch.device("meta"))
    assert isinstance(moved, Batch) and moved.inputs.device.type == moved.describes.device.type == "meta"
    assert math.prod(moved.inputs.shape) == math.prod(batch.inputs.shape)
