"""The ingest benchmark's own logic: figures from rounds, its processes, and a run of ours over a few made-up photos
with a fake model.
"""

from __future__ import annotations

import json
import sys
import types
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import ingest, ingest_work, random_clip
from src.config import Settings
from src.models.embedders.builtin import FILES, IMAGE
from src.models.model_manager import ModelManager
from src.vendored_clip.checkpoint import image_weights, text_weights
from src.vendored_clip.model import ImageSize, TextSize, build_image_tower, build_text_tower
from tests.conftest import make_photo
from tests.fakes import FakeEmbedder

ROUNDS: ingest.Rounds = {
    "transformers": [{"images_per_s": speed} for speed in (10.0, 9.0, 50.0)],
    "vit": [
        {"images_per_s": speed, "stages": {"encode": seconds, "tidy": 1.0}}
        for speed, seconds in ((20.0, 3), (18.0, 5), (19.0, 4))
    ],
    "builtin": [{"images_per_s": 60.0, "stages": {"encode": 1.0, "tidy": 1.0}}] * 3,
}


def test_ratios_are_of_medians_and_peers_that_did_not_run_are_left_out() -> None:
    assert ingest.ratios(ROUNDS) == {"vit_ratio": 1.9, "builtin_ratio": 6.0}
    with_peer = ROUNDS | {"onnxruntime": [{"images_per_s": 20.0}] * 3}
    assert ingest.ratios(with_peer)["vit_over_onnxruntime"] == 0.95


def test_the_built_in_model_is_set_against_loops_over_its_own_network_and_not_over_others() -> None:
    peers = {"onnxruntime": [{"images_per_s": 20.0}] * 3, "builtin-torch": [{"images_per_s": 30.0}] * 3}
    found = ingest.ratios(ROUNDS | peers)
    assert found["builtin_over_builtin-torch"] == 2.0 and "builtin_over_onnxruntime" not in found
    same = ("builtin-torch", "builtin-onnxruntime")
    assert ingest_work.SAME_NETWORK["builtin"] == same and all(map(ingest_work.can_run, same))


def test_the_same_network_gives_vectors_like_the_built_in_models(tmp_path: Path) -> None:
    for number in range(3):
        make_photo(tmp_path / "photos" / f"{number}.jpg", seed=number)
    for name in ingest_work.SAME_NETWORK["builtin"]:
        run = ingest_work.contender(name)(tmp_path / "photos", tmp_path / "weights")
        assert run(tmp_path)["images_per_s"] > 0
    tower = ingest_work.builtin_tower()
    assert tower(torch.zeros(1, 3, 224, 224)).shape == (1, 768)
    shipped = sum(parameter.numel() for parameter in tower.parameters()) + sum(
        buffer.numel() for buffer in tower.buffers()
    )
    assert 2 * shipped == pytest.approx((FILES / IMAGE).stat().st_size, rel=0.15)  # the file keeps two bytes a number


def test_libraries_and_stages_are_told_of_ours_alone() -> None:
    libraries = {name: ROUNDS[name] for name in ("vit", "builtin")}
    libraries |= {"vit library": [{"images_per_s": 17.1}] * 3, "builtin library": [{"images_per_s": 48.0}] * 3}
    assert ingest.library_figures(libraries) == {"vit_library_ratio": 0.9, "builtin_library_ratio": 0.8}
    assert ingest.stages(ROUNDS)["vit"] == {"encode": 4, "tidy": 1.0}
    assert "transformers" not in ingest.stages(ROUNDS)


def test_the_table_names_every_bar() -> None:
    figures = ingest.ratios(ROUNDS) | {"limit_share": 0.9, "cosine_min": 0.9999}
    told = {"images_per_s": ingest.speeds(ROUNDS), "stage_seconds": ingest.stages(ROUNDS), "bars": ingest.BARS}
    text = ingest.table({**figures, **told, "photos": 3, "rounds": 3, "machine": {"commit": "x"}})
    assert all(name in text for name in (*ingest.BARS, *ROUNDS))


def test_a_library_is_copied_for_each_round_and_stays_as_it_is(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("made once")
    for _ in range(2):
        with ingest._home(kept, tmp_path) as home:
            assert (home / "file").read_text() == "made once"
            (home / "file").write_text("changed")
        assert not home.exists()
    assert (kept / "file").read_text() == "made once"
    with ingest._home(None, tmp_path) as home:
        assert not home.exists()


def make_adder(first: int):
    if first < 0:
        raise ValueError("a contender that can't start")
    return lambda second: first + second


def test_a_process_keeps_what_it_made_and_one_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType("__main__")  # a new process runs the script of this one, which tests of pages replace
    monkeypatch.setitem(sys.modules, "__main__", main)
    with ingest._process() as start:
        add = start(make_adder, 40)
        assert [add(2), add(3)] == [42, 43]
        with pytest.raises(RuntimeError, match="has ended"):
            start(make_adder, -1)


def test_photos_are_copied_and_their_lack_is_told(tmp_path: Path) -> None:
    for number in range(3):
        make_photo(tmp_path / "photos" / f"{number}.jpg", seed=number)
    assert [file.name for file in sorted(ingest.copied(tmp_path / "photos", tmp_path / "two", 2).iterdir())] == [
        "0.jpg",
        "1.jpg",
    ]
    with pytest.raises(FileNotFoundError, match="no photos"):
        ingest.copied(tmp_path / "nowhere", tmp_path / "none", 2)
    assert ingest.main(["--data", str(tmp_path / "nowhere")]) == 1


def test_ours_is_timed_to_the_last_vector_and_refuses_to_count_what_is_not_there(tmp_path: Path) -> None:
    for number in range(5):
        make_photo(tmp_path / "photos" / f"{number}.jpg", seed=number)
    models = ModelManager("builtin", Settings(home=tmp_path / "models"), lambda *_: Spaced())
    told = ingest_work.indexed(tmp_path / "home", tmp_path / "photos", models)
    assert told["images_per_s"] > 0 and told["stages"]["encode"] > 0 and "tidy" in told["stages"]
    with pytest.raises(RuntimeError, match="0 photos were told"):
        ingest_work.indexed(tmp_path / "home", tmp_path / "photos", models)
    json.dumps(told)


class Spaced(FakeEmbedder):
    dimensions = 768  # what the manager says of the built-in model

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        return np.pad(super().encode_pixels(pixels), ((0, 0), (0, 704)))


def test_random_weights_fill_both_towers_and_tell_pictures_apart() -> None:
    weights = random_clip.weights(ImageSize(64, 2, 8, 32, 32), TextSize(64, 2, 77, 100, 32))
    again = random_clip.weights(ImageSize(64, 2, 8, 32, 32), TextSize(64, 2, 77, 100, 32))
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    tower = build_image_tower(image_weights(weights))
    build_text_tower(text_weights(weights))
    with torch.inference_mode():
        vectors = torch.nn.functional.normalize(tower(torch.randn(2, 3, 32, 32)), dim=-1)
    assert vectors[0] @ vectors[1] < 0.95


def test_quick_is_smaller() -> None:
    quick, full = (ingest._options(["--data", "x", *more]) for more in (["--quick"], []))
    assert isinstance(quick, Namespace) and quick.photos < full.photos and quick.rounds < full.rounds
