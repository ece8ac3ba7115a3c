"""The command line: python -m src.cli index | sync | search | folders | ... (the modules beside it do what they say).

Other imports than the standard library's are made when a command is run, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, NoReturn, TextIO

from src import __version__
from src.cli import feature_arguments, lab_arguments
from src.cli.called import program
from src.cli.search_arguments import add_format, add_search_commands, settle_format
from src.config import PORT
from src.errors import AppError, BadInput, BadQuery, UnknownModel
from src.text import shown

DONE, FAILED, WRONG_USAGE = 0, 1, 2
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed (one line on standard error), 2 wrong usage.

    argv: the words after the command's name, those of this process by default; without any it is ``--help``.
    """
    _have_streams()
    _write_anything()
    watched = sys.stdout.isatty()
    arguments = _parser().parse_args((sys.argv[1:] if argv is None else argv) or ["--help"])
    settle_format(arguments)
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _say("Stopped; nothing in the library is lost.")
        return FAILED
    except BrokenPipeError:  # the reader (head, less) has seen enough
        _write_nowhere(sys.stdout)
        return DONE
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _write_nowhere(sys.stdout)
        _say(f"The output could not be written ({error.strerror}); nothing in the library is lost.")
        return DONE if watched and error.errno == errno.EIO else FAILED  # a terminal that was closed


def _run(arguments: argparse.Namespace) -> int:
    module, command = arguments.run
    try:
        return int(getattr(importlib.import_module(f"src.cli.{module}"), command)(arguments))
    except AppError as error:
        return _fail(arguments, error)


def _have_streams() -> None:
    """A stream that whoever started this closed is nowhere: no command need know that there may be none."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process


def _write_anything() -> None:
    """What the console has no sign for is written as its code (``\\u4e2d``): it never ends a command that is done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(text: str) -> None:
    """One line on standard error, which may be gone too."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _write_nowhere(sys.stderr)


def _write_nowhere(stream: TextIO) -> None:
    """It takes nothing any more: what is left of it must not make a second error at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fail(arguments: argparse.Namespace, error: AppError) -> int:
    from src.cli import terminal

    if arguments.json:
        terminal.print_json({"error": error.user_message, "hint": error.hint})
    terminal.note(str(error))
    return WRONG_USAGE if isinstance(error, BadQuery | BadInput | UnknownModel) else FAILED


# ---------------------------------------------------------------- arguments


