"""The lab of a running app: models measured by a job, and the reports that came of it, kept beside the library."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src import wire
from src.config import Settings
from src.errors import LibraryUnusable
from src.files import write_atomically
from src.identity import UUID_PATTERN
from src.models.model_manager import ModelManager
from src.plain_files import json_in, open_plain
from src.processing.decoding.reader import PictureReader
from src.schema import JobEvent
from src.services.jobs.kinds import Evaluate
from src.services.lab import report, words
from src.services.lab.evaluation import Evaluator
from src.services.lab.folder import read_set
from src.services.lab.sources import Offered, offered, sources

KEPT = 20
"""Reports that are kept, the latest."""
_OURS = re.compile(rf"{UUID_PATTERN}\.(html|json)")


@dataclass(frozen=True)
class Told:
    """A report as the page tells of it. file: the whole of it, in HTML. figures: as ``evaluate --json`` prints them.

    written: seconds since 1970.
    """

    file: Path
    figures: Mapping[str, Any]
    written: float


class LabService:
    """Removes nothing but files with the names that it gives."""

    def __init__(self, settings: Settings, models: ModelManager, reader: PictureReader) -> None:
        self._folder = settings.reports_dir
        self._models, self._reader = models, reader

    def offered(self) -> Offered:
        """The models that can be measured here, and why others can't."""
        return offered(self._models)

    def place(self) -> str:
        """The name of a new report."""
        return str(uuid.uuid4())

    def run(self, asked: Evaluate) -> Iterator[JobEvent]:
        """Measure what is asked for, and keep the report.

        Raises BadInput, UnreadablePath, ModelError, LibraryUnusable.
        """
        table = Path(asked.labels) if asked.labels else None
        found = read_set(Path(asked.folder), table, max(1, asked.level))
        measured = sources(self._models, asked.models or self.offered().names)
        evaluator = Evaluator(found, measured, self._reader, asked.queries if asked.study else None)
        yield from evaluator.run()
        done = evaluator.result
        told = {"answer": words.answer(done), "warnings": words.warnings(done), "split_said": words.split(done)}
        self._keep(asked.place, report.page(done, self._reader), {**wire.evaluation(done), **told})

    def told(self, place: str) -> Told | None:
        """What came of a job, by the name it was given; None where it is not there, or not any more."""
        page = self._folder / f"{place}.html"
        if not _OURS.fullmatch(page.name) or not page.is_file():
            return None
        with suppress(OSError), open_plain(page.with_suffix(".json")) as file:
            figures = json_in(file.read().decode("utf-8", "replace"))
            return Told(page, figures, page.stat().st_mtime) if isinstance(figures, dict) else None
        return None

    def _keep(self, place: str, page: str, figures: Mapping[str, Any]) -> None:
        """Write both whole; the oldest make room."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for name, text in ((f"{place}.json", json.dumps(figures)), (f"{place}.html", page)):
                if _OURS.fullmatch(name):  # a row may name anything
                    with write_atomically(self._folder / name, durable=False) as file:
                        file.write(text.encode())
            self._make_room()
        except OSError as error:
            raise LibraryUnusable(f"The report can't be written ({error.strerror or error}).") from error

    def _make_room(self) -> None:
        pages: Sequence[Path] = [file for file in self._folder.iterdir() if _OURS.fullmatch(file.name)]
        pages = sorted((file for file in pages if file.suffix == ".html"), key=lambda file: -file.lstat().st_mtime)
        for file in pages[KEPT:]:
            for own in (file, file.with_suffix(".json")):
                own.unlink(missing_ok=True)
