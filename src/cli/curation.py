"""What the user says of photos: tag, tags, rate, album, remove, bin, undo, redo, history, write-sidecars."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from src import wire
from src.cli import listing, terminal
from src.cli.library_access import DONE, FAILED, do_job, finished, reading
from src.errors import BadInput
from src.identity import is_id
from src.processing.decoding.image_io import display_text
from src.processing.discovery import parse_path
from src.runtime import Services
from src.services.curation.service import Done, TagNode
from src.services.jobs.kinds import EmptyBin
from src.text import count, typed

WHAT = {
    "tag": "Tags of {} changed.",
    "refuse-tag": "The tag was refused for {}.",
    "rename-tag": "The tag was renamed on {}.",
    "merge-tags": "The tags were merged on {}.",
    "rate": "{} rated.",
    "favourite": "Favourites: {} changed.",
    "note": "The note of {} changed.",
    "describe": "The description of {} changed.",
    "delete-description": "The description of {} was deleted.",
    "describe-again": "{} to be described again.",
    "album": "The album was made with {}.",
    "rename-album": "The album was renamed.",
    "delete-album": "The album was deleted; its {} stay in the library.",
    "add-to-album": "{} added to the album.",
    "take-from-album": "{} taken out of the album.",
    "reorder-album": "{} moved in the album.",
    "decide": "What {} are to each other was decided.",
    "settle": "Copies among {} were seen to.",
    "remove": "{} put into the bin.",
    "restore": "{} taken out of the bin.",
    "remove-folder": "The folder is followed no more; {} put into the bin.",
    "forget": "{} put into the bin.",
    "cover": "The album has another cover.",
    "clear": "{} put into the bin: all there were.",
}
"""Kind of operation -> what is said of it, with the number of photos."""


def tag(arguments: argparse.Namespace) -> int:
    """tag PATH_OR_ID... --add TAG --remove TAG"""
    add, remove = (list(map(typed, tags)) for tags in (arguments.add, arguments.remove))
    if not add and not remove:
        arguments.wrong_usage("say which tags: --add TAG, --remove TAG, or both")
    with reading(arguments) as services:
        return _told(arguments, [services.curation.tag(_ids(arguments, services), add, remove)])


def tags(arguments: argparse.Namespace) -> int:
    """tags: all of them as a tree, or --rename OLD NEW, or --merge TAG... NEW."""
    with reading(arguments) as services:
        if arguments.rename:
            old, new = map(typed, arguments.rename)
            return _told(arguments, [services.curation.rename_tag(old, new)])
        if arguments.merge:
            *some, into = map(typed, arguments.merge)
            if not some:
                arguments.wrong_usage("--merge wants the tags to be merged, and the one that they become")
            return _told(arguments, [services.curation.merge_tags(some, into)])
        tree = services.curation.tag_tree()
    nodes = list(_nodes(tree))
    if listing.asked(arguments):
        listing.put(arguments, [{"tag": node.tag, "photos": node.photos} for node in nodes])
    elif nodes:
        terminal.show_table(["tag", "photos"], [[node.tag, f"{node.photos:,}"] for node in nodes])
    else:
        terminal.say("No photo has a tag yet.")
    return DONE


def rate(arguments: argparse.Namespace) -> int:
    """rate PATH_OR_ID... --stars N --favourite yes --note TEXT"""
    said = (arguments.stars, arguments.favourite, arguments.note)
    if said == (None, None, None):
        arguments.wrong_usage("say what: --stars N, --favourite yes, --note TEXT, or several of them")
    with reading(arguments) as services:
        ids, done = _ids(arguments, services), list[Done]()
        if arguments.stars is not None:
            done.append(services.curation.rate(ids, None if arguments.stars == "file" else int(arguments.stars)))
        if arguments.favourite is not None:
            done.append(services.curation.favourite(ids, arguments.favourite == "yes"))
        if arguments.note is not None:
            done.append(services.curation.note(ids, typed(arguments.note)))
        return _told(arguments, done)


def album(arguments: argparse.Namespace) -> int:
    """album [NAME] [--add PATH_OR_ID...] [--take-out PATH_OR_ID...] [--rename NAME] [--delete]"""
    with reading(arguments) as services:
        if arguments.name is None:
            return _list_albums(arguments, services)
        name, curation = typed(arguments.name), services.curation
        known = curation.album_named(name)
        if arguments.add:
            ids = _ids(arguments, services, arguments.add)
            return _told(arguments, [curation.add_to_album(known, ids) if known else curation.create_album(name, ids)])
        if known is None:
            raise BadInput(f"There is no album “{name}”.", "`album` lists those that there are; --add makes one.")
        if arguments.take_out:
            return _told(arguments, [curation.take_from_album(known, _ids(arguments, services, arguments.take_out))])
        if arguments.rename:
            return _told(arguments, [curation.rename_album(known, typed(arguments.rename))])
        if arguments.delete:
            return _told(arguments, [curation.delete_album(known)])
        return _list_photos(arguments, services, curation.album_photos(known))


def remove(arguments: argparse.Namespace) -> int:
    """remove PATH_OR_ID...: into the bin."""
    with reading(arguments) as services:
        return _told(arguments, [services.curation.remove(_ids(arguments, services))])


def bin_(arguments: argparse.Namespace) -> int:
    """bin: what is in it; --restore ID... takes some out, --empty --yes forgets them for good."""
    if arguments.empty:
        return _empty(arguments)
    with reading(arguments) as services:
        if arguments.restore:
            ids = _ids(arguments, services, arguments.restore)
            return _told(arguments, [services.curation.restore(ids)])
        found, number = services.curation.binned(arguments.top_k), services.curation.number_binned()
    if listing.asked(arguments):
        listing.put(arguments, map(vars, found))
    elif found:
        terminal.show_table(["id", "removed", "photo"], [[one.id, one.binned_at[:19], one.path_text] for one in found])
        if number > len(found):
            terminal.say(f"{number:,} in all; --top-k shows more.")
    else:
        terminal.say("The bin is empty.")
    return DONE


def _empty(arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        with reading(arguments) as services:
            number = count(services.curation.number_binned(), "photo")
        arguments.wrong_usage(f"--empty forgets {number} for good (your own photo files stay): say --yes to do it")
    report = do_job(arguments, "Emptying the bin (command line)", EmptyBin())
    forgotten, left = finished(report).done, [finding.text for finding in report.findings]
    if arguments.json:
        terminal.print_json({"forgotten": forgotten, **({"left": left} if left else {})})
    else:
        text = f"{count(forgotten, 'photo')} forgotten for good. Your own photo files were not touched."
        terminal.say("\n".join([text, *left]))
    return DONE


def undo(arguments: argparse.Namespace) -> int:
    with reading(arguments) as services:
        return _turned(arguments, services.curation.undo(), "Undone")


def redo(arguments: argparse.Namespace) -> int:
    with reading(arguments) as services:
        return _turned(arguments, services.curation.redo(), "Done again")


def history(arguments: argparse.Namespace) -> int:
    """history: what was done, the latest first."""
    with reading(arguments) as services:
        found = services.curation.history(arguments.top_k)
    if listing.asked(arguments):
        listing.put(arguments, [{**vars(one), "said": dict(one.said)} for one in found])
    elif found:
        rows = [[one.at[:19], one.kind, f"{one.photos:,}", "undone" if one.undone else ""] for one in found]
        terminal.show_table(["at (UTC)", "what", "photos", ""], rows)
    else:
        terminal.say("Nothing was done yet that could be undone.")
    return DONE


def write_sidecars(arguments: argparse.Namespace) -> int:
    """write-sidecars [PATH_OR_ID...]: 1 where one of them was left as it is."""
    report = terminal.Report()
    with reading(arguments) as services:
        ids = _ids(arguments, services) if arguments.photos else services.catalog.listing.ids(None, "added", -1)
        report.follow(services.sidecars.write(ids), terminal.console(arguments.json))
    written = report.snapshot.done
    if arguments.json:
        terminal.print_json({"written": written, "skipped": wire.files_skipped(report.skipped)})
    else:
        terminal.say(f"{count(written, 'sidecar')} written.")
        report.show_skipped()
    return FAILED if report.skipped else DONE


# ---------------------------------------------------------------- what was done


def _told(arguments: argparse.Namespace, done: list[Done]) -> int:
    if arguments.json:
        shown = [_as_json(one) for one in done]
        terminal.print_json(shown[0] if len(shown) == 1 else shown)
    for one in done if not arguments.json else ():
        if one.number is None:
            terminal.say("All of that is so already.")
        else:
            terminal.say(WHAT[one.kind].format(count(one.photos, "photo")))
    return DONE


def _turned(arguments: argparse.Namespace, done: Done, how: str) -> int:
    if arguments.json:
        terminal.print_json(_as_json(done))
    else:
        terminal.say(f"{how}: {done.kind}, {count(done.photos, 'photo')}.")
    return DONE


def _as_json(done: Done) -> dict[str, Any]:
    return {"kind": done.kind, "photos": done.photos, "operation": done.number}


def _list_albums(arguments: argparse.Namespace, services: Services) -> int:
    found = services.curation.albums()
    if listing.asked(arguments) == "paths":
        arguments.wrong_usage("albums have no paths: give the NAME of one")
    if listing.asked(arguments):
        listing.put(arguments, [{"name": one.name, "photos": one.photos} for one in found])
    elif found:
        terminal.show_table(["album", "photos"], [[one.name, f"{one.photos:,}"] for one in found])
    else:
        terminal.say("There is no album yet.")
    return DONE


def _list_photos(arguments: argparse.Namespace, services: Services, ids: list[str]) -> int:
    shown = services.catalog.shown(ids)
    rows = [{"id": id_, "path": shown[id_].path_text} for id_ in ids if id_ in shown]
    if listing.asked(arguments):
        listing.put(arguments, rows, lambda: listing.paths_of_photos(services, shown))
    else:
        terminal.show_table(["id", "photo"], [list(row.values()) for row in rows])
    return DONE


def _nodes(tree: list[TagNode] | tuple[TagNode, ...]) -> Iterator[TagNode]:
    for node in tree:
        yield node
        yield from _nodes(node.children)


def _ids(arguments: argparse.Namespace, services: Services, named: list[str] | None = None) -> list[str]:
    """Images of ids, of files, and of all files in folders. Raises BadInput for what the library does not have."""
    found: list[str] = []
    for text in arguments.photos if named is None else named:
        found += [text] if is_id(text) else _at(services, text)
    return list(dict.fromkeys(found))


def _at(services: Services, text: str) -> list[str]:
    path = services.folders.known_as(parse_path(text))
    ids = [id_ for page in services.catalog.files.under(os.fsencode(path), False) for _, id_ in page]
    if not ids:
        raise BadInput(f"The library has no photo at {display_text(path)}.", "To add it, index it.")
    return ids
