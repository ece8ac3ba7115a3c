"""The benchmark of filters: its made-up photos, every key, and whole searches in a tiny library."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import filters, search
from benchmarks.filters import CASES, Made
from benchmarks.search import PreparedEmbedder
from benchmarks.synthetic import Shape
from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.models import registry
from src.models.model_manager import ModelManager
from src.schema.query_keys import KEYS
from src.services.search.language import parse
from tests.fakes import FakeEmbedder


class TinySearches(filters.Searches):
    def _models(self) -> ModelManager:
        self.embedder = PreparedEmbedder(FakeEmbedder(), self.queries)
        return search._Prepared(registry.BUILTIN, Settings(home=self._home), self.embedder)


def test_every_key_is_measured_by_what_it_is_called() -> None:
    assert set(CASES) == {key.name for key in KEYS.values()}
    for key, texts in CASES.items():
        assert {one.key for text in texts for one in parse(text).restrictions} == {key}
        assert not any(parse(text).notes for text in texts)


def test_the_same_number_gives_the_same_photo() -> None:
    assert Made(7).facts() == Made(7).facts() != Made(8).facts() and Made(7).paths == Made(7).paths


def test_each_filter_is_counted_and_its_opposite_too() -> None:
    result = filters.measure(argparse.Namespace(photos=1000, rounds=1, searches=False))
    found = {text: told["passing"] for text, told in result["number"].items()}
    assert all(found[text] + found[f"-{text}"] == 980 for texts in CASES.values() for text in texts)
    keys = {key: max(found[text] for text in texts) for key, texts in CASES.items()}
    assert all(keys.values()), "each key finds some photos"
    assert next(iter(result["slowest"])) in found and "camera:nikon" in filters.table(result)


def test_whole_searches_are_measured_in_a_copy_with_facts(tmp_path: Path) -> None:
    shape = Shape(400, 16)
    times = TinySearches(shape, tmp_path, 3).times()
    assert set(times) == set(filters.SEARCHED)
    assert 0 < times["camera:nikon|canon"]["passing"] < 400 and times["lens:50mm"]["p50_ms"] > 0
    catalog = Catalog(Settings(home=tmp_path / shape.name).catalog_file)
    assert not catalog.facts.beside(), "the library itself is as it was"
    catalog.close()
