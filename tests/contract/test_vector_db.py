"""VectorDatabase as its users know it: what is added is found, by the index and by the exact scan alike, also after
faults.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from chromadb.errors import InternalError

from src.config import PROJECT_DIR, Settings
from src.database.catalog.catalog import ImageRow
from src.database.catalog.files import FileRow
from src.database.index import places, reach
from src.database.index.chroma_local import ChromaIndex
from src.database.index.hnsw import IndexFailed
from src.database.index.manifest import MANIFEST
from src.database.index.protocol import Beside
from src.database.nearest import exact, in_memory
from src.database.vector_db import VectorDatabase, normalised
from src.errors import BadInput, LibraryBusy, LibraryUnusable, WrongDimensions
from src.schema import FileStamp, ImageFacts

RNG = np.random.default_rng(3)
MATRIX = RNG.normal(size=(600, 32)).astype(np.float32)
IDS = [f"id{n}" for n in range(600)]
METADATA = [{"source": f"img{n}.jpg", "tags": ["a", "b"], "n": n} for n in range(600)]


@pytest.fixture(params=["from memory", "by the index"])
def db(settings: Settings, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[VectorDatabase]:
    """Small collections are scanned in memory, large ones asked by the index: what a user sees must be the same."""
    if request.param == "by the index":
        monkeypatch.setattr(in_memory, "SMALL_BYTES", 0)
    with VectorDatabase(settings) as opened:
        opened.create_or_get_collection()
        yield opened


def test_the_users_four_lines(settings: Settings) -> None:
    with VectorDatabase(settings) as db:
        db.create_or_get_collection()
        db.add_segments(embeddings=MATRIX, metadatas=METADATA, ids=IDS)
        assert db.index.follows("segments")
        found = db.search_by_embedding(MATRIX[7] * 5, n_results=10)
    assert found[0].id == "id7" and found[0].score == pytest.approx(1, abs=1e-3)
    assert found[0].metadata == {"source": "img7.jpg", "tags": ["a", "b"], "n": 7}
    assert [m.score for m in found] == sorted((m.score for m in found), reverse=True) and len(found) == 10


def test_index_and_exact_scan_agree(db: VectorDatabase, settings: Settings) -> None:
    db.add_segments(MATRIX, ids=IDS)
    by_index = [m.id for m in db.search_by_embedding(MATRIX[3], 20)]
    with VectorDatabase(settings, read_only=True) as reader:
        reader.create_or_get_collection()
        exactly = [m.id for m in reader.search_by_embedding(MATRIX[3], 20)]
        with pytest.raises(LibraryBusy):
            reader.add_segments(MATRIX[:1])
    truth = np.argsort(-(MATRIX / np.linalg.norm(MATRIX, axis=1, keepdims=True)) @ MATRIX[3])[:20]
    assert exactly == [f"id{n}" for n in truth]
    assert len(set(by_index) & set(exactly)) >= 19


def test_adding_again_replaces_vector_and_metadata(db: VectorDatabase) -> None:
    db.add_segments(MATRIX[:3], METADATA[:3], IDS[:3])
    db.add_segments([MATRIX[5]], [{"new": True}], ["id0"])
    found = db.search_by_embedding(MATRIX[5], 5)
    assert (found[0].id, found[0].metadata) == ("id0", {"new": True}) and len(found) == 3


def test_what_makes_no_sense_is_refused_and_stores_nothing(db: VectorDatabase) -> None:
    for embeddings, ids in (
        ([[0.0, 0.0]], ["a"]),
        ([[np.nan, 1.0]], ["a"]),
        ([[1.0, 2.0]], ["a", "b"]),
        ([[1.0], [1.0, 2.0]], None),
    ):
        with pytest.raises(BadInput):
            db.add_segments(embeddings, ids=ids)
    assert db.search_by_embedding([1.0, 0.0], 5) == []
    db.add_segments([[1.0, 0.0]], ids=["a"])
    with pytest.raises(WrongDimensions):
        db.add_segments([[1.0, 0.0, 0.0]])
    with pytest.raises(WrongDimensions):
        db.search_by_embedding([1.0, 0.0, 0.0])
    with pytest.raises(BadInput):
        db.create_or_get_collection("no spaces")
    with pytest.raises(BadInput):
        db.search_by_embedding([1.0, 0.0], 0)


def test_a_second_process_is_told_who_has_the_library(db: VectorDatabase, settings: Settings) -> None:
    code = f"""
        from pathlib import Path
        from src.config import Settings
        from src.database.vector_db import VectorDatabase
        from src.errors import LibraryBusy
        try:
            VectorDatabase(Settings(home=Path({str(settings.home)!r})))
        except LibraryBusy as error:
            print(error)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60
    )
    assert "The library is open in another process" in run.stdout, run.stderr


