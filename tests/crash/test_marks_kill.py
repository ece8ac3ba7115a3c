"""SIGKILL while photos are tagged, removed and all else: each operation is there as a whole, or not at all."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from src.database.catalog.catalog import Catalog
from tests.unit.test_marks_model import Machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
PROJECT = Path(__file__).resolve().parent.parent.parent


def described(catalog: Catalog, ids: list[str]) -> Any:
    """All that was said of photos, and all that can be undone; without the ids of albums, which are made by chance."""
    albums = {one.name: catalog.albums.photos(one.id) for one in catalog.albums.all()}
    past = [(one.number, one.kind, dict(one.said), one.undone) for one in catalog.operations.history(10_000)]
    said = catalog.facts.of_many(ids), catalog.visible(ids), sorted(catalog.bin.ids()), albums
    return *said, catalog.decisions.of(), past


def killed_at(file: Path, seed: int, after: float) -> int:
    """Run such a process, kill it, and return how many operations it said were done."""
    command = [sys.executable, "-m", "tests.crash.marks_child", str(file), str(seed)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "0\n"
        time.sleep(after)
        child.send_signal(signal.SIGKILL)
        lines = child.stdout.read().split("\n")
    return int(lines[-2]) if len(lines) > 1 else 0


@pytest.mark.parametrize("seed", range(5))
def test_an_operation_that_was_cut_short_is_whole_or_not_there(tmp_path: Path, seed: int) -> None:
    done = killed_at(tmp_path / "killed.sqlite3", seed, random.Random(seed).uniform(0.3, 1.5))
    machine = Machine(tmp_path / "replayed.sqlite3", seed)
    for _ in range(done):
        machine.step()
    expected = [described(machine.catalog, machine.ids)]
    machine.step()
    expected.append(described(machine.catalog, machine.ids))
    machine.catalog.close()
    killed = Catalog(tmp_path / "killed.sqlite3")
    assert done and described(killed, machine.ids) in expected
    assert killed.health.damage() is None
    killed.operations.undo()
    killed.close()
