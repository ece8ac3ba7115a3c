"""The index's files: trusted only as a clean close left them, and given back to the disk."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from src.config import PROJECT_DIR
from src.database.index import hnsw, manifest
from src.database.index.chroma_client import ChromaClient
from src.database.index.chroma_local import ChromaIndex
from src.database.index.hnsw import IndexFailed
from src.database.index.manifest import MANIFEST

MATRIX = np.random.default_rng(5).normal(size=(1_300, 16)).astype(np.float32)
MATRIX /= np.linalg.norm(MATRIX, axis=1, keepdims=True)
IDS = [f"id{n}" for n in range(len(MATRIX))]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[ChromaIndex]:
    opened = ChromaIndex(tmp_path / "index")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of more vectors than Chroma flushes at once (1,000), closed cleanly. Not to be changed."""
    folder = tmp_path_factory.mktemp("closed")
    index = ChromaIndex(folder)
    index.upsert("photos", IDS, MATRIX)
    index.close({"photos": "as it should be"})
    return folder


def segment(folder: Path) -> Path:
    return manifest.segments(folder)[0]


def parts(folder: Path) -> list[Path]:
    return [folder / "chroma.sqlite3", *sorted(segment(folder).iterdir())]


def test_an_index_as_it_was_closed_is_trusted_with_its_notes(closed: Path, tmp_path: Path) -> None:
    shutil.copytree(closed, tmp_path / "copy")
    index = ChromaIndex(tmp_path / "copy")
    assert (index.count("photos"), index.noted("photos")) == (1_300, "as it should be")
    assert index.query("photos", MATRIX[7:8], 3)[0][0][0] == "id7"
    index.close()
    assert ChromaIndex(tmp_path / "copy").noted("photos") == "as it should be", "a search is no change"


def test_a_file_that_was_not_written_since_is_not_read_again(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(closed, tmp_path / "copy"))
    read: list[str] = []
    checksum = manifest._file_checksum
    monkeypatch.setattr(manifest, "_file_checksum", lambda file: read.append(file.name) or checksum(file))
    known = manifest.Checksums()
    manifest.write(folder, {}, known)
    assert sorted(read) == sorted(file.name for file in parts(folder))
    read.clear()
    (changed,) = folder.rglob("header.bin")
    changed.write_bytes(changed.read_bytes()[::-1])
    manifest.write(folder, {}, known)
    assert read == ["header.bin"], "what was written is read, and nothing else"
    assert manifest.verified(folder) == {}


def test_every_damage_to_every_file_is_seen(closed: Path, tmp_path: Path) -> None:
    assert len(parts(closed)) == 6, "the database and five files of vectors"
    dice = random.Random(11)
    for number in range(len(parts(closed))):
        for damage in (garble, truncate, empty, Path.unlink):
            folder = tmp_path / "copy"
            shutil.copytree(closed, folder)
            victim = parts(folder)[number]
            if damage is garble:
                garble(victim, dice)
            else:
                damage(victim)  # type: ignore[operator]
            assert manifest.verified(folder) is None, f"{damage.__name__} {victim.name}"
            index = ChromaIndex(folder)
            assert index.count("photos") == 0, "nothing of it is used"
            index.close()
            shutil.rmtree(folder)


def test_a_pipe_among_its_files_is_not_waited_for(closed: Path, tmp_path: Path) -> None:
    for number in range(len(parts(closed))):
        folder = tmp_path / str(number)
        shutil.copytree(closed, folder)
        victim = parts(folder)[number]
        victim.unlink()
        os.mkfifo(victim)
        assert manifest.verified(folder) is None, victim.name
        index = ChromaIndex(folder)
        if number:
            assert index.count("photos") == 0, "nothing of it is used"
        else:
            assert not index.reachable() and victim.exists(), "Chroma would open it"
        index.close()


def garble(file: Path, dice: random.Random) -> None:
    """One flipped bit. The database has pages that mean nothing, so there every other page goes."""
    data = bytearray(file.read_bytes())
    if file.suffix == ".sqlite3":
        for start in range(4096, len(data), 2 * 4096):
            data[start : start + 4096] = dice.randbytes(4096)
    else:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    file.write_bytes(data)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize(
    "said", [b"[" * 100_000, b'{"files":' * 100_000, b"[]", b'{"collections": 7}', b"\xff\xfe", b" " * 8_000_000]
)
def test_a_manifest_that_no_program_would_write_is_none(closed: Path, tmp_path: Path, said: bytes) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(closed, folder)
    (folder / MANIFEST).write_bytes(said)
    assert manifest.verified(folder) is None
    assert ChromaIndex(folder).count("photos") == 0


