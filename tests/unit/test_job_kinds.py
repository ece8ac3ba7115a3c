"""The table of the kinds of jobs is whole, and no other place keeps a list of its own."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import Any, get_args

import pytest

from src.config import PROJECT_DIR
from src.database.catalog.catalog import Catalog
from src.runtime import Services
from src.services.jobs.kinds import KINDS, LANES, JobKind, Params, of_lane
from src.services.jobs.runner import JobRunner


def test_every_kind_has_a_row_a_lane_and_a_handler(services: Services) -> None:
    assert set(KINDS) == set(get_args(JobKind)) == set(services.handlers)
    assert sorted(name for lane in LANES for name in of_lane(lane)) == sorted(KINDS)


def filled(params: type[Params]) -> Params:
    """With something other than the default in every field."""
    values: dict[str, Any] = {
        "str": "said",
        "bool": True,
        "int": 7,
        "float": 1.5,
        "tuple": ("a", "b"),
        "Mapping": {"a": 1},
    }
    told = {
        field.name: values[str(field.type).removesuffix(" | None").partition("[")[0]]
        for field in dataclasses.fields(params)
    }
    return params(**told | ({"repair": False} if "repair" in told else {}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_of_every_kind_is_asked_for_with_all_it_may_say(kind: JobKind, tmp_path: Path) -> None:
    """Whatever its parameters are called: an export has a ``kind`` too."""
    jobs = JobRunner(Catalog(tmp_path / "catalog.sqlite3"), {})
    asked = filled(KINDS[kind].params)
    assert type(asked).read(jobs.params(jobs.queue("A title", asked))) == asked
    assert type(asked).read(jobs.params(jobs.queue_once("A title", asked))) == asked and len(jobs.active()) == 1


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