def test_after_a_kill_the_index_is_discarded_and_nothing_is_lost(settings: Settings) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        import numpy as np
        from src.config import Settings
        from src.database.vector_db import VectorDatabase
        db = VectorDatabase(Settings(home=Path({str(settings.home)!r})))
        db.create_or_get_collection()
        matrix = np.random.default_rng(3).normal(size=(600, 32)).astype(np.float32)
        db.add_segments(matrix, ids=[f"id{{n}}" for n in range(600)])
        os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=PROJECT_DIR, capture_output=True, timeout=60
    )
    assert run.returncode == -9, run.stderr
    assert not (settings.chroma_dir / MANIFEST).exists()
    with VectorDatabase(settings) as db:
        db.create_or_get_collection()
        assert not db.index.open("segments"), "an index that was not closed cleanly must not be trusted"
        assert [db.search_by_embedding(MATRIX[n], 1)[0].id for n in (0, 299, 599)] == ["id0", "id299", "id599"]
        steps = list(db.rebuild("segments"))
        assert steps[-1].done == 600 and db.index.follows("segments")
        assert [db.search_by_embedding(MATRIX[n], 1)[0].id for n in (0, 299, 599)] == ["id0", "id299", "id599"]
    assert (settings.chroma_dir / MANIFEST).exists()


def test_a_garbled_or_missing_index_is_made_again_by_the_next_write(settings: Settings) -> None:
    with VectorDatabase(settings) as db:
        db.add_segments(MATRIX[:300], ids=IDS[:300])
    (settings.chroma_dir / "chroma.sqlite3").write_bytes(b"garbled" * 1000)
    with VectorDatabase(settings) as db:
        assert db.search_by_embedding(MATRIX[9], 1)[0].id == "id9"
        db.add_segments(MATRIX[300:310], ids=IDS[300:310])
        assert db.index.follows("segments") and db.search_by_embedding(MATRIX[9], 1)[0].id == "id9"