@pytest.mark.parametrize("vectors", [300, 1_300])
def test_a_kill_while_searching_costs_nothing_and_one_after_a_write_the_index(tmp_path: Path, vectors: int) -> None:
    folder = tmp_path / "index"
    index = ChromaIndex(folder)
    index.upsert("photos", IDS[:vectors], MATRIX[:vectors])
    index.close({"photos": "mark"})
    die(folder, "index.count('photos'); index.query('photos', np.ones((1, 16), np.float32), 5)")
    assert ChromaIndex(folder).noted("photos") == "mark"
    die(folder, "index.count('photos'); index.delete('photos', ['no such id'])")
    assert not (folder / MANIFEST).exists() and manifest.verified(folder) is None


def die(folder: Path, work: str) -> None:
    """Do something with the index in a process that ends like one that was killed."""
    code = f"""
        import os, signal
        from pathlib import Path
        import numpy as np
        from src.database.index.chroma_local import ChromaIndex
        from tests.unit.test_chroma_index import IDS, MATRIX
        index = ChromaIndex(Path({str(folder)!r}))
        {work}
        os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=PROJECT_DIR, capture_output=True, timeout=60
    )
    assert run.returncode == -9, run.stderr


@pytest.mark.parametrize("vectors", [20, 1_300])
@pytest.mark.parametrize(
    ("after", "trusted"),
    [("index.query('photos', MATRIX[:1], 3)", True), ("index.upsert('photos', ['new'], MATRIX[:1])", False)],
)
def test_after_a_checkpoint_a_kill_costs_nothing_until_the_next_write(
    tmp_path: Path, vectors: int, after: str, trusted: bool
) -> None:
    work = (
        f"index.upsert('photos', IDS[:{vectors}], MATRIX[:{vectors}]); index.checkpoint({{'photos': 'here'}}); {after}"
    )
    die(tmp_path / "index", work)
    index = ChromaIndex(tmp_path / "index")
    assert (index.noted("photos") == "here") is trusted
    assert index.count("photos") == (vectors if trusted else 0)
    if trusted:
        assert [index.query("photos", MATRIX[n : n + 1], 1)[0][0][0] for n in (0, 7, 19)] == ["id0", "id7", "id19"]
    index.close()


def test_a_checkpoint_holds_over_a_close_and_searches_need_not_wait_for_it(index: ChromaIndex, tmp_path: Path) -> None:
    index.upsert("photos", IDS, MATRIX)
    client = index._client._client
    index.checkpoint({"photos": "here"})
    assert client is not None and index._client._client is client, "it stays open"
    index.query("photos", MATRIX[:1], 3)
    index.close()
    again = ChromaIndex(tmp_path / "index")
    assert again.noted("photos") == "here" and again.count("photos") == 1_300
    again.close()


def test_a_dropped_collection_gives_its_space_back_and_the_others_stay(index: ChromaIndex, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    index.upsert("one", IDS, MATRIX)
    index.upsert("two", IDS[:50], MATRIX[:50])
    assert len(manifest.segments(folder)) == 2
    index.drop("one")
    assert len(manifest.segments(folder)) == 1 and index.leftovers() == 0
    assert index.query("two", MATRIX[3:4], 1)[0][0][0] == "id3" and index.query("one", MATRIX[3:4], 1) == [[]]
    index.drop("two")
    assert list(folder.iterdir()) == [], "with its last collection, all of the index goes"


def test_leftover_folders_are_counted_swept_and_do_not_cost_the_index(closed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(closed, folder)
    shutil.copytree(segment(folder), folder / "01234567-89ab-cdef-0123-456789abcdef")
    index = ChromaIndex(folder)
    assert index.noted("photos") is not None and index.leftovers() == 1
    index.sweep()
    assert index.leftovers() == 0 and index.query("photos", MATRIX[:1], 1)[0][0][0] == "id0"
    index.close()
    assert ChromaIndex(folder).noted("photos") is not None


def test_deleted_vectors_are_counted_over_a_restart_until_the_collection_is_dropped(
    index: ChromaIndex, tmp_path: Path
) -> None:
    index.upsert("photos", IDS[:300], MATRIX[:300])
    index.upsert("other", IDS[:9], MATRIX[:9])
    index.delete("photos", IDS[:120])
    index.close({"photos": "a", "other": "b"})
    again = ChromaIndex(tmp_path / "index")
    assert again.count("photos") == 180 and again.deleted("photos") == 120 and again.deleted("other") == 0
    again.drop("photos")
    assert again.deleted("photos") == 0
    again.close({})
    assert ChromaIndex(tmp_path / "index").noted("other") == "b", "what was not touched keeps its note"


def test_after_a_failed_write_it_is_not_called_clean(
    index: ChromaIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.upsert("photos", IDS[:20], MATRIX[:20])
    with monkeypatch.context() as patch:
        patch.setattr(ChromaClient, "collection", lambda *_: (_ for _ in ()).throw(ValueError("full")))
        with pytest.raises(IndexFailed):
            index.upsert("photos", IDS[20:40], MATRIX[20:40])
    index.close({"photos": "a"})
    assert not (tmp_path / "index" / MANIFEST).exists()


def test_closing_waits_for_a_search_under_way(index: ChromaIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    index.upsert("photos", IDS[:20], MATRIX[:20])
    entered, go = threading.Event(), threading.Event()
    query = index._client.opened["photos"].query

    def slow(**arguments: object) -> object:
        entered.set()
        go.wait(10)
        return query(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(index._client.opened["photos"], "query", slow, raising=False)
    answers: list[object] = []
    search = threading.Thread(target=lambda: answers.append(index.query("photos", MATRIX[:1], 1)))
    close = threading.Thread(target=index.close)
    search.start()
    assert entered.wait(10)
    close.start()
    close.join(0.2)
    assert close.is_alive(), "the search still needs the client"
    go.set()
    close.join(10)
    search.join(10)
    assert answers and not close.is_alive()


def test_a_large_collection_is_built_with_few_flushes_and_kept_with_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.database.index.hnsw.FLUSH_AT_BUILDING", range(100, 1_200, 200))

    def threshold(opened: ChromaIndex) -> int:
        with opened._opened_client():
            return int(opened._client.collection("photos").configuration_json["hnsw"]["sync_threshold"])

    index = ChromaIndex(tmp_path / "index")
    index.begin("photos", 1_300)
    assert threshold(index) == 100, "it leaves nothing over"
    index.upsert("photos", IDS, MATRIX)
    index.finish("photos")
    index.close({"photos": "built"})
    again = ChromaIndex(tmp_path / "index")
    assert (again.noted("photos"), again.count("photos"), threshold(again)) == ("built", 1_300, 1_000)
    again.close()
    small = ChromaIndex(tmp_path / "small")
    small.begin("photos", 900)
    small.upsert("photos", IDS[:10], MATRIX[:10])
    small.finish("photos")
    assert threshold(small) == 1_000
    small.close()


def test_a_collection_that_has_grown_is_searched_more_thoroughly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hnsw, "LARGE", 1_000)
    with_few = ChromaIndex(tmp_path / "index")
    with_few.upsert("photos", IDS[:900], MATRIX[:900])
    with_few.close({"photos": "few"})
    grown = ChromaIndex(tmp_path / "index")
    grown.upsert("photos", IDS[900:], MATRIX[900:])
    assert thoroughness(grown) == 100
    grown.checkpoint({"photos": "all"})
    grown.close({"photos": "all"})
    again = ChromaIndex(tmp_path / "index")
    assert (again.noted("photos"), again.count("photos"), thoroughness(again)) == ("all", 1_300, 200)
    again.close()


def thoroughness(index: ChromaIndex) -> int:
    index.count("photos")
    return int(index._client.opened["photos"].configuration["hnsw"]["ef_search"])


def test_one_that_was_opened_and_got_nothing_is_trusted_the_next_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        index = ChromaIndex(tmp_path / "index")
        assert index.count("photos") == 0
        index.close()
    assert "not closed cleanly" not in caplog.text
