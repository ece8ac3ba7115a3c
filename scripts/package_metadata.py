"""What a wheel says that it needs: the pins of the requirements files, so that they stand in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

EXTRAS = {"mcp": "requirements-mcp.txt", "map": "requirements-map.txt"}
"""By extra, the file with what it needs, as far as there is one."""


class Requirements(MetadataHookInterface):
    """Asked by hatchling whenever it builds."""

    def update(self, metadata: dict[str, Any]) -> None:
        root = Path(self.root)
        metadata["dependencies"] = pins(root / "requirements.txt")
        files = {extra: root / name for extra, name in EXTRAS.items() if (root / name).exists()}
        metadata["optional-dependencies"] = {extra: pins(file) for extra, file in files.items()}


def pins(file: Path) -> list[str]:
    """The lines of a requirements file that name a package; what it includes with ``-r`` is not followed."""
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-")]
