"""How the command line was called, as it can be typed again."""

from __future__ import annotations

import sys
from pathlib import Path

from src.config import INSTALLED

COMMANDS = ("mfe", "media-feature-extractor")
"""What an installation can be called by."""


def program() -> str:
    """``mfe``, as typed, or the line that calls this project without such a command."""
    name = Path(sys.argv[0]).stem if sys.argv else ""
    if name in COMMANDS:
        return name
    return "python -m media_feature_extractor" if INSTALLED else "python -m src.cli"
