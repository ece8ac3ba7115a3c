"""A slice of the forged libraries of ``benchmarks.forged``: whatever is in one, nothing outside is touched and every
answer is in words.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from benchmarks import forged


@pytest.mark.parametrize("seed", [11, 12])
def test_forged_libraries(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tally = forged.run(25, seed, 600.0)
    assert tally.cases == 25 and {"planted", "imported", "refused"} <= set(tally.ways)
    assert tally.raised == [] and tally.touched == []


def test_the_guard_sees_what_is_done_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a clean count would mean nothing."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
    guard = forged.Guard(inside=(str(inside),))
    guard.listen("open", (str(inside / "x"), "w", 0))
    assert guard.seen == []
    for event, arguments in (
        ("open", (str(outside / "x"), "r", 0)),
        ("open", (bytes(outside / "x"), "wb", 0)),
        ("os.remove", (str(inside / ".." / "outside" / "x"), -1)),
        ("os.rename", (str(inside / "x"), str(outside / "x"), -1, -1)),
    ):
        guard.seen = []
        guard.listen(event, arguments)
        assert len(guard.seen) == 1, event
