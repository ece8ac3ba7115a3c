"""The table of the kinds of jobs is whole, and no other place keeps a list of its own."""

from __future__ import annotations

import ast
from typing import get_args

from src.config import PROJECT_DIR
from src.runtime import Services
from src.services.jobs.kinds import KINDS, LANES, JobKind, of_lane


def test_every_kind_has_a_row_a_lane_and_a_handler(services: Services) -> None:
    assert set(KINDS) == set(get_args(JobKind)) == set(services.handlers)
    assert sorted(name for lane in LANES for name in of_lane(lane)) == sorted(KINDS)


def test_no_other_module_lists_kinds_of_jobs() -> None:
    """Three or more of them in one collection are a list that the next kind would be missing from."""
    listed = []
    for path in (PROJECT_DIR / "src").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # names of other things, such as dialogs
        types = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Tuple | ast.List | ast.Set) and node not in types:
                words = [item.value for item in node.elts if isinstance(item, ast.Constant)]
                if len(set(words) & set(KINDS)) >= 3 and path.name != "kinds.py":
                    listed.append(f"{path.name}:{node.lineno}")
    assert listed == []
