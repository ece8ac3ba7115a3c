"""The SAM benchmark's own logic, with small networks: its stand-in network, its matching, and the same masks as
transformers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import sam, sam_work
from src.vendored_sam.amg import MOBILE, QUICK, generate

SMALL: dict[str, Any] = {
    "vision": {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 256, "window_size": 7}
    | {"global_attn_indexes": [1], "output_channels": 64, "num_pos_feats": 32},
    "prompt": {"hidden_size": 64, "image_size": 256, "image_embedding_size": 16},
    "decoder": {"hidden_size": 64, "mlp_dim": 128, "iou_head_hidden_dim": 48},
}


def quarters(height: int = 60, width: int = 90) -> list[sam_work.Labels]:
    """Three segmentations: four quarters, left and right, everything."""
    rows, columns = np.indices((height, width))
    left, top = columns < width // 2, rows < height // 2
    return [1 + left + 2 * top, 1 + left.astype(np.int64), np.ones((height, width), np.int64)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two photos as bsds500 has them."""
    folder = tmp_path / "boxes" / "bsds500"
    for part in ("images", "segmentations"):
        (folder / part).mkdir(parents=True)
    dice = np.random.default_rng(0)
    for name in ("one", "two"):
        pixels = np.kron(dice.integers(0, 256, (12, 18, 3)), np.ones((5, 5, 1)))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"{name}.jpg")
        for number, labels in enumerate([*quarters(), np.zeros((60, 90))]):
            Image.fromarray(labels.astype(np.uint16)).save(folder / "segmentations" / f"{name}_{number}.png")
    return tmp_path


def test_photos_come_with_three_segmentations(data: Path) -> None:
    found = list(sam_work.human_labels(data, 10))
    assert [photo.stem for photo, _ in found] == ["one", "two"]
    assert all((np.array(labels) == np.array(quarters())).all() for _, labels in found)
    with pytest.raises(FileNotFoundError, match="no photos"):
        list(sam_work.human_labels(data / "nowhere", 1))


def test_the_stand_in_answers_with_the_segments_around_a_point() -> None:
    decoder = sam_work.LabelDecoder(quarters(), side=1024)
    assert decoder.size == (683, 1024)
    looked = decoder.look(torch.tensor([[100.0, 100.0], [900.0, 600.0]]))
    assert looked.ious.shape == (2, 3) and float(looked.ious.min()) >= 0.9
    masks = decoder.upscale(decoder.draw(looked, torch.tensor([0, 1, 1]), torch.tensor([0, 1, 2]))) > 0
    shares = masks.float().mean((1, 2))
    assert masks.shape == (3, 683, 1024) and torch.allclose(shares, torch.tensor([0.25, 0.5, 1.0]), atol=0.005)
    assert masks[0, 100, 100] and masks[1, 600, 900] and not masks[1, 100, 100]


def test_a_share_of_the_segments_and_of_the_answers_is_good() -> None:
    labels = [np.arange(3600).reshape(60, 60) // 4] * 3
    points = torch.rand(2000, 2) * 256
    for chances, share in (((1.0, 1.0), 1.0), ((0.6, 1.0), 0.6), ((0.6, 0.6), 0.36)):
        good = sam_work.LabelDecoder(labels, *chances).look(points).ious > 0.88
        assert float(good.float().mean()) == pytest.approx(share, abs=0.06)


def test_masks_are_matched_one_to_one() -> None:
    pixels = np.zeros((4, 10, 10), bool)
    pixels[0, :5], pixels[1, 5:], pixels[2, :, :9], pixels[3, :5] = True, True, True, True
    pixels[3, 4, :2] = False
    assert sam_work.overlaps([pixels[0]], [pixels[1], pixels[3]]).tolist() == [[0.0, 0.96]]
    assert sam_work.matched([pixels[0], pixels[1]], [pixels[3], pixels[1]], 0.95) == (2, 0.96)
    assert sam_work.matched([pixels[0], pixels[3]], [pixels[0]], 0.95) == (1, 0.96), "one mask is not two"
    assert sam_work.matched([pixels[0]], [], 0.95) == (0, 0.0)


def test_skipping_is_counted(data: Path) -> None:
    told = sam.skipping(data, 2)
    assert told["masks"] == 2 * 7 and told["found"] == told["mobile_found"] == 1.0
    assert told["prompts_saved"] > 0.9 and 0 < told["harder_found"] <= 1.0
    (prompts, points, found, masks), mobile = sam.skipped(quarters(), (1.0, 1.0), (QUICK, MOBILE))
    assert points == 1024 and prompts < 100 and found == masks == 7
    assert mobile[0] <= 64


def test_a_disguised_network_is_asked_what_the_policy_asks() -> None:
    class Counting(sam_work.LabelDecoder):
        asked = drawn = 0

        def look(self, points: torch.Tensor) -> sam_work.LabelAnswer:
            self.asked += len(points)
            return super().look(points)

        def draw(self, looked: sam_work.LabelAnswer, prompts: torch.Tensor, choices: torch.Tensor) -> torch.Tensor:
            self.drawn += len(prompts)
            return super().draw(looked, prompts, choices)

    network, labels = Counting(quarters()[::-1]), sam_work.LabelDecoder(quarters())
    found = generate(lambda _: sam_work.Disguised(network, labels), network.size, QUICK)  # type: ignore[arg-type]
    alone = generate(lambda _: labels, labels.size, QUICK)
    assert sorted(mask.box for mask in found) == sorted(mask.box for mask in alone)
    assert 16 <= network.asked < 100 and network.drawn == 3 * network.asked


def test_our_masks_are_those_of_transformers(data: Path) -> None:
    pytest.importorskip("transformers", reason="the peer is among the development requirements")
    told = sam.networks(data, 12, 12, 1, SMALL)
    assert told["survivors"] >= 50 and told["ours"] == told["survivors"]
    assert told["same"] == 1.0 and told["least_overlap"] >= 0.99
    assert told["ratio"] == pytest.approx(told["transformers_s"] / told["ours_s"], abs=0.02) and told["rounds"] == 1


def test_contenders_run_in_turn_and_a_figure_is_the_median_of_its_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    clock = iter([0.0, 1.0, 1.0, 3.0, 3.0, 8.0, 8.0, 12.0, 12.0, 14.0, 14.0, 17.0])
    monkeypatch.setattr(sam.time, "perf_counter", lambda: next(clock))
    told = sam.in_turn({"theirs": lambda: order.append("theirs"), "ours": lambda: order.append("ours")}, 3)
    assert order == ["theirs", "ours"] * 3
    assert told == {"theirs": 2.0, "ours": 3.0}


def test_too_few_masks_are_told(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="the peer is among the development requirements")
    monkeypatch.setattr("tests.parity.sam_reference.VIT_B", SMALL)
    assert sam.main(["--data", str(data), "--quick", "--grid", "2"]) == 1
    assert "too few to compare" in capsys.readouterr().err
    assert sam.main(["--data", str(data / "nowhere")]) == 1


def test_the_table_says_what_is_within_its_bar() -> None:
    result = {
        "ratio": 2.5,
        "found": 0.9,
        "mobile_s": 2.0,
        "quick": False,
        "machine": {"commit": "abc", "cores": 2},
        "bars": {},
    }
    lines = {line.split()[0]: line for line in sam.table(result).splitlines()}
    assert (
        lines["ratio"].endswith("yes") and lines["found"].endswith("NO") and lines["mobile_s"].endswith("bar <= 3, yes")
    )
