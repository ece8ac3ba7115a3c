"""Pictures in words: describe, of files without a library, or of the library's photos, by a model that a server has."""

from __future__ import annotations

import argparse
import math
import time
from functools import partial
from pathlib import Path
from typing import Any

from src import wire
from src.cli import terminal
from src.cli.library_access import DONE, do_job, finished, opened, reading
from src.cli.picture_files import tell_each
from src.config import Settings, vision_keys
from src.errors import BadInput
from src.models.captioners.endpoint import where_pictures_go
from src.models.captioners.servers import Servers
from src.processing.decoding.image_io import display_text
from src.processing.decoding.reader import PictureReader
from src.processing.discovery import parse_path
from src.schema.descriptions import Captioner
from src.services.enrichment.descriptions import Estimate
from src.services.enrichment.descriptions_pass import SIDE, Limits
from src.services.exchange.described import export_descriptions, import_descriptions
from src.services.jobs.handlers import asked_now
from src.services.jobs.kinds import Describe
from src.text import count, shown

UNKNOWN = "not known yet"


def describe(arguments: argparse.Namespace) -> int:
    """describe [PATH...]: have pictures described; --models, --export FOLDER, --import FOLDER do something else.

    1 where one of the paths could not be read or described.
    """
    model, arguments.model = arguments.model, None  # it names the server's model, not the library's
    if arguments.export:
        return _export(arguments)
    if arguments.import_:
        return _import(arguments)
    settings = Settings.from_env()
    url, model = arguments.url or settings.vision_url, model or settings.vision_model
    if not url:
        raise BadInput("It is not known which server to ask.", "Give its address with --url, or in MFE_VISION_URL.")
    servers = Servers(vision_keys(), settings.vision_url)
    if arguments.models:
        return _models(arguments, servers, url)
    if not model:
        raise BadInput("It is not known which model to ask.", "Name it with --model; --models lists those there are.")
    terminal.note(where_pictures_go(url, model))
    if arguments.paths:
        return tell_each(arguments, partial(_one, servers.captioner(url, model)), _show, arguments.limit)
    return _of_library(arguments, _asked(arguments, url, model))


def _asked(arguments: argparse.Namespace, url: str, model: str) -> Describe:
    """The job. Raises BadInput for numbers that make no sense."""
    money = arguments.budget, arguments.price_in, arguments.price_out
    if arguments.limit < 0 or not all(math.isfinite(number) and number >= 0 for number in money):
        raise BadInput("Limits and prices are numbers from 0 on.")
    if arguments.budget and not (arguments.price_in or arguments.price_out):
        raise BadInput("A budget needs prices.", "Give --price-in and --price-out, of a million tokens.")
    with reading(arguments) as services:
        folders = tuple(str(services.folders.known_as(parse_path(text))) for text in arguments.folder or ())
        asked = Describe(url, model, folders or None, arguments.limit, *money, again=arguments.again)
        estimate = services.descriptions.estimate(model, asked.folders, Limits(arguments.limit, *money))
    terminal.note(_expected(estimate))
    return asked_now(asked)


def _expected(estimate: Estimate) -> str:
    seconds = UNKNOWN if estimate.seconds is None else f"{estimate.seconds:,.0f} s"
    money = UNKNOWN if estimate.money is None else f"{estimate.money:,.4f}"
    photos = f"{estimate.photos:,} of {count(estimate.waiting, 'photo')} without a description"
    return f"To describe: {photos}. Time: {seconds}. Cost: {money}."


def _of_library(arguments: argparse.Namespace, asked: Describe) -> int:
    report = do_job(arguments, "Describing photos (command line)", asked)
    done = finished(report)
    with reading(arguments) as services:
        described, waiting = services.descriptions.count(), services.descriptions.waiting()
        spent = services.catalog.descriptions.spent(asked.model, asked.asked_at)
    if arguments.json:
        added = wire.added(done, report.skipped)
        told = {"described": added["indexed"], "skipped": added["skipped"], "seconds": added["seconds"]}
        tokens = {"tokens_sent": spent.sent, "tokens_received": spent.received}
        terminal.print_json({**told, "photos": described, "waiting": waiting, **tokens})
        return DONE
    for path, reason in report.skipped:
        terminal.say(f"  skipped {shown(path)}: {shown(reason)}")
    for finding in report.findings:
        terminal.say(shown(finding.text))
    terminal.say(f"{count(described, 'photo')} of the library described, {waiting:,} not.")
    return DONE


def _one(captioner: Captioner, pictures: PictureReader, path: Path) -> dict[str, Any]:
    """A picture's description as --json prints it."""
    started = time.perf_counter()
    image, _ = pictures.read(path, SIDE)
    said = captioner.describe(image, lambda: False).description
    took = round(1000 * (time.perf_counter() - started), 1)
    return {"path": display_text(path), **wire.description(said), "took_ms": took}


def _show(found: dict[str, Any]) -> None:
    terminal.say(shown(found["path"]))
    terminal.say(f"  {shown(found['scene_summary'])}")
    for each in found["objects"]:
        terminal.say(f"  - {shown(', '.join(filter(None, (each['label'], each['color'], each['position']))))}")


def _models(arguments: argparse.Namespace, servers: Servers, url: str) -> int:
    found = servers.models(url)
    if arguments.json:
        terminal.print_json([{"id": model.id, "takes_pictures": model.takes_pictures} for model in found])
    else:
        said = {True: "yes", False: "no", None: "not told"}
        terminal.show_table(["model", "pictures"], [[model.id, said[model.takes_pictures]] for model in found])
    return DONE


def _export(arguments: argparse.Namespace) -> int:
    folder, report = parse_path(arguments.export, "folder", "~/descriptions"), terminal.Report()
    with reading(arguments) as services:
        events = export_descriptions(services.catalog, services.descriptions.vectors, folder)
        report.follow(events, terminal.console(arguments.json))
    number = report.snapshot.done
    if arguments.json:
        terminal.print_json({"folder": display_text(folder), "descriptions": number})
    else:
        terminal.say(f"{count(number, 'description')} written to {display_text(folder)}.")
    return DONE


def _import(arguments: argparse.Namespace) -> int:
    folder, report = parse_path(arguments.import_, "folder", "~/descriptions"), terminal.Report()
    with opened(arguments) as services:
        events = import_descriptions(services.catalog, services.store, services.descriptions.vectors, folder)
        report.follow(events, terminal.console(arguments.json))
        while services.catalog.lexical.catch_up():
            pass
    notes = [finding.text for finding in report.findings]
    if arguments.json:
        terminal.print_json({"imported": report.snapshot.indexed, "notes": notes})
    else:
        terminal.say("\n".join([f"{count(report.snapshot.indexed, 'description')} taken over.", *notes]))
    return DONE
