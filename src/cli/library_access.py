"""How a command comes to the library: as its owner, as a reader, or through the app that has it."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from src.bootstrap import build_services
from src.cli import terminal
from src.config import Settings
from src.errors import AppError, BadInput, LibraryBusy, LibraryError, UnreadablePath
from src.models.registry import spec
from src.processing.decoding.image_io import display_text
from src.runtime import Services
from src.schema import JobSnapshot
from src.services.jobs.handlers import only_looks
from src.services.jobs.kinds import Params, ReadFacts, kind_of, kind_of_params
from src.services.jobs.rows import params_of
from src.services.jobs.runner import cancel_job, stop_watching_unfinished, stored_snapshot, submit_job

DONE, FAILED = 0, 1


def settings_of(arguments: argparse.Namespace, begins: bool = False) -> Settings:
    """The environment's settings with --library and --model applied.

    begins: the command makes a library where there is none. For any other, a folder given with --library that holds
    none is a mistake: raises LibraryError, and nothing is made there. Raises BadInput for --library without a name.
    """
    settings = Settings.from_env()
    if arguments.library is not None:
        if not arguments.library.strip():
            raise BadInput(
                "--library names no folder.", "Give the folder that holds the library, or leave --library out."
            )
        settings = settings.at(Path(arguments.library))
        if not begins and not os.path.lexists(settings.data_dir):
            hint = "Check the name; `index` and `import-library` begin a new library."
            raise LibraryError(f"There is no library in {display_text(settings.home)}.", hint)
    if arguments.model is not None:
        settings = replace(settings, model=spec(arguments.model).id)
    return settings


@contextlib.contextmanager
def opened(arguments: argparse.Namespace, begins: bool = False) -> Iterator[Services]:
    """The library as its owner. Raises LibraryBusy where an app or another command has it."""
    services = build_services(settings_of(arguments, begins))
    say_what_is_unheeded(services)
    try:
        yield services
    finally:
        services.close()


@contextlib.contextmanager
def reading(arguments: argparse.Namespace) -> Iterator[Services]:
    """The library for reading, also beside a running app."""
    services = build_services(settings_of(arguments), read_only=True)
    try:
        yield services
    finally:
        services.close()


@contextlib.contextmanager
def looking(arguments: argparse.Namespace) -> Iterator[Services]:
    """The library for a look that changes no file. Raises LibraryBusy where an app or another command has it."""
    services = build_services(settings_of(arguments), untouched=True)
    try:
        yield services
    finally:
        services.close()


def say_what_is_unheeded(services: Services) -> None:
    """One line on standard error where a setting asks for what the library's model does not do."""
    if notice := services.library.unheeded():
        terminal.note(notice)


def do_job(arguments: argparse.Namespace, title: str, asked: Params) -> terminal.Report:
    """Do a job here or, where an app has the library, let that do it; follow it to its end.

    Its report is returned also where a path could not be read or the app failed: ``report.problem`` is why.
    """
    report = terminal.Report()
    kind, said = kind_of_params(asked), asked.as_json()
    try:
        with looking(arguments) if only_looks(asked) else opened(arguments, begins=kind == "index") as services:
            try:
                report.follow(services.handlers[kind](said), terminal.console(arguments.json))
                if kind_of(kind).brings_photos:
                    _read_facts(services, quiet=arguments.json)
                while not only_looks(asked) and services.catalog.lexical.catch_up():
                    pass
            except KeyboardInterrupt:
                stop_watching_unfinished(services.catalog, {"kind": kind, "params": json.dumps(said)})
                raise
    except UnreadablePath as error:
        report.problem = error
    except LibraryBusy as busy:
        with reading(arguments) as services:
            _follow_in_the_app(services, busy, title, asked, report)
    return report


def _read_facts(services: Services, quiet: bool) -> None:
    """What a job that brought photos has left to be done: no app is there to do it."""
    kind = kind_of_params(ReadFacts())
    for row in services.catalog.jobs.rows(("queued",), kinds=(kind,)):
        terminal.Report().follow(services.handlers[kind](params_of(row)), terminal.console(quiet))
        services.catalog.jobs.update(row["id"], state="done")


def finished(report: terminal.Report) -> JobSnapshot:
    """How a job ended. Raises its problem where it has one."""
    if report.problem:
        raise report.problem
    return report.snapshot


def _follow_in_the_app(
    services: Services, busy: LibraryBusy, title: str, asked: Params, report: terminal.Report
) -> None:
    """Queue a job for the running app and wait for its end.

    Raises ``busy`` where no app has the library: nothing else takes jobs.
    """
    if not services.store.app_is_running():
        raise busy
    terminal.note("The library is open in the app, which does the work now.")
    job_id = submit_job(services.catalog, kind_of_params(asked), title, **asked.as_json())
    try:
        while not report.snapshot.finished:
            snapshot = stored_snapshot(services.catalog, job_id)
            if snapshot is None:
                raise LibraryBusy("The job disappeared from the library.")
            report.snapshot = snapshot
            if not snapshot.finished:
                if not services.store.app_is_running():
                    raise LibraryBusy(
                        "The app ended before the job was done.", "It goes on when the app is started again."
                    )
                time.sleep(0.3)
    except KeyboardInterrupt:
        cancel_job(services.catalog, job_id)
        raise
    if report.snapshot.state == "cancelled":
        report.problem = AppError("The job was cancelled in the app.", "What was done so far is kept.")
    elif report.snapshot.error:
        report.problem = AppError(report.snapshot.error)
