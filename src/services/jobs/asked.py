"""What other programs ask for and jobs do: adding, folders, clearing, exports, and what is done with jobs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from src import wire
from src.errors import BadInput, NotFound, NotNow, UnreadablePath
from src.processing.decoding.image_io import display_text
from src.processing.discovery import check_readable, parse_path
from src.schema import FoundFile, JobSnapshot
from src.services.exchange.exporting import Selection
from src.services.exchange.shelf import ExportShelf
from src.services.jobs.handlers import queue_export, queue_sync
from src.services.jobs.kinds import Clear, Evaluate, Export, Index, RemoveFolder, kind_of
from src.services.jobs.runner import JobRunner
from src.services.library.folders import FolderService
from src.services.library.forgetting import ForgettingService
from src.services.library.receiving import Receiving
from src.services.library.uploads import UploadStore, as_params
from src.text import count

Skipped = list[tuple[str, str]]


def add_uploads(jobs: JobRunner, uploads: UploadStore, received: Receiving) -> tuple[str | None, Skipped]:
    """Keep files that have arrived whole, and queue one job that adds them; its id, and what was not taken and why."""
    with uploads.adding():
        found = received.kept()
        if not found:
            return None, received.skipped
        return queue_uploads(jobs, found), received.skipped


def queue_uploads(jobs: JobRunner, found: list[FoundFile]) -> str:
    """Queue one job that adds stored uploads; while ``UploadStore.adding`` holds them."""
    return jobs.queue(f"Adding {count(len(found), 'uploaded photo')}", Index(files=tuple(as_params(found))))


def add_folder(jobs: JobRunner, folders: FolderService, text: str) -> str:
    """Queue following a folder and adding what is in it. Raises UnreadablePath, BadInput for what is no folder."""
    path = parse_path(text)
    if not Path(text.strip()).is_absolute() and not text.strip().startswith("~"):
        raise BadInput("The folder's path is not a whole one.", "Give it from the root, such as /home/ann/Pictures.")
    check_readable(path)
    if not path.is_dir():
        raise BadInput(f"{display_text(path)} is no folder.", "Upload single pictures.")
    return queue_folder(jobs, folders, path)


def queue_folder(jobs: JobRunner, folders: FolderService, path: Path) -> str:
    """Queue adding what is in a folder. A link to a followed folder is that one, also to who pauses or cancels it."""
    return jobs.queue(f"Adding {display_text(Path(path.name or path))}", Index((str(folders.known_as(path)),)))


def followed_folder(folders: FolderService, name: str) -> Path:
    """A followed folder by its id (``wire.folder_id``) or path. Raises NotFound."""
    paths = folders.paths()
    known = next((path for path in paths if wire.folder_id(str(path)) == name), None)
    with suppress(UnreadablePath):
        known = known or folders.known_as(parse_path(name))
    if known is None or known not in paths:
        raise NotFound("The library follows no such folder.", "GET /folders lists those that it does.")
    return known


def remove_folder(jobs: JobRunner, folders: FolderService, name: str) -> str:
    """Queue following a folder no more. Raises NotFound."""
    return jobs.queue(*removing(followed_folder(folders, name)))


def removing(folder: Path) -> tuple[str, RemoveFolder]:
    """The title of a job that follows a folder no more, and what it is asked for."""
    return f"Removing {display_text(Path(folder.name or folder))}", RemoveFolder(str(folder))


def sync(jobs: JobRunner, folders: FolderService, names: Sequence[str]) -> str:
    """Queue a look at followed folders, all where none is named. Raises NotFound."""
    return queue_sync(jobs, [followed_folder(folders, name) for name in names])


def clear(jobs: JobRunner, forgetting: ForgettingService) -> str:
    """Queue putting everything into the bin; what adds to the library is cancelled first."""
    forgetting.make_room()
    jobs.cancel_all()
    return jobs.queue("Clearing the library", Clear())


def export(jobs: JobRunner, shelf: ExportShelf, form: str, selection: Selection, pictures: bool) -> str:
    """Queue writing an export that is offered as a download for a while."""
    return queue_export(jobs, form, shelf.place(), selection, pictures)


def exported(jobs: JobRunner, shelf: ExportShelf, job_id: str) -> Path:
    """The file of an export. Raises NotFound for what is none, NotNow where it is not written yet or was not."""
    job = of_id(jobs, job_id)
    place = shelf.file(Export.read(jobs.params(job_id)).place) if job.kind == "export" else None
    if place is None:
        raise NotFound("There is no such export to be had here.")
    if not job.finished:
        raise NotNow("The export is not written yet.", "Ask again when its job is done.")
    if not place.is_file():
        raise NotNow(job.error or "The export is not kept any more.", "Export again.")
    return place


def evaluate(jobs: JobRunner, asked: Evaluate) -> str:
    """Queue measuring models on labelled pictures; the job's id."""
    what = "Studying" if asked.study else "Evaluating on"
    return jobs.queue(f"{what} {display_text(Path(Path(asked.folder).name))}", asked)


def of_id(jobs: JobRunner, job_id: str) -> JobSnapshot:
    """Raises NotFound."""
    job = jobs.snapshot(job_id)
    if job is None:
        raise NotFound("There is no such job, or not any more.")
    return job


def steer(jobs: JobRunner, job_id: str, what: str) -> JobSnapshot:
    """Have a job ``pause``, ``resume`` or ``cancel``; it does so at its next step. Raises NotFound, and NotNow for one
    that has ended or knows no pause.
    """
    job = of_id(jobs, job_id)
    if job.finished:
        raise NotNow("The job has ended.")
    if what != "cancel" and not kind_of(job.kind).pausable:
        raise NotNow("Such a job can't be paused.", "It can be cancelled.")
    {"pause": jobs.pause, "resume": jobs.resume, "cancel": jobs.cancel}[what](job_id)
    return of_id(jobs, job_id)