def test_an_index_that_fails_in_mid_use_is_left_aside(db: VectorDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    db.add_segments(MATRIX[:50], ids=IDS[:50])

    def torn(*_: object) -> None:
        raise IndexFailed("torn")

    monkeypatch.setattr(in_memory, "SMALL_BYTES", 0)
    monkeypatch.setattr(ChromaIndex, "query", torn)
    assert db.search_by_embedding(MATRIX[9], 1)[0].id == "id9" and not db.index.follows("segments")


def test_discard_touches_only_files_that_chroma_made(settings: Settings) -> None:
    settings.chroma_dir.mkdir(parents=True)
    (settings.chroma_dir / "mine.txt").write_text("keep")
    with VectorDatabase(settings) as db:
        db.add_segments(MATRIX[:5], ids=IDS[:5])
        db.index.give_back(["segments"])
        assert [file.name for file in settings.chroma_dir.iterdir()] == ["mine.txt"]


def hide(db: VectorDatabase, ids: list[str]) -> None:
    """As images are hidden whose files are gone: their vectors stay in the catalogue and in the index."""
    for number, id_ in enumerate(ids):
        facts = ImageFacts(10, 10, "JPEG", None)
        row = FileRow(f"/gone/{id_}.jpg".encode(), f"/gone/{id_}.jpg", id_, id_, FileStamp(1, number, 1, 1))
        db.catalog.commit_batch("segments", [ImageRow(id_, f"hash of {id_}", facts, 1)], [row])
        db.catalog.files.lose([row.path])


def test_hidden_images_are_never_found_and_everything_else_is(db: VectorDatabase, settings: Settings) -> None:
    db.add_segments(MATRIX, ids=IDS)
    nearest_first = [m.id for m in db.search_by_embedding(MATRIX[3], 600)]
    hide(db, nearest_first[1:90:2])
    assert (db.catalog.vectors.count("segments"), db.catalog.vectors.count_all("segments")) == (555, 600)
    exactly = [id_ for id_, _ in exact.nearest(db.catalog.vectors.blocks("segments"), normalised([MATRIX[3]]), 30)[0]]
    asked = [m.id for m in db.search_by_embedding(MATRIX[3], 30)]
    assert db.index.follows("segments") and asked == exactly and not set(asked) & set(nearest_first[1:90:2])
    assert len(db.search_by_embedding(MATRIX[3], 600)) == 555
    db.close()
    with VectorDatabase(settings) as again:
        assert again.index.open("segments"), "hidden vectors are no reason to rebuild"
        list(again.rebuild("segments"))
        assert again.index.follows("segments") and again.index._index.count("segments") == 600, (
            "nor are they lost by one"
        )


def test_an_index_follows_what_changed_while_it_was_closed(db: VectorDatabase, settings: Settings) -> None:
    db.add_segments(MATRIX[:50], ids=IDS[:50])
    db.close()
    with VectorDatabase(settings, read_only=True) as other:  # a catalogue that changed while the index did not
        other.catalog.vectors.delete("segments", ["id7"])
        other.catalog.vectors.put(
            "segments", {"id99": normalised([MATRIX[99]])[0], "id3": normalised([MATRIX[98]])[0]}, {}
        )
    with VectorDatabase(settings) as again:
        assert again.index.open("segments") and again.catalog.vectors.count_all("segments") == 50
        found = again.index.ask("segments", normalised(MATRIX[[99, 98, 7]]), 1)
        assert found is not None and [row[0][0] for row in found[:2]] == ["id99", "id3"] and found[2][0][0] != "id7"


def test_an_index_of_another_past_is_not_trusted(settings: Settings) -> None:
    """A catalogue that was brought back as it was before, and changed since: as many vectors, and as many changes, but
    other ones.
    """
    with VectorDatabase(settings) as db:
        db.add_segments(MATRIX[:40], ids=IDS[:40])
    before = settings.catalog_file.read_bytes()
    with VectorDatabase(settings) as db:
        db.add_segments(MATRIX[40:50], ids=IDS[40:50])
    settings.catalog_file.write_bytes(before)
    with VectorDatabase(settings, read_only=True) as other:
        other.catalog.vectors.put("segments", dict(zip(IDS[60:70], normalised(MATRIX[60:70]), strict=True)), {})
    with VectorDatabase(settings) as db:
        assert not db.index.open("segments") and db.catalog.vectors.count_all("segments") == 50
        list(db.rebuild("segments"))
        assert db.index.follows("segments")


def test_an_index_that_is_far_behind_is_made_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_BEHIND", 10)
    with VectorDatabase(settings) as db:
        db.add_segments(MATRIX[:50], ids=IDS[:50])
    for more, whole in ((10, True), (30, False)):
        with VectorDatabase(settings, read_only=True) as other:
            other.catalog.vectors.put(
                "segments", dict(zip(IDS[50 : 50 + more], normalised(MATRIX[50 : 50 + more]), strict=True)), {}
            )
        with VectorDatabase(settings) as db:
            assert db.index.is_whole("segments") is False and db.index.open("segments") is whole


def test_changes_that_were_followed_are_forgotten(settings: Settings) -> None:
    with VectorDatabase(settings) as db:
        db.add_segments(MATRIX[:300], ids=IDS[:300])
        assert db.catalog.index_changes.count_after("segments", 0) == 300
        db.index.checkpoint()
        assert db.catalog.index_changes.count_after("segments", 0) == 1, "the last one tells the past"
        db.add_segments(MATRIX[300:310], ids=IDS[300:310])
    with VectorDatabase(settings) as db:
        assert db.catalog.index_changes.count_after("segments", 0) == 1
        db.drop("segments")
        assert db.catalog.index_changes.count_after("segments", 0) == 0


def test_changes_that_no_index_follows_do_not_pile_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "KEPT_CHANGES", 100)
    monkeypatch.setattr(ChromaIndex, "reachable", lambda _: False)
    for start, kept in ((0, 90), (90, 0), (180, 90)):
        with VectorDatabase(settings) as db:
            db.add_segments(MATRIX[start : start + 90], ids=IDS[start : start + 90])
            assert db.search_by_embedding(MATRIX[start + 3], 1)[0].id == f"id{start + 3}"
        with VectorDatabase(settings, read_only=True) as reader:
            assert reader.catalog.index_changes.count_after("segments", 0) == kept


