"""How tests are spread over processes: which files come first, and what browser tests say of themselves. See
scripts/checks.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

BESIDE = "a browser test beside others"
LONG = ("e2e", "crash", "hostile", "parity")
"""Folders of tests that take seconds each."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes run tests, long files come first: else one of them would have the last to itself.

    A browser test says in the report (``--junitxml``) that it ran while others did, as the property ``BESIDE``.
    """
    if getattr(config, "workerinput", {}).get("workercount", 1) == 1:
        return
    tests = Counter(item.path for item in items)

    def place(item: pytest.Item) -> tuple[bool, int, Path]:
        return item.path.parent.name not in LONG, -tests[item.path], item.path

    items.sort(key=place)
    for item in items:
        if item.get_closest_marker("browser"):
            item.user_properties.append((BESIDE, "yes"))
