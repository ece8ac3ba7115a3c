"""The registry of segmenters is data: every entry is complete, agrees with itself, and can be found and downloaded like
a model.
"""

import re
from pathlib import Path

import pytest

from src.errors import UnknownModel, WeightsCorrupt
from src.models import registry, weights
from src.models.registry import ModelSpec
from src.vendored_sam.amg import PRESETS


def test_ids_and_file_names_are_unique_and_official():
    specs = registry.specs("segment")
    assert len({spec.id for spec in specs}) == len(specs)
    assert {spec.file_name for spec in specs} == {
        "sam_vit_h_4b8939.pth",
        "sam_vit_l_0b3195.pth",
        "sam_vit_b_01ec64.pth",
        "mobile_sam.pt",
    }


@pytest.mark.parametrize("spec", registry.specs("segment"), ids=lambda spec: spec.id)
def test_every_entry_is_complete_and_safe(spec: ModelSpec):
    assert spec.url.startswith("https://") and spec.url.endswith(f"/{spec.file_name}")
    assert re.fullmatch(r"[0-9a-f]{64}", spec.sha256)
    assert Path(spec.file_name).name == spec.file_name
    assert spec.bytes > 40_000_000
    assert spec.licence and spec.about.endswith(".")
    assert spec.segmenting.preset in PRESETS


def test_only_the_mobile_one_is_pinned_to_a_revision_of_a_repository():
    assert re.search(r"/[0-9a-f]{40}/", registry.spec("mobile-sam", "segment").url)
    assert (
        registry.spec("sam-vit-b", "segment").url
        == "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth"
    )


def test_an_unknown_id_is_told_with_the_known_ones():
    with pytest.raises(UnknownModel) as caught:
        registry.spec("sam-vit-xl", "segment")
    assert "sam-vit-xl" in caught.value.user_message
    for spec in registry.specs("segment"):
        assert spec.id in caught.value.hint


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path):
    spec = registry.spec("mobile-sam", "segment")
    assert weights.locate(spec, [tmp_path]) is None
    (tmp_path / spec.file_name).write_bytes(b"something else")
    with pytest.raises(WeightsCorrupt, match=spec.sha256):
        weights.locate(spec, [tmp_path])
    assert spec.url in weights.missing(spec, tmp_path).hint
