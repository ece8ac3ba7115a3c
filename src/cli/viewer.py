"""The system's own program for looking at pictures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from src.errors import AppError
from src.processing.decoding.image_io import EXTENSIONS


class Viewer:
    """Opens pictures. said: what the desktop tells of itself (``config.terminal_says``)."""

    def __init__(self, said: Mapping[str, str]) -> None:
        self._has_screen = bool(said.get("DISPLAY") or said.get("WAYLAND_DISPLAY"))
        self._started: list[subprocess.Popen[bytes]] = []

    def open(self, path: Path) -> None:
        """Show a picture, which is not waited for. Raises AppError where that can't be done.

        A file that is not named as a picture is not opened: the system goes by names, and would run a program.
        """
        if path.suffix.lower() not in EXTENSIONS:
            raise AppError("A file whose name does not end as a picture's does is not opened.", "Open it by hand.")
        self._started = [process for process in self._started if process.poll() is None]
        try:
            if sys.platform == "win32":
                os.startfile(path)
                return
            self._started.append(self._start([self._program(), str(path)]))
        except OSError as error:
            raise AppError(f"The picture can't be opened ({error.strerror or error}).") from error

    def _program(self) -> str:
        name = "open" if sys.platform == "darwin" else "xdg-open"
        program = shutil.which(name) if name == "open" or self._has_screen else None
        if program is None:
            raise AppError("There is no program here that shows pictures.", "Open the file from another computer.")
        return program

    @staticmethod
    def _start(command: list[str]) -> subprocess.Popen[bytes]:
        nothing = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
