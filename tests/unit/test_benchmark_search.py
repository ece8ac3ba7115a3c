"""The search benchmark's own arithmetic, and a whole measurement of a tiny library with a fake model."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import browsing, machine, search, synthetic
from benchmarks.search import Filter, Measurement, PreparedEmbedder, Stored
from benchmarks.synthetic import Shape
from src.config import Settings
from src.database.index import manifest
from src.database.nearest import exact
from src.models import registry
from src.models.model_manager import ModelManager
from tests.fakes import FakeEmbedder

SHAPE = Shape(400, 16)


class TinyMeasurement(Measurement):
    def _models(self) -> ModelManager:
        self.embedder = PreparedEmbedder(FakeEmbedder(), self.queries)
        return search._Prepared(registry.BUILTIN, Settings(home=self._home), self.embedder)


def test_a_tiny_library_is_measured_and_every_answer_is_right(tmp_path: Path) -> None:
    found = TinyMeasurement(SHAPE, tmp_path, 10).run()
    assert set(found["filters"]) == {"none", "0.1%", "1%", "10%", "50%", "album", "everything"}
    assert {figures["recall"] for figures in found["filters"].values()} == {1.0}, (
        "so filters keep what the benchmark thinks they keep"
    )
    assert found["reopen_s"] > 0 and found["queries"] == 10
    plain = found["filters"]["none"]
    assert {"p50_ms", "p95_ms", "encode_p50_ms", "vectors_p50_ms", "numpy_p50_ms", "sqlite_p50_ms"} <= set(plain)
    assert plain["vectors_p50_ms"] < plain["p50_ms"] and "sqlite_p50_ms" not in found["filters"]["1%"]
    assert "none" in search.table(SHAPE, found) and json.dumps(found)


def test_an_index_that_is_not_trusted_is_made_again_before_and_never_measured(tmp_path: Path) -> None:
    assert search.prepare(SHAPE, tmp_path) == {"rebuilt": False}
    (tmp_path / SHAPE.name / "chroma_db" / manifest.MANIFEST).unlink()
    with pytest.raises(RuntimeError, match="is not what the catalogue holds"):
        TinyMeasurement(SHAPE, tmp_path, 10).run()
    assert search.prepare(SHAPE, tmp_path) == {"rebuilt": True}
    assert search.prepare(SHAPE, tmp_path) == {"rebuilt": False}


def test_an_answer_from_a_cache_is_no_measurement(tmp_path: Path) -> None:
    measurement = TinyMeasurement(SHAPE, tmp_path, 10)
    measurement._models()
    measurement._vector_seconds = 0.0
    cached = SimpleNamespace(search=SimpleNamespace(search=lambda *_, **__: SimpleNamespace(hits=[])))
    with pytest.raises(RuntimeError, match="some cache answered"):
        measurement._search(cached, search.NONE, 0)


def test_every_text_is_its_own_and_leads_to_its_vector() -> None:
    texts = [search.words(number, kind) for kind in ("none", "0.1%", "1%", "album") for number in range(200)]
    assert len(set(texts)) == len(texts) and [search.number_of(text) for text in texts[:200]] == list(range(200))


def test_the_truth_is_the_best_of_what_passes() -> None:
    stored = Stored(SHAPE)
    assert stored.matrix is not None and np.allclose(np.linalg.norm(stored.matrix, axis=1), 1, atol=1e-6)
    queries = synthetic.queries(SHAPE, 3)
    filters = {
        "none": [Filter()] * 3,
        "days": [Filter(first_day=100, days=50)] * 3,
        "nothing": [Filter(first_day=1, days=1)] * 3,
    }
    truth = stored.truth(queries, filters)
    days = np.array([synthetic.day(number) for number in range(400)])
    for query, plain, kept in zip(queries, truth["none"], truth["days"], strict=True):
        order = np.argsort(-(stored.matrix @ query)).tolist()
        assert plain == order[:10]
        assert kept == [row for row in order if 100 <= days[row] < 150][:10]
    assert truth["nothing"] == [[row for row in range(400) if days[row] == 1]] * 3
    stored.matrix = None
    assert stored.truth(queries, filters) == truth, "also where it has no room in memory"


def test_queries_like_texts_lie_apart_from_all_photos_and_nearer_to_one_cluster() -> None:
    shape = Shape(20_000, 256)
    drawer = synthetic.Drawer(shape)
    photos, texts = drawer.block(0, 4_000)[0], synthetic.queries(shape, 50, "texts")
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    scores = texts @ photos.T
    nearest = np.sort(scores, axis=1)[:, -5:].mean()
    assert abs(scores.mean()) < 0.05 and 0.15 < nearest < 0.4
    ordinary = synthetic.queries(shape, 50) @ photos.T
    assert ordinary.mean() > 0.25 and np.sort(ordinary, axis=1)[:, -5:].mean() > 0.5
    assert np.array_equal(texts, synthetic.queries(shape, 50, "texts"))


def test_a_tiny_library_is_searched_with_words_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "nearest", exact.nearest)
    found = TinyMeasurement(SHAPE, tmp_path, 5, "texts").run()
    assert {figures["recall"] for figures in found["filters"].values()} == {1.0}


def test_recall_counts_the_right_ones_among_the_first_ten() -> None:
    ids = [synthetic.photo_id(number) for number in range(30)]
    assert search.recall({0: ids[:10], 1: ids[10:20]}, [list(range(10)), list(range(15, 25))]) == 0.75
    assert search.recall({0: ids[:3]}, [[0, 1, 2]]) == 1.0, "where fewer pass, fewer are asked for"
    assert search.recall({0: []}, [[]]) == 1.0 and search.recall({0: ids[:1]}, [[]]) == 0.0
    assert search.recall({0: ids[5:25]}, [list(range(20, 25))]) == 0.0, "places beyond the tenth do not count"


def test_the_best_are_in_order_however_few_there_are() -> None:
    scores = np.array([0.1, 0.9, 0.5, 0.7], np.float32)
    assert search.best(scores, 2).tolist() == [1, 3] and search.best(scores, 9).tolist() == [1, 3, 2, 0]
    assert search.best(scores[:0], 5).tolist() == []


# ------------------------------------------------------------ what benchmarks measure alike


def test_rounds_alternate_and_the_first_is_not_counted() -> None:
    order: list[str] = []
    times = machine.alternated({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3)
    assert order == ["a", "b"] * 4 and [len(seconds) for seconds in times.values()] == [3, 3]


def test_spread_and_percentiles() -> None:
    assert machine.spread([1.0, 2.0, 3.0]) == 1.0
    assert machine.percentiles([0.001 * n for n in range(1, 102)]) == {"p50_ms": 51.0, "p95_ms": 96.0}


@pytest.mark.skipif(not machine.has_proc(), reason="this system has no /proc")
def test_memory_of_this_process_and_of_its_children() -> None:
    import os
    import subprocess
    import sys

    resident, peak = machine.resident_mb(), machine.peak_mb()
    assert resident and peak and 5 < resident <= peak
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in machine.descendants(os.getpid())
        alone, family = machine.resident_mb(), machine.family_mb(os.getpid())
        assert alone and family and family > alone
    finally:
        child.communicate(b"\n")
    assert machine.family_mb(child.pid) is None, "it is gone"


def test_made_up_photos_have_thumbnails_under_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "POOL", 2)
    assert all(file.is_file() for file in browsing._pool(tmp_path / "pool", None))