def test_a_kill_after_a_checkpoint_costs_nothing(settings: Settings) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        import numpy as np
        from src.config import Settings
        from src.database.vector_db import VectorDatabase
        db = VectorDatabase(Settings(home=Path({str(settings.home)!r})))
        matrix = np.random.default_rng(3).normal(size=(600, 32)).astype(np.float32)
        db.add_segments(matrix, ids=[f"id{{n}}" for n in range(600)])
        db.index.checkpoint()
        assert db.index.follows("segments") and len(db.search_by_embedding(np.ones(32), 5)) == 5
        os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=PROJECT_DIR, capture_output=True, timeout=60
    )
    assert run.returncode == -9, run.stderr
    with VectorDatabase(settings) as db:
        assert db.index.open("segments")


def test_space_of_deleted_vectors_is_due_to_be_given_back(settings: Settings) -> None:
    with VectorDatabase(settings) as db:
        db.add_segments(MATRIX, ids=IDS)
        db.delete("segments", IDS[:250])
    with VectorDatabase(settings) as db:
        assert db.index.open("segments") and db.index.needs_compaction("segments")
        list(db.rebuild("segments"))
        assert db.index.follows("segments") and not db.index.needs_compaction("segments")


def test_a_full_disk_stops_writes_with_both_figures_and_searches_go_on(
    db: VectorDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.add_segments(MATRIX[:300], ids=IDS[:300])
    monkeypatch.setattr("src.database.disk_space.free_bytes", lambda _: 45_400_000)
    for write in (lambda: db.add_segments(MATRIX[300:]), lambda: list(db.rebuild("segments"))):
        with pytest.raises(LibraryUnusable, match=r"The disk is nearly full: 45 MB are free, 6\d MB are needed"):
            write()
    assert db.catalog.vectors.count("segments") == 300 and db.search_by_embedding(MATRIX[9], 1)[0].id == "id9"


def test_an_index_that_a_full_disk_keeps_shut_is_left_as_it_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VectorDatabase(settings) as db:
        db.add_segments(MATRIX[:300], ids=IDS[:300])
    with VectorDatabase(settings) as db, monkeypatch.context() as patch:
        patch.setattr("src.database.index.follower.free_bytes", lambda _: 0)
        patch.setattr("chromadb.PersistentClient", full)
        assert not db.index.open("segments")
        db.create_or_get_collection()
        assert db.search_by_embedding(MATRIX[9], 1)[0].id == "id9"
    with VectorDatabase(settings) as db:
        assert db.index.open("segments"), "the disk has room again"


def full(**_: object) -> None:
    raise InternalError("(code: 13) database or disk is full")


def test_a_search_waits_for_an_index_that_is_about_to_be_opened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "SMALL_BYTES", 0)
    with VectorDatabase(settings) as db:
        db.add_segments(MATRIX, ids=IDS)
    with VectorDatabase(settings) as db, ThreadPoolExecutor(1) as pool:
        db.create_or_get_collection()
        db.index.announce()
        asked = pool.submit(db.search_by_embedding, MATRIX[9], 1)
        with pytest.raises(TimeoutError):
            asked.result(0.2)
        db.index.open("segments")
        db.index.looked_at()
        assert asked.result(30)[0].id == "id9" and not db._finder._resident._held, "no vector was read for a scan"
        monkeypatch.setattr("src.database.index.follower.OPENING_S", 0.1)
        db.index._followed.clear()
        db.index.announce()
        assert db.search_by_embedding(MATRIX[9], 1)[0].id == "id9", "it does not wait for ever"


