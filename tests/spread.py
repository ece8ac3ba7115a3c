"""What tests say of themselves where they are spread over processes: see scripts/checks.py."""

from __future__ import annotations

import pytest

BESIDE = "a browser test beside others"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A browser test that runs while others do says so in the report (``--junitxml``), as the property ``BESIDE``."""
    spread: dict[str, int] = getattr(config, "workerinput", {})
    if spread.get("workercount", 1) > 1:
        for item in items:
            if item.get_closest_marker("browser"):
                item.user_properties.append((BESIDE, "yes"))
