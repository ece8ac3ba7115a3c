"""The program's log: a rotating file in the library's folder, never in the place of somebody else's."""

from __future__ import annotations

import logging
import os
import re
from logging.handlers import RotatingFileHandler
from pathlib import Path

from src.plain_files import is_special, open_plain
from src.secret import without_tokens

LOGS_KEPT = 3
_OUR_LINE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ src\b")


def _may_log(file: Path) -> bool:
    """Whether a log of this name, and those it is rotated to, are absent or plain files that begin with our line."""
    for log_file in (file, *(file.with_name(f"{file.name}.{number}") for number in range(1, LOGS_KEPT + 1))):
        if is_special(log_file):
            return False
        try:
            with open_plain(log_file) as opened:
                start = opened.read(100)
        except OSError:
            continue
        if start and not _OUR_LINE.match(start):
            return False
    return True


class _Discreet(logging.Formatter):
    """Lines, and what exceptions tell, without a token that came to be in them."""

    def format(self, record: logging.LogRecord) -> str:
        return without_tokens(super().format(record))


def start_logging(folder: Path, level: str) -> None:
    """Send this program's log to a rotating file, once a process and folder. Nothing is printed.

    Where every name that it may have belongs to somebody else, there is none.
    """
    logger = logging.getLogger("src")
    names = ("app.log", "media-feature-extractor.log")
    target = next((str(folder / name) for name in names if _may_log(folder / name)), os.devnull)
    logger.setLevel(level)
    if any(getattr(handler, "baseFilename", None) == target for handler in logger.handlers):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(target, maxBytes=2_000_000, backupCount=LOGS_KEPT, encoding="utf-8")
    except OSError:  # the library itself will say what is wrong with its folder
        return
    handler.setFormatter(_Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.handlers = [old for old in logger.handlers if not isinstance(old, RotatingFileHandler)]
    logger.addHandler(handler)