class _Formats:
    """Names of the export formats, asked for only where they are needed: what writes them takes long to load."""

    def __iter__(self) -> Iterator[str]:
        from src.export.formats import FORMATS

        return iter(FORMATS)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line and where to read more; exit code 2. A shell may have put names of files among the words."""
        if message.startswith("unrecognized arguments: -"):
            message += "; a word that begins with - and is no option stands behind --"
        self.exit(WRONG_USAGE, f"{shown(f'{self.prog}: {message} (see {self.prog} --help)')}\n")


def _common(**defaults: Any) -> _Parser:
    """Options that are accepted before and after the subcommand; only before it do they have defaults."""
    common = _Parser(add_help=False)

    def add(name: str, **how: Any) -> None:
        common.add_argument(f"--{name}", default=defaults.get(name, argparse.SUPPRESS), **how)

    add(
        "library",
        metavar="DIR",
        help="folder that holds data/ and chroma_db/ (only index and import-library make a new one)",
    )
    add("model", metavar="ID", help="model to use: builtin, ViT-B/32, ... (see models)")
    add("json", action="store_true", help="print one JSON value to standard output")
    return common


def _parser() -> argparse.ArgumentParser:
    top, common = _common(library=None, model=None, json=False), _common()
    parser = _Parser(prog=program(), description="Find photos on this computer by describing them.", parents=[top])
    parser.add_argument("--version", action="version", version=f"Media Feature Extractor {__version__}")
    parser.set_defaults(wrong_usage=parser.error, parser=parser)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, module: str, function: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[common], help=text)
        added.set_defaults(run=(module, function))
        return added

    _add_photo_commands(command)
    _add_curation_commands(command)
    _add_folder_commands(command)
    _add_library_commands(command)
    lab_arguments.add(command)
    feature_arguments.add(command)
    return parser


def _add_photo_commands(command: Any) -> None:
    index = command(
        "index", "photos", "index", "add pictures and folders of pictures; folders are followed from then on"
    )
    index.add_argument("paths", nargs="+", metavar="PATH", help="a picture or a folder (searched with its sub-folders)")
    index.add_argument("--text", action="store_true", help="read the words in them too")

    sync = command("sync", "photos", "sync", "look at the folders again: new, changed, moved and missing pictures")
    sync.add_argument("folders", nargs="*", metavar="FOLDER", help="only these (all that the library follows)")

    add_search_commands(command)
    _add_export_command(command)

    _add_file_commands(command)
    _add_commands_in_words(command)

    objects = command(
        "objects", "objects", "objects", "find the objects inside pictures, so that they can be searched for too"
    )
    objects.add_argument("folders", nargs="*", metavar="FOLDER", help="only pictures in these (all of the library)")
    objects.add_argument("--forget", action="store_true", help="forget all objects instead; the pictures stay")
    objects.add_argument("--yes", action="store_true", help="really forget them")

    text = "list pictures that are copies of each other; changes no file"
    duplicates = add_format(command("duplicates", "duplicates", "duplicates", text), paths=True)
    duplicates.add_argument(
        "--level",
        choices=("bytes", "pixels", "picture", "shot"),
        help="only files that have this in common: their bytes, their pixels, what is to be seen, or the moment",
    )


def _add_file_commands(command: Any) -> None:
    text = "show what picture files tell of themselves: camera, date, place, words; needs no library"
    facts = add_format(command("facts", "facts", "facts", text))
    facts.add_argument("paths", nargs="+", metavar="PATH", help="a picture or a folder (searched with its sub-folders)")

    text = "say what the built-in model sees in picture files; needs no library"
    labels = add_format(command("labels", "labels", "labels", text))
    labels.add_argument(
        "paths", nargs="+", metavar="PATH", help="a picture or a folder (searched with its sub-folders)"
    )


def _add_commands_in_words(command: Any) -> None:
    read_text = command("read-text", "texts", "read_text", "read the words in picture files, or in the library's")
    where = "a picture or a folder, which need be in no library (all pictures of the library)"
    read_text.add_argument("paths", nargs="*", metavar="PATH", help=where)

    text = "have picture files, or the library's pictures, described by a vision model that a server has"
    describe = command("describe", "descriptions", "describe", text)
    describe.add_argument("paths", nargs="*", metavar="PATH", help=where)
    describe.add_argument(
        "--url", metavar="URL", help="address of the server (MFE_VISION_URL); --model names its model"
    )
    describe.add_argument("--folder", metavar="F", action="append", help="only pictures of the library in this folder")
    describe.add_argument("--limit", metavar="N", type=int, default=0, help="ask about so many pictures at most")
    describe.add_argument("--budget", metavar="X", type=float, default=0.0, help="stop before it costs more than this")
    price = "price of a million tokens that are %s"
    describe.add_argument("--price-in", metavar="A", type=float, default=0.0, help=price % "sent")
    describe.add_argument("--price-out", metavar="B", type=float, default=0.0, help=price % "received")
    describe.add_argument("--again", action="store_true", help="pictures that another model described too")
    instead = describe.add_mutually_exclusive_group()
    instead.add_argument("--models", action="store_true", help="list the server's models instead")
    instead.add_argument("--export", metavar="FOLDER", help="write the library's descriptions to files in a folder")
    instead.add_argument("--import", dest="import_", metavar="FOLDER", help="take descriptions over from such files")


def _add_export_command(command: Any) -> None:
    export = command("export", "export", "export", "write pictures and the objects in them as a data set or a table")
    export.add_argument("place", metavar="PLACE", help="the new folder, or the new ZIP where the name ends in .zip")
    export.add_argument("--format", choices=_Formats(), default="coco", metavar="FORMAT", help="%(choices)s (coco)")
    feature_arguments.add_chosen(export, "only strong and likely matches of this, with TEXT as the objects' name")
    export.add_argument("--pictures", action="store_true", help="copy the pictures too")


def _add_curation_commands(command: Any) -> None:
    tag = _of_photos(command("tag", "curation", "tag", "put tags on pictures, or take them off"))
    tag.add_argument("--add", metavar="TAG", action="append", default=[], help="may be given several times")
    tag.add_argument("--remove", metavar="TAG", action="append", default=[], help="with those below it in the tree")

    tags = add_format(command("tags", "curation", "tags", "list the tags; rename one, or merge several"))
    change = tags.add_mutually_exclusive_group()
    change.add_argument("--rename", nargs=2, metavar=("OLD", "NEW"), help="everywhere, with what is below it")
    change.add_argument("--merge", nargs="+", metavar="TAG", help="the last one is what they become")

    rate = _of_photos(command("rate", "curation", "rate", "rate pictures, make them favourites, or note something"))
    stars = ("-1", "0", "1", "2", "3", "4", "5", "file")
    rate.add_argument("--stars", choices=stars, help="-1 rejects; file: what the file says counts again")
    rate.add_argument("--favourite", choices=("yes", "no"))
    rate.add_argument("--note", metavar="TEXT", help="an empty one takes it away")

    _add_album_command(command)
    _of_photos(command("remove", "curation", "remove", "put pictures into the bin (your own photo files stay)"))

    bin_ = add_format(command("bin", "curation", "bin_", "list the bin, take pictures out of it, or empty it"))
    bin_.add_argument("--restore", nargs="+", metavar="PATH_OR_ID", help="take these out")
    bin_.add_argument("--empty", action="store_true", help="forget all that is in it")
    bin_.add_argument("--yes", action="store_true", help="really forget them")
    bin_.add_argument("--top-k", metavar="N", type=int, default=20, help="list so many (20)")

    write = command(
        "write-sidecars", "curation", "write_sidecars", "write tags, ratings and notes into .xmp files beside pictures"
    )
    write.add_argument("photos", nargs="*", metavar="PATH_OR_ID", help="only of these (all of the library)")

    command("undo", "curation", "undo", "take the last change back")
    command("redo", "curation", "redo", "do again what was undone last")
    history = add_format(command("history", "curation", "history", "list what was done, the latest first"))
    history.add_argument("--top-k", metavar="N", type=int, default=20, help="list so many (20)")


def _add_album_command(command: Any) -> None:
    album = add_format(command("album", "curation", "album", "list the albums, or make and change one"), paths=True)
    album.add_argument("name", nargs="?", metavar="NAME", help="list its pictures (all albums)")
    change = album.add_mutually_exclusive_group()
    change.add_argument("--add", nargs="+", metavar="PATH_OR_ID", help="put pictures at its end; a new one is made")
    change.add_argument("--take-out", nargs="+", metavar="PATH_OR_ID", help="take pictures out of it")
    change.add_argument("--rename", metavar="NEW", help="give it another name")
    change.add_argument("--delete", action="store_true", help="delete it; its pictures stay")


def _of_photos(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    what = "a picture of the library, all in a folder, or a picture's id"
    parser.add_argument("photos", nargs="+", metavar="PATH_OR_ID", help=what)
    return parser


def _add_folder_commands(command: Any) -> None:
    text = "list the folders that the library follows"
    folders = add_format(command("folders", "folders", "folders", text), paths=True)
    change = folders.add_mutually_exclusive_group()
    change.add_argument("--watch", metavar="DIR", help="pick up changes in a folder while the app runs")
    change.add_argument("--unwatch", metavar="DIR", help="look at a folder only when told to (sync)")
    change.add_argument(
        "--remove", metavar="DIR", help="follow a folder no more; its photos go into the bin (the files stay)"
    )
    folders.add_argument("--yes", action="store_true", help="really remove it")

    forget = command(
        "forget-missing",
        "folders",
        "forget_missing",
        "forget the photos whose files are gone (not those of offline folders)",
    )
    forget.add_argument("--yes", action="store_true", help="really do it; without it, only their number is told")


def _add_library_commands(command: Any) -> None:
    app = command("app", "app", "app", "start the app and open it in the browser; Ctrl-C ends it")
    app.add_argument("--port", metavar="N", default=str(PORT), help=f"where it answers ({PORT})")
    app.add_argument("--no-open", action="store_true", help="do not open the browser")

    command("stats", "library", "stats", "show what is in the library")
    command(
        "insights", "library", "insights", "count what the library is made of: years, cameras, places, what is alike"
    )

    mcp = command("mcp", "assistant", "mcp", "let an assistant search the library, by MCP on standard input and output")
    mcp.add_argument("--paths", action="store_true", help="tell it where files are, too")
    mcp.add_argument("--coordinates", action="store_true", help="tell it where photos were taken, to the metre")

    doctor = command("doctor", "library", "doctor", "check the library and repair what is wrong with it")
    doctor.add_argument("--check", action="store_true", help="only look")

    export = command(
        "export-library", "library", "export", "write the whole library to one file, also while the app runs"
    )
    export.add_argument("file", metavar="FILE", help="the archive to make")

    import_ = command("import-library", "library", "import_", "fill an empty library from such a file")
    import_.add_argument("file", metavar="FILE", help="an archive that export-library made")

    clear = command("clear", "library", "clear", "put every image into the bin (your own photo files stay)")
    clear.add_argument("--yes", action="store_true", help="really do it")

    tokens = command("tokens", "tokens", "tokens", "list the tokens of other programs and devices; make or revoke one")
    change = tokens.add_mutually_exclusive_group()
    change.add_argument("--create", metavar="NAME", help="make one and show it, this once")
    change.add_argument("--revoke", metavar="NAME", help="let nobody in by it any more")

    models = add_format(command("models", "models", "models", "list the models; download or switch to one"))
    models.add_argument("--get", metavar="ID", help="download and verify a model's weights")
    models.add_argument("--use", metavar="ID", help="re-index the library with a model and make it the library's own")