def alike(number: int, others: int, dimensions: int = 64) -> tuple[list[str], np.ndarray]:
    """Equal vectors in one place, and some elsewhere, mixed."""
    dice = np.random.default_rng(1)
    base = dice.normal(size=dimensions)
    matrix = normalised(np.concatenate([np.tile(base, (number, 1)), dice.normal(size=(others, dimensions))]))
    order = dice.permutation(number + others)
    return [f"{'other' if place >= number else 'alike'}{place}" for place in order], matrix[order]


@pytest.mark.parametrize("way", ["pushed", "opened again"])
def test_vectors_that_are_alike_hide_no_others_from_the_index(
    settings: Settings, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "SMALL_BYTES", 0)
    ids, matrix = alike(2_600, 8)
    rows = [place for place, id_ in enumerate(ids) if id_.startswith("other")]
    with VectorDatabase(settings) as db:
        db.create_or_get_collection()
        for start in range(0, len(ids), 100):
            db.add_segments(matrix[start : start + 100], ids=ids[start : start + 100])
        if way != "pushed":
            list(db.rebuild("segments"))
        db.index.checkpoint()
        found = db.index.ask("segments", matrix[rows], 5)
    if way == "opened again":
        with VectorDatabase(settings) as db:
            assert db.index.open("segments")
            found = db.index.ask("segments", matrix[rows], 5)
            equal = db.index.ask("segments", matrix[[id_.startswith("alike") for id_ in ids]][:1], 20)
            assert equal is not None and len(dict(equal[0])) == 20 and min(dict(equal[0]).values()) > 0.999
    assert found is not None and [row[0][0] for row in found] == [ids[place] for place in rows]


