"""The registry is data: every entry is complete, and what it says agrees with itself."""

import importlib
import re
from pathlib import Path

import pytest

from src.errors import UnknownModel
from src.models import registry
from src.models.registry import ModelSpec

DOWNLOADS = [s for s in registry.specs() if not s.ships]


def test_ids_and_file_names_are_unique_and_the_builtin_comes_first():
    ids = [s.id for s in registry.specs()]
    assert ids[0] == registry.BUILTIN
    assert len(set(ids)) == len(ids)
    assert len({s.file_name for s in DOWNLOADS}) == len(DOWNLOADS)
    assert {"ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336px"} <= set(ids)


@pytest.mark.parametrize("spec", DOWNLOADS, ids=lambda s: s.id)
def test_every_download_is_complete_and_safe(spec: ModelSpec):
    assert spec.url.startswith("https://")
    assert re.fullmatch(r"[0-9a-f]{64}", spec.sha256)
    assert Path(spec.file_name).name == spec.file_name
    assert spec.file_name.endswith((".pt", ".safetensors"))
    assert spec.bytes == 0 or spec.bytes > 300_000_000
    assert spec.licence
    assert spec.about.endswith(".")


@pytest.mark.parametrize("spec", [s for s in DOWNLOADS if s.file_name.endswith(".pt")], ids=lambda s: s.id)
def test_openai_urls_carry_the_hash_and_the_file_name(spec: ModelSpec):
    assert spec.url.split("/")[-2:] == [spec.sha256, spec.file_name]
    assert spec.embedding.quick_gelu


@pytest.mark.parametrize("spec", [s for s in DOWNLOADS if s.file_name.endswith(".safetensors")], ids=lambda s: s.id)
def test_hub_urls_are_pinned_to_a_revision(spec: ModelSpec):
    assert re.search(r"/resolve/[0-9a-f]{40}/", spec.url)
    assert not spec.embedding.quick_gelu


def test_no_two_models_of_whatever_task_share_an_id_or_a_file():
    ids = [spec.id for spec in registry._SPECS]
    files = [spec.file_name for spec in registry._SPECS if not spec.ships]
    assert len(set(ids)) == len(ids) and len(set(files)) == len(files)
    assert [registry.spec_of_any_task(id_).id for id_ in ids] == ids


@pytest.mark.parametrize("spec", registry._SPECS, ids=lambda spec: spec.id)
def test_every_row_has_a_module_that_makes_it_and_the_settings_of_its_task(spec: ModelSpec):
    assert callable(importlib.import_module(spec.module).load)
    assert spec in registry.specs(spec.task) and registry.spec(spec.id, spec.task) is spec
    kinds = (registry.Embedding, registry.Segmenting, registry.Reading, registry.Looking)
    own = dict(zip(("embed", "segment", "text", "look"), kinds, strict=True))[spec.task]
    assert type(spec.own) is own and (spec.dimensions > 0) == (spec.task in ("embed", "look"))
    with pytest.raises(TypeError, match=re.escape(spec.id)):
        _ = spec.segmenting if spec.task == "embed" else spec.embedding
    with pytest.raises(TypeError, match=re.escape(spec.id)):
        _ = spec.segmenting if spec.task == "text" else spec.reading


def test_a_segmenter_is_no_model_that_embeds():
    with pytest.raises(UnknownModel, match="There is no model 'mobile-sam'"):
        registry.spec("mobile-sam")
    with pytest.raises(UnknownModel, match="There is no segmenter 'builtin'"):
        registry.spec("builtin", "segment")


def test_the_published_figures_of_vit_b_32():
    spec = registry.spec("ViT-B/32")
    assert spec.sha256 == "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
    assert (spec.file_name, spec.bytes, spec.dimensions, spec.embedding.image_size) == (
        "ViT-B-32.pt",
        353_976_522,
        512,
        224,
    )
    assert registry.spec("ViT-L/14@336px").file_name == "ViT-L-14-336px.pt"


def test_an_unknown_id_is_told_with_the_known_ones():
    with pytest.raises(UnknownModel) as caught:
        registry.spec("ViT-H/99")
    assert "ViT-H/99" in caught.value.user_message
    for spec in registry.specs():
        assert spec.id in caught.value.hint