def mislay(index: ChromaIndex, hidden: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As a graph that leads to none of these."""
    query = index.query
    monkeypatch.setattr(
        index,
        "query",
        lambda name, queries, limit: [[m for m in row if m[0] not in hidden] for row in query(name, queries, limit)],
    )


def test_what_the_graph_does_not_reach_is_found_beside_it_until_it_goes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "SMALL_BYTES", 0)
    monkeypatch.setattr(reach, "RECENT", 0)
    hidden = {"id3", "id500"}
    with VectorDatabase(settings) as db:
        db.create_or_get_collection()
        mislay(db.index._index, hidden, monkeypatch)  # type: ignore[arg-type]
        db.add_segments(MATRIX, ids=IDS)
        assert db.index._index.beside["segments"] == Beside(("id3", "id500"), 2)
        assert db.search_by_embedding(MATRIX[3], 5)[0].id == "id3"
    monkeypatch.undo()
    monkeypatch.setattr(in_memory, "SMALL_BYTES", 0)
    monkeypatch.setattr(reach, "RECENT", 0)
    with VectorDatabase(settings) as db:
        mislay(db.index._index, hidden, monkeypatch)  # type: ignore[arg-type]
        assert db.index.open("segments")
        found = db.index.ask("segments", normalised(MATRIX[[3, 500]]), 5)
        assert found is not None and [row[0][0] for row in found] == ["id3", "id500"], "kept over a close"
        db.delete("segments", ["id3"])
        assert db.index._index.beside["segments"] == Beside(("id500",), 1)
        monkeypatch.setattr(reach, "MOST", 0)
        assert db.index.ask("segments", normalised(MATRIX[:1]), 5) is None, "with so many, it is left aside"
        db.create_or_get_collection()
        assert db.search_by_embedding(MATRIX[500], 5)[0].id == "id500"
        list(db.rebuild("segments"))
    monkeypatch.undo()
    monkeypatch.setattr(reach, "RECENT", 0)
    with VectorDatabase(settings) as db:
        list(db.rebuild("segments"))
        assert db.index._index.beside["segments"] == Beside(), "a rebuild looks anew"


def test_a_sample_tells_whether_every_vector_has_to_be_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "RECENT", 0)
    monkeypatch.setattr(reach, "SAMPLE", 50)
    with VectorDatabase(settings) as db:
        db.create_or_get_collection()
        db.add_segments(MATRIX, ids=IDS)
        sampled = db.catalog.vectors.sample("segments", 50)
        other = next(id_ for id_ in IDS if id_ not in sampled)
        mislay(db.index._index, {other}, monkeypatch)  # type: ignore[arg-type]
        asked = []
        query = db.index._index.query
        monkeypatch.setattr(
            db.index._index,
            "query",
            lambda name, queries, limit: asked.append(len(queries)) or query(name, queries, limit),
        )
        list(db.rebuild("segments"))
        assert sum(asked) == len(sampled) <= 50 and db.index._index.beside["segments"] == Beside()
        mislay(db.index._index, {sampled[3]}, monkeypatch)  # type: ignore[arg-type]
        list(db.rebuild("segments"))
        assert set(db.index._index.beside["segments"].ids) == {other, sampled[3]}, (
            "one of the sample is missed, so each is asked for"
        )


def test_an_index_that_misses_many_of_its_vectors_is_not_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its list would bring those back, but not what lies near to none of them: all is scanned, until a rebuild finds it
    well.
    """
    monkeypatch.setattr(in_memory, "SMALL_BYTES", 0)
    monkeypatch.setattr(reach, "RECENT", 10)
    hidden = set(IDS[: int(len(IDS) * reach.SICK) + 1])
    with VectorDatabase(settings) as db:
        db.create_or_get_collection()
        db.add_segments(MATRIX, ids=IDS)
        with monkeypatch.context() as patch:
            mislay(db.index._index, hidden, patch)  # type: ignore[arg-type]
            list(db.rebuild("segments"))
        assert db.index._index.beside["segments"].missed == len(hidden)
        assert db.index.ask("segments", MATRIX[:1], 5) is None and db.search_by_embedding(MATRIX[3], 5)[0].id == "id3"
    with VectorDatabase(settings) as db:
        assert db.index.open("segments"), "it holds what it should"
        assert db.index.ask("segments", MATRIX[:1], 5) is None, "known over a close"
        db.delete("segments", sorted(hidden)[:2])
        assert db.index.ask("segments", MATRIX[-1:], 5) is not None, "two less are few enough"
        list(db.rebuild("segments"))
        assert db.index._index.beside["segments"].missed == 0


def test_vectors_that_were_written_last_are_no_sign_of_a_sick_index(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "SMALL_BYTES", 0)
    with VectorDatabase(settings) as db:
        db.create_or_get_collection()
        db.add_segments(MATRIX, ids=IDS)
        assert len(db.index._index.beside["segments"].ids) > reach.SICK * len(IDS)
        assert db.index.ask("segments", MATRIX[:1], 5) is not None


def test_a_sample_is_spread_over_the_whole_collection(db: VectorDatabase) -> None:
    db.add_segments(MATRIX, ids=IDS)
    for number in (1, 7, 50, len(IDS) - 1, len(IDS), 2 * len(IDS)):
        places = sorted(IDS.index(id_) for id_ in db.catalog.vectors.sample("segments", number))
        assert len(places) == min(number, len(IDS))
        gaps = [after - before for before, after in zip([0, *places], [*places, len(IDS)], strict=True)]
        assert number == 1 or max(gaps) <= 3 * len(IDS) / number, number
        assert number < 500 or {place % 11 for place in places} == set(range(11)), "also of what comes back regularly"


def test_an_index_that_does_not_hold_all_after_it_was_built_is_left_aside(
    db: VectorDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.add_segments(MATRIX, ids=IDS)
    upsert = db.index._index.upsert
    monkeypatch.setattr(db.index._index, "upsert", lambda name, ids, matrix: upsert(name, ids[:-1], matrix[:-1]))
    list(db.rebuild("segments"))
    assert not db.index.follows("segments")
    assert db.search_by_embedding(MATRIX[599], 1)[0].id == "id599"
